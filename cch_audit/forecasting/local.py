"""The student of a part of the rows, to second order about the student of all rows.

What refits of such students add to it has little noise: most of the difference from one part of the
rows to the next is in the approximation, whose mean over parts is known.
"""

from dataclasses import dataclass

import numpy as np

from cch_audit.forecasting.parts import Parts
from cch_audit.forecasting.softmax import Fitted
from cch_audit.rows import FloatArray, IntArray


@dataclass(frozen=True, eq=False)
class Local:
    """Loss and gradients of every row at theta_w, and two Hessians."""

    fitted: Fitted
    x: FloatArray
    """(n_samples, d + 1)."""
    pull: FloatArray
    """u in contrasts, (n_samples, K - 1)."""
    error: FloatArray
    """p - y in contrasts."""
    centre: FloatArray
    """Mean of g, (K - 1, d + 1)."""
    slope: FloatArray
    """r, the mean of g_R, (K - 1, d + 1)."""
    inverse: FloatArray
    """H^-1."""
    risk_hessian: FloatArray
    """H_R, that of the log-loss."""

    @classmethod
    def of(cls, parts: Parts, fitted: Fitted) -> "Local":
        """Return what is needed of the parts of an expansion."""
        return cls(
            fitted=fitted,
            x=parts.rows.x,
            pull=parts.pull,
            error=parts.error,
            centre=parts.centre,
            slope=parts.slope.reshape(parts.shape),
            inverse=parts.inverse,
            risk_hessian=parts.risk_hessian,
        )

    def step(self, rows: IntArray) -> FloatArray:
        """Return the first-order change of theta where some rows are learnt from, (K - 1, d + 1).

        delta = -H^-1 (mean of g over these rows - mean over all).
        """
        slope = self.pull[rows].T @ self.x[rows] / len(rows) - self.centre
        return np.asarray(-(self.inverse @ slope.ravel()).reshape(slope.shape))

    def loss(self, step: FloatArray, others: IntArray) -> float:
        """Return l + r' delta + delta' H_R delta / 2 with l and r of other rows."""
        loss = float(self.fitted.state.loss[others].mean())
        slope = self.error[others].T @ self.x[others] / len(others)
        flat = step.ravel()
        return loss + float(slope.ravel() @ flat + flat @ self.risk_hessian @ flat / 2)
