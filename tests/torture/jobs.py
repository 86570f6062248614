"""Three small jobs that torture.py and disk.py run, and what must hold of a folder that one leaves."""
import os
import pathlib
import re
import shutil
import subprocess
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
epochs: 2
batch: 16
seed: 3
backend: reference
optimiser: {kind: sgd, rate: 0.1}
checkpoint: {steps: 2, seconds: 0}
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
INPUTS = {"net.yaml": NET, "train.yaml": TRAIN, "sweep.yaml": SWEEP, "search.yaml": SEARCH}
JOBS = ("sweep", "train", "search")
# Files that may be there, half a job old, when a job has failed.
GROWING = re.compile(r"\.db(-wal|-shm|-journal)?$|(^|/)checkpoint(\.old|\.new)?$|(^|/)metrics\.csv$|"
                     r"(^|/)times?\.csv$")
TEMPORARY = re.compile(r"\.bitline-\d+-\d+\.tmp$")


def files_of(folder):
    found = {}
    for at, _, names in os.walk(folder):
        for name in names:
            path = pathlib.Path(at) / name
            found[str(path.relative_to(folder))] = path.read_bytes()
    return found


class Job:
    """One of JOBS in a folder of its own, and the files that it must leave."""

    def __init__(self, bitline, folder, kind):
        self.bitline, self.kind = pathlib.Path(bitline).resolve(), kind
        self.folder = pathlib.Path(folder) / kind
        self.folder.mkdir()
        self.env = {k: v for k, v in os.environ.items() if k != "BITLINE_PATH"}
        self.env.update(LC_ALL="C")
        for name, text in INPUTS.items():
            (self.folder / name).write_text(text, encoding="ascii")
        self.start("train", "train.yaml", "--out", "w")
        shutil.move(self.folder / "w" / "weights.safetensors", self.folder / "w.safetensors")
        wholes = []
        for out in ("one", "two"):
            self.start(*self.words(out))
            wholes.append(files_of(self.folder / out))
        self.names = set(wholes[0])
        self.whole = {name: data for name, data in wholes[0].items() if wholes[1][name] == data}

    def start(self, *words):
        subprocess.run([self.bitline, *words], cwd=self.folder, env=self.env, check=True,
                       capture_output=True)

    def words(self, out):
        """`out` may be a path."""
        return [self.kind, f"{self.kind}.yaml", "--jobs", "2", "--out", os.fspath(out)]

    def run(self, out, *args, before=(), preexec=None):
        done = subprocess.run([*before, self.bitline, *self.words(out), *args], cwd=self.folder,
                              env=self.env, stdin=subprocess.DEVNULL, capture_output=True,
                              timeout=600, check=False, preexec_fn=preexec)
        return done.returncode, done.stderr.decode(errors="replace")

    def faults(self, out, code, said):
        """What is wrong with the end of a run, as sentences: a code of 0 promises all files, complete;
        another one a sentence, and no file that is not complete."""
        found = files_of(self.folder / out)
        bad = [f"{name} is left" for name in found if TEMPORARY.search(name)]
        if code == 0:
            bad += [f"{name} is missing" for name in self.names - found.keys()
                    if not GROWING.search(name)
                    and not (name.endswith(".svg") and re.search("^bitline: no picture", said, re.M))]
            # Finished stores are single files, unless somebody reads them. An index that could not
            # be removed means nothing once the store has left WAL mode (bytes 18 and 19 are 1).
            bad += [f"{name} is left" for name in found
                    if name.endswith(("-wal", "-shm")) and "another program has it open" not in said
                    and not (name.endswith("-shm") and found[name[:-4]][18:20] == b"\1\1")]
        elif code != 1:
            bad.append(f"exit {code}")
        elif not re.search(r"^bitline: .{12,}", said.replace("bitline: warning", ""), re.M):
            bad.append("no sentence")
        for name, data in found.items():
            if name in self.whole and data != self.whole[name]:
                if code == 0 or not GROWING.search(name):
                    bad.append(f"{name} differs")
        return bad

    def resume_faults(self, out):
        code, said = self.run(out, "--resume")
        if code != 0:
            return [f"--resume: exit {code}: {said[-300:]}"]
        return [f"--resume: {bad}" for bad in self.faults(out, code, said)]


def folder_for(name):
    return tempfile.TemporaryDirectory(prefix=f"bitline-{name}-")
