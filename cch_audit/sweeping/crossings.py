"""Where the gap passes the margin along the steps of a sweep, and where training stops helping."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median

from cch_audit.results import Audit, Confirmation, Crossing, LevelResult, Sweep, Varied
from cch_audit.results.forecast import Forecast


@dataclass(frozen=True)
class Point:
    """A value at one step, with the ends of its interval."""

    estimate: float
    low: float
    high: float


def trace(
    audits: Sequence[Audit], varied: Varied, teacher: str, steps: Sequence[float], margin: float
) -> Sweep:
    """Sum up the audits of all steps.

    Parameters
    ----------
    audits : one for each step
    varied : what differs between them
    teacher : its name without the step
    steps : in ascending order
    margin : what the gap must exceed, nats
    """
    gaps = {
        name: crossing(steps, [gap_point(audit.levels[name]) for audit in audits], margin)
        for name in audits[0].levels
    }
    gains = [gain_point(audit.confirmation) for audit in audits if audit.confirmation]
    told = [forecast_point(audit.forecast) for audit in audits if audit.forecast]
    return Sweep(
        varied=varied,
        teacher=teacher,
        steps=tuple(steps),
        gap_crossings=gaps,
        gain_crossing=crossing(steps, gains, 0.0) if len(gains) == len(steps) else None,
        forecast_crossing=crossing(steps, told, 0.0) if len(told) == len(steps) else None,
    )


def gap_point(level: LevelResult) -> Point:
    """Return the median gap of the estimators that decide, and the hull of their intervals."""
    voters = [level.estimators[name] for name in level.voters]
    return Point(
        median(voter.gap.estimate for voter in voters),
        min(voter.verdict_interval.low for voter in voters),
        max(voter.verdict_interval.high for voter in voters),
    )


def gain_point(found: Confirmation) -> Point:
    """Return the improvement of the deciding metric by distillation."""
    gain = found.gain
    return Point(gain.estimate, gain.low, gain.high)


def forecast_point(found: Forecast) -> Point:
    """Return the improvement of the loss that is forecast."""
    return Point(-found.estimate, -found.high, -found.low)


def crossing(steps: Sequence[float], points: Sequence[Point], threshold: float) -> Crossing | None:
    """Return where the estimate first passes a threshold, or None if it stays on one side.

    Its interval are the steps around it at which that of the value includes the threshold.
    """
    passes = list(_passes(steps, [point.estimate for point in points], threshold))
    if not passes:
        return None
    ends = [
        *_passes(steps, [point.low for point in points], threshold),
        *_passes(steps, [point.high for point in points], threshold),
    ]
    return Crossing(
        step=passes[0],
        low=max((end for end in ends if end <= passes[0]), default=None),
        high=min((end for end in ends if end >= passes[0]), default=None),
        times=len(passes),
    )


def _passes(steps: Sequence[float], values: Sequence[float], threshold: float) -> Iterator[float]:
    """Yield where the straight lines between neighbouring values pass a threshold.

    A value that equals the threshold does not exceed it, as in a verdict.
    """
    for i in range(len(steps) - 1):
        before, after = float(values[i]) - threshold, float(values[i + 1]) - threshold
        if (before > 0) != (after > 0) and math.isfinite(after - before):
            share = before / (before - after)
            yield steps[i] + share * (steps[i + 1] - steps[i])
