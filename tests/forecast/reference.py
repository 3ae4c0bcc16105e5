"""The terms of the expansion once more, slowly and in the coordinates of all K classes."""

from dataclasses import dataclass

import numpy as np
from scipy.special import log_softmax, softmax

from cch_audit.rows import FloatArray, IntArray

GAUGE = 1e-6
"""Times (1 1') (x) I: a constant added to all logits changes nothing, so H alone is singular."""


@dataclass(frozen=True)
class Reference:
    """Loss, optimism, noise and shrinkage of one cell."""

    loss: float
    optimism: float
    noise: float
    shrinkage: float


def covariance(p: FloatArray) -> FloatArray:
    """W(p) = diag(p) - p p'."""
    return np.diag(p) - np.outer(p, p)


def third(p: FloatArray, spread: FloatArray) -> FloatArray:
    """k3(p, S)_k = p_k (q_k - sum_j p_j q_j), q_k = S_kk - 2 (S p)_k + p'S p."""
    q = np.diag(spread) - 2 * spread @ p + p @ spread @ p
    return p * (q - p @ q)


def reference_terms(
    x: FloatArray,
    y: IntArray,
    teacher: FloatArray,
    cell: tuple[float, float],
    penalty: float,
    theta: FloatArray,
    units: IntArray | None = None,
) -> Reference:
    """Return the terms at parameters theta (K, d + 1), row by row.

    Parameters
    ----------
    x : (n_samples, d + 1), the intercept first
    teacher : (n_samples, K) logits
    cell : temperature and weight
    """
    temperature, weight = cell
    n, d = x.shape
    k = len(theta)
    of_parameters = np.full((k, d), penalty)
    of_parameters[:, 0] = 1e-9
    z = x @ theta.T
    p, p_soft, tau = softmax(z, 1), softmax(z / temperature, 1), softmax(teacher / temperature, 1)
    error = p - np.eye(k)[y]
    u = (1 - weight) * error + weight * temperature * (p_soft - tau)
    curvature = [(1 - weight) * covariance(p[i]) + weight * covariance(p_soft[i]) for i in range(n)]
    outer = [np.outer(row, row) for row in x]
    hessian = sum(np.kron(curvature[i], outer[i]) for i in range(n)) / n
    hessian = hessian + np.diag(of_parameters.ravel() + 1e-8)
    inverse = np.linalg.inv(hessian + GAUGE * np.kron(np.ones((k, k)), np.eye(d)))
    g = np.stack([np.kron(u[i], x[i]) for i in range(n)])
    g_risk = np.stack([np.kron(error[i], x[i]) for i in range(n)])
    if units is None:  # classes are drawn in proportion
        g = alone = g - np.stack([g[y == label].mean(axis=0) for label in y])
    else:
        alone = g - g.mean(axis=0)
        g = np.stack([alone[units == unit].sum(axis=0) for unit in units])
    sigma = inverse @ (alone.T @ g / n) @ inverse
    noise, right, shared = [], [], []
    for i in range(n):
        along = np.kron(np.eye(k), x[i][:, None])  # (K d, K)
        spread = along.T @ sigma @ along
        noise.append(np.trace(covariance(p[i]) @ spread) / 2)
        of_loss = (1 - weight) * third(p[i], spread)
        of_loss += weight / temperature * third(p_soft[i], spread)
        right.append(np.kron(curvature[i] @ along.T @ inverse @ g[i] - of_loss / 2, x[i]))
        shared.append(g_risk[i] @ inverse @ g[i])
    return Reference(
        loss=float(-log_softmax(z, 1)[np.arange(n), y].mean()),
        optimism=-float(np.mean(shared)),
        noise=float(np.mean(noise)),
        shrinkage=float(g_risk.mean(axis=0) @ inverse @ np.mean(right, axis=0)),
    )
