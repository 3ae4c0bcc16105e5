"""Softmax heads as a textbook would train them: plain PyTorch, one head at a time."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, kl_div, log_softmax, softmax

from cch_audit.distillation.lessons import Heads, Lesson

MOST_STEPS = 200
TOLERANCE = 1e-5
"""Of the largest entry of the gradient, and of the change of the loss, by which PyTorch ends."""


def fit_alone(lessons: Sequence[Lesson]) -> list[Heads]:
    """Train every cell of every lesson by itself; takes and returns what `fit_heads` does."""
    return [_fit(lesson) for lesson in lessons]


def _fit(lesson: Lesson) -> Heads:
    x, validation = _floats(lesson.x), _floats(lesson.x_validation)
    y, soft = torch.from_numpy(lesson.y), _floats(lesson.soft)
    weights, biases, outputs, norms = [], [], [], []
    for cell in range(len(lesson.cells)):
        model = nn.Linear(x.shape[1], lesson.n_outputs)
        temperature, weight, penalty = (
            float(getattr(lesson.cells, name)[cell])
            for name in ("temperature", "weight", "penalty")
        )
        norms.append(
            train_one(model, x, y, soft[lesson.soft_of[cell]], temperature, weight, penalty)
        )
        weights.append(model.weight.detach().double().numpy())
        biases.append(model.bias.detach().double().numpy())
        with torch.no_grad():
            outputs.append(model(validation).double().numpy())
    return Heads(np.stack(outputs), [(np.stack(weights), np.stack(biases))], np.array(norms))


def train_one(
    model: nn.Linear,
    x: Tensor,
    y: Tensor,
    logits: Tensor,
    temperature: float,
    weight: float,
    penalty: float,
) -> float:
    """Minimise the loss of one head, and return the norm of the gradient that is left."""
    optimizer = torch.optim.LBFGS(
        model.parameters(),
        max_iter=MOST_STEPS,
        tolerance_grad=TOLERANCE,
        tolerance_change=TOLERANCE**2,
        line_search_fn="strong_wolfe",
    )
    teacher = softmax(logits / temperature, dim=1)

    def closure() -> Tensor:
        optimizer.zero_grad()
        outputs = model(x)
        loss = (1 - weight) * cross_entropy(outputs, y)
        if weight:
            student = log_softmax(outputs / temperature, dim=1)
            divergence = kl_div(student, teacher, reduction="batchmean")
            loss = loss + weight * temperature**2 * divergence
        loss = loss + penalty / 2 * model.weight.square().sum()
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    optimizer.step(closure)  # type: ignore[no-untyped-call]
    closure()
    parts = [part.grad for part in model.parameters() if part.grad is not None]
    return float(torch.cat([part.flatten() for part in parts]).norm())


def _floats(values: np.ndarray) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(values, dtype=np.float32))
