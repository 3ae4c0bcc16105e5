"""A sweep as a rich table."""

from collections.abc import Iterator

from rich.console import RenderableType
from rich.text import Text

from cch_audit.rendering.drawing import Look, filled
from cch_audit.rendering.sweep import table_title
from cch_audit.rendering.sweep_columns import sweep_rows
from cch_audit.results import Report, SweepReport


def sweep_block(report: Report, look: Look) -> Iterator[RenderableType]:
    """Yield what is changed, and one row per step."""
    assert isinstance(report, SweepReport)
    yield ""
    yield Text(table_title(report.sweep, look.units), "bold")
    yield ""
    yield filled(sweep_rows(report), look, lines=True)
