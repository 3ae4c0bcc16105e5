"""The matrices of the expansion at one temperature and weight: H^-1, V, Sigma, S and beta.

Notation: theta_w minimises the mean of L_w; per row u = (1 - w)(p - y) + w T (p_T - tau),
g = u (x) x, g_R = (p - y) (x) x, W(p) = diag(p) - p p', A = [(1 - w) W(p) + w W(p_T)] (x) x x'.
H is the mean of A plus the penalty, V the covariance of g, Sigma = H^-1 V H^-1,
S = (I (x) x)' Sigma (I (x) x), k = (1 - w) k3(p, S) + (w / T) k3(p_T, S), k3 the third cumulant.
beta = H^-1 {mean[A H^-1 g] - mean[k (x) x] / 2} is n times the bias of an estimate from n rows (Cox
and Snell 1968, "A general definition of residuals"). Everything is in contrasts.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from cch_audit.forecasting import sums
from cch_audit.forecasting.softmax import (
    Fitted,
    Lesson,
    Rows,
    State,
    factorised,
    hessian,
    penalties,
    solved,
)
from cch_audit.rows import BoolArray, FloatArray, IntArray

JITTER = 1e-8
"""Added to the diagonal of H before it is inverted."""


@dataclass(frozen=True, eq=False)
class Parts:
    """What terms and influences share; arrays of rows are of the m curved ones unless said."""

    rows: Rows
    shape: tuple[int, int]
    """(K - 1, d + 1) = (q, d), and p = q d."""
    inverse: FloatArray
    """H^-1, (p, p)."""
    pull: FloatArray
    """u of all rows, (n_samples, q)."""
    error: FloatArray
    """p - y of all rows, (n_samples, q)."""
    centre: FloatArray
    """Mean of g, (q, d)."""
    alone: FloatArray
    """g less its mean, or less that of the row's class where rows are on their own, (m, p)."""
    slope: FloatArray
    """r, (p,)."""
    gradients: FloatArray
    """The same summed over the rows of the row's unit, (m, p)."""
    of_risk: FloatArray
    """Pairs of W(p)."""
    curvature: FloatArray
    """Pairs of (1 - w) W(p) + w W(p_T)."""
    sigma: FloatArray
    spread: FloatArray
    """Pairs of S."""
    noise: FloatArray
    """tr(W(p) S) / 2."""
    third_order: FloatArray
    """k, (m, q)."""
    moved: FloatArray
    """x' H^-1 g with the g of the unit, (m, q)."""
    pulled: FloatArray
    """[(1 - w) W(p) + w W(p_T)] x' H^-1 g, (m, q)."""
    shared: FloatArray
    """g_R' H^-1 g with the g of the unit."""
    beta: FloatArray
    """(p,)."""
    units: IntArray | None
    """Codes of the curved rows."""

    @cached_property
    def risk_hessian(self) -> FloatArray:
        """H_R, the mean of W(p) (x) x x', (p, p)."""
        return sums.kronecker_mean(self.of_risk, self.rows.pairs, *self.shape)

    @property
    def x(self) -> FloatArray:
        """The curved rows, (m, d)."""
        return self.rows.x[self.rows.curved]

    def along(self, direction: FloatArray, x: FloatArray) -> FloatArray:
        """Return the change of the logits of rows x along parameters (p,), (len(x), q)."""
        return x @ direction.reshape(self.shape).T

    def mean(self, vectors: FloatArray) -> FloatArray:
        """Return the mean of v (x) x over the curved rows, (p,)."""
        return np.asarray((vectors.T @ self.x / len(vectors)).ravel())


def prepare(
    rows: Rows,
    lesson: Lesson,
    penalty: float,
    fitted: Fitted,
    units: IntArray | None,
) -> Parts:
    """Return H^-1, V, Sigma, S and beta."""
    theta, state = fitted.theta, fitted.state
    basis, (q, d) = sums.contrasts(lesson.n_classes), theta.shape
    curved = rows.curved
    matrix = hessian(state, rows, lesson, penalties(theta.shape, penalty))
    matrix[np.diag_indices_from(matrix)] += JITTER
    inverse = solved(factorised(matrix), np.eye(q * d))

    pull, error = state.gradient(lesson) @ basis, state.error(lesson) @ basis
    centre = pull.T @ rows.x / len(rows.x)
    slope = (error.T @ rows.x / len(rows.x)).ravel()
    x, codes = rows.x[curved], None if units is None else units[curved]
    alone = pull[curved, :, None] * x[:, None, :] - centre
    if units is None:
        # Classes are drawn in proportion, so that only what varies within them varies.
        centres = [pull[same].T @ rows.x[same] / same.sum() for same in _members(lesson)]
        alone += centre - np.stack(centres)[lesson.y[curved]]
    alone = alone.reshape(len(x), -1)
    gradients = summed_by_unit(alone, codes)
    # The sum over units of G G' is the sum over rows of g G'.
    covariance = alone.T @ gradients / len(x)
    sigma = inverse @ covariance @ inverse
    moved = np.einsum("nqd,nd->nq", (gradients @ inverse).reshape(len(x), q, d), x)
    of_risk = sums.covariance_pairs(state.p[curved])
    curvature = state.hessian_pairs(lesson, curved)
    spread = sums.quadratic(sigma, rows.pairs, q, d)
    third_order = third(state, lesson, spread, curved)
    pulled = sums.times(curvature, moved)
    return Parts(
        rows=rows,
        shape=(q, d),
        inverse=inverse,
        pull=pull,
        error=error,
        centre=centre,
        alone=alone,
        slope=slope,
        gradients=gradients,
        of_risk=of_risk,
        curvature=curvature,
        sigma=sigma,
        spread=spread,
        noise=sums.inner(of_risk, spread, q) / 2,
        third_order=third_order,
        moved=moved,
        pulled=pulled,
        shared=np.einsum("nq,nq->n", error[curved], moved),
        beta=inverse @ ((pulled - third_order / 2).T @ x / len(x)).ravel(),
        units=codes,
    )


def _members(lesson: Lesson) -> Iterator[BoolArray]:
    """Yield which rows are of each class, or of all of them where a class has none."""
    for label in range(lesson.n_classes):
        same = lesson.y == label
        yield same if same.any() else np.ones_like(same)


def third(state: State, lesson: Lesson, spread: FloatArray, rows: IntArray) -> FloatArray:
    """Return (1 - w) k3(p, S) + (w / T) k3(p_T, S), (m, q)."""
    plain = sums.third_cumulant(state.p[rows], spread)
    if state.p_soft is None:
        return plain
    soft = sums.third_cumulant(state.p_soft[rows], spread)
    return (1 - lesson.weight) * plain + lesson.weight / lesson.temperature * soft


def summed_by_unit(vectors: FloatArray, units: IntArray | None) -> FloatArray:
    """Return in every row the sum over the rows of its unit, (m, p)."""
    if units is None:
        return vectors
    codes = np.unique(units, return_inverse=True)[1]
    order = np.argsort(codes, kind="stable")
    starts = np.flatnonzero(np.diff(codes[order], prepend=-1))
    return np.asarray(np.add.reduceat(vectors[order], starts, axis=0)[codes])
