from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy, kl_div, log_softmax, mse_loss, softmax

from cch_audit.distillation import stack
from cch_audit.distillation.arms import BASELINE, DISTILLED, Cells, Grid, plan_cells
from cch_audit.distillation.metrics import validation_loss
from cch_audit.distillation.stack import LEARNING_RATE, _classes, _numbers, _start
from cch_audit.distillation.stack import train_heads as train
from cch_audit.estimators.networks import torch_generator

from .lessons import every_cell, lesson

CLOSE = {"atol": 2e-5, "rtol": 0}
"""Outputs of order 1 in single precision: rounding of 1e-7 grows to 1e-6 in a hundred steps."""
HIDDEN = 7


def train_heads(lessons, epochs=5, seed=0, hidden=HIDDEN):
    found = train(lessons, hidden=hidden, epochs=epochs, rng=np.random.default_rng(seed))
    return np.stack([heads.on_validation for heads in found])


def literal_loss(outputs, labels, teacher, temperature, weight):
    """The loss as SCIENCE.md and the report write it."""
    if labels.ndim == 1:
        student = log_softmax(outputs / temperature, dim=1)
        soft = softmax(teacher / temperature, dim=1)
        divergence = kl_div(student, soft, reduction="batchmean")
        hard = cross_entropy(outputs, labels)
        return (1 - weight) * hard + weight * temperature**2 * divergence
    return mse_loss(outputs, labels) + weight * mse_loss(outputs, teacher)


def label_loss(outputs, labels):
    return float(cross_entropy(outputs, labels) if labels.ndim == 1 else mse_loss(outputs, labels))


def tensor(values):
    return torch.from_numpy(values.astype(np.float32) if values.dtype.kind == "f" else values)


def plain_outputs(a_lesson, epochs, seed):
    """Train every head by itself with PyTorch's modules: the same start, the same batches."""
    generator = torch_generator(np.random.default_rng(seed))
    cells, (n_rows, d), k = a_lesson.cells, a_lesson.x.shape, a_lesson.n_outputs
    widths = (d, HIDDEN, k)
    start = [part.detach().clone() for part in _start(1, len(cells), widths, generator)]
    batch = {150: 18, 1100: 128}[n_rows]  # 8 batches an epoch, of 128 at most
    orders = [torch.rand(1, n_rows, generator=generator).argsort(dim=1)[0] for _ in range(epochs)]
    x, y, soft = tensor(a_lesson.x), tensor(a_lesson.y), tensor(a_lesson.soft)
    y_validation = tensor(a_lesson.y_validation)
    found = np.empty((len(cells), 60, k))
    for cell in range(len(cells)):
        linears = [nn.Linear(*pair) for pair in pairwise(widths)]
        for linear, weight, bias in zip(linears, start[::2], start[1::2]):
            shape = (len(cells), linear.out_features)
            linear.weight.data = weight.view(*shape, -1)[cell].clone()
            linear.bias.data = bias.view(shape)[cell].clone()
        head = nn.Sequential(linears[0], nn.ReLU(), linears[1])
        optimizer = torch.optim.Adam(head.parameters(), lr=LEARNING_RATE)
        lowest = np.inf
        for order in orders:
            for rows in order[: n_rows // batch * batch].split(batch):
                loss = literal_loss(
                    head(x[rows]),
                    y[rows],
                    soft[a_lesson.soft_of[cell], rows],
                    float(cells.temperature[cell]),
                    float(cells.weight[cell]),
                )
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                for linear in linears:
                    linear.weight.data *= 1 - LEARNING_RATE * float(cells.penalty[cell])
            with torch.no_grad():
                outputs = head(tensor(a_lesson.x_validation))
            if label_loss(outputs, y_validation) < lowest:
                lowest = label_loss(outputs, y_validation)
                found[cell] = outputs.numpy()
    return found


@pytest.mark.slow
@pytest.mark.parametrize("classes", [True, False])
@pytest.mark.parametrize("n", [150, 1100])
def test_training_is_the_documented_one(classes, n):
    a_lesson = lesson(every_cell(classes), classes, n=n)  # a few rows wait for the next epoch
    (found,) = train_heads([a_lesson], epochs=10, seed=3)
    np.testing.assert_allclose(found, plain_outputs(a_lesson, 10, 3), **CLOSE)
    assert found.std(axis=0).mean() > 0.05  # the cells have gone different ways


@pytest.mark.parametrize("classes", [True, False])
def test_gradient_is_that_of_the_documented_loss(classes):
    cells = every_cell(classes)
    a_lesson = lesson(cells, classes)
    slope, wanted = (_classes if classes else _numbers)([a_lesson], 150)
    outputs = 3 * torch.randn(1, len(cells), 3, 150, generator=torch.Generator().manual_seed(0))
    found = (slope(outputs) - wanted.permute(0, 2, 3, 1))[0] / 150
    y, soft = torch.from_numpy(a_lesson.y), torch.from_numpy(a_lesson.soft)
    for cell in range(len(cells)):
        at = outputs[0, cell].T.double().requires_grad_()
        temperature, weight = cells.temperature[cell], cells.weight[cell]
        literal_loss(at, y, soft[cell], temperature, weight).backward()
        # Single precision of numbers up to 10, over 150 rows.
        torch.testing.assert_close(found[cell].T.double(), at.grad, atol=1e-7, rtol=1e-5)


def test_lessons_share_nothing():
    cells = every_cell(True)
    lessons = [lesson(cells, True, seed=seed) for seed in (0, 1)]
    before = train_heads(lessons)
    after = train_heads([lessons[0], replace(lessons[1], x=lessons[1].x + 1)])
    np.testing.assert_array_equal(before[0], after[0])
    assert (before[1] != after[1]).any()


def test_cells_with_the_same_lesson_stay_equal():
    # Weight 0 is the baseline, whatever the temperature and the teacher.
    cells = plan_cells((BASELINE, DISTILLED), Grid((1.0, 4.0), (0.0,)), True, 0.1)
    (outputs,) = train_heads([lesson(cells, True)])
    for cell in (1, 2):
        np.testing.assert_allclose(outputs[cell], outputs[0], **CLOSE)


def test_weights_are_drawn_as_linear_layers_draw_them():
    first, _, second, _ = _start(50, 3, (16, 32, 4), torch.Generator().manual_seed(0))
    for weight, inputs in ((first, 16), (second, 32)):
        bound = inputs**-0.5
        assert weight.abs().max() <= bound
        # Variance of a uniform on +-bound; at least 6400 draws, so 5 % is four standard errors.
        assert float(weight.detach().var()) == pytest.approx(bound**2 / 3, rel=0.05)


def test_best_epoch_on_validation_rows_is_kept_and_training_ends_when_the_loss_has_turned(
    monkeypatch,
):
    cells = every_cell(True)
    # Twenty-five rows in thirty columns: learned by heart after some epochs.
    a_lesson = lesson(cells, True, n=25, d=30)
    few, many = (train_heads([a_lesson], epochs)[0] for epochs in (1, 60))
    losses = [validation_loss(a_lesson.y_validation, one) for one in (few, many)]
    # More epochs never hurt, up to the rounding of single precision.
    assert (losses[1] <= losses[0] + 1e-6).all()
    assert losses[0][0] - losses[1][0] > 0.02  # the first epoch was not the best one
    epochs = []
    adam = torch.optim.Adam.zero_grad
    monkeypatch.setattr(
        torch.optim.Adam, "zero_grad", lambda self: (epochs.append(1), adam(self))[1]
    )
    monkeypatch.setattr(stack, "PATIENCE", 3)
    train_heads([a_lesson], epochs=100_000)
    assert len(epochs) < 8 * 200


def test_penalty_shrinks_the_weights_of_its_own_cell():
    cells = Cells(("any",) * 3, np.ones(3), np.zeros(3), np.array([0.0, 1.0, 10.0]))
    a_lesson = lesson(cells, False)
    # Validated on what it learns, no head stops early.
    a_lesson = replace(a_lesson, x_validation=a_lesson.x, y_validation=a_lesson.y)
    (found,) = train([a_lesson], hidden=HIDDEN, epochs=40, rng=np.random.default_rng(0))
    sizes = sum((weight**2).sum(axis=(1, 2)) for weight, _ in found.layers)
    assert sizes[2] < 0.7 * sizes[1] < 0.7 * sizes[0]


@pytest.mark.parametrize("classes", [True, False])
def test_deterministic(classes):
    a_lesson = lesson(every_cell(classes), classes)
    first, second, other = (train_heads([a_lesson], seed=seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, second)
    assert (first != other).any()


@pytest.mark.parametrize("n", [5, 8, 127, 129])
def test_any_number_of_rows(n):
    assert np.isfinite(train_heads([lesson(every_cell(True), True, n=n)])).all()


def test_certain_teachers_and_constant_columns_stay_finite():
    a_lesson = lesson(every_cell(True), True)
    x = a_lesson.x.copy()
    x[:, 1] = 0
    hostile = replace(a_lesson, x=x, soft=1e6 * a_lesson.soft)
    outputs = train_heads([hostile], epochs=30)
    assert np.isfinite(outputs).all()
    assert np.abs(outputs).max() < 100


def test_predictions_are_those_on_validation_rows():
    a_lesson = lesson(every_cell(True), True)
    (found,) = train([a_lesson], hidden=HIDDEN, epochs=3, rng=np.random.default_rng(0))
    np.testing.assert_allclose(found.predict(4, a_lesson.x_validation), found.on_validation[4])
