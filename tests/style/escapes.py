#!/usr/bin/env python3
"""Text of users (names, paths, descriptions) is written to files and terminals through a function of
base/escape.h only.

Every %s that printf or fprintf writes, all that fputs writes, and what conf_set and conf_parse read
must be one of
- a string constant, an element of a table of constants (..._names[i], ..._texts[i]), or a choice
  between such texts,
- the result of a function that escapes or makes its own text (SAFE below),
- in ALLOWED below, with the reason.
So must a %s in a text that is built with quotes or line ends around it (arena_printf, snprintf):
that is a text in some language. Tables, JSON and fields of CSV (text.h) escape by themselves, and
sentences of struct err where they are printed.

usage: escapes.py ROOT
"""
import re
import sys

from sources import finish, read, sources

SAFE = re.compile(
    r"(escape_\w+|visible(_word)?|units_format|text_double|strerror|kind_name|range_of)\("
)
TABLE = re.compile(r"^(\w+->)?\w*(names|texts|colours)\[.*\]$")
# Expressions that are no user's text wherever they stand, and why.
CONSTANTS = [
    (r"BITLINE_VERSION|(\w+->)*version(\(\))?|.*backend->version\(\)", "of the build"),
    (r"(\w+->)+hash", "digits that the program made"),
    (r".*\b(data|agent|backend)->name|plan->data_name", "from a table of the program"),
    (r"(f|field)->(key|help)|commands\[i\]\.(name|help)|parts\[i\]\.(key|words)", "the same"),
    (r"r->(form|mapping|policy|noc|tokens)|l->kind", "the same, by way of struct result"),
    (r"(\w+->)*net->width", "checked when it was read: a number and 'x', or 'custom'"),
]
# (file, expression): why it is no text of a user there, or is escaped already.
ALLOWED = {
    ("base/text.c", "text"): "tested by is_bare",
    ("base/text.c", "cell"): "escaped by table_cell",
    ("base/conf/print.c", "origin"): "escaped by tree_show",
    ("base/conf/schema.c", "allowed"): "from a table of fields",
    ("base/conf/schema.c", "field->fallback"): "from a table of fields",
    ("nets/net_csv.c", "frame"): "constant",
    ("nets/train/identity.c", "key"): "constant of the callers",
    ("nets/train/identity.c", "loss"): "a number",
    ("nets/train/identity.c", "train"): "a number",
    ("nets/train/identity.c", "held_out"): "a number",
    ("nets/train/identity.c", "rate"): "a number",
    ("nets/train/identity.c", "smallest"): "a number",
    ("nets/train/recipe.c", "prefix"): "from a table of fields",
    ("traces/chrome.c", "key"): "constant of the callers",
    ("traces/chrome.c", "kind"): "from span_kind_names",
    ("traces/chrome.c", "layer"): "an element of w->layers",
    ("traces/chrome.c", "w->layers[i]"): "escaped when it was filled",
    ("traces/chrome.c", "track"): "built of w->layers",
    ("traces/chrome.c", "text"): "a number",
    ("traces/csv.c", "key"): "constant of the callers",
    ("traces/paje.c", "definitions"): "constant",
    ("traces/paje.c", "alias"): "constant of the callers",
    ("traces/paje.c", "type"): "constant of the callers",
    ("traces/paje.c", "quoted"): "escaped by the callers with escape_paje",
    ("traces/paje.c", "w->layers[span->layer]"): "escaped when it was filled",
    ("tools/cli/adc_report.c", "lost"): "numbers",
    ("tools/cli/adc_report.c", "label"): "constant of the callers",
    ("tools/cli/cmd_show.c", "scale"): "a word of the program",
    ("tools/study/inputs.c", "equals + 1"): "--set: the user writes YAML",
    ("tools/cli/options.c", "before"): "constant of the callers",
    ("tools/study/jobfile.c", "equals + 1"): "--set: the user writes YAML",
    ("tools/study/mitigation_report.c", "chips"): "constant",
    ("tools/cli/memory.c", "remedy"): "constant",
    ("tools/cli/print_eval.c", "scale"): "a word of the program",
    ("tools/cli/print_result.c", "name"): "constant of the callers",
    ("tools/cli/print_result.c", "note"): "constant of the callers",
    ("tools/cli/print_search.c", "images"): "constant of the callers",
    ("tools/cli/print_tensors.c", "around[net->pad_value]"): "a table of constants",
    ("tools/cli/print_tensors.c", "low"): "a word of the program",
    ("tools/search/export.c", "text"): "printed by conf_print",
    ("tools/search/export.c", "last"): "constant of the callers",
    ("tools/search/export.c", "value"): "a number",
    ("tools/search/export.c", "equals + 1"): "YAML that the chip or net was read with already",
    ("tools/search/export.c", "s->space->knobs[k].values[e->choices[k]]"): "the same",
    ("tools/search/export.c", "head"): "built of escaped texts",
    ("tools/search/retrain.c", "net->name"): "best, front-N or uniform-Rx",
    ("tools/search/plugin.c", "text"): "JSON by jansson",
    ("tools/search/plot.c", "picture"): "constant of the callers",
    ("tools/search/plot.c", "head"): "constant",
    ("tools/search/plot.c", "net->name"): "best, front-N or uniform-Rx",
}
PRINTED = {"fprintf": 1, "printf": 0, "argp_error": 1}
BUILT = {"arena_printf": 1, "snprintf": 2}
CALL = re.compile(r"(?<![\w>.])(fprintf|printf|argp_error|fputs|puts|arena_printf|snprintf|conf_set|conf_parse)\s*\(")
LITERAL = re.compile(r'"(?:\\.|[^"\\\n])*"')
TOKEN = re.compile(LITERAL.pattern + r"|'(?:\\.|[^'\\\n])*'|[^\"']", re.S)
CONVERSION = re.compile(r"%(?:%|[-+ #0]*(\*|\d+)?(?:\.(\*|\d+))?(?:hh|h|ll|l|z|j|t)?([a-zA-Z]))")


def uncommented(text):
    """Without comments, the lines where they were."""
    def keep(match):
        found = match.group(0)
        return found if found[0] in "\"'" else "\n" * found.count("\n") or " "
    return re.sub(r'"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'|//[^\n]*|/\*.*?\*/', keep, text, flags=re.S)


def split(text, separators, start=0):
    """The parts of text between separators outside brackets and strings, up to the bracket that
    closes one opened before `start`."""
    parts, part, depth, at = [], "", 0, start
    while at < len(text):
        token = TOKEN.match(text, at).group(0)
        at += len(token)
        if token in "([{":
            depth += 1
        elif token in ")]}":
            depth -= 1
            if depth < 0:
                break
        if depth == 0 and token in separators:
            parts.append(part)
            part = ""
        else:
            part += token
    return [" ".join(piece.split()) for piece in [*parts, part]]


def choices(expression):
    """The texts of a conditional expression; of another, itself."""
    parts = split(expression, "?")
    if len(parts) == 1:
        return [expression]
    rest = " ? ".join(parts[1:])
    depth, head = 0, ""
    # The ':' that belongs to the first '?'.
    for piece in re.split(r"([?:])", rest) if not re.search(r"[\"']", rest) else tokens_of(rest):
        if piece == "?":
            depth += 1
        elif piece == ":":
            if depth == 0:
                tail = rest[len(head) + 1:]
                return choices(head.strip()) + choices(tail.strip())
            depth -= 1
        head += piece
    return [expression]


def tokens_of(text):
    """Strings and bracketed parts whole, all else character by character."""
    at, out = 0, []
    while at < len(text):
        token = TOKEN.match(text, at).group(0)
        if token in "([":
            depth, end = 0, at
            while True:
                inner = TOKEN.match(text, end).group(0)
                depth += (inner in "([") - (inner in ")]")
                end += len(inner)
                if depth == 0:
                    break
            token = text[at:end]
        out.append(token)
        at += len(token)
    return out


def is_safe(path, expression):
    expression = expression.strip()
    while expression.startswith("(") and expression.endswith(")") and len(tokens_of(expression)) == 1:
        expression = expression[1:-1].strip()
    texts = choices(expression)
    if len(texts) > 1:
        return all(is_safe(path, text) for text in texts)
    return (re.fullmatch(rf"({LITERAL.pattern}|\s|PRI\w+|BITLINE_VERSION)*", expression) is not None
            or any(re.fullmatch(pattern, expression) for pattern, _ in CONSTANTS)
            or TABLE.search(expression) is not None
            or SAFE.match(expression) is not None or (path, expression) in ALLOWED)


def strings_of(format_text):
    """The arguments of %s among those behind the format: their numbers."""
    literals = LITERAL.findall(re.sub(r"PRI\w+", '"d"', format_text))
    text = "".join(literal[1:-1] for literal in literals)
    at = 0
    for width, precision, kind in CONVERSION.findall(text):
        if kind:
            at += (width == "*") + (precision == "*")
            if kind == "s":
                yield at
            at += 1


def raw_texts(path, name, arguments):
    """The expressions of a call that would have to be safe."""
    if name in ("fputs", "puts"):
        return [arguments[0]]
    if name == "conf_set":
        return [arguments[2]] if len(arguments) == 4 else []
    if name == "conf_parse":
        return [arguments[1]] if len(arguments) == 4 else []
    at = PRINTED.get(name, BUILT.get(name))
    if len(arguments) <= at or '"' not in arguments[at]:
        return []
    if name in BUILT and not re.search(r'\\n|\\"', arguments[at]):
        return []
    rest = arguments[at + 1:]
    return [rest[i] for i in strings_of(arguments[at]) if i < len(rest)]


def main(root):
    problems, used = [], set()
    for path in sources(root):
        if path.startswith(("tests/", "base/escape.")):
            continue
        text = uncommented(read(root, path))
        for match in CALL.finditer(text):
            name = match.group(1)
            arguments = split(text, ",", match.end())
            if name in ("conf_set", "conf_parse") and path.startswith(("base/conf/", "base/catalog/")):
                continue
            for expression in raw_texts(path, name, arguments):
                used |= {(path, choice) for choice in choices(expression)} | {(path, expression)}
                if not is_safe(path, expression):
                    line = text.count("\n", 0, match.start()) + 1
                    problems.append(f"{path}:{line}: {name}: '{expression}' may be a user's text; use "
                                    "a function of base/escape.h")
    stale = [key for key in ALLOWED if key not in used and key[0] in set(sources(root))]
    problems += [f"tests/style/escapes.py: {path}: '{expression}' is not there any more; take it out"
                 for path, expression in stale]
    finish(problems)


if __name__ == "__main__":
    main(sys.argv[1])
