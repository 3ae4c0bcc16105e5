import numpy as np
import pytest
from samplers import Copies, Gaussian, Independent
from scipy.stats import multivariate_normal

from cch_audit.estimators.canonical import LARGEST, Canonical, fit_canonical
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
