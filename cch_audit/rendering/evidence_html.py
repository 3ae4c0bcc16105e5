"""The record of forecast against outcome as one HTML file."""

from cch_audit.evidence.results import Ledger
from cch_audit.rendering.evidence_figure import evidence_picture
from cch_audit.rendering.evidence_rows import TITLE, sections
from cch_audit.rendering.evidence_words import closing, footnotes, opening
from cch_audit.rendering.explaining import METHOD_TITLE, QUESTION, TESTED_TITLE
from cch_audit.rendering.page import (
    Page,
    Section,
    facts,
    picture,
    table,
    texts,
    versions,
    write,
)

PAGE_TITLE = "Cross-modal complementarity: the record"
FOUND_TITLE = "Forecast and outcome"
SOURCES_TITLE = "Reports and versions"


def render(ledger: Ledger) -> str:
    """Return the conclusion, the figure and the tables of a ledger whose strings are printable."""
    trials, *records = [
        Section(title, (table(rows), facts(meanings)))
        for title, rows, meanings in sections(ledger, stacked=False)
    ]
    reports = dict.fromkeys((trial.report, trial.file, trial.sha256) for trial in ledger.trials)
    sources = [(report, f"{file}\nsha256 {digest}") for report, file, digest in reports]
    page = Page(
        title=PAGE_TITLE,
        badge=None,
        headline=TITLE,
        verdict=closing(ledger),
        warnings=ledger.warnings,
        sections=(
            Section(TESTED_TITLE, tuple(texts([QUESTION, opening(ledger)]))),
            Section(FOUND_TITLE, (picture(evidence_picture(ledger)),)),
            *records,
            trials,
            Section(METHOD_TITLE, tuple(texts(footnotes(ledger)))),
            Section(SOURCES_TITLE, (facts([*sources, *versions()]),)),
        ),
    )
    return write(page)
