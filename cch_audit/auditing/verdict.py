"""From intervals to a verdict: pass, fail, or undecided with the reason."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from cch_audit.estimators import find
from cch_audit.results import (
    DECIDES,
    Agreement,
    Audit,
    Cause,
    Doubt,
    EstimatorResult,
    Gap,
    Gate,
    Interval,
    LevelResult,
    Outcome,
    PerInformation,
    Range,
    Verdict,
)
from cch_audit.results.forecast import Forecast

DRIFT_REACH = 3.0
"""How many further moves like that from n/2 to n rows a verdict must survive.

A bias that falls as n^-a has 1 / (2^a - 1) such moves left: 2.4 at a = 1/2, 3.8 at a = 1/3.
"""


BELOW_ERRORS, LEAST_BELOW = 3.0, 0.05
"""Standard errors, and nats, below zero from which on an estimate says nothing."""


def side(interval: Range | Interval, margin: float) -> Verdict:
    """Return pass above the margin, fail below, undecided across it."""
    if interval.low > margin:
        return "pass"
    return "fail" if interval.high < margin else "undecided"


def judge(
    teacher_student: Interval,
    student_labels: Interval,
    gap: Gap,
    bias: PerInformation | None,
    drift: PerInformation,
    saturated: tuple[bool, bool],
    label_entropy: float | None,
    margin: float,
) -> EstimatorResult:
    """Judge one estimator at one level.

    The verdict interval is the hull of the gap's interval and of the same interval less the bias
    measured on surrogates. A flag blocks only the verdict it endangers: saturation means that an
    information is larger than shown, so it blocks a fail (teacher; student) or a pass (student;
    labels), and so does an estimate clearly below zero, where no information is; drift blocks when
    `DRIFT_REACH` more moves would change the verdict. Since I(student; labels) <= H(Y), a lower end
    of I(teacher; student) above H(Y) is a certificate: pass, whatever the second estimate says.

    Parameters
    ----------
    teacher_student, student_labels, gap : intervals, nats
    bias : mean error on surrogates, or None when it was not measured
    drift : estimate from all rows minus mean estimate from halves
    saturated : whether the estimate of each information is saturated
    label_entropy : H(Y), or None for continuous labels
    margin : what the gap must exceed, nats
    """
    hull = _hull(gap, 0.0 if bias is None else bias.gap)
    raw, verdict = side(gap, margin), side(hull, margin)
    # Only a move larger than the noise of the estimate says anything.
    moving = abs(drift.gap) > gap.standard_error
    drifts = moving and side(_moved(gap, drift.gap), margin) != raw
    threshold = "zero" if margin == 0 else f"the margin of {margin:g} nats"
    flags, reason = [], f"interval {_WHERE[verdict]} {threshold}"
    impossible = _below_zero(teacher_student), _below_zero(student_labels)
    if any(saturated):
        flags.append("saturated")
    if any(impossible):
        flags.append("below_zero")
    if raw != verdict:
        flags.append("bias_sensitive")
        reason = f"bias-sensitive: the raw interval alone would say {raw}"
    if drifts:
        flags.append("drift")
    if drifts and verdict != "undecided":
        verdict, reason = "undecided", "drift: the gap still moves with the number of rows"
    elif saturated[0] and verdict == "fail":
        verdict, reason = "undecided", "saturated: I(teacher; student) is larger than shown"
    elif impossible[0] and verdict == "fail":
        verdict, reason = "undecided", "below zero: I(teacher; student) is larger than shown"
    elif impossible[1] and verdict == "pass":
        verdict, reason = "undecided", "below zero: I(student; labels) is larger than shown"
    elif saturated[1] and verdict == "pass":
        verdict, reason = "undecided", "saturated: I(student; labels) is larger than shown"
    if label_entropy is not None:
        shared = _hull(teacher_student, 0.0 if bias is None else bias.teacher_student)
        later_low = _moved(teacher_student, drift.teacher_student).low
        if min(shared.low, later_low) > label_entropy + margin:
            flags.append("certificate")
            verdict, reason = (
                "pass",
                "I(teacher; student) exceeds H(Y), which caps I(student; labels)",
            )
    return EstimatorResult(
        teacher_student, student_labels, gap, hull, bias, drift, tuple(flags), verdict, reason
    )


def _below_zero(information: Interval) -> bool:
    """Return whether an estimate lies where no information does, beyond any accident."""
    return information.estimate < -max(LEAST_BELOW, BELOW_ERRORS * information.standard_error)


def withhold(
    results: Mapping[str, EstimatorResult], doubts: Sequence[Doubt]
) -> dict[str, EstimatorResult]:
    """Take back what estimators say of rows whose independence is in doubt."""
    standing = [doubt for doubt in doubts if not doubt.overruled]
    if not standing:
        return dict(results)
    reason = "withheld: " + ", ".join(_DOUBTS[doubt.kind] for doubt in standing)
    return {
        name: replace(found, verdict="undecided", reason=reason, flags=(*found.flags, "withheld"))
        for name, found in results.items()
    }


def raise_to_floor(result: EstimatorResult, floor: Interval, margin: float) -> EstimatorResult:
    """Hold what lies below the margin against the floor of the gap.

    The verdict interval is raised to the upper end of the floor. What the estimator misses of the
    floor it may miss once more: a fail stands only if such a move would not change it. The result
    is flagged where its interval lies below that of the floor, or where a fail does not stand.

    Parameters
    ----------
    result : one estimator at one level
    floor : interval of I(predicted labels; student) - I(labels; student), nats
    margin : what the gap must exceed, nats
    """
    hull = result.verdict_interval
    if side(hull, margin) != "fail" or floor.high <= hull.high:
        return result
    missed = max(floor.estimate - hull.high, 0.0)
    raised = replace(result, verdict_interval=Range(hull.low, floor.high))
    stands = side(Range(hull.low, floor.high + missed), margin) == "fail"
    if hull.high < floor.low or not stands:
        raised = replace(raised, flags=(*result.flags, "below_floor"))
    if stands or result.verdict != "fail":
        return raised
    reason = "floor: what the teacher predicts of the labels shares more with the student"
    return replace(raised, verdict="undecided", reason=reason)


def hold_to_floor(
    results: Mapping[str, EstimatorResult], measure: Callable[[], Interval], margin: float
) -> tuple[dict[str, EstimatorResult], Interval | None]:
    """Hold estimators of one level against the floor, which is measured where one may fail.

    Returns
    -------
    What they say now, and the floor, or None where it raises no verdict interval.
    """
    if all(side(result.verdict_interval, margin) != "fail" for result in results.values()):
        return dict(results), None
    floor = measure()
    held = {name: raise_to_floor(found, floor, margin) for name, found in results.items()}
    return held, floor if held != results else None


def combine(
    estimators: Mapping[str, EstimatorResult], rule: str, asked: Sequence[str] = ()
) -> LevelResult:
    """Combine the estimators of one level by a rule.

    `all`: every estimator must agree (an intersection-union test: the level holds without
    correction). `majority`: more than half. `any`: at least one decides and none contradicts. An
    estimator's name: that one alone. A reference votes only when named or alone.

    Parameters
    ----------
    estimators : what they say
    rule : as the settings have it
    asked : all estimators of the level, if some were not needed
    """
    asked = asked or tuple(estimators)
    deciding = voters_of(asked, rule)
    voters = tuple(name for name in deciding if name in estimators)
    votes = {name: estimators[name].verdict for name in voters}
    passes, fails = (list(votes.values()).count(verdict) for verdict in ("pass", "fail"))
    verdict = _winner(passes, fails, len(deciding), rule)
    grouped: dict[tuple[Verdict, str], list[str]] = {}
    for name, vote in votes.items():
        grouped.setdefault((vote, estimators[name].reason), []).append(name)
    reasons = [f"{', '.join(names)}: {vote}, {why}" for (vote, why), names in grouped.items()]
    if verdict == "undecided" and passes and fails:
        reasons.insert(0, "the estimators disagree")
    return LevelResult(verdict, tuple(reasons), voters, estimators)


def voters_of(asked: Sequence[str], rule: str) -> tuple[str, ...]:
    """Return the estimators that decide by a rule."""
    if rule in asked:
        return (rule,)
    return tuple(name for name in asked if not find(name).is_reference) or tuple(asked)


def possible(votes: Sequence[Verdict], n_voters: int, rule: str) -> set[Verdict]:
    """Return how a rule can end once all have voted, of whom some have already."""
    left = range(n_voters - len(votes) + 1)
    return {
        _winner(votes.count("pass") + p, votes.count("fail") + f, n_voters, rule)
        for p in left
        for f in left
        if p + f <= left[-1]
    }


def _winner(passes: int, fails: int, n_voters: int, rule: str) -> Verdict:
    """Return what has votes enough; undecided if nothing has, or both."""
    needed = {"any": 1, "majority": n_voters // 2 + 1}.get(rule, n_voters)
    if (passes >= needed) == (fails >= needed):
        return "undecided"
    return "pass" if passes >= needed else "fail"


def agree(verdicts: Sequence[Verdict]) -> Verdict:
    """Return the common verdict of several levels, undecided if they differ."""
    return verdicts[0] if len(set(verdicts)) == 1 else "undecided"


def overall(verdicts: Sequence[Verdict]) -> Verdict:
    """Return the verdict over several teachers: fail if any fails, pass only if all pass."""
    if "fail" in verdicts:
        return "fail"
    return agree(verdicts)


def best(verdicts: Sequence[Verdict]) -> Verdict:
    """Return the verdict of a choice among teachers: pass if any passes, fail if all fail."""
    return "pass" if "pass" in verdicts else agree(verdicts)


def of_outcome(outcome: Outcome, cause: Cause | None, accept: Cause = "transfer") -> Verdict:
    """Return the verdict that a training run stands for: a change that is no gain is a fail.

    Parameters
    ----------
    outcome : what training showed
    cause : why it helps; without an answer, whether the teacher is needed stays open
    accept : `transfer`, or `regularisation`: then a gain counts whatever its cause
    """
    if outcome != "helps":
        return "undecided" if outcome == "undecided" else "fail"
    if accept == "regularisation" or cause == "transfer":
        return "pass"
    return "fail" if cause == "regularisation" else "undecided"


def of_forecast(forecast: Forecast | None, accept: Cause = "transfer") -> Verdict:
    """Return the verdict that a forecast stands for, by the rules of a training run's outcome."""
    if forecast is None:
        return "undecided"
    return of_outcome(forecast.outcome, cause_of(forecast), accept)


def cause_of(forecast: Forecast) -> Cause | None:
    """Return why a forecast helps, in the words of training runs."""
    return "unclear" if forecast.source == "open" else forecast.source


def decided(audit: Audit, gate: Gate, accept: Cause = "transfer") -> Verdict:
    """Return what decides for one teacher: verdict, forecast, outcome of training, or several.

    Several: pass where all say yes, fail where any says no, else undecided. None: pass. Without a
    training run the outcome is not asked. `accept` says of which cause a gain has to be.
    """
    found, said = audit.confirmation, dict.fromkeys(DECIDES[gate], audit.verdict)
    if "forecast" in said:
        said["forecast"] = of_forecast(audit.forecast, accept)
    if "outcome" in said and found is not None:
        said["outcome"] = of_outcome(found.outcome, found.cause, accept)
    return overall([*said.values()]) if said else "pass"


def agreement(
    verdict: Verdict, outcome: Outcome, cause: Cause | None, accept: Cause = "transfer"
) -> Agreement:
    """Say whether what a training run stands for is what the verdict forecast."""
    both: tuple[Verdict, Verdict] = (verdict, of_outcome(outcome, cause, accept))
    if "undecided" in both:
        return "undecided"
    return "agrees" if both[0] == both[1] else "disagrees"


_DOUBTS = {
    "near_copies": "rows look like copies of each other",
    "file_order": "rows depend on their neighbours in the file",
    "few_units": "too few groups count",
    "lone_classes": "classes lie in one group each",
}

_WHERE = {"pass": "above", "fail": "below", "undecided": "includes"}


def _hull(interval: Interval, bias: float) -> Range:
    """Return the hull of an interval and the interval less its bias."""
    return Range(min(interval.low, interval.low - bias), max(interval.high, interval.high - bias))


def _moved(interval: Interval, drift: float) -> Range:
    """Return an interval stretched by further moves in the direction of its drift."""
    reach = DRIFT_REACH * drift
    return Range(interval.low + min(reach, 0.0), interval.high + max(reach, 0.0))
