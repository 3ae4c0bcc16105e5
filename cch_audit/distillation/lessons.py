"""What heads learn from, and what they are once they have learnt."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.preprocessing import StandardScaler

from cch_audit.distillation.arms import Cells
from cch_audit.rows import FloatArray, IntArray


@dataclass(frozen=True)
class Lesson:
    """One data set; a head for every cell learns from its rows."""

    x: FloatArray
    """(n, d) rows."""
    y: FloatArray | IntArray
    """(n,) class codes or (n, q) targets."""
    x_validation: FloatArray
    """(m, d) rows that choose among cells, and the epoch where training can be too long."""
    y_validation: FloatArray | IntArray
    cells: Cells
    """Of all lessons of a stack as many."""
    soft: FloatArray
    """(A, n, K) the teacher's logits or targets, as A arms take them."""
    soft_of: IntArray
    """(C,) which of them a cell takes."""
    n_outputs: int
    """K."""


@dataclass(frozen=True)
class Heads:
    """The heads of one lesson."""

    on_validation: FloatArray
    """(C, m, K) outputs."""
    layers: Sequence[tuple[FloatArray, FloatArray]]
    """Weights (C, h', h) and biases (C, h') of each layer; between them max(0, .)."""
    gradient: FloatArray | None
    """(C,) norm of the gradient where training ended; None where it ends early."""

    def predict(self, cell: int, rows: FloatArray) -> FloatArray:
        """Return the outputs (n, K) of one head."""
        outputs = rows
        for depth, (weight, bias) in enumerate(self.layers):
            outputs = np.maximum(outputs, 0) if depth else outputs
            outputs = outputs @ weight[cell].T + bias[cell]
        return outputs


def scaled(x: FloatArray, known: IntArray) -> FloatArray:
    """Standardise columns by the known rows; a column that is constant there says nothing."""
    largest = np.abs(x).max(axis=0)
    x = x / np.where(largest > 0, largest, 1.0)  # the square of 1e-200 or 1e200 is out of range
    varies = np.ptp(x[known], axis=0) > 0
    return np.where(varies, StandardScaler().fit(x[known]).transform(x), 0.0)


def principal(x: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Rotate rows to their principal coordinates, at most as many as there are rows.

    A penalised head has no weight outside of them, and its penalty is the same in them.

    Returns
    -------
    centre : (d,) mean of the rows
    axes : (d, r) orthonormal
    variances : (r,) of the coordinates
    """
    n_rows, n_columns = x.shape
    centre = x.mean(axis=0)
    centred = x - centre
    if n_columns <= n_rows:
        variances, axes = np.linalg.eigh(centred.T @ centred / n_rows)
    else:
        variances, left = np.linalg.eigh(centred @ centred.T / n_rows)
        lengths = np.sqrt(np.maximum(variances, 0.0) * n_rows)
        axes = centred.T @ left / np.where(lengths > 0, lengths, 1.0)
    # Directions at rounding level carry nothing.
    kept = variances > 1e-12 * max(float(variances.max(initial=0.0)), 1e-300)
    return centre, axes[:, kept], variances[kept]
