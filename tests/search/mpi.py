"""A search over MPI ranks ends in the bytes of bitline search, for any number of them, whatever dies
on the way: a worker below a rank, all of a rank's, a rank, mpirun. What cannot be run is refused
once, not by every rank.

mpi.py BITLINE BITLINE_MPI SUPPORT_FOLDER
"""
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile

sys.path.insert(0, sys.argv[3])
from kills import LONG_S, alive, catch, children, kill_below, wait_for  # noqa: E402
from searches import begin, episodes_in, exported, prepare, search, store  # noqa: E402
from support import Bitline, expect, in_folder, run_tests  # noqa: E402

MPIRUN = shutil.which("mpirun")
LONG = ["--episodes", "300"]  # long enough to be caught
SUPERNET = ["--set", "accuracy={source: supernet, supernet: {train: ./train.yaml}}"]
FROZEN = [*SUPERNET, "--episodes", "12"]
TUNED = [*SUPERNET, "--episodes", "4", "--set", "accuracy.supernet.tune_epochs=1", "--set",
         "round=1"]
JUDGE = """#!/usr/bin/env python3
import json, os, pathlib, signal, sys
failed = lambda: pathlib.Path("failed").read_text("ascii") if os.path.exists("failed") else ""
def note(number):
    with open("failed", "a", encoding="ascii") as file:
        file.write(number)
for line in sys.stdin:
    q = json.loads(line)
    if q["id"] == 3 and "3" not in failed():
        note("3")
        with open(f"/proc/{os.getppid()}/stat", encoding="ascii") as stat:
            os.kill(int(stat.read().split()[3]), signal.SIGKILL)  # the process that judges
    if q["id"] == 5 and "5" not in failed():
        note("5")
        sys.exit(1)
    print(json.dumps({"id": q["id"], "accuracy": sum(q["widths"]) / 1000}), flush=True)
"""
PLUGIN = ["--set", "accuracy={source: command, command: [./judge], timeout: 100 s}", "--episodes",
          "12"]


class Ranks(Bitline):
    """Searches by mpirun, as any user and with any number of cores."""

    def __init__(self, program, ranks, sessions):
        super().__init__(program)
        self.ranks = ranks
        for mpi in ("OMPI", "PRTE"):  # Open MPI 4, 5
            self.env.update({f"{mpi}_ALLOW_RUN_AS_ROOT": "1",
                             f"{mpi}_ALLOW_RUN_AS_ROOT_CONFIRM": "1"})
        self.env.update(OMPI_MCA_btl_vader_single_copy_mechanism="none", TMPDIR=sessions,
                        # MPI keeps what it has until the end, and all of it would be told.
                        ASAN_OPTIONS="detect_leaks=0")

    def words(self, command, *args):
        expect(command == "search", command)
        return [MPIRUN, "--oversubscribe", "-n", str(self.ranks), self.program,
                *map(os.fspath, args)]


def rank_of(number):
    words = pathlib.Path(f"/proc/{number}/environ").read_bytes().split(b"\0")
    return int(dict(word.split(b"=", 1) for word in words if b"=" in word)
               [b"OMPI_COMM_WORLD_RANK"])


def rank(process, which):
    """The process of a rank that is MPI's, and the one below it, which works."""
    one, = [number for number in children(process.pid) if rank_of(number) == which]
    below, = children(one)
    return one, below


def any_number(both, folder, words):
    local, ranks = both
    prepare(folder)
    one = search(local, folder, "one", "--jobs", "1", *words)
    expect(search(local, folder, "four", "--jobs", "4", *words) == one, "4 jobs differ from one")
    for n, mpi in ranks.items():
        expect(search(mpi, folder, f"ranks{n}", *words) == one, f"{n} ranks differ from one job")


def plugin_dies(both, folder):
    """A judge that kills the process it works for, or dies, is asked again, as if nothing had been;
    one that always dies ends the search."""
    local, ranks = both
    prepare(folder)
    (folder / "judge").write_text(JUDGE, encoding="utf-8")
    (folder / "judge").chmod(0o755)
    (folder / "failed").write_text("35", "ascii")
    whole = search(local, folder, "whole", *PLUGIN)
    for n, mpi in ranks.items():
        (folder / "failed").unlink()
        expect(search(mpi, folder, f"ranks{n}", *PLUGIN) == whole, f"{n} ranks: other bytes")
        expect(sorted((folder / "failed").read_text("ascii")) == ["3", "5"], "nothing failed")
    (folder / "judge").write_text("#!/bin/sh\necho broken >&2\n", encoding="utf-8")
    done = ranks[3].run("search", "job.yaml", *PLUGIN, "--out", "out", cwd=folder)
    said = done.stderr.decode()
    expect(done.returncode == 1 and "failed 9 times in a row" in said and
           "(standard error: broken); fix it and continue with --resume" in said, said)
    (folder / "judge").write_text(JUDGE, encoding="utf-8")
    expect(search(ranks[3], folder, "out", *PLUGIN, "--resume") == whole, "mended: other bytes")


def stage_c(both, folder):
    text = (pathlib.Path(__file__).parent / "train.yaml").read_text("utf-8").splitlines()
    lines = [line for line in text if not line.startswith(("width:", "supernet:"))]
    (folder / "alone.yaml").write_text("\n".join(lines) + "\n", encoding="utf-8")
    any_number(both, folder, ["--episodes", "6", "--set",
                              "final={train: ./alone.yaml, nets: 1, uniform: [2]}"])
    expect((folder / "ranks3" / "final.csv").exists(), "no net was trained")


def stop_driver(process):
    try:
        os.kill(rank(process, 0)[1], signal.SIGSTOP)
    except (OSError, ValueError):
        process.wait(LONG_S)  # it was over before


def caught(mpi, folder, least):
    """A search whose driver stands still, and its folder."""
    path = lambda out: folder / out / "search.db"  # noqa: E731
    return catch(lambda out: begin(mpi, folder, out, *LONG),
                 lambda out: path(out).exists() and episodes_in(path(out)) >= least,
                 lambda out, process: episodes_in(path(out)) <= 290, stop_driver)


def resume_driver(process):
    os.kill(rank(process, 0)[1], signal.SIGCONT)
    return said_by(process)


def said_by(process):
    try:
        return process.communicate(timeout=LONG_S)[1].decode()
    except subprocess.TimeoutExpired:
        process.kill()  # its ranks go with it
        raise


def gone(numbers):
    """Nothing of a search is at work any more, and its folder is free."""
    process = subprocess.Popen(["sleep", str(LONG_S)])
    wait_for(process, lambda: not any(map(alive, numbers)))
    process.kill()
    process.wait()


def killed_worker(both, folder):
    local, ranks = both
    prepare(folder)
    whole = search(local, folder, "whole", *LONG)
    process, out = caught(ranks[3], folder, 2)
    victims = [kill_below(rank(process, r)[1]) for r in (1, 2)]
    said = resume_driver(process)
    expect(all(len(v) == 1 for v in victims), f"{victims}")
    expect(process.returncode == 0, said)
    expect((exported(folder / out), store(folder / out)) == whole, "other bytes")


def lost_workers(both, folder):
    """The process that has a rank's workers; the others do without, the last one cannot."""
    local, ranks = both
    prepare(folder)
    whole = search(local, folder, "whole", *LONG)
    process, out = caught(ranks[3], folder, 2)
    os.kill(rank(process, 2)[1], signal.SIGKILL)
    said = resume_driver(process)
    expect(process.returncode == 0, said)
    expect((exported(folder / out), store(folder / out)) == whole, "other bytes")
    process, out = caught(ranks[2], folder, 2)
    os.kill(rank(process, 1)[1], signal.SIGKILL)
    said = resume_driver(process)
    expect(process.returncode == 1 and said.count("bitline: ") == 1 and
           "no rank has a worker any more; continue with --resume" in said, said)
    expect(search(ranks[2], folder, out, "--resume", *LONG) == whole, "resumed: other bytes")


def killed_mpirun(both, folder):
    local, ranks = both
    prepare(folder)
    whole = search(local, folder, "whole", *LONG)
    for n, least, again in ((2, 3, ranks[2]), (3, 40, ranks[3]), (3, 150, local)):
        process, out = caught(ranks[n], folder, least)
        everybody = [number for r in range(n) for number in rank(process, r)]
        process.kill()
        gone(everybody)
        process.communicate()
        expect(search(again, folder, out, "--resume", *LONG) == whole,
               f"killed after {least}: other bytes")
        shutil.rmtree(folder / out)


def killed_rank(both, folder):
    """mpirun ends the rest."""
    local, ranks = both
    prepare(folder)
    whole = search(local, folder, "whole", *LONG)
    for which in (0, 1):
        process, out = caught(ranks[3], folder, 20)
        everybody = [number for r in range(3) for number in rank(process, r)]
        os.kill(rank(process, which)[0], signal.SIGKILL)
        said = said_by(process)
        expect(process.returncode not in (0, 2), f"exit {process.returncode}\n{said}")
        gone(everybody)
        expect(search(ranks[3], folder, out, "--resume", *LONG) == whole, "other bytes")
        shutil.rmtree(folder / out)


def killed_driver(both, folder):
    """The process that drives, which is not MPI's."""
    local, ranks = both
    prepare(folder)
    whole = search(local, folder, "whole", *LONG)
    process, out = caught(ranks[2], folder, 20)
    os.kill(rank(process, 0)[1], signal.SIGKILL)
    said = said_by(process)
    expect(process.returncode == 1 and "the driver process was killed" in said, said)
    expect(search(ranks[2], folder, out, "--resume", *LONG) == whole, "other bytes")


def interrupted(both, folder):
    """As by Ctrl-C: mpirun passes it on and grants a second."""
    local, ranks = both
    prepare(folder)
    whole = search(local, folder, "whole", *LONG)
    process = begin(ranks[3], folder, "out", *LONG)
    wait_for(process, lambda: episodes_in(folder / "out" / "search.db") >= 8)
    everybody = [number for r in range(3) for number in rank(process, r)]
    process.send_signal(signal.SIGINT)
    said = said_by(process)
    expect(process.returncode not in (0, 2), f"exit {process.returncode}\n{said}")
    gone(everybody)
    expect(search(local, folder, "out", "--resume", *LONG) == whole, "other bytes")


REFUSED = [
    (["--set", "space.leest=1"], "leest: unknown key; did you mean 'least'?"),
    (["--set", "net=./none.yaml"], "none.yaml"),
    (["--jobs", "2"], "--jobs 2: the ranks that mpirun starts are the workers"),
    (["--jbos", "2"], "bitline-mpi: unrecognized option '--jbos'"),
]


def refused(both, folder, args, says):
    prepare(folder)
    before = sorted(folder.iterdir())
    done = both[1][3].run("search", "job.yaml", *args, cwd=folder)
    lines = [line for line in done.stderr.decode().splitlines() if line.startswith("bitline")]
    expect(done.returncode == 2 and len(lines) == 1 and says in lines[0] and not done.stdout,
           f"exit {done.returncode}\n{done.stderr.decode()}")
    expect(sorted(folder.iterdir()) == before, "left something")


def other_files(both, folder):
    """A rank whose job is another one does not judge. By a script: mpirun of Open MPI 5 dies over
    two programs at once where it finds no /sys."""
    prepare(folder)
    mpi = both[1][2]
    script = folder / "either"
    script.write_text('#!/bin/sh\n[ "$OMPI_COMM_WORLD_RANK" = 1 ] && set -- "$@" --seed 2\n'
                      f"exec '{mpi.program}' \"$@\"\n", encoding="utf-8")
    script.chmod(0o755)
    words = [MPIRUN, "--oversubscribe", "-n", "2", script, "job.yaml", "--out", "out"]
    done = subprocess.run(words, cwd=folder, env=mpi.env, stdin=subprocess.DEVNULL,
                          capture_output=True, timeout=LONG_S, check=False)
    said = done.stderr.decode()
    expect(done.returncode == 2 and "bitline: rank 1: its files" in said, said)


def help_and_output(both, folder):
    """Told once; a program may read what rank 0 prints."""
    local, ranks = both
    prepare(folder)
    text = ranks[3].run("search", "--help").stdout.decode()
    expect(text.count("Usage: bitline-mpi") == 1 and "\nExamples:\n" in text and
           "--jobs" not in text, text)
    search(local, folder, "out", "--episodes", "6")
    search(ranks[2], folder, "out2", "--episodes", "6")
    words = ["search", "job.yaml", "--episodes", "6", "--resume", "--json", "--out"]
    expect(ranks[2].run(*words, "out2", cwd=folder).stdout.decode() ==
           local.output(*words, "out", cwd=folder), "other JSON")
    alone = subprocess.run([ranks[2].program, "--version"], env=ranks[2].env, capture_output=True,
                           timeout=LONG_S, check=False)
    expect(alone.returncode == 0 and alone.stdout.startswith(b"bitline-mpi 0."), f"{alone}")


def link_order(both, _folder):
    """SimGrid exports functions of MPI's names."""
    done = subprocess.run(["readelf", "-d", both[1][2].program], capture_output=True, check=True)
    needed = [line for line in done.stdout.decode().splitlines() if "(NEEDED)" in line]
    at = {name: n for n, line in enumerate(needed) for name in ("libmpi", "libsimgrid")
          if f"[{name}." in line}
    expect(at["libmpi"] < at["libsimgrid"], "\n".join(needed))


def main():
    if not MPIRUN:
        print("1..0 # SKIP there is no mpirun")
        return
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as sessions:
        both = (Bitline(sys.argv[1]), {n: Ranks(sys.argv[2], n, sessions) for n in (1, 2, 3)})
        cases = [(f"any number of ranks, {name}", any_number, (words,)) for name, words in
                 (("formula", []), ("ddpg", ["--agent", "ddpg"]), ("frozen", FROZEN),
                  ("tuned", TUNED))]
        cases += [(test.__name__, test, ()) for test in
                  (plugin_dies, stage_c, killed_worker, lost_workers, killed_mpirun, killed_rank,
                   killed_driver, interrupted, other_files, help_and_output)]
        if shutil.which("readelf"):
            cases += [("link_order", link_order, ())]
        cases += [("refused: " + " ".join(args), refused, (args, says)) for args, says in REFUSED]
        run_tests([(repr(name), in_folder(test, both, *args)) for name, test, args in cases])


main()
