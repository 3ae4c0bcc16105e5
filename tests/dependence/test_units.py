import numpy as np
import pytest

from cch_audit.dependence.units import Dependence, Likeness, apart, independent_rows, split_rows

N = 120
FOURS = np.repeat(np.arange(N // 4), 4)


def of(groups=None, positions=None, window=0, n=N):
    return Dependence.of(groups, positions, window, n)


def are_apart(dependence, rows, others):
    """Whether no two rows of both sides share a group or a window."""
    groups, places = dependence.groups, dependence.positions
    same = np.isin(groups[rows], groups[others]).any()
    distance = np.abs(places[rows][:, None] - places[others]).min(initial=10**9)
    return not same and distance > dependence.window


def drawn(dependence, likeness, rng):
    return dependence.alike(likeness, dependence.white(len(likeness.within), rng))


def test_rows_on_their_own_have_no_dependence():
    assert of() is None
    assert of(np.arange(N)[::-1]) is None
    assert of(FOURS).take(np.arange(0, N, 4)) is None
    assert of(window=1) is not None


def test_units_are_groups_or_blocks_of_at_least_a_window():
    assert np.array_equal(of(FOURS).units, FOURS)
    units = of(window=7).units
    sizes = np.bincount(units)
    assert (np.diff(units) >= 0).all()
    assert sizes.min() >= 7
    assert sizes.sum() == N


def test_units_of_both_keep_groups_whole():
    rng = np.random.default_rng(0)
    groups = np.sort(rng.integers(0, 40, N))
    dependence = of(groups, window=10)
    for group in np.unique(groups):
        assert len(set(dependence.units[groups == group])) == 1
    assert dependence.units.max() + 1 <= N // 10


def test_gaps_in_the_file_are_no_rows():
    # Every third row of the file was kept, so a window of 9 holds three of them.
    dependence = of(positions=3 * np.arange(N), window=9)
    assert np.bincount(dependence.units).min() >= 3
    assert are_apart(dependence, dependence.apart(np.arange(N), np.array([60])), np.array([60]))
    assert len(dependence.apart(np.arange(N), np.array([60]))) == N - 7


@pytest.mark.parametrize(
    ("sizes", "expected"), [([4] * 30, 30.0), ([100] + [1] * 20, 120**2 / (100**2 + 20))]
)
def test_units_that_count(sizes, expected):
    groups = np.repeat(np.arange(len(sizes)), sizes)
    assert of(groups).n_units == pytest.approx(expected)


@pytest.mark.parametrize(
    "dependence",
    [of(FOURS), of(window=4), of(FOURS, window=8), of(np.arange(N) % 30)],
    ids=["groups", "window", "both", "groups in any order"],
)
def test_parts_cannot_inform_each_other(dependence):
    for seed in range(20):
        rng = np.random.default_rng(seed)
        rows = np.arange(N)
        for first, second in (
            dependence.split(rows, 40, rng),
            dependence.split(rows, 60),
            split_rows(rows, 30, dependence, rng),
        ):
            assert are_apart(dependence, second, first)
            assert len(first) > 0
            assert len(second) > 0
        chosen = rng.permutation(N)[:5]
        left = apart(rows, chosen, dependence)
        assert are_apart(dependence, left, chosen)


def test_one_row_of_each_unit():
    rng = np.random.default_rng(0)
    chosen = independent_rows(np.arange(N), of(FOURS), rng)
    assert np.array_equal(FOURS[chosen], np.arange(N // 4))
    assert np.array_equal(independent_rows(np.arange(N), None, rng), np.arange(N))


@pytest.mark.parametrize("within", [0.0, 0.3, 0.9, 1.0])
def test_likeness_of_groups_is_drawn_and_found_again(within):
    n = 8000
    dependence = of(np.arange(n) // 4, n=n)
    wanted = Likeness(np.array([within, 0.5]), np.zeros(2))
    columns = drawn(dependence, wanted, np.random.default_rng(0))
    # Over 2000 groups the standard error of a correlation is at most .02.
    np.testing.assert_allclose(columns.std(axis=0), 1.0, atol=0.06)
    np.testing.assert_allclose(dependence.likeness(columns).within, wanted.within, atol=0.06)


@pytest.mark.parametrize("step", [1, 3])
def test_likeness_along_the_file_is_drawn_and_found_again(step):
    n = 20_000
    dependence = of(positions=step * np.arange(n), window=60, n=n)
    wanted = Likeness(np.zeros(2), np.array([0.9, 0.5]))
    columns = drawn(dependence, wanted, np.random.default_rng(1))
    np.testing.assert_allclose(columns.std(axis=0), 1.0, atol=0.06)
    lagged = (columns[1:] * columns[:-1]).mean(axis=0)
    np.testing.assert_allclose(lagged, wanted.serial**step, atol=0.04)
    np.testing.assert_allclose(dependence.likeness(columns).serial, wanted.serial, atol=0.04)


@pytest.mark.parametrize("serial", [(0.0, 0.0), (0.9, 0.5)])
@pytest.mark.parametrize("within", [(1.0, 1.0), (0.9, 0.2), (1.0, 0.0)])
def test_correlation_of_noise_that_columns_keep(within, serial):
    n, rng = 40_000, np.random.default_rng(3)
    dependence = of(np.arange(n) // 4, window=4, n=n)
    likeness = Likeness(np.array(within), np.array(serial))
    noise = dependence.white(2, rng).times(np.array([[1, 0.8], [0, 0.6]]))
    columns = dependence.alike(likeness, noise)
    passed = likeness.take(slice(0, 1)).passes(likeness.take(slice(1, 2)))[0]
    # Four standard errors of a mean over 10,000 groups, twice as many along the file.
    assert np.mean(columns.prod(axis=1)) == pytest.approx(0.8 * passed, abs=0.06)


def test_design_effect_is_that_of_products():
    n, rng = 2000, np.random.default_rng(2)
    dependence = of(np.arange(n) // 5, n=n)
    likeness = Likeness(np.array([0.8]), np.zeros(1))
    products = [
        (drawn(dependence, likeness, rng) * drawn(dependence, likeness, rng)).mean()
        for _ in range(600)
    ]
    # Variance of a mean of n free products of normal variables is 1 / n; six hundred draws give it
    # to within 6 %.
    found = np.var(products) * n
    assert found == pytest.approx(dependence.design_effect(likeness, likeness), rel=0.2)
