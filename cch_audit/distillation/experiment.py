"""Repetitions of the experiment: a teacher, the arms, the choice on validation rows, the scores."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from cch_audit.dependence.units import Dependence, among
from cch_audit.distillation.arms import (
    BASELINE,
    CONTROLS,
    DISTILLED,
    PENALTIES,
    Cells,
    Grid,
    baseline_cells,
    plan_cells,
    soft_targets,
)
from cch_audit.distillation.least_squares import solve_heads
from cch_audit.distillation.lessons import Heads, Lesson, scaled
from cch_audit.distillation.metrics import METRICS, row_scores, score, validation_loss
from cch_audit.distillation.splits import Split
from cch_audit.estimators.folds import assign_folds, outside
from cch_audit.results import Metric
from cch_audit.rows import FloatArray, IntArray, is_classes

TEACHER_FOLDS = 5
FUSED, FUSED_DISTILLED = "fused", "fused_distilled"
TEACHER = "teacher"
RowScores = Mapping[Metric, FloatArray]


@dataclass(frozen=True)
class Learner:
    """How heads are trained."""

    hidden: int
    """Width of the hidden layer; 0 for a linear head."""
    epochs: int
    grid: Grid
    metric: Metric
    """What the grid is shown by; cells are chosen by the loss on labels."""


@dataclass(frozen=True)
class Task:
    """What is to be learned, and from what."""

    y: FloatArray | IntArray
    """(n_samples,) class codes or (n_samples, q) standardised targets."""
    n_outputs: int
    student: FloatArray
    """(n_samples, d)"""
    teacher: FloatArray
    """(n_samples, d')"""
    outputs: FloatArray | None
    """(n_samples, K) outputs of the user's own teacher."""
    dependence: Dependence | None
    fusion: bool
    """Whether joint inputs are compared, too."""


@dataclass(frozen=True)
class Repetition:
    """What one split showed."""

    split: Split
    arms: Mapping[str, RowScores]
    """By arm the scores of test rows; also of `teacher`, and with fusion of `fused` and
    `fused_distilled`."""
    grid: FloatArray
    """Change of the metric on validation rows, for every cell of the distilled arm."""
    chosen: int
    """Which of those cells was chosen."""
    gradient: float | None
    """Largest norm of the gradient where training of a head ended."""


def repeat(
    task: Task,
    splits: Sequence[Split],
    learner: Learner,
    rngs: Sequence[np.random.Generator],
    *,
    controls: bool = True,
) -> list[Repetition]:
    """Train every arm on every split, all heads of a kind in one stack.

    The teacher is a head of the student's architecture on its own representation, trained on the
    same rows; its outputs on those rows come from folds that did not see them. Penalty,
    temperature, weight and, where training can be too long, epoch are chosen by the loss on the
    labels of validation rows: the penalty of the student without a teacher, which all arms share.

    Parameters
    ----------
    task : labels and representations
    splits : as many repetitions
    learner : architecture and grid
    rngs : of each repetition, draws folds, shuffles, weights and batches
    controls : whether they are trained, too
    """
    y = task.y
    if task.outputs is None:
        soft, of_teacher = _teach(task, splits, learner, rngs)
    else:
        soft = [task.outputs[split.train] for split in splits]
        of_teacher = [task.outputs[split.test] for split in splits]
    arms = (BASELINE, DISTILLED, *(CONTROLS[is_classes(y)] if controls else ()))
    targets = [
        {arm: soft_targets(arm, known, y[split.train], rng) for arm in arms[1:]}
        for known, split, rng in zip(soft, splits, rngs, strict=True)
    ]
    students = _students(task, task.student, splits, targets, arms, learner, rngs)
    fused = None
    if task.fusion:
        both = np.hstack([task.teacher, task.student])
        pair = (BASELINE, DISTILLED)
        fused = _students(task, both, splits, targets, pair, learner, rngs)
    repetitions = []
    for number, (split, student) in enumerate(zip(splits, students, strict=True)):
        scores: dict[str, RowScores] = dict(student.scores)
        scores[TEACHER] = row_scores(y[split.test], of_teacher[number], [learner.metric])
        if fused is not None:
            scores[FUSED] = fused[number].scores[BASELINE]
            scores[FUSED_DISTILLED] = fused[number].scores[DISTILLED]
        found = Repetition(split, scores, student.grid, student.chosen, student.gradient)
        repetitions.append(found)
    return repetitions


@dataclass(frozen=True)
class _Student:
    """All arms of one student, trained on one split."""

    scores: Mapping[str, RowScores]
    grid: FloatArray
    chosen: int
    gradient: float | None


def _students(
    task: Task,
    x: FloatArray,
    splits: Sequence[Split],
    targets: Sequence[Mapping[str, FloatArray]],
    arms: Sequence[str],
    learner: Learner,
    rngs: Sequence[np.random.Generator],
) -> list[_Student]:
    """Train the arms of a student on every split, and choose among the cells of each."""
    y = task.y
    columns = [scaled(x, split.train) for split in splits]
    alone = [
        _lesson(task, rows, split.train, split, baseline_cells(PENALTIES))
        for rows, split in zip(columns, splits, strict=True)
    ]
    baselines = _fit(alone, learner, rngs[0])
    lessons, penalties = [], []
    for lesson, heads, split, rows, known in zip(
        alone, baselines, splits, columns, targets, strict=True
    ):
        penalties.append(int(validation_loss(lesson.y_validation, heads.on_validation).argmin()))
        cells = plan_cells(arms, learner.grid, is_classes(y), PENALTIES[penalties[-1]])
        kinds = list(arms[1:])
        soft = np.stack([known[arm] for arm in kinds])
        place = np.array([max(0, kinds.index(arm)) if arm in kinds else 0 for arm in cells.arm])
        lessons.append(_lesson(task, rows, split.train, split, cells, soft, place))
    fitted = _fit(lessons, learner, rngs[0])
    found = []
    for lesson, heads, split, rows in zip(lessons, fitted, splits, columns, strict=True):
        losses = validation_loss(lesson.y_validation, heads.on_validation)
        cells = lesson.cells
        best = {arm: int(losses[cells.of(arm)].argmin()) for arm in arms}
        chosen = {arm: int(cells.of(arm)[number]) for arm, number in best.items()}
        new, labels = rows[split.test], y[split.test]
        scores = {
            arm: row_scores(
                labels,
                heads.predict(cell, new),
                METRICS[is_classes(y)] if arm in (BASELINE, DISTILLED) else [learner.metric],
            )
            for arm, cell in chosen.items()
        }
        judged = score(learner.metric, lesson.y_validation, heads.on_validation)
        grid = judged[cells.of(DISTILLED)] - judged[cells.of(BASELINE)]
        norms = heads.gradient
        steepest = None if norms is None else float(norms[list(chosen.values())].max())
        found.append(_Student(scores, grid, best[DISTILLED], steepest))
    return found


def _teach(
    task: Task,
    splits: Sequence[Split],
    learner: Learner,
    rngs: Sequence[np.random.Generator],
) -> tuple[list[FloatArray], list[FloatArray]]:
    """Return a teacher's outputs (n, K) on the training and on the test rows of every split.

    Those on training rows come from folds that did not see them, those on test rows are the mean
    over the folds. All folds of a split have the penalty with the least mean loss on its validation
    rows.
    """
    y = task.y
    lessons, folds_of, columns = [], [], []
    for split, rng in zip(splits, rngs, strict=True):
        known = split.train
        inside = among(task.dependence, known)
        folds = assign_folds(len(known), min(TEACHER_FOLDS, len(known)), y[known], inside, rng)
        rows = scaled(task.teacher, known)
        for number in np.unique(folds):
            others = known[outside(folds, number, inside)]
            lessons.append(_lesson(task, rows, others, split, baseline_cells(PENALTIES)))
        folds_of.append(folds)
        columns.append(rows)
    fitted = iter(zip(lessons, _fit(lessons, learner, rngs[0]), strict=True))
    on_train, on_test = [], []
    for split, folds, rows in zip(splits, folds_of, columns, strict=True):
        numbers = np.unique(folds)
        own = [next(fitted) for _ in numbers]
        losses = np.mean(
            [validation_loss(lesson.y_validation, heads.on_validation) for lesson, heads in own],
            axis=0,
        )
        best = int(losses.argmin())
        known = split.train
        outputs = np.empty((len(known), task.n_outputs))
        for number, (lesson, heads) in zip(numbers, own, strict=True):
            held_out = folds == number
            outputs[held_out] = heads.predict(best, rows[known[held_out]])
            if not is_classes(y):
                # The mean of the other folds is low where a fold's own is high: without a common
                # mean, out of fold outputs would be correlated with the labels against all content.
                outputs[held_out] += y[known].mean(axis=0) - lesson.y.mean(axis=0)
        on_train.append(outputs)
        on_test.append(np.mean([heads.predict(best, rows[split.test]) for _, heads in own], axis=0))
    return on_train, on_test


def _lesson(
    task: Task,
    x: FloatArray,
    rows: IntArray,
    split: Split,
    cells: Cells,
    soft: FloatArray | None = None,
    soft_of: IntArray | None = None,
) -> Lesson:
    """Return what heads learn from some rows; without a teacher nothing soft is looked at."""
    if soft is None or soft_of is None:
        soft = np.zeros((1, len(rows), task.n_outputs))
        soft_of = np.zeros(len(cells), dtype=np.int64)
    return Lesson(
        x=x[rows],
        y=task.y[rows],
        x_validation=x[split.validation],
        y_validation=task.y[split.validation],
        cells=cells,
        soft=soft,
        soft_of=soft_of,
        n_outputs=task.n_outputs,
    )


def _fit(lessons: Sequence[Lesson], learner: Learner, rng: np.random.Generator) -> list[Heads]:
    """Train the heads of all lessons."""
    if learner.hidden:
        from cch_audit.distillation.stack import train_heads  # torch, where it is needed

        return train_heads(lessons, hidden=learner.hidden, epochs=learner.epochs, rng=rng)
    if is_classes(lessons[0].y):
        from cch_audit.distillation.softmax import fit_heads

        return fit_heads(lessons)
    return solve_heads(lessons)
