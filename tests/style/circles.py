#!/usr/bin/env python3
"""Do two source files call each other, directly or through others?

usage: circles.py ROOT [--all]      --all: those of KNOWN, too

A file stands for its functions that others can call. Circles that are known stand in KNOWN; one
that is gone fails, so that the list gets shorter.
"""
import re
import sys

from sources import code, finish, read, sources

DEFINITION = re.compile(r"^(?!static|typedef|extern)[A-Za-z_][\w \t*]*?\b(\w+)\(", re.M)
CALL = re.compile(r"\b([a-z]\w+)\b")
KNOWN = [
    ["nets/forms.c", "nets/link.c"],
    ["nets/train/graph_forward.c", "nets/train/graph_input.c", "nets/train/graph_join.c",
     "nets/train/graph_norm.c", "nets/train/graph_pieces.c", "nets/train/graph_plan.c",
     "nets/train/graph_stream.c"],
    ["nets/train/trainer.c", "nets/train/trainer_slim.c"],
    ["sim/crossbar/comparator.c", "sim/crossbar/readout.c"],
    ["sim/crossbar/fault.c", "sim/crossbar/spare.c"],
    ["sim/map/ahead.c", "sim/map/size.c"],
    ["tools/search/export.c", "tools/search/retrain.c", "tools/search/search_loop.c"],
    ["tools/study/sql.c", "tools/study/store.c"],
]


def functions(text):
    """Names of the functions that a file defines for others."""
    found = set()
    for match in DEFINITION.finditer(text):
        depth, at = 0, match.end() - 1
        while at < len(text):
            depth += {"(": 1, ")": -1}.get(text[at], 0)
            at += 1
            if depth == 0:
                break
        if text[at:].lstrip().startswith("{"):
            found.add(match.group(1))
    return found


def components(edges):
    """Sets of nodes that reach each other (Tarjan), of more than one node."""
    index, low, stack, on, found = {}, {}, [], set(), []

    def visit(node):
        index[node] = low[node] = len(index)
        stack.append(node)
        on.add(node)
        for other in sorted(edges[node]):
            if other not in index:
                visit(other)
                low[node] = min(low[node], low[other])
            elif other in on:
                low[node] = min(low[node], index[other])
        if low[node] == index[node]:
            group = []
            while not group or group[-1] != node:
                group.append(stack.pop())
                on.discard(group[-1])
            if len(group) > 1:
                found.append(sorted(group))

    sys.setrecursionlimit(10000)
    for node in sorted(edges):
        if node not in index:
            visit(node)
    return found


def main(root, known=None):
    known = KNOWN if known is None else known
    texts = {path: code(read(root, path)) for path in sources(root, (".c",))
             if not path.startswith("tests/")}
    home = {}
    for path, text in texts.items():
        for name in functions(text):
            home.setdefault(name, path)
    edges = {path: {home[name] for name in CALL.findall(text)
                    if name in home and home[name] != path} for path, text in texts.items()}
    found = components(edges)
    problems = [f"{circle[0]}: calls in a circle with {', '.join(circle[1:])}"
                for circle in found if circle not in known]
    problems += [f"tests/style/circles.py: the circle of {circle[0]} is gone; take it out of KNOWN"
                 for circle in known if circle not in found]
    finish(problems)


if __name__ == "__main__":
    main(sys.argv[1], [] if "--all" in sys.argv else None)
