"""The record of forecast against outcome as rich tables."""

from collections.abc import Iterator
from functools import partial

from rich.console import RenderableType
from rich.text import Text

from cch_audit.evidence.results import Ledger
from cch_audit.rendering.drawing import WARNING_STYLE, Look, filled, grid, page
from cch_audit.rendering.evidence_rows import TITLE, sections
from cch_audit.rendering.evidence_words import closing, footnotes, opening


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
    return page(partial(_page, ledger), width=width, color=color, unicode=unicode)


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
