"""A sweep ends in the same bytes whatever happens on the way: any number of workers, workers that
die, a driver that is killed. What cannot be run is refused.

sweep.py BITLINE WEIGHTS_PROGRAM SUPPORT_FOLDER
"""
import contextlib
import csv
import json
import math
import pathlib
import shutil
import signal
import sqlite3
import subprocess
import sys
import time

sys.path.insert(0, sys.argv[3])
import kills  # noqa: E402
from kills import catch, children, go_on, kill_children, wait_for  # noqa: E402
from support import Bitline, expect, in_folder, run_tests  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent
FILES = ["points.csv", "points.json", "job.yaml", "accuracy.dat", "accuracy.gp", "accuracy.svg"]
STOP = "{interval: 0.02, least: 3}"
LONGER = ["--set", "images=3000"]  # than it takes a busy machine to look after it


def prepare(folder):
    for name in ("net.yaml", "job.yaml"):
        shutil.copy(HERE / name, folder)
    subprocess.run([sys.argv[2], folder / "net.yaml", folder / "w.safetensors"], check=True)


def exported(folder):
    return {name: (folder / name).read_bytes() for name in FILES if (folder / name).exists()}


def sweep(bitline, folder, out, *args):
    done = bitline.run("sweep", "job.yaml", "--out", out, *args, cwd=folder)
    expect(done.returncode == 0, f"exit {done.returncode}\n{done.stderr.decode()}")
    return exported(folder / out)


def begin(bitline, folder, out, *args):
    return kills.begin(bitline, folder, "sweep", "job.yaml", "--out", out, *args)


def trials_in(path):
    return kills.rows_in(path, "trial")


def any_number_of_workers(bitline, folder):
    prepare(folder)
    one = sweep(bitline, folder, "one", "--jobs", "1")
    expect({"points.csv", "points.json", "job.yaml", "accuracy.dat", "accuracy.gp"} <= one.keys(),
           f"files: {sorted(one)}")
    for jobs in ("2", "3"):
        expect(sweep(bitline, folder, jobs, "--jobs", jobs) == one, f"{jobs} jobs differ from one")
    expect(not list((folder / "one").glob("run.db-*")), "the store was not closed")


def other_seeds_differ(bitline, folder):
    prepare(folder)
    one = sweep(bitline, folder, "one")
    two = sweep(bitline, folder, "two", "--set", "seed=2")
    expect(one["accuracy.dat"] != two["accuracy.dat"], "the seed has no effect")


def caught(bitline, folder, least, jobs):
    """A run that has so many of its 24 trials, and some still before it."""
    path = lambda out: folder / out / "run.db"  # noqa: E731
    return catch(lambda out: begin(bitline, folder, out, "--jobs", str(jobs), *LONGER),
                 lambda out: path(out).exists() and trials_in(path(out)) >= least,
                 lambda out, process: trials_in(path(out)) < 24
                 and len(children(process.pid)) == jobs)


def killed_driver(bitline, folder, jobs):
    prepare(folder)
    whole = sweep(bitline, folder, "whole", *LONGER)
    for n in (1, 6, 14):
        process, out = caught(bitline, folder, n, jobs)
        process.kill()
        process.communicate()
        left = trials_in(folder / out / "run.db")
        expect(n <= left < 24, f"{left} trials are left, {n} were finished")
        expect(sweep(bitline, folder, out, "--resume", *LONGER) == whole,
               f"killed after {n}: other bytes")
        shutil.rmtree(folder / out)


def killed_at_once(bitline, folder):
    prepare(folder)
    process = begin(bitline, folder, "out", "--jobs", "2")
    wait_for(process, (folder / "out" / "run.db").exists)
    process.kill()
    process.communicate()
    expect(sweep(bitline, folder, "out", "--resume") == sweep(bitline, folder, "whole"),
           "other bytes")


def killed_again_and_again(bitline, folder):
    prepare(folder)
    whole = sweep(bitline, folder, "whole", "--set", f"stop={STOP}")
    for n in range(1, 30):
        process = begin(bitline, folder, "out", "--resume", "--jobs", "3", "--set", f"stop={STOP}")
        time.sleep(0.004 * n)
        process.kill()
        process.communicate()
    expect(sweep(bitline, folder, "out", "--resume", "--set", f"stop={STOP}") == whole,
           "other bytes")


def killed_worker(bitline, folder):
    prepare(folder)
    whole = sweep(bitline, folder, "whole", *LONGER)
    process, out = caught(bitline, folder, 2, 2)
    kill_children(process)
    said = go_on(process)
    expect(process.returncode == 0, said)
    expect(exported(folder / out) == whole, "other bytes")


def worker_that_always_dies(bitline, folder):
    prepare(folder)
    process = begin(bitline, folder, "out", "--set", "images=5000")
    while process.poll() is None:
        kill_children(process)
        time.sleep(0.002)
    said = process.communicate()[1].decode()
    expect(process.returncode == 1, f"exit {process.returncode}\n{said}")
    expect("point 1 (sa0=0, sa1=0), trial 1: two workers died while running it" in said, said)


def interrupted(bitline, folder):
    """Exit code 128 + the signal's number: 130 Ctrl-C, 143 kill, 129 a terminal that is closed."""
    prepare(folder)
    whole = sweep(bitline, folder, "whole", *LONGER)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        process, out = caught(bitline, folder, 3, 2)
        process.send_signal(number)
        said = go_on(process)
        expect(process.returncode == 128 + number, f"exit {process.returncode}\n{said}")
        expect("of 24 trials done" in said and "--resume" in said, said)
        left = sorted(path.name for path in (folder / out).iterdir())
        expect(left == ["run.db"], f"left behind: {left}")
        expect(sweep(bitline, folder, out, "--resume", *LONGER) == whole, "other bytes")
        shutil.rmtree(folder / out)


def points(folder, out):
    return json.loads((folder / out / "points.json").read_text("utf-8"))["points"]


def numbers_agree(bitline, folder):
    """JSON and CSV against the trials in the store, and these against bitline eval."""
    prepare(folder)
    sweep(bitline, folder, "out")
    rows = (folder / "out" / "points.csv").read_text("utf-8").splitlines()
    table = list(csv.DictReader(rows[1:]))
    db = sqlite3.connect(folder / "out" / "run.db")
    for number, (point, row) in enumerate(zip(points(folder, "out"), table, strict=True)):
        right = [n for n, in db.execute("SELECT correct FROM trial WHERE point = ? ORDER BY trial",
                                        (number,))]
        mean = sum(right) / 6
        half = 2.570582 * math.sqrt(sum((r - mean) ** 2 for r in right) / 5 / 6)  # t, 5 degrees
        expect(point["trials"] == [r / 300 for r in right], f"point {number}: {point}")
        expect(math.isclose(point["accuracy"], mean / 300, rel_tol=1e-12), f"{point}")
        expect(math.isclose(point["interval95"], half / 300, rel_tol=1e-6, abs_tol=1e-12), f"{point}")
        expect(float(row["accuracy"]) == point["accuracy"], f"{row}")
        expect((row["sa0"], row["sa1"]) == (point["values"]["sa0"], point["values"]["sa1"]), f"{row}")
    db.close()
    last = points(folder, "out")[3]
    expect(last["values"] == {"sa0": "0.1", "sa1": "0.2"}, f"{last}")
    alone = json.loads(bitline.output("eval", "hawis", "./net.yaml", "--weights", "w.safetensors",
                                      "--data", "synth", "--images", "300", "--sa0", "0.1",
                                      "--sa1", "0.2", "--trials", "6", "--json", cwd=folder))
    expect(alone["trials"] == last["trials"], f"{alone}\n{last}")
    expect(alone["faults"] == last["faults"], f"{alone}\n{last}")


def every_kind_is_counted(bitline, folder):
    """Lines, drivers and ADCs too, in every file, after --resume as well; the counts are eval's."""
    prepare(folder)
    kinds = {"word_lines": 0.02, "bit_lines": 0.1, "drivers": 0.03, "adcs": 0.2}
    args = ["--set", f"sweep=[{{path: word_lines, values: [0, {kinds['word_lines']}]}}]",
            "--set", "images=20", "--set", "trials=2"]
    args += ["--set", "set={%s}" % ", ".join(f"defects.{key}: {kinds[key]}"
                                             for key in ("bit_lines", "drivers", "adcs"))]
    whole = sweep(bitline, folder, "out", *args)
    expect(sweep(bitline, folder, "out", "--resume", *args) == whole, "the store forgets")
    first, last = points(folder, "out")
    sets = [word for key in kinds for word in ("--set", f"defects.{key}={kinds[key]}")]
    alone = json.loads(bitline.output("eval", "hawis", "./net.yaml", "--weights", "w.safetensors",
                                      "--data", "synth", "--images", "20", "--trials", "2",
                                      "--json", *sets, cwd=folder))
    expect(last["faults"] == alone["faults"] and alone["faults"]["injected"]["adcs"] > 0,
           f"{last}\n{alone}")
    expect("word_lines" not in first["faults"]["requested"], f"{first}")
    rows = (folder / "out" / "points.csv").read_text("utf-8").splitlines()
    row = list(csv.DictReader(rows[1:]))[1]
    text = bitline.output("sweep", "job.yaml", "--out", "out", "--resume", *args, cwd=folder)
    cells = text.splitlines()[text.splitlines().index("") + 4].split()
    for key, rate in kinds.items():
        expect(float(row[f"requested_{key}"]) == rate, f"{row}")
        for name in (key, key + "_used"):
            expect(int(row[name]) == last["faults"]["injected"][name], f"{name}: {row}\n{last}")
        expect(cells[-4:] == [row[kind] for kind in kinds], f"{text}")


def half_width(values):
    quantile = {2: 12.7062047, 3: 4.3026527, 4: 3.1824463, 5: 2.7764451, 6: 2.5705818}[len(values)]
    mean = sum(values) / len(values)
    return quantile * math.sqrt(sum((v - mean) ** 2 for v in values) / (len(values) - 1)
                                / len(values))


def early_stop(bitline, folder):
    """The least number of trials in order that satisfies the rule, found here from all of them."""
    prepare(folder)
    sweep(bitline, folder, "all")
    counts = set()
    for interval in ("0.02", "0.03", "0.05"):
        rule = f"stop={{interval: {interval}, least: 2}}"
        results = [sweep(bitline, folder, f"{interval}-{jobs}", "--jobs", jobs, "--set", rule)
                   for jobs in ("1", "3")]
        expect(results[0] == results[1], f"{interval}: 1 and 3 jobs differ")
        for full, cut in zip(points(folder, "all"), points(folder, f"{interval}-3"), strict=True):
            enough = [n for n in range(2, 7) if half_width(full["trials"][:n]) <= float(interval)]
            n = min(enough, default=6)
            counts.add(n)
            expect(cut["trials"] == full["trials"][:n], f"{interval}: {cut}\nof {full}, {n}")
        with contextlib.closing(sqlite3.connect(folder / f"{interval}-3" / "run.db")) as db:
            stored = [n for n, in db.execute("SELECT count(*) FROM trial GROUP BY point")]
        expect(stored == [len(p["trials"]) for p in points(folder, f"{interval}-3")], f"{stored}")
    expect(len(counts) > 2, f"the rule was hardly tried: {counts}")


def steps_and_keys(bitline, folder):
    """Chip keys sweep too, and points whose chip differs say so."""
    prepare(folder)
    args = ["--set", "trials=1", "--set", "sweep=[{path: sa1, from: 0.1, to: 0.3, step: 0.1}, "
            "{path: dac.count, values: [9, 128]}]"]
    sweep(bitline, folder, "out", *args)
    got = points(folder, "out")
    expect([p["values"]["sa1"] for p in got] == ["0.1", "0.1", "0.2", "0.2", "0.3", "0.3"], f"{got}")
    expect([p["values"]["dac.count"] for p in got] == ["9", "128"] * 3, f"{got}")
    expect(len({p["chip_hash"] for p in got}) == 2, f"{got}")
    expect("interval95" not in got[0] and "deviation" not in got[0], f"{got[0]}")
    row = (folder / "out" / "points.csv").read_text("utf-8").splitlines()[2].split(",")
    expect(row[4:6] == ["", ""], f"{row}")


def resolved_job_runs(bitline, folder):
    prepare(folder)
    (folder / "jobs").mkdir()
    for name in ("job.yaml", "net.yaml", "w.safetensors"):
        (folder / name).rename(folder / "jobs" / name)
    done = bitline.run("sweep", "jobs/job.yaml", cwd=folder)  # its files are beside it, not here
    expect(done.returncode == 0, done.stderr.decode())
    done = bitline.run("sweep", "../small/job.yaml", "--out", "again", cwd=folder / "jobs")
    expect(done.returncode == 0, done.stderr.decode())
    expect(exported(folder / "small") == exported(folder / "jobs" / "again"), "other bytes")


def without_gnuplot(bitline, folder):
    prepare(folder)
    env = dict(bitline.env, PATH=str(folder))
    done = subprocess.run([bitline.program, "sweep", "job.yaml"], cwd=folder, env=env,
                          capture_output=True, check=False)
    expect(done.returncode == 0, done.stderr.decode())
    expect(b"gnuplot is not installed" in done.stderr, done.stderr.decode())
    expect((folder / "small" / "accuracy.gp").exists(), "no script")
    expect(not list((folder / "small").glob("accuracy.svg*")), "a picture from nowhere")


REFUSED = [
    (["--set", "trails=3"], "trails: unknown key; did you mean 'trials'?"),
    (["--set", "trials=0"], "trials: '0' is out of range"),
    (["--set", "name=a/b"], "name: 1 to 80 letters, digits"),
    (["--set", "sweep=[]"], "sweep: expected 1 to 8 paths"),
    (["--set", "sweep=[{path: sa0, values: [0, 2]}]"], "'2' is not a decimal number from 0 to 1"),
    (["--set", "sweep=[{path: sa0, values: ['0x1p-4']}]"], "'0x1p-4' is not a decimal number"),
    (["--set", "sweep=[{path: sa0, values: [' 0.1']}]"], "' 0.1' is not a decimal number"),
    (["--set", "sweep=[{path: sa0, values: [0, 0]}]"], "'0' has the value of '0'; keep one"),
    (["--set", "sweep=[{path: sa0, values: [0.1, 0.2, 1e-1]}]"], "'1e-1' has the value of '0.1'"),
    (["--set", "sweep=[{path: sa0, from: 0.5, to: 0.5000000000001, step: 0.00000000000001}]"],
     "steps of 1e-14 give equal values, such as 0.5 twice"),
    (["--set", "sweep=[{path: adc.time, values: [1 ns, 2 ns, 1000 ps]}]"],
     "'1000 ps' has the value of '1 ns'"),
    (["--set", "sweep=[{path: defects, values: ['{sigma: 0.1, stuck_lrs: 0}', '{stuck_lrs: 0, "
      "sigma: 0.1}']}]"], "are the same chip and net"),
    (["--set", "sweep=[{path: sa0, from: 0, to: 1}]"], "or all of from, to and step"),
    (["--set", "sweep=[{path: sa0, from: 0, to: 1, step: 0}]"], "a step above 0"),
    (["--set", "sweep=[{path: sa0, from: 0, to: 1, step: 1e-9}]"], "100000 are allowed"),
    (["--set", "sweep=[{path: sa0, values: [0]}, {path: stuck_lrs, values: [1]}]"], "swept twice"),
    (["--set", "sweep=[{path: sa0, values: [0.6]}, {path: sa1, values: [0.6]}]"],
     "point 1 (sa0=0.6, sa1=0.6): stuck_lrs 0.6 and stuck_hrs 0.6"),
    (["--set", "sweep=[{path: adc.bitts, values: [6]}]"], "bitts: unknown key; did you mean 'bits'?"),
    (["--set", "sweep=[{path: dac.count, values: [64, none]}]"],
     "point 2 (dac.count=none): --set dac.count: 'none' is not an integer"),
    (["--set", "set={adc.bitts: 6}"], "unknown key; did you mean 'bits'?"),
    (["--set", "sa0=0.1"], "sa0 also has a fixed value in the job"),
    (["--set", "images=20000"], "images: the set 'synth' has 10000 test images"),
    (["--set", "weights=none.safetensors"], "none.safetensors: "),
    (["--set", "data=synth32"], "the set 'synth32' has 3x32x32"),
    (["--set", "form=float"], "the form float has no hardware"),
    (["--set", "chip=hawsi"], "there is no chip 'hawsi'; did you mean 'hawis'?"),
    (["--set", "stop={interval: 0}"], "stop.interval: '0' is out of range"),
    (["--jobs", "0"], "--jobs 0: expected an integer from 1 to 256"),
    (["--set", "trials"], "--set trials: expected PATH=VALUE"),
]


def refused(bitline, folder, args, says):
    prepare(folder)
    bitline.refuse(folder, ["sweep", "job.yaml", *args], [says])


def folders(bitline, folder):
    """What stands in the folder already."""
    prepare(folder)
    sweep(bitline, folder, "out", "--resume")  # nothing: begins
    bitline.refuse(folder, ["sweep", "job.yaml", "--out", "out"],
                   ["out/run.db: already holds a run; continue it with --resume, or choose another"])
    bitline.refuse(folder, ["sweep", "job.yaml", "--out", "out", "--resume", "--set", "seed=2",
                            "--set", "images=100"],
                   ["out/run.db: holds another job", "seed: 1 there, 2 here",
                    "images: 300 there, 100 here"])
    (folder / "text").mkdir()
    (folder / "text" / "run.db").write_text("no store\n" * 100, encoding="ascii")
    bitline.refuse(folder, ["sweep", "job.yaml", "--out", "text", "--resume"],
                   ["text/run.db: is not an SQLite file"])
    bitline.refuse(folder, ["sweep", "job.yaml", "--out", "net.yaml"], ["is a file, not a folder"],
                   code=1)
    # Where nobody can write, whoever runs this.
    bitline.refuse(folder, ["sweep", "job.yaml", "--out", "/proc/none"],
                   ["/proc/none: cannot create the folder"], code=1)
    bitline.refuse(folder, ["sweep", "job.yaml", "--out", "/proc/self"],
                   ["/proc/self/points.csv: "], code=1)
    (folder / "empty").mkdir()
    (folder / "empty" / "run.db").touch()  # killed before the first write
    sweep(bitline, folder, "empty", "--resume")


def newer_store(bitline, folder):
    prepare(folder)
    sweep(bitline, folder, "out")
    with contextlib.closing(sqlite3.connect(folder / "out" / "run.db")) as db:
        db.execute("PRAGMA user_version = 99")
    done = bitline.run("sweep", "job.yaml", "--out", "out", "--resume", cwd=folder)
    expect(done.returncode == 2 and b"tables have version 99" in done.stderr,
           done.stderr.decode())


def two_at_once(bitline, folder):
    prepare(folder)
    process = begin(bitline, folder, "out", "--set", "images=5000")
    wait_for(process, (folder / "out" / "run.db").exists)
    second = bitline.run("sweep", "job.yaml", "--out", "out", "--resume", cwd=folder)
    running = process.poll() is None
    process.kill()
    process.communicate()
    expect(running, "the first was too quick")
    expect(second.returncode == 1, second.stderr.decode())
    expect(b"out: another bitline works in it" in second.stderr, second.stderr.decode())


def too_few_descriptors(bitline, folder):
    """Workers that cannot be had; the trials stay to be done."""
    prepare(folder)
    whole = sweep(bitline, folder, "whole")
    command = f"ulimit -n 24; exec '{bitline.program}' sweep job.yaml --out out --jobs 24"
    done = subprocess.run(["bash", "-c", command], cwd=folder, env=bitline.env,
                          capture_output=True, check=False)
    said = done.stderr.decode()
    expect(done.returncode == 1 and "bitline: a worker could not be started: Too many open files; use "
           "fewer --jobs" in said, f"exit {done.returncode}\n{said}")
    expect(sweep(bitline, folder, "out", "--resume", "--jobs", "2") == whole, "other bytes")


def full_disk(bitline, folder):
    """A limit on the size of files stands for a disk that fills up on the way."""
    prepare(folder)
    whole = sweep(bitline, folder, "whole")
    # Above the tables and the first trials (a WAL grows by 4 KiB pages), below all of them.
    command = f"ulimit -f 120; exec '{bitline.program}' sweep job.yaml --out out"
    done = subprocess.run(["bash", "-c", command], cwd=folder, env=bitline.env,
                          capture_output=True, check=False)
    said = done.stderr.decode()
    expect(done.returncode == 1 and said.count("\n") == 1, f"exit {done.returncode}\n{said}")
    expect("out/run.db: " in said and "--resume" in said, said)
    expect(0 < trials_in(folder / "out" / "run.db") < 24, "not in the middle")
    expect(sweep(bitline, folder, "out", "--resume") == whole, "other bytes")


def main():
    bitline = Bitline(sys.argv[1])
    cases = [(test.__name__, test, ()) for test in
             (any_number_of_workers, other_seeds_differ, killed_again_and_again, killed_at_once,
              killed_worker, worker_that_always_dies, interrupted, numbers_agree, every_kind_is_counted,
              early_stop, steps_and_keys, resolved_job_runs, without_gnuplot, folders, newer_store,
              two_at_once, too_few_descriptors, full_disk)]
    cases += [(f"killed driver, {jobs} jobs", killed_driver, (jobs,)) for jobs in (1, 2)]
    cases += [("refused: " + " ".join(args), refused, (args, says)) for args, says in REFUSED]
    run_tests([(repr(name), in_folder(test, bitline, *args)) for name, test, args in cases])


main()
