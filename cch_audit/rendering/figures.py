"""The figure of a report, drawn with matplotlib (the extra `report`)."""

from io import BytesIO
from typing import TYPE_CHECKING, Any

from cch_audit.rendering.text import Units, for_reading
from cch_audit.results import Report

if TYPE_CHECKING:
    from matplotlib.figure import Figure

STYLE: dict[Any, Any] = {
    "font.size": 9.0,
    "axes.titlesize": 9.0,
    "axes.labelsize": 9.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
    "legend.columnspacing": 1.2,
    "figure.dpi": 100.0,
    "savefig.dpi": 200.0,
    "svg.hashsalt": "cch-audit",
    "text.parse_math": False,
}
"""Names may hold dollar signs, and the same report has to give the same bytes."""
NO_DATE: dict[str, dict[str, None]] = {
    "svg": {"Date": None},
    "pdf": {"CreationDate": None},
}


def draw(report: Report, format: str, *, units: Units = "nats") -> bytes:
    """Return the figure of a sweep as a file.

    Parameters
    ----------
    report : of a sweep
    format : png, svg or pdf
    units : {"nats", "bits"}
    """
    import matplotlib
    from matplotlib import style

    from cch_audit.rendering.sweep_figure import sweep_figure

    # The user's own matplotlib settings could ask for LaTeX, or for a dark page.
    with style.context("default"), matplotlib.rc_context(STYLE):
        return _saved(sweep_figure(for_reading(report, units=units), units), format)


def _saved(figure: "Figure", format: str) -> bytes:
    """Return a figure as a file that does not say when it was made."""
    file = BytesIO()
    figure.savefig(file, format=format, metadata=NO_DATE.get(format))
    return file.getvalue()
