#!/usr/bin/env python3
"""Writes the chips, nets, jobs and weights that ship as C: base/catalog/catalog.h says what comes out.

embed.py [--depfile FILE] OUTPUT CHIPS NETS WORKLOADS (folders of *.yaml, the last one also of
*.safetensors; a missing one is empty)
"""
import argparse
import pathlib
import re
import sys


def bytes_of(data):
    rows = (data[i:i + 20] for i in range(0, len(data), 20))
    return ",\n".join("    " + ", ".join(str(byte) for byte in row) for row in rows)


def embed(folder, kind, depends, out, suffix=".yaml"):
    """Writes one folder's array of entries, sorted by name; returns their number."""
    entries = []
    if folder.is_dir():
        depends.append(folder)  # its time changes when a file comes or goes
    for path in sorted(folder.glob("*" + suffix)):
        if not re.fullmatch(r"[A-Za-z0-9._-]+", path.stem):
            sys.exit(f"{path}: rename it; names hold letters, digits, '.', '_' and '-' only")
        data = path.read_bytes()
        symbol = f"{kind}_{len(entries)}"
        out.append(f"static const unsigned char {symbol}[] = {{\n{bytes_of(data + bytes(1))}}};")
        entries.append(f'    {{"{path.stem}", (const char *){symbol}, {len(data)}}},')
        depends.append(path)
    rows = "\n".join(entries) if entries else "    {0},"
    out.append(f"static const struct catalog_entry {kind}_entries[] = {{\n{rows}\n}};")
    return len(entries)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--depfile", type=pathlib.Path)
    parser.add_argument("output", type=pathlib.Path)
    parser.add_argument("folders", type=pathlib.Path, nargs=3)
    args = parser.parse_args()
    kinds = ("chip", "net", "workload")
    depends = []
    out = ["// Made by tools/embed.py.", '#include "base/catalog/catalog.h"']
    counts = [embed(folder, kind, depends, out) for folder, kind in zip(args.folders, kinds)]
    rows = "\n".join(f"    {{{kind}_entries, {n}}}," for kind, n in zip(kinds, counts))
    n = embed(args.folders[2], "weights", depends, out, ".safetensors")
    out.append(f"const struct embedded_kind catalog_weights = {{weights_entries, {n}}};")
    out.append(f"const struct embedded_kind catalog_embedded[CATALOG_KINDS] = {{\n{rows}\n}};")
    args.output.write_text("\n\n".join(out) + "\n", encoding="ascii")
    if args.depfile:
        names = (str(path.resolve()).replace(" ", "\\ ") for path in depends)
        args.depfile.write_text(f"{args.output}: {' '.join(names)}\n", encoding="utf-8")


main()
