"""Heat maps: what each temperature and weight changes, as of a training run."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

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


@dataclass(frozen=True)
class Shade:
    """One cell of a heat map."""

    temperature: float | None
    weight: float
    gain: float
    """Upwards is better."""
    text: str
    is_bold: bool


def grid_picture(found: Confirmation) -> Picture:
    """Return the changes by temperature (rows) and weight (columns) as a heat map."""

    def shade(cell: GridCell) -> Shade:
        chosen = f"\n{counted(cell.chosen, 'time')}" if cell.chosen else ""
        return Shade(
            cell.temperature,
            cell.weight,
            improvement(cell.change, found.metric),
            effect(cell.change, found.metric) + chosen,
            bool(chosen),
        )

    caption = (
        "What each temperature and weight changed on validation rows: blue is better than no "
        "distillation, orange worse. Bold cells were chosen for the test rows, so many times."
    )
    label = "fall" if found.metric in LOWER_IS_BETTER else "gain"
    title = f"Change of {METRIC_TITLES[found.metric]} on validation rows"
    return heat_map([*map(shade, found.size.grid)], title, caption, label)


def heat_map(shades: Sequence[Shade], title: str, caption: str, label: str) -> Picture:
    """Return a heat map of gains by temperature (rows) and weight (columns).

    Parameters
    ----------
    shades : the cells, each once
    title, caption : of the picture
    label : what a gain is
    """
    temperatures = list(dict.fromkeys(one.temperature for one in shades))

    def draw(figure: FigureBase) -> None:
        figure.suptitle(title)
        _heat_map(figure, shades, temperatures, label)

    return Picture(caption, (WIDTH, ENDS + ROW * len(temperatures)), draw)


def _heat_map(
    figure: FigureBase, shades: Sequence[Shade], temperatures: list[float | None], label: str
) -> None:
    weights = list(dict.fromkeys(one.weight for one in shades))
    places = {
        (weights.index(one.weight), temperatures.index(one.temperature)): one for one in shades
    }
    gains = [[math.nan] * len(weights) for _ in temperatures]
    for (x, y), one in places.items():
        gains[y][x] = one.gain
    known = [abs(gain) for row in gains for gain in row if math.isfinite(gain)]
    most = max(known, default=0.0) or 1.0
    axes = figure.subplots()
    colors = LinearSegmentedColormap.from_list("change", [BAD, "0.99", GOOD], N=SHADES)
    mesh = axes.pcolormesh(
        gains, cmap=colors, vmin=-most, vmax=most, edgecolors="0.85", linewidth=0.6
    )
    figure.colorbar(mesh, ax=axes, label=label)
    if len(weights) <= MOST_WRITTEN:
        for (x, y), one in places.items():
            _write(axes, x, y, one, dark=gains[y][x] > 0.85 * most)
    axes.set_xticks([x + 0.5 for x in range(len(weights))], [f"{one:g}" for one in weights])
    rows = ["" if one is None else f"{one:g}" for one in temperatures]
    axes.set_yticks([y + 0.5 for y in range(len(rows))], rows)
    axes.set(xlabel="weight w", ylabel="temperature" if any(rows) else "")
    axes.invert_yaxis()  # as in the table
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)


def _write(axes: Axes, x: int, y: int, one: Shade, *, dark: bool) -> None:
    """Write into a cell what it changes."""
    axes.text(
        x + 0.5,
        y + 0.5,
        one.text,
        ha="center",
        va="center",
        fontsize=7.5,
        fontweight="bold" if one.is_bold else "normal",
        color="0.99" if dark else "0.05",  # on a cell, whatever the page
    )
