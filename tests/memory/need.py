#!/usr/bin/env python3
"""What needs more memory than there is, is refused before anything is allocated, with exit code 2
and the estimate; what slips through ends with exit code 1 and a sentence.

usage: need.py BITLINE
"""
import os
import re
import resource
import struct
import subprocess
import sys
import tempfile

GIB = 1 << 30
# 2^28 tokens of 16 bytes in each channel.
MAPS = """\
name: maps
input: {channels: 1, height: 16384, width: 16384, bits: 8}
classes: 2
default_form: int8
layers:
  - {name: c, kind: conv, out: 1, kernel: 1}
  - {name: c2, kind: conv, out: 1, kernel: 1}
  - {name: h, kind: head}
  - {name: fc, kind: linear, out: 2}
"""
# l2 has 30000 x 30000 = 9e8 weights, which a weights file of 4 GiB can hold.
WIDE = """\
name: wide
input: {channels: 1, height: 28, width: 28, bits: 8}
classes: 10
default_form: binary
layers:
  - {name: c, kind: conv, out: 4, kernel: 5, stride: 4}
  - {name: l1, kind: linear, out: 30000}
  - {name: l2, kind: linear, out: 30000}
  - {name: fc, kind: linear, out: 10}
"""
TRAIN = ("name: t\nnet: {net}\nform: binary\ndata: synth\nimages: 100\nepochs: 1\n"
         "batch: {batch}\noptimiser: {{rate: 0.1}}\n")
SWEEP = ("name: s\nchip: hawis\nnet: ./wide.yaml\nweights: ./w.safetensors\ndata: synth\n"
         "images: 20\ntrials: 1\nsweep:\n  - {path: sa0, values: [0, 0.1]}\n")
SMALL = ("name: small\ninput: {channels: 1, height: 28, width: 28, bits: 8}\nclasses: 10\n"
         "default_form: binary\nlayers:\n"
         "  - {name: c, kind: conv, out: 64, kernel: 5, pad: 2}\n"
         "  - {name: fc, kind: linear, out: 10}\n")
failed = 0


def run(bitline, folder, command, limit=None):
    def limited():
        if limit:
            resource.setrlimit(resource.RLIMIT_AS, (limit, limit))

    return subprocess.run([bitline, *command.split()], cwd=folder, capture_output=True, text=True,
                          preexec_fn=limited, check=False, timeout=1200)


def report(number, ok, name, done):
    global failed
    failed += not ok
    print(f"{'ok' if ok else 'not ok'} {number} - {name}", flush=True)
    if not ok:
        print(f"# exit {done.returncode}: {done.stderr[-500:]!r}")


def refused(done, least, most):
    """With exit code 2 and an estimate between the two, in bytes."""
    match = re.search(r"needs at least ([0-9.e+]+) (\w+) of memory, this (machine|process)",
                      done.stderr)
    if done.returncode != 2 or not match or done.stdout:
        return False
    unit = {"MiB": 1 << 20, "GiB": GIB, "TiB": 1 << 40}[match.group(2)]
    return least <= float(match.group(1)) * unit <= most


def holes(path):
    """4 GB of values, as its header says; none is on the disk."""
    header = b'{"a":{"dtype":"F32","shape":[1000000000],"data_offsets":[0,4000000000]}} '
    header += b" " * (-len(header) % 8)
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(header)) + header)
        f.truncate(8 + len(header) + 4000000000)


def main():
    bitline = os.path.abspath(sys.argv[1])
    with tempfile.TemporaryDirectory() as folder:
        for name, text in (("maps", MAPS), ("wide", WIDE), ("small", SMALL), ("sweep", SWEEP),
                           ("train", TRAIN.format(net="./wide.yaml", batch=50)),
                           ("batch", TRAIN.format(net="./small.yaml", batch=65536))):
            with open(os.path.join(folder, name + ".yaml"), "w", encoding="ascii") as f:
                f.write(text)
        holes(os.path.join(folder, "holes.safetensors"))
        before = sorted(os.listdir(folder))
        print("1..9")
        done = run(bitline, folder, "run ideal ./maps.yaml --tokens windows", 4 * GIB)
        report(1, refused(done, 8 * GIB, 16 * GIB), "tokens of a simulation", done)
        done = run(bitline, folder, "run ideal ./maps.yaml --tokens windows --trace t.json",
                   4 * GIB)
        report(2, refused(done, 16 * GIB, 64 * GIB), "spans of a trace", done)
        # At least weights, gradients, momentum and what products read, each of 9e8 floats.
        weights = 4 * 9e8
        trained = run(bitline, folder, "train ./train.yaml --out out", 4 * GIB)
        report(3, refused(trained, 3 * weights, 12 * weights), "weights of a training", trained)
        done = run(bitline, folder, "check ./train.yaml", 4 * GIB)
        report(4, done.returncode == 2 and done.stderr == trained.stderr,
               "check says what train says", done)
        # 65536 images with 64 maps of 28 x 28, as floats.
        done = run(bitline, folder, "train ./batch.yaml --out out", 4 * GIB)
        report(5, refused(done, 65536 * 64 * 784 * 4, 65536 * 64 * 784 * 4 * 6), "a large batch",
               done)
        done = run(bitline, folder, "eval hawis ./wide.yaml --weights w.safetensors", 4 * GIB)
        report(6, refused(done, weights, 4 * weights), "weights of an evaluation", done)
        done = run(bitline, folder, "check ./sweep.yaml", 4 * GIB)
        report(7, refused(done, weights, 4 * weights), "check of a sweep", done)
        # Refused by its header, in less memory than the file has.
        done = run(bitline, folder, "eval hawis ./small.yaml --weights ./holes.safetensors",
                   3 * GIB)
        report(8, done.returncode == 2 and "has no tensor 'c.weight'" in done.stderr,
               "a weights file of holes", done)
        ok = sorted(os.listdir(folder)) == before
        for limit in (1 << s for s in range(24, 33)):
            done = run(bitline, folder, "run hawis resnet20 --json", limit)
            ok = ok and done.returncode in (0, 1, 2, 127)  # 127: no memory for its libraries
            ok = ok and (done.returncode != 1 or done.stderr.startswith("bitline: out of memory"))
        report(9, ok, "limits from 16 MiB to 4 GiB", done)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
