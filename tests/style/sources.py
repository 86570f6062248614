"""What the style checks share: the C files of the tree and their text without comments."""
import os
import re
import sys

TOP = ("base", "sim", "models", "nets", "workloads", "traces", "tools", "tests")


def sources(root, endings=(".c", ".h")):
    """Paths below the root, in a fixed order, without what is ignored (build folders)."""
    found = []
    for top in TOP:
        for folder, folders, files in os.walk(os.path.join(root, top)):
            folders[:] = sorted(f for f in folders if not f.startswith((".", "build")))
            found += [
                os.path.relpath(os.path.join(folder, name), root)
                for name in sorted(files)
                if name.endswith(endings)
            ]
    return found


def read(root, path):
    with open(os.path.join(root, path), encoding="utf-8") as file:
        return file.read()


def blank(match):
    """As many lines as before, nothing on them; strings keep their quotes."""
    text = match.group(0)
    if text.startswith("/"):
        return "\n" * text.count("\n") or " "
    return text[0] * 2


def code(text):
    """The text without comments and without what strings and characters hold."""
    return re.sub(
        r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', blank, text, flags=re.S
    )


def finish(problems):
    for problem in problems:
        print(problem)
    sys.exit(1 if problems else 0)
