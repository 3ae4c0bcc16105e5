"""Surrogates: random data with known mutual information that resemble the sample."""

from dataclasses import dataclass

import numpy as np
from scipy.special import log_softmax
from sklearn.covariance import ledoit_wolf

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

    Columns: a Gaussian copula with the sample's normal-score correlations (Ledoit-Wolf), each
    column mapped back to the sample's own values unless they are tied; its information is
    -1/2 (log |S| - log |Sxx| - log |Syy|). Classes: Gaussian within each class with the sample's
    class means and pooled covariance of the normal scores; its information is a Monte Carlo mean of
    log p(y | x) / p(y).

    Parameters
    ----------
    x : (n_samples, d) float array
    y : (n_samples, q) float array, or (n_samples,) integer class codes
    """
    if is_classes(y):
        return _classes(x, y, rng)
    return _columns(x, np.asarray(y, dtype=np.float64), rng)


def _columns(x: FloatArray, y: FloatArray, rng: np.random.Generator) -> Surrogate:
    """Gaussian copula of all columns."""
    n_samples, d = x.shape
    columns = np.hstack([x, y])
    covariance, _ = ledoit_wolf(normal_scores(columns))
    factor = _factor(covariance)
    drawn = rng.standard_normal((n_samples, len(covariance))) @ factor.T
    halves = (covariance, covariance[:d, :d], covariance[d:, d:])
    both, of_x, of_y = (np.linalg.slogdet(part)[1] for part in halves)
    mapped = _own_values(drawn, columns)
    return Surrogate(mapped[:, :d], mapped[:, d:], float(-0.5 * (both - of_x - of_y)))


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
    factor = _factor(covariance)
    chance = counts / counts.sum()

    def draw(classes: IntArray) -> FloatArray:
        noise = rng.standard_normal((len(classes), x.shape[1]))
        return np.asarray(means[classes] + noise @ factor.T)

    classes = rng.choice(len(codes), size=MONTE_CARLO_ROWS, p=chance)
    # Linear discriminants: log p(x | c) up to a term without c.
    weights = np.linalg.solve(covariance, means.T)
    offsets = -0.5 * (means.T * weights).sum(axis=0) + np.log(chance)
    posterior = log_softmax(draw(classes) @ weights + offsets, axis=1)
    information = (posterior[np.arange(len(classes)), classes] - np.log(chance[classes])).mean()
    return Surrogate(draw(place), y, float(information))


def _factor(covariance: FloatArray) -> FloatArray:
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
