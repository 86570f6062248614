"""A name is text in every file that holds it, or it is refused.

names.py BITLINE SUPPORT_FOLDER
"""
import pathlib
import sys

sys.path.insert(0, sys.argv[2])
from support import Bitline, expect, in_folder, run_tests  # noqa: E402

NET = """\
name: {net}
input: {{channels: 1, height: 8, width: 8, bits: 8}}
classes: 10
default_form: binary
layers:
  - {{name: c1, kind: conv, out: 4, kernel: 3, pad: 1}}
  - {{name: {layer}, kind: conv, out: 4, kernel: 3, pad: 1}}
  - {{name: fc, kind: linear, out: 10}}
"""
CHIP = "extends: hawis\nname: {chip}\n"
SEARCH = """\
name: {job}
chip: ./chip.yaml
net: ./net.yaml
form: binary
accuracy: {{source: formula, formula: {{ceiling: 0.9435, loss: 0.1313, power: 1.282, front: 3}}}}
agent: random
episodes: 5
"""
PLAIN = {"net": "net", "layer": "c2", "chip": "chip", "job": "job"}


def prepare(folder, **names):
    """Files whose names are given as YAML scalars."""
    names = PLAIN | names
    (folder / "net.yaml").write_text(NET.format(**names), encoding="utf-8")
    (folder / "chip.yaml").write_text(CHIP.format(**names), encoding="utf-8")
    (folder / "search.yaml").write_text(SEARCH.format(**names), encoding="utf-8")


def gnuplot_runs_nothing(bitline, folder, what):
    """Whatever quotes a name holds, gnuplot's script has no command in it."""
    commands = ["x'; system('touch HIT'); set title 'y", "x''; system('touch HIT'); set title ''y",
                "x\"; system('touch HIT'); set title \"y", "`touch HIT`", "x\nsystem('touch HIT')\n",
                "x\\\"; system('touch HIT') #"]
    for number, text in enumerate(commands):
        quoted = '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
        prepare(folder, **{what: quoted})
        out = folder / f"out{number}"
        done = bitline.run("search", "search.yaml", "--out", out, cwd=folder)
        expect(done.returncode in (0, 2), f"{text!r}: exit {done.returncode}\n{done.stderr.decode()}")
        expect(not list(folder.rglob("HIT")), f"{text!r} was run")


def main(bitline):
    run_tests([(f"gnuplot runs nothing of the name of a {what}",
                in_folder(gnuplot_runs_nothing, bitline, what)) for what in PLAIN])


if __name__ == "__main__":
    main(Bitline(pathlib.Path(sys.argv[1])))
