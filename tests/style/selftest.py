#!/usr/bin/env python3
"""Do the checks find what they are for? Each is run on a small tree that breaks its rule."""
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
LAYERS = """\
base
base/conf
models
<yaml.h> base/conf
<simgrid/> sim/events
"""
# check, {file: text}, what it must say ("" for nothing)
CASES = [
    ("layers", {"models/adc.c": '#include "base/err.h"\n'}, ""),
    (
        "layers",
        {"models/adc.c": "\n#include <yaml.h>\n"},
        "models/adc.c:2: models must not include <yaml.h>",
    ),
    (
        "layers",
        {"models/sub/x.c": "#include <simgrid/actor.h>\n"},
        "models/sub/x.c:1: models/sub must not include <simgrid/actor.h>",
    ),
    (
        "layers",
        {"base/err.c": '#include "models/adc.h"\n', "models/adc.h": ""},
        "base/err.c:1: base must not include models",
    ),
    (
        "layers",
        {"models/adc.c": '#include "models/none.h"\n'},
        'models/adc.c:1: there is no file "models/none.h"',
    ),
    (
        "circles",
        {
            "models/adc.c": "int adc_a(int x)\n{\n    return cell_b(x);\n}\n",
            "models/cell.c": "static int own(int x)\n{\n    return adc_a(x);\n}\n"
            "int cell_b(int x)\n{\n    return own(x);\n}\n",
        },
        "models/adc.c: calls in a circle with models/cell.c",
    ),
    (
        "circles",
        {
            "models/adc.c": "int adc_a(int x)\n{\n    return cell_b(x);\n}\n",
            "models/cell.c": "// adc_a()\nint cell_b(int x)\n{\n    return x;\n}\n",
        },
        "",
    ),
    ("calls", {"models/adc.c": "\n\nvoid f(void) { printf(1); }\n"}, "models/adc.c:3: printf()"),
    (
        "calls",
        {"models/adc.c": '// exit(1)\nint g(void) { return snprintf(0, 0, "getenv(x)"); }\n'},
        "",
    ),
    (
        "calls",
        {"models/adc.c": "int g(void) { return fprintf(stderr, 0); }\n"},
        "models/adc.c:1: standard streams",
    ),
    ("calls", {"tools/cli/main.c": "void f(void) { exit(1); }\n"}, ""),
    (
        "escapes",
        {"tools/plot.c": 'void f(void) { fprintf(out, "set title \'%s\'\\n%d", net->name, 1); }\n'},
        "tools/plot.c:1: fprintf: 'net->name'",
    ),
    (
        "escapes",
        {"tools/plot.c": 'void f(void) { fprintf(out, "%d%*s%s", 1, 2, "", last ? "," : path); }\n'},
        "tools/plot.c:1: fprintf: 'last ? \",\" : path'",
    ),
    (
        "escapes",
        {"tools/plot.c": 'void f(void) { fputs(s->job->name, out); }\n'},
        "tools/plot.c:1: fputs: 's->job->name'",
    ),
    (
        "escapes",
        {"tools/x.c": '// \nchar *f(void) { return arena_printf(mem, "name: %s\\n", net->name); }\n'},
        "tools/x.c:2: arena_printf: 'net->name'",
    ),
    (
        "escapes",
        {"tools/x.c": 'bool f(void) { return conf_set(conf, "name", net->name, err); }\n'},
        "tools/x.c:1: conf_set: 'net->name'",
    ),
    (
        "escapes",
        {
            "tools/x.c": "void f(void)\n{\n"
            '    printf("%s %" PRIx64 " %s, %s", visible(path), hash, n ? "a" : "b?:", kind_names[k]);\n'
            '    fprintf(out, "set title %s\\n", escape_gnuplot(mem, arena_printf(mem, "%s", name)));\n'
            '    // printf("%s", name);\n'
            '    conf_set(conf, "name", escape_yaml(mem, name), err);\n'
            '    table_cell(t, "%s", name);\n}\n'
        },
        "",
    ),
    (
        "headers",
        {"models/adc.h": "#pragma once\nsize_t f(void);\n"},
        "models/adc.h:1: does not compile alone",
    ),
    ("headers", {"models/adc.h": "int f(void);\n"}, "models/adc.h:1: has no #pragma once"),
    ("headers", {"models/adc.h": "#pragma once\nint f(void);\n"}, ""),
]


def run(check, files):
    with tempfile.TemporaryDirectory() as root:
        tree = {"tests/layers.txt": LAYERS, "base/err.h": "#pragma once\n", **files}
        for path, text in tree.items():
            os.makedirs(os.path.join(root, os.path.dirname(path)), exist_ok=True)
            with open(os.path.join(root, path), "w", encoding="utf-8") as file:
                file.write(text)
        command = [sys.executable, os.path.join(HERE, check + ".py"), root]
        command += {"headers": ["cc"], "circles": ["--all"]}.get(check, [])
        return subprocess.run(command, text=True, capture_output=True, check=False)


def main():
    failed = False
    for check, files, expected in CASES:
        done = run(check, files)
        good = done.returncode == (1 if expected else 0) and expected in done.stdout
        if not good:
            print(f"{check} on {files}: said {done.stdout!r} {done.stderr!r}, not {expected!r}")
        failed |= not good
    sys.exit(failed)


if __name__ == "__main__":
    main()
