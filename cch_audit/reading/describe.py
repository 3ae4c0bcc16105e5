"""What does a file hold, what would be audited, and what stands in the way?"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from cch_audit.dependence.doubts import find_doubts
from cch_audit.errors import InputError
from cch_audit.estimators import KsgSettings
from cch_audit.reading.column import Column, open_column
from cch_audit.reading.dialects import written_by
from cch_audit.reading.index import index_path
from cch_audit.reading.layout import (
    Role,
    choose_column,
    choose_labels,
    choose_layout,
    could_represent,
    named,
    named_teachers,
)
from cch_audit.reading.listing import array_paths, readable_paths
from cch_audit.reading.load import load_sample, open_files, source_of
from cch_audit.reading.open import OpenFile
from cch_audit.reading.statistics import matrix_statistics
from cch_audit.reading.suggest import Guessed, suggest
from cch_audit.reading.values import factorize, read_values
from cch_audit.results import Doubt, PerInformation
from cch_audit.settings import InputSettings

RoleName = Literal["teacher", "student", "labels", "groups", "split", "ids", "predictions"]
MOST_UNUSED_BYTES = 2**28
"""Most bytes that are read of what has no role, to describe its values."""
MOST_MARKS = 1000
"""Most arrays in which marks of the program that wrote a file are looked for."""
MOST_CLASSES = 1000
"""Labels with more distinct values than this are described without their counts."""


@dataclass(frozen=True)
class DatasetDescription:
    """One array of a file."""

    file: str
    """The file, as the user gave it."""
    path: str
    """Path inside the file."""
    roles: tuple[RoleName, ...] = ()
    """What it is used for; empty if it is not used."""
    why: str = ""
    """Why it has these roles, or that it could be a representation."""
    refused: str | None = None
    """Why it cannot be read; the fields below are then unknown."""
    shape: tuple[int, ...] | None = None
    dtype: str | None = None
    storage: Literal["dense", "sparse", "categorical", "nullable"] | None = None
    measured: bool = True
    """Whether the values were read; what is not used and large is not."""
    missing: int | None = None
    """Values that are NaN, infinite, masked or without a category."""
    minimum: float | None = None
    """Smallest finite value of a numeric array."""
    maximum: float | None = None
    constant_columns: int | None = None
    duplicate_rows: int | None = None
    """Rows of a numeric array that repeat an earlier row exactly."""
    classes: Mapping[str, int] | None = None
    """Rows of each class, for labels that are classes."""


@dataclass(frozen=True)
class FileDescription:
    """What a file, or the two files of teachers and student, hold."""

    path: str
    sha256: str
    teacher_path: str | None
    teacher_sha256: str | None
    written_by: Mapping[str, str]
    """By file, the program that wrote it, if that can be told."""
    datasets: tuple[DatasetDescription, ...]
    n_rows: int | None
    """Rows that `check` could use before a subsample; None if it would stop."""
    notes: tuple[str, ...]
    warnings: tuple[str, ...]
    problems: tuple[str, ...]
    """Why `check` would stop, as sentences."""
    usable: bool
    """Whether `check` would run with these settings."""
    truths: Mapping[str, Mapping[str, PerInformation]]
    """The informations of the population by teacher and level, where a simulated file says them."""
    doubts: Mapping[str, tuple[Doubt, ...]]
    """By teacher, why `check` would say neither pass nor fail of these rows."""
    command: str | None = None
    """The command line that audits the file, for a shell; None if roles cannot be filled in."""
    rank_command: str | None = None
    """That which ranks the teachers, if there are several to choose among."""
    guessed: tuple[Guessed, ...] = ()
    """The roles that these name and neither the file nor an option does."""


def describe(path: Path, settings: InputSettings) -> FileDescription:
    """Describe every dataset of a file and what `check` would do with it.

    Parameters
    ----------
    path : the HDF5 file
    settings : the options that `check` would get

    Raises
    ------
    InputError
        The file cannot be opened at all; any other problem is part of the description.
    """
    with open_files(path, settings) as files:
        used, problems = _choose_roles(*files, settings)
        distinct = {opened.name: opened for opened in files}
        datasets = tuple(
            description
            for opened in distinct.values()
            for description in _describe_arrays(opened, used)
        )
        marked = {name: readable_paths(opened)[:MOST_MARKS] for name, opened in distinct.items()}
        suggestion = suggest(path, *files, settings)
        programs = {name: written_by(distinct[name], paths) for name, paths in marked.items()}
    try:
        sample = load_sample(path, settings)
        source, truths, problems = sample.source, sample.truths, []
        n_neighbors = KsgSettings().n_neighbors
        doubts = {
            teacher: find_doubts(sample, teacher, n_neighbors, settings.seed)
            for teacher in sample.teachers
        }
    except InputError as err:
        problems, truths, doubts = list(dict.fromkeys((*problems, str(err)))), {}, {}
        source = source_of(*files)
    return FileDescription(
        **{**asdict(source), "n_rows": source.n_rows or None},
        written_by={name: program for name, program in programs.items() if program},
        datasets=datasets,
        problems=tuple(problems),
        usable=not problems,
        truths=truths,
        doubts={teacher: found for teacher, found in doubts.items() if found},
        **asdict(suggestion),
    )


def _choose_roles(
    student_file: OpenFile, teacher_file: OpenFile, settings: InputSettings
) -> tuple[list[tuple[RoleName, Role]], list[str]]:
    """Return the roles that can be chosen, and why others cannot."""
    used: list[tuple[RoleName, Role]] = []
    problems: list[str] = []
    try:
        layout = choose_layout(student_file, teacher_file, settings)
    except InputError as err:
        problems.append(str(err))
        steps: tuple[tuple[RoleName, Callable[[], Iterable[Role | None]]], ...] = (
            ("teacher", lambda: named_teachers(student_file, teacher_file, settings)),
            ("student", lambda: [named(student_file, "student", settings.student)]),
            ("labels", lambda: [choose_labels(student_file, settings)]),
            ("groups", lambda: [choose_column(student_file, "groups", settings.groups)]),
            ("split", lambda: [choose_column(student_file, "split", settings.split)]),
        )
        for name, choose in steps:
            try:
                used.extend((name, role) for role in choose() if role is not None)
            except InputError as error:
                problems.append(str(error))
    else:
        used.extend(("teacher", role) for role in layout.teachers)
        used.append(("student", layout.student))
        used.append(("labels", layout.labels))
        used.extend([("groups", layout.groups)] if layout.groups else [])
        used.extend([("split", layout.split)] if layout.split else [])
        used.extend(("predictions", role) for role in layout.predictions.values())
    try:
        for space, opened in {role.column.space: role.column.opened for _, role in used}.items():
            path = index_path(opened, space, settings.ids)
            if path is not None:
                ids = open_column(opened, path, "ids")
                used.append(("ids", Role(path, ids, "identifies the rows")))
    except InputError as err:
        problems.append(str(err))
    return used, problems


def _describe_arrays(
    opened: OpenFile, used: list[tuple[RoleName, Role]]
) -> Iterator[DatasetDescription]:
    """Describe every array of a file; the values of unused ones only while they are small."""
    by_path: dict[str, list[tuple[RoleName, Role]]] = {}
    for name, role in used:
        if role.column.opened is opened:
            by_path.setdefault(role.column.path, []).append((name, role))
    left = MOST_UNUSED_BYTES
    paths = [path for path, _ in array_paths(opened)]
    listing = [*array_paths(opened), *((path, None) for path in by_path if path not in paths)]
    for path, problem in listing:
        here = by_path.get(path, [])
        why = "; ".join(dict.fromkeys(role.why for _, role in here))
        roles = tuple(dict.fromkeys(name for name, _ in here))
        description = DatasetDescription(opened.name, path, roles, why)
        try:
            if problem is not None:
                raise InputError(problem)
            column = open_column(opened, path, "listed")
            if not here and could_represent(column):
                description = replace(description, why="could be a representation")
            size = math.prod(column.shape) * 8
            measured = bool(roles) or size <= left
            left -= size if measured and not roles else 0
            yield replace(
                description,
                shape=column.shape,
                dtype=column.type_name,
                storage=column.storage,
                measured=measured,
                **(_measure(column, roles) if measured else {}),
            )
        except InputError as err:
            yield replace(description, refused=str(err))


def _measure(column: Column, roles: tuple[RoleName, ...]) -> dict[str, Any]:
    """Return what can be counted in an array; nothing for more than two axes."""
    measured: dict[str, Any] = {}
    is_vector = len(column.shape) == 1
    if column.is_matrix:
        statistics = matrix_statistics(column)
        measured = {} if statistics is None else asdict(statistics)
        if is_vector and not {"teacher", "student"}.intersection(roles):
            measured |= {"constant_columns": None, "duplicate_rows": None}
    elif is_vector:
        measured["missing"] = int(read_values(column).missing.sum())
    if is_vector and "labels" in roles:
        measured["classes"] = _count_classes(column)
    return measured


def _count_classes(column: Column) -> dict[str, int] | None:
    """Return the rows of each class; None if the labels are continuous or too many to show."""
    values = read_values(column)
    names, codes = factorize(values.values[~values.missing])
    if values.is_real or len(names) > MOST_CLASSES:
        return None
    counts = np.bincount(codes, minlength=len(names)).tolist()
    return dict(zip(map(str, names), counts, strict=True))
