"""Which representations and labels does a file hold, before any row of them is read?"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cch_audit.reading.index import row_space
from cch_audit.reading.layout import choose_column, choose_labels, find, representations
from cch_audit.reading.load import open_files
from cch_audit.reading.open import OpenFile
from cch_audit.settings import InputSettings


@dataclass(frozen=True)
class Outline:
    """What could be paired."""

    labels: str
    students: Mapping[str, tuple[int, int]]
    """Rows and columns of each representation of the student's file, by name."""
    teachers: Mapping[str, tuple[int, int]]
    """The same of the teachers' file, which is the student's unless another is named."""


def outline(path: Path, settings: InputSettings) -> Outline:
    """Return the representations of a file and its labels.

    Parameters
    ----------
    path : of the HDF5 file
    settings : which labels and other datasets are named

    Raises
    ------
    InputError
        If the file cannot be opened, or has no labels.
    """
    with open_files(path, settings) as (own, other):
        labels = choose_labels(own, settings)
        roles = [
            labels,
            choose_column(own, "groups", settings.groups),
            choose_column(own, "split", settings.split),
        ]
        taken = {role.column.path for role in roles if role is not None}
        taken |= {option.partition("=")[2].strip("/") for option in settings.predictions}
        students = _shapes(own, taken)
        teachers = students if other is own else _shapes(other, set())
        return Outline(labels.name, students, teachers)


def _shapes(opened: OpenFile, taken: set[str]) -> dict[str, tuple[int, int]]:
    """Return rows and columns of what could be a representation, of the plain layout if any is."""
    paths = [path for path in representations(opened) if path not in taken]
    plain = [path for path in paths if row_space(opened, path).owner is None]
    roles = [find(opened, path, "every one") for path in plain or paths]
    return {role.name: (role.column.n_rows, role.column.n_columns) for role in roles}
