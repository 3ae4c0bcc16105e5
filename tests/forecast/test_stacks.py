"""Heads that are fitted side by side: each is what it is alone."""

import numpy as np
import pytest

from cch_audit.forecasting.softmax import fit
from cch_audit.forecasting.stacks import Stack, fit_stack
from tests.forecast.worlds import draw_world


@pytest.mark.parametrize(("n_classes", "most"), [(2, None), (3, None), (5, None), (5, 3000)])
def test_heads_side_by_side_are_those_fitted_alone(monkeypatch, n_classes, most):
    if most is not None:
        monkeypatch.setattr("cch_audit.forecasting.stacks.MOST_NUMBERS", most)  # several turns
    drawn = [draw_world(n, d, n_classes, seed=n) for n, d in ((60, 3), (75, 4), (90, 2))]
    lessons = [one.lesson(2.0, 0.5) for one in drawn]
    stack = Stack.of([one.x for one in drawn], [one.y for one in drawn], n_classes)
    taught = stack.taught([lesson.soft for lesson in lessons], 2.0, 0.5)
    together, factors = fit_stack(taught, 0.02, accuracy=1e-14)
    again, _ = fit_stack(taught, 0.02, together, factors, accuracy=1e-14)
    np.testing.assert_allclose(again, together, atol=1e-6)
    for one, lesson, theta in zip(drawn, lessons, together, strict=True):
        alone = fit(one.rows, lesson, 0.02, accuracy=1e-14).theta
        np.testing.assert_allclose(theta[:, : one.x.shape[1]], alone, atol=1e-6)
        assert not theta[:, one.x.shape[1] :].any()  # columns that are not there
    plain, _ = fit_stack(stack, 0.02, accuracy=1e-14)
    alone = fit(drawn[0].rows, drawn[0].lesson(1.0, 0.0), 0.02, accuracy=1e-14).theta
    np.testing.assert_allclose(plain[0][:, : drawn[0].x.shape[1]], alone, atol=1e-6)
