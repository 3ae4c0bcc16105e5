"""The joint Gaussian model of teacher, student and labels: moments, informations, rows.

Columns (x1, x2, y) are jointly Gaussian with mean zero; the teacher predicts t = w1'x1 (Xie, Xu and
Sanguinetti 2025, arXiv 2510.13182).
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from cch_audit.rows import FloatArray
from cch_audit.sample import Labels, Sample
from cch_audit.simulation.information import gaussian_information

RANK_TOLERANCE = 1e-12
"""Smaller eigenvalues, as a share of the largest, are rounding: no noise is drawn for them."""


@dataclass(frozen=True, eq=False)
class JointGaussian:
    """A population; S is its covariance, with blocks 1 = x1, 2 = x2, 3 = y."""

    covariance: FloatArray
    """S of the columns (x1, x2, y), (p1 + p2 + 1,) squared; the blocks of x1 and x2 invertible."""
    p1: int
    p2: int
    teacher_weights: FloatArray | None = None
    """w1 (p1,); None for the population least squares of y on x1."""

    @cached_property
    def w1(self) -> FloatArray:
        """Weights of t = w1'x1: those given, or S11^-1 S13."""
        if self.teacher_weights is not None:
            return self.teacher_weights
        return _solve(self._s11, self._s13)

    @cached_property
    def b(self) -> FloatArray:
        """Weights S22^-1 S23 of s = b'x2 = E[y | x2]."""
        return _solve(self._s22, self._block(self._x2, self._y)[:, 0])

    @cached_property
    def a(self) -> FloatArray:
        """Weights S22^-1 S21 w1 of a'x2 = E[t | x2]."""
        return _solve(self._s22, self._block(self._x2, self._x1) @ self.w1)

    # Moments

    @cached_property
    def var_y(self) -> float:
        """Vy = S33."""
        return float(self.covariance[-1, -1])

    @cached_property
    def var_s(self) -> float:
        """Vs = b'S22 b."""
        return float(self.b @ self._s22 @ self.b)

    @cached_property
    def var_t(self) -> float:
        """Vt = w1'S11 w1."""
        return float(self.w1 @ self._s11 @ self.w1)

    @cached_property
    def cov_ts(self) -> float:
        """Cts = a'S22 b."""
        return float(self.a @ self._s22 @ self.b)

    @cached_property
    def cov_ty(self) -> float:
        """Cov(t, y) = w1'S13."""
        return float(self.w1 @ self._s13)

    @cached_property
    def residual_y(self) -> float:
        """Var(y | x2) = Vy - Vs."""
        return self.var_y - self.var_s

    @cached_property
    def residual_t(self) -> float:
        """Var(t | x2) = Vt - a'S22 a."""
        return self.var_t - float(self.a @ self._s22 @ self.a)

    @cached_property
    def residual_ty(self) -> float:
        """Cov(t, y | x2) = w1'S13 - Cts."""
        return self.cov_ty - self.cov_ts

    @cached_property
    def distance(self) -> float:
        """D = (a - b)'S22 (a - b): mean square of E[t | x2] - E[y | x2]."""
        difference = self.a - self.b
        return float(difference @ self._s22 @ difference)

    @property
    def g(self) -> float:
        """E[(y - t)(y - s)] = Var(y | x2) - Cov(t, y | x2).

        Some weight helps, and every one that is small enough, exactly where g > 0.
        """
        return self.residual_y - self.residual_ty

    @property
    def variance_condition(self) -> bool:
        """Whether Var(t) <= Var(y); least squares of y on x1 always meets it."""
        return self.var_t <= self.var_y * (1 + RANK_TOLERANCE)

    # Informations, in nats

    @cached_property
    def predictions_teacher_student(self) -> float:
        """I(t; s) = -1/2 log(1 - Cts^2 / (Vt Vs))."""
        variances = [[self.var_t, self.cov_ts], [self.cov_ts, self.var_s]]
        return gaussian_information(np.array(variances), [0], [1])

    @cached_property
    def predictions_student_labels(self) -> float:
        """I(s; y) = -1/2 log(1 - Vs / Vy)."""
        variances = [[self.var_s, self.var_s], [self.var_s, self.var_y]]
        return gaussian_information(np.array(variances), [0], [1])

    @property
    def criterion(self) -> bool:
        """Whether I(t; s) > I(s; y)."""
        return self.predictions_teacher_student > self.predictions_student_labels

    @cached_property
    def teacher_student(self) -> float:
        """I(x1; x2)."""
        return gaussian_information(self.covariance, self._x1, self._x2)

    @cached_property
    def student_labels(self) -> float:
        """I(x2; y), which is I(s; y)."""
        return gaussian_information(self.covariance, self._x2, self._y)

    @cached_property
    def teacher_labels(self) -> float:
        """I(x1; y)."""
        return gaussian_information(self.covariance, self._x1, self._y)

    @cached_property
    def teacher_labels_given_student(self) -> float:
        """I(x1; y | x2)."""
        return gaussian_information(self.covariance, self._x1, self._y, self._x2)

    @cached_property
    def teacher_student_given_labels(self) -> float:
        """I(x1; x2 | y)."""
        return gaussian_information(self.covariance, self._x1, self._x2, self._y)

    def sample(self, n: int, rng: np.random.Generator) -> Sample:
        """Draw n rows; a teacher whose weights were given comes with its predictions."""
        scale = np.sqrt(np.diag(self.covariance))
        values, vectors = np.linalg.eigh(self.covariance / np.outer(scale, scale))
        kept = values > RANK_TOLERANCE * values[-1]
        loadings = scale[:, None] * vectors[:, kept] * np.sqrt(values[kept])  # (p1 + p2 + 1, rank)
        rows = rng.standard_normal((n, loadings.shape[1])) @ loadings.T
        x1, x2, y = np.split(rows, [self.p1, self.p1 + self.p2], axis=1)
        given = self.teacher_weights is not None
        return Sample(
            teachers={"teacher": x1},
            student_name="student",
            student=x2,
            labels=Labels(y),
            labels_name="labels",
            predictions={"teacher": x1 @ self.w1[:, None]} if given else {},
        )

    @property
    def _x1(self) -> range:
        return range(self.p1)

    @property
    def _x2(self) -> range:
        return range(self.p1, self.p1 + self.p2)

    @property
    def _y(self) -> range:
        return range(self.p1 + self.p2, self.p1 + self.p2 + 1)

    def _block(self, rows: range, columns: range) -> FloatArray:
        return self.covariance[rows.start : rows.stop, columns.start : columns.stop]

    @property
    def _s11(self) -> FloatArray:
        return self._block(self._x1, self._x1)

    @property
    def _s13(self) -> FloatArray:
        return self._block(self._x1, self._y)[:, 0]

    @property
    def _s22(self) -> FloatArray:
        return self._block(self._x2, self._x2)


def _solve(matrix: FloatArray, vector: FloatArray) -> FloatArray:
    return np.asarray(np.linalg.solve(matrix, vector), dtype=np.float64)
