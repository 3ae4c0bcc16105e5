from dataclasses import replace

import numpy as np
import pytest
from samplers import Mixture, in_groups

from cch_audit.distillation import experiment
from cch_audit.distillation.arms import CONTROLS, Grid
from cch_audit.distillation.experiment import Learner, Task, _teach, repeat
from cch_audit.distillation.metrics import METRICS, row_scores
from cch_audit.distillation.splits import Split
from cch_audit.estimators.contract import standardize

LINEAR = Learner(0, 1, Grid((1.0, 3.0), (0.3, 0.8)), "accuracy")
MLP = replace(LINEAR, hidden=8, epochs=4)
BOTH = pytest.mark.parametrize("learner", [LINEAR, MLP], ids=["linear", "mlp"])
KINDS = pytest.mark.parametrize("classes", [True, False], ids=["classes", "numbers"])
TRAIN, VALIDATION, TEST = np.arange(120), np.arange(120, 200), np.arange(200, 300)
SPLIT = Split(TRAIN, VALIDATION, TEST)


def world(classes, seed=0, n=300, **changes):
    """A teacher that sees the labels clearly and a student that sees them dimly."""
    rng = np.random.default_rng([seed, 14])
    if classes:
        teacher, y = Mixture(3.0, (0.5, 0.3, 0.2), 4).sample(n, seed)
        student = teacher + 3 * rng.standard_normal(teacher.shape)
        n_outputs = 3
    else:
        teacher = rng.standard_normal((n, 4))
        y = standardize(teacher[:, :2] + 0.2 * rng.standard_normal((n, 2)))
        student, n_outputs = teacher + 2 * rng.standard_normal((n, 4)), 2
    task = Task(y, n_outputs, student, teacher, None, None, fusion=False)
    return replace(task, **changes)


def suited(learner, task):
    """Return the learner with the metric that decides for these labels."""
    return replace(learner, metric=METRICS[task.y.ndim == 1][0])


def run(task, learner=LINEAR, splits=(SPLIT,), seed=0):
    rngs = [np.random.default_rng([seed, number]) for number in range(len(splits))]
    return repeat(task, splits, suited(learner, task), rngs)


def teach(task, learner=LINEAR, seed=0):
    """Return the outputs on training and on test rows."""
    rngs = [np.random.default_rng(seed)]
    on_train, on_test = _teach(task, [SPLIT], suited(learner, task), rngs)
    return on_train[0], on_test[0]


def means(repetition, arm):
    return {metric: values.mean() for metric, values in repetition.arms[arm].items()}


def assert_same(found, expected):
    """Two repetitions are equal to the last digit."""
    assert found.arms.keys() == expected.arms.keys()
    for arm in found.arms:
        assert means(found, arm) == means(expected, arm)
    assert found.chosen == expected.chosen
    np.testing.assert_array_equal(found.grid, expected.grid)


@pytest.mark.slow
@BOTH
def test_teacher_of_noise_knows_nothing_of_its_training_rows(learner):
    hits, explained = [], []
    for seed in range(5):
        rng = np.random.default_rng([seed, 15])
        noise = rng.standard_normal((300, 250))  # more columns than rows: any labels fit
        y = rng.permutation(np.arange(300) % 2)
        outputs, _ = teach(Task(y, 2, noise, noise, None, None, False), learner)
        hits.append((outputs.argmax(axis=1) == y[TRAIN]).mean())
        y = standardize(rng.standard_normal((300, 1)))
        outputs, _ = teach(Task(y, 1, noise, noise, None, None, False), learner)
        explained.append(np.corrcoef(outputs[:, 0], y[TRAIN, 0])[0, 1])
    # 600 guesses: a standard error of .02, four of them. In sample both are near 1.
    assert np.mean(hits) == pytest.approx(0.5, abs=0.08)
    assert np.mean(explained) == pytest.approx(0, abs=4 / np.sqrt(600))


@KINDS
@BOTH
def test_own_label_does_not_change_a_rows_teacher(monkeypatch, classes, learner):
    task = world(classes)
    folds = np.arange(len(TRAIN)) % 5
    monkeypatch.setattr(experiment, "assign_folds", lambda *rest: folds)
    monkeypatch.setattr(experiment, "PENALTIES", (0.1,))  # all folds share the choice of one
    y = task.y.copy()
    y[7] = (y[7] + 1) % 3 if classes else y[7] + 10
    (before, _), (after, _) = teach(task, learner), teach(replace(task, y=y), learner)
    same_fold = folds == folds[7]
    moved = (after - before)[same_fold]
    # By the mean of all labels, which tells no row from another; in single precision, beside heads
    # that end elsewhere.
    np.testing.assert_allclose(moved - moved[0] * (not classes), 0, atol=1e-4)
    assert (after != before)[~same_fold].any(axis=1).mean() > 0.9


@KINDS
def test_teacher_keeps_groups_together(classes):
    # Every row three times, in more columns than rows: a copy gives the answer away.
    rng = np.random.default_rng(16)
    x, groups = np.repeat(rng.standard_normal((100, 150)), 3, axis=0), np.repeat(np.arange(100), 3)
    y = rng.permutation(np.arange(100) % 2)[groups]
    # Validation rows are copies too, so that learning by heart is what they choose.
    x[VALIDATION], y[VALIDATION] = x[TRAIN[:80]], y[TRAIN[:80]]
    y = y if classes else standardize(2.0 * y[:, None])
    task = Task(y, 2 if classes else 1, x, x, None, None, fusion=False)

    def skill(outputs):
        if classes:
            return 2 * (outputs.argmax(axis=1) == y[TRAIN]).mean() - 1
        return np.corrcoef(outputs[:, 0], y[TRAIN, 0])[0, 1]

    assert skill(teach(task)[0]) > 0.6
    # Forty independent groups: four standard errors are .63.
    assert abs(skill(teach(replace(task, dependence=in_groups(groups)))[0])) < 0.63


@KINDS
@BOTH
def test_teacher_knows_what_it_sees(classes, learner):
    task = world(classes)
    _, outputs = teach(task, replace(learner, epochs=60))
    assert outputs.shape == (100, task.n_outputs)
    metric = METRICS[classes][0]
    found = row_scores(task.y[TEST], outputs, [metric])[metric].mean()
    # Centres 4.2 standard deviations apart, and a noise of .04 of the variance.
    assert found > 0.9 if classes else found < 0.25


@KINDS
@BOTH
def test_test_labels_make_scores_and_nothing_else(monkeypatch, classes, learner):
    task = world(classes, fusion=True)
    heard = []

    def listen(y, outputs, metrics):
        heard[-1].append(outputs)
        return row_scores(y, outputs, metrics)

    monkeypatch.setattr(experiment, "row_scores", listen)
    y = task.y.copy()
    y[TEST] = np.random.default_rng(0).permutation(y[TEST])
    found = []
    for one in (task, replace(task, y=y)):
        heard.append([])
        found += run(one, learner)
    assert len(heard[0]) == len(heard[1]) > 6
    for before, after in zip(*heard):
        np.testing.assert_array_equal(before, after)
    assert found[0].chosen == found[1].chosen
    np.testing.assert_array_equal(found[0].grid, found[1].grid)
    assert means(found[0], "teacher") != means(found[1], "teacher")


@KINDS
@BOTH
def test_students_without_a_teacher_are_the_same_for_all_teachers(classes, learner):
    task = world(classes)
    rng = np.random.default_rng(17)
    changes = [
        {"teacher": rng.standard_normal((300, 9))},
        {"teacher": 5 * task.student},
        {"outputs": rng.standard_normal((300, task.n_outputs))},
    ]
    (first,) = run(task, learner)
    untaught = ["baseline"] if learner.hidden or classes else ["baseline", "matched_ridge"]
    for change in changes:
        (other,) = run(replace(task, **change), learner)
        for arm in untaught if not learner.hidden else []:
            assert means(other, arm) == means(first, arm)
        assert means(other, "distilled") != means(first, "distilled")
        assert means(other, "teacher") != means(first, "teacher")


@KINDS
def test_every_arm_is_scored_on_every_test_row(classes):
    task = world(classes)
    (found,) = run(task)
    assert set(found.arms) == {"baseline", "distilled", *CONTROLS[classes], "teacher"}
    deciding = METRICS[classes][0]
    for arm, by in found.arms.items():
        assert set(by) == set(METRICS[classes] if arm in ("baseline", "distilled") else [deciding])
        assert all(values.shape == (100,) for values in by.values())
    assert found.grid.shape == (4 if classes else 2,)
    assert found.gradient is not None
    assert found.gradient < 1e-3


@KINDS
@BOTH
def test_repetitions_side_by_side_are_those_one_by_one(classes, learner):
    task = world(classes, fusion=True)
    order = np.random.default_rng(3).permutation(300)
    other = Split(*(order[rows] for rows in (TRAIN, VALIDATION, TEST)))
    together = run(task, learner, (SPLIT, other))
    (alone,) = run(task, learner, (SPLIT,))
    if learner.hidden:  # weights and batches are drawn for the stack
        again = run(task, learner, (SPLIT, other))
        for one, same in zip(together, again):
            assert_same(one, same)
        return
    for arm in alone.arms:
        expected = means(alone, arm)
        # Sums in another order: a test row of a hundred may change sides, or a cell be chosen.
        assert means(together[0], arm) == pytest.approx(expected, abs=0.03)


@KINDS
def test_choice_avoids_a_teacher_that_misleads(classes):
    task = world(classes)
    wrong = 20 * np.eye(3)[(task.y + 1) % 3] if classes else -5 * task.y
    learner = replace(LINEAR, grid=Grid((1.0,), (0.9, 0.0, 0.5)))
    (found,) = run(replace(task, outputs=wrong), learner)
    assert found.chosen == 1
    assert means(found, "distilled") == pytest.approx(means(found, "baseline"), abs=1e-4)
    # Change on validation rows: none without a teacher, worse the more of it.
    assert found.grid[1] == pytest.approx(0, abs=1e-12)
    assert (found.grid[[0, 2]] < 0).all() if classes else (found.grid[[0, 2]] > 0).all()


@KINDS
def test_choice_takes_a_teacher_that_knows(classes):
    task = world(classes)
    rng = np.random.default_rng(18)
    # The best outputs there are: what the student's own columns say, without noise.
    labels = np.eye(3)[task.y] if classes else task.y
    known = np.linalg.lstsq(task.student, labels)[0]
    outputs = task.student @ known * (4 if classes else 1)
    wide = np.hstack([task.student, rng.standard_normal((300, 60))])  # much to overfit on
    learner = replace(LINEAR, grid=Grid((1.0,), (0.0, 0.9)))
    (found,) = run(replace(task, student=wide, outputs=outputs), learner)
    assert found.chosen == 1
    name = "log_loss" if classes else "mse"
    assert means(found, "distilled")[name] < means(found, "baseline")[name]


@pytest.mark.slow
@KINDS
@BOTH
def test_fusion_adds_two_arms_and_sees_what_the_teacher_sees(classes, learner):
    learner = replace(learner, epochs=200)
    (found,) = run(world(classes, fusion=True), learner)
    (without,) = run(world(classes), learner)
    assert set(found.arms) - set(without.arms) == {"fused", "fused_distilled"}
    if not learner.hidden:
        for arm in without.arms:
            assert means(found, arm) == means(without, arm)
    # The teacher sees the labels much better than the student does.
    fused, alone = means(found, "fused"), means(found, "baseline")
    if classes:
        assert fused["accuracy"] > alone["accuracy"] + 0.1
    else:
        assert fused["mse"] < alone["mse"] - 0.3


@KINDS
def test_own_outputs_are_the_teacher(classes):
    task = world(classes)
    outputs = np.random.default_rng(19).standard_normal((300, task.n_outputs))
    task = replace(task, outputs=outputs)
    (found,) = run(task)
    metric = METRICS[classes][0]
    expected = row_scores(task.y[TEST], outputs[TEST], [metric])[metric].mean()
    assert means(found, "teacher")[metric] == expected
    assert_same(found, *run(replace(task, teacher=7 * task.student)))


@KINDS
@BOTH
def test_column_that_training_rows_do_not_vary_in_says_nothing(classes, learner):
    task = world(classes)

    def wider(column):
        parts = {"student": task.student, "teacher": task.teacher}
        return replace(task, **{name: np.hstack([x, column]) for name, x in parts.items()})

    hostile = np.where(np.isin(np.arange(300), TRAIN), 1.0, 1e6)[:, None]
    (found,), (expected,) = (run(wider(c), learner) for c in (hostile, np.zeros((300, 1))))
    assert_same(found, expected)


@pytest.mark.slow
@KINDS
@pytest.mark.parametrize("scale", [1e-12, 1e12, 1e-170, 1e170])
def test_units_of_the_columns_do_not_matter(classes, scale):
    task = world(classes)
    moved = replace(task, teacher=scale * task.teacher, student=scale * (task.student + 5))
    (found,), (expected,) = run(moved), run(task)
    for arm in expected.arms:
        # Rounding may move one of a hundred test rows to another class.
        close = 0.02 if classes else 1e-4
        assert means(found, arm) == pytest.approx(means(expected, arm), abs=close)


@BOTH
def test_class_without_training_rows(learner):
    task = world(True)
    y = task.y.copy()
    y[TRAIN] = np.minimum(y[TRAIN], 1)
    assert (y[VALIDATION] == 2).any()
    (found,) = run(replace(task, y=y, fusion=True), learner)
    for arm in found.arms:
        assert np.isfinite(list(means(found, arm).values())).all()


def test_classes_smaller_than_the_number_of_folds():
    y = np.arange(300) % 60  # two training rows of each class, for five folds
    x = np.random.default_rng(0).standard_normal((300, 5))
    outputs, _ = teach(Task(y, 60, x, x, None, None, fusion=False))
    assert outputs.shape == (120, 60)
    assert np.isfinite(outputs).all()


def test_folds_give_nothing_away_about_their_labels():
    # A teacher of noise is shrunk to hardly more than the mean of the other folds, which is low
    # where a fold's own mean is high.
    found = []
    for seed in range(100):
        rng = np.random.default_rng(seed)
        y, noise = rng.standard_normal((300, 1)), rng.standard_normal((300, 2))
        outputs, _ = teach(Task(y, 1, noise, noise, None, None, fusion=False))
        found.append(((outputs[:, 0] - outputs.mean()) * y[TRAIN, 0]).sum())
    error = np.std(found, ddof=1) / np.sqrt(len(found))
    assert abs(np.mean(found)) < 3 * error
    assert error < 0.15  # with the means left in, the sum of products is -.8
