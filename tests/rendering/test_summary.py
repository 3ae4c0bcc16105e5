from dataclasses import replace

from cch_audit.rendering.summary import summary

from .reports import EVERY_REPORT, audit, hostile_report, regression_report, report


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
