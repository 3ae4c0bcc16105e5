"""The figure of a training run: what each temperature and weight did on validation rows."""

import math

from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import FigureBase

from cch_audit.rendering.figures.marks import BAD, GOOD, Picture
from cch_audit.rendering.text import METRIC_TITLES, counted, effect
from cch_audit.results import LOWER_IS_BETTER, Confirmation, GridCell, improvement

WIDTH, ROW, ENDS = 6.4, 0.42, 1.2
SHADES = 33
"""So few that the scale beside the cells is drawn as cells, and not as an image."""
MOST_WRITTEN = 10
"""Columns whose cells have room for a number."""


def grid_picture(found: Confirmation) -> Picture:
    """Return the changes by temperature (rows) and weight (columns) as a heat map."""
    temperatures = list(dict.fromkeys(cell.temperature for cell in found.size.grid))

    def draw(figure: FigureBase) -> None:
        figure.suptitle(f"Change of {METRIC_TITLES[found.metric]} on validation rows")
        _heat_map(figure, found, temperatures)

    caption = (
        "What each temperature and weight changed on validation rows: blue is better than no "
        "distillation, orange worse. Bold cells were chosen for the test rows, so many times."
    )
    return Picture(caption, (WIDTH, ENDS + ROW * len(temperatures)), draw)


def _heat_map(figure: FigureBase, found: Confirmation, temperatures: list[float | None]) -> None:
    weights = list(dict.fromkeys(cell.weight for cell in found.size.grid))
    places = {
        (weights.index(cell.weight), temperatures.index(cell.temperature)): cell
        for cell in found.size.grid
    }
    gains = [[math.nan] * len(weights) for _ in temperatures]
    for (x, y), cell in places.items():
        gains[y][x] = improvement(cell.change, found.metric)
    known = [abs(gain) for row in gains for gain in row if math.isfinite(gain)]
    most = max(known, default=0.0) or 1.0
    axes = figure.subplots()
    colors = LinearSegmentedColormap.from_list("change", [BAD, "0.99", GOOD], N=SHADES)
    mesh = axes.pcolormesh(
        gains, cmap=colors, vmin=-most, vmax=most, edgecolors="0.85", linewidth=0.6
    )
    figure.colorbar(mesh, ax=axes, label=("fall" if found.metric in LOWER_IS_BETTER else "gain"))
    if len(weights) <= MOST_WRITTEN:
        for (x, y), cell in places.items():
            _write(axes, x, y, cell, found.metric, dark=gains[y][x] > 0.85 * most)
    axes.set_xticks([x + 0.5 for x in range(len(weights))], [f"{one:g}" for one in weights])
    rows = ["" if one is None else f"{one:g}" for one in temperatures]
    axes.set_yticks([y + 0.5 for y in range(len(rows))], rows)
    axes.set(xlabel="weight w", ylabel="temperature" if any(rows) else "")
    axes.invert_yaxis()  # as in the table
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)


def _write(axes: Axes, x: int, y: int, cell: GridCell, metric: str, *, dark: bool) -> None:
    """Write the change into its cell, and how many repetitions chose it."""
    chosen = f"\n{counted(cell.chosen, 'time')}" if cell.chosen else ""
    axes.text(
        x + 0.5,
        y + 0.5,
        effect(cell.change, metric) + chosen,
        ha="center",
        va="center",
        fontsize=7.5,
        fontweight="bold" if chosen else "normal",
        color="0.99" if dark else "0.05",  # on a cell, whatever the page
    )
