"""The teachers in order: what is shown of each, in words, rows and blocks."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import get_args

from cch_audit import columns
from cch_audit.columns import COLUMNS, forecasters
from cch_audit.rendering.confirmation import change_cell, outcome_cell
from cch_audit.rendering.document import (
    Cell,
    Facts,
    Heading,
    Part,
    Rows,
    as_rows,
    bullets,
    verdict_badge,
)
from cch_audit.rendering.foretold import forecast_cell
from cch_audit.rendering.text import (
    effect,
    estimator_title,
    gap_and_hull,
    interval,
    number,
    percent,
    size_of,
    trained,
)
from cch_audit.rendering.training import all_notes, best_control, control_title
from cch_audit.results import Audit, Metric, Ranked, RankReport, Report
from cch_audit.settings import LevelName
from cch_audit.settings.formats import Units

SCORES_TITLE = "What else is known before training"
MEASURED_TITLE = "Measured: training the student with each teacher"
RECORDS_TITLE = "How well each column foretold the measured change"
RECORD_MEANINGS = {
    "Kendall tau": "agreement of the column's order with the measured one; 1 is the same order",
    "top-1 regret": "gain lost by taking the column's first teacher instead of the best one",
    "harmful": "share of the column's first choices that hurt the student",
}
LEAST_ORDERED = 5
"""Teachers; of fewer the order is as good as any by chance, and its tau is not shown."""
NAMES = ("teacher", "best control")


@dataclass(frozen=True)
class Place:
    """A teacher of a ranking with its audit."""

    ranked: Ranked
    audit: Audit


Column = tuple[str, Callable[[Place], Cell | None]]


def ranking_parts(report: RankReport, units: Units) -> Iterator[Part]:
    """Yield up to four tables: gaps, scores, what training showed, and what foretold it."""
    shown = places(report)
    yield Heading(gap_title(report, units))
    yield as_rows(shown, gap_columns(), NAMES)
    scores = as_rows(shown, [teacher_column(), *score_columns(report)], NAMES)
    yield Heading(f"{SCORES_TITLE}, informations in {units}")
    yield scores
    yield Facts(tuple(score_meanings(report, scores)))
    metric = shared_metric(report)
    if metric is not None:
        yield Heading(MEASURED_TITLE)
        yield as_rows(shown, [teacher_column(), *measured_columns()], NAMES)
        if report.ranking.records:
            records = record_rows(report, metric)
            yield Heading(RECORDS_TITLE)
            yield records
            yield Facts(tuple(_shown(RECORD_MEANINGS, records)))
    notes = [(place.audit.teacher, note) for place in shown for note in all_notes(place.audit)]
    yield from bullets(grouped(notes, len(shown)), "Notes")


def places(report: RankReport) -> list[Place]:
    """Return the teachers and controls that are shown, the best first."""
    audits = {audit.teacher: audit for audit in report.audits}
    return [Place(one, audits[one.teacher]) for one in report.ranking.teachers]


def shown_teachers(report: Report) -> list[Audit]:
    """Return the teachers that are shown, those of a ranking in its order."""
    if not isinstance(report, RankReport):
        return report.teachers
    return [place.audit for place in places(report) if not place.audit.is_control]


def student_lines(report: Report, units: Units) -> list[tuple[str, str]]:
    """Return the student and what it knows about the labels, estimator by estimator."""
    audit = report.audits[0]
    lines = [("student", f"{audit.student} ({audit.student_dimension} dimensions)")]
    for level_name in audit.gated:
        level = audit.levels[level_name]
        titles = {name: estimator_title(name, level) for name in level.estimators}
        widest = max(map(len, titles.values()))
        knows = [
            f"{titles[name].ljust(widest)} {interval(result.student_labels)}"
            for name, result in level.estimators.items()
        ]
        first = f"I(student;labels) on {level_name}, in {units}:"
        lines.append(("I(S;Y)", "\n".join([first, *knows])))
    return lines


def rank_text(place: Place) -> str:
    """Return a teacher's rank and those that it shares it with."""
    if place.audit.is_control:
        return "control"
    ties = ", ".join(place.ranked.ties)
    return str(place.ranked.rank) + (f" (cannot be told apart from {ties})" if ties else "")


def gap_title(report: RankReport, units: Units) -> str:
    """Return what the table of gaps shows, and how many of the teachers."""
    shown, known = len(shown_teachers(report)), len(report.teachers)
    some = "" if shown == known else f", the first {shown} of {known}"
    return f"Ranking by {columns.title(report.ranking.by)}{some}; gaps in {units}"


def shared_metric(report: Report) -> Metric | None:
    """Return the metric of the training runs, or None without any."""
    return next((found.metric for found in trained(report.audits)), None)


def ranking_footnotes(report: RankReport) -> list[str]:
    """Return how the order came about and what it does not say."""
    by = report.ranking.by
    if by in COLUMNS and COLUMNS[by].levels is not None:
        order = f"{columns.title(by)}, by its lower end"
        equals = "cannot be told apart (paired tests, Holm-corrected)"
    else:
        order, equals = columns.title(by), "have the same value"
    notes = [
        f"Teachers are ordered by {order}. Those of the same rank {equals}. A gap is shown as the "
        "range of the deciding estimators and, in brackets, the hull of their verdict intervals."
    ]
    if any(place.audit.is_control for place in places(report)):
        notes.append("Controls are no teachers: a column that puts them high can be fooled.")
    return notes


def grouped(pairs: Sequence[tuple[str, str]], count: int) -> list[str]:
    """Return what is said of teachers, each once, with their names where there are several.

    Parameters
    ----------
    pairs : teacher and what is said of it
    count : number of teachers
    """
    names: dict[str, list[str]] = {}
    for teacher, text in pairs:
        names.setdefault(text, []).append(teacher)
    if count == 1:
        return list(names)
    return [
        f"{'all teachers' if len(teachers) == count else ', '.join(teachers)}: {text}"
        for text, teachers in names.items()
    ]


def gap_columns() -> list[Column]:
    """Return rank, verdict and the gaps; the teacher's name comes second."""
    return [
        ("rank", lambda place: "control" if place.audit.is_control else str(place.ranked.rank)),
        ("teacher", lambda place: place.audit.teacher),
        ("dim.", lambda place: str(place.audit.teacher_dimension)),
        ("verdict", lambda place: verdict_badge(place.audit.verdict)),
        *(
            (COLUMNS[level].header, lambda place, level=level: _gap(place.audit, level))
            for level in get_args(LevelName)
        ),
    ]


def score_columns(report: Report) -> list[Column]:
    """Return what else is known of each teacher before any training of the student."""
    return [
        (_header(column, report), _CELLS.get(name) or _cell(name))
        for name, column in forecasters().items()
        if column.levels is None
    ]


def score_meanings(report: Report, rows: Rows) -> list[tuple[str, str]]:
    """Return what the columns of `score_columns` mean, for those that are shown."""
    meanings = {_header(column, report): column.meaning for column in forecasters().values()}
    known = [audit.forecast for audit in report.audits if audit.forecast is not None]
    if known:
        meanings[COLUMNS["forecast"].header] += f"; with {known[0].labelled_rows:,} labelled rows"
    return _shown(meanings, rows)


def _header(column: columns.Column, report: Report) -> str:
    """Return what stands above a column, for the labels of a report."""
    own = None if report.input.labels.kind == "classes" else column.header_of_numbers
    return own or column.header


def _cell(name: str) -> Callable[[Place], Cell | None]:
    return lambda place: _optional(place.ranked.columns.get(name))


def _shown(meanings: Mapping[str, str], rows: Rows) -> list[tuple[str, str]]:
    """Return the meanings of the headers that a table has."""
    return [
        (header.split("\n")[0], meanings[header]) for header in rows.headers if header in meanings
    ]


def measured_columns() -> list[Column]:
    """Return what training the student with each teacher showed."""
    return [
        ("change by KD", lambda place: change_cell(place.audit)),
        ("outcome", lambda place: outcome_cell(place.audit)),
        ("CCH verdict", _agreement),
        ("best control", _best_control),
    ]


def teacher_column() -> Column:
    """Return the teacher's name, marked where it is a control and does not say so itself."""

    def cell(place: Place) -> str:
        name = place.audit.teacher
        marked = place.audit.is_control and not name.startswith("control")
        return f"{name} (control)" if marked else name

    return "teacher", cell


def record_rows(report: RankReport, metric: str) -> Rows:
    """Return how well each column foretold the measured change."""
    ranking = report.ranking
    gated = report.audits[0].gated
    enough = len(report.teachers) >= LEAST_ORDERED
    # The gap is that of the gated level, which has a column of its own unless both are gated.
    by = gated[0] if ranking.by == "gap" and len(gated) == 1 else ranking.by
    own = " (this ranking)"
    return as_rows(
        list(ranking.records.items()),
        [
            ("ordered by", lambda item: columns.title(item[0]) + own * (item[0] == by)),
            ("Kendall tau", lambda item: _optional(item[1].kendall_tau) if enough else None),
            ("top-1 regret", lambda item: size_of(item[1].regret, metric)),
            ("harmful", lambda item: percent(item[1].harmful, ".0f")),
        ],
        names=("ordered by",),
    )


def _gap(audit: Audit, level_name: str) -> str | None:
    level = audit.levels.get(level_name)
    return None if level is None else gap_and_hull(level, "\n")


def _optional(value: float | None) -> str | None:
    return None if value is None else number(value)


_CELLS: dict[str, Callable[[Place], Cell | None]] = {
    "teacher_labels": lambda place: interval(place.audit.companions.teacher_labels, "\n"),
    "teacher_labels_given_student": lambda place: interval(
        place.audit.companions.teacher_labels_given_student, "\n"
    ),
    "forecast": lambda place: forecast_cell(place.audit.forecast),
}
"""Of columns with more to show than a number."""


def _best_control(place: Place) -> str | None:
    """Return the control that comes off best, which a true transfer must beat."""
    found = place.audit.confirmation
    if found is None:
        return None
    best = best_control(found.size.controls, found.metric)
    if best is None:
        return "n/a"
    name, control = best
    return f"{effect(control.change.estimate, found.metric)}\n{control_title(name)}"


def _agreement(place: Place) -> str | None:
    agreement = place.audit.agreement
    return None if agreement is None else f"{place.audit.verdict.upper()}:\n{agreement}"
