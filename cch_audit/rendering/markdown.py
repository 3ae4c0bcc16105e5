"""The report as Markdown that fits a pull-request comment."""

from collections.abc import Iterator, Sequence
from itertools import zip_longest

from cch_audit.rendering.cells import OUTCOMES, Rows, as_rows
from cch_audit.rendering.confirmation import (
    CONTROLS_MEANING,
    CONTROLS_TITLE,
    METRICS_TITLE,
    TITLE,
    control_rows,
    fact_lines,
    grid_rows,
    grid_title,
    metric_rows,
    outcome_sentence,
)
from cch_audit.rendering.markdown_syntax import bullets, code, drawn, escape, folded, table
from cch_audit.rendering.ranking import (
    gap_title,
    grouped_notes,
    places,
    shared_metric,
    student_lines,
)
from cch_audit.rendering.ranking_columns import (
    RECORDS_TITLE,
    gap_columns,
    measured_columns,
    record_meanings,
    record_rows,
    score_columns,
    score_meanings,
)
from cch_audit.rendering.summary import sentence
from cch_audit.rendering.sweep import sweep_notes, table_title, teacher_lines
from cch_audit.rendering.sweep_columns import sweep_rows
from cch_audit.rendering.text import (
    TRUTH,
    Units,
    estimator_title,
    for_reading,
    interval,
    known,
    number,
    ordered_levels,
    span,
)
from cch_audit.rendering.wording import (
    COMPANIONS_TITLE,
    LEVEL_TITLES,
    companion_lines,
    footnotes,
    input_lines,
    level_role,
)
from cch_audit.results import Audit, LevelResult, Report

WIDTH = 100_000
"""Columns of a table that scrolls."""


def render(report: Report, *, units: Units) -> str:
    """Return the verdict, one compact table, and the rest folded away."""
    return "\n".join(_lines(for_reading(report, units=units), units)) + "\n"


def _lines(report: Report, units: Units) -> Iterator[str]:
    verdict, _, rest = sentence(report, units).partition(":")
    yield f"**{verdict}**:{escape(rest)}"
    for warning in report.warnings:
        yield f"\n> **WARNING**: {escape(warning)}"
    yield ""
    audits: Sequence[Audit] = report.audits
    if report.sweep is not None:
        yield from _sweep(report, units)
    elif report.ranking is None:
        yield from _gated(report, units)
    else:
        audits = [place.audit for place in places(report)]
        yield from _ranking(report, units)
    yield ""
    yield from map(escape, footnotes(report))
    for audit in audits:
        yield from folded(f"{code(audit.teacher)} to {code(audit.student)}", _audit(audit, units))
    facts = [(name, code(value)) for name, value in input_lines(report, units, verbose=True)]
    yield from folded("Input", [*table(("what", "value"), facts), *bullets(report.input.notes)])


def _gated(report: Report, units: Units) -> Iterator[str]:
    yield from table(
        ("teacher", "level", *_columns(units)),
        [
            [code(audit.teacher), name, *row]
            for audit in report.audits
            for name in audit.gated
            for row in _rows(audit.levels[name])
        ],
    )
    confirmed = [audit for audit in report.audits if audit.confirmation is not None]
    if len(confirmed) > 1:
        yield from bullets([f"{audit.teacher}: {outcome_sentence(audit)}" for audit in confirmed])


def _ranking(report: Report, units: Units) -> Iterator[str]:
    assert report.ranking is not None
    shown = places(report)
    yield f"**{escape(gap_title(report, units))}**\n"
    columns = [*gap_columns(), *score_columns(report), *measured_columns()]
    rows = as_rows(shown, columns)
    yield from drawn(rows, names=("teacher",))
    facts = [f"{name}: {value}" for name, value in student_lines(report, units)]
    yield from bullets([*facts, *grouped_notes(report)])
    yield from folded(
        "Columns",
        bullets([f"{name}: {meaning}" for name, meaning in score_meanings(report, rows)]),
    )
    metric = shared_metric(report)
    if metric is not None and report.ranking.records:
        records = record_rows(report, metric)
        meanings = bullets([f"{name}: {meaning}" for name, meaning in record_meanings(records)])
        yield from folded(RECORDS_TITLE, [*drawn(records), *meanings])


def _sweep(report: Report, units: Units) -> Iterator[str]:
    assert report.sweep is not None
    yield f"**{escape(table_title(report.sweep, units))}**\n"
    yield from drawn(sweep_rows(report))
    facts = [*teacher_lines(report, units), *student_lines(report, units)]
    yield from bullets([*(f"{name}: {value}" for name, value in facts), *sweep_notes(report)])


def _audit(audit: Audit, units: Units) -> Iterator[str]:
    yield (
        f"Teacher with {audit.teacher_dimension} dimensions, "
        f"student with {audit.student_dimension}."
    )
    for name, level in ordered_levels(audit):
        role = level_role(name, audit.gated)
        yield f"\n**{LEVEL_TITLES[name]}** ({role}): **{level.verdict.upper()}**"
        yield from bullets(level.reasons)
        yield ""
        why = [(escape(r.reason), escape(", ".join(r.flags))) for r in level.estimators.values()]
        yield from table(
            (*_columns(units), "reason", "flags"),
            [[*row, *rest] for row, rest in zip_longest(_rows(level), why, fillvalue=("", ""))],
        )
    yield f"\n**{COMPANIONS_TITLE}, in {units}**\n"
    yield from table(
        ("quantity", "value", "meaning"),
        [[escape(name), *rest] for name, *rest in companion_lines(audit.companions)],
    )
    yield from _confirmation(audit)
    if audit.notes:
        yield "\n**Notes**"
    yield from bullets(audit.notes)


def _confirmation(audit: Audit) -> Iterator[str]:
    found = audit.confirmation
    if found is None:
        return
    yield f"\n**{TITLE} says {OUTCOMES[found.outcome]}**\n"
    yield escape(outcome_sentence(audit))
    yield ""
    yield from drawn(Rows(("what", "value"), tuple(fact_lines(found))))
    yield f"\n{METRICS_TITLE}:\n"
    yield from drawn(metric_rows(found))
    if found.controls:
        yield f"\n{CONTROLS_TITLE}. {CONTROLS_MEANING}\n"
        yield from drawn(control_rows(found))
    if found.grid:
        yield f"\n{grid_title(found)}:\n"
        for rows in grid_rows(found, WIDTH):
            yield from drawn(rows)
    yield from bullets(found.notes)


def _columns(units: Units) -> tuple[str, ...]:
    informations = ("I(teacher;student)", "I(student;labels)", "gap")
    return (
        "estimator",
        *(f"{name}, {units}" for name in informations),
        "P(gap>0)",
        f"verdict interval, {units}",
        "verdict",
    )


def _rows(level: LevelResult) -> Iterator[list[str]]:
    for name, result in level.estimators.items():
        yield [
            estimator_title(name, level),
            interval(result.teacher_student),
            interval(result.student_labels),
            interval(result.gap),
            number(result.gap.probability_positive),
            span(result.verdict_interval),
            result.verdict.upper(),
        ]
    if level.truth is not None:
        yield [TRUTH, *known(level.truth), "", "", ""]
