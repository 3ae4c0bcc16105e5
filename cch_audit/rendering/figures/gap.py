"""The figure of one audit: the gap by every estimator at both levels, as a forest plot."""

import math
from collections.abc import Sequence
from textwrap import fill

from matplotlib.axes import Axes
from matplotlib.figure import FigureBase

from cch_audit.rendering.audits import LEVEL_TITLES, level_role
from cch_audit.rendering.figures.marks import (
    BAD,
    GOOD,
    INK,
    PALE,
    Picture,
    keys,
    marker,
    name_sides,
    shortened,
)
from cch_audit.rendering.text import FLOOR, TRUTH, estimator_title, ordered_levels
from cch_audit.results import Audit, EstimatorResult, LevelResult, Verdict
from cch_audit.settings.formats import Units

WIDTH = 6.4
ROW, FRAME, ENDS = 0.26, 0.85, 0.75
"""Inches of an estimator, around a level, and of title and legend."""
NAME = 34
"""Characters of a name."""
SIDE = 0.15
"""Share of the scale that is kept on each side of the margin, for the words there."""
_COLORS: dict[Verdict, str] = {"pass": GOOD, "fail": BAD, "undecided": PALE}


def gap_picture(audit: Audit, margin: float, units: Units) -> Picture:
    """Return the gaps of an audit.

    Parameters
    ----------
    audit : in the units that are shown
    margin : what the gap has to exceed, in these units
    units : {"nats", "bits"}
    """
    levels = ordered_levels(audit)
    heights = [FRAME + ROW * len(_titles(level)) for _, level in levels]

    def draw(figure: FigureBase) -> None:
        title = f"Gap of teacher {shortened(audit.teacher, NAME)}"
        title += f" for student {shortened(audit.student, NAME)}"
        figure.suptitle(fill(title, 80))
        panels = figure.subplots(len(levels), 1, height_ratios=heights, squeeze=False)[:, 0]
        for axes, (name, level) in zip(panels, levels, strict=True):
            says = f"{LEVEL_TITLES[name]}: {level.verdict.upper()}"
            axes.set_title(f"{says} ({level_role(name, audit.gated)})", loc="left", pad=18)
            _forest(axes, level)
        _share_scale(list(panels), margin)
        panels[-1].set_xlabel(f"gap in {units}: I(teacher;student) - I(student;labels)")
        seen = {one.verdict for _, level in levels for one in level.estimators.values()}
        figure.legend(handles=keys(seen), loc="outside lower center", ncols=3)

    caption = (
        "Each row is one estimator: the marker is its gap, the thick bar the interval of that "
        "estimate, and the thin line the verdict interval, which adds the allowance for bias and "
        "decides. It passes if the whole line is to the right of the vertical one, and fails if it "
        "is to the left."
    )
    if any(level.floor is not None for _, level in levels):
        caption += (
            " No gap is below the floor, what the teacher's predictions of the labels share with "
            "the student, and the verdict interval reaches up to it."
        )
    return Picture(caption, (WIDTH, ENDS + sum(heights)), draw)


def _forest(axes: Axes, level: LevelResult) -> None:
    """Draw one row per estimator, one for the floor, and one for the truth of a simulated file."""
    titles = _titles(level)
    for row, result in enumerate(level.estimators.values()):
        _row(axes, row, result)
    if level.floor is not None:
        row, floor = titles.index(FLOOR), level.floor
        axes.hlines(row, floor.low, floor.high, color=INK, linewidth=1.0, linestyle=":", zorder=2)
        axes.plot(floor.estimate, row, marker=">", color=INK, markersize=6, zorder=4)
    if level.truth is not None and TRUTH in titles:
        row, gap = titles.index(TRUTH), level.truth.gap
        axes.plot(gap, row, marker="*", color=INK, markersize=9, zorder=4)
    axes.set_yticks(range(len(titles)), titles)
    axes.set_ylim(len(titles) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.margins(x=0.06)


def _share_scale(panels: Sequence[Axes], margin: float) -> None:
    """Give both levels one scale, with room on both sides of what the gap has to exceed."""
    left, right = zip(*(axes.get_xlim() for axes in panels))
    room = SIDE * (max(right) - min(left))
    for axes in panels:
        axes.set_xlim(min(*left, margin - room), max(*right, margin + room))
        axes.locator_params(axis="x", nbins=7)
        name_sides(axes, margin)


def _row(axes: Axes, row: int, result: EstimatorResult) -> None:
    wide, gap = result.verdict_interval, result.gap
    axes.hlines(row, wide.low, wide.high, color=INK, linewidth=1.0, zorder=2)
    axes.plot([wide.low, wide.high], [row, row], "|", color=INK, markersize=7, zorder=2)
    axes.hlines(row, gap.low, gap.high, color=_COLORS[result.verdict], linewidth=5, zorder=3)
    axes.plot(gap.estimate, row, markersize=6.5, zorder=4, **marker(result.verdict))


def _titles(level: LevelResult) -> list[str]:
    """Return what the rows are about: the truth is one of them where it can be drawn."""
    knows = level.truth is not None and math.isfinite(level.truth.gap)
    titles = [estimator_title(name, level) for name in level.estimators]
    return titles + [FLOOR] * (level.floor is not None) + [TRUTH] * knows
