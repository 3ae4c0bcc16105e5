"""The figure of a record: what training gained against what was forecast, and who was right."""

import math
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import FigureBase
from matplotlib.patches import Patch
from matplotlib.ticker import PercentFormatter

from cch_audit.evidence.results import Decisions, Estimate, Ledger, Trial
from cch_audit.rendering.audits import LEVEL_TITLES
from cch_audit.rendering.evidence import decider
from cch_audit.rendering.figures.marks import (
    GOOD,
    INK,
    PALE,
    SHADE,
    Picture,
    fit_scale,
    keys,
    mark_of,
    marker,
    name_sides,
    rule_rows,
    shade_agreement,
)

WIDTH, SCATTER, ROW, FRAME = 8.0, 3.6, 0.24, 1.2
"""Inches of the figure, of the upper panels, of a forecaster, and around the forecasters."""
CAPTION = (
    "Above, each trial: the gain that training measured against the gap that the audit found, with "
    "both intervals; in the shaded areas training shows what the criterion says. A scale that goes "
    "beyond 10 is logarithmic from 1 on. Below, how often each forecaster was right where forecast "
    "and outcome are decided, with the number of these trials."
)
DRAWN = 1e6
"""Beyond this no number is drawn: a scale that held it would show nothing else."""


def evidence_picture(ledger: Ledger) -> Picture:
    """Return the record of forecast against outcome; strings are printable."""
    levels = [name for name in LEVEL_TITLES if any(name in trial.levels for trial in ledger.trials)]
    records = [record for record in ledger.decisions if record.right.estimate is not None]
    heights = [SCATTER] * bool(levels) + [FRAME + ROW * len(records)] * bool(records)

    def draw(figure: FigureBase) -> None:
        figure.suptitle("Forecast and outcome")
        if not heights:
            return
        parts = figure.subfigures(len(heights), 1, height_ratios=heights, squeeze=False)[:, 0]
        if levels:
            _trials(parts[0], ledger.trials, levels)
        if records:
            _shares(parts[-1].subplots(), records)

    return Picture(CAPTION, (WIDTH, 0.4 + sum(heights)), draw)


def _trials(figure: FigureBase, trials: Sequence[Trial], levels: Sequence[str]) -> None:
    panels = figure.subplots(1, len(levels), sharey=True, squeeze=False)[0]
    for axes, level in zip(panels, levels, strict=True):
        for trial in trials:
            if level in trial.levels:
                _trial(axes, trial, trial.levels[level].gap)
        axes.axhline(0.0, color=INK, linewidth=0.6)
        axes.margins(0.08)
        fit_scale(axes, "x")
        axes.set_xlabel(f"gap on {level} (nats)")
    fit_scale(panels[0], "y")
    panels[0].set_ylabel("gain by KD (% points, or % of an error)")
    for axes in panels:  # once all of them share their limits
        name_sides(axes, 0.0)
        shade_agreement(axes, 0.0)
    seen = [mark_of(trial.outcome, trial.cause) for trial in trials]
    areas = Patch(color=SHADE, label="measured as CCH says")
    figure.legend(handles=[*keys(seen), areas], loc="outside lower center", ncols=5)


def _trial(axes: Axes, trial: Trial, gap: Estimate) -> None:
    x, y = _drawn(gap, 1.0), _drawn(trial.gain, 100.0)
    if x is None or y is None:
        return
    axes.hlines(y[0], x[1], x[2], color=PALE, linewidth=0.9, zorder=2)
    axes.vlines(x[0], y[1], y[2], color=PALE, linewidth=0.9, zorder=2)
    axes.plot(x[0], y[0], markersize=5.5, zorder=3, **marker(mark_of(trial.outcome, trial.cause)))


def _shares(axes: Axes, records: Sequence[Decisions]) -> None:
    """Draw the share of right forecasts, with its interval, beside the toss of a coin."""
    for row, record in enumerate(records):
        found = _drawn(record.right, 1.0)
        if found is not None:
            axes.hlines(row, found[1], found[2], color=INK, linewidth=1.1, zorder=2)
            axes.plot(found[0], row, "o", color=GOOD, markeredgecolor=INK, markersize=6, zorder=3)
    axes.axvline(0.5, color=INK, linewidth=1.0, linestyle=":")
    names = [f"{decider(record.forecaster)} ({record.n_decided})" for record in records]
    axes.set_yticks(range(len(names)), names)
    axes.set(xlim=(-0.02, 1.02), ylim=(len(names) - 0.5, -0.5))
    axes.set_xlabel("share right of the decided trials; dotted: the toss of a coin")
    axes.xaxis.set_major_formatter(PercentFormatter(1.0))
    rule_rows(axes)


def _drawn(value: Estimate, scale: float) -> tuple[float, float, float] | None:
    """Return an estimate with the ends of its interval, or None where it cannot be drawn."""
    if value.estimate is None:
        return None
    ends = [value.estimate if end is None else end for end in (value.low, value.high)]
    numbers = [scale * number for number in (value.estimate, *ends)]
    if not all(math.isfinite(number) and abs(number) < DRAWN for number in numbers):
        return None
    return numbers[0], numbers[1], numbers[2]
