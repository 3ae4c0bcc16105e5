"""The figures of a report, drawn with matplotlib (the extra `report`)."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import Any

import matplotlib
from matplotlib import style
from matplotlib.figure import Figure

from cch_audit.evidence.results import Ledger
from cch_audit.rendering.figures.curve import curve_picture, has_curve
from cch_audit.rendering.figures.evidence import evidence_picture
from cch_audit.rendering.figures.forecast import forecast_pictures
from cch_audit.rendering.figures.gap import gap_picture
from cch_audit.rendering.figures.grid import grid_picture
from cch_audit.rendering.figures.heat import map_pictures
from cch_audit.rendering.figures.marks import Picture
from cch_audit.rendering.figures.sweep import sweep_picture
from cch_audit.rendering.figures.teachers import teachers_picture
from cch_audit.rendering.text import NATS_PER, all_printable, for_reading, trained
from cch_audit.results import Audit, ForecastReport, RankReport, Report, SweepReport, Written
from cch_audit.results.maps import MapReport
from cch_audit.settings.formats import Units

STYLE: dict[Any, Any] = {
    "font.size": 9.0,
    "axes.titlesize": 9.0,
    "axes.labelsize": 9.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
    "legend.columnspacing": 1.2,
    "figure.titlesize": 10.0,
    "figure.constrained_layout.h_pad": 0.07,
    "figure.dpi": 100.0,
    "savefig.dpi": 200.0,
    "text.parse_math": False,
}
"""Names may hold dollar signs, and the same report has to give the same bytes."""
NO_DATE: dict[str, dict[str, None]] = {
    "svg": {"Date": None},
    "pdf": {"CreationDate": None},
}
MOST_PIXELS = 60_000
"""Of a side: more than this no drawing takes."""
_PROLOGUE = re.compile(r"^.*?(?=<svg)", re.DOTALL)
_NAMESPACES = re.compile(r' xmlns(:xlink)?="[^"]*"')
_GROUPS = re.compile(r'<g id="[^"]*"')
_OF_THE_PAGE = {
    "#000000": "currentColor",
    "#262626": "currentColor",
    "#ffffff": "var(--paper)",
    "#ededed": "var(--soft)",
    "#e6e6e6": "var(--line)",
}
"""Ink, paper and shades of a figure are those of the page, which may be dark."""
_INKS = re.compile("|".join(_OF_THE_PAGE))
_METADATA = dict.fromkeys(("Creator", "Date", "Format", "Type"))


def draw(found: Written | Ledger, format: str, *, units: Units = "nats") -> bytes:
    """Return the figures of a report, or of a record of forecasts and outcomes, as one file.

    It does not say when it was made.

    Parameters
    ----------
    found : a report of any kind, or a Ledger
    format : png, svg or pdf
    units : {"nats", "bits"}
    """
    with _style("cch-audit"):
        figure = plot(found, units=units)
        file = BytesIO()
        dpi = min(STYLE["savefig.dpi"], MOST_PIXELS / figure.get_figheight())
        figure.savefig(file, format=format, dpi=dpi, metadata=NO_DATE.get(format))
    return file.getvalue()


def plot(found: Written | Ledger, *, units: Units = "nats") -> Figure:
    """Return the figures, one below the other."""
    if isinstance(found, Ledger):
        pictures = [evidence_picture(all_printable(found))]
    elif isinstance(found, ForecastReport):
        shown = for_reading(found, units=units).forecasts
        several = len(shown) > 1
        pictures = [
            picture
            for one in shown
            for picture in forecast_pictures(one.forecast, one.teacher if several else "")
        ]
    elif isinstance(found, MapReport):
        pictures = [
            picture
            for matrix in for_reading(found, units=units).matrices
            for picture in map_pictures(matrix, units)
        ]
    else:
        assert isinstance(found, Report)
        pictures = overview(for_reading(found, units=units), units)
    with _style("cch-audit"):
        widths, heights = zip(*(picture.size for picture in pictures))
        figure = Figure(figsize=(max(widths), sum(heights)), layout="constrained")
        parts = figure.subfigures(len(pictures), 1, height_ratios=heights, squeeze=False)[:, 0]
        for picture, part in zip(pictures, parts, strict=True):
            picture.draw(part)
    return figure


def overview(report: Report, units: Units) -> list[Picture]:
    """Return what a report that `for_reading` has prepared shows at a glance."""
    margin = margin_in(report, units)
    if isinstance(report, SweepReport) and trained(report.audits):
        return [sweep_picture(report, margin, units)]
    if isinstance(report, RankReport) or len(report.audits) > 1:
        return [teachers_picture(report, margin, units)]
    return audit_pictures(report.audits[0], margin, units)


def margin_in(report: Report, units: Units) -> float:
    """Return what the gap has to exceed; the settings are in nats."""
    margin: float = report.settings.get("margin", 0.0)
    return margin / NATS_PER[units]


def audit_pictures(audit: Audit, margin: float, units: Units) -> list[Picture]:
    """Return the gaps of one teacher, its learning curve, and what training chose from."""
    pictures, found = [gap_picture(audit, margin, units)], audit.confirmation
    if audit.forecast is not None:
        pictures += forecast_pictures(audit.forecast)
    if found is not None and has_curve(found):
        pictures.append(curve_picture(found))
    if found is not None and found.size.grid:
        pictures.append(grid_picture(found))
    return pictures


def draw_inline(picture: Picture, number: int) -> str:
    """Return a picture as an SVG element in the colours of its page, and with ids of its own."""
    with _style(f"cch-audit-{number}"), matplotlib.rc_context({"svg.fonttype": "none"}):
        figure = Figure(figsize=picture.size, layout="constrained")
        picture.draw(figure)
        file = BytesIO()
        figure.savefig(file, format="svg", metadata=_METADATA, transparent=True)
    # HTML has one name for each id, and knows what an SVG element is without being told.
    text = _PROLOGUE.sub("", file.getvalue().decode("utf-8"))
    opening, inside, rest = text.partition(">")
    text = _NAMESPACES.sub("", opening) + inside + rest
    text = _GROUPS.sub("<g", text).replace("xlink:href=", "href=")
    return _INKS.sub(lambda match: _OF_THE_PAGE[match[0]], text)


@contextmanager
def _style(salt: str) -> Iterator[None]:
    """Leave the user's own settings out, which could ask for LaTeX or for a dark page."""
    with style.context("default"), matplotlib.rc_context({**STYLE, "svg.hashsalt": salt}):
        yield
