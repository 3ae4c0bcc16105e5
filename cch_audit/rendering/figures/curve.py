"""The figure of a learning curve: what distillation gained at each number of training rows."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import FigureBase
from matplotlib.lines import Line2D

from cch_audit.rendering.figures.marks import (
    GAINS,
    INK,
    PALE,
    Picture,
    keys,
    mark_of,
    marker,
    scale_rows,
)
from cch_audit.rendering.training import best_control
from cch_audit.results import Confirmation

SIZE = (6.4, 3.2)
"""Inches."""
CAPTION = (
    "What distillation gained at each number of training rows, with its interval; hollow circles "
    "are gains that a control shows too, or may. The pale line is the control that gains most "
    "there, the dotted one the smallest gain that matters."
)


def has_curve(found: Confirmation) -> bool:
    """Return whether there are several sizes that are known."""
    return len(found.curve) > 1 and all(size.n_train is not None for size in found.curve)


def curve_picture(found: Confirmation) -> Picture:
    """Return gain against training rows, of a confirmation that has a curve."""
    rows = [size.n_train or 0 for size in found.curve]
    marks = [mark_of(size.outcome, size.cause) for size in found.curve]

    def draw(figure: FigureBase) -> None:
        figure.suptitle("Gain by distillation against the number of training rows")
        axes = figure.subplots()
        lines = [*_controls(axes, found, rows)]
        gains = [size.metrics[found.metric].change.as_gain(found.metric) for size in found.curve]
        axes.plot(rows, [gain.estimate for gain in gains], color=INK, linewidth=0.9, zorder=2)
        for n_train, gain, says in zip(rows, gains, marks, strict=True):
            axes.vlines(n_train, gain.low, gain.high, color=INK, linewidth=1.1, zorder=2)
            axes.plot(n_train, gain.estimate, markersize=6, zorder=3, **marker(says))
        axes.axhline(0.0, color=INK, linewidth=0.6, zorder=1)
        if found.min_effect > 0:
            axes.axhline(found.min_effect, color=INK, linewidth=0.8, linestyle=":", zorder=1)
        scale_rows(axes, rows)
        axes.set(xlabel="training rows", ylabel=f"gain by KD\n({GAINS[found.metric]})")
        figure.legend(handles=[*keys(marks), *lines], loc="outside lower center", ncols=4)

    return Picture(CAPTION, SIZE, draw)


def _controls(axes: Axes, found: Confirmation, rows: Sequence[int]) -> list[Line2D]:
    """Draw the gain of the best control at each size; return its key, or none without controls."""
    best = [best_control(size.controls, found.metric) for size in found.curve]
    known = [
        (n_train, one[1].change.as_gain(found.metric).estimate)
        for n_train, one in zip(rows, best, strict=True)
        if one is not None
    ]
    if not known:
        return []
    x, y = zip(*known)
    return axes.plot(x, y, color=PALE, linewidth=1.4, zorder=1, label="best control")
