import numpy as np
import pytest
from scipy.special import logsumexp
from scipy.stats import multivariate_normal
from sklearn.mixture import GaussianMixture

from cch_audit.estimators.tied import fit_tied

LEAST = 1e-4


def clusters(n=600, d=3, seed=0):
    """Return rows of four clusters, and their numbers."""
    rng = np.random.default_rng(seed)
    place = rng.integers(4, size=n)
    return 3 * rng.standard_normal((4, d))[place] + 0.4 * rng.standard_normal((n, d)), place


@pytest.mark.parametrize("n_components", [1, 4, 7])
def test_likelihood_and_criterion_are_those_of_the_densities(n_components):
    x, _ = clusters()
    found = fit_tied(x, n_components, LEAST, np.random.default_rng(0))
    densities = [
        np.log(weight) + multivariate_normal(mean, found.covariance).logpdf(x)
        for weight, mean in zip(found.weights, found.means)
    ]
    expected = float(logsumexp(densities, axis=0).mean())
    assert found.log_likelihood == pytest.approx(expected, abs=1e-9)
    theirs = GaussianMixture(n_components, covariance_type="tied", random_state=0).fit(x)
    parameters = theirs.bic(x) + 2 * len(x) * theirs.score(x)
    assert found.criterion(len(x)) == pytest.approx(-2 * len(x) * expected + parameters)


@pytest.mark.parametrize("n_components", [1, 2, 4, 8])
def test_rows_are_as_likely_as_under_scikit_learns_fit(n_components):
    differences = []
    for seed in range(5):
        x, _ = clusters(seed=seed)
        ours = fit_tied(x, n_components, LEAST, np.random.default_rng(seed))
        theirs = GaussianMixture(
            n_components, covariance_type="tied", reg_covar=LEAST, max_iter=50, random_state=seed
        )
        differences.append(ours.log_likelihood - theirs.fit(x).score(x))
    # Both end in local optima that their starts choose; neither is the better one throughout.
    assert np.median(differences) > -0.05


def test_components_are_found():
    x, place = clusters(d=8)
    found = fit_tied(x, 4, LEAST, np.random.default_rng(0))
    means = np.stack([x[place == number].mean(axis=0) for number in range(4)])
    distances = np.linalg.norm(found.means[:, None] - means, axis=2)
    assert sorted(distances.argmin(axis=1)) == [0, 1, 2, 3]
    assert distances.min(axis=1).max() < 0.05
    assert found.covariance == pytest.approx(0.16 * np.eye(8), abs=0.04)


def test_more_components_than_different_rows():
    x = np.repeat(np.eye(3), 5, axis=0)
    found = fit_tied(x, 8, LEAST, np.random.default_rng(0))
    assert np.isfinite(found.log_likelihood)
    assert found.weights.sum() == pytest.approx(1.0)
