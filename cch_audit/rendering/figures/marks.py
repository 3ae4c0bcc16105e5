"""What the figures share: colours, markers, the criterion, and names that fit."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from matplotlib.axes import Axes
from matplotlib.figure import FigureBase
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, NullFormatter, NullLocator, StrMethodFormatter

from cch_audit.results import Cause, Metric, Outcome, Verdict

Mark = Verdict | Outcome | Literal["helps_otherwise"]
"""What a marker says; the last one is a gain that is no transfer, or not for certain."""
INK, PALE, SHADE, BAND = "0.15", "0.6", "0.93", "0.7"
# Okabe and Ito's colours stay apart in every common colour blindness; shapes do in grey too.
GOOD, BAD = "#0072B2", "#E69F00"
_GOOD: dict[str, Any] = {"marker": "o", "markerfacecolor": GOOD}
_BAD: dict[str, Any] = {"marker": "v", "markerfacecolor": BAD}
_OPEN: dict[str, Any] = {"marker": "D", "markerfacecolor": "white"}
_MARKERS: dict[Mark, dict[str, Any]] = {
    "pass": _GOOD,
    "helps": _GOOD,
    "helps_otherwise": {"marker": "o", "markerfacecolor": "white"},
    "fail": _BAD,
    "hurts": _BAD,
    "no_change": {"marker": "s", "markerfacecolor": "0.75"},
    "undecided": _OPEN,
}
_SAME: list[list[Mark]] = [
    ["pass", "helps"],
    ["helps_otherwise"],
    ["fail", "hurts"],
    ["no_change"],
    ["undecided"],
]
_WORDS: dict[Mark, str] = {
    "pass": "CCH: pass",
    "helps": "KD: helps by transfer",
    "helps_otherwise": "KD: helps otherwise",
    "fail": "CCH: fail",
    "hurts": "KD: hurts",
    "no_change": "KD: no change",
    "undecided": "undecided",
}
WIDE = 10.0
"""A scale that goes beyond this is logarithmic from 1 on."""
GAINS: dict[Metric, str] = {
    "accuracy": "accuracy",
    "log_loss": "fall of log-loss, nats",
    "brier": "fall of the Brier score",
    "weighted_f1": "weighted F1",
    "macro_auc": "macro AUC",
    "mse": "fall of MSE, Var(y) = 1",
    "r2": "R^2",
}


@dataclass(frozen=True)
class Picture:
    """A figure that is not drawn yet."""

    caption: str
    """What it shows, for a page that draws it."""
    size: tuple[float, float]
    """Width and height in inches."""
    draw: Callable[[FigureBase], None]


def mark_of(outcome: Outcome, cause: Cause | None) -> Mark:
    """Return the mark of an outcome: a gain that is no transfer has its own."""
    return "helps_otherwise" if outcome == "helps" and cause != "transfer" else outcome


def marker(says: Mark) -> dict[str, Any]:
    """Return how a verdict or an outcome is marked."""
    return {**_MARKERS[says], "markeredgecolor": INK, "linestyle": "none"}


def keys(seen: Iterable[Mark]) -> list[Line2D]:
    """Return the legend of the verdicts and outcomes that there are; some share a marker."""
    there = set(seen)
    found = [[says for says in group if says in there] for group in _SAME]
    return [
        Line2D([], [], label=", ".join(_WORDS[says] for says in group), **marker(group[0]))
        for group in found
        if group
    ]


def rule_rows(axes: Axes) -> None:
    """Draw a faint line along each row, in place of its tick."""
    axes.grid(axis="y", color="0.9", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.tick_params(axis="y", length=0)


def scale_rows(axes: Axes, rows: Sequence[int]) -> None:
    """Give numbers of rows a logarithmic axis, with a tick at each of them alone."""
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(FixedLocator(rows))
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.margins(x=0.06)


def name_sides(axes: Axes, margin: float) -> None:
    """Draw what the gap has to exceed, and say on which side of it the criterion holds."""
    axes.axvline(margin, color=INK, linewidth=1.2, zorder=1)
    for side, words, align in ((-1, "CCH fails", "right"), (1, "CCH holds", "left")):
        axes.annotate(
            words,
            (margin, 1.0),
            (5 * side, 3),
            xycoords=axes.get_xaxis_transform(),
            textcoords="offset points",
            ha=align,
            color=INK,
        )


def fit_scale(axes: Axes, side: Literal["x", "y"], nbins: int = 6) -> None:
    """Make a scale that goes far logarithmic from 1 on, so that small values stay apart."""
    limits = axes.get_xlim() if side == "x" else axes.get_ylim()
    if max(map(abs, limits)) <= WIDE:
        axes.locator_params(axis=side, nbins=nbins)
        return
    axis = axes.xaxis if side == "x" else axes.yaxis
    (axes.set_xscale if side == "x" else axes.set_yscale)("symlog", linthresh=1.0)
    axis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.margins(0.08)  # of the new scale


def shade_agreement(axes: Axes, margin: float) -> None:
    """Shade where the gain, upwards, is what the criterion says of the gap."""
    (left, right), (low, high) = axes.get_xlim(), axes.get_ylim()
    for x, y in (((margin, right), high), ((left, margin), low)):
        axes.fill_between(x, 0.0, y, color=SHADE, linewidth=0, zorder=0)
    axes.set(xlim=(left, right), ylim=(low, high))


def shortened(name: str, width: int) -> str:
    """Return a name without its middle where it is too long for a figure."""
    if len(name) <= width:
        return name
    kept = width - 3
    return f"{name[: kept // 2]}...{name[len(name) - (kept - kept // 2) :]}"
