import numpy as np
import pytest
from samplers import Copies, Gaussian, Independent
from scipy.stats import multivariate_normal

from cch_audit.estimators.canonical import (
    FARTHEST,
    LARGEST,
    Canonical,
    fit_canonical,
    paired_components,
    principal_components,
)
from cch_audit.estimators.contract import standardize


def fitted(sampler, n: int, seed: int = 0) -> Canonical:
    x, y = (standardize(side) for side in sampler.sample(n, seed))
    rows = np.arange(n)
    return fit_canonical(x, y, rows[n // 2 :], rows[: n // 2])


@pytest.mark.parametrize(
    "sampler",
    [Gaussian((0.9,)), Gaussian((0.9, 0.6, 0.3)), Gaussian((0.8, 0.5), 5, 3)],
    ids=str,
)
def test_recovers_the_correlations(sampler):
    n = 8000
    found = fitted(sampler, n).correlations
    true = np.zeros(len(found))
    true[: len(sampler.correlations)] = sampler.correlations
    # A correlation of n / 2 rows has standard error (1 - r^2) / sqrt(n / 2); null ones are cut.
    error = (1 - true**2) / np.sqrt(n / 2)
    assert np.all(np.abs(found - true) < 4 * error + 0.01)


def test_coordinates_have_unit_variance_on_the_moment_rows():
    x, y = (standardize(side) for side in Gaussian((0.8, 0.5), 5, 3).sample(1000))
    moments = np.arange(300)
    found = fit_canonical(x, y, np.arange(300, 1000), moments)
    assert found.x_weights.shape == (5, 3)
    assert found.y_weights.shape == (3, 3)
    np.testing.assert_allclose((x[moments] @ found.x_weights).std(axis=0), 1.0, rtol=1e-9)
    np.testing.assert_allclose((y[moments] @ found.y_weights).std(axis=0), 1.0, rtol=1e-9)


def test_correlations_come_from_fresh_rows():
    # In sample, 50 + 50 columns on 100 rows correlate almost perfectly; on fresh rows they do
    # not, and what is left below the threshold is dropped.
    found = [fitted(Independent(50, 50), 200, seed).correlations for seed in range(5)]
    # The threshold lets one of 50 null pairs through in less than half of the fits.
    assert np.count_nonzero(found) <= 5
    assert np.max(found) < 0.5


def test_copies_are_capped():
    np.testing.assert_allclose(fitted(Copies(3), 200).correlations, LARGEST)


def test_more_columns_than_rows():
    found = fitted(Gaussian((0.95,), 150, 120), 200)
    assert np.isfinite(found.x_weights).all()
    assert np.isfinite(found.y_weights).all()
    assert ((found.correlations >= 0) & (found.correlations < 1)).all()


@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_columns_that_are_constant_on_the_moment_rows_are_uncorrelated():
    x = np.zeros((100, 1))
    x[-1] = 1.0
    found = fit_canonical(standardize(x), standardize(x), np.arange(50, 100), np.arange(50))
    np.testing.assert_array_equal(found.correlations, 0.0)


@pytest.mark.parametrize("r", [(0.8,), (0.9, 0.5), (0.9999, 0.7, 0.2, 0.0)])
def test_log_ratio_is_that_of_normal_densities(r):
    pairs = len(r)
    model = Canonical(np.eye(pairs), np.eye(pairs), np.array(r))
    rng = np.random.default_rng(0)
    u, v = rng.standard_normal((2, 20, pairs))
    a, b, f, g = model.log_ratio_parts(u, v)
    found = a[:, None] + b[None, :] + f @ g.T
    cross = np.diag(r)
    joint = multivariate_normal(cov=np.block([[np.eye(pairs), cross], [cross, np.eye(pairs)]]))
    one = multivariate_normal(cov=np.eye(pairs))
    for i in range(20):
        for j in range(20):
            pair = np.concatenate([u[i], v[j]])
            expected = joint.logpdf(pair) - one.logpdf(u[i]) - one.logpdf(v[j])
            # At r = .9999 the ratio reaches thousands: relative tolerance.
            assert found[i, j] == pytest.approx(expected, rel=1e-9, abs=1e-9)


def test_coordinates_are_cut_far_out():
    x, y = (standardize(side) for side in Gaussian((0.8,), 2, 2).sample(200))
    found = fit_canonical(x, y, np.arange(100), np.arange(100, 200))
    u, v = found.coordinates(1e6 * x, y)
    assert np.abs(u).max() == FARTHEST
    np.testing.assert_allclose(v, y @ found.y_weights)


def test_the_strongest_pairs_come_first_and_the_others_not_at_all():
    model = Canonical(np.eye(4), np.eye(4), np.array([0.2, 0.0, 0.9, 0.5]))
    assert model.strongest(9).tolist() == [2, 3, 0]
    assert model.strongest(1).tolist() == [2]


@pytest.mark.parametrize("change", ["mirrored", "swapped"])
def test_the_sign_of_a_pair_is_the_samples(change):
    x, y = (standardize(np.exp(side)) for side in Gaussian((0.8, 0.5)).sample(400))
    rows = np.arange(400)
    one = fit_canonical(x, y, rows[:200], rows[200:])
    moved = -x if change == "mirrored" else x[:, ::-1]
    other = fit_canonical(moved, y, rows[:200], rows[200:])
    np.testing.assert_allclose(moved @ other.x_weights, x @ one.x_weights, atol=1e-8)
    np.testing.assert_allclose(y @ other.y_weights, y @ one.y_weights, atol=1e-8)


@pytest.mark.parametrize("whitened", [False, True])
def test_principal_components(whitened):
    x = np.random.default_rng(0).standard_normal((300, 3)) @ np.diag([5.0, 1.0, 0.01])
    rows = np.arange(200)
    found = paired_components(x, x, rows)[0] if whitened else principal_components(x, rows)
    assert found.shape == (300, 2)  # the third holds less than a hundredth of the variance
    variances = found[:200].var(axis=0)
    if whitened:
        np.testing.assert_allclose(variances, 1.0)
    else:
        assert variances.mean() == pytest.approx(1.0)
        assert variances[0] > 10 * variances[1]


def test_a_quarter_as_many_components_as_rows():
    x = np.random.default_rng(0).standard_normal((100, 80))
    assert principal_components(x, np.arange(40)).shape == (100, 10)


def test_components_of_fewer_rows_than_columns_are_the_same():
    x = np.random.default_rng(0).standard_normal((60, 5)) @ np.diag([5.0, 4.0, 3.0, 2.0, 1.0])
    rows = np.arange(40)
    few = principal_components(x, rows)
    turned = np.linalg.qr(np.random.default_rng(1).standard_normal((300, 300)))[0][:5]
    many = principal_components(x @ turned, rows)
    np.testing.assert_allclose(np.abs(many), np.abs(few), atol=1e-9)


@pytest.mark.parametrize("d", [2, 8])
def test_few_columns_are_whitened(d):
    x, y = np.random.default_rng(0).standard_normal((2, 200, d)) * np.arange(1, d + 1)
    left, right, _ = paired_components(x, y, np.arange(200))
    for side in (left, right):
        np.testing.assert_allclose(side.T @ side / 200, np.eye(side.shape[1]), atol=1e-9)


def test_components_are_scaled_as_suits_the_pairs():
    rng = np.random.default_rng(0)
    factors = Gaussian((0.9,) * 2).sample(400)
    loadings = rng.standard_normal((2, 2, 60))
    # Two factors in every column: the large components hold all that is shared.
    steep = [
        f @ weights + 0.7 * rng.standard_normal((400, 60)) for f, weights in zip(factors, loadings)
    ]
    rotated, *_ = paired_components(*steep, np.arange(400))
    assert rotated.var(axis=0).max() > 5
    # Two pairs among 60 columns of equal variance: least squares.
    flat = Gaussian((0.95, 0.95), 60, 60).sample(400)
    whitened, *_ = paired_components(*flat, np.arange(400))
    np.testing.assert_allclose(whitened.var(axis=0), 1.0)
