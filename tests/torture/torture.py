#!/usr/bin/env python3
"""The n-th call of a system call fails, by strace, in a small sweep, training and search.

For every n that is tried: exit code 0 promises the files of an undisturbed run; else the code is 1,
stderr has a sentence and no incomplete file is left; --resume then ends with the same bytes.

usage: torture.py BITLINE [--all] [--job NAME] [--call NAME]
--all: every n, not some of those of frequent calls
"""
import argparse
import concurrent.futures
import os
import pathlib
import re
import shutil
import subprocess
import sys

from jobs import JOBS, Job, folder_for

# pread64 does not fail by EIO, which SQLite reports as a damaged file. Not close: strace skips the
# call that it lets fail, so that the descriptor stays open, which Linux never does; whoever waits for
# the end of a pipe then waits for ever.
CALLS = {
    "write": "ENOSPC", "pwrite64": "EIO", "fsync": "EIO", "fdatasync": "EIO", "rename": "EACCES",
    "openat": "EMFILE", "clone": "EAGAIN", "clone3": "EAGAIN", "mmap": "ENOMEM", "ftruncate": "EIO",
    "pipe2": "EMFILE", "mkdir": "EACCES", "flock": "ENOLCK", "unlink": "EACCES",
    "read": "EIO", "pread64": "ESTALE", "fcntl": "ENOLCK", "poll": "ENOMEM", "newfstatat": "EIO",
}
FEW = 40  # calls of a kind that are all tried; of more, so many spread over all


def strace(*args):
    """Of bitline and its workers, not of gnuplot, which ignores that its output is not written."""
    return ["strace", "-f", "-b", "execve", "-qq", *args]


def usable():
    if not shutil.which("strace"):
        return "strace is not installed"
    done = subprocess.run(strace("-e", "trace=mkdir", "-e", "inject=mkdir:error=EIO:when=1", "true"),
                          capture_output=True, check=False)
    return None if done.returncode == 0 else f"strace cannot trace: {done.stderr.decode()[-200:]}"


def count(job, call):
    """How many calls of the process that does the most of them there are before the program sets its
    signals (the loader's), and in all."""
    log = job.folder / f"count-{call}"
    job.run(f"count-{call}-out", before=strace("-ff", "-o", os.fspath(log), "-e",
                                               f"trace={call},rt_sigaction"))
    most, loader = 0, 0
    for path in job.folder.glob(f"count-{call}.*"):
        lines = path.read_text(errors="replace").splitlines()
        calls = [i for i, line in enumerate(lines) if re.match(rf"{call}\(", line)]
        start = next((i for i, line in enumerate(lines) if "SIGXFSZ" in line), None)
        if start is not None:
            loader = max(loader, sum(i < start for i in calls))
        most = max(most, len(calls))
        path.unlink()
    shutil.rmtree(job.folder / f"count-{call}-out", ignore_errors=True)
    return loader, most


def attempt(job, call, n):
    """None: the run has no n-th call. Else what is wrong; an empty list where nothing is."""
    out = f"{call}-{n}"
    log = job.folder / f"{out}.log"
    code, said = job.run(out, before=strace("-o", os.fspath(log), "-e", f"trace={call}", "-e",
                                            f"inject={call}:error={CALLS[call]}:when={n}"))
    hit = "(INJECTED)" in log.read_text(errors="replace")
    bad = job.faults(out, code, said)
    if call == "unlink":  # it may be the removal itself that fails
        bad = [text for text in bad if not (code != 0 and text.endswith(" is left"))]
    if code != 0:
        bad += job.resume_faults(out)
    shutil.rmtree(job.folder / out, ignore_errors=True)
    log.unlink()
    if bad:
        bad.append(f"exit {code}: {said[-300:]!r}")
    return bad if hit else None


def numbers(loader, most, everything):
    """A margin, since threads do not share their calls alike in every run."""
    wanted = list(range(loader + 1, most + 3))
    step = 1 if everything or len(wanted) <= FEW else len(wanted) / FEW
    return [wanted[int(i * step)] for i in range(int(len(wanted) / step))]


def torture(job, call, pool, everything):
    loader, most = count(job, call)
    tried = numbers(loader, most, everything)
    bad, hits = [], 0
    for n, faults in zip(tried, pool.map(lambda n: attempt(job, call, n), tried)):
        hits += faults is not None
        if faults:
            bad.append(f"n={n}: {'; '.join(faults)}")
    return hits, bad


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("bitline", type=pathlib.Path)
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--job", choices=JOBS)
    parser.add_argument("--call", choices=CALLS)
    args = parser.parse_args()
    why = usable()
    if why:
        print(f"1..0 # SKIP {why}")
        return 0
    cases = [(job, call) for job in JOBS for call in CALLS
             if args.job in (None, job) and args.call in (None, call)]
    print(f"1..{len(cases)}", flush=True)
    failed = 0
    with folder_for("torture") as folder, \
            concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        jobs = {}
        for i, (name, call) in enumerate(cases, 1):
            if name not in jobs:
                jobs[name] = Job(args.bitline, folder, name)
            hits, bad = torture(jobs[name], call, pool, args.all)
            failed += bool(bad)
            print(f"{'not ok' if bad else 'ok'} {i} - {name}: {call} fails, {hits} times", flush=True)
            for line in bad:
                print("# " + line.replace("\n", " "), flush=True)
    return int(failed > 0)


sys.exit(main())
