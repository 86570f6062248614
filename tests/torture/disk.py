#!/usr/bin/env python3
"""A disk that is too small, and larger with every step: at every size a small sweep, training and
search either end with exit code 1, a sentence and no incomplete file, or with all their files.

First a limit on the size of files (RLIMIT_FSIZE), which works everywhere; then, for root, a tmpfs of
growing size in a mount namespace of its own.
"""
import os
import pathlib
import resource
import shutil
import subprocess
import sys

from jobs import JOBS, Job, files_of, folder_for

STEPS = 16


def sizes(largest):
    """From nothing to a little more than `largest` bytes, more densely at the small end."""
    return sorted({int(largest * (i / STEPS) ** 2) for i in range(STEPS)} |
                  {largest - 1, largest, 2 * largest + 65536})


def limit(size):
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def by_limit(job):
    job.run("largest")
    largest = max(len(data) for data in files_of(job.folder / "largest").values())
    bad, codes = [], set()
    for size in sizes(largest):
        out = f"limit-{size}"
        code, said = job.run(out, preexec=limit(size))
        codes.add(code)
        faults = job.faults(out, code, said)
        if code != 0:
            faults += job.resume_faults(out)
        bad += [f"{size} bytes: {text}: {said[-200:]!r}" for text in faults]
        shutil.rmtree(job.folder / out, ignore_errors=True)
    if codes != {0, 1}:
        bad.append(f"codes {codes}: the ladder is too short")
    return bad


def may_mount():
    done = subprocess.run(["unshare", "-m", "sh", "-c", "mount -t tmpfs -o size=64k tmpfs /mnt"],
                          capture_output=True, check=False)
    return done.returncode == 0


def by_tmpfs(job):
    """The script copies what is left on the small disk to the folder, which is looked at later."""
    whole = sum(len(data) for data in files_of(job.folder / "one").values())
    bad, codes = [], set()
    place, left = job.folder / "small", job.folder / "left"
    place.mkdir()
    script = ("mount -t tmpfs -o size=$SIZE tmpfs small || exit 99; \"$@\"; code=$?; "
              "cp -r small/. left; exit $code")
    # A store needs its table of pages in memory, its journal and itself at once.
    for size in sizes(4 * whole + 262144):
        left.mkdir()
        size = max(size, 4096)
        job.env["SIZE"] = str(size)
        code, said = job.run("small/out", before=["unshare", "-m", "sh", "-c", script, "sh"])
        codes.add(code)
        (left / "out").mkdir(exist_ok=True)
        faults = job.faults("left/out", code, said)
        if code != 0:
            faults += job.resume_faults("left/out")
        bad += [f"{size} bytes: {text}: {said[-200:]!r}" for text in faults]
        shutil.rmtree(left)
    if codes != {0, 1}:
        bad.append(f"codes {codes}: the ladder is too short")
    return bad


def main():
    bitline = pathlib.Path(sys.argv[1])
    mounts = os.geteuid() == 0 and may_mount()
    cases = [(f"{name}, {kind.__name__}", name, kind) for kind in (by_limit, by_tmpfs)
             for name in JOBS]
    print(f"1..{len(cases)}")
    failed = 0
    with folder_for("disk") as folder:
        jobs = {name: Job(bitline, folder, name) for name in JOBS}
        for i, (title, name, kind) in enumerate(cases, 1):
            if kind is by_tmpfs and not mounts:
                print(f"ok {i} - {title} # SKIP no right to mount", flush=True)
                continue
            bad = kind(jobs[name])
            failed += bool(bad)
            print(f"{'not ok' if bad else 'ok'} {i} - {title}", flush=True)
            for line in bad:
                print("# " + line.replace("\n", " "), flush=True)
    return int(failed > 0)


sys.exit(main())
