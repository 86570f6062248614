"""What stands around the program changes nothing: locale, POSIXLY_CORRECT, byte order marks.

surroundings.py BITLINE
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys

from support import HERE, Bitline, Skip, expect, in_folder, run_tests

COMMANDS = [
    ["run", "hawis", "resnet20", "--json", "--set", "adc.time=1.5 ns"],
    ["run", "hawis", "lenet5", "--width", "0.5x"],
    ["show", "chip", "isaac-ce"],
    ["eval", "hawis", "signs", "--weights", "train-signs", "--images", "20", "--sa0", "0.05",
     "--sigma", "0.1"],
]
MARK = b"\xef\xbb\xbf"


def outputs(bitline, folder, env):
    """Of all commands, without the line of the speed."""
    found = [subprocess.run(bitline.words(*command), cwd=folder, env={**bitline.env, **env},
                            stdin=subprocess.DEVNULL, capture_output=True, check=True).stdout
             for command in COMMANDS]
    return [re.sub(rb"^speed .*$", b"", text, flags=re.M) for text in found]


def decimal_comma(bitline, folder):
    localedef = shutil.which("localedef")
    made = localedef and subprocess.run([localedef, "-i", "de_DE", "-f", "UTF-8", "./de_DE.UTF-8"],
                                        cwd=folder, capture_output=True, check=False)
    env = {"LC_ALL": "de_DE.UTF-8", "LANG": "de_DE.UTF-8", "LOCPATH": str(folder)}
    if not made or not (folder / "de_DE.UTF-8").is_dir():
        raise Skip("no localedef that knows de_DE (Debian: locales)")
    point = subprocess.run(["locale", "decimal_point"], env={**os.environ, **env},
                           capture_output=True, check=True).stdout
    expect(point == b",\n", f"decimal_point is {point}")
    expect(outputs(bitline, folder, env) == outputs(bitline, folder, {}), "other output")


def options_behind_operands(bitline, folder):
    expect(outputs(bitline, folder, {"POSIXLY_CORRECT": "1"}) == outputs(bitline, folder, {}),
           "other output")


def byte_order_marks(bitline, folder):
    """As Windows' editors and spreadsheets write them."""
    for name in "chip.yaml", "net.yaml":
        text = (HERE / name).read_bytes()
        (folder / name).write_bytes(text)
        (folder / f"marked-{name}").write_bytes(MARK + text)
    table = b"28,28,1,5,5,6,1,1\n14,14,6,5,5,16,1,1\n1,1,784,1,1,10,0,1\n"
    (folder / "plain.csv").write_bytes(table)
    (folder / "marked-plain.csv").write_bytes(MARK + table)
    bitline.output("run", "./chip.yaml", "./net.yaml", "--trace", "trace.csv", cwd=folder)
    trace = (folder / "trace.csv").read_bytes()
    (folder / "marked-trace.csv").write_bytes(MARK + trace)
    for marked, plain in ((["show", "chip", "./marked-chip.yaml"], ["show", "chip", "./chip.yaml"]),
                          (["show", "net", "./marked-net.yaml"], ["show", "net", "./net.yaml"]),
                          (["show", "net", "./marked-plain.csv"], ["show", "net", "./plain.csv"]),
                          (["trace", "marked-trace.csv"], ["trace", "trace.csv"])):
        got, want = (bitline.output(*args, cwd=folder).replace("marked-", "")
                     for args in (marked, plain))
        expect(got == want, f"{marked}:\n{got}\nnot\n{want}")


def main():
    bitline = Bitline(pathlib.Path(sys.argv[1]))
    run_tests([(test.__name__.replace("_", " "), in_folder(test, bitline))
               for test in (decimal_comma, options_behind_operands, byte_order_marks)])


main()
