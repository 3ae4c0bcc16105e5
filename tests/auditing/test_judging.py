from dataclasses import asdict, replace

import numpy as np
import pytest
import torch
from samplers import Family, Gaussian, Independent, audited

from cch_audit.auditing.measurement import _collect, n_surrogates, predict
from cch_audit.auditing.parts import Parts
from cch_audit.estimators import GaussianSettings, LmiSettings, MineSettings
from cch_audit.estimators.contract import Estimate
from cch_audit.estimators.neighbors import from_neighbors
from cch_audit.settings import AuditSettings, EstimatorSettings
from tests.auditing.whole import audit

N = 400
BRIEF = EstimatorSettings(
    (MineSettings(n_seeds=2, max_steps=25), LmiSettings(n_seeds=2, max_steps=25))
)
QUICK = AuditSettings(estimator=("ksg",), resamples=500, surrogates=1, jobs=1)

WIDE = Gaussian((0.9, 0.8, 0.7), 30, 30).sample(400)


def run(sample, seed=0, estimators=BRIEF, progress=lambda what, share: None, **changes):
    return audit(sample, replace(QUICK, **changes), estimators, seed, progress)


def paired(r: float, seed: int = 0):
    """Two teachers of the same student, with continuous labels."""
    rng = np.random.default_rng(seed)
    s, y = Gaussian((r,), 2, 1).sample(N, seed)
    good, weak = s + 0.5 * rng.standard_normal(s.shape), s + 3 * rng.standard_normal(s.shape)
    return {"good": good, "weak": weak}, s, y


def class_paired(n: int = N, groups=None):
    """Teacher and student that share the class and nothing else."""
    rng = np.random.default_rng(0)
    y = rng.integers(2, size=n)
    t, s = 1.5 * np.eye(2)[y] + rng.standard_normal((2, n, 2))
    return audited({"teacher": t}, s, y, groups)


def nuisance(n: int = 800):
    """A teacher that shares with the student only what the labels do not depend on."""
    rng = np.random.default_rng(0)
    y = rng.integers(2, size=n)
    shared = rng.standard_normal((n, 3))
    signal = 2.0 * y[:, None] + rng.standard_normal((n, 1))
    student = np.hstack([shared + 0.3 * rng.standard_normal((n, 3)), signal])
    return audited({"teacher": shared + 0.3 * rng.standard_normal((n, 3))}, student, y)


@pytest.fixture(autouse=True)
def denormal_numbers():
    """Let no test's training change how the next one computes."""
    yield
    torch.set_flush_denormal(False)


@pytest.fixture(scope="module")
def both():
    """One audit of two teachers with two estimators."""
    teachers, s, y = paired(0.7)
    return run(audited(teachers, s, y), estimator=("ksg", "gaussian"))


def test_one_audit_per_teacher_in_order(both):
    assert [one.teacher for one in both] == ["good", "weak"]
    for one in both:
        assert one.student == "student"
        assert (one.teacher_dimension, one.student_dimension) == (2, 2)
        assert set(one.levels) == {"representations", "predictions"}
        assert one.gated == ("representations",)
        assert one.verdict == one.levels["representations"].verdict
        assert one.reasons == one.levels["representations"].reasons
        for level in one.levels.values():
            assert tuple(level.estimators) == ("ksg", "gaussian")
            assert level.voters == ("ksg",)


def test_numbers_fit_together(both):
    for one in both:
        for level in one.levels.values():
            for found in level.estimators.values():
                parts = found.teacher_student, found.student_labels
                difference = parts[0].estimate - parts[1].estimate
                assert found.gap.estimate == pytest.approx(difference, abs=1e-12)
                for interval in (*parts, found.gap):
                    assert interval.low < interval.estimate < interval.high
                    assert interval.standard_error > 0
                assert found.verdict_interval.low <= found.gap.low
                assert found.verdict_interval.high >= found.gap.high
                assert found.bias.gap == pytest.approx(
                    found.bias.teacher_student - found.bias.student_labels, abs=1e-12
                )
                assert found.drift.gap == pytest.approx(
                    found.drift.teacher_student - found.drift.student_labels, abs=1e-12
                )
                assert 0 <= found.gap.probability_positive <= 1


def test_student_is_measured_once_for_all_teachers(both):
    for level in ("representations", "predictions"):
        for name in ("ksg", "gaussian"):
            good, weak = (one.levels[level].estimators[name] for one in both)
            assert good.student_labels.estimate == weak.student_labels.estimate
            assert good.bias.student_labels == weak.bias.student_labels
            assert good.drift.student_labels == weak.drift.student_labels


def test_better_teacher_shares_more(both):
    good, weak = (one.levels["representations"].estimators["ksg"] for one in both)
    assert good.teacher_student.low > weak.teacher_student.high


@pytest.mark.parametrize("k", [0.4, 3.0])
def test_criterion_of_the_family(k):
    world = Family(k)
    (one,) = run(world.sample(N), estimator=("ksg", "gaussian"))
    expected = "pass" if k < 1 else "fail"
    assert one.verdict == expected
    for level in one.levels.values():  # predictions are linear in one column here
        found = level.estimators["ksg"]
        assert found.verdict_interval.low < world.gap < found.verdict_interval.high
        assert level.estimators["gaussian"].verdict == expected


@pytest.mark.slow
def test_adding_a_teacher_changes_no_other_number(both):
    teachers, s, y = paired(0.7)
    (alone,) = run(audited({"weak": teachers["weak"]}, s, y), estimator=("ksg", "gaussian"))
    assert asdict(alone) == asdict(both[1])


@pytest.mark.slow
def test_adding_an_estimator_changes_no_other_number(both):
    teachers, s, y = paired(0.7)
    alone = run(audited(teachers, s, y), estimator=("ksg",))
    for one, more in zip(alone, both):
        for level in ("representations", "predictions"):
            assert one.levels[level].estimators["ksg"] == more.levels[level].estimators["ksg"]


@pytest.mark.slow
def test_training_a_network_changes_no_other_number():
    # Integers tie; in the same thread KSG then counts rows at distance zero differently.
    teachers, s, y = paired(0.7)
    sample = audited({"good": np.round(teachers["good"][:, :1])}, np.round(s[:, :1]), np.round(y))
    alone, after = (run(sample, estimator=names)[0] for names in (("ksg",), ("lmi", "ksg")))
    for level in ("representations", "predictions"):
        assert alone.levels[level].estimators["ksg"] == after.levels[level].estimators["ksg"]


@pytest.mark.slow
@pytest.mark.parametrize("classes", [False, True])
def test_same_seed_same_result_in_any_number_of_jobs(classes):
    sample = class_paired(100) if classes else Family(0.7).sample(100)
    names = ("ksg", "mine", "lmi", "gaussian")
    assert run(sample, estimator=names, jobs=1) == run(sample, estimator=names, jobs=2)


def test_another_seed_another_interval():
    sample = Family(0.7).sample(200)
    first, other = (
        run(sample, seed)[0].levels["representations"].estimators["ksg"] for seed in (0, 1)
    )
    assert first.gap.estimate == other.gap.estimate  # KSG needs no randomness
    assert first.gap.low != other.gap.low
    assert first.bias != other.bias


def test_class_paired_data_fail():
    # I(H1;H2) <= I(H2;Y) by data processing: the criterion can never hold.
    (one,) = run(class_paired(1000), estimator=("ksg", "gaussian"))
    found = one.levels["representations"].estimators["ksg"]
    assert found.gap.estimate < 0
    assert one.verdict == "fail"
    shared = one.companions.teacher_student_given_labels
    assert abs(shared.estimate) < 4 * shared.standard_error


def test_labels_that_are_a_function_of_the_teacher_pass():
    rng = np.random.default_rng(0)
    t = rng.standard_normal((1000, 2))
    s = t + 0.7 * rng.standard_normal(t.shape)
    (one,) = run(audited({"teacher": t}, s, (t[:, 0] > 0).astype(int)))
    assert one.verdict == "pass"


def test_shared_nuisance_passes_on_representations_only():
    (one,) = run(nuisance())
    assert one.verdict == "pass"
    assert one.levels["representations"].verdict == "pass"
    assert one.levels["predictions"].verdict != "pass"
    assert "The levels disagree: pass on representations" in one.notes[0]
    assert "nothing to do with the labels" in one.notes[1]
    # What the companions show: the teacher knows nothing of the labels.
    known = one.companions.teacher_labels
    assert known.estimate == pytest.approx(0.0, abs=4 * known.standard_error)
    assert one.companions.teacher_student_given_labels.low > 0.5


@pytest.mark.slow
@pytest.mark.parametrize(
    ("level", "verdict", "gated"),
    [
        ("representations", "pass", ("representations",)),
        ("predictions", "fail", ("predictions",)),
        ("both", "undecided", ("representations", "predictions")),
    ],
)
def test_gated_levels_decide(level, verdict, gated):
    (one,) = run(nuisance(1500), level=level)
    assert one.verdict == verdict
    assert one.gated == gated
    assert len(one.reasons) == len(gated)


@pytest.mark.parametrize(
    ("level", "estimator", "rule", "at_shown"),
    [
        ("representations", ("ksg", "mine"), "all", ("ksg",)),
        ("predictions", ("ksg", "mine", "gaussian"), "mine", ("ksg", "gaussian")),
        ("representations", ("lmi", "gaussian"), "majority", ("gaussian",)),
        ("representations", ("mine",), "all", ("mine",)),
    ],
)
def test_a_level_that_does_not_decide_is_measured_without_networks(
    level, estimator, rule, at_shown
):
    (one,) = run(Family(0.4).sample(300), level=level, estimator=estimator, rule=rule)
    (other,) = set(one.levels) - {level}
    shown, idle = one.levels[other], tuple(name for name in estimator if name not in at_shown)
    assert tuple(one.levels[level].estimators) == estimator
    assert one.levels[level].not_needed == ()
    assert tuple(shown.estimators) == at_shown
    assert shown.not_needed == idle
    # A reference votes where it is alone; a rule that names who is not there is that of all.
    assert shown.voters == at_shown[:1]
    assert shown.verdict == shown.estimators[at_shown[0]].verdict
    said = [note for note in one.notes if "which train networks" in note]
    assert len(said) == bool(idle)


def test_with_both_levels_all_estimators_run_at_both():
    (one,) = run(Family(0.4).sample(300), level="both", estimator=("ksg", "mine"))
    assert [tuple(level.estimators) for level in one.levels.values()] == [("ksg", "mine")] * 2


def test_agreeing_levels_need_no_note():
    (one,) = run(Family(0.4).sample(N))
    assert one.notes == ()


def test_condition_of_the_theorem_is_noted():
    sample = Family(0.4).sample(N)
    loud = {"teacher": 10 * sample.teachers["teacher"]}
    (one,) = run(replace(sample, predictions=loud))
    assert one.companions.variance_condition is False
    assert any("Var(t) > Var(y)" in note for note in one.notes)


def test_own_predictions_are_used():
    sample = Family(0.4).sample(N)
    noise, _ = Independent(1, 1).sample(N)
    (one,) = run(replace(sample, predictions={"teacher": noise}))
    (other,) = run(sample)
    shared = one.levels["predictions"].estimators["ksg"].teacher_student
    assert shared.estimate == pytest.approx(0.0, abs=4 * shared.standard_error)
    assert other.levels["predictions"].estimators["ksg"].teacher_student.low > 0.3
    assert one.levels["representations"] == other.levels["representations"]


def test_own_class_scores_may_be_probabilities_or_logits():
    sample = class_paired()
    logits = sample.student @ [[-1.0, 0.5], [0.3, 1.0]]
    exp = np.exp(logits)
    found = [
        run(replace(sample, predictions={"student": scores}))[0].levels["predictions"]
        for scores in (logits, exp / exp.sum(axis=1, keepdims=True))
    ]
    first, second = (level.estimators["ksg"].gap.estimate for level in found)
    assert first == pytest.approx(second, abs=1e-9)


@pytest.mark.slow
def test_groups_speak_of_a_new_group():
    # Four noisy copies of each row, which look like information between teacher and student.
    rng = np.random.default_rng(0)
    sample = class_paired(100)
    teacher, student, y = (
        np.repeat(part, 4, axis=0)
        for part in (sample.teachers["teacher"], sample.student, sample.labels.values)
    )
    teacher = teacher + 0.2 * rng.standard_normal(teacher.shape)
    student = student + 0.2 * rng.standard_normal(student.shape)
    names = ("ksg", "gaussian")
    groups = np.repeat(np.arange(100), 4)
    found = [
        run(audited({"teacher": teacher[rows]}, student[rows], y[rows], codes), estimator=names)[0]
        for codes, rows in (
            (None, np.arange(400)),
            (groups, np.arange(400)),
            (None, 4 * np.arange(100)),
        )
    ]
    kinds = [[doubt.kind for doubt in one.doubts] for one in found]
    copied, grouped, alone = (one.levels["representations"].estimators["ksg"] for one in found)
    # Class means 1.5 / sqrt(1.04) standard deviations from the origin: the gap of a new row, by a
    # Monte Carlo mean over 200 000 rows, is .191 - .353.
    truth = -0.163
    assert copied.gap.estimate - truth > 5 * copied.gap.standard_error
    assert grouped.gap.low < truth < grouped.gap.high < 0
    assert grouped.gap.estimate == pytest.approx(alone.gap.estimate, abs=alone.gap.standard_error)
    assert grouped.student_labels.standard_error > 1.3 * copied.student_labels.standard_error
    assert (copied.verdict, grouped.verdict) == ("undecided", "fail")
    assert "withheld" in copied.flags
    assert "withheld" not in grouped.flags
    assert kinds[0] == ["file_order"]
    assert kinds[1] == []
    assert set(found[1].levels["predictions"].estimators) == set(names)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("n_groups", "name"), [(2, "ksg"), (5, "ksg"), (2, "lmi"), (7, "mine"), (9, "gaussian")]
)
def test_few_groups_give_an_audit_without_a_verdict(n_groups, name):
    (one,) = run(class_paired(200, np.arange(200) % n_groups), estimator=(name,))
    assert one.verdict == "undecided"
    assert [doubt.kind for doubt in one.doubts] == ["few_units"]
    assert f"Only {n_groups} groups (of {n_groups}) count" in one.doubts[0].reason
    for level in one.levels.values():
        found = level.estimators[name]
        assert found.verdict == "undecided"
        assert found.flags[-1] == "withheld"
        assert np.isfinite([*vars(found.gap).values()]).all()


def test_twenty_groups_are_enough_for_a_verdict():
    (one,) = run(replace(Family(0.4).sample(N), groups=np.arange(N) % 20))
    assert one.verdict == "pass"
    assert one.doubts == ()


def test_half_sample_interval():
    sample = Family(0.4).sample(N)
    (pseudo,), (half,) = (run(sample, ci=ci, half_samples=20) for ci in ("pseudo", "half"))
    one, other = (found.levels["representations"].estimators["ksg"] for found in (pseudo, half))
    assert one.gap.estimate == other.gap.estimate
    assert one.bias == other.bias
    assert one.drift == other.drift  # from the first pair of halves
    # Pseudo-values are 1.0 to 1.4 times as wide; twenty halves give a standard deviation to
    # within a sixth.
    assert 0.4 < other.gap.standard_error / one.gap.standard_error < 1.6
    assert other.gap.low < other.gap.estimate < other.gap.high


def test_odd_number_of_halves_is_made_even():
    sample = Family(0.4).sample(100)
    odd, even = (run(sample, ci="half", half_samples=halves) for halves in (11, 12))
    assert odd == even


def test_no_surrogates_no_bias():
    (one,) = run(Family(0.4).sample(N), surrogates=0)
    for level in one.levels.values():
        found = level.estimators["ksg"]
        assert found.bias is None
        gap = found.gap
        interval = found.verdict_interval
        assert (interval.low, interval.high) == (gap.low, gap.high)


def test_bias_is_the_mean_over_surrogates():
    # More surrogates extend the same sequence: the mean settles.
    sample = Family(0.4).sample(200)
    biases = [
        run(sample, surrogates=number)[0].levels["representations"].estimators["ksg"].bias.gap
        for number in (1, 2, 8)
    ]
    assert len(set(biases)) == 3
    # One KSG error at n = 200 has a standard deviation of about .1 on each side.
    assert abs(biases[2]) < 4 * 0.14 / np.sqrt(8) + 0.05


def test_margin_and_confidence_reach_the_verdict():
    sample = Family(0.4).sample(N)
    (high,) = run(sample, margin=3.0)
    assert high.verdict == "fail"
    assert "margin of 3 nats" in high.reasons[0]
    narrow, wide = (
        run(sample, confidence=level)[0].levels["representations"].estimators["ksg"].gap
        for level in (0.5, 0.99)
    )
    assert wide.high - wide.low > 2 * (narrow.high - narrow.low)


def test_scale_of_the_data_does_not_matter():
    sample = Family(0.6).sample(200)
    scaled = replace(
        sample,
        teachers={"teacher": 1e-9 * sample.teachers["teacher"]},
        student=1e9 * sample.student,
    )
    first, other = (run(one)[0].levels["representations"] for one in (sample, scaled))
    one, two = (level.estimators["ksg"] for level in (first, other))
    assert one.gap.estimate == pytest.approx(two.gap.estimate, abs=1e-9)
    assert one.gap.low == pytest.approx(two.gap.low, abs=1e-9)


def test_progress_ends_at_one():
    shares = []
    run(Family(0.6).sample(100), progress=lambda what, share: shares.append((what, share)))
    assert [share for _, share in shares] == sorted(share for _, share in shares)
    assert shares[-1][1] == pytest.approx(1.0)
    assert {what for what, _ in shares} == {
        "prediction heads",
        "ksg, representations",
        "ksg, predictions",
    }


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        "ksg",
        "gaussian",
        "mine",
        "lmi",
    ],
)
def test_smallest_sample_that_is_read(name):
    # Fifty rows, five classes of ten: what the reader accepts must be auditable.
    rng = np.random.default_rng(0)
    y = rng.permutation(np.repeat(np.arange(5), 10))
    t, s = rng.standard_normal((2, 50, 3)) + y[:, None]
    (one,) = run(audited({"teacher": t}, s, y), estimator=(name,))
    assert one.verdict in ("pass", "fail", "undecided")


def test_settings_of_estimators_are_used():
    sample = Family(0.6).sample(200)
    values = [
        run(
            sample,
            estimators=EstimatorSettings((GaussianSettings(folds),)),
            estimator=("gaussian",),
        )[0]
        .levels["representations"]
        .estimators["gaussian"]
        .gap
        for folds in (2, 5)
    ]
    assert values[0].estimate != values[1].estimate


def test_equal_teachers_have_equal_predictions():
    sample = nuisance(300)
    (name, values), *_ = sample.teachers.items()
    twins = replace(sample, teachers={name: values, "twin": 3 * values + 1})
    found = predict(twins, Parts(None, BRIEF, 0), 1)
    np.testing.assert_allclose(found["twin"], found[name], atol=1e-6)


def test_cheap_estimates_have_more_surrogates():
    settings = AuditSettings(surrogates=2, level="predictions")
    assert n_surrogates("ksg", "predictions", settings) > 2
    assert n_surrogates("gaussian", "predictions", settings) > 2
    assert n_surrogates("mine", "predictions", settings) == 2
    assert n_surrogates("ksg", "representations", settings) == 2
    assert n_surrogates("ksg", "predictions", AuditSettings(surrogates=2)) == 2  # shown alone
    assert n_surrogates("ksg", "predictions", AuditSettings(surrogates=0)) == 0


def test_halves_and_surrogates_are_raw_where_the_estimate_is():
    whole = Estimate(value=1.0, pseudo_values=np.ones(4), raw=0.4)
    others = {"half": [(0.9, 0.3), (0.7, 0.3)], "surrogate": [[(0.2, -0.5)]]}
    calibrated = _collect([whole], **others)
    assert (calibrated.drift, calibrated.bias) == (pytest.approx(0.2), 0.2)
    raw = _collect([replace(whole, value=0.4)], **others)
    assert (raw.drift, raw.bias) == (pytest.approx(0.1), -0.5)
    # An estimator without calibration has nothing to choose.
    plain = _collect([replace(whole, raw=None)], **others)
    assert (plain.drift, plain.bias) == (pytest.approx(0.2), 0.2)


def test_the_raw_estimates_are_reported():
    sample = audited({"teacher": WIDE[0]}, WIDE[1], np.arange(400) % 4)
    (one,) = run(sample)
    found = one.levels["representations"].estimators["ksg"]
    raw = from_neighbors(*WIDE, 3).value
    assert found.raw.teacher_student == raw < found.teacher_student.estimate
    assert found.raw.gap == raw - found.raw.student_labels
