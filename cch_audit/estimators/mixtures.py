"""Gaussian mixtures with known mutual information, fitted to two sides of a sample."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy.linalg import solve_triangular
from scipy.special import log_softmax, ndtr
from sklearn.covariance import ledoit_wolf

from cch_audit.dependence.units import Dependence, Likeness, independent_rows
from cch_audit.estimators.tied import fit_tied
from cch_audit.rows import FloatArray, IntArray

MONTE_CARLO_ROWS = 10_000
"""Rows on which an information is computed; its error is about 0.01 nats."""
MANY_COLUMNS, BLOCK = 256, 500
"""Of more columns so many of those rows are drawn at a time, and as linear discriminants."""
COMPONENTS = (1, 2, 4, 8, 16)
"""Numbers of components tried; the Bayesian information criterion chooses."""
STARTED_ROWS = 500
"""Rows that all starts of one number of components look at together, one start at least: of few
rows the likelihood has many maxima, and starts cost little."""
FIT_ROWS = 2000
"""Most rows that a mixture of columns is fitted on."""
LEAST_VARIANCE = 1e-4
"""Of any direction of columns, as a share of the average one."""
NO_SPREAD = 1e-9
"""Share of the variance below which columns do not vary within classes."""
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
    dependence: Dependence | None = None
    """Which of those depend on each other."""
    likeness: Likeness | None = None
    """How alike those are, by column of x and y."""

    @classmethod
    def fit(
        cls,
        x: FloatArray,
        y: FloatArray,
        rng: np.random.Generator,
        dependence: Dependence | None = None,
    ) -> "ColumnMixture":
        """Fit by expectation-maximisation, with the number of components that pays most.

        All numbers are tried that the rows settle: where rows come in classes, a few components
        may be no better than one, and as many as there are classes far better. Of rows that depend
        on each other one of each unit is taken: speakers are no components.

        Parameters
        ----------
        x, y : (n_samples, p) and (n_samples, q) columns
        dependence : which rows depend on each other; None: none do
        """
        both, n_samples = np.hstack([x, y]), len(x)
        likeness = None if dependence is None else dependence.likeness(both)
        both = both[independent_rows(np.arange(n_samples), dependence, rng)]
        if len(both) > FIT_ROWS:
            both = both[rng.choice(len(both), FIT_ROWS, replace=False)]
        best, least = None, np.inf
        for number in COMPONENTS:
            if best is not None and number * ROWS_PER_COMPONENT > len(both):
                break
            starts = max(1, STARTED_ROWS // len(both)) if number > 1 else 1
            models = [fit_tied(both, number, LEAST_VARIANCE, rng) for _ in range(starts)]
            model = max(models, key=lambda one: one.log_likelihood)
            criterion = model.criterion(len(both))
            if criterion < least:
                best, least = model, criterion
        assert best is not None
        covariance = best.covariance
        if likeness is not None:
            # The nearest covariance of columns whose dependent rows are so alike.
            inner, spread = _inner_correlations(covariance, likeness)
            covariance = inner * likeness.passes_between() * np.outer(spread, spread)
        fitted = best.weights, best.means, covariance
        return cls(*fitted, x.shape[1], n_samples, dependence, likeness)

    def leading(self, n: int) -> "ColumnMixture":
        """Return the mixture of the first n columns of each side."""
        kept = np.r_[:n, self.n_left : self.n_left + n]
        return replace(
            self,
            means=self.means[:, kept],
            covariance=self.covariance[np.ix_(kept, kept)],
            n_left=n,
            likeness=self.likeness and self.likeness.take(kept),
        )

    def draw(self, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
        """Return as many rows of x and of y as the sample has, as alike as its own are."""
        if self.dependence is None or self.likeness is None:
            return self._rows(self.n_samples, rng)
        average = Likeness(*(part.mean(keepdims=True) for part in vars(self.likeness).values()))
        chance = ndtr(self.dependence.alike(average, self.dependence.white(1, rng))[:, 0])
        component = np.searchsorted(np.cumsum(self.weights)[:-1], chance)
        inner, spread = _inner_correlations(self.covariance, self.likeness)
        noise = self.dependence.white(len(spread), rng).times(matrix_root(inner).T)
        return self._placed(component, spread * self.dependence.alike(self.likeness, noise))

    def _rows(self, n: int, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
        component = rng.choice(len(self.weights), size=n, p=self.weights)
        noise = rng.standard_normal((n, self.means.shape[1]))
        return self._placed(component, noise @ np.linalg.cholesky(self.covariance).T)

    def _placed(self, component: IntArray, noise: FloatArray) -> tuple[FloatArray, FloatArray]:
        both = self.means[component] + noise
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
        scores = np.log(self.weights) - squared / 2
        tops = scores.max(axis=1)
        sums = np.exp(scores - tops[:, None]).sum(axis=1)
        return np.asarray(tops + np.log(sums) - np.log(root.diagonal()).sum())


@dataclass(frozen=True)
class ClassMixture:
    """Gaussian columns within each class, with a common covariance."""

    y: IntArray
    """(n_samples,) positions of the sample's classes among those that occur."""
    means: FloatArray
    """(K, d)"""
    covariance: FloatArray
    """(d, d)"""
    dependence: Dependence | None = None
    """Which rows depend on each other."""
    residual: FloatArray | None = None
    """Where some do: the columns less their class means, (n_samples, d)."""

    @classmethod
    def fit(
        cls, x: FloatArray, y: IntArray, dependence: Dependence | None = None
    ) -> "ClassMixture":
        """Fit class means and a pooled Ledoit-Wolf covariance.

        Parameters
        ----------
        x, y : (n_samples, d) columns and (n_samples,) class codes
        dependence : which rows depend on each other; None: none do
        """
        place, counts, means = class_means(x, y)
        residual = x - means[place]
        covariance, _ = ledoit_wolf(residual, assume_centered=True)
        if np.trace(covariance) <= NO_SPREAD * max(float(x.var(axis=0).sum()), 1e-300):
            # Columns that the class determines: as narrow as can be told from nothing.
            covariance = NO_SPREAD * np.eye(x.shape[1])
        trace = float(np.trace(covariance))
        means = shrink_means(means, counts, place, trace, residual, dependence)
        return cls(place, means, covariance, dependence, None if dependence is None else residual)

    def leading(self, n: int) -> "ClassMixture":
        """Return the mixture of the first n columns."""
        residual = None if self.residual is None else self.residual[:, :n]
        means, covariance = self.means[:, :n], self.covariance[:n, :n]
        return replace(self, means=means, covariance=covariance, residual=residual)

    def draw(self, rng: np.random.Generator) -> tuple[FloatArray, IntArray]:
        """Return columns (n_samples, d) for the sample's own classes, and those.

        Rows that depend on each other are as alike, beyond their classes, as in the sample.
        """
        if self.dependence is None or self.residual is None:
            return self._columns(self.y, rng), self.y
        values, vectors = np.linalg.eigh(self.covariance)
        likeness = self.dependence.likeness(self.residual @ vectors)
        noise = self.dependence.alike(likeness, self.dependence.white(len(values), rng))
        noise *= np.sqrt(np.maximum(values, 0.0))
        return np.asarray(self.means[self.y] + noise @ vectors.T), self.y

    def information(self, rng: np.random.Generator) -> float:
        """Return I(x; y) in nats, the Monte Carlo mean of log p(y | x) / p(y)."""
        chance = np.bincount(self.y) / len(self.y)
        classes = rng.choice(len(chance), size=MONTE_CARLO_ROWS, p=chance)
        if len(self.covariance) <= MANY_COLUMNS:
            return float(self.log_ratio(self._columns(classes, rng), classes).mean())
        # Of many columns only what decides is drawn, some rows at a time.
        weights, total = self._weights, 0.0
        centres, along = self.means @ weights, self._root.T @ weights
        for first in range(0, len(classes), BLOCK):
            some = classes[first : first + BLOCK]
            noise = rng.standard_normal((len(some), len(along)))
            total += float(self._ratios(centres[some] + noise @ along, some).sum())
        return total / len(classes)

    def log_ratio(self, x: FloatArray, y: IntArray) -> FloatArray:
        """Return log p(y | x) / p(y) of every row, (n_rows,); y are positions of classes."""
        return self._ratios(x @ self._weights, y)

    def _ratios(self, discriminants: FloatArray, y: IntArray) -> FloatArray:
        """Return them from linear discriminants (n_rows, K): log p(x | c) up to terms without x."""
        chance = np.bincount(self.y) / len(self.y)
        offsets = -0.5 * (self.means.T * self._weights).sum(axis=0) + np.log(chance)
        posterior = log_softmax(discriminants + offsets, axis=1)
        return np.asarray(posterior[np.arange(len(y)), y] - np.log(chance[y]))

    def _columns(self, classes: IntArray, rng: np.random.Generator) -> FloatArray:
        noise = rng.standard_normal((len(classes), self.means.shape[1]))
        return np.asarray(self.means[classes] + noise @ self._root.T)

    @cached_property
    def _weights(self) -> FloatArray:
        """C^-1 m_k of the covariance C, (d, K)."""
        return np.asarray(np.linalg.solve(self.covariance, self.means.T))

    @cached_property
    def _root(self) -> FloatArray:
        """Square root of the covariance, (d, d)."""
        return matrix_root(self.covariance)


def class_means(x: FloatArray, y: IntArray) -> tuple[IntArray, IntArray, FloatArray]:
    """Return each row's class among those that occur, their sizes (K,) and their means (K, d)."""
    codes, place, counts = np.unique(y, return_inverse=True, return_counts=True)
    return place, counts, np.stack([x[y == code].mean(axis=0) for code in codes])


def shrink_means(
    means: FloatArray,
    counts: IntArray,
    place: IntArray,
    trace: float,
    residual: FloatArray,
    dependence: Dependence | None,
) -> FloatArray:
    """Return class means (K, d) nearer to each other: means of few rows lie too far apart.

    Their own noise, of a covariance with that trace, is taken out of their spread.
    """
    centre = counts @ means / len(place)
    spread = ((means - centre) ** 2 * counts[:, None]).sum()
    noise = trace * (len(counts) - 1)
    if dependence is not None:
        noise *= _excess(place, dependence, dependence.likeness(residual))
    shrunk = np.sqrt(max(0.0, 1 - noise / max(spread, 1e-12)))
    return np.asarray(centre + shrunk * (means - centre))


def _inner_correlations(
    covariance: FloatArray, likeness: Likeness
) -> tuple[FloatArray, FloatArray]:
    """Return how noise correlates that is blended into columns of a covariance, and their spread.

    Inner correlations that no columns have, because some vary within groups and others do not,
    become the nearest ones that some do.
    """
    spread = np.sqrt(covariance.diagonal())
    passed = np.maximum(likeness.passes_between(), 1e-300)
    inner = np.clip(covariance / np.outer(spread, spread) / passed, -1, 1)
    values, vectors = np.linalg.eigh(inner)
    inner = vectors * np.maximum(values, LEAST_VARIANCE) @ vectors.T
    unit = np.sqrt(inner.diagonal())
    return inner / np.outer(unit, unit), spread


def _excess(classes: IntArray, dependence: Dependence, likeness: Likeness) -> float:
    """Return by how much class means of dependent rows vary more than those of free rows.

    The variance of a mean over n_c rows, m_gc of them in group g, is
    (r sum_g m_gc^2 / n_c + 1 - r) / n_c with r the correlation within groups.
    """
    within, serial = likeness.within.mean(), min(likeness.serial.mean(), 0.9999)
    table = np.zeros((int(classes.max()) + 1, int(dependence.groups.max()) + 1))
    np.add.at(table, (classes, dependence.groups), 1.0)
    sizes = (table**2).sum(axis=1) / table.sum(axis=1)
    grouped = float((within * sizes + 1 - within).mean())
    return grouped * float((1 + serial) / (1 - serial))


def matrix_root(covariance: FloatArray) -> FloatArray:
    """Return a square root (d, d) of a covariance that may be near singular."""
    values, vectors = np.linalg.eigh(covariance)
    return np.asarray(vectors * np.sqrt(np.maximum(values, 0.0)))
