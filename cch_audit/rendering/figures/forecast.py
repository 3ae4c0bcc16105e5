"""The figures of a forecast: the gain against labelled rows, and by temperature and weight."""

from matplotlib.figure import FigureBase

from cch_audit.rendering.figures.grid import Shade, heat_map
from cch_audit.rendering.figures.marks import BAND, GAINS, GOOD, INK, PALE, Picture, scale_rows
from cch_audit.rendering.foretold import cell_text
from cch_audit.rendering.text import METRIC_TITLES, effect
from cch_audit.results.forecast import Forecast

SIZE = (6.4, 3.2)
"""Inches."""
CURVE = (
    "What distillation is forecast to gain against the number of labelled rows, at the best "
    "temperature and weight of each, with its interval; the pale line stays at those that are "
    "recommended, the dotted one is where their gain ends."
)
CELLS = (
    "What each temperature and weight is forecast to change: blue is better than no distillation, "
    "orange worse; the bold one is recommended."
)


def forecast_pictures(forecast: Forecast, teacher: str = "") -> list[Picture]:
    """Return the gain against labelled rows, and the heat map of all cells."""
    of = f", {teacher}" if teacher else ""
    pictures = [_curve(forecast, of)] if len(forecast.curve) > 1 else []
    if len(forecast.cells) > 1:
        pictures.append(_cells(forecast, of))
    return pictures


def _curve(forecast: Forecast, of: str) -> Picture:
    rows = [one.labelled_rows for one in forecast.curve]

    def draw(figure: FigureBase) -> None:
        figure.suptitle(f"Gain that is forecast against the number of labelled rows{of}")
        axes = figure.subplots()
        gains = [-one.estimate for one in forecast.curve]
        low, high = ([-one.high for one in forecast.curve], [-one.low for one in forecast.curve])
        axes.fill_between(rows, low, high, color=BAND, alpha=0.5, linewidth=0, zorder=1)
        axes.plot(rows, gains, color=GOOD, marker="o", label="best cell", zorder=3)
        at = cell_text(forecast.temperature, forecast.weight)
        axes.plot(
            rows,
            [-one.recommended for one in forecast.curve],
            color=PALE,
            linewidth=1.4,
            label=f"at {at}",
            zorder=2,
        )
        axes.axhline(0.0, color=INK, linewidth=0.6, zorder=1)
        if forecast.ends_at is not None and rows[0] <= forecast.ends_at <= rows[-1]:
            axes.axvline(forecast.ends_at, color=INK, linewidth=0.8, linestyle=":", zorder=1)
        scale_rows(axes, rows)
        axes.set(xlabel="labelled rows", ylabel=f"gain by KD\n({GAINS[forecast.metric]})")
        figure.legend(loc="outside lower center", ncols=2)

    return Picture(CURVE, SIZE, draw)


def _cells(forecast: Forecast, of: str) -> Picture:
    best = forecast.temperature, forecast.weight
    shades = [
        Shade(
            cell.temperature,
            cell.weight,
            -cell.estimate,
            effect(cell.estimate, forecast.metric),
            (cell.temperature, cell.weight) == best,
        )
        for cell in forecast.cells
    ]
    rows = f"{forecast.labelled_rows:,} labelled rows"
    title = f"Change of {METRIC_TITLES[forecast.metric]} that is forecast, {rows}{of}"
    return heat_map(shades, title, CELLS, "fall")
