"""Log density ratios in closed form, of Gaussians and mixtures: where a critic starts from."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from cch_audit.dependence.units import Dependence, among, split_rows
from cch_audit.estimators.canonical import FEW_COLUMNS, fit_canonical, paired_components
from cch_audit.estimators.mixtures import ColumnMixture
from cch_audit.rows import FloatArray, IntArray

MIXTURE_PAIRS = 12
"""Most canonical pairs of a mixture."""
FEW_PAIRS = 3
"""So many are all described by the mixture."""
SMALLEST = 1e-37
"""Smallest sum of exponentials that float32 holds."""

Parts = tuple[FloatArray, ...]
"""a, b (n_samples,), f, g (n_samples, p) and, of a mixture, c, d (n_samples, K): its log ratio is
a_i + b_j + f_i . g_j + log sum_k exp(c_ik + d_jk), and a Gaussian's the same without the last term.
"""


@dataclass(frozen=True)
class ClosedForm:
    """One critic of every model: T[i, j] = a_i + b_j + f_i . g_j + log(c_i . d_j).

    Shapes are (n_models, n_samples) and (n_models, n_samples, width). Without a mixture c and d
    have width 0 and the last term is missing.
    """

    a: Tensor
    b: Tensor
    f: Tensor
    g: Tensor
    c: Tensor
    d: Tensor

    @classmethod
    def stacked(cls, models: list[Parts]) -> "ClosedForm":
        """Stack the parts of all models; narrower ones get columns that add nothing."""
        a, b, f, g, c, d = zip(*(_in_products(*parts) for parts in models), strict=True)
        stacks = (np.stack(_widened(part)).astype(np.float32) for part in (a, b, f, g, c, d))
        return cls(*map(torch.from_numpy, stacks))

    def of(self, models: Tensor, rows: Tensor, others: Tensor | None = None) -> "ClosedForm":
        """Return the parts of some models' rows i, (m, n), and of other rows j or the same."""
        others = rows if others is None else others
        left, right = (models[:, None], rows), (models[:, None], others)
        parts = (self.a[left], self.b[right], self.f[left], self.g[right])
        return ClosedForm(*parts, self.c[left], self.d[right])

    def pairs(self) -> Tensor:
        """Return the critics of all pairs, (n_models, n, n)."""
        values: Tensor = self.f @ self.g.transpose(1, 2)
        values.add_(self.a[..., :, None]).add_(self.b[..., None, :])
        return values.add_(mixture_pairs(self.c, self.d)) if self.c.shape[2] else values


def mixture_pairs(c: Tensor, d: Tensor) -> Tensor:
    """Return log(c_i . d_j) for all pairs, from (m, k, K) and (m, n, K) to (m, k, n)."""
    products: Tensor = c @ d.transpose(1, 2)
    return products.clamp_(min=SMALLEST).log_()


def fit_closed_forms(
    x: FloatArray,
    y: FloatArray,
    train: Sequence[IntArray],
    fresh: Sequence[IntArray],
    rng: np.random.Generator,
    dependence: Dependence | None = None,
) -> list[ClosedForm]:
    """Fit a Gaussian and a mixture to canonical pairs of the leading principal components.

    Directions overfit the rows that chose them, so that the Gaussian has its correlations from
    fresh rows, and of many columns the mixture is fitted on the half of the training rows that did
    not choose them.

    Parameters
    ----------
    x, y : (n_samples, d) and (n_samples, q) normal scores
    train, fresh : row numbers of each model
    dependence : which rows depend on each other; None: none do
    """
    both = zip(train, fresh, strict=True)
    models = [_fit(x, y, rows, others, rng, dependence) for rows, others in both]
    return [ClosedForm.stacked(list(form)) for form in zip(*models, strict=True)]


def _fit(
    x: FloatArray,
    y: FloatArray,
    train: IntArray,
    fresh: IntArray,
    rng: np.random.Generator,
    dependence: Dependence | None,
) -> tuple[Parts, Parts]:
    """Return the parts of one model's Gaussian and mixture."""
    x, y, half = paired_components(x, y, train, dependence)
    whole = fit_canonical(x, y, train, fresh, dependence)
    gaussian = whole.log_ratio_parts(*whole.coordinates(x, y))
    # Few columns leave directions little to overfit, and few rows are better not halved.
    second = train
    if half is None or max(x.shape[1], y.shape[1]) <= FEW_COLUMNS:
        half = fit_canonical(x, y, train, train, dependence)
    else:
        _, second = split_rows(train, len(train) // 2, dependence)
    n_pairs = len(half.correlations)
    # Few pairs are kept without a correlation too: a mixture can follow what is curved.
    pairs = np.arange(n_pairs) if n_pairs <= FEW_PAIRS else half.strongest(MIXTURE_PAIRS)
    u, v = (side[:, pairs] for side in half.coordinates(x, y))
    if len(pairs):
        inside = among(dependence, second)
        mixture = ColumnMixture.fit(u[second], v[second], rng, inside).log_ratio_parts(u, v)
    else:
        nothing = np.zeros(len(x))
        mixture = (nothing, nothing, u, v, nothing[:, None], nothing[:, None])
    return gaussian, mixture


def _in_products(
    a: FloatArray,
    b: FloatArray,
    f: FloatArray,
    g: FloatArray,
    c: FloatArray | None = None,
    d: FloatArray | None = None,
) -> Parts:
    """Turn sums of exponentials into products; the largest terms of a row go to a and b."""
    if c is None or d is None:
        nothing = np.zeros((len(a), 0))
        return a, b, f, g, nothing, nothing
    c_top, d_top = c.max(axis=1), d.max(axis=1)
    return a + c_top, b + d_top, f, g, np.exp(c - c_top[:, None]), np.exp(d - d_top[:, None])


def _widened(parts: tuple[FloatArray, ...]) -> list[FloatArray]:
    """Pad matrices on the right with zeros to a common width; vectors stay."""
    if parts[0].ndim == 1:
        return list(parts)
    width = max(part.shape[1] for part in parts)
    return [np.pad(part, ((0, 0), (0, width - part.shape[1]))) for part in parts]
