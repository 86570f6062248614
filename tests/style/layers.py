#!/usr/bin/env python3
"""Does every file include only what tests/layers.txt lets its folder include?

usage: layers.py ROOT
"""
import os
import re
import sys

from sources import finish, read, sources

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.M)


def read_table(root):
    """[folder], from the ground up; [(system header or folder of them, folders it is for)]"""
    layers, system = [], []
    for number, line in enumerate(read(root, "tests/layers.txt").splitlines(), 1):
        line = line.split("#", 1)[0].strip()
        if not line:
            continue
        if line.startswith("<"):
            header, *folders = line.split()
            system.append((header[1:-1], folders))
        elif " " in line or line in layers:
            sys.exit(f"tests/layers.txt:{number}: neither one new folder nor '<header> A'")
        else:
            layers.append(line)
    return layers, system


def within(path, folder):
    return path == folder or path.startswith(folder + "/")


def layer_of(path, layers):
    """The nearest folder above the file that the table names."""
    folder = os.path.dirname(path)
    while folder and folder not in layers:
        folder = os.path.dirname(folder)
    return folder or None


def check_own(path, header, root, layers):
    if not os.path.exists(os.path.join(root, header)):
        # Made by the build; it stands in the build folder under the same name.
        made = os.path.join(root, header + ".in")
        return None if os.path.exists(made) else f'there is no file "{header}"'
    layer, target = layer_of(path, layers), layer_of(header, layers)
    if layer is None:
        return "its folder is not named in tests/layers.txt"
    if target is None or layers.index(target) > layers.index(layer):
        return f"{layer} must not include {target or os.path.dirname(header)} (\"{header}\")"
    return None


def check_system(path, header, system):
    for known, folders in system:
        mine = header == known or (known.endswith("/") and header.startswith(known))
        if mine and not any(within(path, folder) for folder in folders):
            return f"{os.path.dirname(path)} must not include <{header}>"
    return None


def main(root):
    layers, system = read_table(root)
    problems = []
    for path in sources(root):
        text = read(root, path)
        for match in INCLUDE.finditer(text):
            kind, header = match.groups()
            if kind == "<":
                problem = check_system(path, header, system)
            else:
                problem = check_own(path, header, root, layers)
            if problem:
                line = text.count("\n", 0, match.start(1)) + 1
                problems.append(f"{path}:{line}: {problem}")
    finish(problems)


if __name__ == "__main__":
    main(sys.argv[1])
