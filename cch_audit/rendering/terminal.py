"""The back-end for people at a terminal, or for a pipe: a document as text of some width."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from io import StringIO

from rich.box import SIMPLE_HEAD, Box
from rich.cells import cell_len
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text as Words

from cch_audit.rendering import Look
from cch_audit.rendering.document import (
    Badge,
    Bullets,
    Cell,
    Command,
    Document,
    Drawing,
    Facts,
    Fold,
    Heading,
    Part,
    Rows,
    Section,
    Text,
    Tone,
)

# Blue, orange and grey stay apart in every common colour blindness, on dark and light terminals.
STYLES: dict[Tone, str] = {
    "good": "bold color(231) on color(25)",
    "bad": "bold color(16) on color(208)",
    "open": "bold color(16) on color(250)",
}
WARNING_STYLE = "bold color(16) on color(220)"
ASCII_HEAD = Box(str(SIMPLE_HEAD).replace("─", "-"), ascii=True)
LEAST_NAME, LEAST_SENTENCE = 10, 24
"""Columns that a folded name gets at least; and in a table of one line for each row."""
GUTTER = 2
"""Columns between those of a ruled table."""
MORE = "More is said with --verbose."


@dataclass(frozen=True)
class Screen:
    """Where a document is drawn."""

    width: int
    verbose: bool
    box: Box


def render(document: Document, look: Look) -> str:
    """Return a document as text whose lines fit the width, ending in a newline; nothing is cut.

    Parameters
    ----------
    document : its strings are printable, and ASCII where the look is
    look
        A very large width, as in a pipe, keeps each row on one line; without colour there is no
        escape sequence.
    """
    file = StringIO()
    console = Console(
        file=file,
        width=look.width,
        height=100,
        color_system="256" if look.color else None,
        force_terminal=look.color,
        force_jupyter=False,
        no_color=not look.color,
        legacy_windows=False,
        markup=False,
        emoji=False,
        highlight=False,
    )
    screen = Screen(look.width, look.verbose, SIMPLE_HEAD if look.unicode else ASCII_HEAD)
    brief = look.brief and document.brief
    for part in [_grid(document.brief)] if brief else _document(document, screen):
        console.print(part, crop=False)
    return "\n".join(line.rstrip() for line in file.getvalue().splitlines()) + "\n"


def _document(document: Document, screen: Screen) -> Iterator[RenderableType]:
    yield Words(document.title, "bold")
    for section in document.sections:
        if section.detail != "fine" or screen.verbose:
            yield from _section(section, screen)
    if not screen.verbose and any(map(_hides, document.sections)):
        yield ""
        yield Words(MORE)
    for warning in document.warnings:
        yield ""
        yield Words.assemble(("WARNING", WARNING_STYLE), ": ", (warning, "bold"))
    if document.cards:
        yield ""
        yield _grid([(card.asked, card.answer, card.numbers) for card in document.cards])
    # The last lines are what is in sight when the prompt comes back.
    yield ""
    first, colon, rest = document.verdict.partition(":")
    style = "bold" if document.badge is None else STYLES[document.badge.tone]
    yield Words.assemble((first, style), colon, rest) if colon else Words(first, "bold")


def _hides(section: Section) -> bool:
    return section.detail == "fine" or any(isinstance(part, Fold) for part in section.parts)


def _section(section: Section, screen: Screen) -> Iterator[RenderableType]:
    yield ""
    yield _titled(section.title, section.badge)
    yield from _parts(section.parts, screen)


def _parts(parts: Sequence[Part], screen: Screen) -> Iterator[RenderableType]:
    before: Part | None = None
    for part in parts:
        if isinstance(before, Rows) and isinstance(part, Text | Facts | Bullets):
            yield ""
        yield from _part(part, screen)
        before = part


def _part(part: Part, screen: Screen) -> Iterator[RenderableType]:
    match part:
        case Text(text):
            yield Words(text)
        case Heading(title, badge, after):
            yield ""
            yield _titled(title, badge, after)
        case Command(line):
            yield ""
            # In a group, because rich joins texts and forgets that one does not wrap.
            yield Group(Words(line, no_wrap=True, overflow="ignore"))
        case Facts(lines):
            yield _grid(lines)
        case Bullets(lines, title):
            if title:
                yield ""
                yield Words(title, "bold")
            yield _grid([("-", line) for line in lines], padding=1)
        case Rows():
            yield ""
            yield _rows(part, screen)
        case Fold(title, inside) if screen.verbose:
            yield ""
            yield Words(title, "bold")
            yield from _parts(inside, screen)
        case Fold() | Drawing():
            return


def _titled(title: str, badge: Badge | None, after: str = "") -> Words:
    shown = Words(title, "bold")
    if badge is not None:
        shown = Words.assemble(shown, ": ", _cell(badge))
    return Words.assemble(shown, f" ({after})") if after else shown


def _cell(cell: Cell) -> Words:
    """Return a cell as text in which nothing is markup."""
    if isinstance(cell, str):
        return Words(cell)
    word = (cell.word, STYLES[cell.tone])
    return Words.assemble(word, f"\n{cell.below}") if cell.below else Words.assemble(word)


def _grid(lines: Iterable[Sequence[Cell]], *, padding: int = 2) -> Table:
    """Return aligned columns without rules, whose cells fold."""
    rows = [[_cell(cell) for cell in line] for line in lines]
    table = Table.grid(padding=(0, padding, 0, 0))
    for _ in range(max(map(len, rows))):
        table.add_column(overflow="fold")
    for row in rows:
        table.add_row(*row)
    return table


def _rows(rows: Rows, screen: Screen) -> RenderableType:
    """Return a table: of one line for each row, of several, of fewer columns, or a list."""
    flat = _flat(rows)
    if _least_width(flat, LEAST_SENTENCE, " ") <= screen.width:
        return _table(flat, screen, lines=False)
    if _least_width(rows, LEAST_NAME) <= screen.width:
        return _table(rows, screen, lines=True)
    if rows.narrow is not None:
        return _rows(rows.narrow, screen)
    return Group(*_one_below_the_other(replace(rows, headers=flat.headers)))


def _flat(rows: Rows) -> Rows:
    """Return the same rows with every cell on one line."""

    def flat(cell: Cell) -> Cell:
        if isinstance(cell, str):
            return cell.replace("\n", " ")
        return replace(cell, below=cell.below.replace("\n", " "))

    return replace(
        rows,
        headers=tuple(header.replace("\n", " ") for header in rows.headers),
        cells=tuple(tuple(map(flat, row)) for row in rows.cells),
        names=tuple(name.replace("\n", " ") for name in rows.names),
    )


def _table(rows: Rows, screen: Screen, *, lines: bool) -> Table:
    table = Table(
        box=screen.box, header_style="bold", show_edge=False, pad_edge=False, padding=(0, 1, 0, 0)
    )
    table.show_lines = lines
    for header in rows.headers:
        table.add_column(Words(header), overflow="fold", no_wrap=header not in rows.names)
    for row in rows.cells:
        cells = map(_cell, row)
        table.add_row(*(cells if lines else (Words(" ").join(cell.split("\n")) for cell in cells)))
    return table


def _least_width(rows: Rows, least: int, between: str = "\n") -> int:
    """Return the columns that a table takes when its names fold; `between` are lines of a badge."""
    widths = []
    for header, *cells in zip(rows.headers, *rows.cells, strict=True):
        width = max(_widest(cell, between) for cell in [header, *cells])
        widths.append(min(width, least) if header in rows.names else width)
    return sum(widths) + GUTTER * (len(widths) - 1)


def _widest(cell: Cell, between: str) -> int:
    """Return the columns that the longest line of a cell takes."""
    text = f"{cell.word}{between}{cell.below}".rstrip() if isinstance(cell, Badge) else cell
    return max(map(cell_len, text.split("\n")))


def _one_below_the_other(rows: Rows) -> Iterator[RenderableType]:
    for position, row in enumerate(rows.cells):
        if position:
            yield ""
        yield _grid([pair for pair in zip(rows.headers, row, strict=True) if pair[1] != ""])
