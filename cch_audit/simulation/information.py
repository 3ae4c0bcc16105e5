"""Mutual information of blocks of a joint Gaussian, from its covariance."""

from collections.abc import Sequence

import numpy as np

from cch_audit.rows import FloatArray

ROUNDING = 1e-10
"""A correlation matrix's smaller eigenvalues, and 1 - r^2 below this, are rounding."""


def gaussian_information(
    covariance: FloatArray,
    left: Sequence[int],
    right: Sequence[int],
    given: Sequence[int] = (),
) -> float:
    """Return I(left; right | given) in nats.

    -1/2 sum log(1 - r^2) over the canonical correlations r (Gelfand and Yaglom 1957); of the
    residuals on `given`, if there are any. Infinite where a combination of the left columns is one
    of the right columns. Singular blocks are fine.

    Parameters
    ----------
    covariance : (d, d) of all columns
    left, right, given : positions of the columns of each block
    """
    used = [*left, *right, *given]
    scale = np.sqrt(np.diag(covariance)[used])
    scale = np.where(scale > 0, scale, 1.0)
    correlation = covariance[np.ix_(used, used)] / np.outer(scale, scale)
    n_sides = len(left) + len(right)
    if given:
        across = correlation[n_sides:, :n_sides]
        whitened = _whitener(correlation[n_sides:, n_sides:]).T @ across
        correlation = correlation[:n_sides, :n_sides] - whitened.T @ whitened
    k = len(left)
    left_white = _whitener(correlation[:k, :k])
    right_white = _whitener(correlation[k:n_sides, k:n_sides])
    if not (left_white.size and right_white.size):
        return 0.0
    r = np.linalg.svd(left_white.T @ correlation[:k, k:n_sides] @ right_white, compute_uv=False)
    rest = 1 - np.square(r)
    # Adding 0.0 turns -0.0 into 0.0.
    return np.inf if rest.min() < ROUNDING else float(-0.5 * np.log(rest).sum() + 0.0)


def _whitener(covariance: FloatArray) -> FloatArray:
    """Return W (d, rank) with W' covariance W = I."""
    values, vectors = np.linalg.eigh(covariance)
    kept = values > ROUNDING
    return np.asarray(vectors[:, kept] / np.sqrt(values[kept]))
