"""All hostile command lines, and the files that they name."""

import re
from itertools import chain
from pathlib import Path

from . import (
    damaged,
    evidence,
    files,
    groups,
    labels,
    names,
    numerics,
    options,
    settings_files,
    signals,
    sources,
    streams,
)
from .case import Case

FAMILIES = {
    module.__name__.rpartition(".")[2]: module
    for module in (
        streams, files, numerics, labels, groups, names, options, settings_files, evidence, damaged,
        signals, sources,
    )
}  # fmt: skip


def cases() -> list[tuple[str, Case]]:
    """Return every case with the name of its family."""
    return [(name, case) for name, module in FAMILIES.items() for case in module.CASES]


def build(family: str, case: Case, folder: Path) -> None:
    """Write the files that a line names into a folder."""
    known = FAMILIES[family].FILES
    named = re.findall(r"[\w.]+\.\w+", case.line)
    for name in dict.fromkeys(chain(case.files, named)):
        if name in known and not (folder / name).is_symlink() and not (folder / name).exists():
            known[name](folder / name)
