"""MINE: the Donsker-Varadhan bound with a neural critic (Belghazi et al. 2018), cross-fitted."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from cch_audit.estimators.calibration import principal_components
from cch_audit.estimators.canonical import fit_canonical
from cch_audit.estimators.contract import Estimate, assign_folds, is_classes, normal_scores
from cch_audit.estimators.discriminant import log_posterior_ratios
from cch_audit.estimators.mixtures import ColumnMixture
from cch_audit.estimators.networks import (
    StackedMLP,
    average_seeds,
    split_rows,
    torch_generator,
    train_stack,
)
from cch_audit.sample import FloatArray, IntArray
from cch_audit.settings import MineSettings

VALIDATION_ROWS = 1000
"""Most rows on which training is watched; the critic is evaluated on all pairs of them."""
MIXTURE_PAIRS = 12
"""Most canonical pairs of a mixture."""
SMALLEST = 1e-37
"""Smallest sum of exponentials that float32 holds."""
TEMPERS = (1.0, 0.75, 0.5, 0.25, 0.0)
"""Factors tried on the closed-form start; a wrong Gaussian must be able to go."""


def estimate(
    x: FloatArray,
    y: FloatArray | IntArray,
    rng: np.random.Generator,
    settings: MineSettings,
    groups: IntArray | None = None,
) -> Estimate:
    """Estimate I(x; y) in nats by E[T] - log E'[exp T], evaluated on rows the critic never saw.

    The bound is that of Donsker and Varadhan (Belghazi et al. 2018, eq. 10); E' runs over pairs of
    different held-out rows. The critic T[i, j] = a(x_i) + b(y_j) + f(x_i) . g(y_j) starts from a
    closed form (Gaussian canonical log ratio, or a linear discriminant for classes) and adds a
    neural residual; training stops on validation rows. With r_i, c_i the row and column means of
    exp T and Z its mean, the pseudo-value of row i is T_ii - log Z - ((r_i + c_i)/Z - 2), whose
    mean is the bound exactly. Columns are replaced by normal scores.

    Parameters
    ----------
    x : (n_samples, d) float array
    y : (n_samples, q) float array, or (n_samples,) integer class codes
    rng : assigns folds, draws weights and batches
    settings : folds, seeds, network and training
    groups : (n_samples,) codes of rows that must share a fold, or None

    Returns
    -------
    Estimate
        Flag `saturated`: the estimate is within 1 nat of the log of the held-out size, about the
        most that so many rows can show.
    """
    x = normal_scores(x)
    columns = np.eye(int(y.max()) + 1)[y] if is_classes(y) else normal_scores(y)
    folds = assign_folds(len(x), settings.n_folds, y, groups, rng)
    n_folds = int(folds.max()) + 1
    held_out, train, validation = split_rows(folds, settings.n_seeds, rng)
    validation = validation[:, :VALIDATION_ROWS]
    generator = torch_generator(rng)
    starts = _closed_forms(x, columns, y, train, validation, rng)
    critic = _Critic(starts, x, columns, validation, settings, generator)
    train_stack(
        list(critic.parameters()),
        train,
        lambda rows: -_donsker_varadhan(critic(rows)),
        lambda: -_donsker_varadhan(critic(validation)),
        generator,
        batch_size=settings.batch_size,
        max_steps=settings.max_steps,
        learning_rate=settings.learning_rate,
        weight_decay=settings.weight_decay,
    )
    pseudo_values = np.empty((settings.n_seeds, len(x)))
    with torch.no_grad():
        # A critic is bounded by what it took on validation pairs, and to a range around the mean
        # of true pairs: further down, all pairs together would weigh 1/e of one held-out pair.
        watched = critic(validation)
        fewest = min(len(rows) for rows in held_out)
        centre, reach = watched.diagonal(dim1=1, dim2=2).mean(dim=1), float(np.log(fewest)) + 1.0
        tops = torch.minimum(watched.amax(dim=(1, 2)), centre + reach)
        for model, (rows, values) in enumerate(zip(held_out, critic.each(held_out), strict=True)):
            values = values.clamp(min=centre[model] - reach, max=tops[model])
            pseudo_values[model // n_folds, rows] = _pseudo_values(values.numpy())
    saturated = pseudo_values.mean() > np.log(fewest) - 1.0
    return average_seeds(pseudo_values, ("saturated",) if saturated else ())


@dataclass(frozen=True)
class _Start:
    """Closed-form critics of every model: T[i, j] = a_i + b_j + f_i . g_j + log sum exp(c_i + d_j).

    Each part has shape (n_models, n_samples) or (n_models, n_samples, width); without a mixture c
    and d have width 0 and the last term is missing.
    """

    a: Tensor
    b: Tensor
    f: Tensor
    g: Tensor
    c: Tensor
    d: Tensor
    factor: Tensor
    """(n_models,) what the whole is multiplied with."""

    def pairs(self, models: Tensor, rows: Tensor) -> Tensor:
        """Return critics of all pairs of some models' rows, (m, n) to (m, n, n)."""
        parts = (self.a, self.b, self.f, self.g, self.c, self.d)
        a, b, f, g, c, d = (part[models[:, None], rows] for part in parts)
        values = _pairs(a, b, f, g)
        if c.shape[2]:
            # Largest terms first, so that nothing overflows; the rest is one matrix product.
            c_top, d_top = c.amax(dim=2, keepdim=True), d.amax(dim=2, keepdim=True)
            sums = (c - c_top).exp() @ (d - d_top).exp().transpose(1, 2)
            values = values + sums.clamp(min=SMALLEST).log() + c_top + d_top.transpose(1, 2)
        return values * self.factor[models, None, None]


class _Critic(nn.Module):
    """Every model's critic: a closed form plus two networks, on all pairs of some rows."""

    def __init__(
        self,
        starts: list[_Start],
        x: FloatArray,
        y: FloatArray,
        validation: Tensor,
        settings: MineSettings,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        self.x, self.y = (torch.from_numpy(side.astype(np.float32)) for side in (x, y))
        self.starts, n_models = starts, len(validation)
        hidden, outputs = (settings.hidden, settings.hidden), settings.embedding + 1
        # Only one factor of the residual starts at 0, so that the other one has a gradient.
        self.from_x = StackedMLP(n_models, (x.shape[1], *hidden, outputs), generator, True)
        self.from_y = StackedMLP(n_models, (y.shape[1], *hidden, outputs), generator, False)
        self.choose(validation)

    def forward(self, rows: Tensor) -> Tensor:
        """Map rows (n_models, n) to critics (n_models, n, n): x down, y across."""
        models = torch.arange(len(rows))
        return self._values(models, rows, self.from_x(self.x[rows]), self.from_y(self.y[rows]))

    def each(self, held_out: list[IntArray]) -> Iterator[Tensor]:
        """Yield each model's critic on its own rows, (n, n): one at a time, for they are large."""
        rows = torch.arange(len(self.x)).expand(len(held_out), -1)
        from_x, from_y = self.from_x(self.x[rows]), self.from_y(self.y[rows])
        for model, kept in enumerate(map(torch.from_numpy, held_out)):
            one = torch.tensor([model])
            yield self._values(one, kept[None], from_x[one][:, kept], from_y[one][:, kept])[0]

    def _values(self, models: Tensor, rows: Tensor, from_x: Tensor, from_y: Tensor) -> Tensor:
        values = _pairs(from_x[..., 0], from_y[..., 0], from_x[..., 1:], from_y[..., 1:])
        for start in self.starts:
            values = values + start.pairs(models, rows)
        return values

    def choose(self, validation: Tensor) -> None:
        """Keep, for each model, the closed form and the factor that do best on validation rows."""
        models = torch.arange(len(validation))
        tried = torch.stack(
            [
                torch.stack([_donsker_varadhan(t * values) for t in TEMPERS])
                for values in (start.pairs(models, validation) for start in self.starts)
            ]
        )
        best, chosen = tried.max(dim=1)
        is_best = best == best.amax(dim=0, keepdim=True)
        factors = torch.tensor(TEMPERS)[chosen] * is_best
        self.starts = [
            replace(start, factor=factor)
            for start, factor in zip(self.starts, factors, strict=True)
            if factor.any()
        ]


def _pairs(x_term: Tensor, y_term: Tensor, left: Tensor, right: Tensor) -> Tensor:
    """Return x_term_i + y_term_j + left_i . right_j, (..., n, n)."""
    products: Tensor = left @ right.transpose(-1, -2)
    return products + x_term[..., :, None] + y_term[..., None, :]


class _DonskerVaradhan(torch.autograd.Function):
    """Mean of the diagonal minus log mean exp of the rest, per model.

    Written out because its gradient is short (the diagonal's share less the softmax of the rest)
    and the matrices of all pairs are most of the cost.
    """

    @staticmethod
    def forward(ctx: Any, critic: Tensor) -> Tensor:
        n = critic.shape[1]
        top = critic.amax(dim=(1, 2), keepdim=True)
        weights = (critic - top).exp_()
        weights.diagonal(dim1=1, dim2=2).zero_()
        total = weights.sum(dim=(1, 2), keepdim=True)
        ctx.save_for_backward(weights, total)
        log_partition = (top + total.log())[:, 0, 0] - math.log(n * (n - 1))
        value: Tensor = critic.diagonal(dim1=1, dim2=2).mean(dim=1) - log_partition
        return value

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tensor:
        weights, total = ctx.saved_tensors
        slope: Tensor = weights * (-grads[0][:, None, None] / total)
        slope.diagonal(dim1=1, dim2=2).add_(grads[0][:, None] / weights.shape[1])
        return slope


def _donsker_varadhan(critic: Tensor) -> Tensor:
    """Return the bound of each model on a batch, (n_models, n, n) to (n_models,)."""
    value: Tensor = _DonskerVaradhan.apply(critic)  # type: ignore[no-untyped-call]
    return value


def _closed_forms(
    x: FloatArray,
    columns: FloatArray,
    y: FloatArray | IntArray,
    train: Tensor,
    validation: Tensor,
    rng: np.random.Generator,
) -> list[_Start]:
    """Return the closed forms to start from: of a Gaussian and a mixture, or discriminants."""
    gaussians: list[tuple[FloatArray, ...]] = []
    mixtures: list[tuple[FloatArray, ...]] = []
    nothing = np.zeros(len(x))
    for rows, others in zip(train.numpy(), validation.numpy(), strict=True):
        if is_classes(y):
            ratios = log_posterior_ratios(x, y, rows, columns.shape[1])
            gaussians.append((nothing, nothing, ratios, columns))
            continue
        px, py = principal_components(x, rows), principal_components(columns, rows)
        model = fit_canonical(px, py, rows, others)
        u, v = px @ model.x_weights, py @ model.y_weights
        gaussians.append(model.log_ratio_parts(u, v))
        # Directions overfit the rows that chose them: the mixture is fitted on other ones.
        middle = len(rows) // 2
        half = fit_canonical(px, py, rows[:middle], rows[middle:])
        strongest = np.argsort(-half.correlations)[:MIXTURE_PAIRS]
        kept = strongest[half.correlations[strongest] > 0]
        if len(kept):
            u, v = px @ half.x_weights[:, kept], py @ half.y_weights[:, kept]
            mixture = ColumnMixture.fit(u[rows[middle:]], v[rows[middle:]], rng)
            mixtures.append(mixture.log_ratio_parts(u, v))
        else:
            none = np.zeros((len(x), 1))
            mixtures.append((nothing, nothing, none, none, none, none))
    return [_stacked(some) for some in (gaussians, mixtures) if some]


def _stacked(models: list[tuple[FloatArray, ...]]) -> _Start:
    """Stack the parts of all models; widths are padded with columns that add nothing."""
    parts = []
    for name, values in zip("abfgcd", zip(*models)):
        if values[0].ndim == 2:
            width = max(value.shape[1] for value in values)
            fill = -np.inf if name == "c" else 0.0
            values = tuple(
                np.pad(value, ((0, 0), (0, width - value.shape[1])), constant_values=fill)
                for value in values
            )
        parts.append(torch.from_numpy(np.stack(values).astype(np.float32)))
    n_models, n_samples = parts[0].shape
    parts += [torch.zeros(n_models, n_samples, 0)] * (6 - len(parts))
    return _Start(*parts, factor=torch.ones(n_models))


def _pseudo_values(critic: npt.NDArray[np.float32]) -> FloatArray:
    """Return the pseudo-values of one critic on its held-out rows, (n, n) to (n,)."""
    n = len(critic)
    diagonal = critic.diagonal().astype(np.float64)
    np.fill_diagonal(critic, -np.inf)
    top = float(critic.max())
    weights = np.exp(critic - top)
    rows, columns = (weights.sum(axis=axis, dtype=np.float64) / (n - 1) for axis in (1, 0))
    partition = rows.mean()
    return np.asarray(diagonal - top - np.log(partition) - ((rows + columns) / partition - 2.0))
