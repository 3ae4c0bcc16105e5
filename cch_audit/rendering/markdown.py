"""The report as Markdown that fits a pull-request comment."""

from collections.abc import Iterable, Iterator

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
from cch_audit.rendering.estimate_rows import (
    doubt_columns,
    estimate_columns,
    estimates,
    place_columns,
)
from cch_audit.rendering.explaining import ADVICE_TITLE, TESTED_TITLE, advice, question
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
    Units,
    for_reading,
    ordered_levels,
)
from cch_audit.rendering.wording import (
    COMPANIONS_TITLE,
    LEVEL_TITLES,
    companion_lines,
    footnotes,
    input_lines,
    level_role,
    run_lines,
    teacher_rows,
)
from cch_audit.results import Audit, RankReport, Report, SweepReport

WIDTH = 100_000
"""Columns of a table that scrolls."""
MOST = 65_000
"""Characters: a comment on GitHub holds 65,536."""
LEFT_OUT = (
    "The other teachers are left out here, for a comment has no room for them; --format html "
    "shows all."
)


def render(report: Report, *, units: Units) -> str:
    """Return the verdict, one compact table, and the rest folded away."""
    shown = for_reading(report, units=units)
    text, *details = ("\n".join(part) + "\n" for part in _parts(shown, units))
    for detail in details:
        if len(text) + len(detail) > MOST:
            return f"{text}\n{LEFT_OUT}\n"
        text += detail
    return text


def _parts(report: Report, units: Units) -> Iterator[Iterable[str]]:
    """Yield what is always there, and then what a comment may be too short for."""
    yield _top(report, units)
    audits = [place.audit for place in places(report)] or report.audits
    for audit in audits:
        title = f"{code(audit.teacher)} to {code(audit.student)}"
        yield folded(title, _audit(audit, units))


def _top(report: Report, units: Units) -> Iterator[str]:
    verdict, _, rest = sentence(report, units).partition(":")
    yield f"**{verdict}**:{escape(rest)}"
    for warning in report.warnings:
        yield f"\n> **WARNING**: {escape(warning)}"
    yield ""
    if isinstance(report, SweepReport):
        yield from _sweep(report, units)
    elif not isinstance(report, RankReport):
        yield from _gated(report, units)
    else:
        yield from _ranking(report, units)
    yield ""
    yield from map(escape, footnotes(report))
    yield from folded(f"{TESTED_TITLE}, and what to do next", _told(report))
    facts = [*input_lines(report, units, verbose=True), *run_lines(report)]
    rows = Rows(("what", "value"), tuple(facts))
    yield from folded(
        "Input and settings", [*drawn(rows, names=("value",)), *bullets(report.input.notes)]
    )


def _told(report: Report) -> Iterator[str]:
    for paragraph in question(report):
        yield f"{escape(paragraph)}\n"
    yield f"**{ADVICE_TITLE}**"
    yield from bullets(advice(report))


def _gated(report: Report, units: Units) -> Iterator[str]:
    if len(report.audits) > 1:
        rows = teacher_rows(report, units)
    else:
        (audit,) = report.audits
        shown = [line for name in audit.gated for line in estimates(audit, name)]
        rows = as_rows(shown, [*place_columns(), *estimate_columns(units)])
    yield from drawn(rows, names=("teacher",))
    confirmed = [audit for audit in report.audits if audit.confirmation is not None]
    if len(confirmed) > 1:
        yield from bullets([f"{audit.teacher}: {outcome_sentence(audit)}" for audit in confirmed])


def _ranking(report: Report, units: Units) -> Iterator[str]:
    assert isinstance(report, RankReport)
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
    assert isinstance(report, SweepReport)
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
        columns = [*estimate_columns(units), *doubt_columns()]
        yield from drawn(as_rows(estimates(audit, name), columns))
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
