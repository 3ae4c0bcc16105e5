"""Renderers: pure functions from a report to text; they decide nothing."""

from typing import Literal

from cch_audit.rendering.text import Units
from cch_audit.results import Report

Format = Literal["table", "json", "markdown", "html", "junit", "csv", "names"]


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
        Read by the table only; see `cch_audit.rendering.table.render`.
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
    if format == "html":
        from cch_audit.rendering import as_html

        return as_html.render(report, units=units)
    if format == "junit":
        from cch_audit.rendering import as_junit

        return as_junit.render(report, units=units, undecided_fails=undecided_fails)
    if format == "markdown":
        from cch_audit.rendering import markdown

        return markdown.render(report, units=units)
    from cch_audit.rendering import table

    return table.render(
        report, units=units, verbose=verbose, width=width, color=color, unicode=unicode
    )
