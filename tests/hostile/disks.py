"""Cases 02, 10, 15, 16, 17 and 18: full disks, limits, files of others, read-only media."""
import json
import os
import shutil
import sqlite3
import subprocess
import sys

from case import (READ_ONLY, SMALL_DISK, Under, expect, failed, may_mount, results, sentences,
                  shell_in_namespace, sweep, temporaries, whole_or_absent)
from kills import begin, catch, go_on
from support import Skip

RUN = ["run", "hawis", "signs"]
STRANGER = 12345  # a user other than root


def on_small_disk(bitline, folder, size):
    """Of a sweep: what it said, and what it left, in folder/left."""
    for name in "small", "left":
        shutil.rmtree(folder / name, ignore_errors=True)
        (folder / name).mkdir()
    small = Under(bitline, *shell_in_namespace(SMALL_DISK.format(size=size)))
    done = small.run("sweep", "sw.yaml", "--out", "small/a", cwd=folder)
    (folder / "left" / "a").mkdir(exist_ok=True)
    return done


def goes_on(bitline, folder, out, whole):
    expect(sweep(bitline, folder, out, "--resume") == whole, f"{out}: other results after --resume")


def picture_on_full_disk(bitline, folder):
    """Disks around the size at which the picture was truncated: all is complete, or the code is 1."""
    if not may_mount(folder):
        raise Skip("no right to mount a tmpfs")
    whole, codes = sweep(bitline, folder, "whole"), set()
    for size in "148k", "160k", "176k", "184k", "196k", "1m":
        done = on_small_disk(bitline, folder, size)
        codes.add(done.returncode)
        found = whole_or_absent(folder / "left" / "a", whole)
        if done.returncode == 0:
            expect(found == whole and not sentences(done), f"{size}: {sentences(done)}")
        else:
            failed(done, 1, "No space left on device" if found.keys() != whole.keys() else
                   "the disk is full; free some space, then continue with --resume")
        goes_on(bitline, folder, "left/a", whole)
    expect(codes == {0, 1}, f"{codes}")


def picture_under_limit(bitline, folder):
    """The same with a limit on the size of files, which needs no rights."""
    whole = sweep(bitline, folder, "whole")
    largest = max(path.stat().st_size for path in (folder / "whole").iterdir())
    for size in 1, 4096, 20480, largest, 32768, 65536, 131072, 1 << 20:
        out = f"out{size}"
        done = Under(bitline, "prlimit", f"--fsize={size}").run("sweep", "sw.yaml", "--out", out,
                                                                cwd=folder)
        expect(done.returncode == (size == 1) or done.returncode in (0, 1),
               f"{size}: exit {done.returncode}\n{sentences(done)}")
        found = whole_or_absent(folder / out, whole)
        if done.returncode == 0:
            expect(found == whole and not sentences(done), f"{size}: {sentences(done)}")
        else:
            failed(done, 1, "--resume")
            goes_on(bitline, folder, out, whole)


def names_like_temporaries(bitline, folder):
    (folder / "o").mkdir()
    (folder / "o" / "thesis.2024-1.tmp").write_bytes(b"x\n")
    sweep(bitline, folder, "o")
    sweep(bitline, folder, "o", "--resume")
    expect((folder / "o" / "thesis.2024-1.tmp").read_bytes() == b"x\n", "the user's file")


def two_writers(bitline, folder):
    """A sweep begins and ends while a run writes its trace into the same folder. A run that stands
    still before it has locked its file may lose it, and makes another one."""
    def start(out):
        (folder / out).mkdir()
        return begin(bitline, folder, "run", "hawis", "resnet20", "--images", "20", "--trace",
                     f"{out}/t.json")

    process, out = catch(start, lambda out: temporaries(folder / out),
                         lambda out, process: temporaries(folder / out))
    try:
        sweep(bitline, folder, out)
        said = go_on(process)
    finally:
        process.kill()
    expect(process.returncode == 0, f"exit {process.returncode}\n{said}")
    trace = json.loads((folder / out / "t.json").read_text("utf-8"))
    expect(trace["traceEvents"] and not temporaries(folder / out), "no trace")


def codes_of_full_disks(bitline, folder):
    """One code, whatever is written when the disk is full: the store's head, its log, a result."""
    if not may_mount(folder):
        raise Skip("no right to mount a tmpfs")
    for size in "4k", "16k", "24k", "48k", "128k":
        failed(on_small_disk(bitline, folder, size), 1, "small/a/", "free", "--resume")


def codes_of_read_only_disks(bitline, folder):
    if not may_mount(folder):
        raise Skip("no right to mount a tmpfs")
    sweep(bitline, folder, "o")
    read_only = Under(bitline, *shell_in_namespace(READ_ONLY))
    (folder / "disk").mkdir()
    failed(read_only.run("sweep", "sw.yaml", "--out", "disk/o", "--resume", cwd=folder), 1,
           "bitline: disk/o/", "cannot be written")
    failed(read_only.run("sweep", "sw.yaml", "--out", "disk/new", cwd=folder), 1,
           "disk/new: cannot create the folder: Read-only file system")
    failed(read_only.run(*RUN, "--trace", "disk/t.json", cwd=folder), 1,
           "t.json: cannot be written: Read-only file system")


def codes_of_full_outputs(bitline, folder):
    """/dev/full: help, tables and JSON. Results that are written before are complete."""
    bitline.output(*RUN, "--trace", "t.json", cwd=folder)
    whole = sweep(bitline, folder, "whole")
    weights = ["--weights", "train-signs", "--images", "5"]
    commands = [[name, "--help"] for name in ("run", "eval", "show", "list", "check", "trace",
                                              "sweep", "search", "train")]
    commands += [["--help"], RUN, [*RUN, "--json"], ["eval", "hawis", "signs", *weights],
                 ["eval", "hawis", "signs", *weights, "--json"], ["trace", "t.json", "--json"],
                 ["sweep", "sw.yaml", "--out", "text"],
                 ["sweep", "sw.yaml", "--out", "json", "--json"]]
    with open("/dev/full", "wb") as full:
        for args in commands:
            failed(bitline.run(*args, cwd=folder, stdout=full), 1,
                   "the output could not be written: No space left on device")
    for out in "text", "json":
        expect(results(folder / out) == whole, f"{out}: other results")


def mode_is_kept(bitline, folder):
    (folder / "m.json").touch()
    (folder / "m.json").chmod(0o600)
    bitline.output(*RUN, "--trace", "m.json", cwd=folder)
    mode = (folder / "m.json").stat().st_mode & 0o777
    expect(mode == 0o600, f"{mode:o}")


def link_of_others(bitline, folder):
    """In a folder like /tmp, to a file of the user who runs the program."""
    if os.geteuid() != 0:
        raise Skip("only root can make a link of another user")
    (folder / "home").mkdir()
    (folder / "home" / ".bashrc").write_bytes(b"mine\n")
    (folder / "tmp").mkdir()
    (folder / "tmp").chmod(0o1777)
    (folder / "tmp" / "t.json").symlink_to("../home/.bashrc")
    os.lchown(folder / "tmp" / "t.json", STRANGER, STRANGER)
    bitline.refuse(folder, [*RUN, "--trace", "tmp/t.json"],
                   ["is a symbolic link that another user created in a shared folder"], code=1)
    expect((folder / "home" / ".bashrc").read_bytes() == b"mine\n", "the file behind the link")


def sigxfsz(bitline, folder):
    """A sentence, no temporary file; a file that was there stays."""
    limited = Under(bitline, "prlimit", "--fsize=10240")
    for name in "x.json", "x.csv":
        for old in None, b"old":
            if old:
                (folder / name).write_bytes(old)
            before = sorted(path.name for path in folder.iterdir())
            failed(limited.run("run", "hawis", "resnet20", "--trace", name, cwd=folder), 1,
                   f"{name}: cannot be written: File too large")
            expect(sorted(path.name for path in folder.iterdir()) == before, "files are left")
            expect(not old or (folder / name).read_bytes() == old, "the old file")


SWEEP = """\
name: sw
chip: hawis
net: signs
form: binary
weights: train-signs
data: synth
images: 20
trials: 3
sweep:
  - {path: sa0, values: [0, 0.05, 0.1]}
"""
COUNT = """
import sqlite3
db = sqlite3.connect('file:{}/run.db?mode=ro', uri=True)
print(*db.execute('select count(*) from trial').fetchone())
"""


def read_only_store(bitline, folder):
    """A finished store on a read-only mount, or in a folder that may not be written. The case has
    no job of its own."""
    (folder / "sw.yaml").write_text(SWEEP, encoding="ascii")
    sweep(bitline, folder, "o")
    expect(not list((folder / "o").glob("run.db-*")), "a log is left")
    (folder / "disk").mkdir()
    if may_mount(folder):
        words = [*shell_in_namespace(READ_ONLY), sys.executable, "-c", COUNT.format("disk/o")]
        done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
        expect(done.returncode == 0 and done.stdout == "9\n", f"{done}")
    (folder / "o").chmod(0o500)
    try:
        with sqlite3.connect(f"file:{folder}/o/run.db?mode=ro", uri=True) as db:
            rows, = db.execute("select count(*) from trial").fetchone()
        db.close()
    finally:
        (folder / "o").chmod(0o700)
    expect(rows == 9, f"{rows} rows")
