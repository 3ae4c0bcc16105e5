import numpy as np
import pytest
from scipy.stats import beta, binomtest

from cch_audit.evidence.results import Comparison
from cch_audit.evidence.shares import against_chance, against_trivial, share
from cch_audit.rows import BoolArray


def flags(text: str) -> BoolArray:
    """Read `+-+` as yes, no, yes."""
    return np.array([sign == "+" for sign in text], dtype=bool)


@pytest.mark.parametrize(("count", "total"), [(0, 1), (1, 1), (3, 7), (45, 60), (0, 30)])
@pytest.mark.parametrize("confidence_level", [0.9, 0.95])
def test_intervals_are_those_of_scipy(count: int, total: int, confidence_level: float) -> None:
    found = share(count, total, confidence_level)
    wanted = binomtest(count, total).proportion_ci(confidence_level, method="exact")
    assert (found.estimate, found.low, found.high) == (count / total, wanted.low, wanted.high)
    assert (found.count, found.total) == (count, total)


def test_clopper_and_pearson_by_the_beta_distribution() -> None:
    found = share(3, 7, 0.95)
    assert found.low == pytest.approx(beta.ppf(0.025, 3, 5))
    assert found.high == pytest.approx(beta.ppf(0.975, 4, 4))


def test_a_share_of_nothing_is_not_defined() -> None:
    found = share(0, 0, 0.95)
    assert (found.estimate, found.low, found.high, found.total) == (None, None, None, 0)
    assert against_chance(found) is None


@pytest.mark.parametrize(
    ("count", "total", "says"), [(10, 10, "better"), (0, 10, "worse"), (3, 3, "open")]
)
def test_a_share_is_compared_with_a_coin(count: int, total: int, says: Comparison) -> None:
    assert against_chance(share(count, total, 0.95)) == says


@pytest.mark.parametrize(
    ("says_yes", "helps", "wanted"),
    [
        ("", "", None),
        # Always is right in all, and the forecaster differs from it twice only: p = 1/2.
        ("--", "++", "open"),
        # Never differing from the better rule cannot be better than it.
        ("++++++++", "++++++++", "open"),
        # Always is right in 8 of 14; where the forecaster says no it wins 6 to 0: p = 1/32.
        ("++++++++------", "++++++++------", "better"),
        # The same with 5 to 0: p = 1/16.
        ("++++++++-----", "++++++++-----", "open"),
        # Never is right in 8 of 8; the forecaster loses 6 to 0.
        ("++++++--", "--------", "worse"),
        # Both rules are right in 6 of 12: both must be told apart.
        ("++++++------", "++++++------", "better"),
        ("+++++-----", "+++++-----", "open"),
    ],
)
def test_comparison_with_the_better_trivial_rule(
    says_yes: str, helps: str, wanted: Comparison | None
) -> None:
    assert against_trivial(flags(says_yes), flags(helps), 0.95) == wanted


def test_the_comparison_is_an_exact_sign_test() -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        helps = rng.random(40) < 0.3
        says_yes = np.where(rng.random(40) < 0.8, helps, ~helps)
        # Never is the better rule, and wrong where the forecaster says yes and it helps.
        wins, losses = int((says_yes & helps).sum()), int((says_yes & ~helps).sum())
        p = binomtest(wins, wins + losses).pvalue
        says = against_trivial(says_yes, helps, 0.95)
        assert (says == "open") == (p > 0.05)
        assert says == "open" or says == ("better" if wins > losses else "worse")
