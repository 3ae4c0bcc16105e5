"""From one audit of a report to a trial."""

from collections.abc import Callable, Sequence
from math import isfinite
from statistics import median

from cch_audit.columns import forecasters
from cch_audit.estimators import names
from cch_audit.evidence.results import Estimate, EstimatorForecast, LevelForecast, Trial
from cch_audit.results import Audit, Confirmation, EstimatorResult, InputSummary, LevelResult

LEVELS = tuple(name for name, column in forecasters().items() if column.levels is not None)
"""Each has a column of its own; a report may hold others, which are passed over."""


def read_trial(audit: Audit, found: Confirmation, source: InputSummary, report: str) -> Trial:
    """Return an audit with a training run as a trial.

    Parameters
    ----------
    audit, found : of a report, and what its training run showed
    source : what was audited
    report : the name of the report
    """
    return Trial(
        report=report,
        file=source.path,
        sha256=source.sha256,
        teacher_sha256=source.teacher_sha256,
        teacher=audit.teacher,
        student=audit.student,
        verdict=audit.verdict,
        levels={name: _level(level) for name, level in audit.levels.items() if name in LEVELS},
        columns={
            name: _known(column.value(audit))
            for name, column in forecasters().items()
            if name not in LEVELS or name in audit.levels
        },
        outcome=found.outcome,
        metric=found.metric,
        gain=_gain(found),
    )


def _level(level: LevelResult) -> LevelForecast:
    """Return what the estimators of a level say, each and together."""
    known = names()
    gaps = [_gap(level.estimators[voter]) for voter in level.voters]
    together = Estimate(
        _all_known(median, [gap.estimate for gap in gaps]),
        _all_known(min, [gap.low for gap in gaps]),
        _all_known(max, [gap.high for gap in gaps]),
    )
    estimators = {
        name: EstimatorForecast(found.verdict, _gap(found))
        for name, found in level.estimators.items()
        if name in known
    }
    return LevelForecast(level.verdict, together, estimators)


def _gap(found: EstimatorResult) -> Estimate:
    """Return an estimator's gap in its verdict interval."""
    hull = found.verdict_interval
    return Estimate(_known(found.gap.estimate), _known(hull.low), _known(hull.high))


def _all_known(
    combine: Callable[[list[float]], float], numbers: Sequence[float | None]
) -> float | None:
    """Combine numbers if none of them is missing."""
    known = [number for number in numbers if number is not None]
    return combine(known) if len(known) == len(numbers) else None


def _gain(found: Confirmation) -> Estimate:
    """Return the improvement that a training run measured, of the MSE as a share of it."""
    gain, unit = found.gain, 1.0 if found.metric == "accuracy" else found.baseline
    if not unit > 0:
        return Estimate(None, None, None)
    return Estimate(*(_known(end / unit) for end in (gain.estimate, gain.low, gain.high)))


def _known(number: float | None) -> float | None:
    """Return a number; None for one that is not finite."""
    return number if number is not None and isfinite(number) else None
