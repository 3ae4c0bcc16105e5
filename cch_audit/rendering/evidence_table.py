"""The record of forecast against outcome as rich tables."""

from collections.abc import Iterator
from io import StringIO

from rich.box import SIMPLE_HEAD
from rich.console import Console, RenderableType
from rich.text import Text

from cch_audit.evidence.results import Ledger
from cch_audit.rendering.drawing import ASCII_HEAD, Look, filled, grid
from cch_audit.rendering.evidence_rows import TITLE, sections
from cch_audit.rendering.evidence_words import closing, footnotes, opening
from cch_audit.rendering.table import WARNING_STYLE


def render(ledger: Ledger, *, width: int, color: bool, unicode: bool) -> str:
    """Return the ledger as text whose lines fit into width; nothing is ever cut.

    Parameters
    ----------
    ledger : Ledger
        Its strings are printable.
    width : int
        Columns to use.
    color : bool
        False gives text without any escape sequence.
    unicode : bool
        False gives pure ASCII.
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
    for part in _page(ledger, Look("nats", False, SIMPLE_HEAD if unicode else ASCII_HEAD, console)):
        console.print(part)
    return "\n".join(line.rstrip() for line in file.getvalue().splitlines()) + "\n"


def _page(ledger: Ledger, look: Look) -> Iterator[RenderableType]:
    yield Text(TITLE, "bold")
    yield ""
    yield Text(opening(ledger))
    for title, rows, meanings in sections(ledger, stacked=True):
        yield ""
        yield Text(title, "bold")
        yield ""
        yield filled(rows, look, names=rows.headers[:1], lines=True)
        yield ""
        yield grid(meanings)
    for note in footnotes(ledger):
        yield ""
        yield Text(note)
    for warning in ledger.warnings:
        yield ""
        yield Text.assemble(("WARNING", WARNING_STYLE), ": ", (warning, "bold"))
    yield ""
    yield Text(closing(ledger), "bold")
