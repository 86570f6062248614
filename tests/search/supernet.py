"""A search whose accuracy comes from a super-net ends in the same bytes for any number of workers
and threads, and wherever it was killed: in stage A, between the stages, while the super-net is
tuned. What it says of a candidate is what training that net says.

supernet.py BITLINE SUPPORT_FOLDER
"""
import contextlib
import json
import signal
import sqlite3
import sys

sys.path.insert(0, sys.argv[2])
from kills import kill_children, wait_for  # noqa: E402
from searches import begin, episodes_in, exported, prepare, search, store, table  # noqa: E402
from support import Bitline, expect, in_folder, run_tests  # noqa: E402

FROZEN = ["--set", "accuracy={source: supernet, supernet: {train: ./train.yaml}}"]
TUNED = [*FROZEN, "--set", "accuracy.supernet.tune_epochs=1", "--set", "round=1", "--episodes", "8"]
ALONE = ["--set", "accuracy.supernet.candidate_epochs=1", "--episodes", "4"]


def any_number_of_workers(bitline, folder, words):
    prepare(folder)
    one = search(bitline, folder, "one", "--jobs", "1", *words)
    expect(search(bitline, folder, "three", "--jobs", "3", *words) == one, "3 jobs differ from one")
    accuracies = {row["accuracy"] for row in table(folder / "one", "episodes.csv")}
    expect(len(accuracies) > 1, f"all nets are alike: {accuracies}")


def write_alone(folder):
    """A training job of the searched net, for its widths to be set."""
    text = (folder / "train.yaml").read_text("utf-8").splitlines()
    lines = [line for line in text if not line.startswith(("width:", "supernet:"))]
    (folder / "alone.yaml").write_text("\n".join(lines) + "\n", encoding="utf-8")


def stage_by_stage(bitline, folder):
    prepare(folder)
    whole = search(bitline, folder, "whole", *FROZEN)
    said = bitline.output("search", "job.yaml", *FROZEN, "--stage", "a", "--out", "out", cwd=folder)
    expect("out/stage-a/weights.safetensors" in said, said)
    expect(not (folder / "out" / "front.csv").exists(), "stage a searched")
    expect(search(bitline, folder, "out", "--resume", "--stage", "b", *FROZEN) == whole,
           "other bytes")
    given = search(bitline, folder, "given", *FROZEN, "--set",
                   "accuracy.supernet.weights=whole/stage-a/weights.safetensors")
    expect(given[1] == whole[1], "given weights: another store")
    expect(not (folder / "given" / "stage-a").exists(), "stage a was run for given weights")
    for key in ("seed=9", "images=200", "held_out=0.3"):
        bitline.refuse(folder, ["search", "job.yaml", *FROZEN, "--set",
                                "accuracy.supernet.weights=whole/stage-a/weights.safetensors",
                                "--set", f"accuracy.supernet.set.{key}"],
                       ["evaluated on their training images"])
    bitline.refuse(folder, ["search", "job.yaml", *FROZEN, "--out", "out", "--resume", "--stage",
                            "b", "--set", "accuracy.supernet.set.seed=9"],
                   ["evaluated on their training images"])
    # What it began as has seen them.
    bitline.output("train", "train.yaml", "--set", "init=whole/stage-a/weights.safetensors",
                   "--set", "seed=9", "--out", "later", cwd=folder)
    bitline.refuse(folder, ["search", "job.yaml", *FROZEN, "--set", "accuracy.supernet.set.seed=9",
                            "--set", "accuracy.supernet.weights=later/weights.safetensors"],
                   ["; before: ", "evaluated on their training images"])


def training_jobs_set(bitline, folder):
    """Keys and images that the search lays over its training jobs are as if they stood there."""
    prepare(folder)
    write_alone(folder)
    for name in ("train", "alone"):
        text = (folder / f"{name}.yaml").read_text("utf-8")
        text = text.replace("data: synth", "data: mnist:nowhere").replace("epochs: 1", "epochs: 9")
        (folder / f"{name}-other.yaml").write_text(text, encoding="utf-8")
    words = ["--episodes", "2", "--agent", "random"]

    def jobs(which, more):
        return ["--set", "accuracy={source: supernet, supernet: {train: ./train%s.yaml%s}}"
                % (which, more), "--set", "final={train: ./alone%s.yaml, nets: 0%s}" % (which, more)]
    plain = search(bitline, folder, "plain", *words, *jobs("", ""))
    laid = search(bitline, folder, "laid", *words, *jobs("-other", ", set: {epochs: 1}"),
                  "--set", "data=synth")
    names = [name for name in plain[0] if name.endswith(".csv") or "stage" in name]
    expect("final.csv" in names and plain[1][2] == laid[1][2], f"another store; {names}")
    for name in names:
        if not name.endswith("job.yaml"):
            expect(plain[0][name] == laid[0][name], f"{name}: other bytes")


def killed_in_stage_a(bitline, folder):
    prepare(folder)
    words = [*FROZEN, "--episodes", "4"]
    whole = search(bitline, folder, "whole", *words)
    process = begin(bitline, folder, "out", *words)
    wait_for(process, (folder / "out" / "stage-a" / "checkpoint").exists)
    process.kill()
    process.communicate()
    expect(not (folder / "out" / "front.csv").exists(), "it was too quick")
    expect(search(bitline, folder, "out", "--resume", *words) == whole, "other bytes")


def interrupted_in_stage_a(bitline, folder):
    """The signal meets the driver alone."""
    prepare(folder)
    text = (folder / "train.yaml").read_text("utf-8")
    (folder / "train.yaml").write_text(text.replace("epochs: 1", "epochs: 1000"), encoding="utf-8")
    process = begin(bitline, folder, "out", *FROZEN)
    wait_for(process, (folder / "out" / "stage-a" / "checkpoint").exists)
    process.send_signal(signal.SIGTERM)
    said = process.communicate(timeout=30)[1].decode()
    expect(process.returncode == 143 and "stopped in stage a" in said and "--resume" in said,
           f"exit {process.returncode}\n{said}")


def killed_while_tuning(bitline, folder):
    prepare(folder)
    whole = search(bitline, folder, "whole", *TUNED)
    for n in (0, 1, 3, 6):
        out = f"killed{n}"
        process = begin(bitline, folder, out, *TUNED)
        path = folder / out / "search.db"
        wait_for(process, lambda: episodes_in(path) >= n + 4)  # 4 uniform nets come first
        process.kill()
        process.communicate()
        expect(episodes_in(path) < len(whole[1][2]), f"killed after {n}: it was too quick")
        expect(search(bitline, folder, out, "--resume", *TUNED) == whole,
               f"killed after {n}: other bytes")


def killed_worker(bitline, folder):
    prepare(folder)
    whole = search(bitline, folder, "whole", *TUNED)
    process = begin(bitline, folder, "out", *TUNED)
    wait_for(process, lambda: episodes_in(folder / "out" / "search.db") >= 6)
    victims = kill_children(process)
    said = process.communicate(timeout=60)[1]
    expect(process.returncode == 0 and len(victims) == 1, f"{victims}\n{said.decode()}")
    expect((exported(folder / "out"), store(folder / "out")) == whole, "other bytes")


def tuned_without_an_answer(bitline, folder):
    """Killed after the super-net's state was written and before the episode was."""
    prepare(folder)
    whole = search(bitline, folder, "whole", *TUNED)
    with contextlib.closing(sqlite3.connect(folder / "whole" / "search.db")) as db, db:
        gone = db.execute("DELETE FROM episode WHERE episode = 7").rowcount
        db.execute("DELETE FROM episode_time WHERE episode = 7")
    expect(gone == 1, f"{gone} rows")
    expect(search(bitline, folder, "whole", "--resume", *TUNED) == whole, "other bytes")


def lost_state(bitline, folder):
    """Without the super-net as it was left, no episode is made up."""
    prepare(folder)
    process = begin(bitline, folder, "lost", *TUNED)
    wait_for(process, lambda: episodes_in(folder / "lost" / "search.db") >= 6)
    process.kill()
    process.communicate()
    for path in (folder / "lost" / "stage-b").iterdir():
        path.unlink()
    again = bitline.run("search", "job.yaml", *TUNED, "--out", "lost", "--resume", cwd=folder)
    expect(again.returncode == 2 and b"there is no checkpoint of a super-net" in again.stderr,
           f"exit {again.returncode}\n{again.stderr.decode()}")


def same_as_training(bitline, folder):
    """Fine-tuning a candidate is bitline train from the shared weights, at its widths."""
    prepare(folder)
    search(bitline, folder, "out", *FROZEN, *ALONE)
    write_alone(folder)
    for row in table(folder / "out", "episodes.csv"):
        told = json.loads(bitline.output(
            "train", "alone.yaml", "--set", "init=out/stage-a/weights.safetensors", "--set",
            "init_width=4x", "--set", f"widths=[{row['widths']}]", "--set", "bn_batches=2", "--out",
            f"alone{row['episode']}", "--json", cwd=folder))
        expect(told["held_out_accuracy"] == float(row["accuracy"]), f"{told}\n{row}")


def outside_of_the_supernet(bitline, folder):
    """Uniform nets that it does not hold have costs, and no accuracy."""
    prepare(folder)
    text = (folder / "train.yaml").read_text("utf-8")
    (folder / "train.yaml").write_text(text.replace("least: 1", "least: 2"), encoding="utf-8")
    search(bitline, folder, "out", *FROZEN, "--set", "space.least=2")
    rows = {row["ratio"]: row for row in table(folder / "out", "references.csv")}
    expect("does not contain these widths" in rows["1"]["failed"] and
           float(rows["1"]["energy_j"]) > 0, f"{rows['1']}")
    expect(not rows["2"]["failed"] and float(rows["2"]["accuracy"]) > 0, f"{rows['2']}")


def another_training(bitline, folder):
    prepare(folder)
    words = [*FROZEN, "--episodes", "4"]
    search(bitline, folder, "out", *words)
    text = (folder / "train.yaml").read_text("utf-8")
    (folder / "train.yaml").write_text(text.replace("seed: 3", "seed: 4"), encoding="utf-8")
    done = bitline.run("search", "job.yaml", "--out", "out", "--resume", *words, cwd=folder)
    expect(done.returncode != 0 and b"seed" in done.stderr, done.stderr.decode())
    (folder / "train.yaml").write_text(text.replace("momentum: 0.9", "momentum: 0.8"),
                                       encoding="utf-8")
    done = bitline.run("search", "job.yaml", "--out", "out", "--resume", *words, "--set",
                       "accuracy.supernet.weights=out/stage-a/weights.safetensors", cwd=folder)
    expect(done.returncode == 2 and b"training job: [" in done.stderr, done.stderr.decode())


def trained_from_scratch(bitline, folder):
    """Stage C: what bitline train says of the same nets; the same after kills, and stage by
    stage."""
    prepare(folder)
    write_alone(folder)
    words = ["--episodes", "6", "--agent", "random"]
    final = ["--set", "final={train: ./alone.yaml, nets: 1, seeds: 2, uniform: [1.5]}"]
    whole = search(bitline, folder, "whole", *words, *final)
    rows = table(folder / "whole", "final.csv")
    expect({row["net"] for row in rows} >= {"best", "uniform-1.5x"} and
           [row["run"] for row in rows] == ["1", "2"] * (len(rows) // 2), f"{rows}")
    for row in rows:
        told = json.loads(bitline.output(
            "train", "alone.yaml", "--set", f"widths=[{row['widths']}]", "--set",
            f"seed={2 + int(row['run'])}", "--out", f"{row['net']}{row['run']}", "--json",
            cwd=folder))
        expect(told["test_accuracy"] == float(row["test_accuracy"]), f"{told}\n{row}")
    early = bitline.run("search", "job.yaml", "--out", "out", "--stage", "c", *words, *final,
                        cwd=folder)
    expect(early.returncode == 2 and b"0 of 6 episodes are done; run --stage b" in early.stderr,
           early.stderr.decode())
    search(bitline, folder, "out", "--resume", "--stage", "b", *words, *final)
    expect(not (folder / "out" / "final.csv").exists(), "stage b trained")
    process = begin(bitline, folder, "out", "--resume", "--stage", "c", *words, *final)
    wait_for(process, (folder / "out" / "stage-c" / "best-run2" / "checkpoint").exists)
    process.kill()
    process.communicate()
    expect(not (folder / "out" / "final.csv").exists(), "it was too quick")
    expect(search(bitline, folder, "out", "--resume", *words, *final) == whole, "other bytes")


def supernet(text):
    return ["--set", f"accuracy={{source: supernet, supernet: {{{text}}}}}"]


REFUSED = [
    (["--set", "accuracy={source: supernet}"], "requires a section supernet"),
    (["--set", "accuracy={source: formula, supernet: {train: ./train.yaml}}"],
     "is given, but source is formula"),
    (supernet("train: ./none.yaml"), "none.yaml"),
    (supernet("train: ./alone.yaml"), "does not train a super-net; add a section supernet"),
    ([*FROZEN, "--set", "form=int8"], "not the searched net, 'small' (int8)"),
    (supernet("train: ./train.yaml, weights: none.safetensors"), "none.safetensors"),
    (supernet("train: ./train.yaml, tune_epochs: 1"), "set round to 1, or tune_epochs to 0"),
    (supernet("train: ./train.yaml, candidate: {optimiser: {rate: 0.1}}"),
     "candidate_epochs is 0"),
    (supernet("train: ./train.yaml, defects: {}"), "defects: unknown key"),
    ([*FROZEN, "--set", "space.most=5"], "the super-net has 8 to 32; narrow the space"),
    ([*FROZEN, "--set", "space.step=2"], "in steps of 4; make the first a multiple of the second"),
    ([*FROZEN, "--stage", "b"], "small/stage-a/weights.safetensors is missing; run --stage a"),
    (["--set", "data=synth"], "data: this job trains nothing; remove it"),
    (supernet("train: ./train.yaml, set: {epoch: 3}"), "epoch: unknown key; did you mean 'epochs'?"),
    ([*FROZEN, "--set", "data=mnist:nowhere"], "nowhere"),
    (["--set", "final={train: ./alone.yaml, epochs: 3}"], "epochs: unknown key"),
    ([*FROZEN, "--stage", "d"], "--stage d: expected a, b or c"),
    (["--stage", "a"], "does not come from a super-net"),
    (["--stage", "c"], "has no section final"),
    (["--set", "final={train: ./train.yaml}"], "give width or widths, not both"),
    (["--set", "final={train: ./alone.yaml}", "--set", "form=int8"],
     "not the searched net, 'small' (int8)"),
    (["--set", "final={train: ./alone.yaml, uniform: [7]}"], "7 is not a ratio of the search"),
]


def refused(bitline, folder, args, says):
    prepare(folder)
    write_alone(folder)
    bitline.refuse(folder, ["search", "job.yaml", *args], [says])


def main():
    bitline = Bitline(sys.argv[1])
    cases = [(test.__name__, test, ()) for test in
             (stage_by_stage, training_jobs_set, killed_in_stage_a, interrupted_in_stage_a, killed_while_tuning,
              killed_worker, tuned_without_an_answer, lost_state, same_as_training,
              outside_of_the_supernet, another_training, trained_from_scratch)]
    cases += [(f"any number of workers, {name}", any_number_of_workers, (words,))
              for name, words in (("frozen", FROZEN), ("tuned", TUNED),
                                  ("tuned alone", [*FROZEN, *ALONE]))]
    cases += [("refused: " + " ".join(args), refused, (args, says)) for args, says in REFUSED]
    run_tests([(repr(name), in_folder(test, bitline, *args)) for name, test, args in cases])


main()
