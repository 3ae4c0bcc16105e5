"""Surrogates: random data with known mutual information that resemble the sample."""

from dataclasses import dataclass

import numpy as np
from scipy.special import log_softmax
from sklearn.covariance import ledoit_wolf

from cch_audit.estimators.canonical import LARGEST
from cch_audit.estimators.contract import is_classes, normal_scores
from cch_audit.sample import FloatArray, IntArray

MONTE_CARLO_ROWS = 20_000
"""Rows on which the information of a class mixture is computed; its error is about 0.005 nats."""


@dataclass(frozen=True)
class Surrogate:
    """One drawn data set and the mutual information of the distribution it was drawn from."""

    x: FloatArray
    """(n_samples, d)"""
    y: FloatArray | IntArray
    """(n_samples, q), or (n_samples,) class codes"""
    information: float
    """I(x; y), nats"""


def draw_surrogate(x: FloatArray, y: FloatArray | IntArray, rng: np.random.Generator) -> Surrogate:
    """Draw a surrogate of the same size and dimensions as the sample.

    Columns: a Gaussian copula with the normal-score covariances of each side (Ledoit-Wolf) and
    their canonical correlations r less what noise adds to them; each column is mapped back to the
    sample's own values unless they are tied; its information is -1/2 sum log(1 - r^2). Classes:
    Gaussian within each class with the sample's class means and pooled covariance of the normal
    scores; its information is a Monte Carlo mean of log p(y | x) / p(y).

    Parameters
    ----------
    x : (n_samples, d) float array
    y : (n_samples, q) float array, or (n_samples,) integer class codes
    """
    if is_classes(y):
        return _classes(x, y, rng)
    return _columns(x, np.asarray(y, dtype=np.float64), rng)


def _columns(x: FloatArray, y: FloatArray, rng: np.random.Generator) -> Surrogate:
    """Gaussian copula of all columns, from canonical pairs of known correlation."""
    n_samples, d = x.shape
    x_scores, y_scores = normal_scores(x), normal_scores(y)
    x_root, y_root = _root(ledoit_wolf(x_scores)[0]), _root(ledoit_wolf(y_scores)[0])
    # Rows of a root's pseudo-inverse whiten: what is left between the sides is correlation.
    cross = np.linalg.pinv(x_root) @ (x_scores.T @ y_scores / n_samples) @ np.linalg.pinv(y_root).T
    left, sample_correlations, right = np.linalg.svd(cross, full_matrices=False)
    correlations = shrink_singular_values(sample_correlations, cross.shape, n_samples)
    u, v = (rng.standard_normal((n_samples, side)) for side in cross.shape)
    shared = u @ left
    # v along each right vector: correlated with u along the left one, independent elsewhere.
    along = v @ right.T
    tied = correlations * shared + np.sqrt(1 - correlations**2) * along
    v = v + (tied - along) @ right
    mapped = _own_values(np.hstack([u @ x_root.T, v @ y_root.T]), np.hstack([x, y]))
    information = -0.5 * np.log1p(-(correlations**2)).sum()
    return Surrogate(mapped[:, :d], mapped[:, d:], float(information))


def shrink_singular_values(
    values: FloatArray, shape: tuple[int, int], n_samples: int
) -> FloatArray:
    """Remove from singular values of a (p, q) cross-correlation matrix what noise adds to them.

    With noise of standard deviation 1/sqrt(n) in every entry, y = s sqrt(n / m), m = max(p, q) and
    b = min(p, q) / m, the value of least Frobenius loss is sqrt((y^2 - b - 1)^2 - 4 b) / y above
    the bulk edge y = 1 + sqrt(b), and 0 below it (Gavish and Donoho 2017, eq. 7).
    """
    larger, ratio = max(shape), min(shape) / max(shape)
    y = values * np.sqrt(n_samples / larger)
    above = y > 1 + np.sqrt(ratio)
    squared = np.where(above, (y**2 - ratio - 1) ** 2 - 4 * ratio, 0.0)
    shrunk = np.sqrt(squared) / np.where(above, y, 1.0) * np.sqrt(larger / n_samples)
    return np.asarray(np.minimum(shrunk, LARGEST))


def _classes(x: FloatArray, y: IntArray, rng: np.random.Generator) -> Surrogate:
    """Gaussian mixture with one component per class and a common covariance."""
    scores = normal_scores(x)
    codes, counts = np.unique(y, return_counts=True)
    means = np.stack([scores[y == code].mean(axis=0) for code in codes])
    place = np.searchsorted(codes, y)
    covariance, _ = ledoit_wolf(scores - means[place], assume_centered=True)
    # Means of few rows lie too far apart: their own noise is taken out of the spread.
    spread = (means**2 * counts[:, None]).sum()
    noise = np.trace(covariance) * (len(codes) - 1)
    means = means * np.sqrt(max(0.0, 1 - noise / max(spread, 1e-12)))
    root = _root(covariance)
    chance = counts / counts.sum()

    def draw(classes: IntArray) -> FloatArray:
        noise = rng.standard_normal((len(classes), x.shape[1]))
        return np.asarray(means[classes] + noise @ root.T)

    classes = rng.choice(len(codes), size=MONTE_CARLO_ROWS, p=chance)
    # Linear discriminants: log p(x | c) up to a term without c.
    weights = np.linalg.solve(covariance, means.T)
    offsets = -0.5 * (means.T * weights).sum(axis=0) + np.log(chance)
    posterior = log_softmax(draw(classes) @ weights + offsets, axis=1)
    information = (posterior[np.arange(len(classes)), classes] - np.log(chance[classes])).mean()
    return Surrogate(draw(place), y, float(information))


def _root(covariance: FloatArray) -> FloatArray:
    """Return a square root (d, d) of a covariance that may be near singular."""
    values, vectors = np.linalg.eigh(covariance)
    return np.asarray(vectors * np.sqrt(np.maximum(values, 0.0)))


def _own_values(drawn: FloatArray, columns: FloatArray) -> FloatArray:
    """Give each drawn column the sample's sorted values, by rank; tied columns stay Gaussian.

    The map is strictly increasing where values are distinct, so the information is unchanged; at
    ties it would lose some.
    """
    ordered = np.sort(columns, axis=0)
    distinct = (np.diff(ordered, axis=0) > 0).all(axis=0)
    ranks = drawn.argsort(axis=0).argsort(axis=0)
    return np.where(distinct, np.take_along_axis(ordered, ranks, axis=0), drawn)
