from dataclasses import replace

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from cch_audit.distillation.arms import BASELINE, DISTILLED, Cells, Grid, plan_cells
from cch_audit.distillation.least_squares import solve_heads

from .lessons import every_cell, lesson


def mixed_targets(a_lesson, cell):
    weight = a_lesson.cells.weight[cell]
    soft = a_lesson.soft[a_lesson.soft_of[cell]]
    return (a_lesson.y + weight * soft) / (1 + weight)


def with_ones(x):
    return np.hstack([x, np.ones((len(x), 1))])


@pytest.mark.parametrize("d", [4, 200])
@pytest.mark.parametrize("penalty", [1e-4, 0.1, 10.0])
def test_is_ridge_regression_on_the_mixed_target(d, penalty):
    a_lesson = lesson(every_cell(False, penalty), False, d=d)
    (found,) = solve_heads([a_lesson])
    for cell in range(len(a_lesson.cells)):
        ridge = Ridge(alpha=150 * a_lesson.cells.penalty[cell])  # beside the mean of 150 rows
        ridge.fit(a_lesson.x, mixed_targets(a_lesson, cell))
        expected = ridge.predict(a_lesson.x_validation)
        np.testing.assert_allclose(found.on_validation[cell], expected, atol=1e-8)
        np.testing.assert_allclose(found.predict(cell, a_lesson.x_validation), expected, atol=1e-8)


def test_minimises_the_loss_that_is_printed():
    """Without a penalty no other weights have a lower MSE(y) + w MSE(t): the gradient is zero."""
    a_lesson = lesson(every_cell(False, 0.0), False)
    (found,) = solve_heads([replace(a_lesson, x_validation=a_lesson.x)])
    for cell, outputs in enumerate(found.on_validation):
        soft = a_lesson.soft[a_lesson.soft_of[cell]]
        slope = (outputs - a_lesson.y) + a_lesson.cells.weight[cell] * (outputs - soft)
        np.testing.assert_allclose(with_ones(a_lesson.x).T @ slope, 0, atol=1e-9)


def test_repeated_and_constant_columns_change_nothing():
    a_lesson = lesson(every_cell(False, 0.0), False)

    def wider(x):
        return np.concatenate([x, x[:, :1], np.full_like(x[:, :1], 7.0)], axis=1)

    parts = {name: wider(getattr(a_lesson, name)) for name in ("x", "x_validation")}
    (found,), (expected,) = solve_heads([replace(a_lesson, **parts)]), solve_heads([a_lesson])
    np.testing.assert_allclose(found.on_validation, expected.on_validation, atol=1e-9)


def test_weight_zero_is_the_baseline():
    cells = plan_cells((BASELINE, DISTILLED), Grid((1.0,), (0.0,)), False, 0.1)
    (found,) = solve_heads([lesson(cells, False)])
    np.testing.assert_array_equal(found.on_validation[0], found.on_validation[1])


def test_a_perfect_teacher_changes_nothing():
    # The mixed target of y and y is y.
    cells = plan_cells((BASELINE, DISTILLED), Grid((1.0,), (0.3, 0.9)), False, 0.1)
    a_lesson = lesson(cells, False)
    (found,) = solve_heads([replace(a_lesson, soft=a_lesson.y[None], soft_of=np.zeros(3, int))])
    for cell in (1, 2):
        np.testing.assert_allclose(found.on_validation[cell], found.on_validation[0], atol=1e-12)


P, N, N_SETS = 8, 40, 4000
"""Dimensions, training rows, and training sets of the experiment on the risk."""
POPULATIONS = {
    "y = s + e, t = s + e / 2": (1.0, 0.4, 0.1, 0.2),
    "t = s + 2 e": (1.0, 0.4, 1.6, 0.8),
    "t = -s": (-1.0, 0.4, 0.0, 0.0),
    "independent noise": (0.0, 0.4, 1.0, 0.0),
}
"""By name: what the teacher has of s, Var(y | x2), Var(t | x2) and their covariance."""


@pytest.mark.slow
@pytest.mark.parametrize("name", POPULATIONS)
def test_risk_is_that_of_the_closed_form(name):
    """R(w) - R(0) of SCIENCE.md, section 3, for a head with an intercept and no penalty.

    There kappa is p / (n - p - 1); an intercept costs one row of the n, and its own error adds 1/n:
    kappa = (1 + 1/n) p / (n - p - 2) + 1/n.
    """
    part, label_noise, teacher_noise, shared = POPULATIONS[name]
    rng = np.random.default_rng([23, list(POPULATIONS).index(name)])
    b = rng.standard_normal(P)
    b *= np.sqrt(0.6 / (b @ b))
    cells = Cells((BASELINE, *[DISTILLED] * 2), np.ones(3), np.array([0.0, 0.3, 0.9]), np.zeros(3))
    changes = []
    for _ in range(N_SETS):
        x = rng.standard_normal((N, P))
        cov = [[label_noise, shared], [shared, teacher_noise]]
        noise = rng.multivariate_normal([0, 0], cov, size=N)
        y, t = (x @ b + noise[:, 0])[:, None], (part * x @ b + noise[:, 1])[:, None]
        a_lesson = replace(
            lesson(cells, False, n=N, d=P, k=1), x=x, y=y, soft=t[None], soft_of=np.zeros(3, int)
        )
        (found,) = solve_heads([a_lesson])
        weight, bias = found.layers[0]
        risk = ((weight[:, 0] - b) ** 2).sum(axis=1) + bias[:, 0] ** 2
        changes.append(risk[1:] - risk[0])
    kappa = (1 + 1 / N) * P / (N - P - 2) + 1 / N
    apart = (part - 1) ** 2 * 0.6
    big_a = apart + kappa * (teacher_noise - label_noise)
    big_b = kappa * (label_noise - shared)
    weight = cells.weight[1:]
    expected = (weight**2 * big_a - 2 * weight * big_b) / (1 + weight) ** 2
    error = np.std(changes, axis=0, ddof=1) / np.sqrt(N_SETS)
    # Four standard errors of the mean over training sets; eight comparisons.
    assert (np.abs(np.mean(changes, axis=0) - expected) < 4 * error).all()
