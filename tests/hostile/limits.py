"""Cases 05, 14 and 19: memory, instruction sets of oneDNN, jobs that were slow and silent."""
import csv
import json
import os
import pty
import re
import signal
import sqlite3
import subprocess

from case import Under, expect, failed, finish, replace, results
from kills import LONG_S, begin, catch, go_on
from support import Skip

KIB, GIB, TIB = 1 << 10, 1 << 30, 1 << 40


def needed(done):
    """Bytes of the estimate in a refusal."""
    match = re.search(r"needs at least ([0-9.e+]+) (\w+) of memory", done.stderr.decode())
    expect(match, done.stderr.decode())
    return float(match.group(1)) * {"GiB": GIB, "TiB": TIB}[match.group(2)]


def out_of_memory(bitline, folder):
    """Refused by an estimate, or by the bound of a layer's size, and check says the same."""
    limited = Under(bitline, "prlimit", f"--as={8000000 * KIB}")
    for args in (["check", "tmem.yaml"], ["train", "tmem.yaml", "--out", "o"]):
        limited.refuse(folder, args, ["layers.1.kernel: 1048576 channels x 5 x 5 are 26214400 ",
                                      "above the 16777216"])
    widths = "widths=[5000, 5000, 64, 64]"
    done = limited.run("train", "tmem.yaml", "--set", widths, "--out", "o", cwd=folder)
    failed(done, 2, "needs at least")
    # The weights of conv2 alone, as floats: values, gradients and the two moments of Adam.
    expect(needed(done) >= 4 * 4 * 25 * 5000**2, done.stderr.decode())
    done = limited.run("run", "ideal", "ex.yaml", "--tokens", "windows", cwd=folder)
    failed(done, 2, "needs at least", "simulate fewer images")
    expect(needed(done) >= 8000000 * KIB, done.stderr.decode())
    with open(folder / "s.safetensors", "wb") as file:
        file.truncate(4294967295)
    limited = Under(bitline, "prlimit", f"--as={6000000 * KIB}")
    limited.refuse(folder, ["eval", "hawis", "signs", "--weights", "./s.safetensors"],
                   ["./s.safetensors: ", "header"])
    expect(not (folder / "o").exists(), "a folder")


def instruction_set(bitline, folder):
    """A training is not continued with another instruction set; with its own, to the same bytes."""
    shorter = ["--set", "images=1000", "--set", "epochs=3", "--set", "test_images=50"]
    done = bitline.run("train", "ktrain.yaml", "--out", "whole", *shorter, cwd=folder)
    expect(done.returncode == 0, done.stderr.decode())
    backend = re.search(r"^backend +(.*)$", done.stdout.decode(), re.M).group(1)
    if "onednn" not in backend or "sse41" in backend:
        raise Skip(f"the backend is {backend}")
    words = ["train", "ktrain.yaml", *shorter, "--out"]
    process, out = catch(lambda out: begin(bitline, folder, *words, out),
                         lambda out: (folder / out / "checkpoint").exists(),
                         lambda out, process: not (folder / out / "weights.safetensors").exists())
    process.send_signal(signal.SIGINT)
    said = go_on(process)
    expect(process.returncode == 130 and "--resume" in said, f"exit {process.returncode}\n{said}")
    other = Under(bitline, "env", "DNNL_MAX_CPU_ISA=SSE41")
    other.refuse(folder, [*words, out, "--resume"],
                 [f"{out}/run.db: holds another job (backend: onednn ", "sse41 here); choose "])
    expect(finish(bitline, folder, "train", "ktrain.yaml", out, "--resume", *shorter) ==
           results(folder / "whole"), "other results")


def on_terminal(bitline, folder, *args):
    """The exit code of a run whose stderr is a terminal, and what that showed."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(bitline.words(*args), cwd=folder, env=bitline.env, stderr=theirs,
                          stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as process:
        os.close(theirs)
        shown = b""
        try:
            while data := os.read(ours, 65536):
                shown += data
        except OSError:  # of a terminal that nobody has open any more
            pass
    os.close(ours)
    return process.returncode, shown.decode()


def many_variants(bitline, folder):
    """2,000 of the case's 65,536: progress from the first one, and a result of each."""
    replace(folder / "swbig.yaml", ("to: 65536", "to: 2000"))
    code, shown = on_terminal(bitline, folder, "sweep", "swbig.yaml", "--out", "o")
    expect(code == 0, f"exit {code}\n{shown}")
    counts = [int(n) for n in re.findall(r"(\d+)/2000 chips and nets checked", shown)]
    expect(counts == sorted(counts) and counts[0] == 1 and counts[-1] == 2000, f"{counts}")
    expect(shown.index("2000/2000 chips and nets checked") < shown.index("/2000 trials"), shown)
    lines = (folder / "o" / "points.csv").read_text("utf-8").splitlines()
    rows = list(csv.DictReader(lines[1:]))
    expect([row["adc.count"] for row in rows] == [str(n) for n in range(1, 2001)], f"{rows[:3]}")
    expect({row["accuracy"] for row in rows} == {rows[0]["accuracy"]}, "ADCs change the accuracy")


def stop_rule(bitline, folder):
    """4,000 of the case's 1,000,000 trials: all are done, since the rule never holds, and counted.
    What the rule costs shows in larger numbers only."""
    finish(bitline, folder, "sweep", "swt3.yaml", "o", "--set", "trials=4000")
    point, = json.loads((folder / "o" / "points.json").read_text("utf-8"))["points"]
    with sqlite3.connect(folder / "o" / "run.db") as db:
        right = [n for n, in db.execute("select correct from trial order by trial")]
    db.close()
    expect(len(right) == 4000 and point["trials"] == right, f"{len(right)} trials")
    mean = sum(right) / 4000
    expect(0 < mean < 1 and abs(point["accuracy"] - mean) < 1e-12, f"{mean} {point['accuracy']}")


def equal_points(bitline, folder):
    bitline.refuse(folder, ["sweep", "swdup.yaml", "--out", "o"],
                   ["swdup.yaml:10:55: sweep.0.step: ", "equal values", "use a larger step"])


def odd_numbers(bitline, folder):
    """Each of the case's values in turn: no decimal number, or equal to another one."""
    values = ["\"0x1p-4\", \" 0.05\", ", "\" 0.05\", ", "\"0.10\", \".1\", \"1E-1\""]
    says = ["'0x1p-4' is not a decimal number", "' 0.05'", "1e-1"]
    for i, part in enumerate(says):
        bitline.refuse(folder, ["sweep", "swhex.yaml", "--out", "o"], ["swhex.yaml:10:", part])
        if i < 2:
            replace(folder / "swhex.yaml",
                    (["\"0x1p-4\", ", "\" 0.05\", "][i], ""))


def slow_backend(bitline, folder):
    """Says so before it begins; ends by a signal."""
    process = subprocess.Popen(
        bitline.words("run", "ideal", "lenet5", "--set", "crossbar.columns=1", "--noc", "simgrid"),
        cwd=folder, env=bitline.env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE)
    line = process.stderr.readline().decode()
    process.terminate()
    process.communicate(timeout=LONG_S)
    expect("--noc simgrid takes minutes or hours" in line and "--noc calendar" in line, line)
    expect(process.returncode == -signal.SIGTERM, f"exit {process.returncode}")
