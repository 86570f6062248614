#!/usr/bin/env python3
"""Small runs in which the n-th allocation fails, whoever asks for it; libraries too.

For every n that is tried, a command either ends with exit code 1 and a sentence, or gives what it
gives with enough memory. Whatever it leaves, no temporary file is among it, output files are
complete or absent, and --resume then ends with the same bytes.

usage: allocations.py BITLINE FAIL_ALLOC [--all] [--case NAME] [--from N] [--to N] [--step N]
--all: every n, not a selection (hours)
"""
import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile

NET = """\
name: tiny
input: {channels: 1, height: 28, width: 28, bits: 8}
classes: 10
default_form: binary
layers:
  - {name: conv1, kind: conv, out: 4, kernel: 5, stride: 4}
  - {name: fc, kind: linear, out: 10}
"""
TRAIN = """\
name: tiny-train
net: ./net.yaml
form: binary
data: synth
images: 48
test_images: 10
epochs: 1
batch: 16
seed: 3
optimiser: {kind: sgd, rate: 0.1}
checkpoint: {steps: 1, seconds: 0}
"""
SWEEP = """\
name: tiny-sweep
chip: hawis
net: ./net.yaml
weights: ./w.safetensors
data: synth
images: 20
trials: 2
sweep:
  - {path: sa0, values: [0, 0.1]}
"""
SEARCH = """\
name: tiny-search
chip: hawis
net: ./net.yaml
form: binary
space: {least: 1, most: 4, step: 4}
accuracy: {source: formula, formula: {ceiling: 0.9, loss: 0.1, power: 1.3, front: 2}}
reward: {form: limits, limits: {energy: 20 uJ}}
agent: evolution
episodes: 4
round: 2
"""
FILES = {"net.yaml": NET, "train.yaml": TRAIN, "sweep.yaml": SWEEP, "search.yaml": SEARCH}

# name: command, folder of its output, whether --resume goes on
CASES = {
    "check": ("check hawis ./net.yaml ./train.yaml ./sweep.yaml ./search.yaml", None, False),
    "show": ("show chip hawis", None, False),
    "list": ("list chips", None, False),
    "run": ("run hawis ./net.yaml --csv out", "out", False),
    "trace": ("run hawis ./net.yaml --json --trace t.json", None, False),
    "read": ("trace ./trace.json", None, False),
    "simgrid": ("run hawis ./net.yaml --noc simgrid --set noc.columns=8 --set noc.rows=8", None,
                False),
    "eval": ("eval hawis ./net.yaml --weights ./w.safetensors --data synth --images 20 "
             "--sa0 0.1 --trials 2 --jobs 2", None, False),
    "train": ("train ./train.yaml --out out --jobs 2", "out", True),
    "onednn": ("train ./train.yaml --set backend=auto --out out", "out", True),
    "sweep": ("sweep ./sweep.yaml --out out --jobs 2", "out", True),
    "search": ("search ./search.yaml --out out --jobs 2", "out", True),
}
# What may differ between two runs: the seconds that work took, and the stores, which hold them.
# A picture is drawn by another program.
VOLATILE = re.compile(r"\.db(-wal|-shm)?$|\.svg$|(^|/)checkpoint(\.old)?$|timing|seconds")
SELECTED = 7  # per case and mode in the selection, besides the first few


def scrub(text):
    """Without what depends on the clock."""
    text = re.sub(r"\d+(\.\d+)? (s|ms|min)\b", "TIME", text)
    text = re.sub(r"\d+(\.\d+)? images/s", "RATE", text)
    return re.sub(r'"seconds": [0-9.e+-]+', "SECONDS", text)


def scrub_file(name, data):
    return data


def files_of(folder):
    found = {}
    for at, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(at, name)
            with open(path, "rb") as f:
                found[os.path.relpath(path, folder)] = scrub_file(name, f.read())
    return found


class Case:
    def __init__(self, tools, name, base):
        self.tools, self.name, self.base = tools, name, base
        command, self.out, self.resumes = CASES[name]
        self.command = command.split()
        self.work = base + "-" + name
        self.fresh()
        done = self.run([], {"FAIL_COUNT": "count"})
        assert done.returncode == 0, done.stderr
        with open(os.path.join(self.work, "count"), encoding="ascii") as f:
            self.count = int(f.read())
        os.remove(os.path.join(self.work, "count"))
        self.stdout, self.files = scrub(done.stdout), files_of(self.work)

    def fresh(self):
        shutil.rmtree(self.work, ignore_errors=True)
        shutil.copytree(self.base, self.work)

    def run(self, extra, env):
        env = {**os.environ, "LD_PRELOAD": self.tools[1], **env}
        return subprocess.run([self.tools[0], *self.command, *extra], cwd=self.work, text=True,
                              env=env, capture_output=True, timeout=1200, check=False,
                              errors="replace")

    def compare(self, found, whole):
        """A file is that of the undisturbed run, or (not whole) is absent."""
        bad = [n for n in found if n.endswith(".tmp")]
        for name, data in self.files.items():
            if VOLATILE.search(name):
                continue
            if name not in found:
                bad += [name + " is missing"] if whole else []
            elif found[name] != data and (whole or not self.is_partial(name)):
                bad.append(name + " differs")
        return bad

    @staticmethod
    def is_partial(name):
        """Files that grow while a run goes on, epoch by epoch."""
        return name.endswith("metrics.csv")

    def attempt(self, n, once):
        self.fresh()
        done = self.run([], {"FAIL_AT": str(n), "FAIL_ONCE": "1" if once else "0"})
        found = files_of(self.work)
        if done.returncode == 0:
            bad = self.compare(found, True)
            if scrub(done.stdout) != self.stdout:
                bad.append("stdout differs")
        elif done.returncode == 1:
            bad = self.compare(found, False)
            if not re.search(r"^bitline(-mpi)?: .{12,}", done.stderr, re.M) and \
                    "libgomp: Out of memory" not in done.stderr:
                bad.append("no sentence")
        else:
            bad = [f"exit {done.returncode}"]
        if self.resumes and not bad and done.returncode == 1:
            again = self.run(["--resume"], {})
            if again.returncode != 0:
                bad.append(f"--resume ends with {again.returncode}: {again.stderr[-300:]}")
            else:
                bad = ["--resume: " + b for b in self.compare(files_of(self.work), True)]
        if bad:
            print(f"# {self.name} n={n} once={once}: {'; '.join(bad)}: {done.stderr[-400:]!r}")
        return not bad


def selection(count, tries):
    """The first ones, and others that an odd step spreads over all."""
    few = list(range(1, min(2, count) + 1))
    step = max(1, count // tries)
    return sorted(set(few + list(range(5 + step // 3, count + 1, step))))


def prepare(tools, base):
    os.makedirs(base)
    for name, text in FILES.items():
        with open(os.path.join(base, name), "w", encoding="ascii") as f:
            f.write(text)
    for command in ("train ./train.yaml --out w", "run hawis ./net.yaml --trace trace.json"):
        subprocess.run([tools[0], *command.split()], cwd=base, check=True, capture_output=True)
    shutil.move(os.path.join(base, "w", "weights.safetensors"),
                os.path.join(base, "w.safetensors"))
    shutil.rmtree(os.path.join(base, "w"))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("bitline")
    parser.add_argument("fail_alloc")
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--case", action="append")
    parser.add_argument("--from", dest="first", type=int, default=1)
    parser.add_argument("--to", dest="last", type=int, default=10**9)
    parser.add_argument("--step", type=int, default=0)
    a = parser.parse_args()
    tools = (os.path.abspath(a.bitline), os.path.abspath(a.fail_alloc))
    failed, names = 0, a.case or list(CASES)
    print(f"1..{len(names)}")
    with tempfile.TemporaryDirectory() as top:
        base = os.path.join(top, "base")
        prepare(tools, base)
        for i, name in enumerate(names):
            case = Case(tools, name, base)
            last = min(case.count + 1, a.last)
            tried = range(a.first, last + 1, a.step or 1) if a.all or a.step else \
                selection(case.count, SELECTED)
            ok = True
            for n in tried:
                for once in (False, True):
                    ok = case.attempt(n, once) and ok
            failed += not ok
            print(f"{'ok' if ok else 'not ok'} {i + 1} - {name}: {len(tried)} of {case.count} "
                  "allocations fail", flush=True)
            shutil.rmtree(case.work)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
