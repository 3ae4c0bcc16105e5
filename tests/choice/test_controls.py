from dataclasses import replace

import numpy as np
import pytest
from samplers import audited
from threadpoolctl import threadpool_limits

from cch_audit.auditing.log_odds import log_odds
from cch_audit.auditing.measurement import measure, predict
from cch_audit.auditing.parts import Parts
from cch_audit.choice.baselines import score
from cch_audit.choice.controls import add_controls
from cch_audit.settings import AuditSettings, EstimatorSettings

N = 400
LEVELS = ("representations", "predictions")
QUICK = AuditSettings(estimator=("ksg",), resamples=500, surrogates=0, jobs=1)
KINDS = {"binary": 2, "three classes": 3, "number": 1, "two numbers": 2}


def sample_of(kind: str):
    """Return a sample whose teacher `strong` knows the labels better than `weak` does."""
    rng = np.random.default_rng(0)
    shared = rng.standard_normal((N, 3))

    def near(noise):
        return shared + noise * rng.standard_normal(shared.shape)

    y = shared[:, : KINDS[kind]] + 0.3 * rng.standard_normal((N, KINDS[kind]))
    if "number" not in kind:
        y = (y.argmax(axis=1) if KINDS[kind] > 2 else y[:, 0] > 0).astype(np.int64)
    return audited({"weak": near(3.0), "strong": near(0.3)}, near(0.5), y)


def with_controls(sample, jobs=1):
    with threadpool_limits(1):
        found = add_controls(sample, Parts(sample.dependence, EstimatorSettings(), 0), jobs)
        return found, found.controls


def shared_information(sample, names, level):
    """Return I(teacher; student) with its standard error, for each name."""
    with threadpool_limits(1):
        measured = measure(sample, QUICK, Parts(None, EstimatorSettings(), 0))
    found = [measured.teacher_student(level, "ksg", name).estimate for name in names]
    return [(one.value, one.pseudo_values.std() / np.sqrt(N)) for one in found]


@pytest.fixture(scope="module", params=KINDS)
def case(request):
    """A sample, the same with controls, and their names."""
    sample = sample_of(request.param)
    return sample, *with_controls(sample)


def test_four_controls_are_added_behind_the_teachers(case):
    sample, changed, names = case
    misled = "classes permuted" if sample.labels.kind == "classes" else "predictions mirrored"
    assert names == (
        "control: copy of student",
        "control: strong, rows shuffled",
        f"control: strong, {misled}",
        "control: noise",
    )
    assert tuple(changed.teachers) == ("weak", "strong", *names)
    for field in ("student", "labels", "groups", "source"):
        assert getattr(changed, field) is getattr(sample, field)


def test_what_the_controls_are_made_of(case):
    sample, changed, names = case
    copy, shuffled, misled, noise = (changed.teachers[name] for name in names)
    strong = sample.teachers["strong"]
    np.testing.assert_array_equal(copy, sample.student)
    np.testing.assert_array_equal(misled, strong)
    assert not np.array_equal(shuffled, strong)
    np.testing.assert_array_equal(np.sort(shuffled, axis=0), np.sort(strong, axis=0))
    order = [int(np.flatnonzero((strong == row).all(axis=1))[0]) for row in shuffled]
    assert sorted(order) == list(range(N))
    assert noise.shape == sample.student.shape
    assert np.abs(np.corrcoef(noise.T, sample.student.T)[:3, 3:]).max() < 4 / np.sqrt(N)


@pytest.mark.slow
@pytest.mark.parametrize("level", LEVELS)
def test_a_gap_cannot_see_which_class_is_meant(case, level):
    _, changed, (_, _, misled, _) = case
    (true, _), (wrong, _) = shared_information(changed, ("strong", misled), level)
    assert wrong == pytest.approx(true, abs=1e-9)
    assert true > 0.2


@pytest.mark.slow
@pytest.mark.parametrize("level", LEVELS)
def test_shuffled_rows_and_noise_share_nothing(case, level):
    _, changed, (_, shuffled, _, noise) = case
    for value, error in shared_information(changed, (shuffled, noise), level):
        # KSG's own bias is below .01 on independent columns.
        assert abs(value) < 4 * error + 0.01


@pytest.mark.slow
@pytest.mark.parametrize("level", LEVELS)
def test_no_teacher_shares_more_than_the_copy(case, level):
    _, changed, (copy, *_) = case
    first, *others = shared_information(changed, (copy, "strong", "weak"), level)
    assert first[0] > max(value for value, _ in others) + 0.5


def test_misled_predictions_are_about_the_wrong_class(case):
    sample, changed, (_, _, misled, _) = case
    with threadpool_limits(1):
        predictions = predict(changed, Parts(None, EstimatorSettings(), 0), 1)
    true, wrong = (score(sample.labels, predictions[name]) for name in ("strong", misled))
    if sample.labels.kind == "continuous":
        assert true > 0.5
        assert wrong < 0
        np.testing.assert_allclose(
            predictions[misled].mean(axis=0), predictions["strong"].mean(axis=0)
        )
    elif len(sample.labels.class_names) == 2:
        assert wrong == pytest.approx(1 - true)
    else:
        assert true > 0.6
        assert wrong < 0.3


@pytest.mark.slow
def test_controls_change_no_number_of_a_teacher(case):
    sample, changed, _ = case
    for level in LEVELS:
        alone, beside = (
            shared_information(one, ("weak", "strong"), level) for one in (sample, changed)
        )
        assert beside == alone


def test_controls_do_not_depend_on_jobs(case):
    sample, changed, names = case
    again, same_names = with_controls(sample, jobs=2)
    assert same_names == names
    for name in changed.teachers:
        np.testing.assert_array_equal(again.teachers[name], changed.teachers[name])
    for name in changed.predictions:
        np.testing.assert_array_equal(again.predictions[name], changed.predictions[name])


@pytest.mark.parametrize("n_classes", [2, 3])
def test_the_strongest_is_found_and_misled_by_your_own_predictions(n_classes):
    # By them `weak` is the strongest, and the student's are those of its copy.
    sample = sample_of("binary" if n_classes == 2 else "three classes")
    rng = np.random.default_rng(0)
    known = np.eye(n_classes)[sample.labels.values]
    own = {"weak": 0.9 * known + 0.1 / n_classes, "student": rng.dirichlet([1.0] * n_classes, N)}
    changed, (copy, _, misled, _) = with_controls(replace(sample, predictions=own))
    assert misled == "control: weak, classes permuted"
    wrong = log_odds(changed.predictions[misled])
    assert score(sample.labels, wrong) == 0.0
    for name, values in own.items():
        np.testing.assert_array_equal(changed.predictions[name], values)
    np.testing.assert_array_equal(changed.predictions[copy], own["student"])
