#!/usr/bin/env python3
"""Does every header compile alone, and once only?

usage: headers.py ROOT COMPILER...
"""
import subprocess
import sys

from sources import finish, read, sources

FLAGS = ["-std=c11", "-D_POSIX_C_SOURCE=200809L", "-Wall", "-Wextra", "-Werror", "-fsyntax-only"]


def main(root, compiler):
    problems = []
    for path in sources(root, (".h",)):
        if "#pragma once" not in read(root, path):
            problems.append(f"{path}:1: has no #pragma once")
        unit = f'#include "{path}"\nextern int nothing_else;\n'
        done = subprocess.run(
            [*compiler, *FLAGS, "-I", root, "-x", "c", "-"],
            input=unit,
            text=True,
            capture_output=True,
            cwd=root,  # where #include "..." looks first
            check=False,
        )
        if done.returncode:
            problems.append(f"{path}:1: does not compile alone\n{done.stderr}")
    finish(problems)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
