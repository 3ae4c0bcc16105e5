"""Small networks trained side by side: one stack of weights for all folds and seeds."""

import math
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn

from cch_audit.dependence.units import Dependence, split_rows
from cch_audit.estimators.contract import Estimate
from cch_audit.estimators.folds import outside
from cch_audit.rows import FloatArray, IntArray

# Tasks run side by side, each in a thread of its own; sums split by thread would make results
# depend on the number of cores.
torch.set_num_threads(1)


class StackedMLP(nn.Module):
    """Multilayer perceptrons of one shape side by side; model m maps inputs[m]."""

    def __init__(
        self, n_models: int, widths: tuple[int, ...], generator: torch.Generator, zero: bool
    ) -> None:
        """Draw weights as `nn.Linear` does; `zero` starts the last layer at 0."""
        super().__init__()
        self.weights, self.biases = nn.ParameterList(), nn.ParameterList()
        for depth, (inputs, outputs) in enumerate(pairwise(widths)):
            bound = 0.0 if zero and depth == len(widths) - 2 else 1 / math.sqrt(inputs)
            draw = torch.rand(n_models, inputs, outputs, generator=generator)
            self.weights.append(nn.Parameter((2 * draw - 1) * bound))
            self.biases.append(nn.Parameter(torch.zeros(n_models, 1, outputs)))
        self.layers = list(zip(self.weights, self.biases, strict=True))

    def forward(self, inputs: Tensor, models: slice | None = None) -> Tensor:
        """Map (n_models, n_rows, inputs) to (n_models, n_rows, outputs), by some models or all."""
        hidden = inputs
        for depth, (weight, bias) in enumerate(self.layers):
            if models is not None:
                weight, bias = weight[models], bias[models]
            hidden = torch.baddbmm(bias, hidden, weight)
            if depth < len(self.layers) - 1:
                hidden = torch.nn.functional.gelu(hidden)
        return hidden


class AdamW:
    """Adam with decoupled weight decay (Loshchilov and Hutter 2019, algorithm 2), on one vector.

    Weights and their gradients become views of one vector each, so that a step is a few operations
    whatever the layers. The optimizers of `torch.optim` do the same arithmetic, but import torch's
    compiler before the first step, which takes longer than to train on some thousand rows.
    """

    DECAY = 0.9, 0.999
    """Of the running means of the gradient and of its square."""
    EPSILON = 1e-8

    def __init__(self, weights: list[nn.Parameter], weight_decay: float) -> None:
        """Make the weights and their gradients views of one vector each."""
        self.vector = torch.cat([weight.detach().reshape(-1) for weight in weights])
        self.gradient, self.mean, self.square = torch.zeros(3, len(self.vector))
        self.weight_decay, self.steps = weight_decay, 0
        ends = np.cumsum([0, *(weight.numel() for weight in weights)])
        for weight, (first, last) in zip(weights, pairwise(map(int, ends)), strict=True):
            weight.data = self.vector[first:last].view_as(weight)
            weight.grad = self.gradient[first:last].view_as(weight)

    def step(self, learning_rate: float) -> None:
        """Move the weights along the gradient that `backward` added up in `gradient`."""
        self.steps += 1
        unbiased = [1 - decay**self.steps for decay in self.DECAY]
        self.mean.lerp_(self.gradient, 1 - self.DECAY[0])
        self.square.lerp_(self.gradient.square(), 1 - self.DECAY[1])
        size = (self.square / unbiased[1]).sqrt_().add_(self.EPSILON)
        self.vector.mul_(1 - learning_rate * self.weight_decay)
        self.vector.addcdiv_(self.mean, size, value=-learning_rate / unbiased[0])


def torch_generator(rng: np.random.Generator) -> torch.Generator:
    """Return a torch generator seeded from a numpy one."""
    return torch.Generator().manual_seed(int(rng.integers(2**31)))


def assign_rows(
    folds: IntArray, n_seeds: int, rng: np.random.Generator, dependence: Dependence | None = None
) -> tuple[list[IntArray], Tensor, Tensor]:
    """Return, per fold and seed, the held-out rows, the rows to train on and those to validate on.

    A fifth of the rows that are not held out validates; none of the three parts can inform another.
    Training and validation rows are cut to a common length, shapes (n_models, n_train) and
    (n_models, n_validation).
    """
    held_out, train, validation = [], [], []
    for _ in range(n_seeds):
        for fold in np.unique(folds):
            held_out.append(np.flatnonzero(folds == fold))
            others = outside(folds, fold, dependence)
            watched, learned = split_rows(others, len(others) // 5, dependence, rng)
            validation.append(watched)
            train.append(learned)
    return held_out, stack_rows(train), stack_rows(validation)


def take(values: Tensor, rows: Tensor) -> Tensor:
    """Gather rows (n_models, n_rows) of values (n_models, n_samples, ...)."""
    return values[torch.arange(len(rows))[:, None], rows]


def train_stack(
    weights: list[nn.Parameter],
    train_rows: Tensor,
    loss: Callable[[Tensor], Tensor],
    validate: Callable[[], Tensor],
    generator: torch.Generator,
    *,
    batch_size: int,
    max_steps: int,
    learning_rate: float,
    weight_decay: float,
    least_gain: float,
    check_every: int = 25,
) -> None:
    """Minimise per-model losses with AdamW and leave each model at its best validation loss.

    `loss` maps batch rows (n_models, batch_size) to losses (n_models,); `validate` returns losses
    (n_models,). The start counts as a candidate. Training stops at the first check at which the
    models' best losses have not fallen by `least_gain` on average, so a slow start or a late
    gain is missed. Models share nothing: the sum of losses has separate gradients.
    """
    optimizer = AdamW(weights, weight_decay)
    n_models, n_train = train_rows.shape
    batch_size = min(batch_size, n_train)
    with torch.no_grad():
        best = validate()
        kept = [weight.clone() for weight in weights]
    position, order = n_train, train_rows
    torch.set_flush_denormal(True)  # softmax weights near 1e-40 cost ten times a normal one
    for step in range(1, max_steps + 1):
        if position + batch_size > n_train:
            shuffled = torch.rand(n_models, n_train, generator=generator).argsort(dim=1)
            order, position = train_rows.gather(1, shuffled), 0
        optimizer.gradient.zero_()
        loss(order[:, position : position + batch_size]).sum().backward()  # type: ignore[no-untyped-call]
        optimizer.step(learning_rate * (1 + math.cos(math.pi * (step - 1) / max_steps)) / 2)
        position += batch_size
        if step % check_every == 0:
            with torch.no_grad():
                now = validate()
                better = now < best
                gain = float((best - now).clamp(min=0).mean())
                best = torch.where(better, now, best)
                for copy, weight in zip(kept, weights, strict=True):
                    copy[better] = weight[better]
            if gain < least_gain:
                break
    torch.set_flush_denormal(False)  # the thread goes on to other arithmetic
    with torch.no_grad():
        for copy, weight in zip(kept, weights, strict=True):
            weight.copy_(copy)


def average_seeds(pseudo_values: FloatArray, flags: tuple[str, ...] = ()) -> Estimate:
    """Return the mean over seeds of pseudo-values (n_seeds, n_samples), with its variance."""
    values = pseudo_values.mean(axis=1)
    n_seeds = len(values)
    return Estimate(
        value=float(values.mean()),
        pseudo_values=pseudo_values.mean(axis=0),
        seed_variance=float(values.var(ddof=1) / n_seeds) if n_seeds > 1 else 0.0,
        flags=flags,
    )


def stack_rows(rows: list[IntArray]) -> Tensor:
    """Stack row numbers, cut to the shortest."""
    shortest = min(len(some) for some in rows)
    return torch.from_numpy(np.stack([some[:shortest] for some in rows]))
