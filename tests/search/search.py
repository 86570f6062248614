"""A search ends in the same bytes whatever happens on the way: any number of workers, workers that
die, a driver that is killed. A command that hangs, dies or talks nonsense is asked again, which is
never a result. What cannot be run is refused.

search.py BITLINE SUPPORT_FOLDER
"""
import contextlib
import json
import random
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time

sys.path.insert(0, sys.argv[2])
from kills import ATTEMPTS, alive, catch, children, go_on, kill_children, until, wait_for  # noqa: E402
from searches import HERE, begin, episodes_in, exported, prepare, search, store, table  # noqa: E402
from support import Bitline, expect, in_folder, run_tests  # noqa: E402

AGENTS = ["ddpg", "ddpg-haq", "random", "evolution", "nsga2", "cmaes", "greedy"]
INSTANTS = 10  # of kills


def any_number_of_workers(bitline, folder, agent):
    prepare(folder)
    one = search(bitline, folder, "one", "--jobs", "1", "--agent", agent)
    expect({"front.csv", "best.yaml", "episodes.csv", "references.csv", "job.yaml"}
           <= one[0].keys(), f"files: {sorted(one[0])}")
    for jobs in ("3", "4"):
        expect(search(bitline, folder, jobs, "--jobs", jobs, "--agent", agent) == one,
               f"{jobs} jobs differ from one")


def caught(bitline, folder, least):
    """A run of two workers that has so many of its 40 episodes, and some still before it."""
    path = lambda out: folder / out / "search.db"  # noqa: E731
    return catch(lambda out: begin(bitline, folder, out, "--jobs", "2"),
                 lambda out: path(out).exists() and episodes_in(path(out)) >= least,
                 lambda out, process: episodes_in(path(out)) <= 36
                 and len(children(process.pid)) == 2)


def killed_driver(bitline, folder):
    """After random numbers of episodes, and wherever else it was then."""
    prepare(folder)
    whole = search(bitline, folder, "whole")
    for n in random.sample(range(25), INSTANTS):
        process, out = caught(bitline, folder, n)
        process.kill()
        process.communicate()
        left = episodes_in(folder / out / "search.db")
        expect(n <= left < 40, f"{left} episodes are left, {n} were finished")
        expect(search(bitline, folder, out, "--resume") == whole, f"killed after {n}: other bytes")
        shutil.rmtree(folder / out)


def killed_at_any_time(bitline, folder):
    """From before there is a store to the last picture; one that was over is begun again."""
    prepare(folder)
    start = time.monotonic()
    whole = search(bitline, folder, "whole")
    longest = time.monotonic() - start
    killed = 0
    for n in range(ATTEMPTS * INSTANTS):
        instant = random.uniform(0, longest)
        process = begin(bitline, folder, f"out{n}", "--jobs", "2")
        time.sleep(instant)
        process.kill()
        process.communicate()
        killed += process.returncode == -signal.SIGKILL
        expect(search(bitline, folder, f"out{n}", "--resume") == whole,
               f"killed after {instant} s: other bytes")
        if killed == INSTANTS:
            return
    raise AssertionError(f"only {killed} runs were not over")


def killed_at_once(bitline, folder):
    prepare(folder)
    process = begin(bitline, folder, "out", "--jobs", "2")
    wait_for(process, (folder / "out" / "search.db").exists)
    process.kill()
    process.communicate()
    expect(search(bitline, folder, "out", "--resume") == search(bitline, folder, "whole"),
           "other bytes")


def killed_worker(bitline, folder):
    prepare(folder)
    whole = search(bitline, folder, "whole")
    process, out = caught(bitline, folder, 2)
    kill_children(process)
    said = go_on(process)
    expect(process.returncode == 0, said)
    expect((exported(folder / out), store(folder / out)) == whole, "other bytes")


def interrupted(bitline, folder):
    prepare(folder)
    whole = search(bitline, folder, "whole")
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        process, out = caught(bitline, folder, 8)
        process.send_signal(number)
        said = go_on(process)
        expect(process.returncode == 128 + number, f"exit {process.returncode}\n{said}")
        expect("of 40 episodes, saved in" in said and "--resume" in said, said)
        expect(search(bitline, folder, out, "--resume") == whole, "other bytes")
        shutil.rmtree(folder / out)


def front_is_a_front(bitline, folder):
    """Against all episodes, by definition; costs against bitline run; widths inside the bounds."""
    prepare(folder)
    search(bitline, folder, "out", "--agent", "random")
    rows = table(folder / "out", "episodes.csv")
    expect(len(rows) == 40, f"{len(rows)} episodes")
    points = {(float(r["energy_j"]), float(r["accuracy"])) for r in rows
              if float(r["energy_j"]) <= 20e-6}
    wanted = sorted(p for p in points if not any(
        q[0] <= p[0] and q[1] >= p[1] and q != p for q in points))
    got = [(float(r["energy_j"]), float(r["accuracy"])) for r in table(folder / "out", "front.csv")]
    expect(got == wanted and wanted, f"{got}\n{wanted}")
    for row in rows:
        for width, base in zip(map(int, row["widths"].split(",")), (8, 16), strict=True):
            expect(width % 4 == 0 and base <= width <= 4 * base, row["widths"])
    last = rows[-1]
    run = json.loads(bitline.output("run", "hawis", "./net.yaml", "--form", "binary", "--widths",
                                    last["widths"], "--set", last["knobs"], "--json", cwd=folder))
    expect(run["energy_j"] == float(last["energy_j"]), f"{run['energy_j']} {last}")
    expect(run["latency_s"] == float(last["latency_s"]), f"{run['latency_s']} {last}")
    expect(run["area_m2"] == float(last["area_m2"]), f"{run['area_m2']} {last}")


def closed_form_agrees(bitline, folder):
    """Without events the energy is that of the simulation without its leakage."""
    prepare(folder)
    search(bitline, folder, "out", "--agent", "random", "--set", "cost.events=false",
           "--episodes", "8")
    for row in table(folder / "out", "episodes.csv"):
        run = json.loads(bitline.output("run", "hawis", "./net.yaml", "--form", "binary",
                                        "--widths", row["widths"], "--set", row["knobs"], "--json",
                                        cwd=folder))
        dry = run["energy_without_leakage_j"]
        expect(abs(dry / float(row["energy_j"]) - 1) < 1e-9, f"{dry} {row}")
        expect(run["area_m2"] == float(row["area_m2"]), f"{run['area_m2']} {row}")


def best_net_runs(bitline, folder):
    prepare(folder)
    search(bitline, folder, "out")
    best = json.loads(bitline.output("search", "job.yaml", "--out", "out", "--resume", "--json",
                                     cwd=folder))["best"]
    run = json.loads(bitline.output("run", "out/best-chip.yaml", "out/best.yaml", "--json",
                                    cwd=folder))
    expect(run["energy_j"] == best["energy_j"], f"{run['energy_j']} {best}")
    dearest = table(folder / "out", "front.csv")[-1]
    last = sorted((folder / "out" / "nets").glob("front-*-chip.yaml"))[-1]
    run = json.loads(bitline.output("run", str(last), str(last).replace("-chip", ""), "--json",
                                    cwd=folder))
    expect(run["energy_j"] == float(dearest["energy_j"]), f"{run['energy_j']} {dearest}")


def keeps_the_limits(bitline, folder):
    """The best keeps them, however much more a form without them would give the dearer one."""
    prepare(folder)
    words = ["--agent", "random", "--set", "reward={form: weighted, weights: {energy: 1e-6}, "
             "limits: {energy: 0.6 uJ}}"]
    search(bitline, folder, "out", *words)
    rows = table(folder / "out", "episodes.csv")
    within = [r for r in rows if float(r["energy_j"]) <= 0.6e-6]
    expect(0 < len(within) < len(rows), "all alike")
    for row in rows:
        over = max(float(row["energy_j"]) / 0.6e-6 - 1, 0)
        expect(abs(float(row["violation"]) - over) < 1e-12, f"{row}")
    best = json.loads(bitline.output("search", "job.yaml", *words, "--out", "out", "--resume",
                                     "--json", cwd=folder))["best"]
    wanted = max(within, key=lambda r: float(r["reward"]))
    expect(best["episode"] == int(wanted["episode"]) and best["violation"] == 0, f"{best} {wanted}")
    words[-1] = words[-1].replace("0.6 uJ", "1 nJ")
    said = bitline.output("search", "job.yaml", *words, "--out", "none", cwd=folder)
    expect("no candidate is within them" in said, said)
    expect(not table(folder / "none", "front.csv"), "a front beyond the limits")


def nobody_judged(bitline, folder):
    """A command that refuses every candidate."""
    prepare(folder)
    judge(folder, "print(json.dumps({'id': n, 'error': 'too \\033[1mlarge'}), flush=True)")
    done = bitline.run("search", "job.yaml", "--episodes", "3", "--out", "out", *JUDGE, cwd=folder)
    said = done.stderr.decode()
    expect(done.returncode == 1 and "all 3 candidates failed; the first: too \\x1b[1mlarge"
           in said, said)
    for row in table(folder / "out", "episodes.csv"):
        expect(row["failed"] and not row["accuracy"] and not row["reward"] and row["energy_j"],
               f"{row}")


JUDGE = ["--set", "accuracy={source: command, command: [./judge], timeout: 100 s}"]
GOOD = 'print(json.dumps({"id": n, "accuracy": sum(q["widths"]) / 1000}), flush=True)'


def judge(folder, lines):
    """A command that judges: Python statements for each question q, number n, of the starts-th
    process (over all that is kept in the folder)."""
    body = "\n".join("    " + line for line in lines.splitlines())
    (folder / "judge").write_text(
        f"#!{sys.executable}\nimport json, os, pathlib, sys, time\n"
        "with open('starts', 'a', encoding='ascii') as file:\n    file.write('x')\n"
        "starts = len(pathlib.Path('starts').read_text('ascii'))\n"
        f"for line in sys.stdin:\n    q = json.loads(line)\n    n = q['id']\n{body}\n", "utf-8")
    (folder / "judge").chmod(0o755)


ASLEEP = ["--jobs", "2", "--set", "accuracy={source: command, command: [sh, -c, 'sleep 3000 & "
          "echo $$ $! >> pids; wait'], timeout: 2000 s}"]


def asleep(folder):
    """What the command of ASLEEP started and is there still."""
    pids = (folder / "pids").read_text("ascii").split()
    return [pid for pid in pids if alive(int(pid))]


def leaves_at_once(bitline, folder):
    """Whoever interrupts does not wait for a program that takes its time; nor is it left behind."""
    prepare(folder)
    for number in (signal.SIGINT, signal.SIGKILL):
        process = begin(bitline, folder, f"out{number}", *ASLEEP)
        wait_for(process, lambda: (folder / "pids").exists() and asleep(folder))
        process.send_signal(number)
        said = go_on(process)
        expect(process.returncode == (130 if number == signal.SIGINT else -number), said)
        until(lambda: not asleep(folder))
        (folder / "pids").unlink()


# What goes wrong once, over episode 5, and then no more: nothing of it is in the results.
ONCE = {
    "dies": "sys.exit(1)",
    "crashes": "os.kill(os.getpid(), 11)",
    "talks nonsense": "print('what?', flush=True)",
    "answers another": "print(json.dumps({'id': n + 1, 'accuracy': 0.5}), flush=True)",
    "answers too much": "print(json.dumps({'id': n, 'accuracy': 1.5}), flush=True)",
    "answers without end": "print('x' * 5000, flush=True)",
    "closes its output": "os.close(1); time.sleep(1000)",
    "leaves early": GOOD + "; sys.exit(0)",
    "talks a lot": "sys.stderr.write('x' * 200000 + '\\n'); " + GOOD,
}


def fails_once(bitline, folder, mishap):
    prepare(folder)
    words = [*JUDGE, "--episodes", "12"]
    judge(folder, GOOD)
    whole = search(bitline, folder, "whole", *words)
    for jobs in ("1", "3"):
        judge(folder, "mark = pathlib.Path('failed')\nif n == 5 and not mark.exists():\n"
              f"    mark.touch()\n    {mishap}\n    continue\n{GOOD}")
        expect(search(bitline, folder, jobs, *words, "--jobs", jobs) == whole, f"{jobs} jobs: other bytes")
        (folder / "failed").unlink()


def is_late_once(bitline, folder):
    """The limit is on a whole answer; on a busy machine all may be late once, and none for good."""
    prepare(folder)
    judge(folder, GOOD)
    words = ["--episodes", "8", "--set", JUDGE[1].replace("100 s", "10 s")]
    whole = search(bitline, folder, "whole", *words)
    judge(folder, "mark = pathlib.Path('failed')\nif n == 5 and not mark.exists():\n"
          f"    mark.touch()\n    time.sleep(1000)\n{GOOD}")
    expect(search(bitline, folder, "out", *words) == whole, "other bytes")


def refuses_some(bitline, folder):
    """An answer that says that a candidate cannot be judged is a result, for any number of workers."""
    prepare(folder)
    judge(folder, f"if n in (2, 6):\n    print(json.dumps({{'id': n, 'error': 'not ' + str(n)}}), flush=True)"
          f"\n    continue\n{GOOD}")
    words = [*JUDGE, "--episodes", "12"]
    one = search(bitline, folder, "one", *words, "--jobs", "1")
    starts = len((folder / "starts").read_text("ascii"))
    expect(starts == 1, f"started {starts} times")
    expect(search(bitline, folder, "three", *words, "--jobs", "3") == one, "3 jobs: other bytes")
    for row in table(folder / "one", "episodes.csv"):
        n = int(row["episode"])
        expect(row["failed"] == (f"not {n}" if n in (2, 6) else ""), f"{row}")
        expect(row["accuracy"] == "" if n in (2, 6) else
               float(row["accuracy"]) == sum(map(int, row["widths"].split(","))) / 1000, f"{row}")


def fails_often(bitline, folder):
    """Every second process dies at once: each candidate is judged in the end."""
    prepare(folder)
    judge(folder, GOOD)
    words = [*JUDGE, "--episodes", "12", "--jobs", "1"]
    whole = search(bitline, folder, "whole", *words)
    judge(folder, f"if starts % 2:\n    sys.exit(1)\n{GOOD}\nsys.exit(0)")
    expect(search(bitline, folder, "out", *words) == whole, "other bytes")


def fails_for_good(bitline, folder, jobs):
    """From episode 6 on: the search ends and says why; nothing of it is stored. Mended, the same
    command goes on to the bytes of a search that nothing happened to."""
    prepare(folder)
    words = [*JUDGE, "--episodes", "16", "--jobs", jobs]
    judge(folder, GOOD)
    whole = search(bitline, folder, "whole", *words)
    judge(folder, f"if n >= 6:\n    sys.exit('first\\ndisk \\033[1mfull')\n{GOOD}")
    done = bitline.run("search", "job.yaml", *words, "--out", "out", cwd=folder)
    said = done.stderr.decode()
    expect(done.returncode == 1, f"exit {done.returncode}\n{said}")
    last = [line for line in said.splitlines() if line.startswith("bitline: ")]
    expect(len(last) == 1 and "failed 9 times in a row, the last time on episode " in last[0] and
           "it ended without an answer (standard error: disk \\x1b[1mfull); fix it and continue with "
           "--resume" in last[0], said)
    expect("first\n" in said, f"what it says is not passed on: {said}")
    with contextlib.closing(sqlite3.connect(folder / "out" / "search.db")) as db:
        rows = list(db.execute("SELECT episode, failed FROM episode WHERE episode >= 0"))
    expect([n for n, _ in rows] == list(range(6)) and not any(failed for _, failed in rows), f"{rows}")
    judge(folder, GOOD)
    expect(search(bitline, folder, "out", "--resume", *words) == whole, "mended: other bytes")


def fails_over_one(bitline, folder):
    """The others of its round are judged before the search ends."""
    prepare(folder)
    judge(folder, f"if n == 5:\n    sys.exit(1)\n{GOOD}")
    done = bitline.run("search", "job.yaml", *JUDGE, "--episodes", "12", "--out", "out", cwd=folder)
    said = done.stderr.decode()
    expect(done.returncode == 1 and "the last time on episode 5: it ended" in said, said)
    with contextlib.closing(sqlite3.connect(folder / "out" / "search.db")) as db:
        rows = [n for n, in db.execute("SELECT episode FROM episode WHERE episode >= 0 ORDER BY 1")]
    expect(rows == [0, 1, 2, 3, 4, 6, 7], f"{rows}")


def cannot_be_started(bitline, folder):
    prepare(folder)
    words = ["search", "job.yaml", "--out", "out", "--set",
             "accuracy={source: command, command: [/none/judge]}"]
    done = bitline.run(*words, cwd=folder)
    said = done.stderr.decode()
    expect(done.returncode == 1 and "standard error: /none/judge: No such file or directory); fix it and"
           in said, said)


def dying_workers(bitline, folder):
    """The command kills the process that it works for: once, which costs nothing; or always, which
    ends the search and is not stored."""
    prepare(folder)
    words = [*JUDGE, "--episodes", "12", "--jobs", "2"]
    judge(folder, GOOD)
    whole = search(bitline, folder, "whole", *words)
    # The parent is the watcher of its group; its parent is the worker.
    kill = ("stat = pathlib.Path(f'/proc/{os.getppid()}/stat').read_text('ascii')\n"
            "    os.kill(int(stat.split()[3]), 9)\n    time.sleep(1000)")
    judge(folder, f"mark = pathlib.Path('failed')\nif n == 5 and not mark.exists():\n    mark.touch()\n"
          f"    {kill}\n{GOOD}")
    expect(search(bitline, folder, "once", *words) == whole, "other bytes")
    judge(folder, f"if n == 5:\n    {kill}\n{GOOD}")
    done = bitline.run("search", "job.yaml", "--out", "always", *words, cwd=folder)
    said = done.stderr.decode()
    expect(done.returncode == 1 and "two workers died while running episode 5; provide" in said, said)
    judge(folder, GOOD)
    expect(search(bitline, folder, "always", "--resume", *words) == whole, "mended: other bytes")


def documented_evaluator(bitline, folder):
    """The example of the documentation, with a stub where it trains."""
    prepare(folder)
    text = (HERE.parent.parent / "tools" / "search" / "evaluator.md").read_text("utf-8")
    example, = re.findall(r"^```python\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    (folder / "example.py").write_text(example, encoding="utf-8")
    (folder / "stub.py").write_text("import example\n"
                                    "example.answer(lambda widths, seed: (sum(widths) + seed) / 1000)"
                                    "\n", encoding="utf-8")
    search(bitline, folder, "out", "--episodes", "8", "--seed", "7", "--jobs", "2", "--set",
           f"accuracy={{source: command, command: ['{sys.executable}', stub.py], timeout: 100 s}}")
    for row in [*table(folder / "out", "episodes.csv"), *table(folder / "out", "references.csv")]:
        total = sum(map(int, row["widths"].split(",")))
        expect(not row["failed"] and float(row["accuracy"]) == (total + 7) / 1000, f"{row}")


REFUSED = [
    (["--set", "space.leest=1"], "leest: unknown key; did you mean 'least'?"),
    (["--set", "space.least=5"], "the smallest ratio 5 is above the largest, 4"),
    (["--set", "space.step=1000"], "no multiple of 1000 channels"),
    (["--set", "space.layers=[{layer: none, least: 1}]"], "'none' is not a scalable layer"),
    (["--set", "space.knobs=[{path: dac.count, values: [64]}]"], "two values or more"),
    (["--episodes", "0"], "--episodes 0: expected an integer from 1 to 1000000"),
    (["--agent", "dpg"], "unknown agent 'dpg'"),
    (["--set", "agents={dpg: {}}"], "unknown agent"),
    (["--set", "agents={nsga2: {populatoin: 4}}"], "unknown key; did you mean 'population'?"),
    (["--set", "reward={form: limits}"], "needs a limit"),
    (["--set", "reward={form: weighted}"], "needs a weight"),
    (["--set", "cost.events=false", "--set", "reward.cost=latency"], "gives no latency"),
    (["--set", "accuracy={source: command}"], "expected a list of words"),
    (["--set", "chip=hawsi"], "there is no chip 'hawsi'; did you mean 'hawis'?"),
    (["--set", "mapping.tiles=1"], "mapping: unknown key"),
    (["--set", "space.knobs=[{path: adc.bitz, values: [6, 7]}]"], "did you mean 'bits'?"),
    (["--set", "space.knobs=[{path: adc.bits, values: [98, 99]}]"], "no value of adc.bits gives"),
    (["--set", "space.knobs=[{path: adc.bits, values: [8, 8]}]"], "8 is there twice; keep one"),
    (["--set", "net=./deep.yaml"], "602 scalable layers and 1 settings; 512 are allowed"),
    (["--set", "start=1", "--agent", "ddpg"], "agent ddpg does not use a start"),
    (["--set", "cost={policy: mnsim, events: false}"], "a closed form of the policy exact only"),
    # A closed form that was fitted to another net: no constants, and three of the four.
    (["--set", "accuracy={source: formula}"],
     "accuracy.source: the closed form of accuracy is fitted to HAWIS's binary ResNet-20 on CIFAR-10, not "
     "to 'small' (binary); use source command or supernet, or state all of accuracy.formula: "
     "{ceiling, loss, power, front}"),
    (["--set", "accuracy={formula: {ceiling: 0.9, loss: 0.1, power: 1}}"], "not to 'small' (binary)"),
    (["--set", "accuracy={source: formula}", "--set", "net=resnet20", "--set", "form=int8"],
     "not to 'resnet20' (int8)"),
    (["--set", "accuracy={source: formula}", "--set", "net=resnet20-bireal"],
     "not to 'resnet20-bireal' (binary)"),
    (["--jobs", "0"], "--jobs 0: expected an integer from 1 to 256"),
]


def refused(bitline, folder, args, says):
    prepare(folder)
    layers = "".join(f"  - {{name: c{i}, kind: conv, out: 4, kernel: 1}}\n" for i in range(600))
    text = (folder / "net.yaml").read_text("utf-8")
    (folder / "deep.yaml").write_text(text.replace("layers:\n", "layers:\n" + layers), "utf-8")
    bitline.refuse(folder, ["search", "job.yaml", *args], [says])


def folders(bitline, folder):
    prepare(folder)
    search(bitline, folder, "out", "--resume")  # nothing: begins
    bitline.refuse(folder, ["search", "job.yaml", "--out", "out"],
                   ["out/search.db: already holds a run; continue it with --resume"])
    bitline.refuse(folder, ["search", "job.yaml", "--out", "out", "--resume", "--seed", "2"],
                   ["out/search.db: holds another job", "seed: 1 there, 2 here"])


def more_uniform_nets(bitline, folder):
    """Added later, they are judged then; what the store holds of them stays as it is."""
    prepare(folder)
    text = (folder / "train.yaml").read_text("utf-8").splitlines()
    lines = [line for line in text if not line.startswith(("width:", "supernet:"))]
    (folder / "alone.yaml").write_text("\n".join(lines) + "\n", encoding="utf-8")

    def words(ratios):
        return ["--set", f"final={{train: ./alone.yaml, uniform: {ratios}}}", "--stage", "b"]

    search(bitline, folder, "out", *words("[1.5]"))
    first = table(folder / "out", "references.csv")
    search(bitline, folder, "out", "--resume", *words("[1.5, 2.5]"))
    second = table(folder / "out", "references.csv")
    expect(second[:-1] == first and second[-1]["ratio"] == "2.5" and
           second[-1]["widths"] == "20,40", f"{second}")
    bitline.refuse(folder, ["search", "job.yaml", "--out", "out", "--resume",
                            *words("[2.5, 1.5]")], ["not those of ratio 1.5"])
    bitline.refuse(folder, ["search", "job.yaml", "--out", "out", "--resume"],
                   ["that the job does not have"])


def assumed_accuracy(bitline, folder):
    """What the closed form says is called assumed wherever it stands; what a command says is not."""
    prepare(folder)
    (folder / "judge").write_text("import json, sys\nfor line in sys.stdin:\n"
                                  "    print(json.dumps({'id': json.loads(line)['id'], "
                                  "'accuracy': 0.5}), flush=True)\n", encoding="utf-8")
    command = f"accuracy={{source: command, command: [{sys.executable}, judge], timeout: 100 s}}"
    for out, words, yes in (("formula", [], True), ("command", ["--set", command], False)):
        words = ["search", "job.yaml", "--out", out, "--episodes", "8", *words]
        text = bitline.output(*words, cwd=folder)
        told = json.loads(bitline.output(*words, "--resume", "--json", cwd=folder))
        expect(told["accuracy_assumed"] is yes and told["accuracy_source"] == out, f"{told}")
        codes = [warning["code"] for warning in told["warnings"]]
        expect(("assumed-accuracy" in codes) is yes and "die-area" in codes, f"{codes}")
        expect(("assumed accuracy" in text) is yes, text)
        for name in ("front.csv", "episodes.csv", "references.csv", "front.dat", "front.gp"):
            held = (folder / out / name).read_text("utf-8")
            expect(("assumed" in held) is yes, f"{name}:\n{held[:600]}")
    text = bitline.output("search", "search-resnet20", "--episodes", "1", "--out", "resnet20",
                          cwd=folder)
    expect("assumed accuracy" in text, text)


def two_at_once(bitline, folder):
    prepare(folder)
    process = begin(bitline, folder, "out", "--episodes", "100000")
    wait_for(process, (folder / "out" / "search.db").exists)
    second = bitline.run("search", "job.yaml", "--out", "out", "--resume", cwd=folder)
    running = process.poll() is None
    process.kill()
    process.communicate()
    expect(running, "the first was too quick")
    expect(second.returncode == 1 and b"out: another bitline works in it" in second.stderr,
           second.stderr.decode())


def full_disk(bitline, folder):
    """A limit on the size of files stands for a disk that fills up on the way."""
    prepare(folder)
    whole = search(bitline, folder, "whole")
    command = f"ulimit -f 140; exec '{bitline.program}' search job.yaml --out out"
    done = subprocess.run(["bash", "-c", command], cwd=folder, env=bitline.env,
                          capture_output=True, check=False)
    said = done.stderr.decode()
    # Sanitizers may speak, too.
    expect(done.returncode == 1 and said.count("bitline: ") == 1, f"exit {done.returncode}\n{said}")
    expect("out/search.db: " in said and "--resume" in said, said)
    expect(search(bitline, folder, "out", "--resume") == whole, "other bytes")


def main():
    bitline = Bitline(sys.argv[1])
    cases = [(test.__name__, test, ()) for test in
             (killed_driver, killed_at_any_time, killed_at_once, killed_worker, interrupted,
              front_is_a_front, closed_form_agrees, best_net_runs, keeps_the_limits, nobody_judged, leaves_at_once,
              is_late_once, refuses_some, fails_often, fails_over_one, cannot_be_started, dying_workers,
              documented_evaluator,
              folders, more_uniform_nets, assumed_accuracy, two_at_once, full_disk)]
    cases += [(f"any number of workers, {a}", any_number_of_workers, (a,)) for a in AGENTS]
    cases += [(f"command {name} once", fails_once, (mishap,)) for name, mishap in ONCE.items()]
    cases += [(f"command fails for good, {jobs} jobs", fails_for_good, (jobs,)) for jobs in ("1", "3")]
    cases += [("refused: " + " ".join(args), refused, (args, says)) for args, says in REFUSED]
    run_tests([(repr(name), in_folder(test, bitline, *args)) for name, test, args in cases])


main()
