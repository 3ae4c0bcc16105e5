from dataclasses import replace
from itertools import product

import pytest

from cch_audit.auditing.verdict import (
    DRIFT_REACH,
    agree,
    agreement,
    best,
    combine,
    decided,
    judge,
    of_outcome,
    overall,
    raise_to_floor,
)
from cch_audit.results import EstimatorResult, Gap, Interval, PerInformation, Range
from tests.rendering.experiments import confirmation, confirmed
from tests.rendering.reports import confirmed_report

NO_DRIFT = PerInformation(0.0, 0.0, 0.0)


def gap(low: float, high: float) -> Gap:
    middle = (low + high) / 2
    return Gap(middle, low, high, (high - low) / 4, 0.5)


def around(value: float) -> Interval:
    return Interval(value, value - 0.1, value + 0.1, 0.05)


def judged(
    low,
    high,
    *,
    bias=None,
    drift=0.0,
    saturated=(False, False),
    entropy=None,
    shared=0.0,
    shared_bias=0.0,
    shared_drift=0.0,
    margin=0.0,
) -> EstimatorResult:
    return judge(
        teacher_student=around(shared),
        student_labels=around(0.0),
        gap=gap(low, high),
        bias=None if bias is None else PerInformation(shared_bias, shared_bias - bias, bias),
        drift=PerInformation(shared_drift, shared_drift - drift, drift),
        saturated=saturated,
        label_entropy=entropy,
        margin=margin,
    )


TABLE = {
    # arguments: verdict, flags, a word of the reason
    "above zero": ((0.1, 0.5), {}, "pass", (), "above zero"),
    "below zero": ((-0.5, -0.1), {}, "fail", (), "below zero"),
    "across zero": ((-0.1, 0.5), {}, "undecided", (), "includes zero"),
    "touching zero from above": ((0.0, 0.5), {}, "undecided", (), "includes zero"),
    "touching zero from below": ((-0.5, 0.0), {}, "undecided", (), "includes zero"),
    "above the margin": ((0.3, 0.5), {"margin": 0.2}, "pass", (), "margin of 0.2"),
    "above zero, not the margin": ((0.1, 0.5), {"margin": 0.2}, "undecided", (), "margin of 0.2"),
    "below the margin": ((0.1, 0.15), {"margin": 0.2}, "fail", (), "margin of 0.2"),
    "above a negative margin": ((-0.1, 0.1), {"margin": -0.2}, "pass", (), "margin of -0.2"),
    "small bias": ((0.1, 0.5), {"bias": 0.05}, "pass", (), "above zero"),
    "bias away from zero": ((0.1, 0.5), {"bias": -0.3}, "pass", (), "above zero"),
    "bias makes a pass": ((0.1, 0.5), {"bias": 0.2}, "undecided", ("bias_sensitive",), "raw"),
    "bias makes a fail": ((-0.5, -0.1), {"bias": -0.2}, "undecided", ("bias_sensitive",), "raw"),
    "bias beside undecided": ((-0.1, 0.5), {"bias": 0.2}, "undecided", (), "includes zero"),
    "drift within noise": ((0.01, 0.41), {"drift": -0.09}, "pass", (), "above zero"),
    "drift to zero": ((0.1, 0.5), {"drift": -0.15}, "undecided", ("drift",), "rows"),
    "drift to zero from below": ((-0.5, -0.1), {"drift": 0.15}, "undecided", ("drift",), "rows"),
    "drift away from zero": ((0.1, 0.5), {"drift": 0.15}, "pass", (), "above zero"),
    "drift far from zero": ((1.0, 1.4), {"drift": -0.15}, "pass", (), "above zero"),
    "drift beside undecided": ((-0.1, 0.3), {"drift": 0.15}, "undecided", (), "includes zero"),
    "drift to the margin": (
        (0.3, 0.7),
        {"drift": -0.15, "margin": 0.2},
        "undecided",
        ("drift",),
        "rows",
    ),
    "drift and bias": (
        (0.1, 0.5),
        {"drift": -0.15, "bias": 0.2},
        "undecided",
        ("bias_sensitive", "drift"),
        "bias",
    ),
    "saturated teacher, pass": (
        (0.1, 0.5),
        {"saturated": (True, False)},
        "pass",
        ("saturated",),
        "above zero",
    ),
    "saturated teacher, fail": (
        (-0.5, -0.1),
        {"saturated": (True, False)},
        "undecided",
        ("saturated",),
        "I(teacher; student)",
    ),
    "saturated labels, pass": (
        (0.1, 0.5),
        {"saturated": (False, True)},
        "undecided",
        ("saturated",),
        "I(student; labels)",
    ),
    "saturated labels, fail": (
        (-0.5, -0.1),
        {"saturated": (False, True)},
        "fail",
        ("saturated",),
        "below zero",
    ),
    "both saturated, pass": (
        (0.1, 0.5),
        {"saturated": (True, True)},
        "undecided",
        ("saturated",),
        "I(student; labels)",
    ),
    "both saturated, fail": (
        (-0.5, -0.1),
        {"saturated": (True, True)},
        "undecided",
        ("saturated",),
        "I(teacher; student)",
    ),
    "saturated, undecided": (
        (-0.1, 0.1),
        {"saturated": (True, True)},
        "undecided",
        ("saturated",),
        "includes zero",
    ),
    "certificate": (
        (-0.5, -0.1),
        {"entropy": 0.7, "shared": 1.0},
        "pass",
        ("certificate",),
        "H(Y)",
    ),
    "estimate above H(Y), its interval not": (
        (-0.5, -0.1),
        {"entropy": 0.7, "shared": 0.75},
        "fail",
        (),
        "below zero",
    ),
    "no certificate within the margin": (
        (-0.5, -0.1),
        {"entropy": 0.7, "shared": 1.0, "margin": 0.3},
        "fail",
        (),
        "margin",
    ),
    "no certificate after the bias": (
        (-0.5, -0.1),
        {"entropy": 0.7, "shared": 1.0, "bias": 0.0, "shared_bias": 0.3},
        "fail",
        (),
        "below zero",
    ),
    "low bias makes no certificate": (
        (-0.5, -0.1),
        {"entropy": 0.7, "shared": 0.6, "bias": 0.0, "shared_bias": -0.5},
        "fail",
        (),
        "below zero",
    ),
    "no certificate under drift": (
        (-0.5, -0.1),
        {"entropy": 0.7, "shared": 1.0, "shared_drift": -0.1},
        "fail",
        (),
        "below zero",
    ),
    "upward drift keeps the certificate": (
        (-0.5, -0.1),
        {"entropy": 0.7, "shared": 1.0, "shared_drift": 0.5},
        "pass",
        ("certificate",),
        "H(Y)",
    ),
    "upward drift makes no certificate": (
        (-0.5, -0.1),
        {"entropy": 0.7, "shared": 0.6, "shared_drift": 0.5},
        "fail",
        (),
        "below zero",
    ),
    "certificate over saturation": (
        (0.1, 0.5),
        {"entropy": 0.7, "shared": 1.0, "saturated": (False, True)},
        "pass",
        ("saturated", "certificate"),
        "H(Y)",
    ),
    "certificate over bias": (
        (0.1, 0.5),
        {"entropy": 0.7, "shared": 1.0, "bias": 0.2},
        "pass",
        ("bias_sensitive", "certificate"),
        "H(Y)",
    ),
    "no certificate for continuous labels": (
        (-0.5, -0.1),
        {"entropy": None, "shared": 9.0},
        "fail",
        (),
        "below zero",
    ),
}


@pytest.mark.parametrize("row", TABLE.values(), ids=TABLE)
def test_judge(row):
    interval, changes, verdict, flags, word = row
    found = judged(*interval, **changes)
    assert found.verdict == verdict
    assert found.flags == flags
    assert word in found.reason


@pytest.mark.parametrize(
    ("bias", "hull"), [(None, (0.1, 0.5)), (0.2, (-0.1, 0.5)), (-0.2, (0.1, 0.7)), (0, (0.1, 0.5))]
)
def test_verdict_interval_is_the_hull(bias, hull):
    found = judged(0.1, 0.5, bias=bias).verdict_interval
    assert (found.low, found.high) == pytest.approx(hull)


def test_drift_counts_three_further_moves():
    # The standard error is .1: moves above it count.
    low = DRIFT_REACH * 0.11
    assert judged(low + 0.001, low + 0.4, drift=-0.11).verdict == "pass"
    assert judged(low - 0.001, low + 0.4, drift=-0.11).verdict == "undecided"


FLOORS = {
    # arguments, floor: upper end, verdict, flags
    "above all of it": ((-0.5, -0.3), {}, (-0.25, -0.2), -0.2, "fail", ("below_floor",)),
    "above in part": ((-0.5, -0.3), {}, (-0.5, -0.2), -0.2, "fail", ()),
    "below": ((-0.5, -0.3), {}, (-0.9, -0.4), -0.3, "fail", ()),
    "zero": ((-0.5, -0.3), {}, (0.0, 0.0), 0.0, "undecided", ("below_floor",)),
    "around zero": ((-0.5, -0.3), {}, (-0.1, 0.1), 0.1, "undecided", ("below_floor",)),
    "reaching zero": ((-0.5, -0.3), {}, (-0.8, 0.1), 0.1, "undecided", ("below_floor",)),
    # .2 is missed, and .2 more would be above zero.
    "as much again": ((-0.5, -0.3), {}, (-0.15, -0.05), -0.05, "undecided", ("below_floor",)),
    "within a margin": (
        (-0.5, -0.3),
        {"margin": 0.2},
        (-0.15, -0.05),
        -0.05,
        "fail",
        ("below_floor",),
    ),
    "under drift": (
        (-0.5, -0.3),
        {"drift": 0.15},
        (-0.1, 0.1),
        0.1,
        "undecided",
        ("drift", "below_floor"),
    ),
    "pass": ((0.1, 0.5), {}, (0.6, 0.8), 0.5, "pass", ()),
    "undecided": ((-0.5, 0.1), {}, (0.2, 0.4), 0.1, "undecided", ()),
    "certificate": (
        (-0.5, -0.3),
        {"entropy": 0.7, "shared": 1.0},
        (-0.1, 0.1),
        0.1,
        "pass",
        ("certificate", "below_floor"),
    ),
}


@pytest.mark.parametrize("row", FLOORS.values(), ids=FLOORS)
def test_raise_to_floor(row):
    interval, changes, (low, high), upper, verdict, flags = row
    before = judged(*interval, **changes)
    floor = Interval((low + high) / 2, low, high, 0.1)
    found = raise_to_floor(before, floor, changes.get("margin", 0.0))
    assert found.verdict_interval == Range(before.verdict_interval.low, upper)
    assert (found.verdict, found.flags) == (verdict, flags)
    assert ("floor" in found.reason) == (found.verdict != before.verdict)


def test_inputs_are_kept():
    found = judged(0.1, 0.5, bias=0.05, drift=0.01)
    assert found.gap == gap(0.1, 0.5)
    assert found.bias.gap == 0.05
    assert found.drift.gap == 0.01


def voter(verdict: str, reason: str = "why") -> EstimatorResult:
    some = around(0.0)
    return EstimatorResult(
        some, some, gap(-1, 1), Range(-1, 1), None, NO_DRIFT, (), verdict, reason
    )


P, F, U = "pass", "fail", "undecided"
RULES = [
    ("all", [P, P, P], P),
    ("all", [P, P, U], U),
    ("all", [P, P, F], U),
    ("all", [F, F, F], F),
    ("all", [F, U, U], U),
    ("all", [U, U, U], U),
    ("all", [P], P),
    ("majority", [P, P, U], P),
    ("majority", [P, P, F], P),
    ("majority", [F, F, P], F),
    ("majority", [P, F, U], U),
    ("majority", [P, U, U], U),
    ("majority", [P, F], U),
    ("majority", [P, U], U),
    ("majority", [P, P], P),
    ("majority", [F], F),
    ("any", [P, U, U], P),
    ("any", [F, U, U], F),
    ("any", [P, P, P], P),
    ("any", [P, F, U], U),
    ("any", [U, U, U], U),
    ("ksg", [P, F, F], P),
    ("mine", [P, F, P], F),
    ("lmi", [P, F, U], U),
]


@pytest.mark.parametrize(("rule", "votes", "expected"), RULES)
def test_combine(rule, votes, expected):
    estimators = {name: voter(vote) for name, vote in zip(("ksg", "mine", "lmi"), votes)}
    found = combine(estimators, rule)
    assert found.verdict == expected
    assert found.estimators == estimators


@pytest.mark.parametrize("votes", list(product([P, F, U], repeat=3)))
def test_rules_are_ordered_and_symmetric(votes):
    estimators = {name: voter(vote) for name, vote in zip(("ksg", "mine", "lmi"), votes)}
    found = {rule: combine(estimators, rule).verdict for rule in ("all", "majority", "any")}
    # What the strict rule decides, the others decide alike, unless votes contradict.
    if found["all"] != U:
        assert found["all"] == found["majority"] == found["any"]
    if found["any"] != U and found["majority"] != U:
        assert found["any"] == found["majority"]
    mirrored = {P: F, F: P, U: U}
    opposite = {name: voter(mirrored[vote]) for name, vote in zip(estimators, votes)}
    for rule, verdict in found.items():
        assert combine(opposite, rule).verdict == mirrored[verdict]


@pytest.mark.parametrize(
    ("rule", "votes", "voters", "expected"),
    [
        ("all", {"ksg": P, "gaussian": F}, ("ksg",), P),
        ("all", {"gaussian": F, "ksg": P, "mine": P}, ("ksg", "mine"), P),
        ("any", {"ksg": U, "gaussian": P}, ("ksg",), U),
        ("majority", {"ksg": F, "mine": F, "lmi": P, "gaussian": P}, ("ksg", "mine", "lmi"), F),
        ("all", {"gaussian": F}, ("gaussian",), F),
        ("gaussian", {"ksg": P, "gaussian": F}, ("gaussian",), F),
        ("ksg", {"ksg": P, "gaussian": F}, ("ksg",), P),
    ],
)
def test_gaussian_votes_only_when_named_or_alone(rule, votes, voters, expected):
    found = combine({name: voter(vote) for name, vote in votes.items()}, rule)
    assert found.voters == voters
    assert found.verdict == expected
    assert set(found.estimators) == set(votes)


def test_reasons_name_the_voters():
    found = combine({"ksg": voter(P, "a"), "mine": voter(P, "a"), "lmi": voter(U, "b")}, "all")
    assert found.reasons == ("ksg, mine: pass, a", "lmi: undecided, b")


def test_disagreement_is_said_first():
    found = combine({"ksg": voter(P, "a"), "mine": voter(F, "b")}, "all")
    assert found.reasons == ("the estimators disagree", "ksg: pass, a", "mine: fail, b")


def test_same_reason_of_different_verdicts_is_kept_apart():
    found = combine({"ksg": voter(P, "a"), "mine": voter(U, "a")}, "all")
    assert found.reasons == ("ksg: pass, a", "mine: undecided, a")


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [([P], P), ([P, P], P), ([F, F], F), ([P, F], U), ([P, U], U), ([F, U], U), ([U, U], U)],
)
def test_levels_must_agree(verdicts, expected):
    assert agree(verdicts) == expected


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        ([P], P),
        ([P, P], P),
        ([P, F], F),
        ([F, U, P], F),
        ([P, U], U),
        ([U, U], U),
        ([F], F),
    ],
)
def test_teachers_together(verdicts, expected):
    assert overall(verdicts) == expected


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        ([P], P),
        ([F, F, P], P),
        ([P, U], P),
        ([F, F], F),
        ([F, U], U),
        ([U, U], U),
    ],
)
def test_choice_among_teachers(verdicts, expected):
    assert best(verdicts) == expected


HELPS, HURTS, NO_CHANGE = "helps", "hurts", "no_change"


@pytest.mark.parametrize(
    ("verdict", "outcome", "cause", "both", "says"),
    [
        (P, HELPS, "transfer", P, "agrees"),
        (P, HELPS, "regularisation", F, "disagrees"),
        (P, HELPS, "unclear", U, "undecided"),
        (P, NO_CHANGE, None, F, "disagrees"),
        (P, HURTS, None, F, "disagrees"),
        (P, U, None, U, "undecided"),
        (F, HELPS, "transfer", F, "disagrees"),
        (F, HELPS, "regularisation", F, "agrees"),
        (F, HELPS, "unclear", F, "undecided"),
        (F, NO_CHANGE, None, F, "agrees"),
        (F, HURTS, None, F, "agrees"),
        (F, U, None, F, "undecided"),
        (U, HELPS, "transfer", U, "undecided"),
        (U, HELPS, "regularisation", F, "undecided"),
        (U, HELPS, "unclear", U, "undecided"),
        (U, NO_CHANGE, None, F, "undecided"),
        (U, HURTS, None, F, "undecided"),
        (U, U, None, U, "undecided"),
    ],
)
def test_verdict_and_training_run(verdict, outcome, cause, both, says):
    audit = confirmed(confirmed_report(verdict).audits[0], confirmation(outcome, cause))
    assert decided(audit, "both") == both
    assert decided(audit, "verdict") == verdict
    assert decided(audit, "outcome") == of_outcome(outcome, cause)
    assert decided(audit, "none") == "pass"
    # Without a training run, the verdict is all there is.
    assert decided(replace(audit, confirmation=None), "both") == verdict
    assert agreement(verdict, outcome, cause) == says


def test_only_a_transfer_stands_for_a_pass():
    assert [of_outcome(outcome, None) for outcome in (NO_CHANGE, HURTS, U)] == [F, F, U]
    causes = ("transfer", "regularisation", "unclear", None)
    assert [of_outcome(HELPS, cause) for cause in causes] == [P, F, U, U]


@pytest.mark.parametrize("cause", ["transfer", "regularisation", "unclear"])
def test_a_gain_of_any_cause_may_be_accepted(cause):
    audit = confirmed(confirmed_report("pass").audits[0], confirmation(HELPS, cause))
    assert decided(audit, "outcome", "regularisation") == P
    assert decided(audit, "both", "regularisation") == P
    assert agreement(F, HELPS, cause, "regularisation") == "disagrees"
    others = [of_outcome(outcome, None, "regularisation") for outcome in (NO_CHANGE, HURTS, U)]
    assert others == [F, F, U]
