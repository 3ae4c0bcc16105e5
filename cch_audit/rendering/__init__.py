"""Renderers: pure functions from a report to text; they decide nothing."""

from typing import TYPE_CHECKING, Literal

from cch_audit.rendering.text import Units
from cch_audit.results import Report

if TYPE_CHECKING:
    from cch_audit.rendering.document import Document

Format = Literal["table", "json", "markdown", "html", "junit", "csv", "names"]
Drawn = Literal["table", "markdown", "html"]


def render(
    report: Report,
    format: Format,
    *,
    units: Units = "nats",
    verbose: bool = False,
    width: int = 80,
    color: bool = False,
    unicode: bool = True,
    undecided_fails: bool = False,
) -> str:
    """Return the report in one format, ending in a newline.

    Parameters
    ----------
    report : Report
    format : {"table", "json", "markdown", "html", "junit", "csv", "names"}
    units : {"nats", "bits"}
        Unit of every printed information; JSON stays in nats.
    verbose, width, color, unicode
        Read by the table only; see `cch_audit.rendering.terminal.draw`.
    undecided_fails : bool
        Read by JUnit only: whether what is undecided is a failure there.
    """
    if format == "json":
        from cch_audit.rendering import as_json

        return as_json.render(report)
    if format == "names":
        from cch_audit.rendering import as_names

        return as_names.render(report)
    if format == "csv":
        from cch_audit.rendering import as_csv

        return as_csv.render(report, units=units)
    if format == "junit":
        from cch_audit.rendering import as_junit

        return as_junit.render(report, units=units, undecided_fails=undecided_fails)
    from dataclasses import replace

    from cch_audit.rendering.reports import document

    unicode = unicode or format != "table"
    found = document(report, units, unicode=unicode, pictures=format == "html")
    if format == "html":
        from cch_audit.rendering import as_json

        found = replace(found, source=as_json.render(report))
    return draw(found, format, verbose=verbose, width=width, color=color, unicode=unicode)


def draw(
    document: "Document",
    format: Drawn,
    *,
    verbose: bool = False,
    width: int = 80,
    color: bool = False,
    unicode: bool = True,
) -> str:
    """Return a document in one of the formats for people, ending in a newline."""
    if format == "html":
        from cch_audit.rendering import html

        return html.draw(document)
    if format == "markdown":
        from cch_audit.rendering import markdown

        return markdown.draw(document)
    from cch_audit.rendering import terminal

    return terminal.draw(document, verbose=verbose, width=width, color=color, unicode=unicode)
