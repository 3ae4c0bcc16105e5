"""Which command lines would audit a file, with what nobody named filled in?"""

import shlex
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from cch_audit.errors import InputError
from cch_audit.reading.column import Column, open_column
from cch_audit.reading.index import PLAIN_IDS
from cch_audit.reading.layout import (
    LABEL_NAMES,
    Role,
    choose_column,
    choose_labels,
    choose_layout,
    named,
    named_teachers,
    representations,
)
from cch_audit.reading.listing import array_paths, readable_paths
from cch_audit.reading.open import OpenFile
from cch_audit.settings import InputSettings
from cch_audit.settings.declared import declared, option_name

Guessed = Literal["teacher", "student", "labels"]
FOR_PICTURES = ("umap", "tsne", "spatial")
"""How the names end of coordinates that are made to be looked at."""
MOST_ARRAYS = 1000
"""Of a file in which what is not said is looked for; a larger one would take long."""
LIKE_LABELS = ("label", "class", "type", "kind", "target", "cluster", "diagnos", "outcome")
"""Parts of names that labels often have."""
UNLIKE_LABELS = ("index", "barcode", "batch", "donor", "patient", "sample", "speaker")
"""Parts of names of what else is known of rows."""


@dataclass(frozen=True)
class Suggestion:
    """Command lines for a file."""

    command: str | None = None
    """Of `check`; None if there is nothing to fill in."""
    rank_command: str | None = None
    """Of `rank`, if there are several teachers to choose among."""
    guessed: tuple[Guessed, ...] = ()
    """The roles that neither the file nor an option gives."""


def suggest(
    path: Path, student_file: OpenFile, teacher_file: OpenFile, settings: InputSettings
) -> Suggestion:
    """Return the command lines that would audit a file; options only where they are needed.

    Parameters
    ----------
    path : the file
    student_file : the same, open
    teacher_file : the file with the teachers; the same object if there is one file
    settings : options that were given, which are repeated
    """
    is_large = any(len(array_paths(one)) > MOST_ARRAYS for one in (student_file, teacher_file))
    try:
        full, guessed = settings, tuple[Guessed, ...]()
        if not is_large:
            full, guessed = _completed(student_file, teacher_file, settings)
        layout = choose_layout(student_file, teacher_file, full)
    except InputError:
        return Suggestion()
    if is_large:
        return Suggestion(_line("check", path, full))
    others = _others(student_file, teacher_file, layout.student, layout.labels)
    return Suggestion(
        _line("check", path, full),
        _rank_line(path, student_file, teacher_file, full, layout.student, others),
        guessed,
    )


def _completed(
    student_file: OpenFile, teacher_file: OpenFile, settings: InputSettings
) -> tuple[InputSettings, tuple[Guessed, ...]]:
    """Return settings with which all roles are chosen, and those that had to be guessed."""
    with suppress(InputError):
        choose_layout(student_file, teacher_file, settings)
        return settings, ()
    given, guessed = settings, list[Guessed]()
    labels: Role | None = None
    with suppress(InputError):
        labels = choose_labels(student_file, settings)
    student = named(student_file, "student", settings.student)
    teachers = named_teachers(student_file, teacher_file, settings)
    if student is None:
        taken = [role.column.key for role in (labels, *teachers) if role is not None]
        found = [column for column in _candidates(student_file) if column.key not in taken]
        chosen = min(found, key=_like_a_student, default=None)
        if chosen is None:
            raise InputError(f"{student_file.name}: there is no representation left")
        student = Role(_short(chosen.path), chosen, "guessed")
        settings, guessed = replace(settings, student=student.name), [*guessed, "student"]
    if not teachers:
        others = _others(student_file, teacher_file, student, labels)
        if not others:
            raise InputError(f"{teacher_file.name}: there is no representation left")
        settings, guessed = (
            replace(settings, teacher=(_short(others[0].path),)),
            ["teacher", *guessed],
        )
    if labels is None and settings.labels is None:
        found_labels = _labels(student_file, settings, student.column)
        with suppress(InputError):  # with labels, one representation may be the only one left
            alone = replace(given, labels=found_labels)
            choose_layout(student_file, teacher_file, alone)
            return alone, ("labels",)
        settings, guessed = replace(settings, labels=found_labels), [*guessed, "labels"]
    return settings, tuple(guessed)


def _candidates(opened: OpenFile) -> list[Column]:
    """Return what is most likely meant as representations, at least two where there are two."""
    columns = [open_column(opened, path, "a candidate") for path in representations(opened)]
    found: list[Column] = []
    for level in range(3):
        found += [column for column in columns if _level(column.path) == level]
        if len(found) > 1:
            break
    return found


def _level(path: str) -> int:
    *folders, name = path.split("/")
    if name.lower().endswith(FOR_PICTURES):
        return 2
    if not {"obs", "obsm", "layers", "raw"} & set(folders) and name != "X":
        return 0
    return 0 if "obsm" in folders else 1 if name == "X" and "raw" not in folders else 2


def _like_a_student(column: Column) -> tuple[bool, bool, int]:
    """Return what is least for a student: its name, and few columns."""
    name = column.path.rpartition("/")[2].lower()
    return "student" not in name, "teacher" in name, column.n_columns


def _others(
    student_file: OpenFile, teacher_file: OpenFile, student: Role, labels: Role | None
) -> list[Column]:
    """Return the possible teachers of a student, those of another modality first."""
    taken = {student.column.key} | ({labels.column.key} if labels else set())
    space = student.column.space
    found = [
        column
        for column in _candidates(teacher_file)
        if column.key not in taken
        and (column.space != space or column.n_rows == student.column.n_rows)
        and (
            student_file is not teacher_file
            or (column.space.owner is None) == (space.owner is None)
        )
    ]
    return sorted(
        found,
        key=lambda column: (
            "teacher" not in column.path.rpartition("/")[2].lower(),
            column.space == space,
            column.space.owner == "",  # of all modalities together
        ),
    )


def _labels(opened: OpenFile, settings: InputSettings, student: Column) -> str:
    """Return what is most like labels among the columns of the student's rows."""
    taken = {*PLAIN_IDS, settings.ids, settings.groups, settings.split}
    for role in ("groups", "split"):
        with suppress(InputError):
            chosen = choose_column(opened, role, getattr(settings, role))
            taken |= {chosen.column.path} if chosen else set()
    found: list[tuple[int, bool, str]] = []
    for path in readable_paths(opened):
        name = path.rpartition("/")[2].lower()
        if path in taken or any(part in name for part in UNLIKE_LABELS):
            continue
        with suppress(InputError):
            column = open_column(opened, path, "a candidate")
            same_rows = column.space == student.space and column.n_rows == student.n_rows
            # Rows of annotated tables are joined by their indexes.
            joined = None not in (column.space.owner, student.space.owner)
            is_single = len(column.shape) == 1 and not path.startswith("representations/")
            if (same_rows or joined) and is_single:
                found.append((_unlike_labels(column, name), not same_rows, path))
    if not found:
        raise InputError(f"{opened.name}: nothing is like labels")
    return min(found, key=lambda one: one[:2])[2]


def _unlike_labels(column: Column, name: str) -> int:
    if name in LABEL_NAMES:
        return 0
    if any(part in name for part in LIKE_LABELS):
        return 1
    if column.storage == "categorical":
        return 2
    return 3 if column.kind == "text" or column.dtype.kind in "biu" else 4


def _rank_line(
    path: Path,
    student_file: OpenFile,
    teacher_file: OpenFile,
    full: InputSettings,
    student: Role,
    others: Sequence[Column],
) -> str | None:
    """Return the command line that ranks the possible teachers; None with fewer than two."""
    if len(others) < 2:
        return None
    asked = replace(full, teacher=(), teachers=None)
    with suppress(InputError):
        if named(student_file, "student", asked.student) is None:
            asked = replace(asked, student=student.name)
        every = choose_layout(student_file, teacher_file, asked, every_teacher=True)
        if {role.column.key for role in every.teachers} == {column.key for column in others}:
            return _line("rank", path, asked)
    return _line("rank", path, replace(asked, teacher=tuple(_short(one.path) for one in others)))


def _short(path: str) -> str:
    return path.removeprefix("representations/")


def _line(command: str, path: Path, settings: InputSettings) -> str:
    """Return a command line for a shell, with the settings that are not at their defaults."""
    name = str(path)
    words = ["cch-audit", command, f"./{name}" if name.startswith("-") else name]
    return shlex.join([*words, *_options(settings)])


def _options(settings: InputSettings) -> Iterable[str]:
    for setting in declared(InputSettings):
        value, option = getattr(settings, setting.name), option_name(setting.name)
        if value == setting.default:
            continue
        if setting.kind is bool:
            yield option
            continue
        for one in value if setting.is_repeatable else [value]:
            yield from [f"{option}={one}"] if str(one).startswith("-") else [option, str(one)]
