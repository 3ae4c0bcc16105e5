"""Gaussian classes of more columns than rows: their covariance is never written out."""

from dataclasses import dataclass

import numpy as np
from scipy.special import log_softmax

from cch_audit.dependence.units import Dependence
from cch_audit.estimators.mixtures import (
    MONTE_CARLO_ROWS,
    NO_SPREAD,
    class_means,
    matrix_root,
    shrink_means,
)
from cch_audit.estimators.wide import ledoit_wolf_parts, principal_axes, solve_through_rows
from cch_audit.rows import FloatArray, IntArray

LEAST_SHRINKAGE = 1e-6
"""Of a covariance of fewer rows than columns, which no inverse has without."""


@dataclass(frozen=True)
class WideClassMixture:
    """Gaussian columns within each class, with the covariance (1 - s) R'R / n + s m I."""

    y: IntArray
    """(n_samples,) positions of the sample's classes among those that occur."""
    means: FloatArray
    """(K, d)"""
    residual: FloatArray
    """R, the columns less their class means, (n_samples, d)."""
    shrinkage: float
    """s"""
    level: float
    """m, the average variance."""
    weights: FloatArray
    """C^-1 m_k of the covariance C and the means less their average, (d, K)."""
    dependence: Dependence | None = None
    """Which rows depend on each other."""

    @classmethod
    def fit(
        cls, x: FloatArray, y: IntArray, dependence: Dependence | None = None
    ) -> "WideClassMixture":
        """Fit class means and a pooled Ledoit-Wolf covariance, as `ClassMixture.fit` does."""
        place, counts, means = class_means(x, y)
        residual = x - means[place]
        shrinkage, level = ledoit_wolf_parts(residual)
        d = x.shape[1]
        shrinkage = max(shrinkage, LEAST_SHRINKAGE)
        if level * d <= NO_SPREAD * max(float(x.var(axis=0).sum()), 1e-300):
            shrinkage, level = 1.0, NO_SPREAD
        means = shrink_means(means, counts, place, level * d, residual, dependence)
        rows = np.sqrt((1 - shrinkage) / len(residual)) * residual
        deviations = means - counts @ means / len(y)
        weights = solve_through_rows(rows, np.full(d, shrinkage * level), deviations.T)
        return cls(place, means, residual, shrinkage, level, weights, dependence)

    def draw(self, rng: np.random.Generator) -> tuple[FloatArray, IntArray]:
        """Return columns (n_samples, d) for the sample's own classes, and those.

        Rows that depend on each other are as alike, beyond their classes, as in the sample. Others
        are random sums of the sample's own residuals, whose covariance is R'R / n, and noise.
        """
        n, d = self.residual.shape
        noise = rng.standard_normal((n, d), dtype=np.float32)
        noise *= np.float32(np.sqrt(self.shrinkage * self.level))
        if self.dependence is None:
            sums = rng.standard_normal((n, n), dtype=np.float32)
            sums *= np.float32(np.sqrt((1 - self.shrinkage) / n))
            noise += sums @ self.residual.astype(np.float32)
            return self.means[self.y] + noise, self.y
        # Dependent rows are alike along principal components, and nowhere else.
        values, axes = principal_axes(self.residual)
        vectors = axes(len(values))
        likeness = self.dependence.likeness(self.residual @ vectors)
        along = self.dependence.alike(likeness, self.dependence.white(len(values), rng))
        along *= np.sqrt((1 - self.shrinkage) * values + self.shrinkage * self.level)
        return self.means[self.y] + noise + (along - noise @ vectors) @ vectors.T, self.y

    def information(self, rng: np.random.Generator) -> float:
        """Return I(x; y) in nats, the Monte Carlo mean of log p(y | x) / p(y).

        The rows are drawn as what decides, the K discriminants x' C^-1 m_k of a covariance C: those
        of class c are Gaussian with means m_c' C^-1 m_k and covariances m_j' C^-1 m_k.
        """
        chance = np.bincount(self.y) / len(self.y)
        classes = rng.choice(len(chance), size=MONTE_CARLO_ROWS, p=chance)
        products = (self.means - chance @ self.means) @ self.weights
        noise = rng.standard_normal((MONTE_CARLO_ROWS, len(chance))) @ matrix_root(products).T
        return float(self._ratios(products[classes] + noise, classes).mean())

    def log_ratio(self, x: FloatArray, y: IntArray) -> FloatArray:
        """Return log p(y | x) / p(y) of every row, (n_rows,); y are positions of classes."""
        centre = np.bincount(self.y) / len(self.y) @ self.means
        return self._ratios(x @ self.weights - centre @ self.weights, y)

    def _ratios(self, discriminants: FloatArray, y: IntArray) -> FloatArray:
        """Return them from discriminants (n_rows, K)."""
        chance = np.bincount(self.y) / len(self.y)
        deviations = self.means - chance @ self.means
        offsets = np.log(chance) - (deviations.T * self.weights).sum(axis=0) / 2
        posterior = log_softmax(discriminants + offsets, axis=1)
        return np.asarray(posterior[np.arange(len(y)), y] - np.log(chance[y]))
