"""Expectation-maximisation of Gaussian mixtures whose components share one covariance."""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import cho_factor, cho_solve
from sklearn.cluster import kmeans_plusplus

from cch_audit.rows import FloatArray

KMEANS_STEPS = 5
"""Steps of k-means from which expectation-maximisation goes on."""
MOST_STEPS = 50
"""Of expectation-maximisation; a mixture that is nearly there resembles the rows well enough."""
SETTLED = 1e-3
"""Nats a row by which a step must raise the likelihood, or it is the last."""


@dataclass(frozen=True)
class Tied:
    """A fitted mixture of K Gaussians with a common covariance."""

    weights: FloatArray
    """(K,)"""
    means: FloatArray
    """(K, d)"""
    covariance: FloatArray
    """(d, d)"""
    log_likelihood: float
    """Mean log density of the rows, nats."""

    def criterion(self, n: int) -> float:
        """Return the Bayesian information criterion on n rows (Schwarz 1978); less is better."""
        k, d = self.means.shape
        n_parameters = d * (d + 1) / 2 + k * d + k - 1
        return float(-2 * n * self.log_likelihood + n_parameters * np.log(n))


def fit_tied(x: FloatArray, n_components: int, least: float, rng: np.random.Generator) -> Tied:
    """Fit a mixture to rows by expectation-maximisation from k-means.

    With a common covariance C the log densities of the components are linear in a row but for one
    term that they share, x' C^-1 x / 2, whose mean follows from the rows' second moments; and C is
    those moments less the means' own. So a step costs two products of rows and components.

    Parameters
    ----------
    x : (n, d) columns of variances near 1
    n_components : K
    least : variance that is added to every column
    rng : chooses the first centres
    """
    n, d = x.shape
    centre = x.mean(axis=0)
    x = x - centre
    moments = x.T @ x / n
    if n_components == 1:
        covariance = moments + least * np.eye(d)
        factor = cho_factor(covariance)
        log_likelihood = _common(factor, moments)
        return Tied(np.ones(1), centre[None], covariance, log_likelihood)
    shares = _k_means(x, n_components, rng)
    before, found = -np.inf, None
    for _ in range(MOST_STEPS):
        # One share of ten rounding errors keeps an empty component's mean a number.
        sizes = shares.sum(axis=0) + 10 * np.finfo(np.float64).eps
        weights, means = sizes / n, (shares.T @ x) / sizes[:, None]
        covariance = moments - (weights[:, None] * means).T @ means + least * np.eye(d)
        factor = cho_factor(covariance)
        slopes = cho_solve(factor, means.T)
        scores = x @ slopes + (np.log(weights) - (means.T * slopes).sum(axis=0) / 2)
        tops = scores.max(axis=1, keepdims=True)
        shares = np.exp(scores - tops, out=scores)
        totals = shares.sum(axis=1, keepdims=True)
        shares /= totals
        log_likelihood = float((tops + np.log(totals)).mean()) + _common(factor, moments)
        found = Tied(weights, means + centre, covariance, log_likelihood)
        if log_likelihood - before < SETTLED:
            break
        before = log_likelihood
    assert found is not None
    return found


def _common(factor: tuple[FloatArray, bool], moments: FloatArray) -> float:
    """Return the mean of what the log densities of all components share."""
    root = factor[0].diagonal()
    quadratic = np.trace(cho_solve(factor, moments))
    return float(-quadratic / 2 - np.log(root).sum() - len(moments) * np.log(2 * np.pi) / 2)


def _k_means(x: FloatArray, n_components: int, rng: np.random.Generator) -> FloatArray:
    """Return shares (n, K) of rows in clusters, 0 or 1, by some steps of k-means."""
    centres, _ = kmeans_plusplus(x, n_components, random_state=int(rng.integers(2**31)))
    shares = np.empty((len(x), n_components))
    nearest = None
    for _ in range(KMEANS_STEPS):
        before, nearest = nearest, (x @ centres.T - (centres**2).sum(axis=1) / 2).argmax(axis=1)
        if before is not None and np.array_equal(before, nearest):
            break
        shares[:] = 0.0
        shares[np.arange(len(x)), nearest] = 1.0
        sizes = shares.sum(axis=0)
        moved = shares.T @ x / np.maximum(sizes, 1.0)[:, None]
        centres = np.where(sizes[:, None] > 0, moved, centres)
    return shares
