from dataclasses import replace

import pytest

from cch_audit.rendering.summary import summary
from cch_audit.results import Outcome, RankReport, Verdict

from .reports import (
    EVERY_REPORT,
    audit,
    confirmed_regression_report,
    confirmed_report,
    hostile_report,
    ranked_report,
    regression_report,
    report,
)


def test_pass() -> None:
    assert summary(report()) == (
        "PASS: I(teacher;student) exceeds I(student;labels) on representations: "
        "all 3 estimators agree, gap 0.705 to 0.820 nats."
    )


def test_fail_on_both_levels() -> None:
    assert summary(regression_report()) == (
        "FAIL: I(teacher;student) does not exceed I(student;labels) on representations and "
        "predictions: all 3 estimators agree, gap -0.695 to 78.053 nats."
    )


def test_undecided_says_why() -> None:
    one = replace(audit(verdict="undecided"), reasons=("estimators disagree", "drift"))
    assert summary(report(one, verdict="undecided")) == (
        "UNDECIDED: cannot say whether I(teacher;student) exceeds I(student;labels) on "
        "representations: estimators disagree; drift, gap 0.005 to 0.120 nats."
    )


def test_one_estimator_may_decide_alone() -> None:
    one = audit()
    level = replace(one.levels["representations"], voters=("gaussian",))
    levels = {**one.levels, "representations": level}
    assert summary(report(replace(one, levels=levels))).endswith(
        "gaussian decides alone, gap 0.550 nats."
    )


def test_majority() -> None:
    one = audit()
    level = one.levels["representations"]
    estimators = dict(level.estimators)
    estimators["mine"] = replace(estimators["mine"], verdict="undecided")
    levels = {**one.levels, "representations": replace(level, estimators=estimators)}
    assert "2 of 3 estimators say so" in summary(report(replace(one, levels=levels)))


def test_margin_is_named() -> None:
    base = report()
    settings = {**base.settings, "margin": 0.1}
    text = summary(replace(base, settings=settings))
    assert "exceeds I(student;labels) by the margin of 0.1 nats on" in text


def test_several_teachers_are_counted() -> None:
    assert summary(EVERY_REPORT["three teachers"]) == (
        "PASS: of 3 teachers, 1 pass (mod/text); 1 fail (mod/video); 1 undecided (mod/raw)."
    )


def test_one_printable_line() -> None:
    text = summary(hostile_report())
    assert text.isprintable()
    assert summary(hostile_report(), unicode=False).isascii()


def test_bits() -> None:
    assert summary(report(), units="bits").endswith("gap 1.016 to 1.183 bits.")


@pytest.mark.parametrize(
    ("verdict", "outcome", "expected"),
    [
        (
            "pass",
            "helps",
            "Measured: KD helps by transfer (accuracy +0.0105 [+0.0026, +0.0184], 400 training "
            "rows); the CCH verdict was PASS: agrees.",
        ),
        (
            "pass",
            "hurts",
            "Measured: KD hurts (accuracy -0.0209 [-0.0273, -0.0145], 400 training rows); the CCH "
            "verdict was PASS: disagrees.",
        ),
        (
            "fail",
            "no_change",
            "Measured: no change by KD that matters (accuracy +0.0004 [-0.0031, +0.0039], 400 "
            "training rows); the CCH verdict was FAIL: agrees.",
        ),
        (
            "pass",
            "undecided",
            "Measured: undecided whether KD helps (accuracy +0.0048 [-0.0183, +0.0279], 400 "
            "training rows); the CCH verdict was PASS: undecided.",
        ),
        (
            "fail",
            "helps",
            "Measured: KD helps by transfer (accuracy +0.0105 [+0.0026, +0.0184], 400 training "
            "rows); the CCH verdict was FAIL: disagrees (the criterion is sufficient, not "
            "necessary: FAIL rules no gain out).",
        ),
    ],
)
def test_the_outcome_follows_the_verdict(verdict: Verdict, outcome: Outcome, expected: str) -> None:
    text = summary(confirmed_report(verdict, outcome), units="bits")
    assert text.startswith(f"{verdict.upper()}: ")
    assert text.endswith(f" {expected}")


def test_a_squared_error_has_its_relative_change() -> None:
    assert "KD helps by transfer (MSE -0.105 [-0.184, -0.0260], -8.5 %, 400 " in summary(
        confirmed_regression_report()
    )


def test_outcomes_of_several_teachers() -> None:
    assert summary(EVERY_REPORT["two confirmed teachers"]) == (
        "PASS: of 2 teachers, 2 pass (mod/text, b). Measured: KD helps by transfer with "
        "mod/text; no change by KD that matters with b."
    )


def test_a_ranking_names_the_first_and_counts_no_control() -> None:
    assert summary(ranked_report(confirm=False)) == (
        "PASS: 2 of 5 teachers pass; first by gap on representations: "
        "transcriptome/expression_top200."
    )
    assert summary(ranked_report()).endswith(
        "Measured: KD helps by transfer with transcriptome/expression_top200, clinic; no change by "
        "KD that matters with methylation; KD hurts with proteins; undecided whether KD helps with "
        "copy_number/segments_by_chromosome_arm."
    )


def test_teachers_that_share_the_first_rank() -> None:
    base = ranked_report(confirm=False)
    assert isinstance(base, RankReport)
    places = tuple(
        replace(one, rank=None if one.rank is None else 1) for one in base.ranking.teachers
    )
    text = summary(replace(base, ranking=replace(base.ranking, teachers=places)))
    assert text.endswith("methylation, clinic (cannot be told apart).")


def test_a_training_run_that_decides_comes_first() -> None:
    base = replace(confirmed_report("pass", "hurts"), gate="outcome", decision="fail")
    text = summary(base)
    assert text.startswith("Measured: KD hurts (")
    assert text.endswith("the CCH verdict was PASS: disagrees.")
    several = replace(EVERY_REPORT["two confirmed teachers"], gate="outcome", decision="fail")
    assert summary(several) == (
        "Measured: KD helps by transfer with mod/text; no change by KD that matters with b. "
        "CCH verdict PASS: of 2 teachers, 2 pass (mod/text, b)."
    )


@pytest.mark.parametrize(
    ("decision", "expected"),
    [
        ("pass", "PASS: confirmed by training. CCH verdict PASS: "),
        ("fail", "FAIL: a pass and a measured gain by transfer are both required. CCH verdict"),
        ("undecided", "UNDECIDED: a pass and a measured gain by transfer are both required. CCH "),
    ],
)
def test_what_both_decide_comes_first(decision: Verdict, expected: str) -> None:
    text = summary(replace(confirmed_report(), gate="both", decision=decision))
    assert text.startswith(expected)
    assert "Measured: KD helps" in text


def test_an_undecided_verdict_has_nothing_to_agree_with() -> None:
    text = summary(confirmed_report("undecided", "helps"))
    assert text.endswith("400 training rows); the CCH verdict was UNDECIDED.")


def test_a_gain_that_a_control_shows_too_needs_no_teacher() -> None:
    text = summary(EVERY_REPORT["regularisation"])
    assert text.endswith(
        "Measured: KD helps by regularisation (accuracy +0.0105 [+0.0026, +0.0184], 400 training "
        "rows); label smoothing does as well: no teacher needed; the CCH verdict was PASS: "
        "disagrees."
    )


def test_where_a_gain_of_any_cause_is_accepted_none_is_asked_for() -> None:
    base = replace(EVERY_REPORT["regularisation"], gate="both", decision="fail")
    settings = {**base.settings, "accept": "regularisation"}
    text = summary(replace(base, settings=settings))
    assert text.startswith("FAIL: a pass and a measured gain are both required. CCH verdict ")


def test_a_learning_curve_has_a_sentence() -> None:
    assert summary(EVERY_REPORT["learning curve"]).endswith(
        "By training size: helps by transfer up to about 100 labelled rows, helps by "
        "regularisation at 200, undecided at 400, no change at 800."
    )


def test_own_training_runs_are_said_to_be() -> None:
    text = summary(EVERY_REPORT["own runs"])
    assert "Measured: in your own training runs, KD helps by transfer (accuracy +0.0105 [" in text
    assert "training rows" not in text


def test_one_of_one_passes() -> None:
    base = ranked_report(confirm=False, controls=False)
    assert isinstance(base, RankReport)
    one = base.ranking.teachers[0]
    first = replace(base.audits[0], teacher=one.teacher, verdict="fail")
    only = replace(base.ranking, teachers=(one,))
    text = summary(replace(base, audits=(first,), ranking=only, verdict="fail"))
    assert text.startswith("FAIL: 0 of 1 teacher passes; first by ")
