"""Surrogates: random data with known mutual information that resemble the sample."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cch_audit.dependence.units import Dependence, Likeness, Noise
from cch_audit.estimators.canonical import LARGEST
from cch_audit.estimators.contract import BLOCK, Estimate, is_classes, normal_scores
from cch_audit.estimators.mixtures import ClassMixture
from cch_audit.estimators.wide import Reached, is_wide
from cch_audit.estimators.wide_classes import WideClassMixture
from cch_audit.rows import BoolArray, FloatArray, IntArray, in_single

AnyFloats = npt.NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Surrogate:
    """One drawn data set and the mutual information of the distribution it was drawn from."""

    x: FloatArray
    """(n_samples, d)"""
    y: FloatArray | IntArray
    """(n_samples, q), or (n_samples,) class codes"""
    information: float
    """I(x; y), nats"""
    log_ratios: FloatArray
    """(n_samples,) log p(x, y) / (p(x) p(y)) of the drawn rows, whose expectation is I(x; y)."""

    def error(self, found: Estimate) -> tuple[float, float, float]:
        """Return the error of an estimate from these rows, and of its raw counterpart, in nats.

        The third number is the share of the error's variance that is left, as far as rows tell.

        Rows that happen to be more alike than their distribution says raise any estimate. What
        they raise it by is known: the mean of their log ratios, less the information, times the
        slope of the estimate's pseudo-values on the log ratios. It is taken off (a control
        variate), which changes no expectation, and the noise of one error the more, the better the
        estimator is.
        """
        ratios = self.log_ratios - self.log_ratios.mean()
        values = found.pseudo_values - found.pseudo_values.mean()
        products = float(ratios @ values)
        slope = products / max(float(ratios @ ratios), 1e-300)
        left = 1 - slope * products / max(float(values @ values), 1e-300)
        chance = slope * float(self.log_ratios.mean() - self.information)
        raw = found.value if found.raw is None else found.raw
        known = self.information + chance
        return found.value - known, raw - known, left


@dataclass(frozen=True)
class Side:
    """One side of a sample: its values by rank, and the principal components of its scores."""

    root: AnyFloats
    """Square root of the covariance, (d, r): white coordinates to columns, leading ones first. Of
    more columns than rows in float32: sums of so many terms are random in the eighth digit."""
    white: FloatArray
    """White scores, (n_samples, r): on all components, or on those only that `leading` can give."""
    ordered: AnyFloats
    """The values of each column that has no two equal ones, the smallest first, (q, n_samples)."""
    distinct: BoolArray
    """(d,) whether it is such a column."""

    @classmethod
    def of(cls, columns: FloatArray, *, whole: bool = True) -> "Side":
        """Decompose the normal scores of columns (n_samples, d), with all white scores or few."""
        ordered, distinct = _ordered(columns)
        reached = Reached.by(normal_scores(columns))
        white, rows = reached.coordinates, reached.rows
        spread = np.sqrt(np.maximum((white**2).mean(axis=0), 1e-300))
        root = reached.weights * spread
        if rows is not None:
            root, rows = root.astype(np.float32), rows.astype(np.float32)
            del reached  # what is in float64 takes much room
            root = np.matmul(rows.T, root)
        if not whole:
            n_leading = _most_leading(len(white))
            white, spread = white[:, :n_leading], spread[:n_leading]
        return cls(root, white / spread, ordered, distinct)

    @property
    def shape(self) -> tuple[int, int]:
        """How many samples and components there are."""
        return len(self.white), self.root.shape[1]

    def leading(self, n_free: int) -> FloatArray:
        """Return white scores on the leading components, (n_samples, m), n / 8 of them at most.

        Between more components a sample of this size has large correlations by chance alone, and
        with p + q >= n perfect ones; n is the number of free rows that count as much.
        """
        return self.white[:, : _most_leading(n_free)]

    def turned(self, rotation: FloatArray) -> FloatArray:
        """Return the white scores with the leading ones, as many as it has rows, rotated."""
        turned, m = self.white.copy(), len(rotation)
        turned[:, :m] = turned[:, :m] @ rotation
        return turned

    def columns(self, white: FloatArray) -> FloatArray:
        """Return drawn white coordinates as columns with the sample's own values, by rank.

        The map is strictly increasing where values are distinct, so the information is unchanged;
        at ties it would lose some, so tied columns stay Gaussian.
        """
        n, d = len(white), len(self.root)
        white, found = white.astype(self.root.dtype, copy=False), np.empty((n, d))
        width = max(1, BLOCK // n)
        place: IntArray = np.cumsum(self.distinct) - 1
        for first in range(0, d, width):
            some = slice(first, first + width)
            drawn = np.matmul(self.root[some], white.T)  # (columns, rows), for sorting is quicker
            untied = np.flatnonzero(self.distinct[some])
            if len(untied) < len(drawn):
                found[:, some] = drawn.T
            if len(untied):
                order = drawn[untied].argsort(axis=1)
                own = np.empty(order.shape, self.ordered.dtype)
                np.put_along_axis(own, order, self.ordered[place[some][untied]], axis=1)
                found[:, first + untied] = own.T
        return found


@dataclass(frozen=True)
class ColumnSurrogates:
    """A Gaussian copula of all columns, from canonical pairs of known correlation."""

    x: Side
    y: Side
    left: FloatArray
    """(p, p) directions among the leading components of x."""
    correlations: FloatArray
    """(min(p, q),) canonical correlations, less what a finite sample adds to them."""
    right: FloatArray
    """(q, q) directions among the leading components of y, in rows."""
    dependence: Dependence | None
    likenesses: tuple[Likeness, Likeness] | None
    """Where rows depend on each other: how alike they are, by white coordinate of each side."""

    @classmethod
    def fit(cls, x: Side, y: Side, dependence: Dependence | None) -> "ColumnSurrogates":
        """Find the canonical correlations of two sides."""
        n_samples = n_free = len(x.white)
        if dependence is not None:
            # Correlations settle as they would on so many free rows.
            leading = [dependence.likeness(side.leading(n_free)) for side in (x, y)]
            n_free = max(16, int(n_samples / dependence.design_effect(*leading)))
        of_x, of_y = x.leading(n_free), y.leading(n_free)
        left, correlations, right = np.linalg.svd(of_x.T @ of_y / n_samples)
        shape = (of_x.shape[1], of_y.shape[1])
        correlations = debiased_correlations(correlations, shape, n_free)
        likenesses = None
        if dependence is not None:
            turned = x.turned(left), y.turned(right.T)
            likenesses = dependence.likeness(turned[0]), dependence.likeness(turned[1])
        return cls(x, y, left, correlations, right, dependence, likenesses)

    def draw(self, rng: np.random.Generator) -> Surrogate:
        """Draw as many rows as the sample has."""
        left, right, correlations = self.left, self.right, self.correlations
        m, p, q = len(correlations), len(left), len(right)
        if self.dependence is None or self.likenesses is None:
            u, v = (rng.standard_normal(side.shape) for side in (self.x, self.y))
            # v along each right vector: correlated with u along the left one, free elsewhere.
            of_u, along = u[:, :p] @ left[:, :m], v[:, :q] @ right[:m].T
            of_v = _tied(of_u, along, correlations)
            v[:, :q] += (of_v - along) @ right[:m]
        else:
            u, v, correlations = _dependent(*self.likenesses, correlations, self.dependence, rng)
            of_u, of_v = u[:, :m].copy(), v[:, :m].copy()
            u[:, :p], v[:, :q] = u[:, :p] @ left.T, v[:, :q] @ right
        information = float(-0.5 * np.log1p(-(correlations**2)).sum())
        ratios = information + _log_ratios(of_u, of_v, correlations)
        return Surrogate(self.x.columns(u), self.y.columns(v), information, ratios)


@dataclass(frozen=True)
class ClassSurrogates:
    """Gaussian columns within each class."""

    mixture: ClassMixture | WideClassMixture
    y: IntArray
    """(n_samples,) class codes of the sample, which are those of every surrogate."""

    def draw(self, rng: np.random.Generator) -> Surrogate:
        """Draw columns for the sample's own classes."""
        information = self.mixture.information(rng)
        x = self.mixture.draw(rng)[0]
        ratios = self.mixture.log_ratio(x, self.mixture.y)
        return Surrogate(x, self.y, information, ratios)


def fit_classes(
    x: FloatArray, y: IntArray, dependence: Dependence | None = None
) -> ClassSurrogates:
    """Fit what surrogates of columns and classes are drawn from."""
    kind = WideClassMixture if is_wide(x) else ClassMixture
    return ClassSurrogates(kind.fit(normal_scores(x), y, dependence), y)


def draw_surrogate(
    x: FloatArray,
    y: FloatArray | IntArray,
    rng: np.random.Generator,
    dependence: Dependence | None = None,
) -> Surrogate:
    """Draw one surrogate of a sample; what it is drawn from is not random, and serves all draws.

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
        return fit_classes(x, y, dependence).draw(rng)
    whole = dependence is not None
    of_x, of_y = Side.of(x, whole=whole), Side.of(np.asarray(y, dtype=np.float64), whole=whole)
    return ColumnSurrogates.fit(of_x, of_y, dependence).draw(rng)


def _most_leading(n_free: int) -> int:
    """Return how many components lead, of so many free rows that count as much."""
    return max(1, n_free // 8)


def _ordered(columns: FloatArray) -> tuple[AnyFloats, BoolArray]:
    """Return ordered values (q, n) of columns (n, d) without equal ones, and which those are.

    They are in float32 if that changes none.
    """
    n, d = columns.shape
    kept, distinct = [np.empty((0, n), np.float32)], np.empty(d, dtype=bool)
    width = max(1, BLOCK // n)
    for first in range(0, d, width):
        some = slice(first, first + width)
        values = np.sort(in_single(columns[:, some].T), axis=1)
        distinct[some] = (values[:, 1:] > values[:, :-1]).all(axis=1)
        kept.append(values[distinct[some]])
    return np.concatenate(kept), distinct


def _dependent(
    of_x: Likeness,
    of_y: Likeness,
    correlations: FloatArray,
    dependence: Dependence,
    rng: np.random.Generator,
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Draw both sides' canonical variates, as alike as the sample's, and the correlations reached.

    What groups share and what is a row's own are correlated alike. So a side that is constant
    within groups (one image, several captions) stays so.
    """
    m = len(correlations)
    passed = of_x.take(np.s_[:m]).passes(of_y.take(np.s_[:m]))
    inner = np.minimum(correlations / np.maximum(passed, 1e-300), LARGEST)
    left = dependence.white(len(of_x.within), rng)
    right = dependence.white(len(of_y.within), rng)
    right = Noise(_tied(left.own, right.own, inner), _tied(left.shared, right.shared, inner))
    return dependence.alike(of_x, left), dependence.alike(of_y, right), inner * passed


def _tied(u: FloatArray, v: FloatArray, correlations: FloatArray) -> FloatArray:
    """Return v with its leading columns correlated with those of u."""
    m = len(correlations)
    tied = correlations * u[:, :m] + np.sqrt(1 - correlations**2) * v[:, :m]
    return np.hstack([tied, v[:, m:]])


def _log_ratios(u: FloatArray, v: FloatArray, correlations: FloatArray) -> FloatArray:
    """Return the log density ratio of every row, less the information.

    For each pair of correlation r it is (2 r u v - r^2 (u^2 + v^2)) / (2 (1 - r^2)).

    Parameters
    ----------
    u, v : (n_samples, m) standard normal canonical pairs
    correlations : (m,)
    """
    squared = correlations**2
    products = 2 * correlations * u * v - squared * (u**2 + v**2)
    return np.asarray(products @ (0.5 / (1 - squared)))


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
