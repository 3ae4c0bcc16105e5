"""The columns of a ranking: what teachers can be ordered by, each declared once.

The choices of `--by`, tables, CSV, JSON, evidence, schemas and the man page follow from `COLUMNS`:
a new column is one entry of it.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from cch_audit.results import Audit, Baselines

if TYPE_CHECKING:
    from cch_audit.sample import Sample

Value = Callable[[Audit], float | None]


@dataclass(frozen=True)
class Column:
    """One number of each teacher; more is better."""

    value: Value
    """None where it does not apply."""
    title: str
    """Its name in sentences."""
    header: str
    """Its name above a column of numbers."""
    meaning: str
    """What it is, as a phrase."""
    unit: Literal["nats", "accuracy or R^2", "loss", "metric", "none"] = "none"
    header_of_numbers: str | None = None
    """The header where labels are continuous, if it is another one."""
    levels: Callable[[Audit], Sequence[str]] | None = None
    """Of a gap the levels that it is about, whose lowest lower end is the value."""
    is_signed: bool = False
    """Whether it says yes above zero, and no below."""
    is_measured: bool = False
    """Whether only training runs tell it."""
    why_not: Callable[["Sample"], str | None] = lambda sample: None
    """Why it has a value for no teacher of a sample; None if it has."""


def _gap(levels: Callable[[Audit], Sequence[str]], title: str, header: str, meaning: str) -> Column:
    """Return the lowest lower end of the deciding estimators' verdict intervals at some levels."""

    def value(audit: Audit) -> float:
        found = [audit.levels[level] for level in levels(audit)]
        return _lowest(
            [one.estimators[v].verdict_interval.low for one in found for v in one.voters]
        )

    return Column(value, title, header, meaning, "nats", levels=levels, is_signed=True)


def _lowest(numbers: Sequence[float]) -> float:
    """Return the smallest number; nan if one is not known."""
    return math.nan if any(map(math.isnan, numbers)) else min(numbers)


def _of(part: Callable[[Baselines], float | None]) -> Value:
    """Return a baseline's value."""
    return lambda audit: None if audit.baselines is None else part(audit.baselines)


def _gain(audit: Audit) -> float | None:
    return None if audit.confirmation is None else audit.confirmation.gain.estimate


def _no_h_score(sample: "Sample") -> str | None:
    from cch_audit.choice.baselines import has_h_score

    if sample.labels.kind != "classes":
        return "the H-score is for classes, and the labels are continuous"
    if not any(map(has_h_score, sample.teachers.values())):
        return f"with {sample.n_samples:,} rows every teacher has too many columns for an H-score"
    return None


COLUMNS: dict[str, Column] = {
    "gap": _gap(
        lambda audit: audit.gated,
        "gap",
        "gap",
        "its lower end at the level that decides, the smaller one where both do",
    ),
    "representations": _gap(
        lambda audit: ("representations",),
        "gap on representations",
        "gap on\nrepresentations",
        "its lower end, the lowest of the verdict intervals that decide",
    ),
    "predictions": _gap(
        lambda audit: ("predictions",),
        "gap on predictions",
        "gap on\npredictions",
        "its lower end, the lowest of the verdict intervals that decide",
    ),
    "teacher_labels": Column(
        lambda audit: audit.companions.teacher_labels.estimate,
        "I(teacher;labels)",
        "I(T;Y)",
        "I(teacher;labels): what the teacher knows about the labels",
        "nats",
    ),
    "teacher_labels_given_student": Column(
        lambda audit: audit.companions.teacher_labels_given_student.estimate,
        "I(teacher;labels|student)",
        "I(T;Y|S)",
        "I(teacher;labels|student): what it adds to what the student knows",
        "nats",
    ),
    "score": Column(
        _of(lambda found: found.score),
        "teacher's own score",
        "accuracy",
        "how good the teacher's own predictions are, cross-validated",
        "accuracy or R^2",
        header_of_numbers="R^2",
    ),
    "log_me": Column(
        _of(lambda found: found.log_me),
        "LogME",
        "LogME",
        "how well a linear model of the teacher explains the labels (log evidence)",
    ),
    "h_score": Column(
        _of(lambda found: found.h_score),
        "H-score",
        "H-score",
        "how far apart the teacher keeps the classes",
        why_not=_no_h_score,
    ),
    "cka": Column(
        _of(lambda found: found.cka),
        "CKA",
        "CKA",
        "how alike teacher and student are, whatever the labels",
    ),
    "forecast": Column(
        lambda audit: None if audit.forecast is None else -audit.forecast.estimate,
        "forecast",
        "forecast",
        "how much of the student's test loss distillation is forecast to take at the best "
        "temperature and weight: log-loss in nats, or squared error in units of Var(y)",
        "loss",
        is_signed=True,
    ),
    "gain": Column(
        _gain,
        "measured gain",
        "gain",
        "accuracy won, or MSE lost, by distillation",
        "metric",
        is_measured=True,
    ),
}
"""By the name that `--by` has."""


def names() -> tuple[str, ...]:
    """Return what `--by` accepts."""
    return tuple(COLUMNS)


def title(name: str) -> str:
    """Return the name of a column in sentences, also of one that is not known here."""
    return COLUMNS[name].title if name in COLUMNS else name.replace("_", " ")


def forecasters() -> dict[str, Column]:
    """Return the columns that are known before training; `gap` is one of the others again."""
    return {name: c for name, c in COLUMNS.items() if name != "gap" and not c.is_measured}
