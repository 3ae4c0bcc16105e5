"""How does a file become a sample?"""

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np

from cch_audit.arrays import FloatArray, IntArray
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
from cch_audit.reading.layout import (
    Layout,
    Role,
    Task,
    choose_layout,
    choose_task,
    choose_window,
)
from cch_audit.reading.listing import is_empty
from cch_audit.reading.matrix import read_rows
from cch_audit.reading.memory import free_memory
from cch_audit.reading.oddities import of_precision, of_predictions
from cch_audit.reading.open import OpenFile, open_file, translated
from cch_audit.reading.split import Selection, select_rows
from cch_audit.reading.subsample import choose_rows
from cch_audit.reading.truths import read_truths
from cch_audit.reading.values import factorize, read_values
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
    path
        The HDF5 file with the student and the labels and, unless `settings.teacher_file` names
        another, the teachers.
    settings
        Which datasets and rows are read.
    every_teacher
        Whether all representations but the student are teachers when no option names any.

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
        alignment = align(layout.columns, settings.ids)
        selection = _select(layout, alignment, settings)
        _check_count(len(selection.rows), layout)
        truths = read_truths(student_file, layout, settings)
        window = choose_window(student_file, settings)
        sample = _read(layout, task, alignment, selection, settings)
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
    few = few_units(sample)
    warnings = sample.source.warnings if few is None else (*sample.source.warnings, few)
    return replace(sample, source=replace(sample.source, notes=notes, warnings=warnings))


@contextmanager
def open_files(path: Path, settings: InputSettings) -> Iterator[tuple[OpenFile, OpenFile]]:
    """Open the student's file and the teachers' file, which are one unless another is named."""
    with ExitStack() as stack:
        max_bytes = settings.max_bytes
        if max_bytes is None:
            free = free_memory()
            max_bytes = int(free / 2) if np.isfinite(free) else UNKNOWN_BYTES
        student_file = stack.enter_context(open_file(path, max_bytes))
        teacher_file = student_file
        if settings.teacher_file:
            other = Path(settings.teacher_file)
            teacher_file = stack.enter_context(open_file(other, max_bytes))
            if path.samefile(other):
                teacher_file = student_file
        for opened in {student_file.name: student_file, teacher_file.name: teacher_file}.values():
            if is_empty(opened):
                raise InputError(
                    f"{opened.name}: holds no dataset; write the representations to it first"
                )
        yield student_file, teacher_file


def sha256(name: str) -> str:
    """Return the SHA-256 of a file, read as a stream."""
    with translated(name), Path(name).open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _select(layout: Layout, alignment: Alignment, settings: InputSettings) -> Selection:
    """Return which of the aligned rows are used."""
    if layout.split is None:
        if settings.rows is not None:
            raise InputError(
                f"{layout.student.column.opened.name}: `rows` {settings.rows!r} needs a split, and "
                "the file has no dataset 'split'; name one with `split`"
            )
        return Selection(np.arange(alignment.n_rows), (), ())
    column = layout.split.column
    return select_rows(read_values(column).take(alignment.of(column)), settings.rows)


def _check_count(n_rows: int, layout: Layout, subsample: str = "") -> None:
    """Refuse fewer rows than any estimate needs."""
    if n_rows < MIN_ROWS:
        raise InputError(
            f"{layout.student.column.where} and its partners have {n_rows:,} rows to use{subsample}"
            f"; at least {MIN_ROWS} are needed: add rows or choose other ones"
        )


def _read(
    layout: Layout, task: Task, alignment: Alignment, selection: Selection, settings: InputSettings
) -> Sample:
    """Read the rows that are used, after choosing a subsample if there are too many."""
    rows = selection.rows
    label_column = layout.labels.column
    labels, label_warnings = _vector_labels(label_column, task, alignment, rows)
    groups = _group_codes(layout.groups, alignment, rows)
    strata = None
    if labels is not None and labels.kind == "classes":
        strata = labels.values.astype(np.int64)
    rng = stream(settings.seed, "subsample")
    kept = choose_rows(len(rows), settings.max_samples, strata, groups, rng)
    is_whole = len(kept) == len(rows)
    subsample = "" if is_whole else f" in the subsample of {len(kept):,} rows"
    _check_count(len(kept), layout, subsample)
    groups = _kept_groups(layout.groups, groups, kept)
    read = partial(_read_matrix, alignment=alignment, rows=rows[kept], subsample=subsample)

    if labels is None:
        labels, label_warnings = read_targets(read(label_column), label_column, task)
    elif not is_whole:
        labels = take_labels(labels, kept, label_column.where, subsample)
    warnings = [*selection.warnings, *label_warnings]
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
    notes = [*layout.notes, *alignment.notes, *selection.notes]
    if not is_whole:
        notes.append(_subsample_note(len(kept), len(rows), strata, groups, settings.seed))
    return Sample(
        teachers={role.name: cleaned[role.column.where] for role in layout.teachers},
        student_name=layout.student.name,
        student=cleaned[layout.student.column.where],
        labels=labels,
        labels_name=layout.labels.name,
        predictions=predictions,
        groups=groups,
        positions=alignment.of(layout.student.column)[rows[kept]],
        source=_source(layout, len(rows), tuple(notes), tuple(warnings)),
    )


def _vector_labels(
    column: Column, task: Task, alignment: Alignment, rows: IntArray
) -> tuple[Labels | None, tuple[str, ...]]:
    """Return the labels of the rows; None for a matrix, which is read after the subsample."""
    if column.is_matrix and (column.is_sparse or column.n_columns > 1):
        return None, ()
    return read_labels(read_values(column).take(alignment.of(column)[rows]), task)


def _group_codes(role: Role | None, alignment: Alignment, rows: IntArray) -> IntArray | None:
    """Return the group of each row."""
    if role is None:
        return None
    return factorize(read_values(role.column).take(alignment.of(role.column)[rows]).values)[1]


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


def _read_matrix(
    column: Column, alignment: Alignment, rows: IntArray, subsample: str
) -> FloatArray:
    """Read some of the aligned rows, all of them finite."""
    in_file = alignment.of(column)[rows]
    values = read_rows(column, in_file)
    check_bits(values, column)
    check_finite(values, column.where, in_file, subsample)
    return values


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


def _source(
    layout: Layout, n_rows: int, notes: tuple[str, ...], warnings: tuple[str, ...]
) -> Source:
    """Say where the rows came from."""
    path = layout.student.column.opened.name
    other = layout.teachers[0].column.opened.name
    teacher_path = None if other == path else other
    return Source(
        path=path,
        sha256=sha256(path),
        teacher_path=teacher_path,
        teacher_sha256=None if teacher_path is None else sha256(teacher_path),
        n_rows=n_rows,
        notes=notes,
        warnings=warnings,
    )
