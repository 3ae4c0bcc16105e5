"""Heads trained side by side: every arm and grid cell of a split in one stack of weights."""

import math
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import one_hot

from cch_audit.distillation.arms import Cells, Lesson
from cch_audit.estimators.networks import take, torch_generator
from cch_audit.rows import FloatArray, IntArray

LEARNING_RATE = 3e-3
BATCH_SIZE = 128
LEAST_STEPS = 8
"""Batches of an epoch at least: how well a head is trained must not depend on its rows' number."""


def train_heads(
    lesson: Lesson, cells: Cells, *, hidden: int, epochs: int, rng: np.random.Generator
) -> tuple[FloatArray, FloatArray]:
    """Train one head per data set and cell, each kept at its best epoch on validation rows.

    Classes: (1 - w) CE(y, q) + w T^2 KL(p_T || q_T), with p the teacher's and q the student's
    distribution; numbers: MSE(y) + w MSE(t). Heads of one data set start from the same weights and
    see the same batches, so that their differences are paired.

    Parameters
    ----------
    lesson : rows and targets
    cells : temperature, weight and weight decay of each of C heads
    hidden : width of the hidden layer; 0 for a linear head
    epochs : passes over the rows
    rng : draws weights and batches

    Returns
    -------
    outputs : (D, C, m, K) on validation rows and (D, C, r, K) on new rows
    """
    generator = torch_generator(rng)
    n_sets, n_rows, n_inputs = lesson.x.shape
    n_outputs = lesson.soft.shape[-1]
    widths = (n_inputs, hidden, n_outputs) if hidden else (n_inputs, n_outputs)
    per_cell = (n_sets, len(cells), -1)
    parameters = _start(n_sets, len(cells), widths, generator)
    inputs, validation = _floats(lesson.x), _floats(lesson.x_validation)
    slope, wanted = (_classes if lesson.y.ndim == 2 else _numbers)(lesson, cells)
    optimizer = torch.optim.Adam(parameters, lr=LEARNING_RATE, fused=True)
    decay = 1 - LEARNING_RATE * _floats(cells.penalty)[:, None]
    best = torch.full((n_sets, len(cells)), math.inf)
    kept = [part.detach().clone() for part in parameters]
    batch = min(BATCH_SIZE, max(1, n_rows // LEAST_STEPS))
    for _ in range(epochs):
        order = torch.rand(n_sets, n_rows, generator=generator).argsort(dim=1)
        for start in range(0, n_rows - batch + 1, batch):
            rows = order[:, start : start + batch]
            outputs = _apply(parameters, take(inputs, rows), len(cells))
            optimizer.zero_grad()
            # The gradient of the loss at the outputs is short; autograd does the rest.
            pull = slope(outputs.detach()) - take(wanted, rows).permute(0, 2, 3, 1)
            outputs.backward(pull / batch)  # type: ignore[no-untyped-call]
            optimizer.step()
            if cells.penalty.any():
                for weight in parameters[::2]:
                    weight.data.view(per_cell).mul_(decay)
        with torch.no_grad():
            loss = _label_loss(_apply(parameters, validation, len(cells)), lesson.y_validation)
            better = loss < best
            best = torch.where(better, loss, best)
            for copy, part in zip(kept, parameters, strict=True):
                copy.view(per_cell)[better] = part.view(per_cell)[better]
    on_validation, on_new = (
        _apply(kept, rows, len(cells)).transpose(2, 3).double().numpy()
        for rows in (validation, _floats(lesson.new))
    )
    return on_validation, on_new


def _start(
    n_sets: int, n_cells: int, widths: tuple[int, ...], generator: torch.Generator
) -> list[Tensor]:
    """Draw weights as `nn.Linear` does, the same for every cell of a data set; biases are 0.

    Heads with the same inputs stand under each other in one matrix: the weights of the first layer
    are (D, C h, d), those of the next one (D C, K, h). A bias (..., 1) follows each of them.
    """
    parameters = []
    for depth, (inputs, outputs) in enumerate(pairwise(widths)):
        drawn = 2 * torch.rand(n_sets, inputs, outputs, generator=generator) - 1
        weight = (drawn.mT / math.sqrt(inputs))[:, None].repeat(1, n_cells, 1, 1)
        rows = (n_sets * n_cells, outputs) if depth else (n_sets, n_cells * outputs)
        parameters += [weight.reshape(*rows, inputs), torch.zeros(*rows, 1)]
    return [part.requires_grad_() for part in parameters]


def _apply(parameters: list[Tensor], x: Tensor, n_cells: int) -> Tensor:
    """Map rows (D, n, d), which all cells share, to outputs (D, C, K, n).

    Rows come last, because softmax over a short last axis is ten times as slow.
    """
    weight, bias, *rest = parameters
    # One product serves all cells, because they see the same rows.
    outputs = torch.baddbmm(bias, weight, x.transpose(1, 2))
    for weight, bias in zip(rest[::2], rest[1::2], strict=True):
        inner = torch.relu_(outputs).view(len(weight), -1, x.shape[1])
        outputs = torch.baddbmm(bias, weight, inner)
    return outputs.view(len(x), n_cells, -1, x.shape[1])


Slope = Callable[[Tensor], Tensor]
"""What the outputs (D, C, K, B) contribute to the gradient of the loss at themselves."""


def _classes(lesson: Lesson, cells: Cells) -> tuple[Slope, Tensor]:
    """Split the gradient in what comes from outputs, and what is subtracted from it (D, n, C, K).

    The gradient of CE(y, q) is q - y, that of T^2 KL(p_T || q_T) is T (q_T - p_T).
    """
    weight, temperature = _floats(cells.weight)[:, None], _floats(cells.temperature)[:, None]
    teacher = torch.softmax(_floats(lesson.soft) / temperature, dim=-1)
    labels = one_hot(torch.from_numpy(lesson.y), teacher.shape[-1])[:, :, None]
    hard, gentle = 1 - weight, weight * temperature

    def slope(outputs: Tensor) -> Tensor:
        softened = torch.softmax(outputs / temperature[..., None], dim=2)
        return hard[..., None] * torch.softmax(outputs, dim=2) + gentle[..., None] * softened

    return slope, hard * labels + gentle * teacher


def _numbers(lesson: Lesson, cells: Cells) -> tuple[Slope, Tensor]:
    """Split the gradient in the same way for squared errors, which are averaged over targets."""
    weight, soft = _floats(cells.weight)[:, None], _floats(lesson.soft)
    share = 2 / soft.shape[-1]
    wanted = share * (_floats(lesson.y)[:, :, None] + weight * soft)
    return lambda outputs: share * (1 + weight[..., None]) * outputs, wanted


def _label_loss(outputs: Tensor, y: FloatArray | IntArray) -> Tensor:
    """Return the loss (D, C) on labels (m,) or (m, q) that all heads share."""
    labels = torch.from_numpy(y)
    if labels.ndim == 2:
        return (outputs - labels.T.float()).square().mean(dim=(2, 3))
    log_chances = torch.log_softmax(outputs, dim=2)
    return -log_chances[:, :, labels, torch.arange(len(labels))].mean(dim=2)


def _floats(values: FloatArray | IntArray) -> Tensor:
    return torch.from_numpy(values.astype(np.float32))
