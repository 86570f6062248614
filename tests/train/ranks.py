"""Does a super-net tell good widths from bad ones? Sub-nets by chance, log-uniform over its range:
their accuracy with shared weights against that of the same nets trained alone, by the same recipe.

ranks.py BITLINE JOB [--out DIR] [--nets N] [--least RHO] [--seed S] [--jobs J] [--epochs E]
         [--set KEY=VALUE]...

Writes DIR/ranks.csv and prints Spearman's rank correlation; fails where it is below RHO. What is
there already is not trained again.
"""
import argparse
import csv
import json
import pathlib
import random
import subprocess
import sys


def parse():
    parser = argparse.ArgumentParser()
    parser.add_argument("bitline", type=lambda path: str(pathlib.Path(path).resolve()))
    parser.add_argument("job")
    parser.add_argument("--out", default="ranks", type=pathlib.Path)
    parser.add_argument("--nets", default=20, type=int)
    parser.add_argument("--least", default=0.7, type=float)
    parser.add_argument("--seed", default=1, type=int)
    parser.add_argument("--jobs", default=2, type=int)
    parser.add_argument("--epochs", default=0, type=int, help="of nets alone; 0: as the super-net")
    parser.add_argument("--set", default=[], action="append", dest="sets")
    return parser.parse_args()


def train(args, job, out, *sets):
    done = args.out / f"{out}.json"
    if not done.exists():
        text = subprocess.run([args.bitline, "train", job, "--out", str(args.out / out), "--json",
                               "--resume", "--jobs", str(args.jobs),
                               *(word for one in sets for word in ("--set", one))],
                              check=True, stdout=subprocess.PIPE).stdout
        done.write_bytes(text)
    return json.loads(done.read_bytes())


def sections(path):
    """The top-level keys of a job as it was understood, and their lines."""
    found = {}
    key = None
    for line in path.read_text(encoding="utf-8").splitlines():
        if line and line[0] not in " #-":
            key = line.split(":")[0]
        if key:
            found.setdefault(key, []).append(line)
    return found


def value(lines, key):
    for line in lines:
        name, _, text = line.strip().partition(":")
        if name == key:
            return float(text)
    raise SystemExit(f"no {key} in {lines}")


def widest(path):
    """Output channels of the layers whose width can be chosen: all but the last linear one."""
    raw = path.read_bytes()
    size = int.from_bytes(raw[:8], "little")
    header = json.loads(raw[8:8 + size])
    header.pop("__metadata__", None)
    at = sorted((entry["data_offsets"][0], entry["shape"]) for entry in header.values())
    outs = [shape[0] for _, shape in at if len(shape) in (2, 4)]
    return outs[:-1]


def draw(rng, wide, least, most, step):
    widths = []
    for high in wide:
        ratio = least * (most / least) ** rng.random()
        widths.append(min(high, max(step, step * round(high / most * ratio / step))))
    return widths


def ranks(values):
    order = sorted(range(len(values)), key=lambda i: values[i])
    result = [0.0] * len(values)
    for i in order:
        same = [j for j, k in enumerate(order) if values[k] == values[i]]
        result[i] = sum(same) / len(same)
    return result


def correlation(a, b):
    mean_a, mean_b = sum(a) / len(a), sum(b) / len(b)
    product = sum((x - mean_a) * (y - mean_b) for x, y in zip(a, b))
    return product / (sum((x - mean_a) ** 2 for x in a) * sum((y - mean_b) ** 2 for y in b)) ** 0.5


def main():
    args = parse()
    args.out.mkdir(parents=True, exist_ok=True)
    train(args, args.job, "super", *args.sets)
    job = sections(args.out / "super" / "job.yaml")
    plan, width = job.pop("supernet"), job.pop("width")[0].split(":")[1].strip()
    job.pop("bn_batches", None)
    alone = args.out / "alone.yaml"
    alone.write_text("\n".join(line for lines in job.values() for line in lines) + "\n",
                     encoding="utf-8")
    weights = args.out / "super" / "weights.safetensors"
    wide, rng = widest(weights), random.Random(args.seed)
    bn = f"bn_batches={value(plan, 'bn_batches'):.0f}"
    rows = []
    for n in range(args.nets):
        widths = draw(rng, wide, value(plan, "least"), value(plan, "most"),
                      int(value(plan, "step")))
        at = f"widths=[{', '.join(map(str, widths))}]"
        shared = train(args, str(alone), f"shared{n}", at, bn, "epochs=0", f"init={weights}",
                       f"init_width={width}")
        apart = train(args, str(alone), f"alone{n}", at, bn,
                      *([f"epochs={args.epochs}"] if args.epochs else []))
        rows.append([" ".join(map(str, widths)), shared["test_accuracy"], apart["test_accuracy"]])
        print(*rows[-1], sep=", ", flush=True)
    with open(args.out / "ranks.csv", "w", encoding="ascii", newline="") as file:
        csv.writer(file).writerows([["widths", "shared", "alone"], *rows])
    rho = correlation(ranks([row[1] for row in rows]), ranks([row[2] for row in rows]))
    print(f"Spearman's rank correlation of {len(rows)} nets: {rho:.3f}")
    return 0 if rho >= args.least else 1


sys.exit(main())
