"""From one audit of a JSON report to a trial."""

from collections.abc import Callable, Sequence
from math import isfinite
from statistics import median
from typing import get_args

from cch_audit.estimators import names
from cch_audit.evidence.document import Part
from cch_audit.evidence.results import Estimate, EstimatorForecast, LevelForecast, Trial
from cch_audit.results import Outcome, Verdict
from cch_audit.settings import LevelName

LEVELS: tuple[str, ...] = get_args(LevelName)
ESTIMATORS: tuple[str, ...] = names()
METRICS = ("accuracy", "mse")
COMPANIONS = ("teacher_labels", "teacher_labels_given_student")
BASELINES = ("score", "log_me", "h_score", "cka")


def read_trial(audit: Part, source: Part) -> Trial:
    """Return an audit with a training run as a trial.

    Parameters
    ----------
    audit : an element of a report's `audits`
    source : the report's `input`

    Raises
    ------
    InputError
        If something that is used is missing or not what it should be.
    """
    found = audit.at("confirmation")
    levels = {name: _level(level) for name, level in audit.at("levels").items() if name in LEVELS}
    return Trial(
        report=audit.file,
        file=source.at("path").text(),
        sha256=source.at("sha256").text(),
        teacher_sha256=source.at("teacher_sha256").optional_text(),
        teacher=audit.at("teacher").text(),
        student=audit.at("student").text(),
        verdict=_verdict(audit),
        levels=levels,
        columns={name: level.gap.low for name, level in levels.items()} | _other_columns(audit),
        outcome=found.at("outcome").choice(get_args(Outcome)),
        metric=found.at("metric").choice(METRICS),
        gain=_gain(found),
    )


def _verdict(part: Part) -> Verdict:
    verdict: Verdict = part.at("verdict").choice(get_args(Verdict))
    return verdict


def _level(level: Part) -> LevelForecast:
    """Return what the estimators of a level say, each and together."""
    estimators = {
        name: EstimatorForecast(_verdict(found), _gap(found))
        for name, found in level.at("estimators").items()
        if name in ESTIMATORS
    }
    voters = [level.at("estimators", voter.text()) for voter in level.at("voters").elements()]
    gaps = [_gap(found) for found in voters]
    together = Estimate(
        _all_known(median, [gap.estimate for gap in gaps]),
        _all_known(min, [gap.low for gap in gaps]),
        _all_known(max, [gap.high for gap in gaps]),
    )
    return LevelForecast(_verdict(level), together, estimators)


def _gap(estimator: Part) -> Estimate:
    """Return an estimator's gap in its verdict interval."""
    hull = estimator.at("verdict_interval")
    estimate = estimator.at("gap", "estimate").number()
    return Estimate(estimate, hull.at("low").number(), hull.at("high").number())


def _all_known(
    combine: Callable[[list[float]], float], numbers: Sequence[float | None]
) -> float | None:
    """Combine numbers if there are some and none of them is missing."""
    known = [number for number in numbers if number is not None]
    return combine(known) if known and len(known) == len(numbers) else None


def _other_columns(audit: Part) -> dict[str, float | None]:
    """Return what else teachers are ordered by; more is better in all columns."""
    companions = audit.at("companions")
    columns = {name: companions.at(name, "estimate").number() for name in COMPANIONS}
    if not audit.has("baselines"):
        return columns | dict.fromkeys((*BASELINES, "forecast"))
    baselines = audit.at("baselines")
    columns |= {name: baselines.at(name).number() for name in BASELINES}
    change = baselines.at("forecast", "change").number() if baselines.has("forecast") else None
    return columns | {"forecast": _negative(change)}


def _gain(found: Part) -> Estimate:
    """Return the improvement that a training run measured."""
    change = found.at("change")
    estimate, low, high = (change.at(name).number() for name in ("estimate", "low", "high"))
    if found.at("metric").value != "mse":
        return Estimate(estimate, low, high)
    baseline = found.at("baseline").number()
    if baseline is None or baseline <= 0:
        return Estimate(None, None, None)
    falls = [None if end is None else -end / baseline for end in (estimate, high, low)]
    return Estimate(*(fall if fall is not None and isfinite(fall) else None for fall in falls))


def _negative(number: float | None) -> float | None:
    return None if number is None else -number
