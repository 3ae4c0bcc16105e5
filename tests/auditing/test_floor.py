"""The floor: data processing gives a gap that no estimate may be below."""

import warnings
from dataclasses import replace

import numpy as np
import pytest
from samplers import Family, Gaussian, audited, gaussian_information

from cch_audit.auditing.floor import measure_floor
from cch_audit.auditing.parts import Parts
from cch_audit.auditing.verdict import hold_to_floor
from cch_audit.estimators import MineSettings
from cch_audit.settings import AuditSettings, EstimatorSettings
from tests.auditing.whole import audit
from tests.bench.worlds import WORLDS

SETTINGS = AuditSettings(estimator=("ksg",), resamples=500, surrogates=1, jobs=1)
N = 1000


def floor(sample, prediction):
    parts = Parts(sample.dependence, EstimatorSettings(), 0)
    return measure_floor(sample.student, prediction, sample, SETTINGS, parts)


def classes(n: int = N, k: int = 3, groups=None):
    rng = np.random.default_rng(0)
    y = rng.integers(k, size=n)
    return audited({}, 2.0 * np.eye(k)[y] + rng.standard_normal((n, k)), y, groups)


def scores(codes: np.ndarray) -> np.ndarray:
    return 5.0 * np.eye(3)[codes]


def test_a_teacher_that_knows_the_class_has_a_floor_of_zero():
    found = floor(classes(), scores(classes().labels.values))
    assert (found.estimate, found.low, found.high) == (0.0, 0.0, 0.0)


@pytest.mark.slow
def test_a_teacher_that_knows_nothing_leaves_the_whole_information_of_the_labels():
    sample = classes()
    guesses = np.random.default_rng(1).integers(3, size=N)
    found = floor(sample, scores(guesses))
    own = audit(
        audited({"teacher": np.random.default_rng(2).standard_normal((N, 2))}, sample.student,
                sample.labels.values),
        SETTINGS, EstimatorSettings(), 0,
    )[0].levels["representations"].estimators["ksg"].student_labels  # fmt: skip
    assert found.estimate == pytest.approx(-own.estimate, abs=3 * found.standard_error)
    assert found.high < -0.3


def test_one_column_of_log_odds_is_two_classes():
    rng = np.random.default_rng(0)
    y = rng.integers(2, size=N)
    sample = audited({}, 2.0 * y[:, None] + rng.standard_normal((N, 1)), y)
    assert floor(sample, np.where(y == 1, 3.0, -3.0)[:, None]).estimate == 0.0
    # Classes that change their names are predicted as well as before.
    assert floor(sample, np.where(y == 1, -3.0, 3.0)[:, None]).estimate == pytest.approx(
        0, abs=0.02
    )


@pytest.mark.parametrize("n_rare", [0, 1, 4, 6])
@pytest.mark.parametrize("in_groups", [False, True])
def test_classes_predicted_for_few_rows(n_rare, in_groups):
    """Also where the rows of a class are of one group, so that half of the rows lack it."""
    codes = np.zeros(N, dtype=int)
    codes[:n_rare] = 2
    sample = classes(groups=np.arange(N) // 10 if in_groups else None)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = floor(sample, scores(codes))
    assert found.low <= found.estimate <= found.high < -0.3


def test_targets_that_are_predicted_without_noise_put_the_floor_above_zero():
    """I(p(T); S) - I(Y; S) of correlations .6 and .5."""
    rng = np.random.default_rng(0)
    s, p = Gaussian((0.6,), 1, 1).sample(4000)
    y = 0.5 * s / s.std() + np.sqrt(0.75) * rng.standard_normal(s.shape)
    truth = gaussian_information((0.6,)) - gaussian_information((0.5,))
    found = floor(audited({}, s, y), p)
    assert found.estimate == pytest.approx(truth, abs=4 * found.standard_error)


@pytest.mark.slow
def test_an_estimator_that_misses_clusters_does_not_fail_a_teacher_that_is_the_class():
    sample = WORLDS["zero, clusters"].sample(300, 0)
    brief = EstimatorSettings((MineSettings(n_seeds=1, max_steps=5),))
    settings = AuditSettings(estimator=("mine",), resamples=500, surrogates=1, jobs=1)
    level = audit(sample, settings, brief, 0)[0].levels["representations"]
    found = level.estimators["mine"]
    assert found.gap.high < 0
    assert level.floor is not None
    assert level.floor.estimate == 0.0
    assert (found.verdict, found.verdict_interval.high) == ("undecided", 0.0)
    assert "below_floor" in found.flags
    assert "floor" in found.reason


def test_predicted_targets_have_no_floor_where_they_are_compared():
    (one,) = audit(Family(2.0).sample(2000), SETTINGS, EstimatorSettings(), 0)
    assert one.verdict == "fail"
    assert one.levels["predictions"].floor is None


def test_no_floor_is_measured_where_nothing_may_fail():
    (one,) = audit(Family(0.4).sample(N), SETTINGS, EstimatorSettings(), 0)
    results = one.levels["representations"].estimators
    assert one.verdict == "pass"
    assert hold_to_floor(results, lambda: pytest.fail("was measured"), 0.0) == (results, None)


def test_own_predictions_that_know_more_than_the_representation_make_no_floor_there():
    sample = Family(2.0).sample(2000)
    y = sample.labels.values
    (one,) = audit(replace(sample, predictions={"teacher": y}), SETTINGS, EstimatorSettings(), 0)
    assert one.levels["representations"].verdict == "fail"
