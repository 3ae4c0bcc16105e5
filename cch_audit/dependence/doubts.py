"""Why rows are not fit for a verdict: they depend on each other, or too few of them do not."""

from collections.abc import Iterator, Sequence

import numpy as np

from cch_audit.dependence.traces import Copies, find_copies, find_order, labels_follow
from cch_audit.dependence.units import usable_rows
from cch_audit.randomness import stream
from cch_audit.results import Audit, Doubt
from cch_audit.rows import FloatArray, is_classes
from cch_audit.sample import Sample

LEAST_UNITS = 20
"""Fewer groups that count allow no verdict."""
FEW_UNITS = 50
"""Fewer deserve a loud warning."""
LONE = 0.05
"""Share of rows in classes of a single group from which on nothing can be said of new groups."""
KNOWN = "or give --independent if you know that the rows are independent."


def find_doubts(sample: Sample, teacher: str, n_neighbors: int, seed: int) -> tuple[Doubt, ...]:
    """Return why neither pass nor fail may be said of one teacher and the student.

    Groups and a window that are given are trusted: traces are sought beyond them.
    """
    rng = stream(seed, "traces", teacher, sample.student_name)
    doubts = list(_of_units(sample, n_neighbors))
    x, student = sample.teachers[teacher], sample.student
    if x.shape != student.shape or not np.array_equal(x, student):
        copies = find_copies(x, student, sample.dependence, rng)
        if copies.found:
            doubts.append(_of_copies(copies, sample.independent))
    doubts.extend(_of_order(sample, x, rng))
    return tuple(doubts)


def few_units(sample: Sample) -> str | None:
    """Return a warning where few groups, or stretches of a series, count; None elsewhere."""
    dependence = sample.dependence
    if dependence is None or dependence.n_units >= FEW_UNITS:
        return None
    rule = (
        f"below {LEAST_UNITS} neither pass nor fail is said"
        if dependence.n_units < LEAST_UNITS
        else f"below {FEW_UNITS} every interval and every bias allowance is rough"
    )
    return f"Only {_count(sample)} count as independent: {rule}."


def as_warnings(audits: Sequence[Audit]) -> tuple[str, ...]:
    """Return the doubts of all teachers as sentences, each once."""
    teachers: dict[Doubt, list[str]] = {}
    for audit in audits:
        for doubt in audit.doubts:
            teachers.setdefault(doubt, []).append(audit.teacher)
    warnings = []
    for doubt, names in teachers.items():
        whose = "" if len(names) == len(audits) else f" of {', '.join(names)}"
        if doubt.overruled:
            warnings.append(f"The verdict{whose} stands on --independent alone. {doubt.reason}")
        else:
            warnings.append(f"The verdict{whose} is withheld. {doubt.reason} {doubt.remedy}")
    return tuple(warnings)


def _of_units(sample: Sample, n_neighbors: int) -> Iterator[Doubt]:
    """Doubt the numbers of independent units, in all and by class."""
    dependence = sample.dependence
    if dependence is None:
        return
    if dependence.n_units < LEAST_UNITS:
        yield Doubt(
            "few_units",
            f"Only {_count(sample)} count as independent, fewer than {LEAST_UNITS}.",
            "Audit rows of more groups, or of a longer series.",
        )
    y = sample.labels.values
    if not is_classes(y):
        return
    used, _ = usable_rows(y, n_neighbors, dependence)
    if (~used).mean() > LONE:
        names = sample.labels.class_names
        lone = ", ".join(repr(names[code]) for code in np.unique(y[~used])[:3])
        yield Doubt(
            "lone_classes",
            f"{(~used).mean():.0%} of the rows are of classes that lie in one group each "
            f"({lone}): of a new group nothing can be said.",
            "Audit rows in which every class has several groups.",
        )


def _count(sample: Sample) -> str:
    """Name the number of units that count."""
    dependence = sample.dependence
    assert dependence is not None
    if dependence.window == 0:
        return f"{dependence.n_units:.0f} groups (of {int(dependence.units.max()) + 1})"
    return f"{dependence.n_units:.0f} stretches of {dependence.window} rows"


def _of_copies(copies: Copies, overruled: bool) -> Doubt:
    """Doubt rows that look like copies."""
    found = (
        f"{copies.share:.0%} of the rows have near-copies that are the same rows in teacher and "
        "student"
        if copies.share > copies.partners / 2
        else f"Rows share {copies.partners:.1f} nearest neighbours in teacher and student that "
        "dependence between the two does not explain"
    )
    return Doubt(
        "near_copies",
        f"{found}, as augmented, oversampled or repeated rows and several rows of one source do: "
        "copies look like information.",
        f"Name what rows come from with --groups, keep one row of each source, {KNOWN}",
        overruled,
    )


def _of_order(sample: Sample, teacher: FloatArray, rng: np.random.Generator) -> Iterator[Doubt]:
    """Doubt rows that depend on their neighbours in the file: student and teacher, or labels."""
    y, dependence, places = sample.labels.values, sample.dependence, sample.places
    sides = {"student": sample.student, "teacher": teacher}
    near = [
        name for name, side in sides.items() if find_order(side, y, places, dependence, rng).found
    ]
    if "student" in near and len(near) == 1 and labels_follow(y, places):
        near.append("labels")
    if len(near) < 2:
        return
    lag = f", still {sample.window + 1} rows apart" if sample.window else ""
    yield Doubt(
        "file_order",
        f"Rows next to each other in the file are alike in {' and '.join(near)}, beyond what "
        f"sorting by label explains{lag}: a series, or rows of one source in a row, look "
        "like information.",
        f"Give --window auto or --window N for a series, --groups for rows of one source, {KNOWN}",
        sample.independent,
    )
