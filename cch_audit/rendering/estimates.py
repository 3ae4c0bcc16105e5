"""The estimates of one level as rich tables."""

from rich.box import Box
from rich.table import Table
from rich.text import Text

from cch_audit.rendering.drawing import badge, ruled_table
from cch_audit.rendering.text import (
    beside,
    estimator_title,
    interval,
    number,
    raw_value,
    span,
)
from cch_audit.results import Interval, LevelResult, PerInformation

NEW_LINE = "\n "


def one_line_table(level: LevelResult, box: Box, reason_width: int | None = None) -> Table:
    """Return one line per estimator, for wide terminals and pipes; only the reason may wrap."""
    numbers = (
        "I(teacher;student)",
        "I(student;labels)",
        "gap",
        "P(gap>0)",
        "verdict interval",
    )
    table = ruled_table(box, ("estimator", *numbers, "verdict", "reason"), numbers=numbers)
    for column in table.columns[:-1]:
        column.no_wrap = True
    table.columns[-1].max_width = reason_width
    for name, result in level.estimators.items():
        table.add_row(
            Text(estimator_title(name, level)),
            f"{interval(result.teacher_student)}{raw_value(result, 'teacher_student', ' ')}",
            f"{interval(result.student_labels)}{raw_value(result, 'student_labels', ' ')}",
            interval(result.gap),
            number(result.gap.probability_positive),
            span(result.verdict_interval),
            badge(result.verdict),
            Text(result.reason),
        )
    for title, row in beside(level):
        table.add_row(title, *(cell.replace("\n", " ") for cell in row))
    return table


def stacked_table(level: LevelResult, box: Box) -> Table:
    """Return several lines per estimator, intervals under estimates, for 80 columns."""
    headers = (
        "estimator",
        "I(teacher;\nstudent)",
        "I(student;\nlabels)",
        "gap",
        "verdict and\nverdict interval",
    )
    table = ruled_table(box, headers)
    table.show_lines = True
    for name, result in level.estimators.items():
        why = f"{span(result.verdict_interval)}\n{result.reason}"
        table.add_row(
            Text(estimator_title(name, level).replace(" ", "\n")),
            f"{_stacked(result.teacher_student)}{raw_value(result, 'teacher_student', NEW_LINE)}",
            f"{_stacked(result.student_labels)}{raw_value(result, 'student_labels', NEW_LINE)}",
            f"{_stacked(result.gap)}\nP(gap>0) {number(result.gap.probability_positive)}",
            Text.assemble(badge(result.verdict), "\n", why),
        )
    for title, row in beside(level):
        table.add_row(title, *(f" {cell}" for cell in row))
    return table


def detail_table(level: LevelResult, box: Box) -> Table:
    """Return what weakens each estimate: standard error, bias, drift, raw value, flags."""
    numbers = ("standard\nerror", "bias", "drift", "raw")
    table = ruled_table(box, ("estimator", "of", *numbers, "flags"), numbers=numbers)
    for name, result in level.estimators.items():
        informations = {
            "I(teacher;student)": "teacher_student",
            "I(student;labels)": "student_labels",
            "gap": "gap",
        }
        for row, (label, key) in enumerate(informations.items()):
            value: Interval = getattr(result, key)
            table.add_row(
                Text("" if row else name),
                label,
                number(value.standard_error),
                _part(result.bias, key),
                _part(result.drift, key),
                _part(result.raw, key),
                Text("" if row else ", ".join(result.flags) or "none"),
                end_section=key == "gap",
            )
    return table


def _stacked(value: Interval) -> str:
    return f" {number(value.estimate)}\n{span(value)}"


def _part(value: PerInformation | None, key: str) -> str:
    return "n/a" if value is None else number(getattr(value, key))
