"""Teachers made worse in steps: monotone, with shared random numbers, and known on Gaussians."""

import itertools
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import brentq

from cch_audit.auditing.log_odds import log_odds
from cch_audit.auditing.measurement import predict
from cch_audit.auditing.parts import Parts
from cch_audit.errors import InputError
from cch_audit.estimators.contract import standardize
from cch_audit.results import Sweep
from cch_audit.rows import FloatArray
from cch_audit.sample import Labels, Sample
from cch_audit.settings import AuditSettings, EstimatorSettings, HeadSettings
from cch_audit.simulation import families
from cch_audit.simulation.gaussian import JointGaussian
from cch_audit.sweeping.crossings import trace
from cch_audit.sweeping.degrading import (
    DEGRADERS,
    add_noise,
    degrade_teacher,
    drop_columns,
    flip_labels,
    shuffle_rows,
)
from tests.auditing.whole import audit
from tests.world import world

SHARES = (0.0, 0.2, 0.5, 0.9, 1.0)
HEADS = HeadSettings()


def rng() -> np.random.Generator:
    return np.random.default_rng(3)


def rows(n: int = 200, d: int = 8) -> FloatArray:
    return np.random.default_rng([7, d]).standard_normal((n, d))


def moved(before: FloatArray, after: FloatArray) -> set[int]:
    return set(np.flatnonzero((before != after).reshape(len(before), -1).any(axis=1)).tolist())


def test_noise_is_the_same_at_every_scale() -> None:
    x = rows()
    one, three = (add_noise(x, scale, rng()) - standardize(x) for scale in (1.0, 3.0))
    np.testing.assert_allclose(three, 3 * one, atol=1e-12)
    # 200 rows: the standard deviation of a column has an error of 0.05.
    np.testing.assert_allclose(one.std(axis=0), 1.0, atol=0.2)


def test_noise_is_in_units_of_each_column() -> None:
    x = rows()
    scaled = x * 10.0 ** np.arange(-4, 4) + 5
    np.testing.assert_allclose(add_noise(scaled, 1.0, rng()), add_noise(x, 1.0, rng()), atol=1e-6)


@pytest.mark.parametrize("scale", [1e-300, 1e300])
def test_noise_survives_extreme_numbers(scale: float) -> None:
    assert np.isfinite(add_noise(scale * rows(), 1000.0, rng())).all()


def test_fewer_and_fewer_columns_are_kept() -> None:
    x = rows()
    kept = [{tuple(column) for column in drop_columns(x, share, rng()).T} for share in SHARES]
    assert [len(columns) for columns in kept] == [8, 6, 4, 1, 1]
    for more, fewer in itertools.pairwise(kept):
        assert fewer <= more
    np.testing.assert_array_equal(drop_columns(x, 0.0, rng()), x)


def test_columns_keep_their_order() -> None:
    places = np.arange(8.0)[None]
    for share in SHARES:
        assert (np.diff(drop_columns(places, share, rng())[0]) > 0).all()


def test_more_and_more_rows_move() -> None:
    x = rows()
    changed = [shuffle_rows(x, share, rng()) for share in SHARES]
    for share, after in zip(SHARES, changed):
        assert len(moved(x, after)) == round(share * len(x))
        np.testing.assert_array_equal(np.sort(after, axis=0), np.sort(x, axis=0))
    for fewer, more in itertools.pairwise(changed):
        assert moved(x, fewer) <= moved(x, more)


@pytest.mark.parametrize("n_classes", [2, 5])
def test_a_share_of_the_classes_is_wrong(n_classes: int) -> None:
    y = np.random.default_rng(0).integers(n_classes, size=200)
    flipped = [flip_labels(y, share, rng()) for share in SHARES]
    for share, after in zip(SHARES, flipped):
        assert len(moved(y, after)) == round(share * len(y))
        assert set(after.tolist()) <= set(range(n_classes))
    for fewer, more in itertools.pairwise(flipped):
        # What was wrong stays wrong in the same way.
        wrong = sorted(moved(y, fewer))
        np.testing.assert_array_equal(more[wrong], fewer[wrong])


def test_two_classes_are_exchanged_when_all_are_wrong() -> None:
    y = np.arange(100) % 2
    np.testing.assert_array_equal(flip_labels(y, 1.0, rng()), 1 - y)


def test_the_last_class_never_vanishes() -> None:
    y = np.array([0] * 25 + [1] * 24 + [2])
    for seed in range(50):
        for share in (0.1, 0.5, 0.98, 1.0):
            assert flip_labels(y, share, np.random.default_rng(seed)).max() == 2


def test_numbers_are_exchanged() -> None:
    y = rows(d=2)
    after = flip_labels(y, 0.5, rng())
    assert len(moved(y, after)) == 100
    np.testing.assert_array_equal(np.sort(after, axis=0), np.sort(y, axis=0))


def sample(*, own: bool = False, classes: bool = True) -> Sample:
    """Return the good teacher of the world, whose own predictions know more than its columns."""
    base = world(300)
    labels = base.labels if classes else Labels(base.teachers["good"][:, :1] + rows(300, 1))
    known = labels.values[:, None] + 0.5 * rows(300, 1)
    return replace(
        base,
        teachers={"good": base.teachers["good"]},
        labels=labels,
        predictions={"good": known, "student": known} if own else {},
    )


@pytest.mark.parametrize("varied", DEGRADERS)
def test_an_unchanged_teacher_keeps_its_name_and_its_columns(varied: str) -> None:
    found = degrade_teacher(sample(), varied, (0.0, 0.5), HEADS, 0)
    assert list(found.teachers) == ["good", f"good, {varied.replace('_', ' ')} 0.5"]
    np.testing.assert_array_equal(found.teachers["good"], sample().teachers["good"])
    assert found.predictions == {}
    assert found.source.notes == ()


def test_steps_that_hardly_differ_have_names_of_their_own() -> None:
    steps = (0.1, 0.100000000001, 1.0)
    found = degrade_teacher(sample(), "noise", steps, HEADS, 0)
    assert list(found.teachers) == [
        "good, noise 0.1",
        "good, noise 0.100000000001",
        "good, noise 1",
    ]


def test_no_step_depends_on_the_others() -> None:
    alone = degrade_teacher(sample(), "noise", (2.0, 3.0), HEADS, 5)
    beside = degrade_teacher(sample(), "noise", (0.0, 1.0, 2.0), HEADS, 5)
    other = degrade_teacher(sample(), "noise", (2.0, 3.0), HEADS, 6)
    name = "good, noise 2"
    np.testing.assert_array_equal(alone.teachers[name], beside.teachers[name])
    assert (alone.teachers[name] != other.teachers[name]).all()


def test_own_predictions_are_shuffled_with_the_rows() -> None:
    base = sample(own=True)
    found = degrade_teacher(base, "shuffle_rows", (0.0, 0.5), HEADS, 0)
    name = "good, shuffle rows 0.5"
    np.testing.assert_array_equal(found.predictions["good"], base.predictions["good"])
    assert moved(base.predictions["good"], found.predictions[name]) == moved(
        base.teachers["good"], found.teachers[name]
    )
    np.testing.assert_array_equal(found.predictions["student"], base.predictions["student"])


@pytest.mark.parametrize("varied", ["noise", "drop_columns"])
def test_own_predictions_do_not_outlive_the_columns(varied: str) -> None:
    found = degrade_teacher(sample(own=True), varied, (0.0, 0.5), HEADS, 0)
    title = varied.replace("_", " ")
    assert list(found.teachers) == [f"good, {title} 0", f"good, {title} 0.5"]
    assert list(found.predictions) == ["student"]
    assert "predictions that the file has for good are not used" in found.source.notes[-1]


def misled(base: Sample) -> list[FloatArray]:
    """Return what the head says when none, half and all of its labels are wrong."""
    found = degrade_teacher(base, "flip_labels", (0.0, 0.5, 1.0), HEADS, 0)
    assert all(columns is base.teachers["good"] for columns in found.teachers.values())
    return [found.predictions[name] for name in found.teachers]


@pytest.mark.parametrize("classes", [True, False])
def test_a_head_of_right_labels_is_that_of_an_audit(classes: bool) -> None:
    base = sample(classes=classes)
    own = predict(base, Parts(None, EstimatorSettings(), 0), 1)["good"]
    right = misled(base)[0]
    np.testing.assert_allclose(log_odds(right) if classes else right, own, rtol=1e-12)


def test_wrong_classes_turn_the_head_round() -> None:
    right, half, wrong = misled(sample())
    # Two columns: one would be read as a probability where it lies between 0 and 1.
    assert {said.shape for said in (right, half, wrong)} == {(300, 2)}
    np.testing.assert_allclose(wrong, -right, atol=1e-6)
    assert np.abs(half).mean() < 0.5 * np.abs(right).mean()


def test_wrong_numbers_leave_the_head_less_to_say() -> None:
    right, half, wrong = misled(sample(classes=False))
    spreads = [float(said.std()) for said in (right, half, wrong)]
    assert spreads[0] > 1.5 * spreads[1] > 3 * spreads[2]


def test_a_single_column_cannot_be_dropped() -> None:
    base = replace(sample(), teachers={"one": rows(300, 1)})
    with pytest.raises(InputError, match="'one' has a single column"):
        degrade_teacher(base, "drop_columns", (0.0, 0.5), HEADS, 0)
    for varied in ("noise", "shuffle_rows"):
        found = degrade_teacher(base, varied, (0.0, 1.0), HEADS, 0)
        assert {x.shape for x in found.teachers.values()} == {(300, 1)}


def with_noise(model: JointGaussian, scale: float) -> JointGaussian:
    """Return the population whose teacher has noise of `scale` standard deviations per column.

    S11 becomes S11 + scale^2 diag(S11), and the teacher predicts E[y | x1 + noise].
    """
    covariance = model.covariance.copy()
    diagonal = np.arange(model.p1)
    covariance[diagonal, diagonal] *= 1 + scale**2
    return JointGaussian(covariance, model.p1, model.p2)


GAPS: dict[str, Callable[[JointGaussian], float]] = {
    "predictions": lambda m: m.predictions_teacher_student - m.predictions_student_labels,
    "representations": lambda m: m.teacher_student - m.student_labels,
}
STEPS = (0.4, 0.6, 0.8, 1.0, 1.2, 1.4)
"""Close to each other where the gap passes zero, because it is no straight line."""


def exact_sweep(estimator: str, seed: int, n: int = 3000) -> tuple[JointGaussian, Sweep]:
    """Return the exact family with k = 0.5 and a sweep of its rows."""
    model = families.exact(0.5, 0.6, 4, 4, np.random.default_rng(seed))
    drawn = model.sample(n, np.random.default_rng([seed, 1]))
    swept = degrade_teacher(drawn, "noise", STEPS, HEADS, seed)
    settings = AuditSettings(estimator=(estimator,), resamples=500)
    audits = audit(swept, settings, EstimatorSettings(), seed)
    return model, trace(audits, "noise", "teacher", STEPS, 0.0)


def covers(model: JointGaussian, sweep: Sweep, level: str) -> bool:
    """Return whether the crossing's interval holds the one of the closed form."""
    true = brentq(lambda scale: GAPS[level](with_noise(model, scale)), 0.0, 2.0)
    found = sweep.gap_crossings[level]
    assert found is not None
    low = STEPS[0] if found.low is None else found.low
    high = STEPS[-1] if found.high is None else found.high
    # An interval that says nothing would cover too.
    assert high - low < 0.6
    return low <= true <= high


@pytest.mark.slow
@pytest.mark.parametrize("estimator", ["ksg", "gaussian"])
def test_the_gap_passes_zero_where_the_closed_form_does(estimator: str) -> None:
    model, sweep = exact_sweep(estimator, seed=0)
    assert covers(model, sweep, "predictions")
    assert covers(model, sweep, "representations")


def test_without_noise_the_closed_form_is_that_of_the_family() -> None:
    model = families.exact(0.5, 0.6, 4, 4, np.random.default_rng(0))
    for gap in GAPS.values():
        assert gap(with_noise(model, 0.0)) == pytest.approx(gap(model))


@pytest.mark.slow
@pytest.mark.parametrize("estimator", ["ksg", "gaussian"])
def test_the_interval_of_the_crossing_covers(estimator: str) -> None:
    sweeps = [exact_sweep(estimator, seed) for seed in range(30)]
    for level in GAPS:
        # Of 30 intervals that cover with probability 0.95, fewer than 25 do so in 0.3 % of tests.
        assert sum(covers(model, sweep, level) for model, sweep in sweeps) >= 25
