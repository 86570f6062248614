"""`bitline train` ends in the same bytes whatever happens on the way, and refuses what it cannot do.

train.py BITLINE SUPPORT_FOLDER
"""
import contextlib
import csv
import json
import pathlib
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time

sys.path.insert(0, sys.argv[2])
from support import Bitline, Skip, expect, in_folder, run_tests  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent
STEPS = 4 * 16  # of 270 images that are left
COLUMNS = ["epoch", "loss", "train_accuracy", "held_out_accuracy", "learning_rate"]


def prepare(folder):
    for name in ("net.yaml", "job.yaml"):
        shutil.copy(HERE / name, folder)


def metrics(folder):
    with open(folder / "metrics.csv", encoding="ascii", newline="") as file:
        rows = list(csv.DictReader(file))
    expect(list(rows[0]) in (COLUMNS, COLUMNS + ["smallest_accuracy"]), f"{list(rows[0])}")
    return rows


def result(folder):
    return (folder / "weights.safetensors").read_bytes(), metrics(folder)


def train(bitline, folder, out, *args):
    done = bitline.run("train", "job.yaml", "--out", out, *args, cwd=folder)
    expect(done.returncode == 0, f"exit {done.returncode}\n{done.stderr.decode()}")
    return result(folder / out)


def begin(bitline, folder, out, *args):
    return subprocess.Popen([bitline.program, "train", "job.yaml", "--out", out, *args],
                            cwd=folder, env=bitline.env, stdin=subprocess.DEVNULL,
                            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def wait_for(process, path):
    end = time.monotonic() + 300
    while not path.exists() and process.poll() is None:
        expect(time.monotonic() < end, "nothing happens")
        time.sleep(0.001)


def any_number_of_threads(bitline, folder):
    prepare(folder)
    one = train(bitline, folder, "one", "--jobs", "1")
    for jobs in ("2", "3"):
        expect(train(bitline, folder, jobs, "--jobs", jobs) == one, f"{jobs} threads differ")
    expect(train(bitline, folder, "other", "--set", "seed=4") != one, "the seed has no effect")


SUPERNET = ["--set", "width=3x", "--set", "supernet={most: 3, step: 1, period: 5, bn_batches: 3, "
            "distill: true}"]
HAWIS = ["--set", "width=3x", "--set", "supernet={most: 3, step: 1, sample: hawis}", "--set",
         "optimiser={kind: adam, rate: 0.01}", "--set", "keep=best"]


def killed_again_and_again(bitline, folder, epochs, job):
    """At ten instants drawn from the whole of a run, by kill -9 and by Ctrl-C: the same bytes."""
    prepare(folder)
    job = ["--set", f"epochs={epochs}", *job]
    start = time.monotonic()
    whole = train(bitline, folder, "whole", "--jobs", "1", *job)
    seconds = time.monotonic() - start
    instants = random.Random(epochs)
    cut_short = {-signal.SIGKILL: 0, 128 + signal.SIGINT: 0}
    for n in range(200):
        process = begin(bitline, folder, "out", "--resume", "--jobs", str(1 + n % 2), *job)
        time.sleep(instants.uniform(0, seconds / 3))
        process.send_signal(signal.SIGINT if n % 3 == 0 else signal.SIGKILL)
        said = process.communicate()[1].decode()
        expect(process.returncode in (0, -signal.SIGINT, *cut_short), said)
        if process.returncode == 128 + signal.SIGINT:
            expect(f"of {epochs * STEPS // 4} steps" in said and "--resume" in said, said)
        if process.returncode in cut_short and (folder / "out" / "checkpoint").exists():
            cut_short[process.returncode] += 1
        if sum(cut_short.values()) >= 10 and min(cut_short.values()) >= 2:
            break
        if process.returncode == 0:  # it was quicker; another one
            expect(result(folder / "out") == whole, f"other bytes after {cut_short}")
            shutil.rmtree(folder / "out")
    expect(sum(cut_short.values()) >= 10, f"runs were hardly ever cut short: {cut_short}")
    expect(train(bitline, folder, "out", "--resume", *job) == whole, "other bytes")
    expect(train(bitline, folder, "out", "--resume", *job) == whole, "other bytes when nothing is left")


def long_run(bitline, folder):
    process = begin(bitline, folder, "out", "--set", "epochs=100000")
    wait_for(process, folder / "out" / "checkpoint.old")
    return process


def interrupted(bitline, folder):
    prepare(folder)
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        shutil.rmtree(folder / "out", ignore_errors=True)
        process = long_run(bitline, folder)
        process.send_signal(number)
        said = process.communicate(timeout=300)[1].decode()
        expect(process.returncode == 128 + number, f"exit {process.returncode}\n{said}")
    expect("steps, saved in out/checkpoint; continue with the same command and --resume" in said,
           said)
    expect(not (folder / "out" / "weights.safetensors").exists(), "weights of a run that is not done")
    bitline.refuse(folder, ["train", "job.yaml", "--out", "out"], ["continue it with --resume"])
    bitline.refuse(folder, ["train", "job.yaml", "--out", "out", "--resume"],
                   ["out/run.db: holds another job", "epochs: 100000 there, 4 here"])


def other_instructions(bitline, folder):
    """Sums in another order give other weights, so that is another run."""
    prepare(folder)
    job = ["train", "job.yaml", "--out", "out", "--set", "backend=auto"]
    done = bitline.run(*job, cwd=folder)
    expect(done.returncode == 0, done.stderr.decode())
    with contextlib.closing(sqlite3.connect(folder / "out" / "run.db")) as db:
        (backend,), = db.execute("SELECT value FROM job_key WHERE key = 'backend'")
    if "oneDNN" not in backend or "sse41" in backend:
        raise Skip("no oneDNN with more than SSE 4.1 here")
    fewer = dict(bitline.env, DNNL_MAX_CPU_ISA="SSE41")
    done = subprocess.run(bitline.words(*job, "--resume"), cwd=folder, env=fewer,
                          capture_output=True, check=False)
    says = f"holds another job (backend: {backend} there, "
    expect(done.returncode == 2 and says in done.stderr.decode() and b"sse41 here" in done.stderr,
           f"exit {done.returncode}\n{done.stderr.decode()}")


def one_at_a_time(bitline, folder):
    prepare(folder)
    process = long_run(bitline, folder)
    try:
        done = bitline.run("train", "job.yaml", "--out", "out", "--resume", cwd=folder)
    finally:
        process.kill()
        process.communicate()
    expect(done.returncode == 1 and b"another bitline works in it" in done.stderr,
           done.stderr.decode())


def numbers_agree(bitline, folder):
    """JSON, CSV, store, and the accuracy that bitline eval finds with the same weights."""
    prepare(folder)
    done = bitline.run("train", "job.yaml", "--out", "out", "--json", "--set", "test_images=2000",
                       cwd=folder)
    told = json.loads(done.stdout)
    rows = metrics(folder / "out")
    expect([row["epoch"] for row in rows] == ["1", "2", "3", "4"], f"{rows}")
    expect(rows[0]["learning_rate"] == "0.1", f"{rows[0]}")
    expect(float(rows[2]["learning_rate"]) == 0.05, f"{rows[2]}")  # cosine, half of the way
    expect(told["held_out_accuracy"] == float(rows[3]["held_out_accuracy"]), f"{told}")
    expect(told["steps"] == STEPS and told["epochs"] == 4, f"{told}")
    with contextlib.closing(sqlite3.connect(folder / "out" / "run.db")) as db:
        stored = db.execute("SELECT epoch, loss, train_accuracy, held_out_accuracy, learning_rate"
                            " FROM epoch ORDER BY epoch").fetchall()
        times = db.execute("SELECT count(*) FROM epoch_time WHERE seconds > 0").fetchone()[0]
    expect(stored == [tuple(float(v) for v in row.values()) for row in rows], f"{stored}\n{rows}")
    expect(times == 4, f"{times} times")
    eval_args = ["eval", "ideal", "./net.yaml", "--weights", "out/weights.safetensors",
                 "--data", "synth", "--images", "2000", "--json"]
    whole = json.loads(bitline.output(*eval_args, cwd=folder))
    expect(whole["weights_hash"] == told["weights_hash"], f"{whole}\n{told}")
    expect(abs(whole["accuracy"] - told["test_accuracy"]) < 0.005, f"{whole}\n{told}")


def without_held_out(bitline, folder):
    prepare(folder)
    train(bitline, folder, "out", "--set", "held_out=0", "--set", "epochs=1")
    expect(metrics(folder / "out")[0]["held_out_accuracy"] == "", "of no images")
    with contextlib.closing(sqlite3.connect(folder / "out" / "run.db")) as db:
        expect(db.execute("SELECT held_out_accuracy FROM epoch").fetchall() == [(None,)], "store")


def resolved_job_runs(bitline, folder):
    prepare(folder)
    (folder / "jobs").mkdir()
    for name in ("job.yaml", "net.yaml"):
        (folder / name).rename(folder / "jobs" / name)
    done = bitline.run("train", "jobs/job.yaml", "--set", "epochs=2", cwd=folder)
    expect(done.returncode == 0, done.stderr.decode())
    done = bitline.run("train", "../small/job.yaml", "--out", "again", cwd=folder / "jobs")
    expect(done.returncode == 0, done.stderr.decode())
    expect(result(folder / "small") == result(folder / "jobs" / "again"), "other bytes")


def starts_from_weights_and_teacher(bitline, folder):
    prepare(folder)
    train(bitline, folder, "first")
    init = ["--set", "init=first/weights.safetensors", "--set", "epochs=1"]
    again = train(bitline, folder, "second", *init)
    fresh = train(bitline, folder, "third", "--set", "epochs=1")
    expect(float(again[1][0]["loss"]) < float(fresh[1][0]["loss"]), "nothing was learnt before")
    train(bitline, folder, "fourth", "--set", "epochs=1", "--set",
          "distill={net: ./net.yaml, weights: first/weights.safetensors, weight: 0.7}")
    bitline.refuse(folder, ["train", "job.yaml", "--out", "second", "--resume", "--set", "epochs=1"],
                   ["second/run.db: holds another job", "it has keys that this job lacks"])


def trains_supernets(bitline, folder):
    """Stopped or not the same; a sub-net comes out of it at any widths, with nothing trained."""
    prepare(folder)
    whole = train(bitline, folder, "whole", *SUPERNET)
    process = begin(bitline, folder, "out", "--jobs", "2", *SUPERNET)
    wait_for(process, folder / "out" / "checkpoint.old")
    process.kill()
    process.communicate()
    expect(train(bitline, folder, "out", "--resume", *SUPERNET) == whole, "other bytes")
    smallest = [float(row["smallest_accuracy"]) for row in whole[1]]
    with contextlib.closing(sqlite3.connect(folder / "out" / "run.db")) as db:
        stored = db.execute("SELECT smallest_accuracy FROM epoch ORDER BY epoch").fetchall()
    expect(stored == [(value,) for value in smallest], f"{stored} {smallest}")
    hawis = train(bitline, folder, "hawis", "--set", "width=3x", "--set",
                  "supernet={most: 3, step: 1, sample: hawis}")
    expect(bitline.run("train", "./hawis/job.yaml", "--out", "again", cwd=folder).returncode == 0,
           "a super-net's resolved job does not run")
    expect(result(folder / "again") == hawis, "other bytes")
    cut = ["--set", "epochs=0", "--set", "init=out/weights.safetensors", "--set", "bn_batches=3"]
    wide = [*cut, "--set", "init_width=3x"]
    for name, width in (("same", "width=3x"), ("some", "widths=[9, 17]")):
        done = bitline.run("train", "job.yaml", "--out", name, *wide, "--set", width, "--json",
                           cwd=folder)
        expect(done.returncode == 0, done.stderr.decode())
        told = json.loads(done.stdout)
        expect(told["epochs"] == 0 and told["loss"] is None, f"{told}")
    same = (folder / "same" / "weights.safetensors").read_bytes()
    expect(same == whole[0], "the widest is not the super-net's own")
    bitline.output("eval", "ideal", "./net.yaml", "--widths", "9,17", "--images", "50", "--data",
                   "synth", "--weights", "some/weights.safetensors", cwd=folder)
    bitline.refuse(folder, ["train", "job.yaml", *wide, "--set", "widths=[9, 40]"],
                   ["'conv2' of the sub-net has 40 outputs, the super-net's has 36"])
    bitline.refuse(folder, ["train", "job.yaml", *wide, "--set", "bn_batches=0"],
                   ["epochs: 0 with init_width requires bn_batches above 0"])
    bitline.refuse(folder, ["train", "job.yaml", *cut, "--set", "init_width=2x"], ["--width 3x"])


FELT = ["--set", "chip=hawis", "--set", "chip_set={defects: {stuck_lrs: 0.05, stuck_hrs: 0.2}}",
        "--set", "perturb={stuck: true, adc: true, redraw: never}", "--set", "test_images=1000"]


def chip_is_felt(bitline, folder):
    """What training says of its one chip is what eval finds on the first of the same seed."""
    prepare(folder)
    one = train(bitline, folder, "one", *FELT, "--jobs", "1")
    expect(train(bitline, folder, "two", *FELT, "--jobs", "2") == one, "2 threads differ")
    expect(train(bitline, folder, "none") != one, "the chip has no effect")
    expect(train(bitline, folder, "epoch", *FELT, "--set", "perturb.redraw=epoch") != one,
           "redraw has no effect")
    bitline.refuse(folder, ["train", "job.yaml", "--out", "one", "--resume"],
                   ["one/run.db: holds another job"])
    told = json.loads(bitline.output("train", "job.yaml", "--out", "one", "--resume", "--json",
                                     *FELT, cwd=folder))
    expect(told["chip"] == "hawis", f"{told}")
    evaluated = json.loads(bitline.output(
        "eval", "hawis", "./net.yaml", "--weights", "one/weights.safetensors", "--data", "synth",
        "--images", str(told["test_images"]), "--sa0", "0.05", "--sa1", "0.2", "--seed",
        str(told["seed"]), "--json", cwd=folder))
    expect(abs(evaluated["accuracy"] - told["test_accuracy"]) < 0.005, f"{evaluated}\n{told}")


def damaged_checkpoints(bitline, folder):
    """The newest is damaged: the one before it is taken. Both are: said, and nothing is lost."""
    prepare(folder)
    whole = train(bitline, folder, "whole")
    train(bitline, folder, "out")
    newest = folder / "out" / "checkpoint"
    newest.write_bytes(newest.read_bytes()[:500])
    done = bitline.run("train", "job.yaml", "--out", "out", "--resume", cwd=folder)
    expect(done.returncode == 0, done.stderr.decode())
    expect(b"out/checkpoint: is cut short" in done.stderr and b"resuming from the previous checkpoint" in done.stderr,
           done.stderr.decode())
    expect(result(folder / "out") == whole, "other bytes")
    for name in ("checkpoint", "checkpoint.old"):
        (folder / "out" / name).write_bytes(b"x" * 100)
    bitline.refuse(folder, ["train", "job.yaml", "--out", "out", "--resume"],
                   ["out/checkpoint: is not a checkpoint; remove it, or choose another --out"])


REFUSED = [
    (["--set", "epoch=3"], "epoch: unknown key; did you mean 'epochs'?"),
    (["--set", "epochs=-1"], "epochs: '-1' is out of range"),
    (["--set", "epochs=0"], "epochs: 0 requires init, the initial weights"),
    (["--set", "name=a/b"], "name: 1 to 80 letters, digits"),
    (["--set", "batch=271"], "batch 271 is above the 270 images that an epoch trains with"),
    (["--set", "epoch_images=15"], "batch 16 is above the 15 images that an epoch trains with"),
    (["--set", "epoch_images=271"], "epoch_images 271 is above the 270 images that are left"),
    (["--set", "images=60000"], "images: the set 'synth' has 50000 training images"),
    (["--set", "test_images=20000"], "test_images: the set 'synth' has 10000 test images"),
    (["--set", "held_out=0.001", "--set", "images=100"], "held_out 0.001 of 100 images is none"),
    (["--set", "keep=best", "--set", "held_out=0"], "keep: best requires held_out above 0"),
    (["--set", "data=synth32"], "the set 'synth32' has 3x32x32"),
    (["--set", "data=mnist:nowhere"], "nowhere"),
    (["--set", "form=float", "--set", "sign_gradient=scaled"], "sign_gradient: applies to the form binary only"),
    (["--set", "backend=gpu"], "backend: 'gpu' is unknown; use auto, reference or onednn"),
    (["--set", "precision=f16"], "precision: 'f16'"),
    (["--set", "width=2x", "--set", "widths=[8, 12]"], "widths: give width or widths, not both"),
    (["--set", "optimiser={kind: adam, rate: 0.1, momentum: 0.9}"], "momentum: applies to sgd only"),
    (["--set", "optimiser={rate: 0.1, nesterov: true}"], "nesterov: requires sgd with a momentum"),
    (["--set", "optimiser={kind: sgd}"], "optimiser.rate"),
    (["--set", "schedule={kind: step}"], "schedule: kind step requires `at`"),
    (["--set", "schedule={kind: cosine, at: [3]}"], "at: applies to kind step only"),
    (["--set", "schedule.warm_up=5"], "warm_up: 5 epochs are more than all 4"),
    (["--set", "set={adc.bits: 6}"], "'adc.bits=6' is not a key of the net"),
    (["--set", "set={net.levls: 6}"], "levls: unknown key; did you mean 'levels'?"),
    (["--set", "init=none.safetensors"], "none.safetensors: there is no such file"),
    (["--set", "distill={net: lenet5, weights: none.safetensors}"], "none.safetensors: there is no"),
    (["--set", "init_width=3x"], "init_width: requires init, which is missing"),
    (["--set", "supernet={most: 3}"], "at width 1x and supernet.most is 3; they say the same, the "
     "widest net: set width: 3x"),
    (["--set", "supernet={most: 1, least: 2}"], "supernet: least 2 is above most 1"),
    (["--set", "supernet={most: 1, sub_nets: 1}"], "sub_nets: sandwich requires 2 or more"),
    (["--set", "supernet={most: 1, sample: hawis, distill: true}"], "distill: applies to sample "
     "sandwich"),
    (["--set", "supernet={most: 1}", "--set", "bn_batches=3"], "bn_batches: supernet.bn_batches "
     "applies to all"),
    (["--set", "chip=hawis"], "has no effect without `perturb`"),
    (["--set", "chip_set={adc.bits: 6}"], "requires chip and perturb; add both"),
    (["--set", "perturb.adc=true"], "requires a chip; add chip"),
    (["--set", "chip=hawis", "--set", "perturb={redraw: step}"], "set variation, stuck or adc"),
    ([*FELT, "--set", "form=float"], "the form float has no cells"),
    ([*FELT, "--set", "chip_set={net.levels: 4}"], "'net.levels=4' is not a key of the chip"),
    ([*FELT, "--set", "chip=hawis-q8"], "set crossbar.polarity to differential"),
    ([*FELT, "--set", "chip=hawsi"], "did you mean 'hawis'?"),
    (["--jobs", "0"], "--jobs 0: expected an integer from 1 to 256"),
]


def refused(bitline, folder, args, says):
    prepare(folder)
    bitline.refuse(folder, ["train", "job.yaml", *args], [says])
    expect(not (folder / "small").exists(), "a folder was made")


def diverges(bitline, folder):
    prepare(folder)
    done = bitline.run("train", "job.yaml", "--set", "form=float", "--set", "epochs=50", "--set",
                       "optimiser={rate: 1000, momentum: 0.999}", cwd=folder)
    expect(done.returncode == 1, f"exit {done.returncode}")
    expect(b"the loss is NaN or infinite at step" in done.stderr and
           b"lower optimiser.rate, or set clip" in done.stderr, done.stderr.decode())
    expect(not (folder / "small" / "weights.safetensors").exists(), "weights of no use")


def full_disk(bitline, folder):
    """A limit on the size of files stands for it: what was there last stays whole."""
    prepare(folder)
    whole = train(bitline, folder, "whole")
    limited = f'trap "" XFSZ; ulimit -f 4; exec "{bitline.program}" train job.yaml --out out'
    done = subprocess.run(["sh", "-c", limited], cwd=folder, env=bitline.env, capture_output=True,
                          check=False)
    expect(done.returncode in (1, 2) and b"bitline: out/" in done.stderr, done.stderr.decode())
    expect(train(bitline, folder, "out", "--resume") == whole, "other bytes")


def main():
    bitline = Bitline(sys.argv[1])
    tests = [(f.__name__.replace("_", " "), in_folder(f, bitline))
             for f in (any_number_of_threads, interrupted, other_instructions, one_at_a_time,
                       numbers_agree, without_held_out, resolved_job_runs,
                       starts_from_weights_and_teacher, trains_supernets, chip_is_felt,
                       damaged_checkpoints, diverges, full_disk)]
    tests += [(f"killed again and again: {name}",
               in_folder(killed_again_and_again, bitline, epochs, job))
              for name, epochs, job in (("a net", 30, []), ("a super-net", 8, SUPERNET),
                                        ("HAWIS's super-net", 8, HAWIS))]
    tests += [(f"refused: {' '.join(args)}", in_folder(refused, bitline, args, says))
              for args, says in REFUSED]
    run_tests(tests)


main()
