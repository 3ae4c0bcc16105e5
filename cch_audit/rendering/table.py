"""The report as a table for people, in a terminal or piped."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from io import StringIO

from rich.box import SIMPLE_HEAD
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from cch_audit.rendering.cells import Cell, as_rows, outcome_badge, verdict_badge
from cch_audit.rendering.confirmation_table import confirmation_block
from cch_audit.rendering.drawing import (
    ASCII_HEAD,
    INDENT,
    STYLES,
    Look,
    badge,
    bullets,
    filled,
    grid,
    indented,
    titled,
)
from cch_audit.rendering.estimates import detail_table, one_line_table, stacked_table
from cch_audit.rendering.ranking import grouped_notes, places, rank_text, student_lines
from cch_audit.rendering.ranking_table import ranking_block
from cch_audit.rendering.summary import sentence
from cch_audit.rendering.sweep import sweep_notes, teacher_lines
from cch_audit.rendering.sweep_table import sweep_block
from cch_audit.rendering.text import (
    Units,
    deciding_levels,
    for_reading,
    gap_range,
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
)
from cch_audit.results import Audit, LevelResult, Report

TITLE = "Cross-modal complementarity audit: gap = I(teacher;student) - I(student;labels)"

WARNING_STYLE = "bold color(16) on color(220)"


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
    file = StringIO()
    console = Console(
        file=file,
        width=width,
        height=100,
        color_system="256" if color else None,
        force_terminal=color,
        force_jupyter=False,
        no_color=not color,
        legacy_windows=False,
        markup=False,
        emoji=False,
        highlight=False,
    )
    look = Look(units, verbose, SIMPLE_HEAD if unicode else ASCII_HEAD, console)
    for part in _page(report, look):
        console.print(part)
    return "\n".join(line.rstrip() for line in file.getvalue().splitlines()) + "\n"


def _page(report: Report, look: Look) -> Iterator[RenderableType]:
    yield Text(TITLE, "bold")
    yield ""
    if report.sweep is not None:
        yield from _sweep(report, look)
    elif report.ranking is not None:
        yield from _ranking(report, look)
    else:
        yield grid(input_lines(report, look.units, verbose=look.verbose))
        yield from _audits(report.audits, look)
    yield from bullets("Input", report.input.notes)
    if look.verbose:
        yield from titled("Run", grid(run_lines(report)))
    yield ""
    yield from (Text(note) for note in footnotes(report))
    if len(report.audits) > 1 and report.ranking is None and report.sweep is None:
        yield from titled("Teachers", _closing_table(report, look))
    for warning in report.warnings:
        yield ""
        yield Text.assemble(("WARNING", WARNING_STYLE), ": ", (warning, "bold"))
    yield ""
    verdict, _, rest = sentence(report, look.units).partition(":")
    style = STYLES[verdict_badge(report.verdict).tone] if report.sweep is None else "bold"
    yield Text.assemble((verdict, style), ":", rest)


def _ranking(report: Report, look: Look) -> Iterator[RenderableType]:
    facts = input_lines(report, look.units, verbose=look.verbose)
    yield grid([*facts, *student_lines(report, look.units)])
    yield from ranking_block(report, look)
    if look.verbose:
        shown = places(report)
        yield from _audits(
            [place.audit for place in shown], look, [rank_text(place) for place in shown]
        )
    else:
        yield ""
        yield Text("Every teacher's estimators and reasons: add --verbose.")
        yield from bullets("Notes", grouped_notes(report))


def _sweep(report: Report, look: Look) -> Iterator[RenderableType]:
    facts = input_lines(report, look.units, verbose=look.verbose)
    yield grid([*facts, *teacher_lines(report), *student_lines(report, look.units)])
    yield from sweep_block(report, look)
    if look.verbose:
        yield from _audits(report.audits, look)
    else:
        yield ""
        yield Text("Every step's estimators and reasons: add --verbose.")
        yield from bullets("Notes", sweep_notes(report))


def _audits(
    audits: Sequence[Audit], look: Look, ranks: Sequence[str] = ()
) -> Iterator[RenderableType]:
    """Yield one block per teacher, with its rank if there is one."""
    draw = _widest_fitting(audits, look)
    count = len(audits)
    for position, audit in enumerate(audits, 1):
        yield "" if count == 1 else "\n"
        title = "teacher" if count == 1 else f"teacher {position} of {count}"
        rank = [("rank", ranks[position - 1])] if ranks else []
        yield grid([*_heading(audit, title), *rank])
        yield from _levels(audit, draw, look)
        yield from titled(
            f"{COMPANIONS_TITLE}, in {look.units}", grid(companion_lines(audit.companions))
        )
        yield from confirmation_block(audit, look)
        yield from bullets("Notes", audit.notes)


def _heading(audit: Audit, teacher: str) -> Iterator[tuple[str, str | Text]]:
    yield teacher, Text(f"{audit.teacher} ({audit.teacher_dimension} dimensions)", "bold")
    yield "student", f"{audit.student} ({audit.student_dimension} dimensions)"
    reasons = f" ({'; '.join(audit.reasons)})" if audit.reasons else ""
    yield "verdict", Text.assemble(badge(audit.verdict), reasons)


def _levels(
    audit: Audit, draw: Callable[[LevelResult], Table], look: Look
) -> Iterator[RenderableType]:
    for name, level in ordered_levels(audit):
        yield ""
        yield Text.assemble(
            (f"{LEVEL_TITLES[name]}: ", "bold"),
            badge(level.verdict),
            f" ({level_role(name, audit.gated)}; in {look.units})",
        )
        if level.reasons != audit.reasons:
            yield from (indented(Text(reason)) for reason in level.reasons)
        yield ""
        yield draw(level)
        if look.verbose:
            yield ""
            yield detail_table(level, look.box)


def _widest_fitting(audits: Sequence[Audit], look: Look) -> Callable[[LevelResult], Table]:
    """Return how to draw every level: one line per estimator if that fits at all of them."""
    one_line = partial(one_line_table, box=look.box)
    levels = [level for audit in audits for level in audit.levels.values()]
    unlimited = look.console.options.update(width=10**6)
    widest = max(
        look.console.measure(one_line(level, reason_width=24), options=unlimited).maximum
        for level in levels
    )
    if widest <= look.console.width:
        return one_line
    return partial(stacked_table, box=look.box)


def _closing_table(report: Report, look: Look) -> RenderableType:
    columns: list[tuple[str, Callable[[Audit], Cell | None]]] = [
        ("verdict", lambda audit: verdict_badge(audit.verdict)),
        (f"gap ({look.units})", lambda audit: gap_range(deciding_levels(audit))),
        ("training", _outcome),
        ("teacher", lambda audit: audit.teacher),
    ]
    return filled(as_rows(report.audits, columns), look, names=("teacher",), indent=INDENT)


def _outcome(audit: Audit) -> Cell | None:
    return None if audit.confirmation is None else outcome_badge(audit.confirmation.outcome)
