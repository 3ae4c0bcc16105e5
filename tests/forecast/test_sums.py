"""Sums of Kronecker products and third cumulants, against their definitions."""

import numpy as np
import pytest
from scipy.special import softmax

from cch_audit.forecasting import sums

RNG = np.random.default_rng(0)


def probabilities(n: int, k: int) -> np.ndarray:
    return softmax(RNG.standard_normal((n, k)), axis=1)


def full(pairs: np.ndarray, size: int) -> np.ndarray:
    first, second = np.triu_indices(size)
    matrix = np.empty((len(pairs), size, size))
    matrix[:, first, second] = matrix[:, second, first] = pairs
    return matrix


@pytest.mark.parametrize("k", [2, 3, 7])
def test_contrasts_are_orthonormal_and_sum_to_zero(k):
    basis = sums.contrasts(k)
    np.testing.assert_allclose(basis.T @ basis, np.eye(k - 1), atol=1e-12)
    np.testing.assert_allclose(basis.sum(axis=0), 0, atol=1e-12)


@pytest.mark.parametrize("k", [2, 4])
def test_a_mean_of_kronecker_products(k):
    x, p, basis = RNG.standard_normal((6, 3)), probabilities(6, k), sums.contrasts(k)
    found = sums.kronecker_mean(sums.covariance_pairs(p), sums.products(x), k - 1, 3)
    covariances = [basis.T @ (np.diag(one) - np.outer(one, one)) @ basis for one in p]
    expected = np.mean(
        [np.kron(c, np.outer(row, row)) for c, row in zip(covariances, x, strict=True)], axis=0
    )
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_quadratic_forms_of_rows():
    x, q = RNG.standard_normal((5, 3)), 2
    root = RNG.standard_normal((6, 6))
    matrix = root @ root.T
    found = full(sums.quadratic(matrix, sums.products(x), q, 3), q)
    for row, one in zip(x, found, strict=True):
        along = np.kron(np.eye(q), row[:, None])
        np.testing.assert_allclose(one, along.T @ matrix @ along, atol=1e-12)


def test_products_and_inner_products_of_symmetric_matrices():
    pairs, others, vectors = (RNG.standard_normal((4, size)) for size in (6, 6, 3))
    whole, other = full(pairs, 3), full(others, 3)
    np.testing.assert_allclose(
        sums.times(pairs, vectors), np.einsum("nab,nb->na", whole, vectors), atol=1e-12
    )
    np.testing.assert_allclose(
        sums.inner(pairs, others, 3), np.einsum("nab,nab->n", whole, other), atol=1e-12
    )


@pytest.mark.parametrize("k", [2, 4])
def test_third_cumulants_are_the_derivatives_of_the_second(k):
    basis, step = sums.contrasts(k), 1e-4
    logits, direction = RNG.standard_normal((3, k)), RNG.standard_normal((3, k - 1))
    p, along = softmax(logits, axis=1), direction @ basis.T
    ahead, behind = (softmax(logits + sign * step * along, axis=1) for sign in (1, -1))
    # The gradient along v of p is W v, and its second derivative along v twice is k3(p, v v').
    expected = (ahead - 2 * p + behind) / step**2 @ basis
    first, second = sums.pairs(k - 1)
    spread = direction[:, first] * direction[:, second]
    found = sums.third_cumulant(p, spread)
    # Rounding of a second difference with a step of 1e-4.
    np.testing.assert_allclose(found, expected, atol=1e-6)
    other = RNG.standard_normal((3, k - 1))
    crossed = sums.inner(sums.third_cumulant_pairs(p, other), spread, k - 1)
    np.testing.assert_allclose(crossed, (other * found).sum(axis=1), atol=1e-12)
