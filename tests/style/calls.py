#!/usr/bin/env python3
"""Only tools/ (and tests/) print, exit and look at the environment.

usage: calls.py ROOT
"""
import re
import sys

from sources import code, finish, read, sources

CALLS = re.compile(
    r"\b(printf|vprintf|puts|putchar|perror|exit|_exit|_Exit|quick_exit|getenv|setenv|putenv"
    r"|system)\s*\("
)
STREAMS = re.compile(r"\bstdout\b|\bstderr\b")
# The one place that ends the program: out of memory.
LAST_WORDS = {"base/mem.c"}


def main(root):
    problems = []
    for path in sources(root):
        if path.startswith(("tools/", "tests/")):
            continue
        text = re.sub(r"__attribute__\s*\(\(.*?\)\)\)?", "", code(read(root, path)))
        for number, line in enumerate(text.splitlines(), 1):
            for match in CALLS.finditer(line):
                problems.append(
                    f"{path}:{number}: {match.group(1)}() is for tools/ only; fill a struct err or "
                    "write to a stream that is given"
                )
            if STREAMS.search(line) and path not in LAST_WORDS:
                problems.append(f"{path}:{number}: standard streams are for tools/ only")
    finish(problems)


if __name__ == "__main__":
    main(sys.argv[1])
