"""What training showed in words."""

from dataclasses import replace

import pytest

from cch_audit.rendering.confirmation import outcome_sentence
from cch_audit.rendering.explaining import advice, headline
from cch_audit.rendering.training import (
    all_notes,
    as_good,
    cause_sentence,
    curve_words,
    flags,
    missing,
)
from cch_audit.results import Cause, Confirmation, Control, Outcome

from .experiments import (
    change,
    comparison,
    confirmation,
    confirmed,
    curved,
    of_sizes,
    own_runs,
    regression_confirmation,
    size,
)
from .reports import audit, report

HELPS: tuple[Outcome, Cause | None] = ("helps", "transfer")
REGULARISES: tuple[Outcome, Cause | None] = ("helps", "regularisation")
UNCLEAR: tuple[Outcome, Cause | None] = ("helps", "unclear")
SAME: tuple[Outcome, Cause | None] = ("no_change", None)
HURTS: tuple[Outcome, Cause | None] = ("hurts", None)
OPEN: tuple[Outcome, Cause | None] = ("undecided", None)


@pytest.mark.parametrize(
    ("outcomes", "words"),
    [
        ([HELPS], ""),
        (
            [HELPS, HELPS, SAME, SAME],
            "helps by transfer up to about 100 labelled rows, no change from 200 on",
        ),
        ([HELPS, SAME], "helps by transfer at 50 labelled rows, no change at 100"),
        (
            [HELPS, OPEN, OPEN, SAME, SAME],
            "helps by transfer at 50 labelled rows, undecided from 100 to 200, no change from 400 "
            "on",
        ),
        (
            [HURTS, HURTS, UNCLEAR, REGULARISES],
            "hurts up to about 100 labelled rows, helps (cause unclear) at 200, helps by "
            "regularisation at 400",
        ),
        ([SAME] * 6, "no change at every size from 50 to 1,600 labelled rows"),
    ],
)
def test_the_curve_in_words(outcomes: list[tuple[Outcome, Cause | None]], words: str) -> None:
    assert curve_words(curved(*outcomes).curve) == words


def test_sizes_that_nobody_knows_have_no_words() -> None:
    one = size(n_train=None)
    assert curve_words((one, one)) == ""


@pytest.mark.parametrize(
    ("advantages", "name"),
    [
        ({"shuffled": 0.03, "uniform": 0.02}, None),
        ({"shuffled": -0.02, "uniform": 0.001}, "uniform"),
        ({"shuffled": -0.02, "uniform": 0.02, "class_means": 0.001}, "shuffled"),
    ],
)
def test_a_control_that_needs_no_teacher_is_named_first(
    advantages: dict[str, float], name: str | None
) -> None:
    controls = {key: Control(change(0.01), change(value)) for key, value in advantages.items()}
    assert as_good(replace(size(), controls=controls), "accuracy") == name


def test_a_lower_error_is_an_advantage() -> None:
    controls = {"matched_ridge": Control(change(-0.1), change(-0.2))}
    assert as_good(replace(size(), controls=controls), "mse") is None
    assert as_good(replace(size(), controls=controls), "accuracy") == "matched_ridge"


@pytest.mark.parametrize(
    ("cause", "control", "words"),
    [
        ("transfer", "uniform", ""),
        ("regularisation", "uniform", "label smoothing does as well: no teacher needed"),
        (
            "regularisation",
            "matched_ridge",
            "a matched ridge penalty does as well: no teacher needed",
        ),
        ("regularisation", "my own", "my own does as well: no teacher needed"),
        (
            "regularisation",
            "class_means",
            "the teacher's mean of each class does as well: what it says of single rows is not "
            "needed",
        ),
        ("unclear", "uniform", "whether the teacher does better than label smoothing is open"),
    ],
)
def test_what_a_cause_means(cause: Cause, control: str, words: str) -> None:
    controls = {control: Control(change(0.01), change(0.0))}
    one = replace(size("helps", cause), controls=controls)
    assert cause_sentence(of_sizes(one)) == words


def test_a_gain_at_some_sizes_is_no_gain_at_all() -> None:
    said = headline(report(confirmed(audit(), curved(HELPS, SAME))))
    assert said.startswith(
        "Distilling mod/text into mod/audio helped in a quick training run at some numbers of "
        "labelled rows. "
    )
    whole = headline(report(confirmed(audit(), curved(HELPS, HELPS))))
    assert "quick training run. " in whole


def test_a_curve_that_changes_sides_asks_for_the_rows() -> None:
    mixed = replace(curved(HELPS, HURTS), outcome="undecided", cause=None)
    case = report(confirmed(audit(), mixed))
    assert "KD helps or hurts by training size (" in outcome_sentence(case.audits[0])
    assert cause_sentence(mixed) == ""
    assert advice(case) == [
        "Say how many labelled rows there will be (--labelled-rows): helps by transfer at 50 "
        "labelled rows, hurts at 100."
    ]


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (confirmation(), "Distil: the student got better with this teacher. Start from"),
        (
            confirmation("helps", "regularisation"),
            "Take the cheaper way to the same gain: label smoothing does as well: no teacher "
            "needed.",
        ),
        (
            of_sizes(replace(size("helps", "unclear"), more_repetitions=70)),
            "The student got better, but whether the teacher does better than every control is "
            "open. About 70 more repetitions may tell.",
        ),
        (
            curved(HELPS, SAME),
            "Distil if there are as many labelled rows as where it helped: helps by transfer at 50 "
            "labelled rows, no change at 100. Start from",
        ),
        (
            replace(curved(HELPS, SAME), labelled_rows=50),
            "Distil: the student got better with this teacher. Start from",
        ),
        (confirmation("hurts"), "Do not distil from this teacher"),
        (confirmation("no_change"), "not worth its cost here: a gain of 0.0050 accuracy or more"),
        (
            confirmation("undecided"),
            "Training could not tell: about 1,300 more rows or about 70 more repetitions would.",
        ),
        (
            of_sizes(replace(size("undecided"), more_rows=None)),
            "about 70 more repetitions would (--seeds, and --budget if it was spent).",
        ),
        (
            of_sizes(replace(size("undecided"), more_rows=None, more_repetitions=None)),
            "Training could not tell: give it more rows, or a larger --min-effect.",
        ),
    ],
)
def test_what_to_do_after_training(found: Confirmation, words: str) -> None:
    (said,) = advice(report(confirmed(audit(), found)))
    assert words in said


@pytest.mark.parametrize(
    ("rows", "repetitions", "words"),
    [
        (None, None, ""),
        (1349, None, "about 1,300 more rows"),
        (None, 70, "about 70 more repetitions"),
        (1300, 70, "about 1,300 more rows or about 70 more repetitions"),
    ],
)
def test_what_is_missing(rows: int | None, repetitions: int | None, words: str) -> None:
    assert missing(replace(size(), more_rows=rows, more_repetitions=repetitions)) == words


def flagged(**parts: object) -> list[str]:
    return [*flags(of_sizes(replace(size(), **parts)))]


def test_nothing_is_flagged_where_all_is_well() -> None:
    assert not flagged()
    assert not [*flags(regression_confirmation())]
    assert not [*flags(own_runs())]


def test_scores_below_the_largest_class_are_flagged() -> None:
    assert flagged(trivial_score=0.8) == [
        "The student without KD is worse than the largest class alone (accuracy 0.7343 against "
        "0.8000); a gain from there says little."
    ]
    assert flagged(trivial_score=0.95)[1] == (
        "The teacher is worse than the largest class alone (accuracy 0.9123 against 0.9500): it "
        "has nothing to teach."
    )


def test_a_teacher_below_the_student_is_flagged() -> None:
    assert flagged(teacher_score=0.5) == [
        "The teacher by itself is worse than the student without it (accuracy 0.5000 against "
        "0.7343)."
    ]


def test_of_errors_more_is_worse() -> None:
    base = regression_confirmation()
    worse = replace(base.size, teacher_score=1.3, trivial_score=1.5)
    assert [*flags(replace(base, curve=(worse,)))] == [
        "The teacher by itself is worse than the student without it (MSE 1.300 against 1.234)."
    ]
    below = replace(base.size, trivial_score=1.0)
    assert "worse than the mean alone (MSE 1.234 against 1.000)" in next(
        flags(replace(base, curve=(below,)))
    )


@pytest.mark.parametrize(
    ("log_loss", "said"),
    [
        ("hurts", ["accuracy says that it helps, log-loss says that it hurts."]),
        ("no_change", ["accuracy says that it helps, log-loss says that nothing changes."]),
        ("undecided", []),
        ("helps", []),
    ],
)
def test_metrics_that_disagree_are_flagged(log_loss: Outcome, said: list[str]) -> None:
    metrics = {**size().metrics, "log_loss": comparison(0.8, 0.0, outcome=log_loss)}
    start = "Accuracy and log-loss disagree on KD: "
    assert [text.removeprefix(start) for text in flagged(metrics=metrics)] == said


def test_flags_are_notes() -> None:
    found = confirmation()
    below = replace(found, curve=(replace(found.size, teacher_score=0.5),))
    notes = all_notes(confirmed(audit(), below))
    assert notes[0].startswith("The levels disagree")
    assert notes[1].startswith("The teacher by itself")
    assert notes[2:] == found.notes
