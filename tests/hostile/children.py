"""Cases 09, 11 and 12: a command that judges and dies, a gnuplot that hangs, no gnuplot."""
import csv
import os
import pathlib
import shutil
import signal
import subprocess

from case import FORMULA, Under, expect, failed, finish, replace, results, sentences, sweep
from kills import LONG_S, alive, begin, children, until, wait_for
from support import Skip


def evaluator_crash(bitline, folder):
    """A command that dies once costs nothing; one that always fails ends the search, and --resume
    judges what it did not, to the same bytes."""
    command = folder / "an.sh"
    replace(command, ("/tmp/once", f"{folder}/once"))
    # A busy machine may take long to start the command.
    replace(folder / "an.yaml", ("/PATH/TO", str(folder)), ("timeout: 2 s", "timeout: 200 s"))
    (folder / "once").touch()
    whole = finish(bitline, folder, "search", "an.yaml", "whole")
    (folder / "once").unlink()
    expect(finish(bitline, folder, "search", "an.yaml", "once-dead") == whole, "other results")
    expect((folder / "once").exists(), "the command did not die")
    for name, number in ("episodes.csv", 8), ("references.csv", 4):
        rows = list(csv.DictReader(whole[name].decode().splitlines()[1:]))
        expect(len(rows) == number and not any(row["failed"] for row in rows), f"{name}: {rows}")
    good = command.read_bytes()
    command.write_bytes(b"#!/bin/sh\nexit 3\n")
    done = bitline.run("search", "an.yaml", "--out", "o", cwd=folder)
    failed(done, 1, "the evaluator command failed", "with --resume")
    expect(not results(folder / "o"), f"{list(results(folder / 'o'))}")
    command.write_bytes(good)
    expect(finish(bitline, folder, "search", "an.yaml", "o", "--resume") == whole,
           "other results after --resume")


def command_line(number):
    try:
        return pathlib.Path(f"/proc/{number}/cmdline").read_bytes()
    except OSError:
        return b""


def sleeping(process):
    return [child for child in children(process.pid)
            if command_line(child).startswith(b"sleep\x003000")]


def hung_gnuplot(bitline, folder):
    """A signal ends both, and the folder's lock. The case's gnuplot sleeps for half a minute; this
    one, for longer than the test waits."""
    replace(folder / "gnuplot", ("sleep 30", "sleep 3000"))
    whole = sweep(bitline, folder, "whole")
    hanging = Under(bitline, "env", f"PATH={folder}:{bitline.env['PATH']}")
    for number in signal.SIGTERM, signal.SIGINT, signal.SIGHUP:
        process = begin(hanging, folder, "sweep", "sw.yaml", "--out", "o", "--resume")
        gnuplot = []
        try:
            wait_for(process, lambda: gnuplot.extend(sleeping(process)) or gnuplot)  # noqa: B023
            process.send_signal(number)
            said = process.communicate(timeout=LONG_S)[1].decode()
            until(lambda: not any(map(alive, gnuplot)))  # noqa: B023
        finally:
            process.kill()
            for child in filter(alive, gnuplot):
                os.kill(child, signal.SIGKILL)
        expect(process.returncode == 128 + number, f"exit {process.returncode}\n{said}")
        expect(gnuplot and "accuracy.svg" in said and "all results are written" in said, said)
        left = results(folder / "o")
        expect(left == {name: data for name, data in whole.items() if name != "accuracy.svg"},
               f"{list(left)}")
    expect(sweep(bitline, folder, "o", "--resume") == whole, "other results after --resume")


def no_gnuplot(bitline, folder):
    """Data and scripts of all pictures are there without it."""
    if not shutil.which("gnuplot"):
        raise Skip("gnuplot is not installed")
    whole = finish(bitline, folder, "search", "ksn.yaml", "whole", *FORMULA)
    pictures = {name for name in whole if name.endswith(".svg")}
    expect(pictures == {"front.svg", "widths.svg", "channels.svg"}, f"{pictures}")
    without = Under(bitline, "env", "PATH=/nonexistent")
    done = without.run("search", "ksn.yaml", "--out", "o", *FORMULA, cwd=folder)
    said = "\n".join(sentences(done))
    expect(done.returncode == 0 and said.count("gnuplot is not installed") == 1, said)
    expect(all(name in said for name in pictures), said)
    left = results(folder / "o")
    expect(left == {name: data for name, data in whole.items() if name not in pictures},
           f"{sorted(left)}")
    expect({f"{name}.{end}" for name in ("front", "widths", "channels") for end in ("dat", "gp")}
           <= left.keys(), f"{sorted(left)}")
    plot = "gnuplot -d NAME.gp > NAME.svg"
    expect(said.endswith(plot), said)
    for name in pictures:
        subprocess.run(plot.replace("NAME", name[:-4]), shell=True, cwd=folder / "o",
                       env=bitline.env, check=True, capture_output=True)
    expect(results(folder / "o") == whole, "other pictures")
