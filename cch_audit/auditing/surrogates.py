"""Surrogates: random data with known mutual information that resemble the sample."""

from dataclasses import dataclass

import numpy as np

from cch_audit.dependence.units import Dependence, Noise
from cch_audit.estimators.canonical import LARGEST
from cch_audit.estimators.contract import is_classes, normal_scores
from cch_audit.estimators.mixtures import ClassMixture
from cch_audit.rows import FloatArray, IntArray


@dataclass(frozen=True)
class Surrogate:
    """One drawn data set and the mutual information of the distribution it was drawn from."""

    x: FloatArray
    """(n_samples, d)"""
    y: FloatArray | IntArray
    """(n_samples, q), or (n_samples,) class codes"""
    information: float
    """I(x; y), nats"""


def draw_surrogate(
    x: FloatArray,
    y: FloatArray | IntArray,
    rng: np.random.Generator,
    dependence: Dependence | None = None,
) -> Surrogate:
    """Draw a surrogate of the same size and dimensions as the sample.

    Columns: a Gaussian copula with the normal-score covariances of each side and their canonical
    correlations r less what a finite sample adds to them; each column is mapped back to the
    sample's own values unless they are tied; its information is -1/2 sum log(1 - r^2). Classes:
    Gaussian within each class with the sample's class means and pooled covariance of the normal
    scores; its information is a Monte Carlo mean of log p(y | x) / p(y). Rows that depend on each
    other in the sample do so in the surrogate, and are as alike along each principal component; the
    information is that of a row from a new group.

    Parameters
    ----------
    x : (n_samples, d) float array
    y : (n_samples, q) float array, or (n_samples,) integer class codes
    dependence : which rows depend on each other; None: none do
    """
    if is_classes(y):
        mixture = ClassMixture.fit(normal_scores(x), y, dependence)
        information = mixture.information(rng)
        return Surrogate(mixture.draw(rng)[0], y, information)
    return _columns(x, np.asarray(y, dtype=np.float64), rng, dependence)


def _columns(
    x: FloatArray, y: FloatArray, rng: np.random.Generator, dependence: Dependence | None
) -> Surrogate:
    """Gaussian copula of all columns, from canonical pairs of known correlation."""
    n_samples, d = x.shape
    n_free = n_samples
    x_basis, y_basis = _Basis.of(normal_scores(x)), _Basis.of(normal_scores(y))
    if dependence is not None:
        # Correlations settle as they would on so many free rows.
        likenesses = [dependence.likeness(basis.leading(n_free)) for basis in (x_basis, y_basis)]
        n_free = max(16, int(n_samples / dependence.design_effect(*likenesses)))
    of_x, of_y = x_basis.leading(n_free), y_basis.leading(n_free)
    left, sample_correlations, right = np.linalg.svd(of_x.T @ of_y / n_samples)
    shape = (of_x.shape[1], of_y.shape[1])
    correlations = debiased_correlations(sample_correlations, shape, n_free)
    if dependence is None:
        u, v = (rng.standard_normal(basis.white.shape) for basis in (x_basis, y_basis))
        m = len(correlations)
        # v along each right vector: correlated with u along the left one, independent elsewhere.
        along = v[:, : shape[1]] @ right[:m].T
        tied = _tied(u[:, : shape[0]] @ left[:, :m], along, correlations)
        v[:, : shape[1]] += (tied - along) @ right[:m]
    else:
        sides = x_basis.turned(left), y_basis.turned(right.T)
        u, v, correlations = _dependent(*sides, correlations, dependence, rng)
        u[:, : shape[0]] = u[:, : shape[0]] @ left.T
        v[:, : shape[1]] = v[:, : shape[1]] @ right
    mapped = _own_values(np.hstack([u @ x_basis.root.T, v @ y_basis.root.T]), np.hstack([x, y]))
    information = -0.5 * np.log1p(-(correlations**2)).sum()
    return Surrogate(mapped[:, :d], mapped[:, d:], float(information))


def _dependent(
    x: FloatArray,
    y: FloatArray,
    correlations: FloatArray,
    dependence: Dependence,
    rng: np.random.Generator,
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Draw both sides' canonical variates, as alike as the sample's, and the correlations reached.

    What groups share and what is a row's own are correlated alike. So a side that is constant
    within groups (one image, several captions) stays so.
    """
    m = len(correlations)
    of_x, of_y = dependence.likeness(x), dependence.likeness(y)
    passed = of_x.take(np.s_[:m]).passes(of_y.take(np.s_[:m]))
    inner = np.minimum(correlations / np.maximum(passed, 1e-300), LARGEST)
    left = dependence.white(x.shape[1], rng)
    right = dependence.white(y.shape[1], rng)
    right = Noise(_tied(left.own, right.own, inner), _tied(left.shared, right.shared, inner))
    return dependence.alike(of_x, left), dependence.alike(of_y, right), inner * passed


def _tied(u: FloatArray, v: FloatArray, correlations: FloatArray) -> FloatArray:
    """Return v with its leading columns correlated with those of u."""
    m = len(correlations)
    tied = correlations * u[:, :m] + np.sqrt(1 - correlations**2) * v[:, :m]
    return np.hstack([tied, v[:, m:]])


@dataclass(frozen=True)
class _Basis:
    """Principal components of one side's normal scores."""

    root: FloatArray
    """Square root of the covariance, (d, r): white coordinates to columns, leading ones first."""
    white: FloatArray
    """White scores on all components, (n_samples, r)."""

    @classmethod
    def of(cls, scores: FloatArray) -> "_Basis":
        """Decompose scores."""
        n_samples = len(scores)
        values, vectors = np.linalg.eigh(scores.T @ scores / n_samples)
        values, vectors = values[::-1], vectors[:, ::-1]
        present = values > 1e-10 * max(values[0], 1e-300)
        spread, vectors = np.sqrt(values[present]), vectors[:, present]
        return cls(vectors * spread, scores @ (vectors / spread))

    def leading(self, n_free: int) -> FloatArray:
        """Return white scores on the leading components, (n_samples, m), n / 8 of them at most.

        Between more components a sample of this size has large correlations by chance alone, and
        with p + q >= n perfect ones; n is the number of free rows that count as much.
        """
        return self.white[:, : max(1, n_free // 8)]

    def turned(self, rotation: FloatArray) -> FloatArray:
        """Return the white scores with the leading ones, as many as it has rows, rotated."""
        turned, m = self.white.copy(), len(rotation)
        turned[:, :m] = turned[:, :m] @ rotation
        return turned


def debiased_correlations(values: FloatArray, shape: tuple[int, int], n_samples: int) -> FloatArray:
    """Return canonical correlations less what a finite sample adds to them.

    With c1 = p/n and c2 = q/n, a population value r (squared) shows as
    g = (1 - c1 + c1/r) (1 - c2 + c2/r) r (Bao, Hu, Pan and Zhou 2019, theorem 1.8); this is the
    larger root r of that equation. Values at or below the edge of pure noise,
    (sqrt(c1 (1 - c2)) + sqrt(c2 (1 - c1)))^2, become 0, and so do all of them where p + q >= n.

    Parameters
    ----------
    values : (min(p, q),) sample canonical correlations
    shape : p and q
    """
    c1, c2 = (min(size / n_samples, 1.0) for size in shape)
    squared = np.clip(values, 0.0, 1.0) ** 2
    edge = (np.sqrt(c1 * (1 - c2)) + np.sqrt(c2 * (1 - c1))) ** 2
    if c1 + c2 >= 1:
        return np.zeros_like(squared)
    leading = (1 - c1) * (1 - c2)
    middle = squared - c2 * (1 - c1) - c1 * (1 - c2)
    inside = np.maximum(middle**2 - 4 * leading * c1 * c2, 0.0)
    root = (middle + np.sqrt(inside)) / (2 * leading)
    return np.asarray(np.where(squared > edge, np.minimum(np.sqrt(np.abs(root)), LARGEST), 0.0))


def _own_values(drawn: FloatArray, columns: FloatArray) -> FloatArray:
    """Give each drawn column the sample's sorted values, by rank; tied columns stay Gaussian.

    The map is strictly increasing where values are distinct, so the information is unchanged; at
    ties it would lose some.
    """
    ordered = np.sort(columns, axis=0)
    distinct = (np.diff(ordered, axis=0) > 0).all(axis=0)
    ranks = drawn.argsort(axis=0).argsort(axis=0)
    return np.where(distinct, np.take_along_axis(ordered, ranks, axis=0), drawn)
