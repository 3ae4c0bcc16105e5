"""Forecasts of the heads of networks: which rows train them, and what is then forecast."""

from dataclasses import replace

import numpy as np
import pytest

from cch_audit.errors import InputError
from cch_audit.forecasting.asked import forecast_teachers
from cch_audit.forecasting.layers import to_hidden_layers
from cch_audit.forecasting.options import Options
from cch_audit.sample import Sample
from cch_audit.work.doing import Work
from tests.bench.retraining import Retrained

DEEP = Options(temperatures=(2.0,), weights=(0.5,), refits=3, penalty=0.02, hidden=5, epochs=10)


def a_sample(n: int = 240, teacher: str = "good", **more) -> Sample:
    world = Retrained(3, 4, n // 2, teacher, **more)
    return world.sample(n, np.random.default_rng(1))


def test_rows_that_train_a_network_take_no_further_part():
    sample = a_sample()
    taken, n_training = to_hidden_layers(sample, DEEP)
    assert n_training == 60
    assert taken.n_samples == 120  # a quarter trains, another ends the training
    left = taken.places
    assert taken.student.shape == taken.teachers["teacher"].shape == (120, 5)
    assert (taken.student >= 0).all()
    np.testing.assert_array_equal(taken.labels.values, sample.labels.values[left])


def test_groups_stay_whole_and_own_predictions_as_they_are():
    sample = a_sample(teacher="biased", group_size=4)
    taken, _ = to_hidden_layers(sample, replace(DEEP, labelled_rows=40))
    left = taken.places
    assert not set(sample.groups[left]) & set(np.delete(sample.groups, left))
    np.testing.assert_array_equal(taken.predictions["teacher"], sample.predictions["teacher"][left])


def test_a_forecast_of_networks_says_so_and_knows_no_other_teacher():
    sample = a_sample()
    more = replace(sample, teachers={"other": sample.student, **sample.teachers})
    one, two = (
        forecast_teachers(rows, ["teacher"], DEEP, Work(None), 1)["teacher"]
        for rows in (sample, more)
    )
    assert replace(one, seconds=0.0) == replace(two, seconds=0.0)
    assert one.n_columns == 5
    assert one.notes[0].startswith("`architecture` mlp: the forecast is of heads on the last")
    assert "60 other rows" in one.notes[0]


def test_targets_have_networks_too():
    sample = a_sample()
    numbers = sample.student[:, :1] + 0.5 * sample.teachers["teacher"][:, -1:]
    regression = replace(sample, labels=replace(sample.labels, values=numbers, class_names=()))
    found = forecast_teachers(regression, ["teacher"], DEEP, Work(None), 1)["teacher"]
    assert found.metric == "mse"
    assert found.notes[0].startswith("`architecture` mlp")


def test_too_few_rows_are_refused():
    with pytest.raises(InputError, match="rows for"):
        to_hidden_layers(a_sample(n=20), DEEP)
