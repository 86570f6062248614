"""Every example of every --help runs as it is printed, by a shell, in the order in which it stands.

BITLINE_PATH has the jobs that ship under their own names, with fewer images, epochs and episodes;
the data sets, weights and files that examples name are small ones made here.

examples.py BITLINE [BITLINE_MPI] GOLDEN_FOLDER JOBS_FOLDER
"""
import os
import pathlib
import random
import re
import shutil
import struct
import subprocess
import sys
import tempfile

sys.path.insert(0, sys.argv[-2])
from support import Bitline, expect, run_tests  # noqa: E402

COMMANDS = ["run", "eval", "sweep", "train", "search", "show", "list", "check", "trace"]
GOLDEN, JOBS = pathlib.Path(sys.argv[-2]), pathlib.Path(sys.argv[-1])
STEP_S = 300  # what takes longer hangs
# Less of everything that takes time; what the examples themselves set stays as they say.
SHORTER = [(r"^epochs: .*", "epochs: 1"), (r"^batch: .*", "batch: 32"), (r"^images: .*\n", ""),
           (r"^test_images: .*\n", ""), (r"^episodes: .*", "episodes: 8"),
           (r"^trials: .*", "trials: 1"), (r"^round: .*", "round: 8")]
MORE = {"train": "images: 128\ntest_images: 64\n", "sweep": "images: 2\n"}
RESNET20 = """kind: train
name: {name}
net: resnet20
form: {form}
data: cifar10:DIR
epochs: 1
batch: 32
images: 64
test_images: 8
optimiser: {{kind: adam, rate: 0.002}}
"""


def shorten(text):
    kind = re.search(r"^kind: (\w+)$", text, re.M).group(1)
    for pattern, less in SHORTER:
        text = re.sub(pattern, less, text, flags=re.M)
    if kind == "search":  # searches that train nothing need no events either
        text = re.sub(r"^accuracy: {source: formula}$", r"\g<0>\ncost: {events: false}", text,
                      flags=re.M)
    return text.rstrip("\n") + "\n" + MORE.get(kind, "")


def make_data(folder):
    """CIFAR-10 and MNIST in their publishers' files, with few images of noise."""
    noise = random.Random(1)
    folder.mkdir()
    for name in [f"data_batch_{i}.bin" for i in range(1, 6)] + ["test_batch.bin"]:
        rows = [bytes([i % 10]) + noise.randbytes(3072) for i in range(120)]
        (folder / name).write_bytes(b"".join(rows))
    for name, n in (("train", 160), ("t10k", 80)):
        (folder / f"{name}-images-idx3-ubyte").write_bytes(
            struct.pack(">IIII", 0x803, n, 28, 28) + noise.randbytes(784 * n))
        (folder / f"{name}-labels-idx1-ubyte").write_bytes(
            struct.pack(">II", 0x801, n) + bytes(i % 10 for i in range(n)))


def make_files(bitline, folder):
    """What the examples name and a user would have."""
    shutil.copy(GOLDEN / "chip.yaml", folder / "my-chip.yaml")
    shutil.copy(GOLDEN / "net.yaml", folder / "my-net.yaml")
    jobs = folder / "path/workloads"
    jobs.mkdir(parents=True)
    for job in JOBS.glob("*.yaml"):
        (jobs / job.name).write_text(shorten(job.read_text(encoding="utf-8")), encoding="utf-8")
    make_data(folder / "DIR")
    search = (jobs / "search-synth.yaml").read_text(encoding="utf-8")
    (folder / "my-job.yaml").write_text(
        search.replace("name: search-synth", "name: my-job")
        .replace("reward: {form: weighted, weights: {energy: 0.05}}",
                 "reward: {form: hawis, target: 0.9, lambda: 1}"), encoding="utf-8")
    (folder / "hosts").write_text("localhost slots=2\n", encoding="ascii")
    for form, name in (("binary", "w"), ("float", "float")):
        (folder / f"make-{name}.yaml").write_text(RESNET20.format(name=f"make-{name}", form=form),
                                                  encoding="utf-8")
        bitline.output("train", f"./make-{name}.yaml", cwd=folder)
        shutil.move(folder / f"make-{name}/weights.safetensors", folder / f"{name}.safetensors")
    for ending in ("json", "csv"):
        bitline.output("run", "hawis", "resnet20", "--trace", f"run.{ending}", cwd=folder)


def examples_of(text):
    """Commands behind 'Examples:', with the lines that they go on in; comments are cut off."""
    lines = text.partition("Examples:\n")[2].partition("\n\n")[0].splitlines()
    joined = re.sub(r" \\\n +", " ", "\n".join(lines))
    return [re.split(r"  +", line.strip())[0] for line in joined.splitlines()
            if line.startswith("  ") and "COMMAND" not in line]


def is_command(line):
    return re.match(r"(\w+=\S+ )*(bitline|mpirun|bitline-mpi) ", line + " ") is not None


def run_example(example, folder, env):
    if "--resume" not in example or "--stage" in example:  # begins anew
        for left in ("my-job", "job", "front"):
            shutil.rmtree(folder / left, ignore_errors=True)
    done = subprocess.run(["sh", "-c", example], cwd=folder, env=env, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=STEP_S)
    expect(done.returncode == 0,
           f"{example}: exit {done.returncode}\n{done.stderr.decode()}{done.stdout.decode()[-500:]}")


def environment(programs, folder, bitline):
    env = dict(bitline.env, BITLINE_PATH=str(folder / "path"), HOME=str(folder),
               PATH=os.pathsep.join([*programs, os.environ["PATH"]]))
    for mpi in ("OMPI", "PRTE"):  # as any user, with any number of cores
        env.update({f"{mpi}_ALLOW_RUN_AS_ROOT": "1", f"{mpi}_ALLOW_RUN_AS_ROOT_CONFIRM": "1"})
    env.update(OMPI_MCA_rmaps_base_oversubscribe="1", PRTE_MCA_rmaps_default_mapping_policy=
               ":oversubscribe", OMPI_MCA_btl_vader_single_copy_mechanism="none")
    # A hosts file makes mpirun look for ssh, although its one host is this machine.
    env.update(OMPI_MCA_plm_rsh_agent="/bin/sh", PRTE_MCA_plm_ssh_agent="/bin/sh")
    return env


def examples_run(bitline, program, words):
    """In a folder of its own, so that commands do not find what others left."""
    text = program.output(*words)
    examples = examples_of(text)
    expect(len(examples) >= 2, f"no examples:\n{text}")
    for example in examples:
        expect(is_command(example), f"no command, or broken by a line's end: '{example}'\n{text}")
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        make_files(bitline, folder)
        kind = {"train": "train-synth", "sweep": "figure3-sa0"}.get(words[0])
        if kind:  # ./job.yaml is of the kind that the command takes
            own = (folder / f"path/workloads/{kind}.yaml").read_text(encoding="utf-8")
            own = own.replace(f"name: {kind}", "name: job") + (
                "weights: w.safetensors\ndata: cifar10:DIR\n" if kind == "figure3-sa0" else "")
            (folder / "job.yaml").write_text(own, encoding="utf-8")
        programs = {str(bitline.program.parent), str(program.program.parent)}
        env = environment(sorted(programs), folder, bitline)
        for example in examples:
            run_example(example, folder, env)


def main():
    bitline = Bitline(sys.argv[1])
    tests = [(command or "bitline", bitline, [command, "--help"] if command else ["--help"])
             for command in ["", *COMMANDS]]
    if len(sys.argv) > 4 and shutil.which("mpirun"):
        tests.append(("bitline-mpi", Bitline(sys.argv[2]), ["--help"]))
    listed = re.findall(r"^  (\w+) +\w", bitline.output("--help").partition("Examples:")[0], re.M)
    expect(listed == COMMANDS, f"commands without a test of their examples: {listed}")
    run_tests([(f"examples of {name}", lambda p=program, w=words: examples_run(bitline, p, w))
               for name, program, words in tests])


main()
