import json
import time
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
from cch_audit.distillation.arms import CONTROLS, loss_formula, parse_grid
from cch_audit.distillation.confirm import (
    confirm,
    overall,
    plan_experiment,
    sum_up,
    training_rows,
)
from cch_audit.distillation.metrics import METRICS
from cch_audit.distillation.splits import draw_split
from cch_audit.errors import InputError
from cch_audit.randomness import stream
from cch_audit.results import Change, Comparison, TrainingSize
from cch_audit.sample import Labels
from cch_audit.settings import ConfirmationSettings, EstimatorSettings

QUICK = ConfirmationSettings(temperature="1,2", weight="0.3,0.8", seeds=6, train_size="80")
KINDS = pytest.mark.parametrize("classes", [True, False], ids=["classes", "numbers"])


def plan(sample, settings=QUICK, confidence=0.95, **changes):
    return plan_experiment(sample, settings, parse_grid(settings), confidence, 1, **changes)


def trained(sample, teacher="teacher", settings=QUICK, **changes):
    """Return a confirmation without the time it took."""
    experiment = plan(sample, settings, **changes)
    curve = [confirm(sample, teacher, experiment, size) for size in experiment.sizes]
    return sum_up(curve, experiment, 0.0)


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
    ("changes", "curve", "expected"),
    [
        ({"train_size": None}, True, (10, 22, 49, 110)),
        ({"train_size": None}, False, (110,)),
        ({"train_size": "50,20"}, True, (20, 50)),
        ({"train_size": "50", "labelled_rows": 30}, True, (30, 50)),
        ({"train_size": None, "labelled_rows": 30}, False, (30,)),
        ({"train_size": "50", "labelled_rows": 5000}, True, (50, 110)),
    ],
)
def test_sizes(changes, curve, expected):
    assert plan(sample_of(True, 220), replace(QUICK, **changes), curve=curve).sizes == expected


def test_training_rows_where_one_number_must_stand_for_all():
    settings = replace(QUICK, train_size=None)
    assert [training_rows(n, settings) for n in (100, 801, 10_000)] == [50, 400, 400]
    assert training_rows(1000, replace(settings, train_size="50,300")) == 300
    assert training_rows(1000, replace(settings, labelled_rows=2000)) == 2000


def test_plan_refuses_what_shows_nothing():
    with pytest.raises(InputError, match="`train_size` 239 leaves 0 of 240 rows for validation"):
        plan(sample_of(True), replace(QUICK, train_size="239"))
    with pytest.raises(InputError, match=r"`metric` mse: class labels have accuracy, log_loss"):
        plan(sample_of(True), replace(QUICK, metric="mse"))
    with pytest.raises(InputError, match="`metric` brier: continuous labels have mse, r2"):
        plan(sample_of(False), replace(QUICK, metric="brier"))


def test_sizes_that_decide_together_have_a_higher_level_each():
    sample = sample_of(True)
    assert plan(sample).confidence == pytest.approx(0.95)
    several = replace(QUICK, train_size="20,50,80")
    assert plan(sample, several).confidence == pytest.approx(1 - 0.05 / 3)
    assert plan(sample, replace(several, labelled_rows=50)).confidence == pytest.approx(0.95)


@KINDS
@pytest.mark.parametrize("architecture", ["linear", "mlp"])
def test_record(classes, architecture):
    settings = replace(
        QUICK, fusion=True, architecture=architecture, hidden=8, epochs=3, min_effect=0.02
    )
    found = trained(sample_of(classes), settings=settings)
    size = found.size
    assert found.source == "heads"
    assert found.metric == ("accuracy" if classes else "mse")
    assert (found.architecture, found.min_effect) == (architecture, 0.02)
    assert found.loss == loss_formula(classes)
    assert (size.n_repetitions, size.n_train, size.n_validation, size.n_test) == (6, 80, 80, 80)
    assert set(size.metrics) == set(METRICS[classes])
    main = found.main
    assert main.change.estimate == pytest.approx(main.distilled - main.baseline)
    assert main.change.low <= main.change.estimate <= main.change.high
    assert main.outcome == size.outcome == found.outcome
    assert set(size.controls) == set(CONTROLS[classes])
    for control in size.controls.values():
        total = control.change.estimate + control.advantage.estimate
        assert total == pytest.approx(main.change.estimate)
    assert len(size.grid) == (4 if classes else 2)
    assert {cell.temperature for cell in size.grid} == ({1.0, 2.0} if classes else {None})
    assert {cell.weight for cell in size.grid} == {0.3, 0.8}
    assert sum(cell.chosen for cell in size.grid) == 6
    assert size.fusion is not None
    assert (size.gradient is None) == (architecture == "mlp")
    # Every number is finite and none is numpy's.
    again = json.loads(json.dumps(asdict(found), allow_nan=False))
    assert again["curve"][0]["grid"][0]["chosen"] == size.grid[0].chosen


def test_mse_and_r2_say_the_same():
    metrics = trained(sample_of(False, n=600)).size.metrics
    mse, r2 = metrics["mse"], metrics["r2"]
    # Targets have variance 1 over all rows, and within a few percent of it over 440 of them.
    assert r2.baseline == pytest.approx(1 - mse.baseline, abs=0.05)
    assert np.sign(r2.change.estimate) == -np.sign(mse.change.estimate)


@KINDS
def test_other_teachers_change_nothing_and_meet_the_same_students(classes):
    sample = sample_of(classes)
    one, other = trained(sample), trained(sample, "noise")
    alone = replace(sample, teachers={"teacher": sample.teachers["teacher"]})
    assert trained(alone) == one
    assert other.main.baseline == pytest.approx(one.main.baseline, abs=1e-3)
    assert other.main.distilled != one.main.distilled
    better = one.size.teacher_score - other.size.teacher_score
    assert better > 0 if classes else better < 0


def test_split_seed_decides():
    sample = sample_of(False)
    assert trained(sample, settings=replace(QUICK, split_seed=1)) != trained(sample)


def test_repetitions_are_added_until_they_decide():
    told = []
    sample = sample_of(True, n=500)
    settings = replace(QUICK, seeds=48, min_effect=0.2)
    experiment = plan(sample, settings)
    found = confirm(sample, "teacher", experiment, 80, told.append)
    # A gain of .2 is excluded at the first look.
    assert (found.outcome, found.n_repetitions) == ("no_change", 6)
    assert told == [6 / 48]
    undecided = confirm(sample, "teacher", plan(sample, replace(settings, min_effect=1e-4)), 80)
    assert (undecided.outcome, undecided.n_repetitions) == ("undecided", 48)
    assert undecided.more_rows is not None or undecided.more_repetitions is not None


def test_no_repetition_begins_when_the_time_is_over():
    sample = sample_of(False)
    settings = replace(QUICK, seeds=600, min_effect=1e-6)
    found = confirm(sample, "noise", plan(sample, settings), 80, deadline=time.monotonic())
    assert found.n_repetitions == 6


@pytest.mark.parametrize("architecture", ["linear", "mlp"])
def test_units_of_the_targets_do_not_matter(architecture):
    sample = sample_of(False)
    settings = replace(QUICK, architecture=architecture, epochs=4)
    y = sample.labels.values
    changed = with_labels(sample, y * [1e6, 1e-6] + [3e6, -5.0])
    found, expected = (trained(one, settings=settings) for one in (changed, sample))
    assert found.outcome == expected.outcome
    # Trained in single precision; solved in double.
    close = 1e-4 if architecture == "mlp" else 1e-9
    for one, other in zip(found.size.metrics.values(), expected.size.metrics.values()):
        assert one.baseline == pytest.approx(other.baseline, abs=close)
        assert one.distilled == pytest.approx(other.distilled, abs=close)
    # Outputs of the user's own teacher come in the units of the targets.
    own = y + np.random.default_rng(0).standard_normal(y.shape)
    found = trained(with_outputs(changed, own * [1e6, 1e-6] + [3e6, -5.0]), settings=settings)
    expected = trained(with_outputs(sample, own), settings=settings)
    assert found.size.teacher_score == pytest.approx(expected.size.teacher_score, abs=1e-9)
    assert found.main.distilled == pytest.approx(expected.main.distilled, abs=close)


def test_own_outputs_may_be_logits_or_probabilities():
    sample = sample_of(True)
    logits = 2 * np.random.default_rng(0).standard_normal((240, 3))
    logits -= logits.mean(axis=1, keepdims=True)
    found = trained(with_outputs(sample, logits))
    again = trained(with_outputs(sample, softmax(logits, axis=1)))
    assert again.size.teacher_score == found.size.teacher_score
    assert again.main.distilled == pytest.approx(found.main.distilled, abs=0.005)


@pytest.mark.slow
def test_own_outputs_for_two_classes_may_be_one_column():
    sample = sample_of(True)
    sample = replace(sample, labels=Labels(np.minimum(sample.labels.values, 1), ("a", "b")))
    odds = 2 * np.random.default_rng(0).standard_normal((240, 1))
    found = trained(with_outputs(sample, odds))
    for same in (
        expit(odds),
        np.hstack([-odds, odds]) / 2,
        np.hstack([1 - expit(odds), expit(odds)]),
    ):
        again = trained(with_outputs(sample, same))
        assert again.size.teacher_score == found.size.teacher_score
        assert again.main.distilled == pytest.approx(found.main.distilled, abs=0.005)


def test_fusion_compares_joint_inputs():
    without = trained(sample_of(False))
    assert without.size.fusion is None
    found = trained(sample_of(False), settings=replace(QUICK, fusion=True))
    fusion = found.size.fusion
    # The teacher sees the targets nearly without noise.
    assert fusion.baseline < 0.3 < found.main.baseline
    assert fusion.change.estimate == pytest.approx(fusion.distilled - fusion.baseline)
    assert found.main == without.main


@KINDS
def test_groups_stay_together(classes):
    groups = np.random.default_rng(0).permutation(np.arange(240) // 4)
    sample = sample_of(classes, groups=groups)
    experiment = plan(sample)
    for number in range(6):
        rng = stream(QUICK.split_seed, "repetition", "80", str(number))
        split = draw_split(experiment.y, sample.dependence, 80, rng)
        parts = (split.train, split.validation, split.test)
        train, validation, test = (set(groups[rows]) for rows in parts)
        assert len(train | validation | test) == len(train) + len(validation) + len(test)
    free = trained(sample_of(classes))
    grouped = trained(sample)
    assert grouped.main.change.standard_error != free.main.change.standard_error


def test_copies_in_a_group_give_nothing_away():
    # Labels are random, and every row is there four times: only a straddling split can know them.
    rng = np.random.default_rng(0)
    x, groups = np.repeat(rng.standard_normal((60, 150)), 4, axis=0), np.repeat(np.arange(60), 4)
    y = np.repeat(rng.standard_normal((60, 1)), 4, axis=0)
    settings = replace(QUICK, weight="0.8")
    # Of a row's three copies one or more is seen in seven cases of ten.
    assert trained(audited({"teacher": x}, x, y), settings=settings).main.baseline < 0.8
    assert trained(audited({"teacher": x}, x, y, groups), settings=settings).main.baseline > 0.9


def size_of(n_train, outcome, low, high, cause=None, metric="accuracy"):
    change = Change((low + high) / 2, low, high, (high - low) / 4, 0.5)
    metrics = {metric: Comparison(0.5, 0.5 + change.estimate, change, outcome)}
    nothing = {"grid": (), "fusion": None, "more_rows": None, "more_repetitions": None}
    scores = {"teacher_score": 0.9, "trivial_score": 0.3, "gradient": None}
    return TrainingSize(
        n_train, n_train, 100, 6, outcome, cause, metrics, controls={}, **nothing, **scores
    )


HELPS = size_of(20, "helps", 0.01, 0.05, "transfer")
CONTROLLED = size_of(50, "helps", 0.04, 0.06, "regularisation")
NOTHING = size_of(400, "no_change", -0.004, 0.004)
HURTS = size_of(800, "hurts", -0.05, -0.02)
OPEN = size_of(100, "undecided", -0.02, 0.03)


@pytest.mark.parametrize(
    ("curve", "outcome", "at"),
    [
        ([HELPS, NOTHING], "helps", 0),
        ([HELPS, CONTROLLED, NOTHING], "helps", 0),
        ([CONTROLLED, NOTHING], "helps", 0),
        ([HELPS, OPEN], "helps", 0),
        ([HELPS, HURTS], "undecided", 1),
        ([NOTHING, HURTS], "hurts", 1),
        ([OPEN, HURTS], "hurts", 1),
        ([NOTHING, OPEN], "undecided", 1),
        ([NOTHING], "no_change", 0),
        ([OPEN], "undecided", 0),
    ],
)
def test_what_a_curve_shows_as_a_whole(curve, outcome, at):
    assert overall(curve, "accuracy") == (outcome, at)


def test_the_rows_that_the_user_has_decide():
    experiment = plan(sample_of(True), replace(QUICK, train_size="20,50", labelled_rows=100))
    assert experiment.sizes == (20, 50, 100)
    found = sum_up([HELPS, CONTROLLED, replace(NOTHING, n_train=100)], experiment, 0.0)
    assert (found.outcome, found.at, found.labelled_rows, found.notes) == ("no_change", 2, 100, ())
    experiment = plan(sample_of(True), replace(QUICK, train_size="20,50", labelled_rows=900))
    found = sum_up([HELPS, CONTROLLED, replace(NOTHING, n_train=120)], experiment, 0.0)
    assert found.outcome == "no_change"
    assert found.notes[0].startswith("Of 900 labelled rows 120 could train")


def test_a_gap_that_does_not_matter_does_not_help():
    # A teacher that says the labels, and a student that could learn them all the same.
    rng = np.random.default_rng(1)
    x = rng.standard_normal((2000, 3))
    y = x[:, :1] + 1e-3 * rng.standard_normal((2000, 1))
    found = trained(audited({"teacher": x}, x, y), settings=replace(QUICK, train_size="200"))
    assert found.outcome == "no_change"


def misled(sample, name):
    """Add the teacher that means the wrong class or number, as `rank --controls` does."""
    alone = replace(sample, teachers={name: sample.teachers[name]})
    changed = add_controls(alone, Parts(None, EstimatorSettings(), 0), 2)
    return changed, changed.controls[2]


def test_mirrored_predictions_hurt():
    sample, wrong = misled(sample_of(False, n=600), "teacher")
    found = trained(sample, wrong, replace(QUICK, weight="0.8", seeds=48))
    assert found.outcome == "hurts"
    assert found.main.change.low > 0  # a higher squared error


@cache
def constructed(n, teacher, weight="0.8", train_size="400"):
    """The experiment of SCIENCE.md, section 2."""
    settings = ConfirmationSettings(temperature="2", weight=weight, train_size=train_size)
    return trained(world(n), teacher, settings)


@pytest.mark.slow
@pytest.mark.parametrize("weight", ["0.5", "0.8"])
def test_permuted_classes_hurt(weight):
    sample, wrong = misled(world(4000), "good")
    settings = ConfirmationSettings(temperature="2", weight=weight, train_size="400")
    found = trained(sample, wrong, settings)
    assert found.outcome == "hurts"
    assert found.size.teacher_score < 0.5  # wrong more often than a coin


@pytest.mark.slow
def test_a_good_teacher_transfers():
    found = constructed(6000, "good")
    assert (found.outcome, found.cause) == ("helps", "transfer")


@pytest.mark.slow
def test_a_copy_of_the_student_does_not_transfer():
    found = constructed(6000, "copy")
    assert found.outcome in ("no_change", "helps", "undecided")
    assert found.cause != "transfer"


@pytest.mark.slow
@pytest.mark.parametrize("teacher", ["weak", "nuisance"])
def test_teachers_that_know_too_little_do_not_help(teacher):
    assert constructed(6000, teacher).outcome in ("hurts", "no_change")


def score_of_logistic_regression(y, split, x):
    """Accuracy on test rows, with the penalty that the validation rows choose."""
    x = StandardScaler().fit(x[split.train]).transform(x)
    tried = []
    for penalty in np.logspace(-3, 2, 6):
        model = LogisticRegression(C=penalty, max_iter=1000).fit(x[split.train], y[split.train])
        chances = model.predict_proba(x[split.validation])
        likelihood = np.log(chances)[np.arange(len(chances)), y[split.validation]].mean()
        tried.append((likelihood, model.score(x[split.test], y[split.test])))
    return max(tried)[1]


@pytest.mark.slow
@pytest.mark.parametrize(("n", "architecture"), [(200, "linear"), (500, "linear"), (500, "mlp")])
def test_untaught_student_is_well_trained(n, architecture):
    """Otherwise a teacher that only hastens the training would help."""
    x, y = Mixture(3.0, (0.1,) * 10, 10).sample(n)
    x = x @ rotation(10, np.random.default_rng(0))
    sample = audited({"teacher": x}, x, y)
    settings = ConfirmationSettings(
        temperature="1",
        weight="0.5",
        architecture=architecture,
        hidden=16,
        train_size=str(n // 2),
        seeds=12,
    )
    experiment = plan(sample, settings)
    found = confirm(sample, "teacher", experiment, n // 2)
    reached = []
    for number in range(found.n_repetitions):
        rng = stream(settings.split_seed, "repetition", str(n // 2), str(number))
        reached.append(score_of_logistic_regression(y, draw_split(y, None, n // 2, rng), x))
    # Both answers to the same rows; a standard error of their difference is below .01.
    assert found.metrics["accuracy"].baseline > np.mean(reached) - 0.03
    # The teacher has the same representation, and five heads that vote.
    assert found.teacher_score > np.mean(reached) - 0.03
