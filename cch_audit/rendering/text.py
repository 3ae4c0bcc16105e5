"""What the formats for people share: printable strings, numbers, units."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar

from cch_audit.columns import COLUMNS
from cch_audit.results import (
    Audit,
    Change,
    Companions,
    Confirmation,
    EstimatorResult,
    Interval,
    LabelSummary,
    LevelResult,
    PerInformation,
    Range,
    Ranked,
    Written,
)
from cch_audit.settings.formats import Units

Kind = TypeVar("Kind", bound=Written)
NATS_PER = {"nats": 1.0, "bits": math.log(2)}
METRIC_TITLES = {
    "accuracy": "accuracy",
    "log_loss": "log-loss",
    "brier": "Brier score",
    "weighted_f1": "weighted F1",
    "macro_auc": "macro AUC",
    "mse": "MSE",
    "r2": "R^2",
}
TRUTH, FLOOR = "truth", "floor"
"""Titles of rows below the estimators."""


def printable(text: str, *, unicode: bool = True) -> str:
    """Return text with what a terminal would obey or cannot show written as backslash escapes."""
    return "".join(
        c if c.isprintable() and (unicode or c.isascii()) else c.encode("unicode_escape").decode()
        for c in text
    )


def all_printable(value: Any, *, unicode: bool = True) -> Any:
    """Return records and collections with every string in them printable."""
    return _changed(
        value, lambda part: printable(part, unicode=unicode) if isinstance(part, str) else part
    )


def for_reading(report: Kind, *, units: Units, unicode: bool = True) -> Kind:
    """Return the report with every string printable and every information in the given unit.

    Doing this once, before anything is drawn, leaves no place where a renderer could forget it.
    The settings keep their nats.
    """
    nats = NATS_PER[units]
    converted_columns = {name for name, column in COLUMNS.items() if column.unit == "nats"}

    def in_units(value: float | None) -> float | None:
        return None if value is None else value / nats

    def change(part: Any) -> Any:
        if isinstance(part, Interval | Range | PerInformation):
            names = [f.name for f in fields(part) if f.name != "probability_positive"]
            return replace(part, **{name: getattr(part, name) / nats for name in names})
        if isinstance(part, Ranked):
            found = part.columns.items()
            informations = {k: in_units(v) for k, v in found if k in converted_columns}
            return replace(part, columns={**part.columns, **informations})
        if isinstance(part, Companions):
            return replace(part, label_entropy=in_units(part.label_entropy))
        if isinstance(part, LabelSummary):
            return replace(part, entropy=in_units(part.entropy))
        return part

    converted: Kind = _changed(all_printable(report, unicode=unicode), change)
    return converted


def _changed(value: Any, change: Callable[[Any], Any]) -> Any:
    """Return what a function makes of every part of records and collections, innermost first."""
    if is_dataclass(value) and not isinstance(value, type):
        parts = {f.name: _changed(getattr(value, f.name), change) for f in fields(value)}
        return change(replace(value, **parts))
    if isinstance(value, Mapping):
        return {change(key): _changed(item, change) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return tuple(_changed(item, change) for item in value)
    return change(value)


def trained(audits: Sequence[Audit]) -> list[Confirmation]:
    """Return the training runs that were made."""
    return [audit.confirmation for audit in audits if audit.confirmation is not None]


def number(value: float) -> str:
    """Return a number with three decimals and no negative zero."""
    return f"{value:z.3f}"


def span(value: Interval | Range) -> str:
    """Return the two ends of an interval."""
    return f"[{number(value.low)}, {number(value.high)}]"


def interval(value: Interval, between: str = " ") -> str:
    """Return an estimate and its interval, on one line or below it."""
    return f"{number(value.estimate)}{between}{span(value)}"


def score(value: float, metric: str) -> str:
    """Return the value of a metric."""
    return _written(value, "z#.4g" if metric == "mse" else "z.4f")


def effect(value: float, metric: str) -> str:
    """Return a change of a metric, with its sign."""
    return _written(value, "+z#.3g" if metric == "mse" else "+z.4f")


def size_of(value: float, metric: str) -> str:
    """Return the size of a change, which has no sign."""
    return effect(abs(value), metric).removeprefix("+")


def change_span(change: Change, metric: str) -> str:
    """Return the two ends of a change."""
    return f"[{effect(change.low, metric)}, {effect(change.high, metric)}]"


def change_interval(change: Change, metric: str) -> str:
    """Return a change and its interval on one line."""
    return f"{effect(change.estimate, metric)} {change_span(change, metric)}"


def percent(share: float, format: str) -> str:
    """Return a share in percent."""
    written = _written(100 * share, format)
    return written if written == "n/a" else f"{written} %"


def relative_change(change: Change, baseline: float) -> str:
    """Return a change in percent of the baseline."""
    return "n/a" if baseline == 0 else percent(change.estimate / baseline, "+z.1f")


def counted(count: int, noun: str) -> str:
    """Return a number of things."""
    return f"{count:,} {noun}" + ("" if count == 1 else "s")


def _written(value: float, format: str) -> str:
    """Return a number without the point that `#` leaves at its end."""
    return f"{value:{format}}".rstrip(".") if math.isfinite(value) else "n/a"


def raw_value(result: EstimatorResult, information: str, before: str) -> str:
    """Return the estimate without calibration after some space; nothing where it is the same."""
    shown = getattr(result, information).estimate
    raw = shown if result.raw is None else getattr(result.raw, information)
    return "" if number(raw) == number(shown) else f"{before}raw {number(raw)}"


def known(truth: PerInformation) -> tuple[str, str, str]:
    """Return both informations and the gap of a population that is known."""
    return number(truth.teacher_student), number(truth.student_labels), number(truth.gap)


def beside(level: LevelResult) -> Iterator[tuple[str, tuple[str, str, str]]]:
    """Yield the rows that stand below the estimators: title, both informations and gap."""
    if level.floor is not None:
        yield FLOOR, ("", "", interval(level.floor, "\n"))
    if level.truth is not None:
        yield TRUTH, known(level.truth)


def gap_range(levels: Sequence[LevelResult]) -> str:
    """Return the smallest and largest gap among the estimators that decide at some levels."""
    gaps = [level.estimators[name].gap.estimate for level in levels for name in level.voters]
    ends = dict.fromkeys((number(min(gaps)), number(max(gaps))))
    return " to ".join(ends)


def gap_hull(level: LevelResult) -> Range:
    """Return the ends of the verdict intervals of the estimators that decide at a level."""
    intervals = [level.estimators[name].verdict_interval for name in level.voters]
    return Range(min(i.low for i in intervals), max(i.high for i in intervals))


def deciding_levels(audit: Audit) -> list[LevelResult]:
    """Return the gated levels."""
    return [audit.levels[name] for name in audit.gated]


def gap_and_hull(level: LevelResult, between: str = " ") -> str:
    """Return the gaps of the deciding estimators and the hull of their verdict intervals."""
    return f"{gap_range([level])}{between}{span(gap_hull(level))}"


def ordered_levels(audit: Audit) -> list[tuple[str, LevelResult]]:
    """Return the levels, those that decide first."""
    return sorted(audit.levels.items(), key=lambda item: item[0] not in audit.gated)


def estimator_title(name: str, level: LevelResult) -> str:
    """Return the estimator's name, marked where its verdict does not count."""
    return name if name in level.voters else f"{name} (reference)"
