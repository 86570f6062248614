"""Files of others: what stands in the folders that bitline writes to stays as it is."""
import os
import pathlib
import signal
import subprocess
import sys
import time

from support import Bitline, expect, in_folder, run_tests

STRANGER = 12345  # a user other than root
TRACE = ["run", "hawis", "resnet20", "--trace"]
FORMULA = "accuracy={source: formula, formula: {ceiling: 0.9, loss: 0.1, power: 1, front: 1}}"
SEARCH = ["search", "search-synth", "--set", FORMULA, "--episodes", "3",
          "--out"]


def alike(folder, before):
    for path, contents in before.items():
        expect((folder / path).read_bytes() == contents, f"{path} was changed")


def names_like_temporaries(bitline, folder):
    """A name alone is no reason to remove a file."""
    (folder / "out").mkdir()
    files = {f"out/{name}": b"mine" for name in
             ("thesis.2024-1.tmp", "a.1-0.tmp", "notes.bitline-1-0.tmp", ".bitline-1-0.tmp")}
    for path, contents in files.items():
        (folder / path).write_bytes(contents)
    bitline.output(*SEARCH, "out", cwd=folder)
    bitline.output(*SEARCH, "out", "--resume", cwd=folder)
    alike(folder, files)


def stop(process):
    """Waits until it stands still, or has ended."""
    process.send_signal(signal.SIGSTOP)
    while process.poll() is None:
        stat = pathlib.Path(f"/proc/{process.pid}/stat").read_text("ascii", errors="replace")
        if stat.rpartition(")")[2].split()[0] in "TZ":
            return
        time.sleep(0.001)


def stopped_in_a_file(bitline, folder, words):
    """The process, stopped while its temporary file is there, and that file."""
    for _ in range(50):
        process = subprocess.Popen(bitline.words(*words), cwd=folder, env=bitline.env,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        while process.poll() is None:
            stop(process)
            found = list((folder / "out").glob(".*.tmp"))
            if found and process.poll() is None:
                return process, found[0]
            process.send_signal(signal.SIGCONT)
            time.sleep(0.001)
        process.communicate()
    raise AssertionError("it was always too quick")


def two_writers(bitline, folder):
    """A program that writes into the same folder keeps its temporary file while it lives, however
    slow it is; what a killed one left goes."""
    (folder / "out").mkdir()
    words = [*TRACE, "out/t.json", "--images", "20"]
    process, path = stopped_in_a_file(bitline, folder, words)
    bitline.output(*SEARCH, "out", cwd=folder)
    process.send_signal(signal.SIGCONT)
    said = process.communicate(timeout=300)[1].decode()
    expect(process.returncode == 0, f"exit {process.returncode}\n{said}")
    expect((folder / "out" / "t.json").exists(), "no trace")
    process, path = stopped_in_a_file(bitline, folder, words)
    process.kill()
    process.communicate()
    expect(path.exists(), f"{path.name} was not left behind")
    bitline.output(*SEARCH, "out", "--resume", cwd=folder)
    expect(not path.exists(), f"{path.name} of a dead process is still there")


def kept(bitline, folder):
    """What is written over keeps its mode and its name."""
    (folder / "m.json").touch(mode=0o600)
    (folder / "real.json").touch(mode=0o640)
    (folder / "link.json").symlink_to("real.json")
    bitline.output(*TRACE, "m.json", cwd=folder)
    bitline.output(*TRACE, "link.json", cwd=folder)
    expect((folder / "m.json").stat().st_mode & 0o777 == 0o600, "another mode")
    expect((folder / "real.json").stat().st_mode & 0o777 == 0o640, "another mode behind a link")
    expect(os.readlink(folder / "link.json") == "real.json", "the link is no link any more")
    expect((folder / "real.json").stat().st_size > 0, "nothing behind the link")


def planted_link(bitline, folder):
    """A link that somebody else made in a folder like /tmp, to a file of ours."""
    if os.geteuid() != 0:
        return  # only root can make it
    (folder / "home").write_text("mine", "ascii")
    (folder / "tmp").mkdir()
    (folder / "tmp").chmod(0o1777)
    (folder / "tmp" / "t.json").symlink_to("../home")
    os.lchown(folder / "tmp" / "t.json", STRANGER, STRANGER)
    bitline.refuse(folder, [*TRACE, "tmp/t.json"],
                   ["is a symbolic link that another user created in a shared folder"], code=1)
    alike(folder, {"home": b"mine"})


def devices(bitline, folder):
    """What is not a regular file is written directly."""
    (folder / "null.json").symlink_to("/dev/null")
    (folder / "full.json").symlink_to("/dev/full")
    (folder / "out.json").symlink_to("/dev/stdout")
    os.mkfifo(folder / "fifo.json")
    bitline.output(*TRACE, "null.json", cwd=folder)
    bitline.refuse(folder, [*TRACE, "full.json"], ["full.json: cannot be written: No space left"],
                   code=1)
    bitline.output(*TRACE, "t.json", cwd=folder)
    usual = (folder / "t.json").read_bytes()
    with open(folder / "read", "wb") as out:
        with subprocess.Popen(["cat", "fifo.json"], cwd=folder, stdout=out):
            bitline.output(*TRACE, "fifo.json", cwd=folder)
    read = (folder / "read").read_bytes()
    expect(read.replace(b"fifo.json", b"t.json") == usual, "other bytes in a FIFO")
    text = bitline.output(*TRACE, "out.json", cwd=folder)
    expect(text.encode().replace(b"out.json", b"t.json").startswith(usual), "no trace on stdout")
    with open(folder / "redirected", "wb") as out:
        done = bitline.run(*TRACE, "out.json", cwd=folder, stdout=out)
    expect(done.returncode == 0 and (folder / "redirected").read_text("utf-8") == text,
           "other bytes where stdout is a file")


def main():
    bitline = Bitline(sys.argv[1])
    run_tests([(test.__name__, in_folder(test, bitline)) for test in
               (names_like_temporaries, two_writers, kept, planted_link, devices)])


main()
