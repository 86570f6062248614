"""One test or more for each folder of ../shared/cases/hostile: in a copy of the folder, what failed
there ends as it must.

cases.py BITLINE CASES_FOLDER [--sanitized]
"""
import pathlib
import shutil
import sys

from case import Bitline
import children
import disks
import limits
import stores_of_others
import text
from support import Skip, in_folder, run_tests

CASES = {
    "01-gnuplot-shell-injection": [text.gnuplot_shell_injection],
    "02-svg-truncated-on-full-disk": [disks.picture_on_full_disk, disks.picture_under_limit],
    "03-search-export-fails-on-quote-in-net-name": [text.search_export_fails_on_quote],
    "04-train-refuses-layer-name-only-at-the-end": [text.train_refuses_layer_name_late],
    "05-out-of-memory-aborts": [limits.out_of_memory],
    "06-store-null-segfault": [stores_of_others.null_segfault],
    "07-store-duplicates-hang-and-nan": [stores_of_others.duplicates_hang_and_nan],
    "08-store-counts-overflow": [stores_of_others.counts_overflow],
    "09-evaluator-crash-is-forever": [children.evaluator_crash],
    "10-file-tidy-deletes-and-two-writers": [disks.names_like_temporaries, disks.two_writers],
    "11-hung-gnuplot-ignores-signals": [children.hung_gnuplot],
    "12-no-gnuplot-loses-data-files": [children.no_gnuplot],
    "13-newline-and-escapes-in-outputs": [text.newline_and_escapes],
    "14-onednn-isa-not-in-identity": [limits.instruction_set],
    "15-exit-codes": [disks.codes_of_full_disks, disks.codes_of_read_only_disks,
                      disks.codes_of_full_outputs],
    "16-overwrite-mode-symlink": [disks.mode_is_kept, disks.link_of_others],
    "17-sigxfsz": [disks.sigxfsz],
    "18-wal-store-unreadable-readonly": [disks.read_only_store],
    "19-slow-paths": [limits.many_variants, limits.stop_rule, limits.equal_points,
                      limits.odd_numbers, limits.slow_backend],
}
# AddressSanitizer reserves more addresses than the limits of these allow.
NOT_SANITIZED = {limits.out_of_memory}


def case(bitline, folder, source, test, sanitized):
    if not source.is_dir():
        raise Skip(f"{source} is absent")
    if sanitized and test in NOT_SANITIZED:
        raise Skip("a sanitizer needs more addresses than the limit")
    shutil.copytree(source, folder / "case")
    for path in [folder / "case", *(folder / "case").rglob("*")]:
        path.chmod(path.stat().st_mode | 0o200)
    test(bitline, folder / "case")


def main():
    bitline, source = Bitline(sys.argv[1]), pathlib.Path(sys.argv[2]).resolve()
    sanitized = "--sanitized" in sys.argv[3:]
    missing = [path.name for path in source.glob("[0-9][0-9]-*") if path.name not in CASES]
    if missing:
        print(f"# no test of {missing}")
        sys.exit(1)
    run_tests([(f"{name[:2]} {test.__name__}",
                in_folder(case, bitline, source / name, test, sanitized))
               for name, tests in CASES.items() for test in tests])


main()
