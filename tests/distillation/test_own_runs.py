import numpy as np
import pytest
from scipy import stats

from cch_audit.distillation.own_notes import Question
from cch_audit.distillation.own_runs import ask, confirm_runs, is_decided, smallest_step
from cch_audit.distillation.paired_runs import pair
from cch_audit.distillation.read_runs import Trained
from cch_audit.errors import InputError
from cch_audit.sample import Labels
from cch_audit.settings import ConfirmationSettings

CLASSES = Labels(np.array([0, 0, 0, 1, 1, 2], dtype=np.int64), ("a", "b", "c"))
NUMBERS = Labels(np.array([[0.0, 1.0], [10.0, 2.0], [20.0, 3.0]]))
GAINS = [0.03, 0.02, 0.05, 0.01, 0.03, 0.04, 0.02, 0.03]
LEVELS = [0.70, 0.75, 0.71, 0.78, 0.73, 0.74, 0.76, 0.72]


def question(labels=CLASSES, confidence=0.95, sequential=False, **settings) -> Question:
    return ask(labels, ConfirmationSettings(**settings), confidence, sequential=sequential)


def runs_of(arms, numbered=True, **places):
    """Return runs of each arm, one a seed, numbered as the lines of a file are."""
    return numbered_lines(
        Trained(arm, str(seed), score, **places)
        for arm, scores in arms.items()
        for seed, score in enumerate(scores)
    )


def numbered_lines(runs):
    return [run._replace(line=number + 2) for number, run in enumerate(runs)]


def with_gains(gains=GAINS, **places):
    distilled = np.add(LEVELS[: len(gains)], gains)
    return runs_of({"baseline": LEVELS[: len(gains)], "distilled": distilled}, **places)


def confirmed(runs, teachers=("t",), **asked):
    return confirm_runs(numbered_lines(runs), teachers, question(**asked), "runs.csv")


def refused(runs, teachers=("t",), **asked):
    with pytest.raises(InputError) as error:
        confirmed(runs, teachers, **asked)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_the_interval_is_that_of_the_paired_t_test():
    found = confirmed(with_gains())["t"]
    expected = stats.ttest_1samp(GAINS, 0).confidence_interval(0.95)
    assert found.gain.estimate == pytest.approx(np.mean(GAINS))
    assert (found.gain.low, found.gain.high) == pytest.approx(tuple(expected))
    assert found.gain.irreducible is None
    assert (found.source, found.metric, found.outcome) == ("runs", "accuracy", "helps")
    assert found.main.baseline == pytest.approx(np.mean(LEVELS))
    assert found.size.n_repetitions == len(GAINS)
    assert found.size.n_train is None


def test_the_order_of_lines_changes_nothing():
    runs = with_gains()
    swapped = confirmed(runs[::-1])["t"]
    assert swapped.gain.estimate == pytest.approx(confirmed(runs)["t"].gain.estimate)
    assert swapped.gain.low == pytest.approx(confirmed(runs)["t"].gain.low)


def test_runs_that_ended_when_they_had_decided_have_a_wider_interval():
    fixed, grown = (confirmed(with_gains(), sequential=one)["t"] for one in (False, True))
    assert grown.gain.low < fixed.gain.low
    assert any("confidence sequence" in note for note in grown.notes)


@pytest.mark.parametrize(
    ("gains", "outcome"),
    [
        (GAINS, "helps"),
        (np.negative(GAINS), "hurts"),
        ([0.001, -0.001, 0.002, 0.0, -0.002, 0.001, 0.0, -0.001], "no_change"),
        ([0.04, -0.03, 0.05, -0.02, 0.03, -0.01, 0.02, 0.0], "undecided"),
    ],
)
def test_outcomes(gains, outcome):
    found = confirmed(with_gains(gains))["t"]
    assert found.outcome == outcome
    assert (found.size.more_repetitions is not None) == (outcome == "undecided")
    assert is_decided(found) == (outcome != "undecided")


def test_less_is_better_where_it_is_an_error():
    scores = {"baseline": LEVELS, "distilled": np.subtract(LEVELS, GAINS)}
    found = confirmed(runs_of(scores), labels=NUMBERS, min_effect=0.0001)["t"]
    assert (found.metric, found.outcome) == ("mse", "helps")
    assert found.gain.estimate == pytest.approx(np.mean(GAINS))
    assert found.main.change.estimate == pytest.approx(-np.mean(GAINS))


def test_what_matters_is_in_the_units_of_the_scores():
    variance = np.var(NUMBERS.values, axis=0).mean()
    assert question(NUMBERS).min_effect == pytest.approx(0.01 * variance)
    assert question(NUMBERS, metric="r2").min_effect == 0.01
    assert question(metric="log_loss").min_effect == pytest.approx(0.01 * CLASSES.entropy)
    assert question(min_effect=0.02).min_effect == 0.02
    found = confirmed(with_gains(), labels=NUMBERS)["t"]
    (said,) = (note for note in found.notes if "of the variance" in note)
    assert f"{variance:.4g}" in said


@pytest.mark.parametrize(("labels", "metric"), [(CLASSES, "mse"), (NUMBERS, "accuracy")])
def test_a_metric_of_other_labels_is_refused(labels, metric):
    with pytest.raises(InputError, match=f"`metric` {metric}: the labels are"):
        question(labels, metric=metric)


def test_equal_differences_are_no_certainty():
    """With few pairs nothing is excluded; with more the same difference of nothing is no change."""
    few, more = (confirmed(with_gains([0.0] * n))["t"] for n in (4, 8))
    assert (few.outcome, more.outcome) == ("undecided", "no_change")
    assert more.gain.low < 0 < more.gain.high
    same = confirmed(runs_of({"baseline": [0.8] * 3, "distilled": [0.9] * 3}))["t"]
    assert same.gain.low < 0 < same.gain.high
    assert same.outcome == "undecided"


def test_a_spread_below_half_a_step_of_the_scores_is_not_believed():
    assert smallest_step([np.array([0.5, 0.52]), np.array([0.5 + 1e-12, np.nan, 0.6])]) == (
        pytest.approx(0.02)
    )
    assert smallest_step([np.array([0.5, 0.5])]) == 0.0
    scores = {"baseline": [0.5] * 8, "distilled": [0.6] * 7 + [0.7]}
    found = confirmed(runs_of(scores))["t"]
    assert found.gain.standard_error == pytest.approx(0.05 / np.sqrt(8))


NOISE = np.array([0.004, -0.003, 0.002, -0.001, 0.003, -0.004, 0.001, -0.002])


@pytest.mark.parametrize(
    ("controls", "cause"),
    [
        ({}, "unclear"),
        ({"uniform": 0.0}, "transfer"),
        ({"uniform": 0.0, "shuffled": 0.0}, "transfer"),
        ({"uniform": 1.0, "shuffled": 0.0}, "regularisation"),
    ],
)
def test_the_cause_is_what_controls_do_not_do(controls, cause):
    arms = {name: LEVELS + share * np.array(GAINS) + NOISE for name, share in controls.items()}
    arms |= {"baseline": LEVELS, "distilled": np.add(LEVELS, GAINS)}
    found = confirmed(runs_of(arms))["t"]
    assert (found.outcome, found.cause) == ("helps", cause)
    assert set(found.size.controls) == set(controls)
    assert any("Without a control it is unclear" in note for note in found.notes) == (not controls)


def test_a_control_may_have_fewer_runs_but_not_one():
    runs = with_gains()
    fewer = runs_of({"shuffled": LEVELS[:4]})
    found = confirmed([*runs, *fewer])["t"]
    advantage = found.size.controls["shuffled"].advantage
    assert advantage.estimate == pytest.approx(np.mean(GAINS[:4]))
    assert any("Not every pair has runs of shuffled" in note for note in found.notes)
    assert "one run of the arm shuffled" in refused([*runs, *fewer[:1]])


def test_a_curve_is_corrected_for_its_sizes_unless_one_is_named():
    flat = NOISE[: len(GAINS)] / 4
    runs = [*with_gains(train_size=400), *with_gains(flat, train_size=50)]
    found = confirmed(runs)["t"]
    assert [size.n_train for size in found.curve] == [50, 400]
    assert [size.outcome for size in found.curve] == ["no_change", "helps"]
    assert (found.outcome, found.at) == ("helps", 1)
    wide = stats.ttest_1samp(GAINS, 0).confidence_interval(0.975)
    assert found.gain.low == pytest.approx(wide.low)
    named = confirmed(runs, labelled_rows=50)["t"]
    assert (named.outcome, named.at, named.labelled_rows) == ("no_change", 0, 50)
    assert "the runs are of 50, 400 training rows" in refused(runs, labelled_rows=60)
    assert "the runs do not say train_size" in refused(with_gains(), labelled_rows=60)


def test_seeds_of_one_split_are_one_unit():
    by_split = [0.01, 0.05, 0.03]
    runs = [
        run
        for split, gain in zip("abc", by_split, strict=True)
        for run in with_gains(np.add(gain, NOISE), split=split)
    ]
    found = confirmed(runs)["t"]
    expected = stats.ttest_1samp(np.add(by_split, NOISE.mean()), 0).confidence_interval(0.95)
    assert (found.gain.low, found.gain.high) == pytest.approx(tuple(expected))
    assert found.size.n_repetitions == 3
    assert any("over the seeds of each of 3 splits (24 pairs of runs)" in n for n in found.notes)
    alone = confirmed(with_gains(split="a"))["t"]
    assert alone.size.n_repetitions == len(GAINS)
    assert any("All runs are of one split" in note for note in alone.notes)


def test_a_control_on_some_seeds_of_a_split_is_refused():
    runs = [run for split in "ab" for run in with_gains(split=split)]
    control = [run for split in "ab" for run in runs_of({"shuffled": LEVELS[:2]}, split=split)]
    assert "fewer runs of the arm shuffled than pairs of split a" in refused([*runs, *control])


def test_few_pairs_are_said():
    found = confirmed(with_gains(GAINS[:5]))["t"]
    assert any("There are 5 pairs of runs" in note for note in found.notes)
    assert not any("There are" in note for note in confirmed(with_gains())["t"].notes)


def test_a_baseline_worse_than_a_guess_is_said():
    scores = {"baseline": np.array(LEVELS) - 0.5, "distilled": LEVELS}
    found = confirmed(runs_of(scores))["t"]
    assert found.size.trivial_score == pytest.approx(0.5)
    assert any("naming the largest class" in note for note in found.notes)


def test_teachers_share_a_baseline_that_names_none():
    runs = [
        *runs_of({"baseline": LEVELS}),
        *runs_of({"distilled": np.add(LEVELS, GAINS)}, teacher="good"),
        *runs_of({"distilled": np.add(LEVELS, NOISE / 4)}, teacher="bad"),
        *runs_of({"uniform": np.add(LEVELS, NOISE)}),
    ]
    found = confirmed(runs, ("good", "bad"))
    assert {name: one.outcome for name, one in found.items()} == {
        "good": "helps",
        "bad": "no_change",
    }
    assert set(found["good"].size.controls) == set(found["bad"].size.controls) == {"uniform"}


def test_a_baseline_of_its_own_takes_the_place_of_the_shared_one():
    shared = runs_of({"baseline": [0.1] * len(LEVELS)})
    own = with_gains(teacher="t")
    other = runs_of({"distilled": LEVELS}, teacher="u")
    found = confirmed([*own, *other, *shared], ("t", "u"))
    assert found["t"].main.baseline == pytest.approx(np.mean(LEVELS))
    assert found["u"].main.baseline == pytest.approx(0.1)


PAIR = with_gains(GAINS[:2])
BAD = {
    "no distilled": (runs_of({"baseline": LEVELS, "kd": LEVELS}), "no run of the arm distilled"),
    "no baseline": (runs_of({"distilled": LEVELS}), "no run of the arm baseline"),
    "one pair": (with_gains(GAINS[:1]), "has 1 pair of a baseline and a distilled run"),
    "twice": ([*PAIR, PAIR[0]], "lines 2 and 6 are the same run, arm baseline, seed 0"),
    "a lone baseline": (
        [*PAIR, Trained("baseline", "7", 0.5)],
        "line 6, arm baseline, seed 7, has no distilled run of the same seed",
    ),
    "a lone distilled": ([*PAIR, Trained("distilled", "7", 0.5)], "has no baseline run"),
    "a lone control": ([*PAIR, Trained("uniform", "7", 0.5)], "has no pair of runs of the same"),
    "another size": (
        [*with_gains(train_size=50), Trained("baseline", "0", 0.5, train_size=60)],
        "train_size 60, has no distilled run",
    ),
    "one pair at a size": (
        [*with_gains(train_size=50), *with_gains(GAINS[:1], train_size=60)],
        "the teacher 't' at 60 training rows has 1 pair",
    ),
    "an unknown teacher": (
        [*PAIR, Trained("distilled", "0", 0.5, teacher="x")],
        "line 6 has the teacher 'x', which is not audited (t)",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_runs_that_are_no_pairs_are_refused(name):
    runs, said = BAD[name]
    message = refused(runs)
    assert message.startswith("runs.csv: ")
    assert said in message


def test_several_teachers_must_be_told_apart_and_all_be_there():
    assert "names no teacher, and several are audited (t, u)" in refused(PAIR, ("t", "u"))
    named = with_gains(teacher="t")
    mixed = [*named, Trained("distilled", "9", 0.5)]
    assert "seed 9, names no teacher, and other lines do" in refused(mixed)
    assert "no distilled run of the teacher 'u', which is audited" in refused(named, ("t", "u"))


def test_pairs_of_many_runs_keep_the_order_of_sizes():
    runs = [run for size in (400, 50, 100) for run in with_gains(train_size=size)]
    found = pair(numbered_lines(runs), ["t"], "runs.csv")
    assert [one.n_train for one in found["t"]] == [50, 100, 400]
