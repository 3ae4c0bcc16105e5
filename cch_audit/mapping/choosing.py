"""What the audits of all pairs say together: lessons, the best teachers, an order of the matrix."""

from collections.abc import Sequence

import numpy as np

from cch_audit.auditing.verdict import decided
from cch_audit.choice.ranking import rank_teachers
from cch_audit.columns import COLUMNS
from cch_audit.results import Audit, Cause, Gate, Range
from cch_audit.results.maps import Choice, Gained, Lesson
from cch_audit.rows import FloatArray
from cch_audit.sweeping.crossings import gap_point


def lessons(audits: Sequence[Audit], gate: Gate, accept: Cause) -> tuple[Lesson, ...]:
    """Return the pairs that the gate lets pass, the largest lower end of the gap first."""
    passing = [audit for audit in audits if decided(audit, gate, accept) == "pass"]
    found = [Lesson(audit.teacher, audit.student, _hull(audit)) for audit in passing]
    return tuple(sorted(found, key=lambda one: one.gap.low, reverse=True))


def _hull(audit: Audit) -> Range:
    points = [gap_point(audit.levels[name]) for name in audit.gated]
    return Range(min(one.low for one in points), max(one.high for one in points))


def choices(
    audits: Sequence[Audit], students: Sequence[str], by: str, gate: Gate, accept: Cause
) -> tuple[Choice, ...]:
    """Return the best teacher of each student by a column, and what is lost by taking it.

    The regret is the gain of the best teacher less that of the column's first one: the gain that
    training measured, or else the one that is forecast.

    Parameters
    ----------
    audits : of all pairs
    students : in the order that is shown
    by : a column that teachers can be ordered by
    gate, accept : what decides
    """
    made = []
    for student in students:
        own = {audit.teacher: audit for audit in audits if audit.student == student}
        if not own:
            continue
        ranking = rank_teachers([*own.values()], by, {})
        names = tuple(place.teacher for place in ranking.teachers)
        first = own[names[0]]
        regret, of = _regret(first, [*own.values()])
        made.append(Choice(student, names[0], decided(first, gate, accept), regret, of, names))
    return tuple(made)


def _regret(first: Audit, audits: Sequence[Audit]) -> tuple[float | None, Gained | None]:
    told: tuple[tuple[str, Gained], ...] = (("gain", "outcome"), ("forecast", "forecast"))
    for column, of in told:
        gains = [COLUMNS[column].value(audit) for audit in audits]
        known = [gain for gain in gains if gain is not None]
        own = COLUMNS[column].value(first)
        if own is not None and len(known) == len(gains):
            return max(known) - own, of
    return None, None


def clustered(
    teachers: Sequence[str], students: Sequence[str], audits: Sequence[Audit]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return teachers and students with those side by side whose gaps are alike.

    Average linkage of distances between rows, and between columns, of the matrix of gaps,
    with the order of leaves in which neighbours are nearest (Bar-Joseph et al. 2001). Where both
    sides are the same representations, they have one order: that of rows and columns together.
    """
    places = {
        (audit.teacher, audit.student): float(
            np.median([gap_point(audit.levels[name]).estimate for name in audit.gated])
        )
        for audit in audits
    }
    gaps = np.array([[places.get((t, s), np.nan) for s in students] for t in teachers])
    if set(teachers) == set(students):
        columns = [students.index(name) for name in teachers]
        both = np.hstack([gaps[:, columns], gaps[:, columns].T])
        names = tuple(teachers[place] for place in _order(both))
        return names, names
    return (
        tuple(teachers[place] for place in _order(gaps)),
        tuple(students[place] for place in _order(gaps.T)),
    )


def _order(rows: FloatArray) -> list[int]:
    """Return the places of rows in the order of a tree of them.

    A distance is over the columns that both rows have: the root of the mean squared difference.
    """
    from scipy.cluster.hierarchy import leaves_list, linkage  # nothing else needs it
    from scipy.spatial.distance import pdist

    if len(rows) < 3:
        return [*range(len(rows))]

    def apart(one: FloatArray, other: FloatArray) -> float:
        squares = (one - other)[np.isfinite(one - other)] ** 2
        return float(np.sqrt(squares.mean())) if squares.size else np.nan

    distances = pdist(rows, apart)
    known = distances[np.isfinite(distances)]
    # Of two rows without a common column nobody knows whether they are near.
    filled = np.where(np.isfinite(distances), distances, np.median(known) if known.size else 0.0)
    tree = linkage(filled, method="average", optimal_ordering=True)
    return [int(place) for place in leaves_list(tree)]
