import json
from dataclasses import asdict, replace
from functools import cache

import numpy as np
import pytest
from samplers import Mixture, audited, rotation
from scipy.special import expit, softmax
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from world import world

from cch_audit.auditing.parts import Parts
from cch_audit.choice.controls import add_controls
from cch_audit.distillation.arms import CONTROLS, loss_formula, parse_grid, teacher_cells
from cch_audit.distillation.confirm import (
    MOST_TRAINING_ROWS,
    _notes,
    confirm,
    plan_experiment,
    training_rows,
)
from cch_audit.distillation.effects import judge_gain
from cch_audit.errors import InputError
from cch_audit.results import Change
from cch_audit.sample import Labels
from cch_audit.settings import ConfirmationSettings, EstimatorSettings

QUICK = ConfirmationSettings(temperature="1,2", weight="0.3,0.8", seeds=6, epochs=4)
KINDS = pytest.mark.parametrize("classes", [True, False], ids=["classes", "numbers"])


def plan(sample, settings=QUICK, confidence=0.95, jobs=1):
    return plan_experiment(sample, settings, parse_grid(settings), confidence, jobs)


def trained(sample, teacher="teacher", settings=QUICK, **changes):
    """Return a confirmation without the time it took."""
    found = confirm(sample, teacher, plan(sample, settings, **changes))
    return replace(found, seconds=0.0)


def sample_of(classes, n=240, seed=0, groups=None):
    """A teacher that sees the labels clearly, another of noise, a student that sees dimly."""
    rng = np.random.default_rng([seed, 24])
    if classes:
        clear, y = Mixture(2.5, (0.5, 0.3, 0.2), 4).sample(n, seed)
    else:
        clear = rng.standard_normal((n, 4))
        y = clear[:, :2] + 0.3 * rng.standard_normal((n, 2))
    dim = clear + 2 * rng.standard_normal((n, 4))
    teachers = {"teacher": clear, "noise": rng.standard_normal((n, 3))}
    return audited(teachers, dim, y, groups)


def with_outputs(sample, outputs):
    return replace(sample, predictions={"teacher": outputs})


def with_labels(sample, y):
    return replace(sample, labels=Labels(y, sample.labels.class_names))


@pytest.mark.parametrize(
    ("n", "train_size", "expected"),
    [(100, None, 50), (801, None, 400), (10_000, None, MOST_TRAINING_ROWS), (10_000, 3000, 3000)],
)
def test_training_rows(n, train_size, expected):
    settings = replace(QUICK, train_size=train_size)
    assert training_rows(n, settings) == expected
    if n == 801:
        found = plan(sample_of(True, n), settings)
        assert {len(task.split.train) for task in found.tasks} == {expected}


def test_plan_refuses_what_is_too_small():
    with pytest.raises(InputError, match="`train_size` 200 and `seeds` 6 leaves 0 of 240 rows"):
        plan(sample_of(True), replace(QUICK, train_size=200))
    with pytest.raises(InputError, match="`seeds` 300 leaves 1 of 240 rows for test"):
        plan(sample_of(True), replace(QUICK, seeds=300))


def test_architecture_decides_the_width():
    sample = sample_of(True)
    assert plan(sample).learner.hidden == 0
    assert plan(sample, replace(QUICK, architecture="mlp", hidden=9)).learner.hidden == 9


@KINDS
@pytest.mark.parametrize("architecture", ["linear", "mlp"])
def test_record(classes, architecture):
    settings = replace(QUICK, fusion=True, architecture=architecture, hidden=8, min_effect=0.02)
    found = trained(sample_of(classes), settings=settings)
    assert found.metric == ("accuracy" if classes else "mse")
    assert (found.architecture, found.min_effect) == (architecture, 0.02)
    assert found.loss == loss_formula(classes)
    assert found.n_seeds == 6
    assert found.n_train == 120
    assert found.n_validation == 80
    assert found.n_test == 240
    assert set(found.metrics) == (
        {"accuracy", "weighted_f1", "macro_auc"} if classes else {"mse", "r2"}
    )
    main = found.metrics[found.metric]
    assert (main.baseline, main.distilled) == (found.baseline, found.distilled)
    assert main.change == found.change
    assert found.change.estimate == pytest.approx(found.distilled - found.baseline)
    assert found.change.low <= found.change.estimate <= found.change.high
    assert set(found.controls) == set(CONTROLS[classes])
    for control in found.controls.values():
        total = control.change.estimate + control.advantage.estimate
        assert total == pytest.approx(found.change.estimate)
    assert len(found.grid) == (4 if classes else 2)
    assert {cell.temperature for cell in found.grid} == ({1.0, 2.0} if classes else {None})
    assert {cell.weight for cell in found.grid} == {0.3, 0.8}
    assert sum(cell.chosen for cell in found.grid) == 6
    assert found.fusion is not None
    assert found.smallest_detectable > 0
    # Every number is finite and none is numpy's.
    again = json.loads(json.dumps(asdict(found), allow_nan=False))
    assert again["outcome"] == found.outcome
    assert again["grid"][0]["chosen"] == found.grid[0].chosen


def test_mse_and_r2_say_the_same():
    found = trained(sample_of(False, n=600))
    mse, r2 = found.metrics["mse"], found.metrics["r2"]
    # Targets have variance 1 over all rows, and within a few percent of it in every fold of 100.
    assert r2.baseline == pytest.approx(1 - mse.baseline, abs=0.05)
    assert np.sign(r2.change.estimate) == -np.sign(mse.change.estimate)


@pytest.mark.slow
@KINDS
def test_jobs_and_other_teachers_change_nothing(classes):
    sample = sample_of(classes)
    found = trained(sample)
    assert trained(sample, jobs=2) == found
    alone = replace(sample, teachers={"teacher": sample.teachers["teacher"]})
    assert trained(alone) == found
    experiment = plan(sample)
    confirm(sample, "noise", experiment)
    assert replace(confirm(sample, "teacher", experiment), seconds=0.0) == found


@KINDS
def test_teachers_meet_the_same_students(classes):
    sample = sample_of(classes)
    one, other = trained(sample), trained(sample, "noise")
    untaught = "uniform" if classes else "matched_ridge"
    assert other.baseline == one.baseline
    assert other.baseline_at_half == one.baseline_at_half
    assert other.controls[untaught].change.estimate == one.controls[untaught].change.estimate
    assert other.distilled != one.distilled
    better = one.teacher_score - other.teacher_score
    assert better > 0 if classes else better < 0


@pytest.mark.slow
@KINDS
def test_split_seed_decides(classes):
    sample = sample_of(classes)
    assert trained(sample) == trained(sample)
    assert trained(sample, settings=replace(QUICK, split_seed=1)).change != trained(sample).change


def test_split_seed_draws_the_initial_weights_too():
    sample = sample_of(True)
    experiment = plan(sample)
    other = replace(experiment, settings=replace(QUICK, split_seed=1))  # on the same splits
    metrics = [confirm(sample, "teacher", one).metrics for one in (experiment, other)]
    assert metrics[0]["macro_auc"].baseline != metrics[1]["macro_auc"].baseline


def test_progress_counts_repetitions():
    told = []
    sample = sample_of(False)
    confirm(sample, "teacher", plan(sample), lambda what, share: told.append((what, share)))
    assert told == [("training, teacher", pytest.approx(number / 6)) for number in range(1, 7)]


@pytest.mark.slow
def test_names_of_classes_do_not_matter():
    sample, settings = sample_of(True), replace(QUICK, weight="0.3", epochs=40)
    renamed = with_labels(sample, np.array([2, 0, 1])[sample.labels.values])
    found, expected = (trained(one, settings=settings) for one in (renamed, sample))
    # Other splits and other weights at the start: standard errors of 240 answers are .03.
    assert found.baseline == pytest.approx(expected.baseline, abs=0.1)
    assert found.teacher_score == pytest.approx(expected.teacher_score, abs=0.1)


@pytest.mark.parametrize("architecture", ["linear", "mlp"])
def test_units_of_the_targets_do_not_matter(architecture):
    sample, settings = sample_of(False), replace(QUICK, architecture=architecture)
    y = sample.labels.values
    changed = with_labels(sample, y * [1e6, 1e-6] + [3e6, -5.0])
    found, expected = (trained(one, settings=settings) for one in (changed, sample))
    assert found.outcome == expected.outcome
    # Trained in single precision; solved in double.
    close = 1e-4 if architecture == "mlp" else 1e-9
    for one, other in zip(found.metrics.values(), expected.metrics.values()):
        assert one.baseline == pytest.approx(other.baseline, abs=close)
        assert one.distilled == pytest.approx(other.distilled, abs=close)
    # Outputs of the user's own teacher come in the units of the targets.
    own = y + np.random.default_rng(0).standard_normal(y.shape)
    found = trained(with_outputs(changed, own * [1e6, 1e-6] + [3e6, -5.0]), settings=settings)
    expected = trained(with_outputs(sample, own), settings=settings)
    assert found.teacher_score == pytest.approx(expected.teacher_score, abs=1e-9)
    assert found.distilled == pytest.approx(expected.distilled, abs=close)


def test_mse_is_in_units_of_the_variance():
    sample = sample_of(False)
    y = sample.labels.values
    # A teacher that says 0 throughout: its squared error is the second moment of the targets.
    found = trained(with_outputs(sample, np.zeros_like(y)))
    assert found.teacher_score == pytest.approx((y**2).mean(axis=0) @ (1 / y.var(axis=0)) / 2)


def test_own_outputs_may_be_logits_or_probabilities():
    sample = sample_of(True)
    logits = 2 * np.random.default_rng(0).standard_normal((240, 3))
    logits -= logits.mean(axis=1, keepdims=True)
    found = trained(with_outputs(sample, logits))
    again = trained(with_outputs(sample, softmax(logits, axis=1)))
    assert again.teacher_score == found.teacher_score
    assert again.distilled == pytest.approx(found.distilled, abs=1 / 240)  # one row by rounding


@pytest.mark.slow
def test_own_outputs_for_two_classes_may_be_one_column():
    sample = sample_of(True)
    sample = replace(sample, labels=Labels(np.minimum(sample.labels.values, 1), ("a", "b")))
    odds = 2 * np.random.default_rng(0).standard_normal((240, 1))
    found = trained(with_outputs(sample, odds))
    y = sample.labels.values
    assert found.teacher_score == pytest.approx(((odds[:, 0] > 0) == y).mean())
    for same in (
        expit(odds),
        np.hstack([-odds, odds]) / 2,
        np.hstack([1 - expit(odds), expit(odds)]),
    ):
        again = trained(with_outputs(sample, same))
        assert again.teacher_score == found.teacher_score
        assert again.distilled == pytest.approx(found.distilled, abs=1 / 240)


def test_fusion_compares_joint_inputs():
    assert trained(sample_of(False)).fusion is None
    found = trained(sample_of(False), settings=replace(QUICK, fusion=True))
    # The teacher sees the targets nearly without noise.
    assert found.fusion.baseline < 0.3 < found.baseline
    change = found.fusion.change.estimate
    assert change == pytest.approx(found.fusion.distilled - found.fusion.baseline)
    without = trained(sample_of(False))
    assert replace(found, fusion=None) == without


@KINDS
def test_groups_stay_together(classes):
    groups = np.random.default_rng(0).permutation(np.arange(240) // 4)
    sample = sample_of(classes, groups=groups)
    for task in plan(sample).tasks:
        parts = (task.split.train, task.split.validation, task.split.test)
        train, validation, test = (set(groups[rows]) for rows in parts)
        assert len(train | validation | test) == len(train) + len(validation) + len(test)
        np.testing.assert_array_equal(task.dependence.groups, groups)
        assert task.dependence.window == 0
    assert trained(sample).n_test == 240


def test_copies_in_a_group_give_nothing_away():
    # Labels are random, and every row is there four times: only a straddling split can know them.
    rng = np.random.default_rng(0)
    x, groups = np.repeat(rng.standard_normal((60, 150)), 4, axis=0), np.repeat(np.arange(60), 4)
    y = np.repeat(rng.standard_normal((60, 1)), 4, axis=0)
    settings = replace(QUICK, weight="0.8")
    # Least squares in more columns than rows fits what it has seen exactly; of a row's three copies
    # one or more is seen in nine cases of ten.
    assert trained(audited({"teacher": x}, x, y), settings=settings).baseline < 0.5
    assert trained(audited({"teacher": x}, x, y, groups), settings=settings).baseline > 0.9


def test_too_few_seeds_are_noted():
    few = trained(sample_of(False), settings=replace(QUICK, seeds=5))
    assert any("With 5 seeds the sign-flip p cannot fall to 0.05" in note for note in few.notes)
    assert few.outcome not in ("helps", "hurts")
    enough = trained(sample_of(False), settings=replace(QUICK, seeds=6))
    assert not any("sign-flip" in note for note in enough.notes)
    at_80 = trained(sample_of(False), settings=replace(QUICK, seeds=5), confidence=0.8)
    assert not any("sign-flip" in note for note in at_80.notes)


def test_fewer_groups_than_seeds_are_noted():
    def notes(n_groups):
        groups = np.random.default_rng(0).permutation(np.arange(240) % n_groups)
        return [n for n in trained(sample_of(False, groups=groups)).notes if "fewer groups" in n]

    assert len(notes(4)) == 1
    assert notes(6) == []


def overfitting(n=600, d=150):
    """A student with as many columns as half its rows, and a teacher that knows as little."""
    rng = np.random.default_rng(25)
    student = rng.standard_normal((n, d))
    y = student[:, :5].sum(axis=1, keepdims=True) + 3 * rng.standard_normal((n, 1))
    return audited({"teacher": rng.standard_normal((n, 3))}, student, y)


def test_gain_that_a_control_shows_too_is_noted():
    settings = replace(QUICK, train_size=200, weight="0.2,0.5,0.8")
    found = trained(overfitting(), settings=settings)
    # Any dull teacher shrinks the coefficients, and ridge regression shrinks them better.
    assert found.outcome == "helps"
    assert found.controls["matched_ridge"].advantage.estimate > 0
    assert any("matched ridge" in note and "regularisation" in note for note in found.notes)


@pytest.mark.slow
def test_noise_rarely_beats_its_own_rows_shuffled():
    """A true zero for the whole experiment: repetitions share rows, and their spread must show."""
    outcomes = []
    for seed in range(300):
        rng = np.random.default_rng([seed, 26])
        x, noise = rng.standard_normal((200, 10)), rng.standard_normal((200, 5))
        y = x[:, :1] + rng.standard_normal((200, 1))
        settings = replace(QUICK, seeds=8, weight="0.5")
        found = trained(audited({"teacher": noise}, x, y), settings=settings)
        advantage = found.controls["shuffled"].advantage
        outcomes.append(judge_gain(advantage, 0.95, 0.01))
    false = np.isin(outcomes, ["helps", "hurts"]).mean()
    print(f"\nfalse effects of a teacher of noise: {false:.3f}")
    # Nominal 5 %; two standard errors of 300 samples above it.
    assert false <= 0.075


def misled(sample, name):
    """Add the teacher that means the wrong class or number, as `rank --controls` does."""
    alone = replace(sample, teachers={name: sample.teachers[name]})
    changed = add_controls(alone, Parts(None, EstimatorSettings(), 0), 2)
    return changed, changed.controls[2]


def test_mirrored_predictions_hurt():
    sample, wrong = misled(sample_of(False, n=600), "teacher")
    found = trained(sample, wrong)
    assert found.outcome == "hurts"
    assert found.change.low > 0  # a higher squared error


@pytest.mark.slow
def test_permuted_classes_hurt():
    sample, wrong = misled(world(10_000), "good")
    found = trained(sample, wrong, ConfirmationSettings())
    assert found.outcome == "hurts"
    assert found.teacher_score < 0.5  # wrong more often than a coin


@pytest.mark.slow
@pytest.mark.parametrize("architecture", ["linear", "mlp"])
def test_good_teacher_helps_at_the_defaults(architecture):
    found = trained(world(10_000), "good", ConfirmationSettings(architecture=architecture))
    assert found.outcome == "helps"
    assert found.change.estimate > 0.005


@cache
def constructed(n, teacher):
    """The experiment of SCIENCE.md, section 2."""
    return trained(world(n), teacher, ConfirmationSettings(temperature="2", weight="0.8"))


@pytest.mark.slow
@pytest.mark.parametrize(("teacher", "outcome"), [("good", "helps"), ("nuisance", "hurts")])
def test_good_helps_and_nuisance_hurts(teacher, outcome):
    assert constructed(10_000, teacher).outcome == outcome


@pytest.mark.slow
@pytest.mark.parametrize(("teacher", "sign"), [("copy", 1), ("weak", -1)])
def test_signs_of_small_changes(teacher, sign):
    found = constructed(10_000, teacher)
    assert np.sign(found.change.estimate) == sign
    assert found.outcome != ("hurts" if sign > 0 else "helps")


@pytest.mark.slow
def test_gain_beyond_all_controls_is_not_noted():
    found = constructed(6000, "good")
    assert all(control.advantage.low > 0 for control in found.controls.values())
    assert found.notes == ()


def score_of_logistic_regression(task, x):
    """Accuracy on test rows, with the penalty that the validation rows choose."""
    split = task.split
    x = StandardScaler().fit(x[split.train]).transform(x)
    tried = []
    for penalty in np.logspace(-3, 2, 6):
        model = LogisticRegression(C=penalty, max_iter=1000).fit(
            x[split.train], task.y[split.train]
        )
        chances = model.predict_proba(x[split.validation])
        likelihood = np.log(chances)[np.arange(len(chances)), task.y[split.validation]].mean()
        tried.append((likelihood, model.score(x[split.test], task.y[split.test])))
    return max(tried)[1]


@pytest.mark.slow
@pytest.mark.parametrize(("n", "architecture"), [(200, "linear"), (500, "linear"), (500, "mlp")])
def test_untaught_student_is_well_trained(n, architecture):
    """Otherwise a teacher that only hastens the training would help."""
    x, y = Mixture(3.0, (0.1,) * 10, 10).sample(n)
    x = x @ rotation(10, np.random.default_rng(0))
    sample = audited({"teacher": x}, x, y)
    settings = ConfirmationSettings(
        temperature="1", weight="0.5", architecture=architecture, hidden=16
    )
    experiment = plan(sample, settings)
    found = confirm(sample, "teacher", experiment)
    reached = np.mean([score_of_logistic_regression(task, x) for task in experiment.tasks])
    # Both answers to the same n questions; a standard error of their difference is below .015.
    assert found.baseline > reached - 0.04
    # The teacher has the same representation, and five heads that vote.
    assert found.teacher_score > reached - 0.04


def test_an_interval_without_zero_is_not_enough():
    # Seven of eight seeds gain and one loses little: BCa excludes zero, p is 2 (1 + 1) / 256 or so.
    experiment = plan(sample_of(True), replace(QUICK, seeds=8))
    gain = Change(0.02, 0.001, 0.04, 0.0703)
    assert judge_gain(gain, 0.95, 0.01) == "undecided"
    (note,) = _notes(experiment, "undecided", gain, {})
    assert note.startswith("The interval excludes zero, but the sign-flip p is 0.070")
    assert list(_notes(experiment, "undecided", replace(gain, low=-0.001), {})) == []


def test_a_linear_teacher_has_penalties_to_choose_from_whatever_the_weights():
    assert len(teacher_cells(trained=True)) == 1
    penalties = teacher_cells(trained=False).penalty
    assert len(penalties) > 1
    assert (np.diff(penalties) > 0).all()
    one, two = (
        trained(sample_of(False), settings=replace(QUICK, weight=weight))
        for weight in ("0.3", "0.3,0.8")
    )
    assert one.teacher_score == two.teacher_score


def test_differences_at_rounding_level_are_none():
    # A teacher whose outputs are the labels: the mixed target is the label, up to rounding.
    sample = sample_of(False)
    taught = trained(with_outputs(sample, sample.labels.values))
    assert taught.change == Change(0.0, 0.0, 0.0, 1.0)
    assert taught.outcome == "no_change"
