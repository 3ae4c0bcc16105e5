from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import log_softmax, softmax

from cch_audit.distillation import softmax as heads
from cch_audit.distillation.arms import Cells, baseline_cells
from cch_audit.distillation.softmax import fit_heads

from .lessons import every_cell, lesson

CLOSE = 2e-6
"""Nats above the least loss: single precision of sums over rows."""


def with_ones(x):
    return np.hstack([x, np.ones((len(x), 1))])


def loss(a_lesson, cell, weights):
    """The penalised loss as the report writes it, and its gradient, in double precision."""
    cells, x = a_lesson.cells, with_ones(a_lesson.x)
    temperature, weight = cells.temperature[cell], cells.weight[cell]
    labels = np.eye(a_lesson.n_outputs)[a_lesson.y]
    soft = softmax(a_lesson.soft[a_lesson.soft_of[cell]] / temperature, axis=1)
    weights = weights.reshape(a_lesson.n_outputs, -1)
    z = x @ weights.T
    apart = np.log(np.maximum(soft, 1e-300)) - log_softmax(z / temperature, axis=1)
    each = -(1 - weight) * (labels * log_softmax(z, axis=1)).sum(axis=1)
    each += weight * temperature**2 * (soft * apart).sum(axis=1)
    free = np.hstack([weights[:, :-1], np.zeros((len(weights), 1))])
    pull = (1 - weight) * (softmax(z, axis=1) - labels)
    pull += weight * temperature * (softmax(z / temperature, axis=1) - soft)
    slope = pull.T @ x / len(x) + cells.penalty[cell] * free
    return each.mean() + cells.penalty[cell] / 2 * (free**2).sum(), slope.ravel()


def least(a_lesson, cell):
    start = np.zeros(a_lesson.n_outputs * (a_lesson.x.shape[1] + 1))
    options = {"maxiter": 5000, "maxfun": 20_000, "ftol": 1e-15, "gtol": 1e-9}
    return minimize(
        lambda w: loss(a_lesson, cell, w), start, jac=True, method="L-BFGS-B", options=options
    ).fun


def reached(a_lesson, found, cell):
    weight, bias = found.layers[0]
    return loss(a_lesson, cell, np.hstack([weight[cell], bias[cell][:, None]]).ravel())[0]


@pytest.mark.parametrize(("n", "d"), [(150, 4), (30, 60)])
@pytest.mark.parametrize("penalty", [1e-3, 0.1])
def test_no_head_could_be_better(n, d, penalty):
    a_lesson = lesson(every_cell(True, penalty), True, n=n, d=d)
    (found,) = fit_heads([a_lesson])
    for cell in range(0, len(a_lesson.cells), 3):
        assert reached(a_lesson, found, cell) <= least(a_lesson, cell) + CLOSE


def test_gradient_is_told():
    a_lesson = lesson(every_cell(True), True)
    (found,) = fit_heads([a_lesson])
    weight, bias = found.layers[0]
    for cell in (0, 5):
        at = np.hstack([weight[cell], bias[cell][:, None]]).ravel()
        norm = np.linalg.norm(loss(a_lesson, cell, at)[1])
        # In principal coordinates the norm is the same; both are rounding by now.
        assert norm == pytest.approx(found.gradient[cell], abs=1e-5)
        assert norm < 1e-3


def test_lessons_share_nothing():
    cells = every_cell(True)
    lessons = [lesson(cells, True, seed=seed, n=n) for seed, n in ((0, 150), (1, 130), (2, 40))]
    for alone, found in zip(lessons, fit_heads(lessons), strict=True):
        (expected,) = fit_heads([alone])
        # Sums are in another order, and the last steps differ by rounding.
        np.testing.assert_allclose(found.on_validation, expected.on_validation, atol=0.02)
        for cell in range(len(cells)):
            assert reached(alone, found, cell) == pytest.approx(
                reached(alone, expected, cell), abs=CLOSE
            )


def test_stacks_that_do_not_fit_into_memory_are_cut(monkeypatch):
    cells = every_cell(True)
    lessons = [lesson(cells, True, seed=seed) for seed in range(3)]
    expected = fit_heads(lessons)
    monkeypatch.setattr(heads, "STACK", 1)
    for alone, found, whole in zip(lessons, fit_heads(lessons), expected, strict=True):
        assert reached(alone, found, 3) == pytest.approx(reached(alone, whole, 3), abs=CLOSE)


def test_weight_zero_is_the_baseline_whatever_the_teacher():
    cells = Cells(("any",) * 3, np.array([1.0, 2.0, 4.0]), np.zeros(3), np.full(3, 0.01))
    (found,) = fit_heads([lesson(cells, True)])
    for cell in (1, 2):
        np.testing.assert_allclose(found.on_validation[cell], found.on_validation[0], atol=1e-5)


def test_a_certain_teacher_and_a_constant_column_stay_finite():
    a_lesson = lesson(every_cell(True), True)
    x = a_lesson.x.copy()
    x[:, 1] = 0
    (found,) = fit_heads([replace(a_lesson, x=x, soft=1e6 * a_lesson.soft)])
    assert np.isfinite(found.on_validation).all()


def test_a_class_without_rows_is_named_rarely():
    cells = baseline_cells((1e-3, 0.1))
    a_lesson = lesson(cells, True)
    y = np.where(a_lesson.y == 2, 0, a_lesson.y)
    (found,) = fit_heads([replace(a_lesson, y=y)])
    assert np.isfinite(found.on_validation).all()
    assert (found.on_validation.argmax(axis=2) < 2).all()


def test_predictions_are_those_on_validation_rows():
    a_lesson = lesson(every_cell(True), True, n=30, d=60)
    (found,) = fit_heads([a_lesson])
    np.testing.assert_allclose(
        found.predict(4, a_lesson.x_validation), found.on_validation[4], atol=1e-12
    )
