"""Injective maps: they change what a variable looks like and not its information.

I(f(x); g(y)) = I(x; y) when f and g can be undone; otherwise data processing only gives <=. Each
map here says why it can be undone; the ReLU map can on all but a negligible share of the rows.
"""

from collections.abc import Callable

import numpy as np
from scipy.linalg import expm
from scipy.stats import norm

from cch_audit.rows import FloatArray

Embedding = Callable[[FloatArray], FloatArray]
"""Map of rows (n, k) to rows (n, d)."""


def signed_power(exponent: float) -> Embedding:
    """Return |x|^exponent with the sign of x, column by column: strictly increasing."""
    return lambda x: np.asarray(np.sign(x) * np.abs(x) ** exponent)


def swiss_roll(x: FloatArray) -> FloatArray:
    """Roll a normal column up in the plane: radius and angle grow strictly with its rank."""
    turn = 1.5 * np.pi * (1 + 2 * norm.cdf(x))
    return np.asarray(np.hstack([turn * np.cos(turn), turn * np.sin(turn)]) / 21)


def spiral(columns: int, speed: float) -> Embedding:
    """Rotate each row by an angle that grows with its squared norm.

    exp(speed |x|^2 A) with A skew-symmetric keeps |x|, so the same angle turns it back
    (Czyz et al. 2023, section 2.2). A rotates neighbouring coordinates into each other.
    """
    skew = np.zeros((columns, columns))
    for i in range(columns - 1):
        skew[i, i + 1], skew[i + 1, i] = 1.0, -1.0
    values, vectors = np.linalg.eig(skew)
    back = np.linalg.inv(vectors)
    assert np.allclose(expm(skew), (vectors * np.exp(values) @ back).real)

    def turned(x: FloatArray) -> FloatArray:
        angle = speed * (x**2).sum(axis=1, keepdims=True)
        return np.asarray(((x @ back.T) * np.exp(angle * values) @ vectors.T).real)

    return turned


def weights(latent: int, columns: int, seed: int) -> FloatArray:
    """Return Gaussian weights (columns, latent) with rows of length about 1."""
    draw = np.random.default_rng([seed, 11]).standard_normal((columns, latent))
    return np.asarray(draw / np.sqrt(latent))


def linear(latent: int, columns: int, seed: int) -> Embedding:
    """Return W z with more columns than latents: W has full column rank, so z = W^+ x."""
    matrix = weights(latent, columns, seed)
    return lambda z: np.asarray(z @ matrix.T)


def relu(latent: int, columns: int, seed: int) -> Embedding:
    """Return max(W z, 0): half of each column is zero.

    It can be undone wherever the rows of W with a positive output span the latent space: the
    output shows which rows these are, and W_A z = x_A then has one solution. (Two z with the same
    output have the same A, so they are equal.) Any k rows of a Gaussian W span R^k, so at least k
    positive outputs suffice. About half of the d rows are positive at any z; with d = 128 and
    k = 32, fewer than 32 have a probability of 1e-9.
    """
    matrix = weights(latent, columns, seed)
    return lambda z: np.maximum(z @ matrix.T, 0)


def tanh(latent: int, columns: int, seed: int) -> Embedding:
    """Return tanh(W z): strictly increasing after an injective linear map."""
    matrix = weights(latent, columns, seed)
    return lambda z: np.tanh(z @ matrix.T)


def leaky(latent: int, columns: int, seed: int) -> Embedding:
    """Return two leaky-ReLU layers: each is a linear map of full rank, then strictly increasing.

    The second layer is square and Gaussian, hence invertible.
    """
    first, second = weights(latent, columns, seed), weights(columns, columns, seed + 1)

    def layer(rows: FloatArray, matrix: FloatArray) -> FloatArray:
        outputs = rows @ matrix.T
        return np.where(outputs > 0, outputs, 0.2 * outputs)

    return lambda z: layer(layer(z, first), second)
