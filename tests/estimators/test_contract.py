import numpy as np
import pytest
from samplers import in_groups
from scipy.stats import norm

from cch_audit.estimators.contract import is_classes, normal_scores, standardize
from cch_audit.estimators.folds import assign_folds

RNG = np.random.default_rng(0)
X = RNG.standard_normal((200, 3)) * [1.0, 5.0, 0.1] + [0.0, 3.0, -1.0]


@pytest.mark.parametrize("scale", [1e-300, 1e-200, 1e-12, 1.0, 1e12, 1e200, 1e300])
def test_standardize_at_every_scale(scale):
    z = standardize(scale * X)
    np.testing.assert_allclose(z.mean(axis=0), 0.0, atol=1e-12)
    np.testing.assert_allclose(z.std(axis=0), 1.0, rtol=1e-12)
    np.testing.assert_allclose(z, standardize(X), atol=1e-9)


@pytest.mark.parametrize("constant", [0.0, 1.0, -3.14159, 1e-300, 1e300, 0.1])
def test_standardize_makes_constant_columns_zero(constant):
    z = standardize(np.column_stack([X, np.full(len(X), constant)]))
    np.testing.assert_array_equal(z[:, 3], 0.0)
    np.testing.assert_allclose(z[:, :3], standardize(X), atol=1e-12)


def test_standardize_takes_many_rows_in_parts():
    x = np.random.default_rng(0).standard_normal((40_000, 3)) * [1.0, 1e-3, 1e3] + 5.0
    expected = (x - x.mean(axis=0)) / x.std(axis=0)
    np.testing.assert_allclose(standardize(x), expected, atol=1e-10)
    np.testing.assert_array_equal(standardize(np.asfortranarray(x)), standardize(x))


def test_standardize_takes_integers():
    codes = RNG.integers(10, size=(100, 2))
    np.testing.assert_allclose(standardize(codes), standardize(codes.astype(float)), atol=1e-12)


@pytest.mark.parametrize(
    "increasing", [np.exp, np.cbrt, lambda x: 1e200 * x, lambda x: np.arctan(x)]
)
def test_normal_scores_keep_only_the_order(increasing):
    np.testing.assert_array_equal(normal_scores(increasing(X)), normal_scores(X))


def test_normal_scores_are_normal_quantiles():
    z = np.sort(normal_scores(X), axis=0)
    expected = norm.ppf(np.arange(1, 201) / 201)
    np.testing.assert_allclose(z, np.tile(expected / expected.std(), (3, 1)).T, atol=1e-12)


def test_normal_scores_average_ties():
    z = normal_scores(np.array([[0.0], [0.0], [0.0], [1.0], [2.0], [2.0]]))[:, 0]
    raw = norm.ppf(np.array([2.0, 2.0, 2.0, 4.0, 5.5, 5.5]) / 7)
    np.testing.assert_allclose(z, (raw - raw.mean()) / raw.std(), atol=1e-12)


def test_normal_scores_of_a_constant_column_are_zero():
    np.testing.assert_array_equal(normal_scores(np.full((50, 1), 7.0)), 0.0)


def test_normal_scores_bound_the_tails():
    cauchy = RNG.standard_cauchy((1000, 1))
    assert np.abs(normal_scores(cauchy)).max() < 4  # the extreme quantile of 1000 rows is 3.1


def test_classes_are_one_dimensional():
    assert is_classes(np.array([0, 1]))
    assert not is_classes(np.array([[0.0], [1.0]]))


@pytest.mark.parametrize("n_folds", [2, 3, 5])
def test_folds_are_even(n_folds):
    folds = assign_folds(103, n_folds, np.zeros((103, 1)), None, np.random.default_rng(0))
    counts = np.bincount(folds)
    assert len(counts) == n_folds
    assert counts.max() - counts.min() <= 1


@pytest.mark.parametrize("n_folds", [2, 3, 5])
def test_folds_hold_classes_in_proportion(n_folds):
    y = np.random.default_rng(0).permutation(np.repeat([0, 1, 2], [60, 31, 9]))
    folds = assign_folds(100, n_folds, y, None, np.random.default_rng(1))
    for code in range(3):
        counts = np.bincount(folds[y == code], minlength=n_folds)
        assert counts.max() - counts.min() <= 1


@pytest.mark.parametrize("classes", [False, True])
def test_folds_hold_groups_whole(classes):
    rng = np.random.default_rng(0)
    groups = rng.integers(100, 130, size=300)
    y = rng.integers(3, size=300) if classes else rng.standard_normal((300, 2))
    folds = assign_folds(300, 4, y, in_groups(groups), rng)
    assert set(folds) == {0, 1, 2, 3}
    assert all(len(set(folds[groups == group])) == 1 for group in np.unique(groups))
    # Thirty groups of about ten rows: no fold is far from 75 rows.
    assert np.bincount(folds).min() > 40


@pytest.mark.parametrize("classes", [False, True])
@pytest.mark.parametrize("grouped", [False, True])
def test_folds_depend_on_the_generator_alone(classes, grouped):
    y = np.arange(120) % 3 if classes else np.zeros((120, 1))
    dependence = in_groups(np.arange(120) // 4) if grouped else None
    first, again, other = (
        assign_folds(120, 4, y, dependence, np.random.default_rng(seed)) for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_few_groups_become_few_folds():
    groups = np.arange(40) % 3
    folds = assign_folds(40, 5, np.zeros((40, 1)), in_groups(groups), np.random.default_rng(0))
    assert set(folds) == {0, 1, 2}
    assert all(len(set(folds[groups == group])) == 1 for group in range(3))


def test_one_group_is_split_like_independent_rows():
    one = in_groups(np.zeros(40, dtype=np.int64))
    folds = assign_folds(40, 4, np.zeros((40, 1)), one, np.random.default_rng(0))
    assert np.bincount(folds).tolist() == [10, 10, 10, 10]
