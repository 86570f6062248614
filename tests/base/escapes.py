"""Does the reader of every language get back the text that was escaped for it?

escapes.py ESCAPES_PROGRAM SUPPORT_FOLDER
"""
import csv
import io
import json
import pathlib
import random
import re
import shutil
import subprocess
import sys
import tempfile
import unicodedata
import xml.etree.ElementTree as xml

sys.path.insert(0, sys.argv[2])
from support import expect, run_tests  # noqa: E402

NASTY = [
    "", "a", "conv1", "Anna's net", 'say "hi"', "C:\\new\\x41", "tail\\", "`touch PWNED`",
    "$(touch PWNED)", "x'; system('touch PWNED'); set title 'y", "\"; system('touch PWNED'); \"",
    "@m", "{/Bold x}", "a^b_c", "%g %d %", "100%", "=cmd|' /C calc'!A0", "+1", "-2", "@SUM(A1)",
    "<script>alert(1)</script>", "&amp; & &#60;", "]]>", "two\nlines", "\r\n", "tab\there", "\x1b[31mred",
    "\x07\x08\x7f", "\x85\x9b31m", "\u2028\u2029", "\u202eright\u202c", "\ufeffmark", "\uffff", "\ufdd0",
    "\u00e4\u00f6 \u6f22\u5b57 \U0001f600", " leading", "trailing ", "# comment", "key: value", "- item", "? a",
    "[1, 2]", "{a: 1}", "&anchor", "*alias", "!tag", "|", ">", "%YAML 1.1", "---", "...", "~", "null",
    "Null", "NULL", "TRUE", "false", "Yes", "no", "on", "Off", "y", "n", "1", "0x10", "0o7", "1e3", "1_000", "12:30:45", "2001-01-01",
    ".inf", "<<", "=", "a, b", "a;b", "$HOME", "!history", "*", "?", "~root", "x" * 200, "'" * 90,
]
ALPHABET = "".join(NASTY)


def samples():
    """The same texts in every run."""
    chance = random.Random(11)
    mixed = ["".join(chance.choices(ALPHABET, k=chance.randint(1, 30))) for _ in range(400)]
    return NASTY + mixed


def escaped(language, texts):
    raw = [text if isinstance(text, bytes) else text.encode() for text in texts]
    done = subprocess.run([sys.argv[1], language], input=b"".join(text + b"\0" for text in raw),
                          stdout=subprocess.PIPE, check=True)
    out = done.stdout.split(b"\0")[:-1]
    expect(len(out) == len(texts), f"{len(out)} answers to {len(texts)}")
    return out if language == "shell" else [text.decode() for text in out]


def same(texts, back):
    for text, got in zip(texts, back, strict=True):
        expect(text == got, f"{text!r} came back as {got!r}")


def is_harmless(char):
    """No control character, no separator of lines, no mark of direction: by Unicode's tables."""
    return (unicodedata.category(char) not in ("Cc", "Zl", "Zp", "Cn")
            and unicodedata.bidirectional(char) not in
            ("LRE", "RLE", "PDF", "LRO", "RLO", "LRI", "RLI", "FSI", "PDI")
            and char not in "\u061c\u200e\u200f\ufeff\uffff")


def yaml_reads_back():
    try:
        import yaml
    except ImportError:
        print("# python3-yaml is not installed: nothing tried")
        return
    texts = samples()
    for language in ("yaml", "yaml_quoted"):
        out = escaped(language, texts)
        same(texts, yaml.safe_load("\n".join(f"- {text}" for text in out)))
        same(texts, yaml.safe_load("[" + ", ".join(out) + "]"))
        for text in out:
            expect("\n" not in text, repr(text))


def xml_reads_back():
    """But for the characters that XML forbids."""
    texts = samples()
    out = escaped("xml", texts)
    root = xml.fromstring("<r>" + "".join(f"<e a=\"{text}\">{text}</e>" for text in out) + "</r>")
    wanted = [re.sub("[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufdd0\uffff]", "\ufffd", t) for t in texts]
    same(wanted, [element.text or "" for element in root])
    same(wanted, [element.get("a") for element in root])


def shell_reads_back():
    texts = [*(text.encode() for text in samples()), b"not \xff UTF-8 \xc3"]
    with tempfile.TemporaryDirectory() as folder:
        script = b"printf '%s\\0'" + b"".join(b" " + text for text in escaped("shell", texts)) + b"\n"
        done = subprocess.run(["sh", "-c", script], cwd=folder, stdout=subprocess.PIPE, check=True)
        same(texts, done.stdout.split(b"\0")[:-1])
        expect(not list(pathlib.Path(folder).iterdir()), "a command was run")


def json_reads_back():
    """By a reader of JSON, and by one of YAML, of which JSON is a part."""
    texts = samples()
    out = escaped("json", texts)
    same(texts, json.loads("[" + ",".join(out) + "]"))
    for text in out:
        expect(all(map(is_harmless, text)), repr(text))
    expect(escaped("json", [b"a\xff"]) == ['"a\\ufffd"'], "not UTF-8")


def csv_reads_back():
    """One record a line; what a spreadsheet would run has an apostrophe in front."""
    texts = samples()
    out = escaped("csv", texts)
    rows = list(csv.reader(io.StringIO("".join(f"1,{text},2\n" for text in out)), strict=True))
    wanted = escaped("line", texts)
    formula = ("=", "+", "-", "@")
    for text, row in zip(wanted, rows, strict=True):
        expect(len(row) == 3, row)
        number = re.fullmatch(r"[-+][0-9.]+(e[-+]?[0-9]+)?", text)
        guarded = text.startswith(formula) and not number
        expect(row[1] == ("'" + text if guarded else text), f"{text!r} came back as {row[1]!r}")
        expect(number or not row[1].startswith(formula), row)
    expect(escaped("csv", ["-1.5e-3", "+2", "conv1", "", "=1"]) == ["-1.5e-3", "+2", "conv1", "", "\"'=1\""],
           "not as in the header")


def gnuplot_shows(lines_of, language, texts):
    """The texts of the picture of a script."""
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        (folder / "x.gp").write_text("set terminal svg noenhanced\nset encoding utf8\n"
                                     + lines_of(escaped(language, texts)), encoding="utf-8")
        done = subprocess.run(["gnuplot", "-d", "x.gp"], cwd=folder, capture_output=True, check=False)
        expect(done.returncode == 0, done.stderr.decode(errors="replace"))
        expect([path.name for path in folder.iterdir()] == ["x.gp"], "a command was run")
        root = xml.fromstring(done.stdout)
    return [element.text or "" for element in root.iter("{http://www.w3.org/2000/svg}text")]


def gnuplot_shows_titles():
    if not shutil.which("gnuplot"):
        print("# gnuplot is not installed: nothing tried")
        return
    texts = samples()
    plain = ["".join(c if is_harmless(c) or c == "\ufeff" else "\ufffd" if c in "\ufdd0\uffff" else " "
                     for c in text).replace("]]>", "] ]>") for text in texts]
    labels = lambda out: "".join(f"set label {i + 1} {text} at {i}, 1\n"  # noqa: E731
                                 for i, text in enumerate(out)) + "unset tics\nplot [-1:999] 1 notitle\n"
    shown = gnuplot_shows(labels, "gnuplot", texts)
    same([text for text in plain if text], [text for text in shown if text])
    tics = lambda out: "set xtics (" + ", ".join(  # noqa: E731
        f"{text} {i}" for i, text in enumerate(out)) + ")\nunset ytics\nplot [-1:999] 1 notitle\n"
    some = [text for text in texts if len(text) < 60]
    shown = gnuplot_shows(tics, "gnuplot_tic", some)
    same([p for t, p in zip(texts, plain, strict=True) if p and len(t) < 60],
         [text for text in shown if text])


def lines_are_lines():
    texts = [*samples(), b"not \xff UTF-8 \xc3", b"\xed\xa0\x80 \xc0\x80 \xf5\x80\x80\x80"]
    for text, out in zip(texts, escaped("line", texts), strict=True):
        expect(all(map(is_harmless, out)), f"{text!r} became {out!r}")
        if isinstance(text, str) and all(map(is_harmless, text)):
            expect(text == out, f"{text!r} became {out!r}")
    expect(escaped("line", ["a\n\x1b[1m\x9b\u202e", b"\xff"]) == ["a\\n\\x1b[1m\\x9b\\u202e", "\ufffd"],
           "not as in the header")


if __name__ == "__main__":
    run_tests([
        ("YAML reads back", yaml_reads_back),
        ("XML reads back", xml_reads_back),
        ("JSON reads back", json_reads_back),
        ("CSV reads back", csv_reads_back),
        ("a shell reads back", shell_reads_back),
        ("gnuplot shows the text", gnuplot_shows_titles),
        ("a line is a line", lines_are_lines),
    ])
