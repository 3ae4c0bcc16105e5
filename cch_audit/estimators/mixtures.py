"""Gaussian mixtures with known mutual information, fitted to two sides of a sample."""

import warnings
from dataclasses import dataclass

import numpy as np
from scipy.linalg import solve_triangular
from scipy.special import log_softmax, logsumexp
from sklearn.covariance import ledoit_wolf
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture

from cch_audit.sample import FloatArray, IntArray

MONTE_CARLO_ROWS = 10_000
"""Rows on which an information is computed; its error is about 0.01 nats."""
COMPONENTS = (1, 2, 4, 8, 16)
"""Numbers of components tried; the Bayesian information criterion chooses."""
FIT_ROWS = 2000
"""Most rows that a mixture of columns is fitted on."""
ROWS_PER_COMPONENT = 15
"""Fewer rows do not settle a component."""


@dataclass(frozen=True)
class ColumnMixture:
    """A mixture of Gaussians with a common covariance over the columns of x and y together."""

    weights: FloatArray
    """(K,)"""
    means: FloatArray
    """(K, p + q)"""
    covariance: FloatArray
    """(p + q, p + q)"""
    n_left: int
    """p, the columns of x."""
    n_samples: int
    """Rows of the sample that it stands for."""

    @classmethod
    def fit(cls, x: FloatArray, y: FloatArray, rng: np.random.Generator) -> "ColumnMixture":
        """Fit by expectation-maximisation; more components are tried until two more do not pay.

        Parameters
        ----------
        x, y : (n_samples, p) and (n_samples, q) columns
        """
        both, n_samples = np.hstack([x, y]), len(x)
        if len(both) > FIT_ROWS:
            both = both[rng.choice(len(both), FIT_ROWS, replace=False)]
        best, least, worse = None, np.inf, 0
        for number in COMPONENTS:
            if (best is not None and number * ROWS_PER_COMPONENT > len(both)) or worse == 2:
                break
            model = GaussianMixture(
                number,
                covariance_type="tied",
                reg_covar=1e-4,
                max_iter=50,
                random_state=int(rng.integers(2**31)),
            )
            with warnings.catch_warnings():
                # A mixture that is nearly there resembles the sample well enough, or is refused.
                warnings.simplefilter("ignore", ConvergenceWarning)
                criterion = model.fit(both).bic(both)
            worse = 0 if criterion < least else worse + 1
            if criterion < least:
                best, least = model, criterion
        assert best is not None
        return cls(best.weights_, best.means_, best.covariances_, x.shape[1], n_samples)

    def leading(self, n: int) -> "ColumnMixture":
        """Return the mixture of the first n columns of each side."""
        kept = np.r_[:n, self.n_left : self.n_left + n]
        covariance = self.covariance[np.ix_(kept, kept)]
        return ColumnMixture(self.weights, self.means[:, kept], covariance, n, self.n_samples)

    def draw(self, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
        """Return as many rows of x and of y as the sample has."""
        return self._rows(self.n_samples, rng)

    def _rows(self, n: int, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
        component = rng.choice(len(self.weights), size=n, p=self.weights)
        noise = rng.standard_normal((n, self.means.shape[1]))
        both = self.means[component] + noise @ np.linalg.cholesky(self.covariance).T
        return both[:, : self.n_left], both[:, self.n_left :]

    def information(self, rng: np.random.Generator) -> float:
        """Return I(x; y) in nats, the Monte Carlo mean of log p(x, y) / (p(x) p(y))."""
        return float(self.log_ratio(*self._rows(MONTE_CARLO_ROWS, rng)).mean())

    def log_ratio(self, x: FloatArray, y: FloatArray) -> FloatArray:
        """Return log p(x, y) / (p(x) p(y)) of every row, (n_rows,)."""
        left, right = slice(0, self.n_left), slice(self.n_left, None)
        whole = self._log_density(np.hstack([x, y]), slice(None))
        return whole - self._log_density(x, left) - self._log_density(y, right)

    def log_ratio_parts(self, x: FloatArray, y: FloatArray) -> tuple[FloatArray, ...]:
        """Return a, b, f, g, c, d of the log density ratio of all pairs of rows.

        With a common covariance all components have one bilinear part, so that
        log p(x_i, y_j) / (p(x_i) p(y_j)) = a_i + b_j + f_i . g_j + log sum_k exp(c_ik + d_jk).

        Returns
        -------
        a, b : (n_samples,)
        f, g : (n_samples, min(p, q) or more)
        c, d : (n_samples, K)
        """
        precision = np.linalg.inv(self.covariance)
        left, right = slice(0, self.n_left), slice(self.n_left, None)
        shifts = self.means @ precision
        c = x @ shifts[:, left].T + np.log(self.weights) - (shifts * self.means).sum(axis=1) / 2
        d = y @ shifts[:, right].T
        a = -(x @ precision[left, left] * x).sum(axis=1) / 2 - self._log_density(x, left)
        b = -(y @ precision[right, right] * y).sum(axis=1) / 2 - self._log_density(y, right)
        constant = np.linalg.slogdet(precision)[1] / 2
        return a + constant, b, x, -y @ precision[right, left], c, d

    def _log_density(self, rows: FloatArray, columns: slice) -> FloatArray:
        """Return the log density of rows in some columns, up to the constant of their number."""
        root = np.linalg.cholesky(self.covariance[columns, columns])
        white = solve_triangular(root, rows.T, lower=True).T
        centres = solve_triangular(root, self.means[:, columns].T, lower=True).T
        squared = (white**2).sum(axis=1)[:, None] - 2 * white @ centres.T
        squared += (centres**2).sum(axis=1)
        density = logsumexp(np.log(self.weights) - squared / 2, axis=1)
        return np.asarray(density - np.log(root.diagonal()).sum())


@dataclass(frozen=True)
class ClassMixture:
    """Gaussian columns within each class, with a common covariance."""

    y: IntArray
    """(n_samples,) positions of the sample's classes among those that occur."""
    means: FloatArray
    """(K, d)"""
    covariance: FloatArray
    """(d, d)"""

    @classmethod
    def fit(cls, x: FloatArray, y: IntArray) -> "ClassMixture":
        """Fit class means and a pooled Ledoit-Wolf covariance.

        Parameters
        ----------
        x, y : (n_samples, d) columns and (n_samples,) class codes
        """
        codes, place, counts = np.unique(y, return_inverse=True, return_counts=True)
        means = np.stack([x[y == code].mean(axis=0) for code in codes])
        covariance, _ = ledoit_wolf(x - means[place], assume_centered=True)
        # Means of few rows lie too far apart: their own noise is taken out of the spread.
        centre = counts @ means / len(y)
        spread = ((means - centre) ** 2 * counts[:, None]).sum()
        noise = np.trace(covariance) * (len(codes) - 1)
        shrunk = np.sqrt(max(0.0, 1 - noise / max(spread, 1e-12)))
        return cls(place, centre + shrunk * (means - centre), covariance)

    def leading(self, n: int) -> "ClassMixture":
        """Return the mixture of the first n columns."""
        return ClassMixture(self.y, self.means[:, :n], self.covariance[:n, :n])

    def draw(self, rng: np.random.Generator) -> tuple[FloatArray, IntArray]:
        """Return columns (n_samples, d) for the sample's own classes, and those."""
        return self._columns(self.y, rng), self.y

    def information(self, rng: np.random.Generator) -> float:
        """Return I(x; y) in nats, the Monte Carlo mean of log p(y | x) / p(y)."""
        chance = np.bincount(self.y) / len(self.y)
        classes = rng.choice(len(chance), size=MONTE_CARLO_ROWS, p=chance)
        return float(self.log_ratio(self._columns(classes, rng), classes).mean())

    def log_ratio(self, x: FloatArray, y: IntArray) -> FloatArray:
        """Return log p(y | x) / p(y) of every row, (n_rows,); y are positions of classes."""
        chance = np.bincount(self.y) / len(self.y)
        # Linear discriminants: log p(x | c) up to a term without c.
        weights = np.linalg.solve(self.covariance, self.means.T)
        offsets = -0.5 * (self.means.T * weights).sum(axis=0) + np.log(chance)
        posterior = log_softmax(x @ weights + offsets, axis=1)
        return np.asarray(posterior[np.arange(len(y)), y] - np.log(chance[y]))

    def _columns(self, classes: IntArray, rng: np.random.Generator) -> FloatArray:
        noise = rng.standard_normal((len(classes), self.means.shape[1]))
        return np.asarray(self.means[classes] + noise @ _root(self.covariance).T)


def _root(covariance: FloatArray) -> FloatArray:
    """Return a square root (d, d) of a covariance that may be near singular."""
    values, vectors = np.linalg.eigh(covariance)
    return np.asarray(vectors * np.sqrt(np.maximum(values, 0.0)))
