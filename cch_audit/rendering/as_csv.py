"""The report as CSV: one row per teacher, level and estimator."""

import csv
from collections.abc import Iterator
from dataclasses import fields
from io import StringIO
from typing import Any

from cch_audit.rendering import Look
from cch_audit.rendering.as_json import plain
from cch_audit.rendering.text import for_reading, ordered_levels
from cch_audit.results import (
    Audit,
    Baselines,
    Change,
    Confirmation,
    ForecastReport,
    Gap,
    Interval,
    PerInformation,
    Range,
    Ranked,
    RankReport,
    Report,
    SweepReport,
    Written,
)
from cch_audit.results.forecast import ForecastCell
from cch_audit.results.joined import Joined, reports_of
from cch_audit.results.maps import MapReport
from cch_audit.settings.formats import Units

_PARTS: dict[str, type] = {
    "teacher_student": Interval,
    "student_labels": Interval,
    "gap": Gap,
    "verdict_interval": Range,
    "bias": PerInformation,
    "drift": PerInformation,
    "raw": PerInformation,
}
_NUMBERS = [(part, f.name) for part, cls in _PARTS.items() for f in fields(cls)]
_SCORES = [f.name for f in fields(Baselines)]
_FORECAST = (
    *("outcome", "source", "estimate", "low", "high", "standard_error", "probability"),
    *("temperature", "weight", "labelled_rows", "metric", "baseline", "relative_change"),
    *("ends_at", "method"),
)
_CHANGE = [f.name for f in fields(Change)]

FORMULAS = ("=", "+", "-", "@", "\t", "\r")
"""How a text begins that a spreadsheet would run."""

COLUMNS = (
    *("teacher", "student", "level", "gated", "estimator", "unit"),
    *(f"{part}_{name}" for part, name in _NUMBERS),
    *("verdict", "reason", "flags"),
    *("rank", "control"),
    *(f"baselines_{name}" for name in _SCORES),
    *(f"forecast_{name}" for name in _FORECAST),
    *("trained", "outcome", "cause", "metric", "n_train", "n_repetitions"),
    *("baseline", "distilled"),
    *(f"change_{name}" for name in _CHANGE),
    "agreement",
    *("sweep", "step"),
)
"""A ranking adds its own columns behind these, as `ranking_<name>`."""


def render(found: Report | ForecastReport | MapReport | Joined, look: Look) -> str:
    """Return the results as CSV, unrounded; a number that is missing is empty.

    Rows of several reports begin with their `file`.
    """
    rows: list[dict[str, Any]] = []
    for report in reports_of(found):
        header, *cells = as_table(report, look.units)
        first = {}
        if isinstance(found, Joined) and not isinstance(report, MapReport):
            first = {"file": report.input.path}
        rows += [first | dict(zip(header, row, strict=True)) for row in cells]
    file = StringIO()
    writer = csv.DictWriter(
        file, dict.fromkeys(key for row in rows for key in row), lineterminator="\n"
    )
    writer.writeheader()
    writer.writerows({key: _as_text(cell) for key, cell in row.items()} for row in rows)
    return file.getvalue()


def as_table(report: Written, units: Units) -> list[list[Any]]:
    """Return a header, and one row for each teacher, level and estimator.

    Of a report of forecasts one for each teacher, temperature and weight; of a study one for each
    file and label set too, and one for each pair that was refused.

    What concerns a teacher as a whole is repeated in each of its rows.
    """
    report = for_reading(report, units=units)
    if isinstance(report, ForecastReport):
        return _forecasts(report)
    if isinstance(report, MapReport):
        return _pairs(report, units)
    assert isinstance(report, Report)
    ranking = report.ranking.teachers if isinstance(report, RankReport) else ()
    ranked = {one.teacher: one for one in ranking}
    names = list(dict.fromkeys(name for one in ranking for name in one.columns))
    table: list[list[Any]] = [[*COLUMNS, *(f"ranking_{name}" for name in names)]]
    steps: list[tuple[str | None, float | None]] = [(None, None)] * len(report.audits)
    if isinstance(report, SweepReport):
        steps = [(report.sweep.varied, step) for step in report.sweep.steps]
    for audit, step in zip(report.audits, steps, strict=True):
        place = ranked.get(audit.teacher)
        if place is None and ranked:
            continue  # left out by --top
        columns = {} if place is None else plain(place.columns)
        behind = (*step, *(columns.get(name) for name in names))
        table += [[*row, *behind] for row in _estimates(audit, place, units)]
    return table


def _pairs(report: MapReport, units: Units) -> list[list[Any]]:
    """Return a header, and one row for each file, label set, pair, level and estimator."""
    header = [column for column in COLUMNS if column not in ("sweep", "step", "rank", "control")]
    skipped = [place for place, name in enumerate(COLUMNS) if name in ("rank", "control")]
    table: list[list[Any]] = [["file", "labels", *header, "refused"]]
    for matrix in report.matrices:
        where = (matrix.file, matrix.labels)
        for audit in matrix.audits:
            for row in _estimates(audit, None, units):
                kept = [cell for place, cell in enumerate(row) if place not in skipped]
                table.append([*where, *kept, None])
        table += [
            [*where, one.teacher, one.student, *[None] * (len(header) - 2), one.reason]
            for one in matrix.refusals
        ]
    return table


def _estimates(audit: Audit, place: Ranked | None, units: Units) -> Iterator[list[Any]]:
    """Yield one row for each level and estimator of a teacher, without sweep and step."""
    for level_name, level in ordered_levels(audit):
        for name, result in level.estimators.items():
            yield [
                *(audit.teacher, audit.student, level_name, level_name in audit.gated),
                *(name, units),
                *((plain(getattr(result, part)) or {}).get(field) for part, field in _NUMBERS),
                *(result.verdict, result.reason, ";".join(result.flags)),
                *_teacher(audit, place),
            ]


def _as_text(cell: float | str | None) -> float | str | None:
    """Return a cell, with an apostrophe where a spreadsheet would run a name as a formula."""
    if isinstance(cell, bool):
        return str(cell).lower()
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULAS) else cell


def _teacher(audit: Audit, place: Ranked | None) -> list[float | str | None]:
    """Return what is known of a teacher beside the gaps."""
    scores = plain(audit.baselines) or {}
    forecast = plain(audit.forecast) or {}
    found = audit.confirmation
    return [
        *((None, None) if place is None else (place.rank, audit.is_control)),
        *(scores.get(name) for name in _SCORES),
        *(forecast.get(name) for name in _FORECAST),
        *([None] * (8 + len(_CHANGE)) if found is None else _training(found)),
        audit.agreement,
    ]


def _forecasts(report: ForecastReport) -> list[list[Any]]:
    """Return a header, and one row for each teacher, temperature and weight."""
    cell = [f.name for f in fields(ForecastCell)]
    header = ["teacher", "student", *cell, *(f"forecast_{name}" for name in _FORECAST)]
    table: list[list[Any]] = [header]
    for one in report.forecasts:
        found = plain(one.forecast)
        whole = [found[name] for name in _FORECAST]
        table += [
            [one.teacher, one.student, *(row[name] for name in cell), *whole]
            for row in found["cells"]
        ]
    return table


def _training(found: Confirmation) -> Iterator[float | str | None]:
    """Yield what is known of the training run, at the size that stands for the whole."""
    size, main = found.size, found.main
    yield from (found.source, found.outcome, found.cause, found.metric)
    yield from (size.n_train, size.n_repetitions)
    yield from (plain(main.baseline), plain(main.distilled))
    yield from plain(main.change).values()
