"""The terms of the expansion, against a slow reference, and what rows contribute to them."""

from dataclasses import replace

import numpy as np
import pytest

from cch_audit.forecasting import sums
from cch_audit.forecasting.softmax import Rows, fit
from cch_audit.forecasting.terms import expand
from tests.forecast.reference import reference_terms
from tests.forecast.worlds import draw_world

PENALTY = 0.01
CELLS = [(1.0, 0.0), (2.0, 0.3), (4.0, 0.7)]


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize(("n_classes", "group_size"), [(2, 1), (4, 1), (3, 5)])
def test_terms_are_those_of_the_slow_reference(cell, n_classes, group_size):
    world = draw_world(120, 3, n_classes, seed=1, group_size=group_size)
    lesson = world.lesson(*cell)
    fitted = fit(world.rows, lesson, PENALTY)
    found = expand(world.rows, lesson, PENALTY, fitted, world.units)
    full = sums.contrasts(n_classes) @ fitted.theta
    expected = reference_terms(world.x, world.y, world.teacher, cell, PENALTY, full, world.units)
    # Rounding, enlarged by the inverse of a gauge of 1e-6 in the reference.
    for name in ("loss", "optimism", "noise", "shrinkage"):
        assert getattr(found, name) == pytest.approx(getattr(expected, name), rel=1e-8, abs=1e-8)


@pytest.mark.parametrize("cell", CELLS)
def test_the_fit_is_a_minimum(cell):
    world = draw_world(200, 4, 3, seed=2)
    lesson = world.lesson(*cell)
    fitted = fit(world.rows, lesson, PENALTY)
    theta, state = fitted.theta, fitted.state
    slope = (state.gradient(lesson) @ sums.contrasts(3)).T @ world.x / 200
    slope[:, 1:] += PENALTY * theta[:, 1:]
    assert np.abs(slope).max() < 1e-7


@pytest.mark.parametrize("group_size", [1, 4])
@pytest.mark.parametrize("cell", CELLS)
def test_influences_are_what_leaving_rows_out_changes(cell, group_size):
    n, n_blocks = 800, 20
    world = draw_world(n, 3, 3, seed=3, group_size=group_size)
    lesson = world.lesson(*cell)
    fitted = fit(world.rows, lesson, PENALTY)
    whole = expand(world.rows, lesson, PENALTY, fitted, world.units, influence=True)
    limits, influences = [], []
    for block in np.array_split(np.arange(n), n_blocks):
        kept = np.setdiff1d(np.arange(n), block)
        rows, known = world.rows.take(kept), lesson.take(kept)
        units = None if world.units is None else world.units[kept]
        left = expand(rows, known, PENALTY, fit(rows, known, PENALTY, fitted.theta), units)
        # The correction by C and Q stays that of all rows: only what is estimated changes.
        left = replace(left, n_rows=n)
        scale = len(kept) / len(block)
        limits.append((whole.limit - left.limit) * scale)
        influences.append(whole.influence.limit[block].mean())
    # Second derivatives are left out: one part in forty or so at a twentieth of the rows.
    assert np.corrcoef(limits, influences)[0, 1] > 0.999
    assert np.polyfit(influences, limits, 1)[0] == pytest.approx(1, abs=0.06)


def test_rows_in_any_order_and_classes_of_any_name_have_the_same_terms():
    world = draw_world(150, 3, 3, seed=4)
    lesson = world.lesson(2.0, 0.5)
    whole = expand(world.rows, lesson, PENALTY, fit(world.rows, lesson, PENALTY))
    rng = np.random.default_rng(0)
    order, names = rng.permutation(150), rng.permutation(3)
    moved = replace(lesson.take(order), y=names[world.y[order]])
    soft = np.empty_like(lesson.soft)
    soft[:, names] = lesson.soft[order]
    moved, rows = replace(moved, soft=soft), Rows.of(world.x[order])
    again = expand(rows, moved, PENALTY, fit(rows, moved, PENALTY))
    for name in ("loss", "optimism", "noise", "shrinkage"):
        assert getattr(again, name) == pytest.approx(getattr(whole, name), rel=1e-6)


def test_second_derivatives_of_some_rows_leave_the_fit_as_it_is():
    world = draw_world(600, 3, 3, seed=5)
    lesson = world.lesson(2.0, 0.5)
    fitted = fit(world.rows, lesson, PENALTY)
    some = Rows.of(world.x, np.arange(0, 600, 3))
    again = fit(some, lesson, PENALTY)
    np.testing.assert_allclose(again.theta, fitted.theta, atol=1e-6)
    whole, part = (
        expand(rows, lesson, PENALTY, fitted, influence=True) for rows in (world.rows, some)
    )
    assert part.loss == whole.loss
    assert part.noise == pytest.approx(whole.noise, rel=0.3)
    assert part.influence.limit.shape == (600,)
