"""Records what 200 commands over all subcommands write, and compares two recordings.

record.py run BITLINE FOLDER     runs them, each in a folder of its own below FOLDER
record.py compare OLD NEW        says where two recordings differ, byte for byte; exit 1 if they do

A recording holds stdout, stderr, the exit code and every file that a command writes. Times, rates,
versions and the folder's name are taken out. What stores hold is written out as SQL, without the
tables of times.
"""
import pathlib
import re
import shutil
import sqlite3
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
TESTS = HERE.parent

CHIPS = ["hawis", "hawis-q8", "hawis-sa", "hawis-tolerance", "ideal", "isaac-ce", "mnsim-default"]
NETS = ["alexnet", "lenet5", "mlp", "resnet18", "resnet20", "resnet20-bireal", "resnet32",
        "resnet8", "signs", "vgg16", "vgg8"]
ADC = "adc={preset: none, bits: %s, time: 1 ns, energy: 1 pJ, area: 100 um2, count: 128}"
EVAL = ["--weights", "train-signs", "--images", "40"]
SWEEP = ["sweep", "sweep.yaml", "--out", "out"]
TRAIN = ["train", "train.yaml", "--out", "out"]
SEARCH = ["search", "search.yaml", "--out", "out"]

JOBS = {
    "sweep.yaml": "name: small\nchip: hawis\nnet: signs\nform: binary\nweights: train-signs\n"
                  "data: synth\nimages: 20\ntrials: 2\nsweep:\n"
                  "  - {path: sa0, values: [0, 0.05]}\n  - {path: adc.bits, values: [8]}\n",
    "train.yaml": "name: small\nnet: signs\nform: binary\ndata: synth\nimages: 300\nepochs: 2\n"
                  "batch: 20\nheld_out: 0.1\nbackend: reference\noptimiser: {rate: 0.1}\n",
    "search.yaml": "name: small\nchip: hawis\nnet: resnet20\nform: binary\nepisodes: 8\nagent: random\n"
                   "seed: 1\n",
    "net.yaml": "name: own\ninput: {channels: 3, height: 8, width: 8}\nclasses: 10\nlayers:\n"
                "  - {name: conv1, kind: conv, out: 8, kernel: 3, pad: 1}\n"
                "  - {name: conv2, kind: conv, out: 8, kernel: 3, pad: 1}\n"
                "  - {name: add, kind: add, shortcut: conv1}\n"
                "  - {name: fc, kind: linear, out: 10}\n",
    "chip.yaml": "extends: hawis\nname: own\ncrossbar: {rows: 128, columns: 128}\n",
    "broken.yaml": "name: own\nlayres: []\n",
}


def runs():
    yield from (["run", chip, net, "--json"] for chip in CHIPS for net in ("resnet20", "lenet5", "vgg8"))
    yield from (["run", "hawis", net] for net in NETS)
    yield from (["run", "isaac-ce", net, "--form", form, "--json"]
                for net in ("resnet20", "lenet5") for form in ("int8", "int16"))
    yield from (["run", "hawis", "resnet20", "--policy", policy, "--noc", noc, "--json"]
                for policy in ("exact", "mnsim") for noc in ("calendar", "ideal", "simgrid"))
    yield from (["run", "hawis", "resnet20", "--width", width, "--json"]
                for width in ("0.5x", "2x", "3x"))
    for option in (["--images", "3"], ["--tokens", "windows"], ["--csv", "tables"],
                   ["--trace", "t.json"], ["--trace", "t.csv"], ["--trace", "t.paje"],
                   ["--set", "mapping.policy=dense"], ["--set", "mapping.replicate=true"],
                   ["--set", "crossbar.polarity=single"], ["--set", ADC % 6],
                   ["--set", "noc.topology=torus"], ["--set", "noc.topology=tree"],
                   ["--set", "noc.topology=bus"], ["--set", "tile.input_rows=6"],
                   ["--set", "crossbar.rows=128"], ["--set", "adc.count=8"], ["--set", "dac.count=64"],
                   ["--set", "pe.crossbars=4"], ["--set", "noc.columns=32"],
                   ["--set", "cell.bits=2", "--form", "int8"], ["--seed", "9"]):
        yield ["run", "hawis", "lenet5", *option, "--json"]
    yield ["run", "hawis", "resnet20", "--widths", ",".join(["20"] * 19), "--json"]
    yield ["run", "hawis-q8", "resnet8", "--form", "int8", "--json"]
    yield ["run", "./chip.yaml", "./net.yaml", "--json"]
    yield ["run", "ideal", "./net.yaml", "--form", "int8"]


def shows():
    yield from (["show", "chip", chip] for chip in CHIPS)
    yield from (["show", "net", net] for net in NETS)
    yield from (["show", "net", "resnet20", "--form", form] for form in ("int8", "float"))
    yield from (["show", "schema", kind] for kind in ("chip", "net", "workload", "train", "search"))
    yield from (["show", "net", net, "--width", "2x"] for net in ("lenet5", "vgg8", "signs", "mlp"))
    yield from (["list", kind] for kind in ("chips", "nets", "workloads"))
    yield from (["show", "chip", "hawis", option] for option in ("--parts", "--inherited"))
    yield ["show", "chip", "./chip.yaml"]
    yield ["show", "net", "./net.yaml"]


def evals():
    for option in ([], ["--json"], ["--sa0", "0.05"], ["--sa1", "0.05"], ["--sigma", "0.2"],
                   ["--sa0", "0.02", "--trials", "3", "--json"], ["--sa0", "0.02", "--jobs", "2"],
                   ["--set", ADC % 4], ["--set", "crossbar.polarity=single"],
                   ["--seed", "7", "--sa0", "0.1"], ["--activity", "activity.json"],
                   ["--reference", "float"], ["--cpu", "scalar"],
                   ["--set", "defects.read_noise=0.01"], ["--set", "defects.word_lines=0.01"],
                   ["--set", "defects.adc_offset=0.5"]):
        yield ["eval", "hawis", "signs", *EVAL, *option]
    yield ["eval", "ideal", "signs", *EVAL]
    yield ["eval", "ideal", "signs", *EVAL, "--sa0", "0.1"]
    yield from (["eval", "hawis", "signs", *EVAL, "--sa0", "0.1", "--sigma", "0.2", "--mitigate", how]
                for how in ("bn", "gain", "bn,gain"))
    yield from (["eval", chip, "signs", *EVAL, "--json"] for chip in ("hawis-q8", "hawis-tolerance", "isaac-ce"))
    yield from (["eval", "hawis", "signs", *EVAL, "--set", setting, "--json"]
                for setting in (ADC % 6, "cell.bits=2", "mapping.policy=dense"))


def jobs():
    yield SWEEP
    yield [*SWEEP, "--json", "--jobs", "2"]
    yield [*SWEEP, "--set", "stop={interval: 0.5, least: 2}"]
    yield [*SWEEP, "--set", "sweep=[{path: sigma, from: 0, to: 0.2, step: 0.1}]"]
    yield TRAIN
    yield [*TRAIN, "--json"]
    yield [*TRAIN, "--set", "form=float"]
    yield [*TRAIN, "--set", "optimiser={kind: adam, rate: 0.002}"]
    yield [*TRAIN, "--set", "epochs=1"]
    for agent in ("random", "evolution", "nsga2", "cmaes", "greedy", "ddpg"):
        yield [*SEARCH, "--agent", agent]
    yield [*SEARCH, "--json"]
    yield [*SEARCH, "--set", "episodes=16", "--set", "agent=nsga2"]
    yield [*SEARCH, "--set", "agent=ddpg-haq"]
    yield [*SEARCH, "--set", "seed=5"]
    yield [*SEARCH, "--jobs", "2"]


def checks():
    yield from (["check", chip] for chip in CHIPS)
    yield from (["check", net, "--set", "net.residual_bits=12"] for net in ("resnet20", "lenet5"))
    yield ["check", "hawis", "resnet20"]
    yield ["check", "sweep.yaml", "train.yaml", "search.yaml"]
    yield ["check", "chip.yaml", "net.yaml"]
    yield ["check", "broken.yaml"]
    yield ["check", "search-synth", "train-synth"]


def traces():
    for sample in sorted((TESTS.parent / "traces" / "samples").glob("*.*")):
        if sample.suffix in (".json", ".csv"):
            yield from (["trace", str(sample), *option] for option in ([], ["--json"]))


def refusals():
    yield from ([command, "--help"] for command in
                ("run", "eval", "sweep", "train", "search", "show", "list", "check", "trace"))
    yield from (["--help"], ["--version"], [], ["rum"], ["run"], ["run", "hawis"],
                ["run", "hawsi", "resnet20"], ["run", "hawis", "resnet20", "--images", "0"],
                ["run", "hawis", "resnet20", "--form", "float"],
                ["run", "hawis", "resnet20", "--set", "adc.bitts=3"],
                ["run", "hawis", "resnet20", "--set", "cell.r_lrs=3"],
                ["run", "hawis", "./broken.yaml"], ["eval", "hawis", "signs"],
                ["eval", "hawis", "signs", "--weights", "nowhere"],
                ["eval", "hawis", "resnet20", "--weights", "train-signs"],
                ["sweep", "nowhere.yaml"], ["train", "sweep.yaml"], ["search", "train.yaml"],
                ["trace", "net.yaml"], [*TRAIN, "--set", "epochs=-1"],
                [*SEARCH, "--agent", "nobody"], [*SWEEP, "--set", "trials=0"])


def commands():
    found = []
    for part in (runs, shows, evals, jobs, checks, traces, refusals):
        found += part()
    return found


# What differs between two runs of one program, or is its version.
VOLATILE = [
    (rb"\d+(\.\d+)?(e[+-]\d+)? images/s", b"RATE images/s"),
    (rb'("images_per_second"|"seconds"|"wall_s"): [-+.0-9e]+', rb"\1: TIME"),
    (rb"\d+\.\d+\.\d+-[0-9]*-?g?[0-9a-f]{7,}(-dirty)?", b"VERSION"),
    (rb"[0-9.]+ MB\b", b"SIZE MB"),
    (rb"(?m)^( *\d+ .* %  +[-+.0-9e]+)  [0-9.]+$", rb"\1  TIME"), # the last column of epochs
    (rb"(\d+:)?\d+:\d\d left", b"LEFT left"),
]


def scrub(text, folder):
    text = text.replace(str(folder).encode(), b"FOLDER").replace(str(TESTS.parent).encode(), b"ROOT")
    for pattern, instead in VOLATILE:
        text = re.sub(pattern, instead, text)
    return text


def dump(path):
    """The rows of a store but for times."""
    with sqlite3.connect(path) as db:
        lines = [line for line in db.iterdump() if "_time" not in line.split("(")[0]]
    return "\n".join(lines).encode()


def record(bitline, command, folder):
    work = folder / "work"
    work.mkdir(parents=True)
    for name, text in JOBS.items():
        (work / name).write_text(text, encoding="ascii")
    done = subprocess.run([bitline, *command], cwd=work, stdin=subprocess.DEVNULL,
                          capture_output=True, timeout=600, check=False)
    said = b"exit %d\n" % done.returncode + b"--- stdout\n" + done.stdout + b"--- stderr\n"
    (folder / "said").write_bytes(scrub(said + done.stderr, work))
    (folder / "command").write_text(
        " ".join(command).replace(str(TESTS.parent), "ROOT") + "\n", encoding="utf-8")
    for path in sorted(work.rglob("*")):
        name = str(path.relative_to(work)).replace("/", "~")
        if path.is_dir() or name in JOBS or re.search(r"-(wal|shm)$|seconds|checkpoint", name):
            continue
        data = dump(path) if path.suffix == ".db" else scrub(path.read_bytes(), work)
        (folder / name).write_bytes(data)
    shutil.rmtree(work)


def run(bitline, folder):
    folder = pathlib.Path(folder).resolve()
    todo = commands()
    for number, command in enumerate(todo):
        record(pathlib.Path(bitline).resolve(), command, folder / f"{number:03}")
        print(f"\r{number + 1}/{len(todo)}", end="", file=sys.stderr, flush=True)
    print(f"\n{len(todo)} commands recorded")


def compare(old, new):
    old, new = pathlib.Path(old), pathlib.Path(new)
    names = [sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())
             for root in (old, new)]
    bad = sorted(set(names[0]) ^ set(names[1]))
    bad += [name for name in names[0] if name in names[1] and
            (old / name).read_bytes() != (new / name).read_bytes()]
    for name in bad:
        root = new if (new / name).parent.is_dir() else old
        print(f"{name}: {(root / name).parent.joinpath('command').read_text().strip()}")
    print(f"{len(names[0])} files, {len(bad)} differ")
    return 1 if bad else 0


if __name__ == "__main__":
    if len(sys.argv) == 4 and sys.argv[1] == "run":
        run(*sys.argv[2:])
    elif len(sys.argv) == 4 and sys.argv[1] == "compare":
        sys.exit(compare(*sys.argv[2:]))
    else:
        sys.exit(__doc__)
