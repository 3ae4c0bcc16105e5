"""Sums of Kronecker products over rows, in coordinates where a constant in all logits is gone.

Logits of K classes are z = B f with B (K, K - 1) orthonormal and orthogonal to (1, ..., 1), so
that the parameters of f = Phi x are identified and |B Phi| = |Phi|. A sum of M_i (x) x_i x_i' over
rows, M_i symmetric, is one matrix product of the pairs of M_i and the pairs of x_i. Arrays of rows
stand column by column in memory, so that sums over few columns are fast.
"""

from functools import lru_cache

import numpy as np
import scipy.linalg

from cch_audit.rows import FloatArray, IntArray


@lru_cache(maxsize=16)
def contrasts(n_classes: int) -> FloatArray:
    """Return B, (K, K - 1), with orthonormal columns that sum to zero (Helmert)."""
    return np.ascontiguousarray(scipy.linalg.helmert(n_classes).T)


@lru_cache(maxsize=32)
def pairs(size: int) -> tuple[IntArray, IntArray]:
    """Return the first and second member of each pair a <= b below `size`."""
    return np.triu_indices(size)


def products(x: FloatArray) -> FloatArray:
    """Return x_a x_b for each pair of columns, (n_samples, d (d + 1) / 2)."""
    first, second = pairs(x.shape[1])
    return _columns(x, first) * _columns(x, second)


def doubled(size: int) -> FloatArray:
    """Return how often each pair a <= b occurs in a full matrix: 1 on the diagonal, else 2."""
    first, second = pairs(size)
    return np.where(first == second, 1.0, 2.0)


def covariance_pairs(probabilities: FloatArray) -> FloatArray:
    """Return the pairs of B' (diag(p) - p p') B for rows p (n_samples, K)."""
    basis = contrasts(probabilities.shape[1])
    mean = probabilities @ basis
    return np.asarray(probabilities @ products(basis) - products(mean))


def times(matrix_pairs: FloatArray, vectors: FloatArray) -> FloatArray:
    """Return M_i v_i for symmetric M_i given by pairs; (n_samples, q)."""
    size = vectors.shape[1]
    full = _columns(matrix_pairs, _places(size).ravel()).T.reshape(size, size, -1)
    return np.asarray((full * vectors.T[None]).sum(axis=1).T)


def kronecker_mean(
    matrix_pairs: FloatArray, column_pairs: FloatArray, q: int, d: int
) -> FloatArray:
    """Return the mean of M_i (x) x_i x_i', (q d, q d), from pairs of M_i and of x_i."""
    summed = matrix_pairs.T @ column_pairs / len(column_pairs)
    return np.asarray(summed.ravel()[kronecker_places(q, d)])


def quadratic(matrix: FloatArray, column_pairs: FloatArray, q: int, d: int) -> FloatArray:
    """Return the pairs of S_i = (I (x) x_i)' A (I (x) x_i) for symmetric A (q d, q d).

    Returns
    -------
    (n_samples, q (q + 1) / 2)
    """
    first, second = pairs(q)
    blocks = matrix.reshape(q, d, q, d)[first, :, second, :]  # (pairs, d, d)
    a, b = pairs(d)
    folded = blocks[:, a, b] + np.where(a == b, 0.0, blocks[:, b, a])
    return np.asarray(column_pairs @ folded.T)


def third_cumulant(probabilities: FloatArray, matrix_pairs: FloatArray) -> FloatArray:
    """Return k3(p, S) in contrasts, (n_samples, K - 1), for S given by pairs.

    k3(p, S)_k = p_k (q_k - sum_j p_j q_j), q_k = S_kk - 2 (S p)_k + p'S p: the third derivatives of
    log sum exp, summed against S.
    """
    basis = contrasts(probabilities.shape[1])
    q = basis.shape[1]
    # q_k = (e_k - p)' S (e_k - p), less what is the same for every k.
    squares = matrix_pairs @ (products(basis) * doubled(q)).T
    squares -= 2 * times(matrix_pairs, probabilities @ basis) @ basis.T
    centre = (probabilities * squares).sum(axis=1, keepdims=True)
    return np.asarray((probabilities * (squares - centre)) @ basis)


def third_cumulant_pairs(probabilities: FloatArray, direction: FloatArray) -> FloatArray:
    """Return the pairs of M_i with v_i' k3(p_i, S) = <M_i, S> for every symmetric S.

    M = sum_k p_k (v_k - v'p) (e_k - p) (e_k - p)', in contrasts.

    Parameters
    ----------
    probabilities : (n_samples, K)
    direction : v in contrasts, (n_samples, K - 1)
    """
    basis = contrasts(probabilities.shape[1])
    along = direction @ basis.T
    weight = probabilities * (along - (probabilities * along).sum(axis=1, keepdims=True))
    mean, tilted = probabilities @ basis, weight @ basis
    # sum_k weight_k = 0, so p p' drops out.
    first, second = pairs(basis.shape[1])
    crossed = _columns(tilted, first) * _columns(mean, second)
    crossed += _columns(mean, first) * _columns(tilted, second)
    return np.asarray(weight @ products(basis) - crossed)


def inner(matrix_pairs: FloatArray, other_pairs: FloatArray, q: int) -> FloatArray:
    """Return <M_i, S_i> = tr(M_i S_i) for symmetric matrices given by pairs, (n_samples,)."""
    return np.asarray((matrix_pairs * other_pairs) @ doubled(q))


def _columns(x: FloatArray, which: IntArray) -> FloatArray:
    """Return some columns, column by column in memory: sums over few columns are fast there."""
    return np.asarray(x.T[which].T)


@lru_cache(maxsize=32)
def _places(size: int) -> IntArray:
    """Return where each entry of a full matrix stands among the pairs, (size, size)."""
    places = np.empty((size, size), dtype=np.int64)
    first, second = pairs(size)
    places[first, second] = places[second, first] = np.arange(len(first))
    return places


@lru_cache(maxsize=8)
def kronecker_places(q: int, d: int) -> IntArray:
    """Return where each entry of (q d, q d) stands in the matrix of summed pairs."""
    outer = _places(q)[:, None, :, None] * (d * (d + 1) // 2)
    return (outer + _places(d)[None, :, None, :]).reshape(q * d, q * d)
