"""MINE: the Donsker-Varadhan bound with a neural critic (Belghazi et al. 2018), cross-fitted."""

import math
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from scipy import stats
from torch import Tensor, nn

from cch_audit.dependence.units import Dependence
from cch_audit.estimators import HELD_OUT_PAIRS, VALIDATION_ROWS, MineSettings
from cch_audit.estimators.closed_forms import ClosedForm, fit_closed_forms, mixture_pairs
from cch_audit.estimators.contract import Estimate, is_classes
from cch_audit.estimators.discriminant import log_posterior_ratios
from cch_audit.estimators.folds import assign_folds
from cch_audit.estimators.networks import (
    AdamW,
    StackedMLP,
    assign_rows,
    average_seeds,
    stack_rows,
    torch_generator,
    train_stack,
)
from cch_audit.estimators.scores import network_inputs
from cch_audit.rows import BoolArray, FloatArray, IntArray

WEIGHING_ROWS = 250
"""Most validation rows on which the closed forms are weighed."""
WEIGHING_STEPS, WEIGHING_RATE = 40, 0.05
"""Gradient steps on the weights."""
LEAST_GAIN = 0.002
"""Nats that the bound of validation rows must win between two looks for training to go on."""
LOWEST = -1e30
"""Below every critic, and no infinity, whose differences are no numbers."""
LEAST_EXPONENT = -80.0
"""Exponentials beside 1 that are smaller are nothing, and below 1e-38 a hundred times slower."""
TEMPERS = (1.0, 0.75, 0.5, 0.25, 0.0)
"""Factors tried on each closed form alone."""


def estimate(
    x: FloatArray,
    y: FloatArray | IntArray,
    rng: np.random.Generator,
    settings: MineSettings,
    dependence: Dependence | None = None,
) -> Estimate:
    """Estimate I(x; y) in nats by E[T] - log E'[exp T], evaluated on rows the critic never saw.

    The bound is that of Donsker and Varadhan (Belghazi et al. 2018, eq. 10); E' runs over pairs of
    different held-out rows that do not depend on each other. The critic starts from closed forms
    (log ratios of Gaussians and of mixtures in canonical coordinates, or a linear discriminant for
    classes), weighed on validation rows, and adds a neural residual a(x_i) + b(y_j) +
    f(x_i) . g(y_j); training stops on validation rows, and where rows depend on each other the
    critic is shrunk on them, a constant one included. With r_i, c_i the row and column means of
    exp T and Z its mean, the pseudo-value of row i is T_ii - log Z - ((r_i + c_i)/Z - 2), whose
    mean is the bound exactly. Columns are replaced by normal scores, and more of them than rows by
    their leading principal components.

    Parameters
    ----------
    x, y, dependence : as `cch_audit.estimators.estimate` takes them
    rng : assigns folds, draws weights and batches
    settings : folds, seeds, network and training

    Returns
    -------
    Estimate
        Flag `saturated`: the estimate is within 1 nat of the log of the held-out size, about the
        most that so many rows can show.
    """
    x = network_inputs(x, rng)
    columns = np.eye(int(y.max()) + 1)[y] if is_classes(y) else network_inputs(y, rng)
    folds = assign_folds(len(x), settings.n_folds, y, dependence, rng)
    n_folds = int(folds.max()) + 1
    held_out, train, validation = assign_rows(folds, settings.n_seeds, rng, dependence)
    barred = _Barred(dependence)
    generator = torch_generator(rng)
    if is_classes(y):
        weighing = validation[:, :WEIGHING_ROWS]
        nothing = np.zeros(len(x))
        n_classes = columns.shape[1]
        ratios = (log_posterior_ratios(x, y, rows, n_classes) for rows in train.numpy())
        forms = [ClosedForm.stacked([(nothing, nothing, ratio, columns) for ratio in ratios])]
    else:
        weighing, fresh = _halves(validation, dependence)
        forms = fit_closed_forms(x, columns, list(train.numpy()), fresh, rng, dependence)
    validation = validation[:, :VALIDATION_ROWS]
    weights = _weigh(forms, weighing, barred(weighing))
    critic = _Critic(x, columns, _Start(forms, weights), settings, generator)
    apart = barred(validation)
    start = critic.start.pairs(torch.arange(len(validation)), validation, validation)
    train_stack(
        list(critic.parameters()),
        train,
        lambda rows: -_donsker_varadhan(critic(rows), barred(rows)),
        lambda: -_donsker_varadhan(critic(validation, start), apart),
        generator,
        batch_size=settings.batch_size,
        max_steps=settings.max_steps,
        learning_rate=settings.learning_rate,
        weight_decay=settings.weight_decay,
        least_gain=LEAST_GAIN,
    )
    pseudo_values = np.empty((settings.n_seeds, len(x)))
    with torch.no_grad():
        # A critic is bounded by what it took on validation pairs, and to a range around the mean
        # of true pairs: further down, all pairs together would weigh 1/e of one held-out pair.
        watched = critic(validation, start)
        fewest = min(len(rows) for rows in held_out)
        centre, reach = watched.diagonal(dim1=1, dim2=2).mean(dim=1), float(np.log(fewest)) + 1.0
        tops = torch.minimum(watched.amax(dim=(1, 2)), centre + reach)
        for model, rows in enumerate(held_out):
            factor = 1.0
            if dependence is not None and apart is not None:
                units = dependence.units[validation[model].numpy()]
                factor = _temper(watched[model].numpy(), apart[model].numpy(), units)
            low, high = centre[model] - reach, tops[model]
            blocks = (
                (values.clamp_(min=low, max=high).mul_(factor).numpy(), barred.among(some, rows))
                for some, values in critic.blocks(model, rows)
            )
            pseudo_values[model // n_folds, rows] = _pseudo_values(len(rows), blocks)
    saturated = pseudo_values.mean() > np.log(fewest) - 1.0
    return average_seeds(pseudo_values, ("saturated",) if saturated else ())


class _Start:
    """Every model's weighted closed forms, in as few factors as all pairs of rows need."""

    def __init__(self, forms: list[ClosedForm], weights: Tensor) -> None:
        """Join forms of weights (n_forms, n_models)."""
        chosen = [(form, one) for form, one in zip(forms, weights, strict=True) if one.any()]
        n_models, n = forms[0].a.shape
        x_term, y_term = torch.zeros(2, n_models, n)
        left, right = [], []
        for form, weight in chosen:
            x_term += weight[:, None] * form.a
            y_term += weight[:, None] * form.b
            left.append(weight[:, None, None] * form.f)
            right.append(form.g)
        self.left = torch.cat([*left, *_with_one(x_term)], dim=2)
        self.right = torch.cat([*right, *_with_one(y_term)[::-1]], dim=2)
        self.mixtures = [(form.c, form.d, one) for form, one in chosen if form.c.shape[2]]

    def pairs(self, models: Tensor, rows: Tensor, others: Tensor) -> Tensor:
        """Return the sum of all pairs of some models' rows i, (m, k), and j, (m, n): (m, k, n)."""
        left, right = (models[:, None], rows), (models[:, None], others)
        values: Tensor = self.left[left] @ self.right[right].transpose(1, 2)
        for c, d, weight in self.mixtures:
            of_mixture = mixture_pairs(c[left], d[right])
            values.addcmul_(of_mixture, weight[models][:, None, None])
        return values


class _Critic(nn.Module):
    """Every model's critic: a closed form plus two networks, on all pairs of some rows."""

    def __init__(
        self,
        x: FloatArray,
        y: FloatArray,
        start: _Start,
        settings: MineSettings,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        self.x, self.y = (torch.from_numpy(side.astype(np.float32)) for side in (x, y))
        self.start, n_models = start, len(start.left)
        hidden, outputs = (settings.hidden, settings.hidden), settings.embedding + 1
        # Only one factor of the residual starts at 0, so that the other one has a gradient.
        self.from_x = StackedMLP(n_models, (x.shape[1], *hidden, outputs), generator, True)
        self.from_y = StackedMLP(n_models, (y.shape[1], *hidden, outputs), generator, False)

    def forward(self, rows: Tensor, start: Tensor | None = None) -> Tensor:
        """Map rows (n_models, n) to critics (n_models, n, n): x down, y across.

        Where the closed forms of these rows are known they are `start`.
        """
        if start is None:
            start = self.start.pairs(torch.arange(len(rows)), rows, rows)
        from_x, from_y = self.from_x(self.x[rows]), self.from_y(self.y[rows])
        return _added(start, from_x, from_y)

    def blocks(self, model: int, rows: IntArray) -> Iterator[tuple[IntArray, Tensor]]:
        """Yield some rows at a time and one model's critic of them with all, for pairs are many."""
        across, models = torch.from_numpy(rows)[None], torch.tensor([model])
        own = slice(model, model + 1)
        from_x, from_y = self.from_x(self.x[across], own), self.from_y(self.y[across], own)
        height = max(1, HELD_OUT_PAIRS // len(rows))
        for first in range(0, len(rows), height):
            some = slice(first, first + height)
            start = self.start.pairs(models, across[:, some], across)
            yield rows[some], _added(start, from_x[:, some], from_y)[0]


def _added(start: Tensor, from_x: Tensor, from_y: Tensor) -> Tensor:
    """Add a(x_i) + b(y_j) + f(x_i) . g(y_j) to (m, k, n); each side's own term comes first."""
    left = torch.cat([from_x[..., 1:], *_with_one(from_x[..., 0])], dim=2)
    right = torch.cat([from_y[..., 1:], *_with_one(from_y[..., 0])[::-1]], dim=2)
    return torch.baddbmm(start, left, right.transpose(1, 2))


def _with_one(term: Tensor) -> tuple[Tensor, Tensor]:
    """Return a term (m, n) and ones as factors (m, n, 1); the other side has them swapped."""
    return term[..., None], torch.ones_like(term)[..., None]


class _Barred:
    """Says which pairs of rows are no draws from the product: dependent ones, themselves too."""

    def __init__(self, dependence: Dependence | None) -> None:
        self.dependence = dependence
        if dependence is not None:
            self.groups = torch.from_numpy(dependence.groups)
            self.places = torch.from_numpy(dependence.positions)

    def __call__(self, rows: Tensor) -> Tensor | None:
        """Map rows (n_models, n) to a mask (n_models, n, n); None: a row and itself only."""
        return self._pairs(rows, rows)

    def among(self, some: IntArray, rows: IntArray) -> BoolArray | None:
        """Return the mask of some rows (m,) down and all rows (n,) across."""
        mask = self._pairs(torch.from_numpy(some), torch.from_numpy(rows))
        return None if mask is None else mask.numpy()

    def _pairs(self, rows: Tensor, others: Tensor) -> Tensor | None:
        if self.dependence is None:
            return None
        mask: Tensor = self.groups[rows][..., :, None] == self.groups[others][..., None, :]
        if self.dependence.window:
            steps = self.places[rows][..., :, None] - self.places[others][..., None, :]
            mask |= steps.abs() <= self.dependence.window
        return mask


class _DonskerVaradhan(torch.autograd.Function):
    """Mean of the diagonal minus log mean exp of the pairs that are not barred, per model.

    Written out because its gradient is short (the diagonal's share less the softmax of the rest)
    and the matrices of all pairs are most of the cost.
    """

    @staticmethod
    def forward(ctx: Any, critic: Tensor, barred: Tensor | None) -> Tensor:
        n = critic.shape[1]
        if barred is None:
            top = critic.amax(dim=(1, 2), keepdim=True)
            weights = (critic - top).clamp_(min=LEAST_EXPONENT).exp_()
            weights.diagonal(dim1=1, dim2=2).zero_()
            log_pairs: float | Tensor = math.log(n * (n - 1))
        else:
            top = critic.masked_fill(barred, -math.inf).amax(dim=(1, 2), keepdim=True)
            top = top.clamp(min=torch.finfo(critic.dtype).min / 2)
            weights = (critic - top).clamp_(min=LEAST_EXPONENT).exp_().masked_fill_(barred, 0.0)
            log_pairs = (~barred).sum(dim=(1, 2)).clamp(min=1).log()
        total = weights.sum(dim=(1, 2), keepdim=True)
        ctx.save_for_backward(weights, total)
        log_partition = (top + total.log())[:, 0, 0] - log_pairs
        value: Tensor = critic.diagonal(dim1=1, dim2=2).mean(dim=1) - log_partition
        return value

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        weights, total = ctx.saved_tensors
        slope: Tensor = weights * (-grads[0][:, None, None] / total)
        slope.diagonal(dim1=1, dim2=2).add_(grads[0][:, None] / weights.shape[1])
        return slope, None


def _donsker_varadhan(critic: Tensor, barred: Tensor | None) -> Tensor:
    """Return the bound of each model on a batch, (n_models, n, n) to (n_models,)."""
    value: Tensor = _DonskerVaradhan.apply(critic, barred)  # type: ignore[no-untyped-call]
    return value


def _halves(validation: Tensor, dependence: Dependence | None) -> tuple[Tensor, list[IntArray]]:
    """Return validation rows that weigh the closed forms, and others that correlate them."""
    # Both need two rows; three or fewer are shared.
    half = max(2, validation.shape[1] // 2)
    if dependence is None:
        return validation[:, : min(WEIGHING_ROWS, half)], list(validation[:, -half:].numpy())
    parts = [dependence.split(rows, half) for rows in validation.numpy()]
    return stack_rows([first[:WEIGHING_ROWS] for first, _ in parts]), [rest for _, rest in parts]


def _temper(critic: npt.NDArray[np.float32], barred: BoolArray, units: IntArray) -> float:
    """Return the factor at which a critic surely does best on validation rows, 0 at least.

    Of few units the bound is rough, and a bad critic's is far below zero on others. So a factor
    counts as the lower end of its bound over units, one-sided at 95 %; a constant critic has 0.
    """
    best, chosen = 0.0, 0.0
    codes = np.unique(units, return_inverse=True)[1]
    reach = float(stats.t.ppf(0.95, max(int(codes.max()), 1)))
    for factor in TEMPERS[:-1]:
        pseudo_values = _pseudo_values(len(critic), [(factor * critic, barred)])
        bound = float(pseudo_values.mean())
        sums = np.bincount(codes, pseudo_values - bound)
        surely = bound - reach * float(np.sqrt((sums**2).sum())) / len(codes)
        if surely > best:
            best, chosen = surely, factor
    return chosen


def _weigh(forms: list[ClosedForm], rows: Tensor, barred: Tensor | None) -> Tensor:
    """Return the weights (n_forms, n_models) of each model's closed forms that do best on rows.

    The bound of a weighted sum is concave in the weights, so that weights of sum 1 do no worse than
    the forms do on average: gradient steps go on from the best single form. A wrong Gaussian must
    be able to go, so 0 is among the factors tried.
    """
    models = torch.arange(len(rows))
    values = torch.stack([form.of(models, rows).pairs() for form in forms])
    single = [factor * one for one in torch.eye(len(forms)) for factor in TEMPERS]
    bounds = torch.stack([_donsker_varadhan(_weighted(w[:, None], values), barred) for w in single])
    best, first = bounds.max(dim=0)
    weights = nn.Parameter(torch.stack(single)[first].T.clone())  # (n_forms, n_models)
    kept = weights.detach().clone()
    optimizer = AdamW([weights], 0.0)
    for _ in range(WEIGHING_STEPS):
        optimizer.gradient.zero_()
        bound = _donsker_varadhan(_weighted(weights, values), barred)
        with torch.no_grad():
            better = bound > best
            best = torch.where(better, bound, best)
            kept[:, better] = weights[:, better]
        (-bound.sum()).backward()  # type: ignore[no-untyped-call]
        optimizer.step(WEIGHING_RATE)
        with torch.no_grad():
            weights.clamp_(min=0).div_(weights.sum(dim=0).clamp(min=1))
    return kept


def _weighted(weights: Tensor, values: Tensor) -> Tensor:
    """Return sum_k w_k T_k, (n_forms, n_models or 1) and (n_forms, n_models, n, n)."""
    return (weights[:, :, None, None] * values).sum(dim=0)


def _pseudo_values(
    n: int, blocks: Iterable[tuple[npt.NDArray[np.float32], BoolArray | None]]
) -> FloatArray:
    """Return the pseudo-values (n,) of one critic on its n held-out rows.

    Where row i has p_i partners, of p on average, that are not barred, and r_i, c_i are its sums of
    exp T over them divided by p, it is T_ii - log Z - ((r_i + c_i) / Z - 2 p_i / p).

    Parameters
    ----------
    n : held-out rows
    blocks : from the first row to the last, the critic of some rows with all (m, n) and the mask of
        barred pairs (m, n); None: a row and itself only
    """
    diagonal, partners, rows, columns = np.zeros((4, n))
    top, first = LOWEST, 0
    for critic, barred in blocks:
        here = slice(first, first + len(critic))
        diagonal[here] = critic.diagonal(first)
        weights = critic.copy()
        if barred is None:
            partners[here] = n - 1
            weights[np.arange(len(critic)), np.arange(first, here.stop)] = -np.inf
        else:
            partners[here] = n - barred.sum(axis=1)
            weights[barred] = -np.inf
        # The sums are of exp(T - top): those before follow where the top rises.
        higher = max(top, float(weights.max()))
        rows *= np.exp(top - higher)
        columns *= np.exp(top - higher)
        weights -= np.float32(higher)
        np.exp(weights, out=weights)
        rows[here] = weights.sum(axis=1, dtype=np.float64)
        columns += weights.sum(axis=0, dtype=np.float64)
        top, first = higher, here.stop
    if not partners.any():  # one unit alone says nothing
        return np.zeros(n)
    mean = float(partners.mean())
    partition = (rows / mean).mean()
    influence = (rows + columns) / mean / partition - 2.0 * partners / mean
    return np.asarray(diagonal - top - np.log(partition) - influence)
