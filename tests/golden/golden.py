"""What users see, held against NAME.out. UPDATE=1 rewrites the files: look at the difference and
commit it with the change that made it. Hashes stand as [hash]."""
import difflib
import os
import re
import sys

from support import HERE, Bitline, expect, run_tests

HAWIS_B = "84,84,84,84,84,80,84,168,168,192,224,188,224,284,284,256,248,224,224"

CASES = {
    "help": ["--help"],
    "run_help": ["run", "--help"],
    "show_help": ["show", "--help"],
    "list_help": ["list", "--help"],
    "check_help": ["check", "--help"],
    "search_help": ["search", "--help"],
    "sweep_help": ["sweep", "--help"],
    "trace_help": ["trace", "--help"],
    "train_help": ["train", "--help"],
    "list_chips": ["list", "chips"],
    "list_nets": ["list", "nets"],
    "list_workloads": ["list", "workloads"],
    "schema": ["show", "schema"],
    "resnet20": ["show", "net", "resnet20"],
    "resnet20_int8": ["show", "net", "resnet20", "--form", "int8"],
    "resnet20_hawis_b": ["show", "net", "resnet20", "--widths", HAWIS_B],
    "resnet18": ["show", "net", "resnet18"],
    "vgg8": ["show", "net", "vgg8"],
    "isaac_ce_parts": ["show", "chip", "isaac-ce", "--parts"],
    "chip": ["show", "chip", "./over.yaml", "--set", "adc.count=8"],
    "eval_help": ["eval", "--help"],
    "check": ["check", "hawis", "resnet20"],
}

WARNINGS = "warnings"  # of all chips


def warnings(bitline):
    """What check warns of, chip by chip that ships."""
    text = ""
    for line in bitline.output("list", "chips").splitlines()[2:]:
        done = bitline.run("check", line.split()[0])
        text += done.stdout.decode() + done.stderr.decode()
    return text


def hold(bitline, name):
    path = HERE / f"{name}.out"
    text = warnings(bitline) if name == WARNINGS else bitline.output(*CASES[name], cwd=HERE)
    text = re.sub(r"\[[0-9a-f]{16}\]", "[hash]", text)
    if os.environ.get("UPDATE"):
        path.write_text(text, encoding="utf-8")
        return
    expect(path.exists(), f"{path.name} is missing; UPDATE=1 writes it")
    held = path.read_text(encoding="utf-8")
    diff = difflib.unified_diff(held.splitlines(), text.splitlines(), path.name,
                                "bitline " + " ".join(CASES.get(name, [])), lineterm="")
    expect(held == text, "\n".join(diff))


def no_file_without_case():
    stray = {path.stem for path in HERE.glob("*.out")} - CASES.keys() - {WARNINGS}
    expect(not stray, f"no case makes {', '.join(sorted(stray))}")


def main():
    bitline = Bitline(sys.argv[1])
    tests = [(name, lambda name=name: hold(bitline, name)) for name in [*CASES, WARNINGS]]
    run_tests([*tests, ("no file without a case", no_file_without_case)])


main()
