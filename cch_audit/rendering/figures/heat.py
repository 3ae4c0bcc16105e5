"""Heat maps of a study: teachers in rows, students in columns."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, ListedColormap
from matplotlib.figure import FigureBase
from matplotlib.patches import Patch

from cch_audit.rendering.figures.marks import BAD, GOOD, INK, Picture, shortened
from cch_audit.rendering.text import METRIC_TITLES, effect, number, trained
from cch_audit.results import Audit, Verdict
from cch_audit.results.maps import PairMatrix
from cch_audit.settings.formats import Units
from cch_audit.sweeping.crossings import gap_point

CELL, WIDEST, LEAST, NAMES, ENDS = 0.42, 9.5, 5.0, 1.8, 1.5
"""Inches of a cell at best, of the widest and the narrowest picture, of names, of what is below."""
NAME = 24
"""Characters of a name."""
SHADES = 33
"""So few that the scale beside the cells is drawn as cells, and not as an image."""
MOST_WRITTEN = 12
"""Columns whose cells have room for a number."""
VERDICTS: dict[Verdict, tuple[str, str]] = {
    "pass": (GOOD, "P"),
    "undecided": ("0.88", "?"),
    "fail": (BAD, "F"),
}
"""Colour, and the letter that says the same without it."""


@dataclass(frozen=True)
class Shown:
    """One number of every pair."""

    title: str
    label: str
    value: Callable[[Audit], float | None]
    text: Callable[[float], str]


def map_pictures(matrix: PairMatrix, units: Units) -> list[Picture]:
    """Return the verdicts, gaps, forecasts and outcomes of a matrix that `for_reading` prepared."""
    pictures = [_verdicts(matrix)]
    return [*pictures, *(_numbers(matrix, shown) for shown in _shown(matrix, units))]


def _shown(matrix: PairMatrix, units: Units) -> list[Shown]:
    """Return what there is of every pair."""

    def gap(audit: Audit) -> float:
        return min(gap_point(audit.levels[name]).estimate for name in audit.gated)

    found = [Shown(f"Gap ({units})", units, gap, number)]
    told = next((audit.forecast for audit in matrix.audits if audit.forecast is not None), None)
    if told is not None:
        metric = told.metric
        found.append(
            Shown(
                f"Forecast: fall of {METRIC_TITLES[metric]}",
                "fall",
                lambda audit: None if audit.forecast is None else -audit.forecast.estimate,
                lambda value: effect(value, metric),
            )
        )
    runs = trained(matrix.audits)
    if runs:
        measured = runs[0].metric
        found.append(
            Shown(
                f"Training: gain in {METRIC_TITLES[measured]}",
                "gain",
                lambda audit: (
                    None if audit.confirmation is None else audit.confirmation.gain.estimate
                ),
                lambda value: effect(value, measured),
            )
        )
    return found


def _verdicts(matrix: PairMatrix) -> Picture:
    """Return the verdicts, each a colour and a letter."""
    names = [*VERDICTS]
    places = {(audit.teacher, audit.student): audit.verdict for audit in matrix.audits}

    def draw(figure: FigureBase) -> None:
        figure.suptitle("Verdicts of the criterion: rows teach, columns learn")
        axes = figure.subplots()
        values = _grid(matrix, lambda *pair: _place(places.get(pair), names))
        colors = ListedColormap([VERDICTS[name][0] for name in names])
        axes.pcolormesh(values, cmap=colors, vmin=-0.5, vmax=2.5, edgecolors="0.99", linewidth=0.8)
        for y, teacher in enumerate(matrix.teachers):
            for x, student in enumerate(matrix.students):
                verdict = places.get((teacher, student))
                if verdict is not None:
                    _write(axes, x, y, VERDICTS[verdict][1], light=verdict == "pass")
        _name(axes, matrix)
        handles = [
            Patch(facecolor=color, edgecolor=INK, label=f"{letter}: {name}", linewidth=0.6)
            for name, (color, letter) in VERDICTS.items()
        ]
        figure.legend(handles=handles, loc="outside lower center", ncols=3)

    caption = (
        "Verdict of each pair: the row teaches, the column learns. The letter says what the "
        "colour says. An empty cell was not asked for, or was refused."
    )
    return Picture(caption, _size(matrix), draw)


def _place(verdict: Verdict | None, names: Sequence[Verdict]) -> float:
    return math.nan if verdict is None else float(names.index(verdict))


def _numbers(matrix: PairMatrix, shown: Shown) -> Picture:
    """Return one number of every pair, blue above zero and orange below."""
    values = {(audit.teacher, audit.student): shown.value(audit) for audit in matrix.audits}

    def draw(figure: FigureBase) -> None:
        figure.suptitle(f"{shown.title}: rows teach, columns learn")
        axes = figure.subplots()
        cells = _grid(matrix, lambda *pair: _or_nan(values.get(pair)))
        known = [abs(value) for row in cells for value in row if math.isfinite(value)]
        most = max(known, default=0.0) or 1.0
        colors = LinearSegmentedColormap.from_list("change", [BAD, "0.99", GOOD], N=SHADES)
        mesh = axes.pcolormesh(
            cells, cmap=colors, vmin=-most, vmax=most, edgecolors="0.85", linewidth=0.6
        )
        figure.colorbar(mesh, ax=axes, label=shown.label)
        if len(matrix.students) <= MOST_WRITTEN:
            for y, row in enumerate(cells):
                for x, value in enumerate(row):
                    if math.isfinite(value):
                        _write(axes, x, y, shown.text(value), light=value > 0.85 * most)
        _name(axes, matrix)

    caption = (
        f"{shown.title} of each pair: the row teaches, the column learns. Blue is above zero, "
        "orange below."
    )
    return Picture(caption, _size(matrix), draw)


def _or_nan(value: float | None) -> float:
    return math.nan if value is None else value


def _grid(matrix: PairMatrix, value: Callable[[str, str], float]) -> list[list[float]]:
    """Return a value for each teacher (rows) and student (columns)."""
    return [[value(teacher, student) for student in matrix.students] for teacher in matrix.teachers]


def _size(matrix: PairMatrix) -> tuple[float, float]:
    """Return width and height in inches."""
    cell = min(1.6 * CELL, (WIDEST - NAMES) / len(matrix.students))
    width = max(LEAST, NAMES + cell * len(matrix.students) + 1.0)
    return min(WIDEST, width), NAMES + ENDS + max(0.2, min(CELL, cell)) * len(matrix.teachers)


def _name(axes: Axes, matrix: PairMatrix) -> None:
    """Name rows and columns, the first row on top."""
    students = [shortened(name, NAME) for name in matrix.students]
    axes.set_xticks([x + 0.5 for x in range(len(students))], students, rotation=60, ha="right")
    axes.set_yticks(
        [y + 0.5 for y in range(len(matrix.teachers))],
        [shortened(name, NAME) for name in matrix.teachers],
    )
    for label in axes.get_xticklabels():
        label.set_rotation_mode("anchor")
    axes.set(xlabel="student", ylabel="teacher")
    axes.invert_yaxis()  # as in the table
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)


def _write(axes: Axes, x: int, y: int, text: str, *, light: bool) -> None:
    """Write into a cell."""
    axes.text(
        x + 0.5,
        y + 0.5,
        text,
        ha="center",
        va="center",
        fontsize=7.0,
        color="0.99" if light else "0.05",  # on a cell, whatever the page
    )
