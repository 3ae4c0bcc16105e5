"""The estimates of a level, row by row, the same in every format that has tables."""

from collections.abc import Callable
from dataclasses import dataclass

from cch_audit.rendering.cells import Cell, verdict_badge
from cch_audit.rendering.text import Units, beside, estimator_title, number, span
from cch_audit.results import Audit, EstimatorResult, LevelResult


@dataclass(frozen=True)
class Line:
    """One estimator at one level, the level's floor, or what a simulated file says of it."""

    teacher: str
    level: str
    estimator: str
    shown: tuple[str, str, str]
    """Both informations and the gap."""
    result: EstimatorResult | None
    """None for the floor and the truth."""


Column = tuple[str, Callable[[Line], Cell | None]]


def estimates(audit: Audit, name: str) -> list[Line]:
    """Return the estimators of a level, and below them its floor and truth, where there are any."""
    level = audit.levels[name]
    found = [_line(audit, name, level, key, result) for key, result in level.estimators.items()]
    below = [Line(audit.teacher, name, title, row, None) for title, row in beside(level)]
    return found + below


def place_columns() -> list[Column]:
    """Return whose estimate it is, for a table of several teachers or levels."""
    return [("teacher", lambda line: line.teacher), ("level", lambda line: line.level)]


def estimate_columns(units: Units) -> list[Column]:
    """Return the estimates, what they say, and how sure they are."""
    return [
        ("estimator", lambda line: line.estimator),
        ("verdict", _known(lambda result: verdict_badge(result.verdict))),
        (f"I(teacher;student),\n{units}", lambda line: line.shown[0]),
        (f"I(student;labels),\n{units}", lambda line: line.shown[1]),
        (f"gap,\n{units}", lambda line: line.shown[2]),
        (f"verdict interval,\n{units}", _known(lambda result: span(result.verdict_interval))),
        ("P(gap>0)", _known(lambda result: number(result.gap.probability_positive))),
    ]


def doubt_columns() -> list[Column]:
    """Return why each estimator says what it says, and what weakens its gap."""
    return [
        ("reason", _known(lambda result: result.reason)),
        ("standard\nerror", _known(lambda result: number(result.gap.standard_error))),
        ("bias", _known(lambda result: _optional(result))),
        ("drift", _known(lambda result: number(result.drift.gap))),
        ("flags", _known(lambda result: ", ".join(result.flags) or "none")),
    ]


def _line(audit: Audit, name: str, level: LevelResult, key: str, result: EstimatorResult) -> Line:
    values = (result.teacher_student, result.student_labels, result.gap)
    first, second, third = (f"{number(value.estimate)}\n{span(value)}" for value in values)
    return Line(audit.teacher, name, estimator_title(key, level), (first, second, third), result)


def _known(read: Callable[[EstimatorResult], Cell]) -> Callable[[Line], Cell]:
    return lambda line: "" if line.result is None else read(line.result)


def _optional(result: EstimatorResult) -> str:
    return "n/a" if result.bias is None else number(result.bias.gap)
