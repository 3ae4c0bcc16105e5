"""Forecasts of teachers of classes: what they say, what moves them, and where they say nothing."""

from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest

from cch_audit.errors import InputError
from cch_audit.forecasting.draws import draw_part, others
from cch_audit.forecasting.forecast import forecast_teacher, plan_forecast
from cch_audit.forecasting.options import Options
from cch_audit.reading.load import load_sample
from cch_audit.results.forecast import Forecast
from cch_audit.sample import Labels, Sample
from cch_audit.settings import InputSettings
from tests.bench.retraining import Retrained, retrain

FIXTURES = Path(__file__).parents[2] / "fixtures"
FAST = Options(temperatures=(1.0, 3.0), weights=(0.2, 0.8), refits=3, penalty=0.02)


def forecast(sample: Sample, options: Options = FAST) -> Forecast:
    return forecast_teacher(sample, "teacher", plan_forecast(sample, options))


def a_sample(teacher: str, n: int = 300, n_classes: int = 3, seed: int = 0, **more) -> Sample:
    world = Retrained(n_classes, 3, n // 2, teacher, **more)
    return world.sample(n, np.random.default_rng(seed))


def test_a_forecast_is_whole():
    found = forecast(a_sample("good"))
    assert len(found.cells) == 4
    best = min(found.cells, key=lambda cell: cell.estimate)
    assert (found.temperature, found.weight) == (best.temperature, best.weight)
    assert found.estimate == best.estimate
    assert found.low <= best.low < found.estimate < best.high <= found.high
    assert sum(asdict(found.parts).values()) == pytest.approx(found.estimate, abs=1e-12)
    assert found.relative_change == pytest.approx(found.estimate / found.baseline)
    assert (found.probability > 0.5) == (found.estimate < 0)
    assert set(found.controls) == {"uniform", "shuffled", "shuffled_within_class", "class_means"}
    assert found.labelled_rows == 150
    assert found.metric == "log_loss"
    at_n = next(point for point in found.curve if point.labelled_rows == 150)
    assert at_n.estimate == pytest.approx(found.estimate)


def test_the_same_forecast_twice_and_under_any_other_name():
    sample = a_sample("good")
    renamed = replace(sample, teachers={"x": sample.student, "teacher": sample.teachers["teacher"]})
    one, two = (replace(forecast(rows), seconds=0.0) for rows in (sample, renamed))
    assert one == two


def test_scale_of_columns_and_a_constant_of_logits_change_nothing():
    sample = a_sample("over-confident")
    logits = sample.predictions["teacher"]
    moved = replace(
        sample,
        student=sample.student * [1e-3, 1.0, 50.0] + 7,
        predictions={"teacher": logits + np.arange(len(logits))[:, None]},
    )
    one, two = forecast(sample), forecast(moved)
    assert two.estimate == pytest.approx(one.estimate, rel=1e-6)
    assert two.standard_error == pytest.approx(one.standard_error, rel=1e-6)


def test_probabilities_say_what_their_logits_say():
    sample = a_sample("biased")
    logits = sample.predictions["teacher"]
    chances = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    told = forecast(replace(sample, predictions={"teacher": chances}))
    assert told.estimate == pytest.approx(forecast(sample).estimate, rel=1e-6)


def test_the_chances_behind_the_labels_help_by_transfer_and_permuted_ones_hurt():
    options = replace(FAST, labelled_rows=130)
    sample = a_sample("over-confident", n=600, family=3)
    truth = {"teacher": sample.predictions["teacher"] / 4}
    found = forecast(replace(sample, predictions=truth), options)
    assert (found.outcome, found.source) == ("helps", "transfer")
    assert found.method == "expansion"
    assert forecast(a_sample("permuted", n=600, family=3), options).outcome == "hurts"


def test_a_trained_teacher_is_forecast_with_refits():
    found = forecast(a_sample("good"))
    assert found.method == "refits"
    assert any("train the teacher too" in note for note in found.notes)


def test_few_rows_for_the_parameters_are_refitted():
    found = forecast(a_sample("biased", n=120))
    assert found.method == "refits"
    assert any("few for 8 parameters" in note for note in found.notes)


def withheld(sample: Sample, options: Options = FAST) -> str:
    found = forecast(sample, options)
    assert found.outcome == "undecided"
    return " ".join(found.reasons)


def test_rare_classes_are_left_undecided():
    sample = a_sample("biased")
    y = np.where(np.arange(300) < 5, 2, sample.labels.values % 2)
    said = withheld(replace(sample, labels=Labels(y, sample.labels.class_names)))
    assert "rarest class has 5 rows" in said


def test_two_groups_are_left_undecided():
    groups = np.arange(300) % 2
    assert "groups count as independent" in withheld(replace(a_sample("biased"), groups=groups))


def test_separable_classes_and_a_ceiling_are_left_undecided():
    sample = a_sample("biased", n_classes=2)
    y = np.asarray(sample.labels.values)
    student = np.hstack([sample.student, 8.0 * y[:, None]])
    said = withheld(replace(sample, student=student), replace(FAST, penalty=1e-4))
    assert "separates all rows" in said
    assert "at its ceiling" in said


def test_parameters_without_rows_are_left_undecided():
    sample = a_sample("biased", n=120)
    columns = np.random.default_rng(1).standard_normal((120, 60))
    said = withheld(replace(sample, student=columns), replace(FAST, labelled_rows=40))
    assert "too many for 40 labelled rows" in said


def a_fixture(name: str) -> Sample:
    return load_sample(FIXTURES / f"{name}.h5", InputSettings(), every_teacher=False)


def of_fixture(sample: Sample) -> Forecast:
    (teacher,) = sample.teachers
    return forecast_teacher(sample, teacher, plan_forecast(sample, Options(refits=3)))


def test_real_rows_that_are_too_few_are_left_undecided():
    found = of_fixture(a_fixture("miniacc"))
    assert found.outcome == "undecided"
    assert "parameters are too many for 38 labelled rows" in " ".join(found.reasons)


def test_real_rows_of_two_groups_or_with_a_rare_class_are_left_undecided():
    sample = a_fixture("breast_cancer")
    halves = of_fixture(replace(sample, groups=np.arange(sample.n_samples) % 2))
    assert halves.outcome == "undecided"
    assert "groups count as independent" in " ".join(halves.reasons)
    y = np.asarray(sample.labels.values)
    kept = np.sort(np.append(np.flatnonzero(y == 1), np.flatnonzero(y == 0)[:6]))
    rare = replace(
        sample,
        teachers={name: x[kept] for name, x in sample.teachers.items()},
        student=sample.student[kept],
        labels=replace(sample.labels, values=y[kept]),
        positions=sample.places[kept],
    )
    found = of_fixture(rare)
    assert found.outcome == "undecided"
    assert "rarest class has 6 rows" in " ".join(found.reasons)


def test_columns_beyond_the_limit_are_reduced_and_said(monkeypatch):
    monkeypatch.setattr("cch_audit.forecasting.student.MOST_PARAMETERS", 10)
    sample = a_sample("biased", n_classes=2)
    columns = np.random.default_rng(1).standard_normal((300, 12))
    found = forecast(replace(sample, student=columns))
    assert found.n_columns == 9
    assert found.n_parameters == 10
    assert any("reduced from 12 columns" in note for note in found.notes)


@pytest.mark.parametrize("n", [4, -1])
def test_labelled_rows_that_are_none_are_refused(n):
    with pytest.raises(InputError, match="labelled_rows"):
        forecast(a_sample("biased"), replace(FAST, labelled_rows=n))


def test_labels_of_one_class_are_refused():
    sample = a_sample("biased")
    same = replace(sample, labels=Labels(np.zeros(300, dtype=np.int64), ("a", "b", "c")))
    with pytest.raises(InputError, match="two classes"):
        forecast(same)


def test_rows_of_a_single_group_are_refused():
    grouped = replace(a_sample("biased"), groups=np.zeros(300, dtype=np.int64))
    with pytest.raises(InputError, match="two groups"):
        forecast(grouped)


def test_a_part_leaves_a_group_out():
    units = np.repeat([0, 1, 2], [80, 10, 10])
    for seed in range(10):
        part = draw_part(100, 75, units, np.random.default_rng(seed))
        assert 0 < len(part) < 100
        assert not set(units[part]) & set(units[others(part, 100)])


@pytest.mark.slow
@pytest.mark.parametrize(
    "world",
    [
        Retrained(2, 4, 150, "over-confident"),
        Retrained(3, 3, 60, "good"),
        Retrained(3, 3, 100, "weak", group_size=4),
    ],
    ids=lambda world: world.name,
)
def test_a_forecast_meets_retrained_students(world):
    options = replace(FAST, labelled_rows=world.labelled_rows, refits=8)
    truth = retrain(world, options, options.penalty, 100, seed=1)
    found = forecast(world.sample(600, np.random.default_rng(7)), options)
    for cell, change, error in zip(found.cells, truth.change, truth.standard_error, strict=True):
        # Four standard errors of the forecast and of the retrained mean.
        assert abs(cell.estimate - change) < 4 * np.hypot(cell.standard_error, error)


def test_parts_hold_the_classes_in_proportion():
    y = np.repeat([0, 1, 2], [500, 300, 200])
    for seed in range(20):
        part = draw_part(1000, 50, None, np.random.default_rng(seed), y)
        assert len(np.unique(part)) == 50
        assert np.abs(np.bincount(y[part]) - [25, 15, 10]).max() <= 1
