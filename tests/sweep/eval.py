"""What bitline eval reports: the same for any number of workers, every kind of fault with what was
asked and what was hit, and nothing of kinds that are off.

eval.py BITLINE WEIGHTS_PROGRAM SUPPORT_FOLDER
"""
import json
import pathlib
import shutil
import subprocess
import sys

sys.path.insert(0, sys.argv[3])
from support import Bitline, expect, in_folder, run_tests  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent
KINDS = {"word_lines": 0.02, "bit_lines": 0.1, "drivers": 0.03, "adcs": 0.2}
NET = ["hawis", "./net.yaml", "--weights", "w.safetensors", "--data", "synth", "--images", "60"]


def prepare(folder):
    shutil.copy(HERE / "net.yaml", folder)
    subprocess.run([sys.argv[2], folder / "net.yaml", folder / "w.safetensors"], check=True)


def sets(values):
    return [word for key, value in values.items() for word in ("--set", f"{key}={value}")]


def evaluate(bitline, folder, *args):
    result = json.loads(bitline.output("eval", *NET, "--json", *args, cwd=folder))
    del result["images_per_second"], result["command"]
    return result


def every_kind(bitline, folder):
    prepare(folder)
    options = sets({f"defects.{key}": value for key, value in KINDS.items()})
    options += sets({"defects.read_noise": 2, "defects.adc_offset": 0.5, "defects.sigma": 0.2,
                     "crossbar.wire_resistance": "10 mohm"})
    options += ["--sa0", "0.01", "--sa1", "0.02", "--trials", "3"]
    one = evaluate(bitline, folder, *options)
    for jobs in "23":
        expect(evaluate(bitline, folder, *options, "--jobs", jobs) == one, f"{jobs} jobs differ")
    requested, injected = one["faults"]["requested"], one["faults"]["injected"]
    expect(requested == {"stuck_lrs": 0.01, "stuck_hrs": 0.02, **KINDS}, f"{requested}")
    for key, rate in KINDS.items():
        used, hit = injected[key + "_used"], injected[key]
        expect(abs(hit - rate * used) < 4 * (rate * used) ** 0.5, f"{key}: {hit} of {used}")
    expect(one["read_noise"] == 2 and one["adc_offset"] == 0.5, f"{one}")
    expect(0 < one["wires"]["largest_drop"] < 0.2, f"{one}")
    expect(one["wires"]["resistance_ohm"] == 0.01, f"{one}")
    text = bitline.output("eval", *NET, *options, cwd=folder)
    for words in ("open word lines: 0.02 requested", "open bit lines: 0.1 requested", "drivers stuck on",
                  "ADCs stuck at a code", "offsets", "read-out", "0.01 ohm"):
        expect(words in text, f"no '{words}' in\n{text}")


def rates_of_zero(bitline, folder):
    """No faults at all, and no word of them."""
    prepare(folder)
    none = evaluate(bitline, folder)
    zero = evaluate(bitline, folder, *sets({f"defects.{key}": 0 for key in KINDS}),
                    *sets({"crossbar.wire_resistance": "0 ohm", "defects.read_noise": 0}))
    expect(zero == none, f"{zero}\n{none}")
    expect(set(none["faults"]["requested"]) == {"stuck_lrs", "stuck_hrs"}, f"{none}")
    expect(none["faults"]["injected"]["stuck_lrs"] == 0, f"{none}")
    text = bitline.output("eval", *NET, cwd=folder)
    for words in ("lines", "drivers", "ADCs", "noise", "wires"):
        expect(words not in text, f"'{words}' in\n{text}")


def mitigated(bitline, folder):
    """Compared with the same chips without mitigation; its cost is that of running the images."""
    prepare(folder)
    options = ["--sa1", "0.2", "--sigma", "0.1", "--trials", "2",
               *sets({"crossbar.spare_rows": 2, "crossbar.spare_columns": 1})]
    plain = evaluate(bitline, folder, *options)
    result = evaluate(bitline, folder, *options, "--mitigate", "bn,gain,spares",
                      "--mitigate-images", "40")
    again = evaluate(bitline, folder, *options, "--mitigate", "spares,gain,bn",
                     "--mitigate-images", "40", "--jobs", "3")
    expect(again == result, "the order of words or the number of jobs makes a difference")
    mending = result["mending"]
    expect(mending["trials_without"] == plain["trials"], f"{mending} {plain}")
    expect(mending["spares"]["rows_moved"] > 0, f"{mending}")
    expect(mending["spares"]["wrong_cells_after"] < mending["spares"]["wrong_cells_before"],
           f"{mending}")
    run = json.loads(bitline.output("run", "hawis", "./net.yaml", "--json", *options[6:],
                                    cwd=folder))
    energy, time = mending["bn"]["energy_j"], mending["bn"]["time_s"]
    expect(abs(energy / (40 * run["energy_j"]) - 1) < 1e-9, f"{energy}")
    expect(abs(time / (run["latency_s"] + 39 / run["throughput_ips"]) - 1) < 1e-9, f"{time}")
    for args, says in ((["--mitigate", "gain"], "cells that neither vary nor drift have no gain"),
                       (["--mitigate", "spares"], "set crossbar.spare_rows or crossbar.spare_"),
                       (["--mitigate", "bnn"], "use any of bn, gain and spares"),
                       (["--mitigate-images", "4"], "--mitigate-images requires --mitigate bn"),
                       (["--mitigate", "bn", "--mitigate-images", "9999999"], "training images")):
        bitline.refuse(folder, ["eval", *NET, *args], [says])


def old_names(bitline, folder):
    """--mend and --mend-images still work, are not in --help, and give a note on stderr."""
    prepare(folder)
    options = ["--sa1", "0.2", "--json"]
    new = bitline.run("eval", *NET, *options, "--mitigate", "bn", "--mitigate-images", "40",
                      cwd=folder)
    old = bitline.run("eval", *NET, *options, "--mend", "bn", "--mend-images", "40", cwd=folder)
    of_new, of_old = (json.loads(done.stdout) for done in (new, old))
    expect(of_new["mending"] == of_old["mending"] and of_new["trials"] == of_old["trials"],
           f"{of_new} {of_old}")
    notes = [line for line in old.stderr.decode().splitlines() if "is now called" in line]
    expect(notes == [f"bitline: --mend{end} is now called --mitigate{end}; the old name goes with "
                     "the next version" for end in ("", "-images")], f"{old.stderr}")
    expect(b"is now called" not in new.stderr, f"{new.stderr}")
    expect("mend" not in bitline.output("eval", "--help", cwd=folder), "an old name in --help")


def no_hardware(bitline, folder):
    prepare(folder)
    for option in ("defects.word_lines=0.1", "crossbar.wire_resistance=1 ohm"):
        bitline.refuse(folder, ["eval", "ideal", *NET[1:], "--form", "float", "--set", option],
                       ["form float has no cells or lines", "another form"])


def main():
    bitline = Bitline(sys.argv[1])
    run_tests([(test.__name__, in_folder(test, bitline))
               for test in (every_kind, rates_of_zero, mitigated, old_names, no_hardware)])


main()
