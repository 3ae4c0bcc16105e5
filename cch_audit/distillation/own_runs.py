"""From paired scores of the user's own training runs to a confirmation, for each teacher."""

from collections.abc import Collection, Sequence

import numpy as np

from cch_audit.distillation.arms import BASELINE, DISTILLED
from cch_audit.distillation.confirm import overall
from cch_audit.distillation.effects import judge_cause, judge_gain, over_seeds, still_needed
from cch_audit.distillation.metrics import METRICS, scale, trivial_score
from cch_audit.distillation.own_notes import Question, notes_on
from cch_audit.distillation.paired_runs import Pairs, pair
from cch_audit.distillation.read_runs import Trained
from cch_audit.errors import InputError
from cch_audit.results import (
    Cause,
    Change,
    Comparison,
    Confirmation,
    Control,
    TrainingSize,
)
from cch_audit.rows import FloatArray, is_classes
from cch_audit.sample import Labels
from cch_audit.settings import ConfirmationSettings

ROUNDING = 1e-9
"""Of the largest score; smaller differences are rounding."""


def ask(
    labels: Labels, settings: ConfirmationSettings, confidence: float, *, sequential: bool
) -> Question:
    """Say what the scores are, and what gain matters.

    Raises
    ------
    InputError
        If the metric is none of the labels'.
    """
    y = labels.values
    classes = is_classes(y)
    known = METRICS[classes]
    metric = known[0] if settings.metric == "auto" else settings.metric
    if metric not in known:
        kind = "classes" if classes else "numbers"
        raise InputError(
            f"`metric` {metric}: the labels are {kind}; choose one of {', '.join(known)}"
        )
    unit = scale(metric, y)
    said = ""
    trivial = trivial_score(metric, y)
    if metric in ("log_loss", "brier"):
        what = "entropy" if metric == "log_loss" else "Brier score of the class frequencies alone"
        said = f"{settings.min_effect:g} of the labels' {what}, {unit:.4g}"
    elif metric == "mse":
        # Heads learn standardised targets; what the user's runs learn is taken to be in the file.
        unit = trivial = float(np.var(y, axis=0).mean())
        said = f"{settings.min_effect:g} of the variance, {unit:.4g}, of the labels as the file"
        said += " has them; where runs scale labels, give R^2 with --metric r2"
    min_effect = settings.min_effect * unit
    return Question(
        metric=metric,
        min_effect=min_effect,
        trivial=trivial,
        is_classes=classes,
        confidence=confidence,
        labelled_rows=settings.labelled_rows,
        sequential=sequential,
        scale=said and f"A gain of {min_effect:.4g} or more matters: {said}.",
    )


def sum_up(pairs: Sequence[Pairs], question: Question, seconds: float = 0.0) -> Confirmation:
    """Turn the paired scores of one teacher into changes, an outcome and its cause.

    The interval of a change is that of Student's t over the units, or a confidence sequence where
    runs were added until the outcome was decided. Over several sizes its level is corrected for
    their number (Bonferroni), unless the user names the size that decides.

    Parameters
    ----------
    pairs : by number of training rows
    question : what is asked
    seconds : how long the runs took

    Raises
    ------
    InputError
        If no runs are of the size that is to decide.
    """
    sizes = [one.n_train for one in pairs]
    named = question.labelled_rows
    if named is not None and named not in sizes:
        listed = ", ".join(str(size) for size in sizes if size is not None)
        known = f"the runs are of {listed} training rows; name one of these"
        raise InputError(
            f"`labelled_rows` {named}: "
            + (known if listed else "the runs do not say train_size; add it, or leave it out")
        )
    level = question.confidence
    if named is None:
        level = 1 - (1 - level) / len(pairs)
    curve = tuple(_at_size(one, question, level) for one in pairs)
    if named is None:
        outcome, at = overall(curve, question.metric)
    else:
        at = sizes.index(named)
        outcome = curve[at].outcome
    return Confirmation(
        source="runs",
        outcome=outcome,
        cause=curve[at].cause if outcome == "helps" else None,
        metric=question.metric,
        min_effect=question.min_effect,
        labelled_rows=named,
        at=at,
        curve=curve,
        architecture=None,
        loss=None,
        notes=tuple(notes_on(pairs, curve, at, question)),
        seconds=seconds,
    )


def is_decided(confirmation: Confirmation) -> bool:
    """Whether further runs could say no more: of the outcome, and of its cause with controls."""
    size = confirmation.size
    if size.outcome != "helps":
        return size.outcome != "undecided"
    return size.cause != "unclear" or not size.controls


def _at_size(pairs: Pairs, question: Question, level: float) -> TrainingSize:
    """Return what runs on so many rows showed."""
    metric, scores = question.metric, pairs.scores
    n_units = len(scores[BASELINE])
    step = smallest_step(list(scores.values()))

    def change(arm: str, reference: str) -> Change:
        return _change(scores[arm] - scores[reference], step, question, level)

    main = change(DISTILLED, BASELINE)
    gain = main.as_gain(metric)
    outcome = judge_gain(gain, question.min_effect)
    controls = {
        arm: Control(change(arm, BASELINE), change(DISTILLED, arm))
        for arm in scores
        if arm not in (BASELINE, DISTILLED)
    }
    advantages = [one.advantage.as_gain(metric) for one in controls.values()]
    cause: Cause | None = None
    if outcome == "helps":
        cause = judge_cause(advantages, question.min_effect)
    baseline, distilled = (float(scores[arm].mean()) for arm in (BASELINE, DISTILLED))
    more = None
    if outcome == "undecided":
        _, more = still_needed(gain, question.min_effect, n_units, None)
    return TrainingSize(
        n_train=pairs.n_train,
        n_validation=None,
        n_test=None,
        n_repetitions=n_units,
        outcome=outcome,
        cause=cause,
        metrics={metric: Comparison(baseline, distilled, main, outcome)},
        controls=controls,
        grid=(),
        fusion=None,
        teacher_score=None,
        trivial_score=question.trivial,
        more_rows=None,
        more_repetitions=more,
        gradient=None,
    )


def _change(differences: FloatArray, step: float, question: Question, level: float) -> Change:
    """Return the mean of differences, of which NaN are left out, with its interval.

    Differences on two neighbouring steps of the score have a spread of half a step at most, and a
    smaller one is luck. Those that are all the same are no certainty: they could also differ by as
    much as matters.
    """
    known = differences[np.isfinite(differences)]
    same = np.ptp(known) <= ROUNDING * max(1.0, float(np.abs(known).max()))
    resolution = max(step / 2, question.min_effect) if same else step / 2
    return over_seeds(known, level, sequential=question.sequential, resolution=resolution)


def smallest_step(scores: Collection[FloatArray]) -> float:
    """Return the smallest difference between two scores that are not equal; 0 if all are.

    Scores of a finite test set come in steps.
    """
    values = np.unique(np.concatenate([one[np.isfinite(one)] for one in scores]))
    steps = np.diff(values)
    steps = steps[steps > ROUNDING * max(1.0, float(np.abs(values).max()))]
    return float(steps.min()) if len(steps) else 0.0


def confirm_runs(
    runs: Sequence[Trained], teachers: Sequence[str], question: Question, name: str
) -> dict[str, Confirmation]:
    """Return the confirmation of each teacher from runs of a file; see `pair` and `sum_up`."""
    paired = pair(runs, teachers, name)
    seconds = {
        teacher: sum(run.seconds for run in runs if run.teacher in ("", teacher))
        for teacher in teachers
    }
    return {teacher: sum_up(pairs, question, seconds[teacher]) for teacher, pairs in paired.items()}
