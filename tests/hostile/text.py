"""Cases 01, 03, 04 and 13: names that run commands, break files, or are refused too late."""
from case import FORMULA, replace

RULE = "allowed: at most 100 bytes of letters and digits"
NET = "name: \"<script>alert(1)</script>,\\\"q\\\"\\nline2\\e[31mRED\\t\\x07\""


def gnuplot_shell_injection(bitline, folder):
    """A name of a net, layer or chip is refused before anything runs; files it would make are in
    the folder, which `refuse` compares."""
    for path in folder.glob("*.yaml"):
        if "/tmp/PWNED" in path.read_text("utf-8"):
            replace(path, ("/tmp/PWNED", "PWNED"))
    for job, place in (("inj-search", "inj-net.yaml:1:7: name: "),
                       ("inj-search2", "inj-net2.yaml:7:12: layers.1.name: "),
                       ("inj-search3", "inj-chip.yaml:2:7: name: ")):
        bitline.refuse(folder, ["search", f"{job}.yaml", "--out", "o", *FORMULA], [place, RULE])
        bitline.refuse(folder, ["check", f"{job}.yaml"], [place, RULE])


def search_export_fails_on_quote(bitline, folder):
    """Before the first episode, not at the export of all of them."""
    for job, net in (("sodd", "odd2"), ("bss", "bs"), ("bss2", "bs2"), ("inj-search4", "inj-net4"),
                     ("apss", "ap")):
        bitline.refuse(folder, ["search", f"{job}.yaml", "--out", "o", *FORMULA],
                       [f"{net}.yaml:1:7: name: ", RULE])


def train_refuses_layer_name_late(bitline, folder):
    """By check, and by train before its first step; also where the net's own name is right."""
    says = {"odd": "' has '\\t'; ", "odd4": "' has 3000 bytes; "}
    for name, why in says.items():
        for place in "1:7: name: ", "7:12: layers.0.name: ":
            args = [f"{name}.yaml:{place}", RULE]
            if place.startswith("7"):
                replace(folder / f"{name}.yaml", ("name: \"odd 'n' \\\"\u00e4\\\" \\n #x: [y]\"",
                                                  "name: odd"))
                args.append(why)
            bitline.refuse(folder, ["check", f"{name}.yaml"], args)
            bitline.refuse(folder, ["train", "tr.yaml", "--set", f"net={name}.yaml", "--out", "o"],
                           args)


def newline_and_escapes(bitline, folder):
    """`refuse` wants one printable line and no file: neither the terminal nor a CSV file sees the
    net's or a layer's name."""
    path = folder / "inj-net4.yaml"
    run = ["run", "hawis", "inj-net4.yaml", "--csv", "o"]
    bitline.refuse(folder, run, ["inj-net4.yaml:1:7: name: ", "\\nline2\\x1b[31m", RULE])
    replace(path, (NET, "name: plain"))
    bitline.refuse(folder, run, ["inj-net4.yaml:6:12: layers.0.name: ", RULE])
    replace(path, ("\"<b>c1</b>,\\\"x\\\"\\nnew\\e]0;title\\x07\"", "c1"))
    bitline.refuse(folder, run, ["inj-net4.yaml:7:12: layers.1.name: '=cmd|", RULE])
