"""Agents on the same budget: the hyper-volume of what each has found, and its best reward, over
seeds. Takes minutes; run by people.

compare.py BITLINE JOB [--episodes N] [--seeds N] [--set KEY=VALUE]...

The hyper-volume is that of (cost over the baseline's, error), below and left of the corner (the
dearest uniform net's cost, the baseline's error), as a share of that rectangle; found here from
episodes.csv, not by bitline.
"""
import argparse
import csv
import math
import pathlib
import statistics
import subprocess
import sys
import tempfile

AGENTS = ["random", "ddpg", "ddpg-haq", "evolution", "nsga2", "cmaes", "greedy"]


def table(path):
    return list(csv.DictReader(path.read_text("utf-8").splitlines()[1:]))


def volume(points, corner):
    """Of points (cost, error), both to be small."""
    area, edge = 0.0, corner[1]
    for cost, error in sorted(points):
        if cost < corner[0] and error < edge:
            area += (corner[0] - cost) * (edge - error)
            edge = error
    return area / (corner[0] * corner[1])


def run(args, agent, seed, folder):
    sets = [word for value in args.set for word in ("--set", value)]
    subprocess.run([args.bitline, "search", args.job, "--agent", agent, "--seed", str(seed),
                    "--episodes", str(args.episodes), "--out", folder, *sets],
                   check=True, stdout=subprocess.DEVNULL)
    uniform = [r for r in table(folder / "references.csv") if not r["failed"]]
    base = float(uniform[0]["energy_j"])
    corner = (max(float(r["energy_j"]) for r in uniform) / base, 1 - float(uniform[0]["accuracy"]))
    rows = [r for r in table(folder / "episodes.csv") if not r["failed"]]
    points = [(float(r["energy_j"]) / base, 1 - float(r["accuracy"])) for r in rows]
    least = min(float(r["ratio"]) for r in uniform[1:])  # the baseline may lie outside the space
    nets = [(float(r["energy_j"]) / base, 1 - float(r["accuracy"])) for r in uniform
            if float(r["ratio"]) >= least]
    return volume(points, corner), max(float(r["reward"]) for r in rows), volume(nets, corner)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bitline", type=pathlib.Path)
    parser.add_argument("job")
    parser.add_argument("--episodes", type=int, default=600)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--set", action="append", default=[])
    args = parser.parse_args()
    args.bitline = args.bitline.resolve()
    print("| agent | hyper-volume | best reward |\n|---|---|---|")
    uniform = math.nan
    for agent in AGENTS:
        found = []
        for seed in range(1, args.seeds + 1):
            with tempfile.TemporaryDirectory() as folder:
                found.append(run(args, agent, seed, pathlib.Path(folder)))
        volumes, rewards, nets = zip(*found)
        uniform = nets[0]
        spread = [statistics.stdev(v) if len(v) > 1 else 0 for v in (volumes, rewards)]
        print(f"| {agent} | {statistics.mean(volumes):.4f} +- {spread[0]:.4f} "
              f"| {statistics.mean(rewards):.4f} +- {spread[1]:.4f} |", flush=True)
    print(f"| uniform nets alone | {uniform:.4f} | |")


sys.exit(main())
