"""The worlds of forecasts, and how forecasts are summed up."""

import numpy as np
import pytest

from tests.bench.forecast import summarize
from tests.bench.retraining import Retrained, held_out, worlds


def test_worlds_have_names_of_their_own():
    for of_kind in (worlds(), held_out()):
        names = [world.name for world in of_kind]
        assert len(set(names)) == len(names)
    assert len(list(worlds())) >= 108


@pytest.mark.parametrize("teacher", ["good", "nuisance", "permuted"])
def test_samples_are_reproducible(teacher):
    world = Retrained(3, 4, 50, teacher, group_size=2, imbalance=1.0, heavy=True)
    first, second = (world.sample(30, np.random.default_rng(1)) for _ in range(2))
    np.testing.assert_array_equal(first.student, second.student)
    np.testing.assert_array_equal(first.labels.values, second.labels.values)
    assert set(first.predictions) == ({"teacher"} if teacher == "permuted" else set())


def a_cell(estimates: list[list[float]], outcomes: list[str]) -> dict[str, object]:
    forecasts = [
        {
            "estimate": row,
            "low": [value - 0.02 for value in row],
            "high": [value + 0.02 for value in row],
            "interval": [min(row) - 0.03, min(row) + 0.03],
            "outcome": outcome,
            "cpu_seconds": 1.0,
        }
        for row, outcome in zip(estimates, outcomes, strict=True)
    ]
    truth, error = [-0.1, 0.1], [0.001, 0.001]
    return {"world": "w", "truth": truth, "truth_error": error, "forecasts": forecasts}


def test_a_summary_counts_signs_covers_and_false_outcomes():
    found = summarize([a_cell([[-0.1, 0.1], [0.1, -0.1]], ["helps", "helps"])])
    assert found["sign"] == 0.5
    assert found["covers"] == 0.5
    assert found["covers_choice"] == 0.5
    assert found["decided"] == 1.0
    assert found["false"] == 0.5
    assert found["regret"] == 1.0
    perfect = summarize([a_cell([[-0.1, 0.1]], ["undecided"])])
    assert perfect["r"] == pytest.approx(1)
    assert perfect["slope"] == pytest.approx(1)
    assert perfect["slope_of_forecast"] == pytest.approx(1)
    assert perfect["size"] == pytest.approx(0)
    assert perfect["false"] is None


def test_a_summary_is_of_the_sizes_that_are_asked():
    cells = [a_cell([[-0.1, 0.1]], ["undecided"])]
    assert summarize(cells, 0.2) is None
    assert summarize(cells, 0.05, 0.2)["worlds"] == 1
