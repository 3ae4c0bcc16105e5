"""Heads with a hidden layer, trained side by side until their validation loss has turned."""

import math
from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import one_hot

from cch_audit.distillation.lessons import Heads, Lesson
from cch_audit.estimators.networks import take, torch_generator
from cch_audit.rows import FloatArray, IntArray

LEARNING_RATE = 3e-3
BATCH_SIZE = 128
LEAST_STEPS = 8
"""Batches of an epoch at least: how well a head is trained must not depend on its rows' number."""
PATIENCE = 30
"""Epochs without a better validation loss, after which it has turned."""


def train_heads(
    lessons: Sequence[Lesson], *, hidden: int, epochs: int, rng: np.random.Generator
) -> list[Heads]:
    """Train one head per lesson and cell, each kept at its best epoch on validation rows.

    Classes: (1 - w) CE(y, q) + w T^2 KL(p_T || q_T), with p the teacher's and q the student's
    distribution; numbers: MSE(y) + w MSE(t). Heads of one lesson start from the same weights and
    see the same batches, so that their differences are paired. Training ends once no head has
    become better for some epochs.

    Parameters
    ----------
    lessons : data sets with as many cells each, and rows that differ little in number
    hidden : width of the hidden layer
    epochs : most passes over the rows
    rng : draws weights and batches
    """
    generator = torch_generator(rng)
    n_sets, n_cells = len(lessons), len(lessons[0].cells)
    n_rows = min(len(lesson.x) for lesson in lessons)
    widths = (lessons[0].x.shape[1], hidden, lessons[0].n_outputs)
    per_cell = (n_sets, n_cells, -1)
    parameters = _start(n_sets, n_cells, widths, generator)
    inputs = torch.stack([_floats(lesson.x[:n_rows]) for lesson in lessons])
    validation = [_floats(lesson.x_validation) for lesson in lessons]
    is_classes = lessons[0].y.ndim == 1
    slope, wanted = (_classes if is_classes else _numbers)(lessons, n_rows)
    optimizer = torch.optim.Adam(parameters, lr=LEARNING_RATE, fused=True)
    penalty = torch.stack([_floats(lesson.cells.penalty) for lesson in lessons])
    decay = (1 - LEARNING_RATE * penalty)[..., None]
    best = torch.full((n_sets, n_cells), math.inf)
    kept = [part.detach().clone() for part in parameters]
    batch = min(BATCH_SIZE, max(1, n_rows // LEAST_STEPS))
    idle = 0
    for _ in range(epochs):
        order = torch.rand(n_sets, n_rows, generator=generator).argsort(dim=1)
        for start in range(0, n_rows - batch + 1, batch):
            rows = order[:, start : start + batch]
            outputs = _apply(parameters, take(inputs, rows), n_cells)
            optimizer.zero_grad()
            # The gradient of the loss at the outputs is short; autograd does the rest.
            pull = slope(outputs.detach()) - take(wanted, rows).permute(0, 2, 3, 1)
            outputs.backward(pull / batch)  # type: ignore[no-untyped-call]
            optimizer.step()
            for weight in parameters[::2]:
                weight.data.view(per_cell).mul_(decay)
        with torch.no_grad():
            loss = torch.stack(
                [
                    _label_loss(_of_set(parameters, number, rows, n_cells), lesson.y_validation)
                    for number, (lesson, rows) in enumerate(zip(lessons, validation, strict=True))
                ]
            )
            better = loss < best
            best = torch.where(better, loss, best)
            for copy, part in zip(kept, parameters, strict=True):
                copy.view(per_cell)[better] = part.view(per_cell)[better]
        idle = 0 if bool(better.any()) else idle + 1
        if idle >= PATIENCE:
            break
    return [_heads(kept, number, lesson, n_cells) for number, lesson in enumerate(lessons)]


def _heads(parameters: list[Tensor], number: int, lesson: Lesson, n_cells: int) -> Heads:
    """Return the heads of one lesson."""
    first, bias, second, last = (part.detach().double() for part in parameters)
    width = second.shape[2]
    of_set = slice(number * n_cells, (number + 1) * n_cells)
    layers = [
        (first[number].view(n_cells, width, -1).numpy(), bias[number].view(n_cells, -1).numpy()),
        (second[of_set].numpy(), last[of_set, :, 0].numpy()),
    ]
    heads = Heads(np.zeros((n_cells, 0, 0)), layers, None)
    outputs = np.stack([heads.predict(cell, lesson.x_validation) for cell in range(n_cells)])
    return Heads(outputs, layers, None)


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


def _of_set(parameters: list[Tensor], number: int, x: Tensor, n_cells: int) -> Tensor:
    """Map rows (n, d) to the outputs (C, K, n) of one data set's heads."""
    first, bias, second, last = parameters
    of_set = slice(number * n_cells, (number + 1) * n_cells)
    own = [first[number][None], bias[number][None], second[of_set], last[of_set]]
    return _apply(own, x[None], n_cells)[0]


Slope = Callable[[Tensor], Tensor]
"""What the outputs (D, C, K, B) contribute to the gradient of the loss at themselves."""


def _classes(lessons: Sequence[Lesson], n_rows: int) -> tuple[Slope, Tensor]:
    """Split the gradient in what comes from outputs, and what is subtracted from it (D, n, C, K).

    The gradient of CE(y, q) is q - y, that of T^2 KL(p_T || q_T) is T (q_T - p_T).
    """
    weight, temperature = (
        torch.stack([_floats(getattr(lesson.cells, name)) for lesson in lessons])[:, None, :, None]
        for name in ("weight", "temperature")
    )  # (D, 1, C, 1)
    soft = _soft(lessons, n_rows)
    teacher = torch.softmax(soft / temperature, dim=-1)
    labels = torch.stack(
        [one_hot(torch.from_numpy(lesson.y[:n_rows]), soft.shape[-1]) for lesson in lessons]
    )[:, :, None]
    hard, gentle = 1 - weight, weight * temperature
    across = (0, 2, 3, 1)

    def slope(outputs: Tensor) -> Tensor:
        softened = torch.softmax(outputs / temperature.permute(across), dim=2)
        own = hard.permute(across) * torch.softmax(outputs, dim=2)
        return own + gentle.permute(across) * softened

    return slope, hard * labels + gentle * teacher


def _numbers(lessons: Sequence[Lesson], n_rows: int) -> tuple[Slope, Tensor]:
    """Split the gradient in the same way for squared errors, which are averaged over targets."""
    weight = torch.stack([_floats(lesson.cells.weight) for lesson in lessons])[:, None, :, None]
    soft = _soft(lessons, n_rows)
    share = 2 / soft.shape[-1]
    y = torch.stack([_floats(lesson.y[:n_rows]) for lesson in lessons])
    wanted = share * (y[:, :, None] + weight * soft)
    return lambda outputs: share * (1 + weight.permute(0, 2, 3, 1)) * outputs, wanted


def _soft(lessons: Sequence[Lesson], n_rows: int) -> Tensor:
    """Return what each cell takes for the teacher's outputs (D, n, C, K)."""
    return torch.stack(
        [
            _floats(lesson.soft[:, :n_rows]).permute(1, 0, 2)[:, torch.from_numpy(lesson.soft_of)]
            for lesson in lessons
        ]
    )


def _label_loss(outputs: Tensor, y: FloatArray | IntArray) -> Tensor:
    """Return the loss (C,) on labels (m,) or (m, q) of outputs (C, K, m)."""
    labels = torch.from_numpy(y)
    if labels.ndim == 2:
        return (outputs - labels.T.float()).square().mean(dim=(1, 2))
    log_chances = torch.log_softmax(outputs, dim=1)
    return -log_chances[:, labels, torch.arange(len(labels))].mean(dim=1)


def _floats(values: FloatArray | IntArray) -> Tensor:
    return torch.from_numpy(values.astype(np.float32))
