"""The record of forecast against outcome in every format: pure functions of the ledger."""

import json
from collections.abc import Iterator
from typing import Literal

from cch_audit import __version__
from cch_audit.evidence.results import Ledger
from cch_audit.rendering.as_json import plain
from cch_audit.rendering.evidence_rows import TITLE, sections
from cch_audit.rendering.evidence_words import closing, footnotes, opening
from cch_audit.rendering.markdown_syntax import bullets, drawn, escape, folded
from cch_audit.rendering.text import all_printable

Format = Literal["table", "json", "markdown", "html"]

SCHEMA_VERSION = "1"
NAMES = ("file", "teacher", "student")


def render(
    ledger: Ledger,
    format: Format,
    *,
    width: int = 80,
    color: bool = False,
    unicode: bool = True,
) -> str:
    """Return the ledger in one format, ending in a newline.

    Parameters
    ----------
    ledger : Ledger
    format : {"table", "json", "markdown", "html"}
        `schemas/evidence.schema.json` describes the JSON.
    width, color, unicode
        Columns to use, whether to colour, and whether to go beyond ASCII; read by the table only.
    """
    if format == "json":
        return _json(ledger)
    if format == "markdown":
        return "\n".join(_markdown(all_printable(ledger))) + "\n"
    if format == "html":
        from cch_audit.rendering import evidence_html

        return evidence_html.render(all_printable(ledger))
    from cch_audit.rendering import evidence_table

    ledger = all_printable(ledger, unicode=unicode)
    return evidence_table.render(ledger, width=width, color=color, unicode=unicode)


def _json(ledger: Ledger) -> str:
    """Return every number unrounded, in ASCII that no terminal obeys."""
    tool = {"name": "cch-audit", "version": __version__}
    document = {"schema_version": SCHEMA_VERSION, "tool": tool, **plain(ledger)}
    text = json.dumps(document, indent=2, allow_nan=False)
    return text.replace("\x7f", "\\u007f") + "\n"


def _markdown(ledger: Ledger) -> Iterator[str]:
    """Yield the conclusion, then the record, with the trials folded away."""
    yield f"**{TITLE}**\n"
    yield escape(closing(ledger))
    for warning in ledger.warnings:
        yield f"\n> **WARNING**: {escape(warning)}"
    yield f"\n{escape(opening(ledger))}"
    trials, *records = sections(ledger, stacked=False)
    for title, rows, _ in records:
        yield f"\n**{title}**\n"
        yield from drawn(rows)
    title, rows, _ = trials
    yield from folded(title, drawn(rows, names=NAMES))
    meanings = [
        f"{name}: {meaning}" for _, _, pairs in (trials, *records) for name, meaning in pairs
    ]
    yield from folded("Columns", bullets(meanings))
    yield ""
    yield from map(escape, footnotes(ledger))
