"""The figure of several teachers: their gaps, and what training with them gained."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from textwrap import fill

from matplotlib.axes import Axes
from matplotlib.figure import FigureBase

from cch_audit.rendering.figures.marks import (
    GAINS,
    INK,
    Mark,
    Picture,
    fit_scale,
    keys,
    mark_of,
    marker,
    rule_rows,
    shortened,
)
from cch_audit.rendering.foretold import kind_of
from cch_audit.rendering.ranking import Place, gap_title, places, shared_metric
from cch_audit.rendering.text import ordered_levels
from cch_audit.results import Audit, Metric, RankReport, Report
from cch_audit.settings.formats import Units
from cch_audit.sweeping.crossings import Point, forecast_point, gain_point, gap_point

WIDTH, ROW, ENDS = 8.0, 0.3, 1.6
NAME, LINE = 30, 90
"""Characters of a name, and of a line of the title."""


@dataclass(frozen=True)
class Row:
    """One teacher."""

    title: str
    audit: Audit


def teachers_picture(report: Report, margin: float, units: Units) -> Picture:
    """Return the teachers of a report, those of a ranking in their order.

    Parameters
    ----------
    report : in the units that are shown
    margin : what the gap has to exceed, in these units
    units : {"nats", "bits"}
    """
    title = "Gaps of the teachers"
    rows = [Row(shortened(audit.teacher, NAME), audit) for audit in report.audits]
    if isinstance(report, RankReport):
        title = gap_title(report, units)
        rows = [_place(place) for place in places(report)]

    def draw(figure: FigureBase) -> None:
        figure.suptitle(fill(f"{title} (student: {report.audits[0].student})", LINE))
        _draw(figure, report, rows, margin, units)

    caption = (
        "One row per teacher. A marker is the median of the deciding estimators, and its line the "
        "hull of their verdict intervals. A scale that goes beyond 10 is logarithmic from 1 on. "
        "Where there are forecasts or training runs, a panel of each shows what distillation is "
        "forecast to gain, and what it gained, with intervals."
    )
    return Picture(caption, (WIDTH, ENDS + ROW * len(rows)), draw)


def _place(place: Place) -> Row:
    rank = "" if place.audit.is_control else f"{place.ranked.rank}. "
    return Row(rank + shortened(place.audit.teacher, NAME), place.audit)


def _draw(
    figure: FigureBase, report: Report, rows: Sequence[Row], margin: float, units: Units
) -> None:
    levels = [name for name, _ in ordered_levels(report.audits[0])]
    gains = dict(_gains(report, rows))
    panels = figure.subplots(1, len(levels) + len(gains), sharey=True, squeeze=False)[0]
    seen = set[Mark]()
    for axes, name in zip(panels, levels, strict=False):
        if axes is not panels[0]:
            axes.sharex(panels[0])  # two gaps of one scale can be compared
        for y, row in enumerate(rows):
            level = row.audit.levels[name]
            seen.add(level.verdict)
            _mark(axes, y, gap_point(level), level.verdict)
        axes.axvline(margin, color=INK, linewidth=1.2, zorder=1)
        gated = name in report.audits[0].gated
        axes.set_title(name if gated else f"{name} (not gated)")
        axes.set_xlabel(f"gap ({units})")
    for axes, (title, (metric, points)) in zip(panels[len(levels) :], gains.items(), strict=True):
        for y, found in enumerate(points):
            if found is not None:
                point, says = found
                seen.add(says)
                _mark(axes, y, point, says)
        axes.axvline(0.0, color=INK, linewidth=1.2, zorder=1)
        axes.set(title=title, xlabel=f"gain by KD\n({GAINS[metric]})")
    for axes in panels:
        fit_scale(axes, "x", nbins=4)
        rule_rows(axes)
    panels[0].set_yticks(range(len(rows)), [row.title for row in rows])
    panels[0].set_ylim(len(rows) - 0.5, -0.5)
    figure.legend(handles=keys(seen), loc="outside lower center", ncols=4)


def _gains(
    report: Report, rows: Sequence[Row]
) -> Iterator[tuple[str, tuple[Metric, list[tuple[Point, Mark] | None]]]]:
    """Yield the panels of gains by title: the metric, and each row's gain and its mark."""
    forecasts = [row.audit.forecast for row in rows]
    known = [one for one in forecasts if one is not None]
    if known:
        told = [
            None if one is None else (forecast_point(one), mark_of(*kind_of(one)))
            for one in forecasts
        ]
        yield "forecast", (known[0].metric, told)
    metric = shared_metric(report)
    if metric is not None:
        trained = [row.audit.confirmation for row in rows]
        measured = [
            None if one is None else (gain_point(one), mark_of(one.outcome, one.cause))
            for one in trained
        ]
        yield "measured", (metric, measured)


def _mark(axes: Axes, y: int, point: Point, says: Mark) -> None:
    axes.hlines(y, point.low, point.high, color=INK, linewidth=1.1, zorder=2)
    axes.plot(point.estimate, y, markersize=6, zorder=3, **marker(says))
