"""MINE: the Donsker-Varadhan bound with a neural critic (Belghazi et al. 2018), cross-fitted."""

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from cch_audit.estimators.canonical import fit_canonical
from cch_audit.estimators.contract import Estimate, assign_folds, is_classes, normal_scores
from cch_audit.estimators.discriminant import log_posterior_ratios
from cch_audit.estimators.networks import (
    StackedMLP,
    average_seeds,
    split_rows,
    take,
    torch_generator,
    train_stack,
)
from cch_audit.sample import FloatArray, IntArray
from cch_audit.settings import MineSettings

VALIDATION_ROWS = 1000
"""Most rows on which training is watched; the critic is evaluated on all pairs of them."""
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
    critic = _Critic(_closed_forms(x, columns, y, train, validation), settings, generator)
    critic.temper(validation)
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
        everywhere = critic.parts(torch.arange(len(x)).expand(len(train), -1))
        for model, rows in enumerate(held_out):
            values = _pairs(*(part[model, rows] for part in everywhere))
            values = values.clamp(min=centre[model] - reach, max=tops[model])
            pseudo_values[model // n_folds, rows] = _pseudo_values(values.numpy())
    saturated = pseudo_values.mean() > np.log(fewest) - 1.0
    return average_seeds(pseudo_values, ("saturated",) if saturated else ())


class _Critic(nn.Module):
    """Every model's critic: a closed form plus two networks, on all pairs of some rows."""

    def __init__(
        self, closed_form: list[Tensor], settings: MineSettings, generator: torch.Generator
    ) -> None:
        super().__init__()
        self.x, self.y, self.a, self.b, self.f, self.g = closed_form
        hidden, outputs = (settings.hidden, settings.hidden), settings.embedding + 1
        # Only one factor of the residual starts at 0, so that the other one has a gradient.
        self.from_x = StackedMLP(len(self.x), (self.x.shape[2], *hidden, outputs), generator, True)
        self.from_y = StackedMLP(len(self.y), (self.y.shape[2], *hidden, outputs), generator, False)

    def forward(self, rows: Tensor) -> Tensor:
        """Map rows (n_models, n) to critics (n_models, n, n): x down, y across."""
        return _pairs(*self.parts(rows))

    def parts(self, rows: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return the terms of x and of y (n_models, n) and their factors (n_models, n, p)."""
        from_x, from_y = self.from_x(take(self.x, rows)), self.from_y(take(self.y, rows))
        left = torch.cat([take(self.f, rows), from_x[..., 1:]], dim=2)
        right = torch.cat([take(self.g, rows), from_y[..., 1:]], dim=2)
        return take(self.a, rows) + from_x[..., 0], take(self.b, rows) + from_y[..., 0], left, right

    def temper(self, validation: Tensor) -> None:
        """Scale each closed form by the factor that does best on validation rows."""
        closed_form = [take(part, validation) for part in (self.a, self.b, self.f, self.g)]
        values = torch.stack([_donsker_varadhan(t * _pairs(*closed_form)) for t in TEMPERS])
        factor = torch.tensor(TEMPERS)[values.argmax(dim=0)]
        self.a, self.b = self.a * factor[:, None], self.b * factor[:, None]
        self.f = self.f * factor[:, None, None]


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
    x: FloatArray, columns: FloatArray, y: FloatArray | IntArray, train: Tensor, validation: Tensor
) -> list[Tensor]:
    """Return, stacked over models, what the networks read (x, y) and the critic's a, b, f, g."""
    models: list[tuple[FloatArray, ...]] = []
    for rows, others in zip(train.numpy(), validation.numpy(), strict=True):
        if is_classes(y):
            none = np.zeros(len(x))
            ratios = log_posterior_ratios(x, y, rows, columns.shape[1])
            models.append((x, columns, none, none, ratios, columns))
        else:
            model = fit_canonical(x, columns, rows, others)
            parts = model.log_ratio_parts(x @ model.x_weights, columns @ model.y_weights)
            models.append((x, columns, *parts))
    stacks = (np.stack(part).astype(np.float32) for part in zip(*models, strict=True))
    return [torch.from_numpy(stack) for stack in stacks]


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
