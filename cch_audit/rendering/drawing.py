"""The pieces that every rich table of the report is drawn with."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from io import StringIO

from rich.box import SIMPLE_HEAD, Box
from rich.cells import cell_len
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from cch_audit.rendering.cells import Badge, Cell, Rows, Tone, verdict_badge
from cch_audit.rendering.text import Units
from cch_audit.results import Verdict

# Blue, orange and grey stay apart in every common colour blindness, on dark and light terminals.
STYLES: dict[Tone, str] = {
    "good": "bold color(231) on color(25)",
    "bad": "bold color(16) on color(208)",
    "open": "bold color(16) on color(250)",
}

WARNING_STYLE = "bold color(16) on color(220)"

ASCII_HEAD = Box(str(SIMPLE_HEAD).replace("─", "-"), ascii=True)

INDENT = 2

LEAST_NAME = 10
"""Columns that a folded name gets at least."""
GUTTER = 2
"""Columns between those of a ruled table."""


@dataclass(frozen=True)
class Look:
    """How a page is drawn."""

    units: Units
    verbose: bool
    box: Box
    console: Console
    """Measures what fits; only `page` prints on it."""


def page(
    draw: Callable[[Look], Iterable[RenderableType]],
    *,
    units: Units = "nats",
    verbose: bool = False,
    width: int,
    color: bool,
    unicode: bool,
) -> str:
    """Return what is drawn as text whose lines fit into width, ending in a newline.

    Parameters
    ----------
    draw : from the look of the page to its parts, from top to bottom
    units : {"nats", "bits"}
    verbose : whether details are wanted
    width : columns to use; a very large number, when piped, keeps each row on one line
    color : False gives text without any escape sequence
    unicode : False draws lines in pure ASCII
    """
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
    for part in draw(Look(units, verbose, SIMPLE_HEAD if unicode else ASCII_HEAD, console)):
        console.print(part)
    return "\n".join(line.rstrip() for line in file.getvalue().splitlines()) + "\n"


def badge(verdict: Verdict) -> Text:
    """Return the verdict as a word that needs no colour."""
    return drawn(verdict_badge(verdict))


def drawn(cell: Cell | Text) -> Text:
    """Return a cell as text in which nothing is markup."""
    if isinstance(cell, Badge):
        word = (cell.word, STYLES[cell.tone])
        return Text.assemble(word, f"\n{cell.below}") if cell.below else Text.assemble(word)
    return Text(cell) if isinstance(cell, str) else cell


def ruled_table(box: Box, headers: Sequence[str], *, numbers: Sequence[str] = ()) -> Table:
    """Return a table that folds long cells instead of cutting them; numbers are flush right."""
    table = Table(
        box=box, header_style="bold", show_edge=False, pad_edge=False, padding=(0, 1, 0, 0)
    )
    for header in headers:
        table.add_column(
            Text(header), justify="right" if header in numbers else "left", overflow="fold"
        )
    return table


def filled(
    rows: Rows, look: Look, *, names: Sequence[str] = (), lines: bool = False, indent: int = 0
) -> RenderableType:
    """Return rows as a table, or one below the other where the screen is too narrow for that.

    Parameters
    ----------
    rows : headers and cells
    look : how the page is drawn
    names : headers of columns whose cells may fold; no number ever does
    lines : whether there is an empty line between rows
    indent : columns on the left that something else takes
    """
    if _least_width(rows, names) > look.console.width - indent:
        return Group(*_one_below_the_other(rows))
    table = ruled_table(look.box, rows.headers)
    table.show_lines = lines
    for column, header in zip(table.columns, rows.headers, strict=True):
        column.no_wrap = header not in names
    for row in rows.cells:
        table.add_row(*map(drawn, row))
    return table


def _least_width(rows: Rows, names: Sequence[str]) -> int:
    """Return the columns that a table takes when its names fold."""
    widths = []
    for header, *cells in zip(rows.headers, *rows.cells, strict=True):
        width = max(map(_widest, [header, *cells]))
        widths.append(min(width, LEAST_NAME) if header in names else width)
    return sum(widths) + GUTTER * (len(widths) - 1)


def _widest(cell: Cell) -> int:
    """Return the columns that the longest line of a cell takes."""
    text = f"{cell.word}\n{cell.below}" if isinstance(cell, Badge) else cell
    return max(map(cell_len, text.split("\n")))


def _one_below_the_other(rows: Rows) -> Iterator[RenderableType]:
    headers = [header.replace("\n", " ") for header in rows.headers]
    for position, row in enumerate(rows.cells):
        if position:
            yield ""
        yield grid([pair for pair in zip(headers, row, strict=True) if pair[1] != ""])


def grid(lines: Iterable[Sequence[Cell | Text]], *, padding: int = 2) -> Table:
    """Return aligned columns without rules, whose cells fold."""
    rows = [[drawn(cell) for cell in line] for line in lines]
    table = Table.grid(padding=(0, padding, 0, 0))
    for _ in rows[0]:
        table.add_column(overflow="fold")
    for row in rows:
        table.add_row(*row)
    return table


def titled(title: str, *body: RenderableType) -> Iterator[RenderableType]:
    """Yield an empty line, a title and an indented body."""
    yield ""
    yield Text(title, "bold")
    yield from map(indented, body)


def bullets(title: str, lines: Iterable[str]) -> Iterator[RenderableType]:
    """Yield a titled list, or nothing without lines."""
    rows = [("-", line) for line in lines]
    if rows:
        yield from titled(title, grid(rows, padding=1))


def indented(body: RenderableType) -> Padding:
    """Return something shifted to the right."""
    return Padding(body, (0, 0, 0, INDENT), expand=False)
