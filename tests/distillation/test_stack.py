from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy, kl_div, log_softmax, mse_loss, softmax

from cch_audit.distillation.arms import BASELINE, DISTILLED, Cells, Grid, plan_cells
from cch_audit.distillation.metrics import validation_loss
from cch_audit.distillation.stack import LEARNING_RATE, _classes, _numbers, _start
from cch_audit.distillation.stack import train_heads as train
from cch_audit.estimators.networks import torch_generator

from .lessons import every_cell, lesson, some_cells

CLOSE = {"atol": 2e-5, "rtol": 0}
"""Outputs of order 1 in single precision: rounding of 1e-7 grows to 1e-6 in a hundred steps."""


def train_heads(a_lesson, cells, hidden=0, epochs=5, seed=0):
    return train(a_lesson, cells, hidden=hidden, epochs=epochs, rng=np.random.default_rng(seed))


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


def plain_outputs(a_lesson, cells, hidden, epochs, seed):
    """Train every head by itself with PyTorch's modules: the same start, the same batches."""
    generator = torch_generator(np.random.default_rng(seed))
    n_sets, n_rows, d = a_lesson.x.shape
    k = a_lesson.soft.shape[-1]
    widths = (d, hidden, k) if hidden else (d, k)
    start = [part.detach().clone() for part in _start(n_sets, len(cells), widths, generator)]
    batch = {150: 18, 1100: 128}[n_rows]  # 8 batches an epoch, of 128 at most
    orders = [torch.rand(n_sets, n_rows, generator=generator).argsort(dim=1) for _ in range(epochs)]
    x, y, soft = tensor(a_lesson.x), tensor(a_lesson.y), tensor(a_lesson.soft)
    y_validation = tensor(a_lesson.y_validation)
    found = [np.empty((n_sets, len(cells), rows, k)) for rows in (60, 40)]
    for chosen, cell in np.ndindex(n_sets, len(cells)):
        linears = [nn.Linear(*pair) for pair in pairwise(widths)]
        for linear, weight, bias in zip(linears, start[::2], start[1::2]):
            shape = (n_sets, len(cells), linear.out_features)
            linear.weight.data = weight.view(*shape, -1)[chosen, cell].clone()
            linear.bias.data = bias.view(shape)[chosen, cell].clone()
        head = nn.Sequential(linears[0], nn.ReLU(), linears[1]) if hidden else linears[0]
        optimizer = torch.optim.Adam(head.parameters(), lr=LEARNING_RATE)
        lowest = np.inf
        for order in orders:
            for rows in order[chosen, : n_rows // batch * batch].split(batch):
                loss = literal_loss(
                    head(x[chosen, rows]),
                    y[chosen, rows],
                    soft[chosen, rows, cell],
                    float(cells.temperature[cell]),
                    float(cells.weight[cell]),
                )
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                for linear in linears:
                    linear.weight.data *= 1 - LEARNING_RATE * float(cells.penalty[cell])
            with torch.no_grad():
                outputs = [
                    head(tensor(part[chosen])) for part in (a_lesson.x_validation, a_lesson.new)
                ]
            if label_loss(outputs[0], y_validation) < lowest:
                lowest = label_loss(outputs[0], y_validation)
                for array, values in zip(found, outputs):
                    array[chosen, cell] = values.numpy()
    return found


@pytest.mark.slow
@pytest.mark.parametrize("hidden", [0, 7])
@pytest.mark.parametrize("classes", [True, False])
@pytest.mark.parametrize("n", [150, 1100])
def test_training_is_the_documented_one(classes, hidden, n):
    cells = every_cell(classes)
    a_lesson = lesson(cells, classes, n=n)  # a few rows are left over and wait for the next epoch
    stacked = train_heads(a_lesson, cells, hidden, epochs=10, seed=3)
    for found, expected in zip(stacked, plain_outputs(a_lesson, cells, hidden, 10, 3)):
        np.testing.assert_allclose(found, expected, **CLOSE)
        assert found.std(axis=1).mean() > 0.05  # the cells have gone different ways


@pytest.mark.parametrize("classes", [True, False])
def test_gradient_is_that_of_the_documented_loss(classes):
    cells = every_cell(classes)
    a_lesson = lesson(cells, classes)
    slope, wanted = (_classes if classes else _numbers)(a_lesson, cells)
    outputs = 3 * torch.randn(2, len(cells), 3, 150, generator=torch.Generator().manual_seed(0))
    found = (slope(outputs) - wanted.permute(0, 2, 3, 1)) / 150
    y, soft = torch.from_numpy(a_lesson.y), torch.from_numpy(a_lesson.soft)
    for chosen, cell in np.ndindex(2, len(cells)):
        at = outputs[chosen, cell].T.double().requires_grad_()
        temperature, weight = cells.temperature[cell], cells.weight[cell]
        literal_loss(at, y[chosen], soft[chosen, :, cell], temperature, weight).backward()
        # Single precision of numbers up to 10, over 150 rows.
        torch.testing.assert_close(found[chosen, cell].T.double(), at.grad, atol=1e-7, rtol=1e-5)


@pytest.mark.parametrize("hidden", [0, 7])
@pytest.mark.parametrize("classes", [True, False])
def test_cell_in_a_stack_equals_the_cell_alone(classes, hidden):
    cells = every_cell(classes)
    a_lesson = lesson(cells, classes)
    together = train_heads(a_lesson, cells, hidden)
    for number in range(len(cells)):
        one = np.array([number])
        by_itself = replace(a_lesson, soft=a_lesson.soft[:, :, one])
        for found, alone in zip(together, train_heads(by_itself, some_cells(cells, one), hidden)):
            np.testing.assert_allclose(found[:, one], alone, **CLOSE)


@pytest.mark.parametrize("hidden", [0, 7])
def test_data_sets_share_nothing(hidden):
    cells = every_cell(True)
    a_lesson = lesson(cells, True)
    x = a_lesson.x.copy()
    x[1] += 1
    before, after = (
        train_heads(one, cells, hidden)[1] for one in (a_lesson, replace(a_lesson, x=x))
    )
    np.testing.assert_array_equal(before[0], after[0])
    assert (before[1] != after[1]).any()


@pytest.mark.parametrize("hidden", [0, 7])
@pytest.mark.parametrize("n_sets", [1, 2])
def test_cells_of_a_data_set_start_equal(hidden, n_sets):
    cells = every_cell(True)
    _, start = train_heads(lesson(cells, True, n_sets=n_sets), cells, hidden, epochs=0)
    for cell in range(1, len(cells)):
        np.testing.assert_allclose(start[:, cell], start[:, 0], **CLOSE)
    assert start[:, 0].std() > 0.1
    if n_sets == 2:
        assert np.abs(start[0, 0] - start[1, 0]).max() > 0.1


@pytest.mark.parametrize("hidden", [0, 7])
@pytest.mark.parametrize("n_sets", [1, 2])
def test_cells_with_the_same_lesson_stay_equal(hidden, n_sets):
    # Weight 0 is the baseline, whatever the temperature and the teacher.
    cells = plan_cells((BASELINE, DISTILLED), Grid((1.0, 4.0), (0.0,)), classes=True)
    outputs, _ = train_heads(lesson(cells, True, n_sets=n_sets), cells, hidden)
    for cell in (1, 2):
        np.testing.assert_allclose(outputs[:, cell], outputs[:, 0], **CLOSE)


def test_weights_are_drawn_as_linear_layers_draw_them():
    first, _, second, _ = _start(50, 3, (16, 32, 4), torch.Generator().manual_seed(0))
    for weight, inputs in ((first, 16), (second, 32)):
        bound = inputs**-0.5
        assert weight.abs().max() <= bound
        # Variance of a uniform on +-bound; at least 6400 draws, so 5 % is four standard errors.
        assert float(weight.detach().var()) == pytest.approx(bound**2 / 3, rel=0.05)


@pytest.mark.slow
@pytest.mark.parametrize("hidden", [0, 16])
def test_best_epoch_on_validation_rows_is_kept(hidden):
    cells = every_cell(True)
    # Twenty-five rows in thirty columns: learned by heart after some epochs.
    a_lesson = lesson(cells, True, n=25, d=30)
    budgets = [1, 5, 60, 100]
    outputs = [train_heads(a_lesson, cells, hidden, epochs)[0] for epochs in budgets]
    losses = np.array([validation_loss(a_lesson.y_validation, one) for one in outputs])
    # More epochs never hurt, up to the rounding of single precision.
    assert (np.diff(losses, axis=0) <= 1e-6).all()
    assert losses[0, 0, 0] - losses[1, 0, 0] > 0.05  # the first epoch was not the best one
    np.testing.assert_array_equal(outputs[3][:, 0], outputs[2][:, 0])  # nor the last 40


def test_penalty_shrinks_the_weights_of_its_own_cell():
    penalty = np.array([0.0, 0.0, 1.0, 10.0])
    cells = Cells(("any",) * 4, np.ones(4), np.zeros(4), penalty)
    # Outputs on unit vectors, less those on the origin, are the weights.
    ask = np.vstack([np.eye(4), np.zeros((1, 4))])[None]
    a_lesson = lesson(cells, False, n_sets=1)
    # Validated on what it learns, no head stops early.
    a_lesson = replace(a_lesson, x_validation=a_lesson.x, y_validation=a_lesson.y[0], new=ask)
    _, new = train_heads(a_lesson, cells, epochs=40)
    sizes = ((new[:, :, :4] - new[:, :, 4:]) ** 2).sum(axis=(2, 3))
    np.testing.assert_allclose(sizes[:, 1], sizes[:, 0], rtol=1e-4)
    assert (sizes[:, 2] < 0.95 * sizes[:, 0]).all()
    assert (sizes[:, 3] < 0.7 * sizes[:, 2]).all()
    _, without = train_heads(a_lesson, replace(cells, penalty=np.zeros(4)), epochs=40)
    np.testing.assert_allclose(new[:, :2], without[:, :2], **CLOSE)


def test_teacher_is_followed():
    cells = plan_cells((BASELINE, DISTILLED), Grid((2.0,), (0.9,)), classes=True)
    a_lesson = lesson(cells, True, n=300)
    # The teacher names every class as the next one, and so do the validation rows.
    wrong = (a_lesson.y + 1) % 3
    a_lesson = replace(
        a_lesson,
        soft=np.repeat(8 * np.eye(3)[wrong][:, :, None], 2, axis=2),
        x_validation=np.stack([a_lesson.x[0]] * 2),
        y_validation=wrong[0],
    )
    outputs, _ = train_heads(a_lesson, cells, epochs=20)
    accuracy = (outputs[0].argmax(axis=-1) == wrong[0]).mean(axis=-1)
    # Three classes that overlap: a head that learns a naming has about .7 of it.
    assert accuracy[1] > 0.6
    assert accuracy[0] < accuracy[1] - 0.1


@pytest.mark.parametrize("hidden", [0, 7])
@pytest.mark.parametrize("classes", [True, False])
def test_deterministic(classes, hidden):
    cells = every_cell(classes)
    a_lesson = lesson(cells, classes)
    first, second, other = (
        train_heads(a_lesson, cells, hidden, seed=seed)[1] for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(first, second)
    assert (first != other).any()


@pytest.mark.parametrize("hidden", [0, 7])
def test_class_without_training_rows(hidden):
    cells = every_cell(True)
    a_lesson = lesson(cells, True)
    y = np.where(a_lesson.y == 2, 0, a_lesson.y)
    assert (a_lesson.y_validation == 2).any()
    for outputs in train_heads(replace(a_lesson, y=y), cells, hidden, epochs=30):
        assert np.isfinite(outputs).all()


@pytest.mark.parametrize("hidden", [0, 7])
@pytest.mark.parametrize("n", [5, 8, 127, 129])
def test_any_number_of_rows(hidden, n):
    cells = every_cell(True)
    for outputs in train_heads(lesson(cells, True, n=n), cells, hidden):
        assert np.isfinite(outputs).all()


@pytest.mark.parametrize("hidden", [0, 7])
def test_certain_teachers_and_constant_columns_stay_finite(hidden):
    cells = every_cell(True)
    a_lesson = lesson(cells, True)
    x = a_lesson.x.copy()
    x[:, :, 1] = 0
    hostile = replace(a_lesson, x=x, soft=1e6 * a_lesson.soft)
    for outputs in train_heads(hostile, cells, hidden, epochs=30):
        assert np.isfinite(outputs).all()
        assert np.abs(outputs).max() < 100
