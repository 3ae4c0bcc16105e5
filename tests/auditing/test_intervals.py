import numpy as np
import pytest
from samplers import in_groups
from scipy.stats import norm, t

from cch_audit.auditing.intervals import Distribution, bootstrap_means, half, half_sample_draws
from cch_audit.dependence.units import Dependence

NO_SEEDS = np.zeros(2)


def rng(seed=0):
    return np.random.default_rng(seed)


def bootstrapped(columns, groups=None, seed_variances=NO_SEEDS, n_resamples=4000):
    return bootstrap_means(columns, in_groups(groups), seed_variances, n_resamples, rng(1))


def wider(n_units):
    """How much wider a t interval over so many units is than what resampling them gives."""
    return t.ppf(0.975, n_units - 1) / norm.ppf(0.975) * np.sqrt(n_units / (n_units - 1))


# A standard deviation of B draws has standard error 1 / sqrt(2 B), 1.1 % for 4000 draws: five of
# them are 6 %.
SPREAD = 0.06


def test_standard_error_is_that_of_a_mean():
    columns = rng().standard_normal((400, 2)) * [1.0, 3.0] + [5.0, -2.0]
    draws = bootstrapped(columns)
    expected = columns.std(axis=0) / np.sqrt(400)
    np.testing.assert_allclose(draws.std(axis=0), expected, rtol=SPREAD)
    np.testing.assert_allclose(draws.mean(axis=0), columns.mean(axis=0), atol=5 * expected[1] / 63)


def test_equal_columns_have_no_gap():
    column = rng().standard_normal(300)
    draws = bootstrapped(np.stack([column, column], axis=1))
    np.testing.assert_allclose(draws[:, 0] - draws[:, 1], 0.0, atol=1e-12)


@pytest.mark.parametrize("r", [-0.8, 0.0, 0.8])
def test_columns_are_resampled_together(r):
    columns = rng().multivariate_normal([0, 0], [[1, r], [r, 1]], size=400)
    gap = np.subtract(*bootstrapped(columns).T)
    expected = (columns[:, 0] - columns[:, 1]).std() / np.sqrt(400)
    assert gap.std() == pytest.approx(expected, rel=SPREAD)


@pytest.mark.parametrize("size", [2, 5, 10])
def test_equal_rows_in_a_group_count_once(size):
    columns = np.repeat(rng().standard_normal((1000 // size, 2)), size, axis=0)
    groups = np.repeat(np.arange(1000 // size), size)
    independent, grouped = bootstrapped(columns), bootstrapped(columns, groups)
    ratio = grouped.std(axis=0) / independent.std(axis=0)
    np.testing.assert_allclose(ratio, np.sqrt(size) * wider(1000 // size), rtol=2 * SPREAD)


def test_groups_of_one_row_only_count_as_few_or_many():
    columns = rng().standard_normal((100, 2))
    shuffled = rng(5).permutation(100)
    free, centre = bootstrapped(columns), columns.mean(axis=0)
    np.testing.assert_array_equal(bootstrapped(columns, shuffled), free)
    # Were they known as units all the same: the same draws, wider as a t interval is.
    ordered, other = (
        bootstrap_means(columns, Dependence(codes, np.arange(100)), NO_SEEDS, 4000, rng(1))
        for codes in (np.arange(100), shuffled)
    )
    np.testing.assert_allclose(ordered - centre, wider(100) * (free - centre), atol=1e-12)
    np.testing.assert_allclose(other.std(axis=0), ordered.std(axis=0), rtol=2 * SPREAD)


@pytest.mark.parametrize("n_groups", [2, 5, 12, 40])
def test_few_groups_widen_the_interval_as_a_t_distribution_does(n_groups):
    means = rng(3).standard_normal((n_groups, 2))
    draws = bootstrapped(np.repeat(means, 30, axis=0), np.repeat(np.arange(n_groups), 30))
    # Resampling n groups knows their spread divided by n, where n - 1 is unbiased.
    expected = means.std(axis=0, ddof=1) / np.sqrt(n_groups)
    reach = t.ppf(0.975, n_groups - 1) / norm.ppf(0.975)
    np.testing.assert_allclose(draws.std(axis=0), reach * expected, rtol=SPREAD)


@pytest.mark.slow
def test_intervals_over_five_groups_cover():
    groups, covered = in_groups(np.repeat(np.arange(5), 3)), []
    for seed in range(400):
        columns = np.repeat(rng(seed).standard_normal((5, 1)), 3, axis=0)
        draws = bootstrap_means(columns, groups, np.zeros(1), 300, rng(seed))
        found = Distribution(columns.mean(), draws[:, 0]).interval(0.95)
        covered.append(found.low < 0 < found.high)
    # Three standard errors of 400 intervals; resampling alone covers .85.
    assert np.mean(covered) == pytest.approx(0.95, abs=0.033)


def test_groups_of_different_sizes_keep_the_centre():
    # Large groups lie high: resampled sums over resampled sizes stay centred.
    groups = np.repeat(np.arange(60), np.arange(60) % 10 + 1)
    columns = np.stack([groups % 10 + 0.0] * 2, axis=1) + rng().standard_normal((len(groups), 2))
    draws = bootstrapped(columns, groups)
    error = draws.std(axis=0)
    # The bias of a ratio is of the order of one over the number of groups.
    assert np.all(np.abs(draws.mean(axis=0) - columns.mean(axis=0)) < 0.2 * error)
    assert np.all(error > 2 * bootstrapped(columns).std(axis=0))


def test_group_codes_need_not_be_contiguous():
    columns, groups = rng().standard_normal((90, 2)), np.repeat([7, -3, 1000], 30)
    np.testing.assert_array_equal(
        bootstrapped(columns, groups), bootstrapped(columns, np.repeat([1, 0, 2], 30))
    )


def test_variance_over_seeds_is_added():
    columns, extra = rng().standard_normal((400, 2)), np.array([0.01, 0.0])
    draws = bootstrapped(columns, seed_variances=extra)
    expected = np.sqrt(columns.var(axis=0) / 400 + extra)
    np.testing.assert_allclose(draws.std(axis=0), expected, rtol=SPREAD)


def test_seed_noise_of_the_two_columns_is_independent():
    columns = np.zeros((100, 2))
    draws = bootstrapped(columns, seed_variances=np.array([0.04, 0.09]))
    assert np.subtract(*draws.T).std() == pytest.approx(np.sqrt(0.13), rel=SPREAD)


@pytest.mark.parametrize("confidence_level", [0.5, 0.9, 0.95, 0.99])
def test_interval_holds_the_share_it_says(confidence_level):
    draws = rng().standard_normal(20_000)
    found = Distribution(0.1, draws).interval(confidence_level)
    inside = ((draws >= found.low) & (draws <= found.high)).mean()
    assert inside == pytest.approx(confidence_level, abs=1e-3)
    # A normal quantile from 20 000 draws: standard error at most .03 out here.
    assert found.high == pytest.approx(norm.ppf((1 + confidence_level) / 2), abs=0.12)
    assert found.estimate == 0.1
    assert found.standard_error == draws.std(ddof=1)


def test_gap_adds_the_share_above_zero():
    found = Distribution(0.2, np.array([-1.0, 0.0, 0.5, 2.0])).gap(0.95)
    assert found.probability_positive == 0.5  # zero itself does not count
    assert found.estimate == 0.2


def test_half_sample_spread_is_that_of_the_halves():
    halves = rng().multivariate_normal([1, 2], [[0.04, 0.02], [0.02, 0.09]], size=40)
    draws = half_sample_draws(np.array([3.0, 4.0]), halves, 20_000, rng(1))
    # A t distribution of 39 degrees of freedom is wider by sqrt(39 / 37).
    wider = 39 / 37
    np.testing.assert_allclose(np.cov(draws.T), np.cov(halves.T) * wider, rtol=0.1, atol=1e-4)
    np.testing.assert_allclose(draws.mean(axis=0), [3.0, 4.0], atol=0.01)


def test_few_halves_widen_the_tails():
    halves = rng().standard_normal((200, 2))
    # Against one set of halves each, scaled to the same spread: quantiles of t with 9 degrees.
    few = halves[:10] / halves[:10].std(axis=0, ddof=1)
    draws = half_sample_draws(np.zeros(2), few, 40_000, rng(1))
    # t quantile at .975 with 9 degrees of freedom; its standard error here is .02.
    assert np.quantile(draws[:, 0], 0.975) == pytest.approx(2.262, abs=0.08)


def test_half_sample_draws_are_paired():
    column = rng().standard_normal(40)
    draws = half_sample_draws(np.zeros(2), np.stack([column, column], axis=1), 1000, rng(1))
    np.testing.assert_allclose(draws[:, 0], draws[:, 1], atol=1e-7)


def test_half_sample_spread_of_a_mean_is_its_standard_error():
    # What the method rests on: over complementary halves a mean varies as over samples of n.
    values = rng().standard_normal((500, 2))
    estimates = []
    for pair in range(200):
        side = half(500, values, None, rng(pair))
        estimates += [values[side == 0].mean(axis=0), values[side == 1].mean(axis=0)]
    draws = half_sample_draws(values.mean(axis=0), np.array(estimates), 4000, rng(1))
    expected = values.std(axis=0) / np.sqrt(500)
    # 200 independent pairs: a relative standard error of 5 %, three of them.
    np.testing.assert_allclose(draws.std(axis=0), expected, rtol=0.16)


@pytest.mark.parametrize("n", [50, 51, 333])
def test_halves_are_even(n):
    side = half(n, np.zeros((n, 1)), None, rng())
    counts = np.bincount(side, minlength=2)
    assert set(side) == {0, 1}
    assert abs(counts[0] - counts[1]) <= 1


@pytest.mark.parametrize("seed", range(5))
def test_halves_hold_classes_in_proportion(seed):
    y = rng(seed).permutation(np.repeat([0, 1, 2, 5], [61, 30, 11, 10]))
    side = half(len(y), y, None, rng(seed))
    for code in np.unique(y):
        counts = np.bincount(side[y == code], minlength=2)
        assert abs(counts[0] - counts[1]) <= 1
    assert abs(np.bincount(side)[0] - np.bincount(side)[1]) <= 1


@pytest.mark.parametrize("classes", [False, True])
def test_halves_hold_groups_whole(classes):
    groups = rng().integers(50, 70, size=300)
    y = rng().integers(3, size=300) if classes else np.zeros((300, 1))
    side = half(300, y, in_groups(groups), rng())
    sides = [set(side[groups == group]) for group in np.unique(groups)]
    assert all(len(one) == 1 for one in sides)
    assert sum(one == {0} for one in sides) == len(sides) // 2


@pytest.mark.parametrize("classes", [False, True])
def test_halves_are_random(classes):
    y = np.arange(200) % 2 if classes else np.zeros((200, 1))
    sides = np.array([half(200, y, None, rng(seed)) for seed in range(400)])
    # Each row is on either side half of the time: four standard errors of .5 / sqrt(400), and a
    # little for the largest of 200.
    assert np.abs(sides.mean(axis=0) - 0.5).max() < 0.11
