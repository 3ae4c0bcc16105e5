from dataclasses import replace

import numpy as np
import pytest
from samplers import Mixture, in_groups

from cch_audit.distillation import experiment
from cch_audit.distillation.arms import CONTROLS, Grid
from cch_audit.distillation.experiment import Learner, Task, _teach, repeat
from cch_audit.distillation.metrics import scores
from cch_audit.distillation.splits import Split
from cch_audit.estimators.contract import standardize

LINEAR = Learner(hidden=0, epochs=5, grid=Grid((1.0, 3.0), (0.3, 0.8)))
MLP = replace(LINEAR, hidden=8)
BOTH = pytest.mark.parametrize("learner", [LINEAR, MLP], ids=["linear", "mlp"])
PATIENT = pytest.mark.parametrize(
    "learner", [replace(LINEAR, epochs=50), replace(MLP, epochs=50)], ids=["linear", "mlp"]
)
"""Enough epochs to learn something."""
KINDS = pytest.mark.parametrize("classes", [True, False], ids=["classes", "numbers"])
TRAIN, VALIDATION, TEST = np.arange(120), np.arange(120, 200), np.arange(200, 300)
SPLIT = Split(TRAIN, VALIDATION, TEST)


def world(classes, seed=0, n=300):
    """A teacher that sees the labels clearly, a student that sees them dimly, and the task."""
    rng = np.random.default_rng([seed, 14])
    if classes:
        teacher, y = Mixture(3.0, (0.5, 0.3, 0.2), 4).sample(n, seed)
        student = teacher + 3 * rng.standard_normal(teacher.shape)
        return teacher, student, Task(y, 3, None, SPLIT)
    teacher = rng.standard_normal((n, 4))
    y = standardize(teacher[:, :2] + 0.2 * rng.standard_normal((n, 2)))
    return teacher, teacher + 2 * rng.standard_normal((n, 4)), Task(y, 2, None, SPLIT)


def run(task, teacher, student, learner=LINEAR, outputs=None, fusion=False, seed=0):
    rng = np.random.default_rng(seed)
    return repeat(task, teacher, student, outputs, learner, fusion, rng)


def teach(task, teacher, learner=LINEAR, seed=0):
    return _teach(task, teacher, learner, np.random.default_rng(seed))


def assert_same(found, expected):
    """Two repetitions are equal to the last digit."""
    assert found.arms == expected.arms
    assert found.chosen == expected.chosen
    np.testing.assert_array_equal(found.grid, expected.grid)


@pytest.mark.slow
@PATIENT
def test_teacher_of_noise_knows_nothing_of_its_training_rows(learner):
    hits, explained = [], []
    for seed in range(5):
        rng = np.random.default_rng([seed, 15])
        noise = rng.standard_normal((300, 250))  # more columns than rows: any labels fit
        y = rng.permutation(np.arange(300) % 2)
        outputs = teach(Task(y, 2, None, SPLIT), noise, learner)[TRAIN]
        hits.append((outputs.argmax(axis=1) == y[TRAIN]).mean())
        y = standardize(rng.standard_normal((300, 1)))
        outputs = teach(Task(y, 1, None, SPLIT), noise, learner)[TRAIN]
        explained.append(np.corrcoef(outputs[:, 0], y[TRAIN, 0])[0, 1])
    # 600 guesses: a standard error of .02, four of them. In sample both are near 1.
    assert np.mean(hits) == pytest.approx(0.5, abs=0.08)
    assert np.mean(explained) == pytest.approx(0, abs=4 / np.sqrt(600))


@KINDS
@BOTH
def test_own_label_does_not_change_a_rows_teacher(monkeypatch, classes, learner):
    teacher, _, task = world(classes)
    folds = np.arange(len(TRAIN)) % 5
    monkeypatch.setattr(experiment, "assign_folds", lambda *rest: folds)
    y = task.y.copy()
    y[7] = (y[7] + 1) % 3 if classes else y[7] + 10
    before, after = teach(task, teacher, learner), teach(replace(task, y=y), teacher, learner)
    same_fold = TRAIN[folds == folds[7]]
    moved = after[same_fold] - before[same_fold]
    if classes:
        np.testing.assert_array_equal(moved, 0)
    else:  # by the mean of all labels, which tells no row from another
        np.testing.assert_allclose(moved - moved[0], 0, atol=1e-6)
    others = TRAIN[folds != folds[7]]
    assert (after[others] != before[others]).any(axis=1).mean() > 0.9


@KINDS
def test_teacher_keeps_groups_together(classes):
    # Every row three times, in more columns than rows: a copy gives the answer away.
    rng = np.random.default_rng(16)
    x, groups = np.repeat(rng.standard_normal((100, 150)), 3, axis=0), np.repeat(np.arange(100), 3)
    y = rng.permutation(np.arange(100) % 2)[groups]
    # Validation rows are copies too, so that learning by heart is not stopped early.
    x[VALIDATION], y[VALIDATION] = x[TRAIN[:80]], y[TRAIN[:80]]
    y = y if classes else standardize(2.0 * y[:, None])
    task = Task(y, 2 if classes else 1, None, SPLIT)

    def skill(outputs):
        if classes:
            return 2 * (outputs[TRAIN].argmax(axis=1) == y[TRAIN]).mean() - 1
        return np.corrcoef(outputs[TRAIN, 0], y[TRAIN, 0])[0, 1]

    learner = replace(LINEAR, epochs=50)
    assert skill(teach(task, x, learner)) > 0.6
    # Forty independent groups: four standard errors are .63.
    assert abs(skill(teach(replace(task, dependence=in_groups(groups)), x, learner))) < 0.63


@KINDS
@PATIENT
def test_teacher_speaks_about_training_and_test_rows_only(classes, learner):
    teacher, _, task = world(classes)
    outputs = teach(task, teacher, learner)
    assert np.isfinite(outputs[TRAIN]).all()
    assert np.isfinite(outputs[TEST]).all()
    assert np.isnan(outputs[VALIDATION]).all()
    found = scores(task.y[TEST], outputs[TEST])
    # Centres 4.2 standard deviations apart, and a noise of .04 of the variance.
    assert found["accuracy"] > 0.9 if classes else found["mse"] < 0.25


@KINDS
def test_teachers_of_all_folds_speak_about_test_rows(monkeypatch, classes):
    teacher, _, task = world(classes)
    heads = []

    def fit(*arguments):
        heads.append(experiment_fit(*arguments))
        return heads[-1]

    experiment_fit = experiment._fit
    monkeypatch.setattr(experiment, "_fit", fit)
    monkeypatch.setattr("cch_audit.distillation.arms.TEACHER_PENALTIES", 1)
    outputs = teach(task, teacher, LINEAR)
    (_, on_asked), *_ = heads
    mean = on_asked[:, 0, len(TRAIN) :].mean(axis=0)  # five heads, a single cell each
    np.testing.assert_allclose(outputs[TEST], mean)


@KINDS
@BOTH
def test_test_labels_make_scores_and_nothing_else(monkeypatch, classes, learner):
    teacher, student, task = world(classes)
    heard = []

    def listen(y, outputs):
        heard[-1].append(outputs)
        return scores(y, outputs)

    monkeypatch.setattr(experiment, "scores", listen)
    y = task.y.copy()
    y[TEST] = np.random.default_rng(0).permutation(y[TEST])
    found = []
    for one in (task, replace(task, y=y)):
        heard.append([])
        found.append(run(one, teacher, student, learner, fusion=True))
    assert len(heard[0]) == len(heard[1]) > 6
    for before, after in zip(*heard):
        np.testing.assert_array_equal(before, after)
    assert found[0].chosen == found[1].chosen
    np.testing.assert_array_equal(found[0].grid, found[1].grid)
    assert found[0].arms["teacher"] != found[1].arms["teacher"]


@KINDS
@BOTH
def test_students_without_a_teacher_are_the_same_for_all_teachers(classes, learner):
    teacher, student, task = world(classes)
    rng = np.random.default_rng(17)
    others = [rng.standard_normal((300, 9)), 5 * student]
    found = [run(task, one, student, learner) for one in (teacher, *others)]
    found.append(run(task, teacher, student, learner, rng.standard_normal((300, task.n_outputs))))
    untaught = ["baseline", "half", "uniform" if classes else "matched_ridge"]
    for one in found[1:]:
        assert {arm: one.arms[arm] for arm in untaught} == {
            arm: found[0].arms[arm] for arm in untaught
        }
        assert one.arms["distilled"] != found[0].arms["distilled"]
        assert one.arms["teacher"] != found[0].arms["teacher"]


@KINDS
def test_every_arm_is_scored(classes):
    teacher, student, task = world(classes)
    found = run(task, teacher, student)
    assert set(found.arms) == {"baseline", "distilled", *CONTROLS[classes], "teacher", "half"}
    names = {"accuracy", "weighted_f1", "macro_auc"} if classes else {"mse", "r2"}
    assert all(set(one) == names for one in found.arms.values())
    assert found.grid.shape == (4 if classes else 2,)


@pytest.mark.slow
@KINDS
@BOTH
def test_same_generator_same_result(classes, learner):
    teacher, student, task = world(classes)
    assert_same(*(run(task, teacher, student, learner, fusion=True) for _ in range(2)))
    other = run(task, teacher, student, learner, fusion=True, seed=1)
    if classes or learner.hidden:  # least squares starts nowhere
        assert other.arms["distilled"] != run(task, teacher, student, learner).arms["distilled"]


@KINDS
def test_choice_avoids_a_teacher_that_misleads(classes):
    _, student, task = world(classes)
    wrong = 20 * np.eye(3)[(task.y + 1) % 3] if classes else -5 * task.y
    learner = replace(LINEAR, grid=Grid((1.0,), (0.9, 0.0, 0.5)))
    found = run(task, student, student, learner, wrong)
    assert found.chosen == 1
    assert found.arms["distilled"] == pytest.approx(found.arms["baseline"])
    # Change on validation rows: none without a teacher, worse the more of it.
    assert found.grid[1] == pytest.approx(0, abs=1e-12)
    assert (found.grid[[0, 2]] < 0).all() if classes else (found.grid[[0, 2]] > 0).all()


@KINDS
def test_choice_takes_a_teacher_that_knows(classes):
    _, student, task = world(classes)
    rng = np.random.default_rng(18)
    student = np.hstack([student, rng.standard_normal((300, 60))])  # much to overfit on
    # The best outputs there are: what the student's own columns say, without noise.
    known = np.linalg.lstsq(student[:, :4], np.eye(3)[task.y] if classes else task.y)[0]
    outputs = student[:, :4] @ known * (4 if classes else 1)
    learner = replace(LINEAR, epochs=100, grid=Grid((1.0,), (0.0, 0.9)))
    found = run(task, student, student, learner, outputs)
    assert found.chosen == 1
    name = "accuracy" if classes else "mse"
    gain = found.arms["distilled"][name] - found.arms["baseline"][name]
    assert gain > 0.1 if classes else gain < -0.1


@KINDS
@BOTH
def test_half_is_the_baseline_of_half_the_rows(classes, learner):
    teacher, student, task = world(classes)
    fewer = replace(task, split=replace(SPLIT, train=TRAIN[:60]))
    found = run(fewer, teacher, student, learner).arms["baseline"]
    assert run(task, teacher, student, learner).arms["half"] == pytest.approx(found, abs=0.011)
    # One test row may change sides: the baseline of a larger stack is rounded otherwise.


@KINDS
@BOTH
def test_fusion_adds_two_arms_and_changes_no_other(classes, learner):
    teacher, student, task = world(classes)
    with_fusion = run(task, teacher, student, learner, fusion=True)
    without = run(task, teacher, student, learner)
    added = {"fused", "fused_distilled"}
    assert set(with_fusion.arms) - set(without.arms) == added
    assert {arm: with_fusion.arms[arm] for arm in without.arms} == without.arms


@pytest.mark.slow
@KINDS
@PATIENT
def test_fusion_sees_what_the_teacher_sees(classes, learner):
    teacher, student, task = world(classes)
    arms = run(task, teacher, student, learner, fusion=True).arms
    # The teacher sees the labels much better than the student does.
    if classes:
        assert arms["fused"]["accuracy"] > arms["baseline"]["accuracy"] + 0.1
    else:
        assert arms["fused"]["mse"] < arms["baseline"]["mse"] - 0.3


@KINDS
def test_own_outputs_are_the_teacher(classes):
    teacher, student, task = world(classes)
    outputs = np.random.default_rng(19).standard_normal((300, task.n_outputs))
    found = run(task, teacher, student, outputs=outputs)
    assert found.arms["teacher"] == scores(task.y[TEST], outputs[TEST])
    assert_same(found, run(task, 7 * student, student, outputs=outputs))


@KINDS
@BOTH
def test_column_that_training_rows_do_not_vary_in_says_nothing(classes, learner):
    teacher, student, task = world(classes)
    hostile = np.where(np.isin(np.arange(300), TRAIN), 1.0, 1e6)[:, None]
    found, expected = (
        run(task, np.hstack([teacher, column]), np.hstack([student, column]), learner)
        for column in (hostile, np.zeros((300, 1)))
    )
    assert_same(found, expected)


@pytest.mark.slow
@KINDS
@BOTH
@pytest.mark.parametrize("scale", [1e-12, 1e12, 1e-170, 1e170])
def test_units_of_the_columns_do_not_matter(classes, learner, scale):
    teacher, student, task = world(classes)
    found = run(task, scale * teacher, scale * (student + 5), learner, fusion=True)
    expected = run(task, teacher, student, learner, fusion=True)
    for arm, values in expected.arms.items():
        # Rounding may move one of a hundred test rows to another class.
        assert found.arms[arm] == pytest.approx(values, abs=0.02 if classes else 1e-4)


@BOTH
def test_class_without_training_rows(learner):
    teacher, student, task = world(True)
    y = task.y.copy()
    y[TRAIN] = np.minimum(y[TRAIN], 1)
    assert (y[VALIDATION] == 2).any()
    found = run(replace(task, y=y), teacher, student, learner, fusion=True)
    for one in found.arms.values():
        assert np.isfinite(list(one.values())).all()


def test_classes_smaller_than_the_number_of_folds():
    y = np.arange(300) % 60  # two training rows of each class, for five folds
    x = np.random.default_rng(0).standard_normal((300, 5))
    outputs = teach(Task(y, 60, None, SPLIT), x)
    assert outputs.shape == (300, 60)
    assert np.isfinite(outputs[TRAIN]).all()


def test_folds_give_nothing_away_about_their_labels():
    # A teacher of noise is shrunk to hardly more than the mean of the other folds, which is low
    # where a fold's own mean is high.
    found = []
    for seed in range(100):
        rng = np.random.default_rng(seed)
        y, noise = rng.standard_normal((300, 1)), rng.standard_normal((300, 2))
        outputs = teach(Task(y, 1, None, SPLIT), noise)[TRAIN, 0]
        found.append(((outputs - outputs.mean()) * y[TRAIN, 0]).sum())
    error = np.std(found, ddof=1) / np.sqrt(len(found))
    assert abs(np.mean(found)) < 3 * error
    assert error < 0.15  # with the means left in, the sum of products is -.8
