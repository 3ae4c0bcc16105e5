"""The figure of a sweep: gain against gap, and both against the steps."""

from collections.abc import Sequence
from textwrap import fill
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import FigureBase
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.patheffects import withStroke

from cch_audit.rendering.figures.marks import (
    BAND,
    GAINS,
    INK,
    PALE,
    SHADE,
    Picture,
    keys,
    mark_of,
    marker,
    name_sides,
    shade_agreement,
)
from cch_audit.rendering.foretold import kind_of
from cch_audit.rendering.sweep import AXES, keeps_teacher, sweep_title
from cch_audit.rendering.text import ordered_levels, trained
from cch_audit.results import Crossing, Report, Sweep, SweepReport
from cch_audit.settings.formats import Units
from cch_audit.sweeping.crossings import Point, forecast_point, gain_point, gap_point

LEVELS: dict[str, dict[str, Any]] = {
    "representations": {"color": "#0072B2", "linestyle": "-", "marker": "o"},
    "predictions": {"color": "#D55E00", "linestyle": "--", "marker": "^"},
}
LINE, NARROW = 95, 32
"""Characters of a line of the title, and of the name of an axis."""
LOW, HIGH = (8.5, 3.6), (8.5, 7.4)
"""Inches, at a fixed teacher and at one that gets worse."""
CAPTION = (
    "Above, the measured gain against the gap, with a number at each marker that says the step: in "
    "the shaded areas training shows what the criterion says. Below, both against the steps, and "
    "beside them the gain that is forecast, if it was asked for. Lines through markers are "
    "intervals."
)


def sweep_picture(report: SweepReport, margin: float, units: Units) -> Picture:
    """Return the figure of a sweep with training runs.

    Parameters
    ----------
    report : in the units that are shown
    margin : what the gap has to exceed, in these units
    units : {"nats", "bits"}
    """
    sweep = report.sweep

    def draw(figure: FigureBase) -> None:
        title = f"{sweep_title(sweep)} (student: {report.audits[0].student})"
        figure.suptitle(fill(title, LINE))
        told = all(audit.forecast is not None for audit in report.audits)
        if keeps_teacher(sweep):
            first, *others = figure.subplots(1, 1 + told, squeeze=False)[0]
            _gain_by_step(first, report, sweep)
        else:
            names = [name for name, _ in ordered_levels(report.audits[0])]
            grid = figure.add_gridspec(2, 2)
            places = [grid[0, 0], grid[0, 1]] if len(names) > 1 else [grid[0, :]]
            for place, name in zip(places, names, strict=True):
                _gain_by_gap(figure.add_subplot(place), report, sweep, name, margin, units)
            below = grid[1, :].subgridspec(1, 2 + told)
            _gap_by_step(figure.add_subplot(below[0]), report, sweep, names, margin, units)
            _gain_by_step(figure.add_subplot(below[1]), report, sweep)
            others = [figure.add_subplot(below[2])] if told else []
        for axes in others:
            _forecast_by_step(axes, report, sweep)
        figure.legend(handles=_keys(report, sweep), loc="outside lower center", ncols=4)

    if keeps_teacher(sweep):
        return Picture("What distillation gained at each step, with its interval.", LOW, draw)
    return Picture(CAPTION, HIGH, draw)


def _gain_by_gap(
    axes: Axes, report: Report, sweep: Sweep, level: str, margin: float, units: Units
) -> None:
    """Draw the measured gain against the gap at one level, both with their intervals."""
    gaps = [gap_point(audit.levels[level]) for audit in report.audits]
    gains = [gain_point(found) for found in trained(report.audits)]
    middle = [gap.estimate for gap in gaps]
    height = [gain.estimate for gain in gains]
    axes.plot(middle, height, color=PALE, linewidth=0.8, zorder=1)
    axes.hlines(height, *_ends(gaps), color=INK, linewidth=0.9, zorder=2)
    axes.vlines(middle, *_ends(gains), color=INK, linewidth=0.9, zorder=2)
    _outcomes(axes, report, middle, height)
    for number, step in enumerate(sweep.steps):
        # To the right and to the left in turn: neighbours are often close to each other.
        side = -1 if number % 2 else 1
        axes.annotate(
            f"{step:.3g}",
            (middle[number], height[number]),
            (6 * side, 5),
            textcoords="offset points",
            ha="left" if side > 0 else "right",
            fontsize=8,
            zorder=4,
            path_effects=[withStroke(linewidth=3, foreground="white")],
        )
    axes.axhline(0.0, color=INK, linewidth=0.6)
    axes.margins(0.08)
    name_sides(axes, margin)
    shade_agreement(axes, margin)
    axes.set(xlabel=f"gap on {level} ({units})", ylabel=_gain_label(report))
    axes.locator_params(axis="x", nbins=6)


def _gap_by_step(
    axes: Axes, report: Report, sweep: Sweep, names: Sequence[str], margin: float, units: Units
) -> None:
    """Draw the gap at every level against the steps."""
    reach = sweep.steps[-1] - sweep.steps[0]
    for position, name in enumerate(names):
        points = [gap_point(audit.levels[name]) for audit in report.audits]
        # Apart, so that the intervals of the two levels do not hide each other.
        shift = 0.012 * reach * (position - (len(names) - 1) / 2)
        at = [step + shift for step in sweep.steps]
        color = LEVELS[name]["color"]
        axes.plot(at, [one.estimate for one in points], label=name, linewidth=1.2, **LEVELS[name])
        axes.vlines(at, *_ends(points), color=color, linewidth=1.0)
        _mark_crossing(axes, sweep, sweep.gap_crossings[name], margin, color)
    axes.axhline(margin, color=INK, linewidth=1.2, zorder=1)
    axes.set(xlabel=_steps_label(sweep), ylabel=f"gap ({units})")
    axes.legend(loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=2, borderaxespad=0.0)


def _gain_by_step(axes: Axes, report: Report, sweep: Sweep) -> None:
    """Draw the measured gain against the steps."""
    gains = [gain_point(found) for found in trained(report.audits)]
    height = [gain.estimate for gain in gains]
    axes.plot(sweep.steps, height, color=PALE, linewidth=0.8, zorder=1)
    axes.vlines(sweep.steps, *_ends(gains), color=INK, linewidth=0.9, zorder=2)
    _outcomes(axes, report, sweep.steps, height)
    _mark_crossing(axes, sweep, sweep.gain_crossing, 0.0, INK)
    axes.axhline(0.0, color=INK, linewidth=0.6, zorder=1)
    axes.set(xlabel=_steps_label(sweep), ylabel=_gain_label(report))


def _forecast_by_step(axes: Axes, report: Report, sweep: Sweep) -> None:
    """Draw the gain that is forecast against the steps."""
    forecasts = [audit.forecast for audit in report.audits if audit.forecast is not None]
    points = [forecast_point(one) for one in forecasts]
    axes.plot(sweep.steps, [one.estimate for one in points], color=PALE, linewidth=0.8, zorder=1)
    axes.vlines(sweep.steps, *_ends(points), color=INK, linewidth=0.9, zorder=2)
    for step, found, point in zip(sweep.steps, forecasts, points, strict=True):
        says = mark_of(*kind_of(found))
        axes.plot(step, point.estimate, zorder=3, markersize=5.5, **marker(says))
    _mark_crossing(axes, sweep, sweep.forecast_crossing, 0.0, INK)
    axes.axhline(0.0, color=INK, linewidth=0.6, zorder=1)
    label = f"forecast gain ({GAINS[forecasts[0].metric]})"
    axes.set(xlabel=_steps_label(sweep), ylabel=label)


def _mark_crossing(
    axes: Axes, sweep: Sweep, found: Crossing | None, threshold: float, color: str
) -> None:
    """Draw where a value passes a threshold, as a band along it."""
    if found is not None and found.told_apart:
        low = sweep.steps[0] if found.low is None else found.low
        high = sweep.steps[-1] if found.high is None else found.high
        axes.hlines(threshold, low, high, color=color, linewidth=7, alpha=0.35, zorder=1)


def _outcomes(axes: Axes, report: Report, x: Sequence[float], y: Sequence[float]) -> None:
    """Draw one marker per step, which says the outcome."""
    for audit, *place in zip(report.audits, x, y, strict=True):
        found = audit.confirmation
        if found is not None:
            says = mark_of(found.outcome, found.cause)
            axes.plot(*place, zorder=3, markersize=5.5, **marker(says))


def _keys(report: Report, sweep: Sweep) -> list[Line2D | Patch]:
    """Return the legend of the outcomes that there are, and of what is shaded."""
    seen = [mark_of(found.outcome, found.cause) for found in trained(report.audits)]
    seen += [mark_of(*kind_of(one.forecast)) for one in report.audits if one.forecast is not None]
    there: list[Line2D | Patch] = [*keys(seen)]
    if not keeps_teacher(sweep):
        there.append(Patch(color=SHADE, label="measured as CCH says"))
    found = (*sweep.gap_crossings.values(), sweep.gain_crossing, sweep.forecast_crossing)
    if any(one is not None and one.told_apart for one in found):
        there.append(Patch(color=BAND, label="where a line crosses"))
    return there


def _ends(points: Sequence[Point]) -> tuple[list[float], list[float]]:
    return [one.low for one in points], [one.high for one in points]


def _steps_label(sweep: Sweep) -> str:
    return fill(AXES[sweep.varied], NARROW)


def _gain_label(report: Report) -> str:
    return f"gain by KD ({GAINS[trained(report.audits)[0].metric]})"
