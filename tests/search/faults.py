"""Candidates and chosen nets in the crossbars of broken chips: what a search says of them is what
bitline eval says of the same weights, on the same images and chips; nothing broken loses nothing;
and nothing depends on workers, kills or what is not stated.

faults.py BITLINE SUPPORT_FOLDER
"""
import contextlib
import json
import random
import sqlite3
import statistics
import struct
import sys

sys.path.insert(0, sys.argv[2])
from kills import catch, go_on, wait_for  # noqa: E402
from searches import begin, episodes_in, prepare, search, store, table  # noqa: E402
from support import Bitline, expect, in_folder, run_tests  # noqa: E402

TRAINING, TESTS, SIDE = 400, 60, 28
SEED, HELD_OUT = 3, 80  # of train.yaml: seed, and held_out of the training images
BROKEN = {"stuck_lrs": 0.02, "stuck_hrs": 0.1}
# Where cells stand says which of them are broken, so whose chip it is shows.
KNOBS = ["--set", "space.knobs=[{path: crossbar.rows, values: [128, 256]}]"]
SHORT = ["--agent", "random", "--episodes", "4"]


# --- Images, written as MNIST's files, so that those held out can be test images elsewhere ---

def draw_images(n, seed):
    """Blots of their class's shape, not all of them, in noise."""
    rng, shapes = random.Random(seed), random.Random(0)
    blots = [[shapes.choice((0, 200)) for _ in range(49)] for _ in range(10)]
    images = []
    for i in range(n):
        blot = [one if rng.random() < 0.5 else rng.choice((0, 200)) for one in blots[i % 10]]
        pixels = bytes(min(255, max(0, blot[y // 4 * 7 + x // 4] + rng.randrange(-90, 90)))
                       for y in range(SIDE) for x in range(SIDE))
        images.append((pixels, i % 10))
    return images


def write_images(folder, part, images):
    folder.mkdir(exist_ok=True)
    head = struct.pack(">4I", 0x803, len(images), SIDE, SIDE)
    (folder / f"{part}-images-idx3-ubyte").write_bytes(head + b"".join(i for i, _ in images))
    head = struct.pack(">2I", 0x801, len(images))
    (folder / f"{part}-labels-idx1-ubyte").write_bytes(head + bytes(n for _, n in images))


def philox(counter, key):
    c, k = list(counter), list(key)
    for _ in range(10):
        a, b = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [b >> 32 ^ c[1] ^ k[0], b & 0xFFFFFFFF, a >> 32 ^ c[3] ^ k[1], a & 0xFFFFFFFF]
        k = [(k[0] + 0x9E3779B9) & 0xFFFFFFFF, (k[1] + 0xBB67AE85) & 0xFFFFFFFF]
    return c


def held_out_numbers(n):
    """Fisher and Yates over the numbers of all images; the first are held out."""
    purpose, numbers = 33, list(range(n))
    for i in range(n - 1, 0, -1):
        word = philox((i, 0, 0, 0), (SEED, purpose * 0x9E3779B9 & 0xFFFFFFFF))[1]
        j = (i + 1) * word >> 32
        numbers[i], numbers[j] = numbers[j], numbers[i]
    return numbers[:HELD_OUT]


def prepare_images(folder):
    prepare(folder)
    training, tests = draw_images(TRAINING, 1), draw_images(TESTS, 2)
    for name, images in (("images", tests),
                         ("held-out", [training[i] for i in held_out_numbers(TRAINING)])):
        write_images(folder / name, "train", training)
        write_images(folder / name, "t10k", images)
    text = (folder / "train.yaml").read_text("utf-8")
    for old, new in (("data: synth", "data: mnist:images"), ("images: 160\n", "images: 400\n"),
                     ("test_images: 20\n", "test_images: 60\n"), ("epochs: 1\n", "epochs: 3\n"),
                     ("steps: 3,", "steps: 1000,")):
        expect(old in text, f"train.yaml has no {old}")
        text = text.replace(old, new)
    (folder / "train.yaml").write_text(text, encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.startswith(("width:", "supernet:"))]
    (folder / "alone.yaml").write_text("\n".join(lines) + "\n", encoding="utf-8")


# --- Words ---

def flow(values):
    return "{" + ", ".join(f"{key}: {value}" for key, value in values.items()) + "}"


def faulty(faults, supernet="train: ./train.yaml"):
    stated = f", faults: {flow(faults)}" if faults is not None else ""
    return ["--set", f"accuracy={{source: supernet, supernet: {{{supernet}}}{stated}}}"]


def final(faults, words="nets: 1"):
    stated = f", faults: {flow(faults)}" if faults is not None else ""
    return ["--set", f"final={{train: ./alone.yaml, {words}{stated}}}"]


def evaluate(bitline, folder, weights, data, widths, faults, *words, form="binary", chip="hawis"):
    flags = {"stuck_lrs": "--sa0", "stuck_hrs": "--sa1", "sigma": "--sigma", "trials": "--trials",
             "images": "--images"}
    given = [str(word) for key, value in faults.items() for word in (flags[key], value)]
    return json.loads(bitline.output(
        "eval", chip, "./net.yaml", "--form", form, "--widths", widths, "--weights", weights,
        "--data", f"mnist:{data}", "--seed", "1", *given, *words, "--json", cwd=folder))


def settings(row):
    return ["--set", row["knobs"]] if row["knobs"] else []


# --- Candidates ---

def same_as_eval(bitline, folder, faults, form, epochs):
    """A candidate's weights as training writes them, the held-out images as test images."""
    prepare_images(folder)
    for name in ("train.yaml", "alone.yaml"):
        text = (folder / name).read_text("utf-8")
        (folder / name).write_text(text.replace("form: binary", f"form: {form}"), encoding="utf-8")
    knobs = KNOBS if form == "binary" else []
    search(bitline, folder, "out", *SHORT, *knobs, "--set", f"form={form}",
           *faulty(faults, f"train: ./train.yaml, candidate_epochs: {epochs}"))
    rows = table(folder / "out", "episodes.csv") + table(folder / "out", "references.csv")
    for n, row in enumerate(rows):
        told = json.loads(bitline.output(
            "train", "alone.yaml", "--set", "init=out/stage-a/weights.safetensors", "--set",
            "init_width=4x", "--set", f"widths=[{row['widths']}]", "--set", "bn_batches=2", "--set",
            f"epochs={epochs}", "--out", f"alone{n}", "--json", cwd=folder))
        said = evaluate(bitline, folder, f"alone{n}/weights.safetensors", "held-out", row["widths"],
                        faults, *settings(row), form=form)
        expect(said["accuracy"] == float(row["accuracy"]), f"{said}\n{row}")
        if epochs:
            expect(told["held_out_accuracy"] == float(row["clean_accuracy"]), f"{told}\n{row}")
    accuracies = [float(row["accuracy"]) for row in rows]
    expect(len(set(accuracies)) > 1, f"too dull: {accuracies}")


def nothing_broken(bitline, folder):
    """Law 1: at rate 0 all chips are alike, and are the net in whole numbers."""
    prepare_images(folder)
    none = {"stuck_lrs": 0, "stuck_hrs": 0, "sigma": 0, "trials": 2}
    search(bitline, folder, "out", *SHORT, *faulty(none), *final(none, "nets: 2, seeds: 2"))
    for row in table(folder / "out", "episodes.csv"):
        bitline.output("train", "alone.yaml", "--set", "init=out/stage-a/weights.safetensors",
                       "--set", "init_width=4x", "--set", f"widths=[{row['widths']}]", "--set",
                       "bn_batches=2", "--set", "epochs=0", "--out", f"n{row['episode']}", "--json",
                       cwd=folder)
        said = evaluate(bitline, folder, f"n{row['episode']}/weights.safetensors", "held-out",
                        row["widths"], {}, chip="ideal")
        expect(said["accuracy"] == float(row["accuracy"]), f"{said}\n{row}")
    for row in table(folder / "out", "final.csv"):
        said = evaluate(bitline, folder,
                        f"out/stage-c/{row['net']}-run{row['run']}/weights.safetensors", "images",
                        row["widths"], {}, chip="ideal")
        expect(said["accuracy"] == float(row["chip_accuracy"]) == float(row["fault_accuracy"]) and
               float(row["fault_deviation"]) == 0, f"{said}\n{row}")


def mean_of(rows, key):
    return statistics.mean(float(row[key]) for row in rows)


def more_broken_is_worse(bitline, folder):
    prepare_images(folder)
    means = []
    for n, rate in enumerate((0, 0.15, 0.45)):
        faults = {"stuck_lrs": rate, "stuck_hrs": rate, "trials": 3}
        search(bitline, folder, f"out{n}", *SHORT, *faulty(faults), *final(faults))
        rows = table(folder / f"out{n}", "episodes.csv")
        chosen = table(folder / f"out{n}", "final.csv")
        means.append((mean_of(rows, "accuracy"), mean_of(chosen, "fault_accuracy")))
        expect(n == 0 or mean_of(chosen, "chip_accuracy") > means[-1][1], f"{chosen}")
        expect(n == 0 or mean_of(rows, "clean_accuracy") > means[-1][0], f"{rows}")
    for part in (0, 1):
        expect(means[0][part] > means[1][part] + 0.05 > means[2][part] + 0.1, f"{means}")


def what_the_reward_takes(bitline, folder):
    """The faulty accuracy, and it is the one that a front is made of."""
    prepare_images(folder)
    search(bitline, folder, "out", *SHORT, *KNOBS, *faulty({**BROKEN, "trials": 2, "images": 50}),
           "--set", "reward={form: weighted, weights: {energy: 1.0e-9}}")
    for row in table(folder / "out", "episodes.csv"):
        expect(abs(float(row["reward"]) - float(row["accuracy"])) < 1e-6, f"{row}")
        right = 100 * float(row["accuracy"])  # of 2 chips and 50 images
        expect(abs(right - round(right)) < 1e-9, f"{row}")
    with contextlib.closing(sqlite3.connect(folder / "out" / "search.db")) as db:
        stored = {n: both for n, *both in
                  db.execute("SELECT episode, accuracy, clean_accuracy FROM episode")}
    for row in table(folder / "out", "front.csv"):
        expect(stored[int(row["episode"])] == [float(row["accuracy"]),
                                               float(row["clean_accuracy"])], f"{stored}\n{row}")
    told = json.loads(bitline.output(
        "search", "job.yaml", *SHORT, *KNOBS, *faulty({**BROKEN, "trials": 2, "images": 50}),
        "--set", "reward={form: weighted, weights: {energy: 1.0e-9}}", "--out", "out", "--resume",
        "--json", cwd=folder))
    expect(told["faults"] == {**BROKEN, "sigma": 0, "trials": 2, "images": 50}, f"{told}")
    best = stored[told["best"]["episode"]]
    expect(best == [told["best"]["accuracy"], told["best"]["clean_accuracy"]], f"{told}")


def nothing_stated(bitline, folder):
    """Without faults there is no trace of them."""
    prepare(folder)
    search(bitline, folder, "out", *SHORT, *faulty(None))
    head = "widths,accuracy,energy_j,latency_s,area_m2,binary_ops,reward,knobs"
    for name, last in (("front", "episode"), ("episodes", "episode,failed"),
                       ("references", "ratio,failed")):
        lines = (folder / "out" / f"{name}.csv").read_text("utf-8").splitlines()
        expect(lines[1] == f"{head},{last},violation", lines[1])  # the job has a limit
    columns, keys = [], []
    with contextlib.closing(sqlite3.connect(folder / "out" / "search.db")) as db:
        columns = [row[1] for row in db.execute("PRAGMA table_info(episode)")]
        keys = [row[0] for row in db.execute("SELECT key FROM job_key")]
    expect(columns[-2:] == ["net_hash", "checksum"] and "faults" not in keys, f"{columns} {keys}")


def clean_is_what_it_was(bitline, folder):
    prepare_images(folder)
    search(bitline, folder, "without", *SHORT, *faulty(None))
    search(bitline, folder, "with", *SHORT, *faulty(BROKEN))
    without = [row["accuracy"] for row in table(folder / "without", "episodes.csv")]
    expect([row["clean_accuracy"] for row in table(folder / "with", "episodes.csv")] == without,
           f"{without}")


def those_of_the_chip(bitline, folder):
    """What is not stated is the chip's own."""
    prepare_images(folder)
    words = [*SHORT, *final({"stuck_hrs": 0.3, "trials": 2})]
    search(bitline, folder, "stated", *words, *faulty({"stuck_hrs": 0.3, "trials": 2}))
    own = [*SHORT, *final({"trials": 2}), "--set", "set={defects.stuck_hrs: 0.3}"]
    search(bitline, folder, "own", *own, *faulty({"trials": 2}))
    for name, key in (("episodes", "accuracy"), ("final", "fault_accuracy"),
                      ("final", "chip_accuracy")):
        stated = [row[key] for row in table(folder / "stated", f"{name}.csv")]
        expect([row[key] for row in table(folder / "own", f"{name}.csv")] == stated,
               f"{name} {key}: {stated}")


# --- Workers and kills ---

def any_number_of_workers(bitline, folder, supernet):
    prepare_images(folder)
    words = [*SHORT, *KNOBS, *faulty({**BROKEN, "sigma": 0.2, "trials": 2}, supernet),
             *final({**BROKEN, "trials": 3}), "--set", "round=1" if "tune" in supernet else "round=4"]
    one = search(bitline, folder, "one", "--jobs", "1", *words)
    expect(search(bitline, folder, "three", "--jobs", "3", *words) == one, "3 jobs differ from one")


def killed_in_stage_b(bitline, folder):
    prepare_images(folder)
    words = ["--agent", "random", "--episodes", "20", *faulty({**BROKEN, "trials": 8})]
    whole = search(bitline, folder, "whole", *words)
    path = lambda out: folder / out / "search.db"  # noqa: E731
    for least in (5, 12):
        process, out = catch(lambda out: begin(bitline, folder, out, *words),
                             lambda out: path(out).exists() and episodes_in(path(out)) >= least,
                             lambda out, process: episodes_in(path(out)) < 24)
        process.kill()
        process.communicate()
        expect(search(bitline, folder, out, "--resume", *words) == whole, "other bytes")


def in_the_crossbars(bitline, folder, words):
    """A run that has trained its one net and is at its trials."""
    weights = lambda out: folder / out / "stage-c" / "best-run1" / "weights.safetensors"  # noqa: E731
    return catch(lambda out: begin(bitline, folder, out, *words),
                 lambda out: weights(out).exists(),
                 lambda out, process: not (folder / out / "final.csv").exists())


MANY = [*SHORT, *final({**BROKEN, "trials": 250}, "nets: 0")]


def killed_in_stage_c(bitline, folder):
    prepare_images(folder)
    whole = search(bitline, folder, "whole", *MANY)
    process, out = in_the_crossbars(bitline, folder, MANY)
    process.kill()
    process.communicate()
    expect(search(bitline, folder, out, "--resume", *MANY) == whole, "other bytes")


def stopped_in_stage_c(bitline, folder):
    prepare_images(folder)
    process, _ = in_the_crossbars(bitline, folder, MANY)
    process.terminate()
    said = go_on(process)
    expect(process.returncode == 143 and "stopped in stage c" in said and "--resume" in said,
           f"exit {process.returncode}\n{said}")


def other_faults(bitline, folder):
    """They are part of what a search is."""
    prepare(folder)
    search(bitline, folder, "out", *SHORT, *faulty(BROKEN))
    done = bitline.run("search", "job.yaml", *SHORT, *faulty({**BROKEN, "trials": 2}), "--out",
                       "out", "--resume", cwd=folder)
    expect(done.returncode == 2 and b"holds another job (faults: [" in done.stderr,
           done.stderr.decode())


# --- Chosen nets ---

def chosen_against_eval(bitline, folder, faults):
    prepare_images(folder)
    words = [*SHORT, *KNOBS, *final(faults, "nets: 2, seeds: 2, uniform: [2]")]
    search(bitline, folder, "out", *words)
    told = json.loads(bitline.output("search", "job.yaml", *words, "--out", "out", "--resume",
                                     "--json", cwd=folder))
    rows = table(folder / "out", "final.csv")
    front = table(folder / "out", "front.csv")
    expect(len(rows) == 2 * len(told["final"]) and len(rows) >= 4, f"{rows}")
    knobs = {row["widths"]: settings(row) for row in front}
    best = told["best"]
    knobs[",".join(map(str, best["widths"]))] = ["--set", best["knobs"]]
    for row in rows:
        net = next(net for net in told["final"] if net["net"] == row["net"])
        mine = net["robustness"]["runs"][int(row["run"]) - 1]
        chip = [] if row["net"].startswith("uniform") else knobs[row["widths"]]
        weights = f"out/stage-c/{row['net']}-run{row['run']}/weights.safetensors"
        said = evaluate(bitline, folder, weights, "images", row["widths"], faults, *chip)
        expect(said["trials"] == mine["trials"] and len(mine["trials"]) == faults["trials"],
               f"{said}\n{net}")
        expect(said["accuracy"] == float(row["fault_accuracy"]) and
               said["deviation"] == float(row["fault_deviation"]), f"{said}\n{row}")
        whole = {key: value for key, value in faults.items() if key == "images"}
        said = evaluate(bitline, folder, weights, "images", row["widths"], whole, *chip)
        expect(said["accuracy"] == float(row["chip_accuracy"]) == mine["chip_accuracy"],
               f"{said}\n{row}")


def what_was_hit(bitline, folder):
    prepare_images(folder)
    words = [*SHORT, *final({**BROKEN, "trials": 2}, "nets: 0, seeds: 2")]
    text = bitline.output("search", "job.yaml", *words, "--out", "out", cwd=folder)
    told = json.loads(bitline.output("search", "job.yaml", *words, "--out", "out", "--resume",
                                     "--json", cwd=folder))["final"][0]["robustness"]
    values = [value for run in told["runs"] for value in run["trials"]]
    expect(abs(told["fault_accuracy"] - statistics.mean(values)) < 1e-12 and
           abs(told["fault_deviation"] - statistics.stdev(values)) < 1e-12, f"{told}")
    hit = told["injected"]
    expect(abs(hit["stuck_hrs"] / hit["cells"] - 0.1) < 0.02 and
           abs(hit["stuck_lrs"] / hit["cells"] - 0.02) < 0.01, f"{hit}")
    for part in ("on the chip", "with faults", "deviation", "(SA0): 0.02, at high (SA1): 0.1",
                 f"{100 * told['fault_accuracy']:.2f} %", f"{100 * told['chip_accuracy']:.2f} %"):
        expect(part in text, f"{text}\nmissing: {part}")


# --- Refusals ---

STUCK = ", faults: {stuck_lrs: 0.1}}"
# One-bit read-outs that convert plus and minus columns separately are not supported.
APART = ["--set", "chip=hawis-sa", "--set", "set={crossbar.subtract: after_adc}"]
REFUSED = [
    (["--set", "accuracy={source: formula" + STUCK], "which source formula does not have"),
    (["--set", "accuracy={source: command, command: [cat]" + STUCK],
     "which source command does not have"),
    (faulty({"stuck_lrs": 1.5}), "faults.stuck_lrs: '1.5' is out of range"),
    (faulty({"stuck_lrs": 0.6, "stuck_hrs": 0.6}), "accuracy.faults: stuck_lrs 0.6 and stuck_hrs "
     "0.6 (SA0 and SA1) together are above 1"),
    ([*faulty({"stuck_lrs": 0.6}), "--set", "set={defects.stuck_hrs: 0.6}"], "are above 1"),
    (faulty({"trials": 0}), "faults.trials: '0' is out of range"),
    (faulty({"rate": 0.1}), "faults.rate: unknown key"),
    (faulty({"images": 33}), "faults.images: 33 requested, there are 32 images held out"),
    ([*faulty(BROKEN), *APART], "accuracy.faults: chip hawis-sa"),
    ([*final(BROKEN), *APART], "final.faults: chip hawis-sa"),
    (final({"images": 21}), "final.faults.images: 21 requested, there are 20 test images"),
    (final({"stuck_lrs": 0.6, "stuck_hrs": 0.6}), "final.faults: stuck_lrs 0.6"),
]


def refused(bitline, folder, args, says):
    prepare(folder)
    lines = (folder / "train.yaml").read_text("utf-8").splitlines()
    alone = [line for line in lines if not line.startswith(("width:", "supernet:"))]
    (folder / "alone.yaml").write_text("\n".join(alone) + "\n", encoding="utf-8")
    bitline.refuse(folder, ["search", "job.yaml", *args], [says])


def main():
    bitline = Bitline(sys.argv[1])
    cases = [(test.__name__, test, ()) for test in
             (nothing_broken, more_broken_is_worse, what_the_reward_takes, nothing_stated,
              clean_is_what_it_was, those_of_the_chip, killed_in_stage_b, killed_in_stage_c,
              stopped_in_stage_c, other_faults, what_was_hit)]
    cases += [(f"same as eval: {name}", same_as_eval, args) for name, args in (
        ("stuck", ({**BROKEN, "trials": 2}, "binary", 0)),
        ("stuck, tuned", ({**BROKEN, "trials": 2}, "binary", 1)),
        ("varying", ({**BROKEN, "sigma": 0.3, "trials": 2}, "binary", 0)),
        ("int8", ({"stuck_hrs": 0.003, "images": 16}, "int8", 0)))]
    cases += [(f"chosen against eval: {name}", chosen_against_eval, (faults,)) for name, faults in (
        ("stuck", {**BROKEN, "trials": 3}),
        ("some images", {**BROKEN, "sigma": 0.3, "trials": 2, "images": 25}))]
    cases += [(f"any number of workers: {name}", any_number_of_workers, (words,))
              for name, words in (("frozen", "train: ./train.yaml"),
                                  ("tuned", "train: ./train.yaml, tune_epochs: 1, "
                                            "candidate_epochs: 1"))]
    cases += [("refused: " + " ".join(args), refused, (args, says)) for args, says in REFUSED]
    run_tests([(repr(name), in_folder(test, bitline, *args)) for name, test, args in cases])


main()
