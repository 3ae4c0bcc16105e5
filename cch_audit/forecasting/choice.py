"""The recommended cell, and intervals that allow for the choice among cells."""

from dataclasses import dataclass

import numpy as np
from scipy import stats

from cch_audit.rows import FloatArray

N_DRAWS = 4000
"""Draws of the largest of all standardised errors."""


@dataclass(frozen=True, eq=False)
class Chosen:
    """Intervals of all cells, and the cell of least change."""

    best: int
    standard_error: FloatArray
    """(C,)."""
    half_width: FloatArray
    """(C,) of the interval of each cell on its own."""
    widest: float
    """Half width of the recommended cell's interval that holds for all cells together."""
    freedom: float
    """Degrees of freedom of the standard errors."""


def choose(
    estimate: FloatArray,
    covariance: FloatArray,
    freedom: float,
    confidence: float,
    rng: np.random.Generator,
) -> Chosen:
    """Choose the cell of least estimate.

    The error of the least of several estimates is not that of a cell named beforehand. Its half
    width is z standard errors with z the quantile of the largest |error| / standard error over the
    cells, of a multivariate t with the correlations at hand (Hothorn, Bretz and Westfall 2008,
    "Simultaneous inference in general parametric models").

    Parameters
    ----------
    estimate : (C,) changes
    covariance : (C, C) of their errors
    freedom : degrees of freedom
    confidence : of the intervals
    rng : draws the largest error
    """
    errors = np.sqrt(np.maximum(np.diag(covariance), 0.0))
    safe = np.where(errors > 0, errors, 1.0)
    values, vectors = np.linalg.eigh(covariance / np.outer(safe, safe))
    loadings = vectors * np.sqrt(np.maximum(values, 0.0))
    normal = rng.standard_normal((N_DRAWS, len(values))) @ loadings.T
    scale = np.sqrt(rng.chisquare(freedom, N_DRAWS) / freedom)
    z = float(np.quantile(np.abs(normal).max(axis=1) / scale, confidence))
    best = int(np.argmin(estimate))
    alone = float(stats.t.ppf((1 + confidence) / 2, freedom))
    return Chosen(best, errors, alone * errors, max(z, alone) * float(errors[best]), freedom)


def pooled_freedom(shares: tuple[tuple[float, float], ...]) -> float:
    """Return the degrees of freedom of a sum of variances (Satterthwaite 1946).

    Parameters
    ----------
    shares : variance and degrees of freedom of each term
    """
    total = sum(variance for variance, _ in shares)
    below = sum(variance**2 / max(freedom, 1.0) for variance, freedom in shares)
    return float(total**2 / below) if below > 0 else 1e6
