"""The report as a table for people, in a terminal or piped."""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from io import StringIO

from rich.box import SIMPLE_HEAD, Box
from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from cch_audit.rendering.estimates import (
    STYLES,
    badge,
    detail_table,
    one_line_table,
    ruled_table,
    stacked_table,
)
from cch_audit.rendering.summary import sentence
from cch_audit.rendering.text import Units, for_reading, gap_range, ordered_levels
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

ASCII_HEAD = Box(str(SIMPLE_HEAD).replace("─", "-"), ascii=True)


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
    for part in _page(report, units, verbose, SIMPLE_HEAD if unicode else ASCII_HEAD, console):
        console.print(part)
    return "\n".join(line.rstrip() for line in file.getvalue().splitlines()) + "\n"


def _page(
    report: Report, units: Units, verbose: bool, box: Box, console: Console
) -> Iterator[RenderableType]:
    draw = _widest_fitting(report, box, console)
    yield Text(TITLE, "bold")
    yield ""
    yield _grid(input_lines(report, units, verbose=verbose))
    count = len(report.audits)
    for position, audit in enumerate(report.audits, 1):
        yield "" if count == 1 else "\n"
        yield _grid(_heading(audit, "teacher" if count == 1 else f"teacher {position} of {count}"))
        yield from _levels(audit, draw, units, verbose, box)
        yield from _titled(
            f"{COMPANIONS_TITLE}, in {units}", _grid(companion_lines(audit.companions))
        )
        yield from _bullets("Notes", audit.notes)
    yield from _bullets("Input", report.input.notes)
    if verbose:
        yield from _titled("Run", _grid(run_lines(report)))
    yield ""
    yield from (Text(note) for note in footnotes(report))
    if count > 1:
        yield from _titled("Teachers", _closing_table(report, units, box))
    for warning in report.warnings:
        yield ""
        yield Text.assemble(("WARNING", WARNING_STYLE), ": ", (warning, "bold"))
    yield ""
    verdict, _, rest = sentence(report, units).partition(":")
    yield Text.assemble((verdict, STYLES[report.verdict]), ":", rest)


def _heading(audit: Audit, teacher: str) -> Iterator[tuple[str, str | Text]]:
    yield teacher, Text(f"{audit.teacher} ({audit.teacher_dimension} dimensions)", "bold")
    yield "student", f"{audit.student} ({audit.student_dimension} dimensions)"
    reasons = f" ({'; '.join(audit.reasons)})" if audit.reasons else ""
    yield "verdict", Text.assemble(badge(audit.verdict), reasons)


def _levels(
    audit: Audit, draw: Callable[[LevelResult], Table], units: Units, verbose: bool, box: Box
) -> Iterator[RenderableType]:
    for name, level in ordered_levels(audit):
        yield ""
        yield Text.assemble(
            (f"{LEVEL_TITLES[name]}: ", "bold"),
            badge(level.verdict),
            f" ({level_role(name, audit.gated)}; in {units})",
        )
        if level.reasons != audit.reasons:
            yield from (_indented(Text(reason)) for reason in level.reasons)
        yield ""
        yield draw(level)
        if verbose:
            yield ""
            yield detail_table(level, box)


def _widest_fitting(report: Report, box: Box, console: Console) -> Callable[[LevelResult], Table]:
    """Return how to draw every level: one line per estimator if that fits at all of them."""
    one_line = partial(one_line_table, settings=report.settings, box=box)
    levels = [level for audit in report.audits for level in audit.levels.values()]
    unlimited = console.options.update(width=10**6)
    widest = max(
        console.measure(one_line(level, reason_width=24), options=unlimited).maximum
        for level in levels
    )
    if widest <= console.width:
        return one_line
    return partial(stacked_table, settings=report.settings, box=box)


def _closing_table(report: Report, units: Units, box: Box) -> Table:
    table = ruled_table(box, ("verdict", f"gap ({units})", "teacher"))
    for audit in report.audits:
        table.add_row(badge(audit.verdict), gap_range(audit), Text(audit.teacher))
    return table


def _titled(title: str, body: RenderableType) -> Iterator[RenderableType]:
    yield ""
    yield Text(title, "bold")
    yield _indented(body)


def _bullets(title: str, lines: Iterable[str]) -> Iterator[RenderableType]:
    rows = [("-", line) for line in lines]
    if rows:
        yield from _titled(title, _grid(rows, padding=1))


def _indented(body: RenderableType) -> Padding:
    return Padding(body, (0, 0, 0, 2), expand=False)


def _grid(lines: Iterable[tuple[str | Text, ...]], *, padding: int = 2) -> Table:
    """Return aligned columns without rules, whose cells fold."""
    rows = [[Text(cell) if isinstance(cell, str) else cell for cell in line] for line in lines]
    grid = Table.grid(padding=(0, padding, 0, 0))
    for _ in rows[0]:
        grid.add_column(overflow="fold")
    for row in rows:
        grid.add_row(*row)
    return grid
