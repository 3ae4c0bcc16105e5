"""The report as CSV: one row per teacher, level and estimator."""

import csv
from dataclasses import fields
from io import StringIO
from typing import Any

from cch_audit.rendering.as_json import plain
from cch_audit.rendering.text import Units, for_reading, ordered_levels
from cch_audit.results import EstimatorResult, Gap, Interval, PerInformation, Range, Report

_PARTS: dict[str, type] = {
    "teacher_student": Interval,
    "student_labels": Interval,
    "gap": Gap,
    "verdict_interval": Range,
    "bias": PerInformation,
    "drift": PerInformation,
}
_NUMBERS = [(part, f.name) for part, cls in _PARTS.items() for f in fields(cls)]

COLUMNS = (
    *("teacher", "student", "level", "gated", "estimator", "unit"),
    *(f"{part}_{name}" for part, name in _NUMBERS),
    *("verdict", "reason", "flags"),
)


def render(report: Report, *, units: Units) -> str:
    """Return the estimators' results as CSV, unrounded; a number that is missing is empty."""
    file = StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(COLUMNS)
    for audit in for_reading(report, units=units).audits:
        for level_name, level in ordered_levels(audit):
            gated = "true" if level_name in audit.gated else "false"
            for name, result in level.estimators.items():
                writer.writerow(
                    [
                        *(audit.teacher, audit.student, level_name, gated, name, units),
                        *_numbers(result),
                        *(result.verdict, result.reason, ";".join(result.flags)),
                    ]
                )
    return file.getvalue()


def _numbers(result: EstimatorResult) -> list[float | None]:
    parts: dict[str, Any] = plain(result)
    return [(parts[part] or {}).get(name) for part, name in _NUMBERS]
