"""How does a file become a sample?"""

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Literal

import numpy as np

from cch_audit.dependence.doubts import few_units
from cch_audit.dependence.traces import automatic_window
from cch_audit.dependence.units import LEAST_APART
from cch_audit.errors import InputError
from cch_audit.randomness import stream
from cch_audit.reading.align import Alignment, align
from cch_audit.reading.checks import (
    check_bits,
    check_finite,
    check_predictions,
    check_representation,
    clean_representation,
)
from cch_audit.reading.column import Column
from cch_audit.reading.labels import read_labels, read_targets, take_labels
from cch_audit.reading.layout import Layout, Role, Task, choose_layout, choose_task, choose_window
from cch_audit.reading.listing import is_empty
from cch_audit.reading.matrix import read_rows
from cch_audit.reading.memory import free_memory
from cch_audit.reading.oddities import of_precision, of_predictions
from cch_audit.reading.open import OpenFile, open_file, translated
from cch_audit.reading.split import select_rows
from cch_audit.reading.subsample import choose_rows
from cch_audit.reading.truths import read_truths
from cch_audit.reading.values import factorize
from cch_audit.rows import FloatArray, IntArray
from cch_audit.sample import Labels, Sample, Source
from cch_audit.settings import InputSettings

MIN_ROWS = 50
UNKNOWN_BYTES = 2**33
"""Limit of the memory of one dataset where nothing says what is free."""
FEW_ROWS = 300


def load_sample(path: Path, settings: InputSettings, *, every_teacher: bool = False) -> Sample:
    """Read the paired rows of one student, its teachers and the labels.

    Parameters
    ----------
    path : the HDF5 file with the student and the labels and, unless `settings.teacher_file` names
        another, the teachers
    settings : which datasets and rows are read
    every_teacher : whether all representations but the student are teachers when no option names
        any

    Raises
    ------
    InputError
        The file cannot be used; the message says why and what to do.
    """
    with open_files(path, settings) as (student_file, teacher_file):
        layout = choose_layout(student_file, teacher_file, settings, every_teacher)
        task = choose_task(student_file, settings)
        for role in (layout.student, *layout.teachers, *layout.predictions.values()):
            check_representation(role.column, role.why)
        alignment = select_rows(layout, align(layout.columns, settings.ids), settings)
        _check_count(alignment.n_rows, layout)
        truths = read_truths(student_file, layout, settings)
        window = choose_window(student_file, settings)
        sample = _read(layout, task, alignment, settings)
        sample = replace(sample, truths=truths, independent=settings.independent)
        return _in_order(sample, window)


def _in_order(sample: Sample, window: int | Literal["auto"]) -> Sample:
    """Return the sample with its window; one that is measured is noted."""
    notes = sample.source.notes
    if window == "auto":
        sides = [sample.student, *sample.teachers.values()]
        window = automatic_window(sides, sample.labels.values, sample.places)
        found = f"{window} rows" if window else "none is needed"
        notes = (*notes, f"The window was taken from the rows' autocorrelation: {found}.")
    sample = replace(sample, window=window)
    if window and sample.dependence is not None and not sample.dependence.stretches.any():
        raise InputError(
            f"{sample.source.path}: a window of {window:,} rows reaches across the "
            f"{sample.n_samples:,} rows, so that none of them informs another; lower `window`, or "
            "add rows"
        )
    warnings = (*sample.source.warnings, *filter(None, [few_units(sample)]))
    return replace(sample, source=replace(sample.source, notes=notes, warnings=warnings))


@contextmanager
def open_files(path: Path, settings: InputSettings) -> Iterator[tuple[OpenFile, OpenFile]]:
    """Open the student's file and the teachers' file, which are one unless another is named."""
    with ExitStack() as stack:
        max_bytes = most_bytes(settings.max_bytes)
        files = [stack.enter_context(open_file(f, max_bytes)) for f in settings.files(path)]
        if path.samefile(files[-1].name):
            files = files[:1]
        for opened in files:
            if is_empty(opened):
                raise InputError(
                    f"{opened.name}: holds no dataset; write the representations to it first"
                )
        yield files[0], files[-1]


def most_bytes(asked: int | None) -> int:
    """Return the largest declared size of a dataset: as asked, or half of the free memory."""
    if asked is not None:
        return asked
    free = free_memory()
    return int(free / 2) if np.isfinite(free) else UNKNOWN_BYTES


def source_of(student_file: OpenFile, teacher_file: OpenFile) -> Source:
    """Say which files the rows come from."""
    path, other = student_file.name, teacher_file.name
    if teacher_file is student_file:
        return Source(path, file_digest(path))
    return Source(path, file_digest(path), other, file_digest(other))


def file_digest(name: str) -> str:
    """Return the SHA-256 of a file, read as a stream, and once while it stays as it is."""
    with translated(name):
        found = Path(name).stat()
        return _sha256(name, found.st_ino, found.st_size, found.st_mtime_ns)


@lru_cache(16)
def _sha256(name: str, *state: int) -> str:
    with Path(name).open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _check_count(n_rows: int, layout: Layout, subsample: str = "") -> None:
    """Refuse fewer rows than any estimate needs."""
    if n_rows < MIN_ROWS:
        raise InputError(
            f"{layout.student.column.where} and its partners have {n_rows:,} rows to use{subsample}"
            f"; at least {MIN_ROWS} are needed: add rows or choose other ones"
        )


def _read(layout: Layout, task: Task, alignment: Alignment, settings: InputSettings) -> Sample:
    """Read the rows that are used, after choosing a subsample if there are too many."""
    n_rows = alignment.n_rows
    label_column = layout.labels.column
    labels, label_warnings = _vector_labels(label_column, task, alignment)
    groups = strata = None
    if layout.groups is not None:
        groups = factorize(alignment.values(layout.groups.column).values)[1]
    if labels is not None and labels.kind == "classes":
        strata = labels.values.astype(np.int64)
    rng = stream(settings.seed, "subsample")
    kept = choose_rows(n_rows, settings.max_samples, strata, groups, rng)
    is_whole = len(kept) == n_rows
    alignment = alignment.take(kept)
    subsample = "" if is_whole else f" in the subsample of {len(kept):,} rows"
    _check_count(len(kept), layout, subsample)
    groups = _kept_groups(layout.groups, groups, kept)

    def read(column: Column) -> FloatArray:
        """Return the rows that are kept, all of them finite."""
        in_file = alignment.of(column)
        values = read_rows(column, in_file)
        check_bits(values, column)
        check_finite(values, column.where, in_file, subsample)
        return values

    if labels is None:
        labels, label_warnings = read_targets(read(label_column), label_column, task)
    elif not is_whole:
        labels = take_labels(labels, kept, label_column.where, subsample)
    warnings = [*alignment.warnings, *label_warnings]
    cleaned = {}
    used = {role.column.where: role.column for role in (layout.student, *layout.teachers)}
    for where, column in used.items():
        values = read(column)
        warnings.extend(of_precision(values, column.dtype, where))
        cleaned[where], found = clean_representation(values, where)
        warnings.extend(found)
    predictions = {}
    for name, role in layout.predictions.items():
        check_predictions(role.column, labels)
        predictions[name] = read(role.column)
        warnings.extend(of_predictions(predictions[name], labels, role.column.where))
    warnings.extend(_general_warnings(layout, cleaned, len(kept)))
    notes = [*layout.notes, *alignment.notes]
    if not is_whole:
        notes.append(_subsample_note(len(kept), n_rows, strata, groups, settings.seed))
    return Sample(
        teachers={role.name: cleaned[role.column.where] for role in layout.teachers},
        student_name=layout.student.name,
        student=cleaned[layout.student.column.where],
        labels=labels,
        labels_name=layout.labels.name,
        predictions=predictions,
        groups=groups,
        positions=alignment.of(layout.student.column),
        source=replace(
            source_of(layout.student.column.opened, layout.teachers[0].column.opened),
            n_rows=n_rows,
            notes=tuple(notes),
            warnings=tuple(warnings),
        ),
    )


def _vector_labels(
    column: Column, task: Task, alignment: Alignment
) -> tuple[Labels | None, tuple[str, ...]]:
    """Return the labels of the rows; None for a matrix, which is read after the subsample."""
    if column.is_matrix and (column.is_sparse or column.n_columns > 1):
        return None, ()
    return read_labels(alignment.values(column), task)


def _kept_groups(role: Role | None, groups: IntArray | None, kept: IntArray) -> IntArray | None:
    """Return the groups of the rows that are kept, numbered from 0; refuse a single group."""
    if role is None or groups is None:
        return None
    names, codes = factorize(groups[kept])
    if len(names) < 2:
        raise InputError(
            f"{role.column.where} ({role.why}) puts all {len(kept):,} rows in one group; name a "
            "dataset with several groups, or none"
        )
    largest = int(np.bincount(codes).max())
    if len(kept) - largest < LEAST_APART:
        raise InputError(
            f"{role.column.where} ({role.why}) puts {largest:,} of {len(kept):,} rows in one "
            f"group, and at least {LEAST_APART} other rows are needed to inform them; name a "
            "dataset with smaller groups, or add rows"
        )
    return codes


def _general_warnings(
    layout: Layout, cleaned: Mapping[str, FloatArray], n_samples: int
) -> Iterator[str]:
    """Yield what the user must know about the sample as a whole."""
    if n_samples < FEW_ROWS:
        yield (
            f"Only {n_samples:,} rows are audited; below {FEW_ROWS} the estimates are rough and "
            "their intervals unreliable."
        )
    for teacher in layout.teachers:
        if teacher.column.key == layout.student.column.key:
            yield (
                f"Teacher and student are the same dataset, {teacher.column.path!r}; "
                "that makes sense as a control only."
            )
        elif np.array_equal(cleaned[teacher.column.where], cleaned[layout.student.column.where]):
            yield (
                f"Teacher {teacher.column.path!r} and student {layout.student.column.path!r} hold "
                "the same numbers; that makes sense as a control only."
            )


def _subsample_note(
    n_kept: int, n_rows: int, strata: IntArray | None, groups: IntArray | None, seed: int
) -> str:
    """Say how the subsample was drawn."""
    how = "at random" if strata is None else "at random in proportion within classes"
    whole = "" if groups is None else f", {groups.max() + 1:,} groups kept whole"
    return f"A subsample of {n_kept:,} of {n_rows:,} rows was drawn {how}{whole} (seed {seed})."
