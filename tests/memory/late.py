#!/usr/bin/env python3
"""What a run will write is tried before its first step: a name or a place that could only be
refused at the end is refused at the beginning, and nothing is left behind.

usage: late.py BITLINE
"""
import os
import subprocess
import sys
import tempfile

HEAD = ("name: {name}\ninput: {{channels: 1, height: 28, width: 28, bits: 8}}\nclasses: 10\n"
        "default_form: float\nlayers:\n")
NET = HEAD.format(name="plain") + ("  - {name: c1, kind: conv, out: 4, kernel: 5, stride: 4}\n"
                                   "  - {name: fc, kind: linear, out: 10}\n")
# The batch-norm of "a" has the tensor "a.bn.bias", and so has the layer "a.bn".
TWICE = HEAD.format(name="twice") + ("  - {name: a, kind: linear, out: 8, bn: true}\n"
                                     "  - {name: a.bn, kind: linear, out: 8}\n"
                                     "  - {name: fc, kind: linear, out: 10}\n")
# 2 x 40000 x 15000 values of 4 bytes are more than the 4 GiB that a weights file may have.
LARGE = HEAD.format(name="large") + ("  - {name: c, kind: conv, out: 1, kernel: 5, stride: 4}\n"
                                     "  - {name: l1, kind: linear, out: 15000}\n"
                                     "  - {name: l2, kind: linear, out: 40000}\n"
                                     "  - {name: l3, kind: linear, out: 15000}\n"
                                     "  - {name: fc, kind: linear, out: 10}\n")
TRAIN = ("name: t\nnet: ./{net}.yaml\ndata: synth\nimages: 60\ntest_images: 10\nepochs: 1\n"
         "batch: 20\noptimiser: {{rate: 0.01}}\n")
SWEEP = ("name: s\nchip: hawis\nnet: ./plain.yaml\nform: binary\nweights: ./w.safetensors\n"
         "data: synth\nimages: 20\ntrials: 1\nsweep:\n  - {path: sa0, values: [0, 0.1]}\n")
SEARCH = ("name: f\nchip: hawis\nnet: {net}\nform: binary\nspace: {{least: 1, most: 4, step: 4}}\n"
          "accuracy: {{source: formula, formula: {{ceiling: 0.9, loss: 0.1, power: 1.3, front: 2}}}}\n"
          "reward: {{form: limits, limits: {{energy: 20 uJ}}}}\nagent: random\nepisodes: 4\n")
CSV = "28,28,1,3,3,4,0,1\n1,1,3136,1,1,10,0,1\n"
failed = 0


def below(folder):
    return sorted(os.path.join(at, name) for at, folders, names in os.walk(folder)
                  for name in folders + names)


def main():
    global failed
    bitline = os.path.abspath(sys.argv[1])
    with tempfile.TemporaryDirectory() as folder:
        files = {"plain.yaml": NET, "twice.yaml": TWICE, "large.yaml": LARGE, "sweep.yaml": SWEEP,
                 "nets.csv": CSV, "search.yaml": SEARCH.format(net="./plain.yaml"),
                 "csv.yaml": SEARCH.format(net="./nets.csv")}
        for net in ("plain", "twice", "large"):
            files["train-" + net + ".yaml"] = TRAIN.format(net=net)
        for name, text in files.items():
            with open(os.path.join(folder, name), "w", encoding="ascii") as f:
                f.write(text)
        train = [bitline, "train", "./train-plain.yaml", "--set", "form=binary", "--out", "w"]
        subprocess.run(train, cwd=folder, check=True, capture_output=True)
        os.rename(os.path.join(folder, "w", "weights.safetensors"),
                  os.path.join(folder, "w.safetensors"))
        # Where a file will be written stands a folder, or the other way round.
        for name in ("train/weights.safetensors", "sweep/points.csv", "search/best.yaml",
                     "run/slices.csv", "place.json"):
            os.makedirs(os.path.join(folder, name))
        with open(os.path.join(folder, "file"), "w", encoding="ascii"):
            pass
        cases = [
            ("check ./twice.yaml", "'a.bn.bias'; rename one of the layers"),
            ("train ./train-twice.yaml --out new", "'a.bn.bias'; rename one of the layers"),
            ("check ./train-twice.yaml", "'a.bn.bias'; rename one of the layers"),
            ("train ./train-large.yaml --out new", "a weights file holds 4294967295"),
            ("check ./large.yaml", "a weights file holds 4294967295"),
            ("train ./train-plain.yaml --out train", "weights.safetensors: is a folder"),
            ("sweep ./sweep.yaml --out sweep", "points.csv: is a folder"),
            ("search ./search.yaml --out search", "best.yaml: is a folder"),
            ("search ./csv.yaml --out new", "the nets found cannot be written"),
            ("run hawis ./plain.yaml --form binary --csv run", "slices.csv: is a folder"),
            ("run hawis ./plain.yaml --form binary --csv file", "file"),
            ("run hawis ./plain.yaml --form binary --trace place.json", "place.json: is a folder"),
            ("run hawis ./plain.yaml --form binary --trace no/t.json", "no/t.json"),
            ("eval hawis ./plain.yaml --form binary --weights ./w.safetensors --images 10 "
             "--activity place.json", "place.json: is a folder"),
        ]
        before = below(folder)
        print(f"1..{len(cases)}")
        for i, (command, says) in enumerate(cases):
            done = subprocess.run([bitline, *command.split()], cwd=folder, capture_output=True,
                                  text=True, check=False, timeout=1200)
            ok = done.returncode in (1, 2) and says in done.stderr and not done.stdout and \
                below(folder) == before
            failed += not ok
            print(f"{'ok' if ok else 'not ok'} {i + 1} - {command}", flush=True)
            if not ok:
                print(f"# exit {done.returncode}: {done.stderr[-400:]!r} "
                      f"{sorted(set(below(folder)) - set(before))}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
