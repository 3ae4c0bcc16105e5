"""The report as one HTML file, for people who read it in a browser or on paper."""

from collections.abc import Iterator

from cch_audit.rendering.cells import as_rows, outcome_badge, verdict_badge
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
from cch_audit.rendering.estimate_rows import doubt_columns, estimate_columns, estimates
from cch_audit.rendering.explaining import (
    ADVICE_TITLE,
    METHOD_TITLE,
    TESTED_TITLE,
    advice,
    headline,
    method,
    question,
)
from cch_audit.rendering.figures import margin_in, overview
from cch_audit.rendering.gap_figure import gap_picture
from cch_audit.rendering.grid_figure import grid_picture
from cch_audit.rendering.page import (
    Page,
    Part,
    Section,
    bullets,
    facts,
    heading,
    picture,
    table,
    texts,
    versions,
    write,
)
from cch_audit.rendering.ranking import (
    gap_title,
    grouped_notes,
    places,
    rank_text,
    shared_metric,
    student_lines,
)
from cch_audit.rendering.ranking_columns import (
    MEASURED_TITLE,
    RECORDS_TITLE,
    SCORES_TITLE,
    gap_columns,
    measured_columns,
    record_meanings,
    record_rows,
    score_columns,
    score_meanings,
    teacher_column,
)
from cch_audit.rendering.summary import sentence
from cch_audit.rendering.sweep import sweep_notes, table_title, teacher_lines
from cch_audit.rendering.sweep_columns import sweep_rows
from cch_audit.rendering.text import Units, for_reading, ordered_levels
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

PAGE_TITLE = "Cross-modal complementarity audit"
FOUND_TITLE = "What came out"
NOTES_TITLE = "Notes"
RUN_TITLE = "Settings and versions"
WIDTH = 100_000
"""Columns of a table that scrolls."""


def render(report: Report, *, units: Units) -> str:
    """Return the verdict, what was tested, what came out, what to do next, and every detail."""
    shown = for_reading(report, units=units)
    page = Page(
        title=PAGE_TITLE,
        badge=None if isinstance(report, SweepReport) else verdict_badge(report.decision),
        headline=headline(shown),
        verdict=sentence(shown, units),
        warnings=shown.warnings,
        sections=tuple(_sections(shown, units)),
    )
    return write(page)


def _sections(report: Report, units: Units) -> Iterator[Section]:
    margin = margin_in(report, units)
    yield Section(TESTED_TITLE, tuple(_tested(report, units)))
    yield Section(FOUND_TITLE, tuple(_found(report, margin, units)))
    yield Section(ADVICE_TITLE, tuple(bullets(advice(report))))
    several = len(report.audits) > 1
    for audit, rank in _audits(report):
        title = f"Teacher {audit.teacher}" if several else "Details"
        parts = _audit(audit, rank, margin if several else None, units)
        yield Section(title, tuple(parts), verdict_badge(audit.verdict) if several else None)
    method_parts = (facts(method(report)), *texts(footnotes(report)))
    yield Section(METHOD_TITLE, method_parts)
    settings = [*input_lines(report, units, verbose=True), *run_lines(report), *versions()]
    yield Section(RUN_TITLE, (facts(settings),))


def _audits(report: Report) -> list[tuple[Audit, str]]:
    """Return the audits that are shown, with their ranks if there are any."""
    if not isinstance(report, RankReport):
        return [(audit, "") for audit in report.audits]
    return [(place.audit, rank_text(place)) for place in places(report)]


def _tested(report: Report, units: Units) -> Iterator[Part]:
    yield from texts(question(report))
    lines = input_lines(report, units, verbose=False)
    if isinstance(report, SweepReport):
        lines += teacher_lines(report, units)
    if isinstance(report, (SweepReport, RankReport)):
        lines += student_lines(report, units)
    yield facts(lines)
    yield from bullets(report.input.notes)


def _found(report: Report, margin: float, units: Units) -> Iterator[Part]:
    """Yield the figure, the tables of all teachers, and what the numbers mean together."""
    yield from map(picture, overview(report, units))
    if isinstance(report, SweepReport):
        yield heading(table_title(report.sweep, units))
        yield table(sweep_rows(report))
        yield from bullets(sweep_notes(report))
    elif isinstance(report, RankReport):
        yield from _ranking(report, units)
        yield from bullets(grouped_notes(report))
    elif len(report.audits) > 1:
        yield table(teacher_rows(report, units))
        yield from bullets(
            f"{audit.teacher}: {outcome_sentence(audit)}"
            for audit in report.audits
            if audit.confirmation is not None
        )
    else:
        (audit,) = report.audits
        found = audit.confirmation
        yield from texts([] if found is None else [outcome_sentence(audit)])
        yield from bullets([*audit.reasons, *audit.notes, *(() if found is None else found.notes)])


def _ranking(report: Report, units: Units) -> Iterator[Part]:
    """Yield up to four tables: gaps, scores, what training showed, and what foretold it."""
    assert isinstance(report, RankReport)
    shown = places(report)
    yield heading(gap_title(report, units))
    yield table(as_rows(shown, gap_columns()))
    scores = as_rows(shown, [teacher_column(), *score_columns(report)])
    yield heading(f"{SCORES_TITLE}, informations in {units}")
    yield table(scores)
    yield facts(score_meanings(report, scores))
    metric = shared_metric(report)
    if metric is None:
        return
    yield heading(MEASURED_TITLE)
    yield table(as_rows(shown, [teacher_column(), *measured_columns()]))
    if report.ranking.records:
        records = record_rows(report, metric)
        yield heading(RECORDS_TITLE)
        yield table(records)
        yield facts(record_meanings(records))


def _audit(audit: Audit, rank: str, margin: float | None, units: Units) -> Iterator[Part]:
    """Yield all of one audit; with its figure if a margin is given."""
    lines = [
        ("teacher", f"{audit.teacher} ({audit.teacher_dimension} dimensions)"),
        ("student", f"{audit.student} ({audit.student_dimension} dimensions)"),
    ]
    yield facts([*lines, *([("rank", rank)] if rank else [])])
    if margin is not None:
        yield picture(gap_picture(audit, margin, units))
    for name, level in ordered_levels(audit):
        role = f"{level_role(name, audit.gated)}; in {units}"
        yield heading(LEVEL_TITLES[name], verdict_badge(level.verdict), role)
        yield from bullets(level.reasons)
        rows, columns = estimates(audit, name), estimate_columns(units)
        yield table(as_rows(rows, columns))
        yield table(as_rows([row for row in rows if row.result], [columns[0], *doubt_columns()]))
    yield heading(f"{COMPANIONS_TITLE}, in {units}")
    yield facts(companion_lines(audit.companions))
    yield from _training(audit, pictured=margin is not None)
    if audit.notes and margin is not None:
        yield heading(NOTES_TITLE)
        yield from bullets(audit.notes)


def _training(audit: Audit, *, pictured: bool) -> Iterator[Part]:
    found = audit.confirmation
    if found is None:
        return
    yield heading(TITLE, outcome_badge(found.outcome))
    yield from texts([outcome_sentence(audit)])
    yield facts(fact_lines(found))
    yield heading(METRICS_TITLE)
    yield table(metric_rows(found))
    if found.controls:
        yield heading(CONTROLS_TITLE)
        yield from texts([CONTROLS_MEANING])
        yield table(control_rows(found))
    if found.grid:
        yield heading(grid_title(found))
        if pictured:
            yield picture(grid_picture(found))
        yield from map(table, grid_rows(found, WIDTH))
    yield from bullets(found.notes)
