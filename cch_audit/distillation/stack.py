"""Heads trained side by side: every arm and grid cell of a split in one stack of weights."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, one_hot

from cch_audit.distillation.arms import Cells, Lesson
from cch_audit.estimators.networks import take, torch_generator
from cch_audit.sample import FloatArray

LEARNING_RATE = 3e-3
BATCH_SIZE = 128


@dataclass(frozen=True)
class Layer:
    """An affine map for each of D data sets and C cells."""

    weight: Tensor
    bias: Tensor
    cell_axis: int
    """Where the cells are, in weight and bias."""

    def per_cell(self, values: Tensor) -> Tensor:
        """Return values (D, C) or (1, C) with axes that broadcast against weight and bias."""
        return values[:, None, :, None] if self.cell_axis == 2 else values[:, :, None, None]


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
    layers = _start(n_sets, len(cells), widths, generator)
    parameters = [part for layer in layers for part in (layer.weight, layer.bias)]
    inputs, validation = _floats(lesson.x), _floats(lesson.x_validation)
    labels, validation_labels = torch.from_numpy(lesson.y), torch.from_numpy(lesson.y_validation)
    pull = (_pull_to_classes if labels.ndim == 2 else _pull_to_numbers)(cells, lesson.soft)
    optimizer = torch.optim.Adam(parameters, lr=LEARNING_RATE, fused=True)
    decay = 1 - LEARNING_RATE * _floats(cells.penalty)[None]
    best = torch.full((n_sets, len(cells)), math.inf)
    kept = [part.detach().clone() for part in parameters]
    batch = min(BATCH_SIZE, n_rows)
    for _ in range(epochs):
        order = torch.rand(n_sets, n_rows, generator=generator).argsort(dim=1)
        for start in range(0, n_rows - batch + 1, batch):
            rows = order[:, start : start + batch]
            outputs = _apply(layers, take(inputs, rows))
            optimizer.zero_grad()
            # The gradient of the loss at the outputs is short; autograd does the rest.
            outputs.backward(pull(outputs.detach(), take(labels, rows), rows) / batch)  # type: ignore[no-untyped-call]
            optimizer.step()
            if cells.penalty.any():
                for layer in layers:
                    layer.weight.data.mul_(layer.per_cell(decay))
        with torch.no_grad():
            loss = _label_loss(_apply(layers, validation), validation_labels)
            better = loss < best
            best = torch.where(better, loss, best)
            for number, layer in enumerate(layers):
                for copy, part in zip(kept[2 * number :], (layer.weight, layer.bias), strict=False):
                    copy.copy_(torch.where(layer.per_cell(better), part, copy))
    with torch.no_grad():
        for copy, part in zip(kept, parameters, strict=True):
            part.copy_(copy)
        final = _apply(layers, validation), _apply(layers, _floats(lesson.new))
    return final[0].double().numpy(), final[1].double().numpy()


def _start(
    n_sets: int, n_cells: int, widths: tuple[int, ...], generator: torch.Generator
) -> list[Layer]:
    """Draw layers as `nn.Linear` does, the same for every cell of a data set."""
    layers = []
    for depth, (inputs, outputs) in enumerate(pairwise(widths)):
        drawn = 2 * torch.rand(n_sets, inputs, outputs, generator=generator) - 1
        axis = 1 if depth else 2
        weight = (drawn / math.sqrt(inputs)).unsqueeze(axis)
        weight = weight.repeat_interleave(n_cells, dim=axis).requires_grad_()
        shape = (n_sets, n_cells, 1, outputs) if depth else (n_sets, 1, n_cells, outputs)
        layers.append(Layer(weight, torch.zeros(shape, requires_grad=True), axis))
    return layers


def _apply(layers: list[Layer], x: Tensor) -> Tensor:
    """Map rows (D, n, d), which all cells share, to outputs (D, C, n, K)."""
    first, *rest = layers
    n_sets, n_inputs, n_cells, width = first.weight.shape
    # One product serves all cells, because they see the same rows.
    product = x @ first.weight.view(n_sets, n_inputs, n_cells * width)
    outputs = (product.view(n_sets, -1, n_cells, width) + first.bias).transpose(1, 2)
    for layer in rest:
        outputs = torch.relu(outputs) @ layer.weight + layer.bias
    return outputs


Pull = Callable[[Tensor, Tensor, Tensor], Tensor]
"""The gradient (D, C, B, K) of the summed loss at outputs, from labels (D, B) and row numbers."""


def _pull_to_classes(cells: Cells, soft: FloatArray) -> Pull:
    weight = _floats(cells.weight)[:, None, None]  # (C, 1, 1)
    temperature = _floats(cells.temperature)[:, None, None]
    teacher = torch.softmax(_floats(soft).transpose(1, 2) / temperature, dim=-1)  # (D, C, n, K)

    def pull(outputs: Tensor, labels: Tensor, rows: Tensor) -> Tensor:
        hard = torch.softmax(outputs, dim=-1) - one_hot(labels, outputs.shape[-1])[:, None]
        chosen = rows[:, None, :, None].expand(-1, len(cells), -1, outputs.shape[-1])
        gentle = torch.softmax(outputs / temperature, dim=-1) - teacher.gather(2, chosen)
        return (1 - weight) * hard + weight * temperature * gentle

    return pull


def _pull_to_numbers(cells: Cells, soft: FloatArray) -> Pull:
    weight = _floats(cells.weight)[:, None, None]
    teacher = _floats(soft).transpose(1, 2)

    def pull(outputs: Tensor, labels: Tensor, rows: Tensor) -> Tensor:
        chosen = rows[:, None, :, None].expand(-1, len(cells), -1, outputs.shape[-1])
        towards = outputs - labels[:, None] + weight * (outputs - teacher.gather(2, chosen))
        return 2 / outputs.shape[-1] * towards

    return pull


def _label_loss(outputs: Tensor, labels: Tensor) -> Tensor:
    """Return the loss (D, C) on labels (m,) or (m, q) that all heads share."""
    if labels.ndim == 2:
        return (outputs - labels).square().mean(dim=(2, 3))
    classes = labels.expand(outputs.shape[:3])
    flat = cross_entropy(outputs.flatten(0, 2), classes.flatten(), reduction="none")
    return flat.view(outputs.shape[:3]).mean(dim=2)


def _floats(values: FloatArray) -> Tensor:
    return torch.from_numpy(values.astype(np.float32))
