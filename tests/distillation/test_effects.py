import numpy as np
import pytest
from scipy import stats

from cch_audit.distillation.effects import (
    N_RESAMPLES,
    judge_gain,
    paired_change,
    smallest_detectable,
)
from cch_audit.results import Change

SIMULATIONS = 2000


def change(differences, seed=0, confidence=0.95):
    rng = np.random.default_rng(seed)
    return paired_change(np.array(differences), confidence, rng)


NORMAL = np.random.default_rng(3).standard_normal(8) + 0.5


ROUNDING = {"rtol": 0, "atol": 0.005}
"""Of 9999 resamples, 24 are the sample in another order. Rounding decides on which side of the mean
they count, which moves the percentiles of BCa by as much as .003 standard deviations."""


def test_interval_and_p_are_scipys():
    found = change(NORMAL)
    rng = np.random.default_rng(0)
    interval = stats.bootstrap(
        (NORMAL,), np.mean, method="BCa", n_resamples=N_RESAMPLES, rng=rng
    ).confidence_interval
    assert found.estimate == pytest.approx(NORMAL.mean())
    np.testing.assert_allclose([found.low, found.high], [interval.low, interval.high], **ROUNDING)
    signs = np.array(np.meshgrid(*[[-1, 1]] * 8)).reshape(8, -1)  # all 256 assignments
    means = np.abs(NORMAL @ signs) / 8
    assert found.p == pytest.approx((means >= abs(NORMAL.mean()) - 1e-12).mean())


def test_wider_at_a_higher_level():
    wide, narrow = change(NORMAL, confidence=0.99), change(NORMAL, confidence=0.8)
    assert wide.low < narrow.low < NORMAL.mean() < narrow.high < wide.high
    assert wide.p == narrow.p


@pytest.mark.parametrize("n", [2, 6, 8])
def test_p_is_bounded_by_the_number_of_seeds(n):
    differences = 1 + 0.1 * np.random.default_rng(n).standard_normal(n)
    assert change(differences).p == pytest.approx(2 / 2**n)
    assert change(-differences).p == pytest.approx(2 / 2**n)


def test_many_seeds_draw_the_signs():
    differences = 1 + 0.1 * np.random.default_rng(0).standard_normal(30)
    # 2^30 assignments: 9999 of them are drawn, and the observed one counts. Two-sided.
    assert change(differences).p == pytest.approx(2 / (N_RESAMPLES + 1))


@pytest.mark.parametrize("value", [0.05, -0.05])
@pytest.mark.parametrize("last_digit", [0, 1])
def test_equal_differences_are_their_own_interval(value, last_digit):
    # 17/20 - 16/20 and 12/20 - 11/20 differ in the last digit, and the bootstrap then has none.
    differences = np.full(8, value)
    differences[7] = value + last_digit * np.spacing(value)
    found = change(differences)
    close = pytest.approx(value)
    assert found == Change(close, close, close, 2 / 256)
    assert judge_gain(found, 0.95, 0.01) == ("helps" if value > 0 else "hurts")


def test_no_difference_at_all():
    assert change(np.zeros(8)) == Change(0.0, 0.0, 0.0, 1.0)


@pytest.mark.parametrize("scale", [1e-300, 1e-120, 1e-9, 1e9])
def test_units_do_not_matter(scale):
    found, expected = change(scale * NORMAL), change(NORMAL)
    assert found.p == expected.p
    np.testing.assert_allclose(
        [found.estimate / scale, found.low / scale, found.high / scale],
        [expected.estimate, expected.low, expected.high],
        **ROUNDING,
    )


def test_sign_of_the_difference_mirrors_everything():
    found, mirrored = change(NORMAL), change(-NORMAL)
    assert (mirrored.estimate, mirrored.p) == pytest.approx((-found.estimate, found.p))
    np.testing.assert_allclose([-mirrored.high, -mirrored.low], [found.low, found.high], **ROUNDING)


def test_shares_of_few_rows_are_never_without_an_interval():
    rng = np.random.default_rng(0)
    for _ in range(300):
        rows, n = rng.choice([7, 20, 175]), rng.integers(2, 9)
        before, after = rng.integers(3, size=(2, n))
        found = change(after / rows - before / rows)
        assert found.low - 1e-12 <= found.estimate <= found.high + 1e-12
        assert 0 < found.p <= 1


@pytest.mark.parametrize(
    ("low", "high", "p", "outcome"),
    [
        (0.01, 0.03, 0.0078125, "helps"),
        (-0.03, -0.01, 0.0078125, "hurts"),
        (0.01, 0.03, 0.05, "helps"),  # p at the level rejects
        (0.001, 0.008, 0.0078125, "helps"),  # smaller than matters, but certain
        (0.001, 0.03, 0.0625, "undecided"),  # the interval alone does not suffice
        (-0.03, -0.001, 0.0625, "no_change"),  # nor here, and a gain that matters is excluded
        (-0.001, 0.03, 0.0078125, "undecided"),  # nor does p alone
        (0.0, 0.03, 0.0078125, "undecided"),
        (-0.03, 0.0, 0.0078125, "no_change"),
        (-0.002, 0.009, 0.5, "no_change"),
        (-0.02, 0.01, 0.5, "undecided"),  # a gain that matters is not excluded
        (0.0, 0.0, 1.0, "no_change"),
    ],
)
def test_outcome(low, high, p, outcome):
    assert judge_gain(Change((low + high) / 2, low, high, p), 0.95, 0.01) == outcome


def test_outcome_at_other_levels():
    gain = Change(0.02, 0.01, 0.03, 0.0625)
    assert judge_gain(gain, 0.9, 0.01) == "helps"
    assert judge_gain(gain, 0.95, 0.01) == "undecided"
    assert judge_gain(Change(0.0, -0.01, 0.01, 1.0), 0.95, 0.02) == "no_change"


def test_smallest_detectable_is_the_textbooks():
    # t of 7 degrees of freedom: 2.365 at .975 and .896 at .8.
    differences = np.array([1.0, -1.0] * 4)
    expected = (2.3646 + 0.8960) * np.sqrt(8 / 7) / np.sqrt(8)
    assert smallest_detectable(differences, 0.95) == pytest.approx(expected, rel=1e-4)
    assert smallest_detectable(5 + 3 * differences, 0.95) == pytest.approx(3 * expected, rel=1e-4)
    assert smallest_detectable(np.full(8, 0.3), 0.95) == pytest.approx(0, abs=1e-12)


def simulate(mean, n, seed):
    """Yield differences of n seeds, from many experiments."""
    rng = np.random.default_rng([seed, 13])
    return mean + rng.standard_normal((SIMULATIONS, n))


@pytest.mark.slow
@pytest.mark.parametrize("n", [6, 8, 12])
def test_interval_covers_and_zero_is_rarely_an_effect(n):
    found = [change(some, seed) for seed, some in enumerate(simulate(0, n, n))]
    coverage = np.mean([one.low <= 0 <= one.high for one in found])
    outcomes = [judge_gain(one, 0.95, 0.01) for one in found]
    helps, hurts = (np.mean([one == kind for one in outcomes]) for kind in ("helps", "hurts"))
    print(f"\n{n} seeds: coverage {coverage:.3f}, false helps {helps:.3f}, false hurts {hurts:.3f}")
    # A bootstrap of few values is too narrow: sqrt((n - 1) / n) of the width, and quantiles of the
    # normal distribution where those of t belong. Measured .85, .89, .91; nominal .95. Hence the
    # sign-flip p beside it, which is exact.
    assert coverage == pytest.approx({6: 0.85, 8: 0.89, 12: 0.91}[n], abs=0.03)
    # Nominal 5 %; two standard errors of 2000 simulations above it.
    assert helps + hurts <= 0.06


@pytest.mark.slow
@pytest.mark.parametrize("n", [6, 8, 12])
def test_smallest_detectable_is_detected_in_four_of_five(n):
    spread = np.resize([1.0, -1.0], n) * np.sqrt((n - 1) / n)
    assert spread.std(ddof=1) == pytest.approx(1)
    effect = smallest_detectable(spread, 0.95)
    experiments = simulate(effect, n, 100 + n)
    power = (stats.ttest_1samp(experiments, 0, axis=1).pvalue <= 0.05).mean()
    found = [change(some, seed) for seed, some in enumerate(experiments)]
    helps = np.mean([judge_gain(one, 0.95, 0.01) == "helps" for one in found])
    print(f"\n{n} seeds: power of a t test {power:.3f}, of the outcome {helps:.3f}")
    # The formula is off by .005 at most from 6 seeds on; three standard errors of .009.
    assert power == pytest.approx(0.8, abs=0.03)
    # The sign-flip p has few values: the outcome needs the smallest one of 6 seeds.
    assert helps == pytest.approx({6: 0.62, 8: 0.77, 12: 0.79}[n], abs=0.04)
