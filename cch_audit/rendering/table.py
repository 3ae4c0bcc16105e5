"""The report as a table for people, in a terminal or piped."""

from collections.abc import Iterator
from functools import partial

from rich.console import RenderableType
from rich.text import Text

from cch_audit.rendering.audit_blocks import audit_blocks
from cch_audit.rendering.cells import verdict_badge
from cch_audit.rendering.drawing import (
    INDENT,
    STYLES,
    WARNING_STYLE,
    Look,
    bullets,
    filled,
    grid,
    page,
    titled,
)
from cch_audit.rendering.ranking import grouped_notes, places, rank_text, student_lines
from cch_audit.rendering.ranking_table import ranking_block
from cch_audit.rendering.summary import sentence
from cch_audit.rendering.sweep import sweep_notes, teacher_lines
from cch_audit.rendering.sweep_table import sweep_block
from cch_audit.rendering.text import (
    Units,
    for_reading,
)
from cch_audit.rendering.wording import (
    footnotes,
    input_lines,
    run_lines,
    teacher_rows,
)
from cch_audit.results import RankReport, Report, SweepReport

TITLE = "Cross-modal complementarity audit: gap = I(teacher;student) - I(student;labels)"


def render(
    report: Report, *, units: Units, verbose: bool, width: int, color: bool, unicode: bool
) -> str:
    """Return the report as text whose lines fit into width; nothing is ever cut.

    Parameters
    ----------
    report : Report
    units : {"nats", "bits"}
    verbose : bool
        Add bias, drift, standard errors, flags, settings and checksums.
    width : int
        Columns to use; a very large number, when piped, keeps each row on one line.
    color : bool
        False gives text without any escape sequence.
    unicode : bool
        False gives pure ASCII.
    """
    report = for_reading(report, units=units, unicode=unicode)
    return page(
        partial(_page, report),
        units=units,
        verbose=verbose,
        width=width,
        color=color,
        unicode=unicode,
    )


def _page(report: Report, look: Look) -> Iterator[RenderableType]:
    yield Text(TITLE, "bold")
    yield ""
    if isinstance(report, SweepReport):
        yield from _sweep(report, look)
    elif isinstance(report, RankReport):
        yield from _ranking(report, look)
    else:
        yield grid(input_lines(report, look.units, verbose=look.verbose))
        yield from audit_blocks(report.audits, look)
    yield from bullets("Input", report.input.notes)
    if look.verbose:
        yield from titled("Run", grid(run_lines(report)))
    yield ""
    yield from (Text(note) for note in footnotes(report))
    if (
        len(report.audits) > 1
        and not isinstance(report, RankReport)
        and not isinstance(report, SweepReport)
    ):
        rows = teacher_rows(report, look.units)
        yield from titled("Teachers", filled(rows, look, names=("teacher",), indent=INDENT))
    for warning in report.warnings:
        yield ""
        yield Text.assemble(("WARNING", WARNING_STYLE), ": ", (warning, "bold"))
    yield ""
    verdict, _, rest = sentence(report, look.units).partition(":")
    style = (
        STYLES[verdict_badge(report.decision).tone]
        if not isinstance(report, SweepReport)
        else "bold"
    )
    yield Text.assemble((verdict, style), ":", rest)


def _ranking(report: RankReport, look: Look) -> Iterator[RenderableType]:
    facts = input_lines(report, look.units, verbose=look.verbose)
    yield grid([*facts, *student_lines(report, look.units)])
    yield from ranking_block(report, look)
    if look.verbose:
        shown = places(report)
        yield from audit_blocks(
            [place.audit for place in shown], look, [rank_text(place) for place in shown]
        )
    else:
        yield ""
        yield Text("Every teacher's estimators and reasons: add --verbose.")
        yield from bullets("Notes", grouped_notes(report))


def _sweep(report: SweepReport, look: Look) -> Iterator[RenderableType]:
    facts = input_lines(report, look.units, verbose=look.verbose)
    yield grid([*facts, *teacher_lines(report, look.units), *student_lines(report, look.units)])
    yield from sweep_block(report, look)
    if look.verbose:
        yield from audit_blocks(report.audits, look)
    else:
        yield ""
        yield Text("Every step's estimators and reasons: add --verbose.")
        yield from bullets("Notes", sweep_notes(report))
