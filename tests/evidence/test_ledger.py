from dataclasses import replace

import pytest
from scipy.stats import binomtest

from cch_audit.columns import COLUMNS, forecasters
from cch_audit.evidence.results import Decisions, Estimate, EstimatorForecast, LevelForecast
from cch_audit.rendering import render
from cch_audit.results import Outcome

from .trials import around, decisions, ledger, scores, trial

NOTHING = Estimate(None, None, None)


def counts(found: Decisions) -> tuple[int, ...]:
    """Return the numbers of trials, undecided forecasts and outcomes, decided, and helps."""
    return (
        found.n_trials,
        found.n_undecided_forecasts,
        found.n_undecided_outcomes,
        found.n_decided,
        found.n_helps,
    )


def shares(found: Decisions) -> dict[str, tuple[int, int]]:
    names = ("right", "precision", "recall", "harmful")
    return {name: (getattr(found, name).count, getattr(found, name).total) for name in names}


BY_HAND = (
    trial("pass", "helps"),
    trial("pass", "helps"),
    trial("pass", "hurts"),
    trial("pass", "no_change"),
    trial("fail", "helps"),
    trial("fail", "hurts"),
    trial("fail", "no_change"),
    trial("undecided", "helps"),
    trial("pass", "undecided"),
    trial("undecided", "undecided"),
)


def test_a_ledger_by_hand() -> None:
    found = decisions(ledger(*BY_HAND))
    assert counts(found) == (10, 2, 2, 7, 3)
    assert shares(found) == {
        "right": (4, 7),
        "precision": (2, 4),
        "recall": (2, 3),
        "harmful": (1, 4),
    }
    # Two of three that help, and two of four that do not.
    assert found.balanced.estimate == pytest.approx((2 / 3 + 1 / 2) / 2)
    assert (found.against_chance, found.against_trivial) == ("open", "open")


def test_a_gain_counts_where_it_is_a_transfer() -> None:
    trials = (
        trial("pass", "helps", "transfer"),
        trial("pass", "helps", "regularisation"),
        trial("fail", "helps", "regularisation"),
        trial("pass", "helps", "unclear"),
        trial("fail", "no_change"),
    )
    found = decisions(ledger(*trials))
    # The gain whose cause is unclear is an undecided outcome.
    assert counts(found) == (5, 0, 1, 4, 1)
    assert shares(found) == {
        "right": (3, 4),
        "precision": (1, 2),
        "recall": (1, 1),
        "harmful": (0, 2),
    }
    # Of any cause: three yes and one no are right, and the fail of a gain is wrong.
    assert (found.right_any_cause.count, found.right_any_cause.total) == (4, 5)
    always = decisions(ledger(*trials), "always")
    assert (always.right.count, always.right_any_cause.count) == (1, 4)


def test_the_trivial_rules_by_hand() -> None:
    found = ledger(*BY_HAND)
    always, never = decisions(found, "always"), decisions(found, "never")
    assert counts(always) == counts(never) == (10, 0, 2, 8, 4)
    assert shares(always) == {
        "right": (4, 8),
        "precision": (4, 8),
        "recall": (4, 4),
        "harmful": (2, 8),
    }
    assert shares(never) == {
        "right": (4, 8),
        "precision": (0, 0),
        "recall": (0, 4),
        "harmful": (0, 0),
    }
    assert always.balanced.estimate == never.balanced.estimate == 0.5


def test_intervals_are_those_of_scipy() -> None:
    found = decisions(ledger(*BY_HAND)).right
    wanted = binomtest(4, 7).proportion_ci(0.95, method="exact")
    assert (found.low, found.high) == (wanted.low, wanted.high)


def test_nothing_decided_leaves_nothing_defined() -> None:
    for trials in (
        [trial("undecided", "helps"), trial("undecided", "hurts")],
        [trial("pass", "undecided"), trial("fail", "undecided")],
    ):
        found = decisions(ledger(*trials))
        assert found.n_decided == 0
        for name in ("right", "precision", "recall", "harmful"):
            assert getattr(found, name).estimate is None
        assert found.balanced == NOTHING
        assert (found.against_chance, found.against_trivial) == (None, None)


def test_one_trial() -> None:
    found = ledger(trial("pass", "helps", cka=0.3))
    assert shares(decisions(found))["right"] == (1, 1)
    assert decisions(found).against_trivial == "open"
    cka = scores(found, "cka")
    assert (cka.n_trials, cka.n_files, cka.n_decided) == (1, 1, 1)
    assert cka.auc == cka.kendall_tau == cka.kendall_tau_within == NOTHING


@pytest.mark.parametrize("outcome", ["helps", "hurts", "no_change"])
def test_a_single_kind_of_outcome(outcome: Outcome) -> None:
    trials = [trial("pass" if i % 3 else "fail", outcome, file=i, cka=i / 10) for i in range(8)]
    found = ledger(*trials)
    assert decisions(found).right.count == (5 if outcome == "helps" else 3)
    assert decisions(found).balanced == NOTHING
    assert scores(found, "cka").auc == NOTHING
    # All gains are the same.
    assert scores(found, "cka").kendall_tau == NOTHING


def test_forecasters_in_order() -> None:
    gap = around(0.1)
    level = LevelForecast(
        "pass",
        gap,
        {"ksg": EstimatorForecast("pass", gap), "mine": EstimatorForecast("fail", gap)},
    )
    both = replace(trial("pass", "helps"), levels={"predictions": level, "representations": level})
    found = ledger(trial("fail", "helps"), both)
    assert [record.forecaster for record in found.decisions] == [
        "verdict",
        "representations",
        "predictions",
        "representations/ksg",
        "representations/mine",
        "predictions/ksg",
        "predictions/mine",
        "always",
        "never",
    ]
    assert counts(decisions(found, "representations/ksg")) == (2, 0, 0, 2, 2)
    assert counts(decisions(found, "representations/mine")) == (1, 0, 0, 1, 1)
    assert shares(decisions(found, "predictions/mine"))["right"] == (0, 1)


def test_a_forecast_of_training_is_a_forecaster() -> None:
    first = replace(trial("fail", "helps", forecast=0.1), forecast="pass")
    found = ledger(first, replace(trial("pass", "hurts", forecast=-0.1), forecast="undecided"))
    assert [record.forecaster for record in found.decisions][:2] == ["verdict", "forecast"]
    assert counts(decisions(found, "forecast")) == (2, 1, 0, 1, 1)
    assert scores(found, "forecast").n_trials == 2
    assert "forecast of training" in render(found, "table", width=200)


def test_the_verdict_may_differ_from_every_level() -> None:
    found = ledger(replace(trial("fail", "helps"), verdict="pass"))
    assert shares(decisions(found, "verdict"))["right"] == (1, 1)
    assert shares(decisions(found, "representations"))["right"] == (0, 1)


def test_numbers_by_hand() -> None:
    trials = [
        trial("pass", "helps", cka=0.9, gain=0.05),
        trial("pass", "helps", cka=0.2, gain=0.02),
        trial("pass", "hurts", cka=0.5, gain=-0.01),
        trial("pass", "undecided", cka=0.1, gain=0.01),
        trial("pass", "no_change", cka=None, gain=0.0),
    ]
    cka = scores(ledger(*trials), "cka")
    assert (cka.n_trials, cka.n_files, cka.n_decided) == (4, 1, 3)
    # Decided: .9 and .2 help, .5 does not.
    assert cka.auc.estimate == 0.5
    # Undecided outcomes have gains: of six pairs, those of .9 agree and so do .2 and .1.
    assert cka.kendall_tau.estimate == pytest.approx((4 - 2) / 6)


def test_the_sign_of_a_number_that_has_one() -> None:
    trials = [
        trial("pass", "helps", "transfer", forecast=0.02, score=0.9),
        trial("pass", "no_change", forecast=0.01, score=0.8),
        trial("pass", "hurts", forecast=-0.02, score=0.7),
        trial("pass", "undecided", forecast=-0.02, score=0.7),
    ]
    found = ledger(*trials)
    sign = scores(found, "forecast").sign
    assert sign is not None
    assert (sign.count, sign.total) == (2, 3)
    assert scores(found, "score").sign is None


def test_choices_are_among_teachers_of_one_student_of_one_file() -> None:
    trials = [
        trial("pass", "helps", student="a", cka=0.1, gain=0.1),
        trial("pass", "helps", student="a", cka=0.2, gain=0.2),
        trial("pass", "helps", student="b", cka=0.8, gain=0.01),
        trial("pass", "helps", student="b", cka=0.9, gain=0.02),
        trial("pass", "helps", file=1, student="a", cka=0.5, gain=0.0),
    ]
    cka = scores(ledger(*trials), "cka")
    assert cka.kendall_tau_within.estimate == 1.0
    assert cka.kendall_tau.estimate is not None
    assert cka.kendall_tau.estimate < 0


def test_a_gain_that_is_not_known_counts_in_no_pair() -> None:
    trials = [trial("pass", "helps", cka=i, gain=i) for i in (1.0, 2.0, 3.0)]
    trials.append(replace(trial("pass", "hurts", cka=0.0), gain=NOTHING))
    cka = scores(ledger(*trials), "cka")
    assert cka.n_trials == 4
    assert cka.kendall_tau.estimate == 1.0
    assert cka.auc.estimate == 1.0


def test_a_column_that_never_applies_is_left_out() -> None:
    found = ledger(trial("pass", "helps", cka=None, forecast=0.1))
    assert [record.forecaster for record in found.scores] == ["representations", "forecast"]


def test_columns_are_those_of_a_ranking() -> None:
    # The gated gap is one of the two levels, and the gain is what is to be foretold.
    assert set(forecasters()) == {*COLUMNS} - {"gap", "gain"}


def test_files_are_told_apart_by_their_checksums() -> None:
    one = trial("pass", "helps")
    elsewhere = replace(one, report="b.json", file="copy.h5")
    with_teachers = replace(one, teacher_sha256="f" * 64)
    assert ledger(one, elsewhere).n_files == 1
    assert ledger(one, with_teachers).n_files == 2


def test_five_files_give_intervals() -> None:
    trials = [
        trial(
            "pass" if (i + j) % 3 else "fail",
            "helps" if (i * j) % 2 else "hurts",
            file=i,
            cka=float((3 * i + 5 * j) % 7),
            gain=float((2 * i + 3 * j) % 5),
        )
        for i in range(5)
        for j in range(4)
    ]
    found = ledger(*trials)
    for estimate in (
        scores(found, "cka").kendall_tau,
        scores(found, "cka").kendall_tau_within,
    ):
        assert None not in vars(estimate).values()
    assert found == ledger(*trials)


def test_another_forecaster_changes_no_number() -> None:
    trials = [trial("pass", "helps", file=i, cka=float(i), gain=float(i % 4)) for i in range(9)]
    more = [replace(one, columns={**one.columns, "score": 0.5}) for one in trials]
    assert scores(ledger(*trials), "cka") == scores(ledger(*more), "cka")
