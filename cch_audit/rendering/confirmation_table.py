"""The quick training run of one teacher as rich tables."""

from collections.abc import Iterator

from rich.console import RenderableType
from rich.text import Text

from cch_audit.rendering.cells import outcome_badge
from cch_audit.rendering.confirmation import (
    CONTROLS_MEANING,
    CONTROLS_TITLE,
    METRICS_TITLE,
    TITLE,
    control_rows,
    fact_lines,
    grid_rows,
    grid_title,
    metric_rows,
    outcome_sentence,
)
from cch_audit.rendering.drawing import INDENT, Look, bullets, drawn, filled, grid, indented
from cch_audit.results import Audit


def confirmation_block(audit: Audit, look: Look) -> Iterator[RenderableType]:
    """Yield what the training run showed, how it was made, and what it was compared with."""
    found = audit.confirmation
    if found is None:
        return
    yield ""
    yield Text.assemble((f"{TITLE} says ", "bold"), drawn(outcome_badge(found.outcome)))
    yield indented(Text(outcome_sentence(audit)))
    yield ""
    yield indented(grid(fact_lines(found)))
    yield from _section(METRICS_TITLE)
    yield indented(filled(metric_rows(found), look, names=("metric",), indent=INDENT))
    if found.controls:
        yield from _section(CONTROLS_TITLE)
        yield indented(Text(CONTROLS_MEANING))
        yield ""
        rows = control_rows(found)
        yield indented(filled(rows, look, names=rows.headers[:1], indent=INDENT))
    if found.grid:
        yield from _section(grid_title(found))
        for position, rows in enumerate(grid_rows(found, look.console.width - INDENT)):
            if position:
                yield ""
            yield indented(filled(rows, look, indent=INDENT))
    yield from bullets("Notes on the training run", found.notes)


def _section(title: str) -> Iterator[RenderableType]:
    yield ""
    yield indented(Text(title, "bold"))
