"""The teachers in order as rich tables."""

from collections.abc import Iterator

from rich.console import RenderableType
from rich.text import Text

from cch_audit.rendering.cells import Rows, as_rows
from cch_audit.rendering.drawing import Look, filled, grid, titled
from cch_audit.rendering.ranking import gap_title, places, shared_metric
from cch_audit.rendering.ranking_columns import (
    MEASURED_TITLE,
    RECORDS_TITLE,
    SCORES_TITLE,
    gap_columns,
    measured_columns,
    record_meanings,
    record_rows,
    score_columns,
    score_meanings,
    teacher_column,
)
from cch_audit.results import RankReport, Report

NAMES = ("teacher", "best control")


def ranking_block(report: Report, look: Look) -> Iterator[RenderableType]:
    """Yield up to four tables: gaps, scores, what training showed, and what foretold it."""
    assert isinstance(report, RankReport)
    shown = places(report)
    yield from _table(gap_title(report, look.units), as_rows(shown, gap_columns()), look)
    scores = as_rows(shown, [teacher_column(), *score_columns(report)])
    yield from _table(f"{SCORES_TITLE}, informations in {look.units}", scores, look)
    yield ""
    yield grid(score_meanings(report, scores))
    metric = shared_metric(report)
    if metric is None:
        return
    measured = as_rows(shown, [teacher_column(), *measured_columns()])
    yield from _table(MEASURED_TITLE, measured, look)
    if report.ranking.records:
        records = record_rows(report, metric)
        yield from titled(RECORDS_TITLE)
        yield ""
        yield filled(records, look, names=records.headers[:1])
        yield ""
        yield grid(record_meanings(records))


def _table(title: str, rows: Rows, look: Look) -> Iterator[RenderableType]:
    yield ""
    yield Text(title, "bold")
    yield ""
    yield filled(rows, look, names=NAMES, lines=True)
