"""Outputs that are inputs by any name or cannot be written, and inputs that cannot be read."""

import os
from itertools import product
from pathlib import Path

from .case import QUICK, Builder, Case, h5, judged, text, wrong
from .evidence import report

INPUT = "plain.h5"


def symlink(target: str, build: Builder | None = None) -> Builder:
    """Return what makes a symbolic link, after its target where that has a builder."""

    def make(path: Path) -> None:
        if build is not None and not (path.parent / target).exists():
            build(path.parent / target)
        path.symlink_to(target)

    return make


def hard_link(target: str, build: Builder) -> Builder:
    """Return what makes a hard link, after its target."""

    def make(path: Path) -> None:
        if not (path.parent / target).exists():
            build(path.parent / target)
        os.link(path.parent / target, path)

    return make


def protected(path: Path) -> None:
    path.write_text("old")
    path.chmod(0o400)


def pipe(path: Path) -> None:
    os.mkfifo(path)


def in_folder(path: Path) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text("old")


FILES: dict[str, Builder] = {
    INPUT: h5(),
    "soft.png": symlink(INPUT, h5()),
    "soft_two.png": symlink("soft.png", symlink(INPUT, h5())),
    "hard.png": hard_link(INPUT, h5()),
    "other.h5": h5(),
    "settings.yaml": text("margin: 0.1\n"),
    "settings.png": symlink("settings.yaml", text("margin: 0.1\n")),
    "result.json": report(),
    "result.svg": hard_link("result.json", report()),
    "protected.txt": protected,
    "protected.png": protected,
    "dangling.txt": symlink("made.txt"),
    "loop.txt": symlink("loop.txt"),
    "loop.h5": symlink("loop.h5"),
    "dangling.h5": symlink("nowhere.h5"),
    "folder.txt": lambda path: path.mkdir(),
    "folder.png": lambda path: path.mkdir(),
    "pipe.txt": pipe,
    "pipe.h5": pipe,
    "old.h5": h5(),
}

READING = {
    "check": ("--output", "--plot"),
    "confirm": ("--output", "--plot"),
    "rank": ("--output", "--plot"),
    "sweep --noise 0,1": ("--output", "--plot"),
    "inspect": ("--output",),
}
SPELLED = (INPUT, f"./{INPUT}", f'"$PWD"/{INPUT}', f"nowhere/../{INPUT}")
LINKED = ("soft.png", "hard.png")
NOT_WRITABLE = {
    "nowhere/x.png": "the folder",
    "folder.png": "is a folder",
    "protected.png": "is write-protected",
    f"{'a' * 252}.png": "too long",
    f"{'a' * 3000}.png": "too long",
    f"{INPUT}/x.png": "is no folder",
}
ONLY_OUTPUT = {
    ".": "is a folder",
    "''": "is a folder",
    "/dev/null": "is no regular file",
    "pipe.txt": "is no regular file",
    "loop.txt": "cannot be used",
}

CASES = [
    *[
        wrong(f"{command} {INPUT} --output {spelled}", "that is read; give --output another name")
        for command, spelled in zip(READING, SPELLED[1::-1] * 3)
    ],
    *[wrong(f"check {INPUT} --output {spelled}", "that is read") for spelled in SPELLED[2:]],
    *[
        wrong(f"{command} {INPUT} {option} {linked}", f"that is read; give {option} another name")
        for command, options in READING.items()
        for option, linked in product(options, LINKED)
    ],
    wrong("check plain.h5 --plot soft_two.png", "that is read"),
    wrong("check soft.png --output plain.h5", "that is read"),
    wrong("check plain.h5 --teacher-file other.h5 --output other.h5", "the file other.h5"),
    wrong("inspect plain.h5 --teacher-file other.h5 --output other.h5", "the file other.h5"),
    *[
        wrong(f"{command} plain.h5 --config settings.yaml {option}", "settings.yaml that is read")
        for command, option in product(
            ("check", "rank"),
            ("--output settings.yaml", "--plot settings.png"),
        )
    ],
    wrong("config --config settings.yaml --output settings.yaml", "settings.yaml that is read"),
    wrong("inspect plain.h5 --config settings.yaml --output settings.yaml", "that is read"),
    wrong("evidence result.json --output result.json", "result.json that is read"),
    wrong("evidence result.json --output result.svg", "result.json that is read"),
    wrong("evidence result.json --plot result.svg", "give --plot another name"),
    wrong("evidence result.json --plot a.svg --output a.svg", "give each report its own file"),
    *[
        wrong(f"{command} {option} {path}", said)
        for command, option in (
            ("check plain.h5", "--output"),
            ("evidence result.json", "--plot"),
        )
        for path, said in NOT_WRITABLE.items()
    ],
    *[wrong(f"check plain.h5 --output {path}", said) for path, said in ONLY_OUTPUT.items()],
    *[wrong(f"simulate {path}", said) for path, said in list(NOT_WRITABLE.items())[::3]],
    wrong("simulate old.h5", "old.h5", "--force"),
    wrong("simulate pipe.h5", "is no regular file"),
    wrong("simulate ''", "is a folder"),
    wrong("check dangling.h5", "dangling.h5: no such file"),
    wrong("check loop.h5", "loop.h5"),
    wrong("check folder.txt", "is a directory"),
    wrong("check pipe.h5", "is not a regular file"),
    wrong("check protected.txt", "not an HDF5 file"),
    wrong("confirm pipe.h5", "is not a regular file"),
    wrong("evidence folder.txt", "cannot be read"),
    # What can be written is, whole, beside inputs that stay as they are.
    judged("check plain.h5 --output dangling.txt", outputs=("made.txt",)),
    judged("check plain.h5 --output old.h5", outputs=("old.h5",)),
    judged("check plain.h5 --plot a.PNG --output b", outputs=("a.PNG", "b")),
    judged("check soft.png --format json --output x.json", outputs=("x.json",)),
    Case("cch-audit inspect plain.h5 --output settings.yaml", 0, outputs=("settings.yaml",)),
    Case("cch-audit evidence result.json --output x.md --format markdown", 0, outputs=("x.md",)),
    Case("cch-audit simulate old.h5 --force --n 100", 0, outputs=("old.h5",)),
    Case(f'cd / && cch-audit check "$OLDPWD"/plain.h5 --quiet {QUICK}', (0, 1, 3)),
]
