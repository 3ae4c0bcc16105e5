"""One repetition: a teacher, the arms, the choice on validation rows, the scores on test rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.preprocessing import StandardScaler

from cch_audit.dependence.units import Dependence, among
from cch_audit.distillation.arms import (
    BASELINE,
    CONTROLS,
    DISTILLED,
    Cells,
    Grid,
    Lesson,
    plan_cells,
    soft_targets,
    teacher_cells,
)
from cch_audit.distillation.least_squares import solve_heads
from cch_audit.distillation.metrics import deciding_score, scores, validation_loss
from cch_audit.distillation.splits import Split
from cch_audit.estimators.contract import assign_folds, is_classes, outside
from cch_audit.rows import FloatArray, IntArray

TEACHER_FOLDS = 5
Scores = Mapping[str, float]


@dataclass(frozen=True)
class Learner:
    """How heads are trained."""

    hidden: int
    """Width of the hidden layer; 0 for a linear head."""
    epochs: int
    grid: Grid


@dataclass(frozen=True)
class Task:
    """What is to be learned, on the rows of one split."""

    y: FloatArray | IntArray
    """(n_samples,) class codes or (n_samples, q) standardised targets."""
    n_outputs: int
    dependence: Dependence | None
    split: Split


@dataclass(frozen=True)
class Repetition:
    """What one split showed."""

    arms: Mapping[str, Scores]
    """Scores on test rows: every arm, `teacher`, `half`, and with fusion `fused`,
    `fused_distilled`."""
    grid: FloatArray
    """Change of the deciding score on validation rows, for every cell of the distilled arm."""
    chosen: int
    """Which of those cells was chosen."""


@dataclass(frozen=True)
class Students:
    """All arms of one student, trained on one split."""

    cells: Cells
    on_validation: FloatArray
    """(C, m, K) outputs of every cell on validation rows."""
    best: Mapping[str, int]
    """For each arm, which of its cells was chosen."""
    scores: dict[str, Scores]
    """For each arm, the scores of the chosen cell on test rows."""


def repeat(
    task: Task,
    teacher: FloatArray,
    student: FloatArray,
    outputs: FloatArray | None,
    learner: Learner,
    fusion: bool,
    rng: np.random.Generator,
) -> Repetition:
    """Train every arm on one split.

    The teacher is a head of the student's architecture on its own representation, trained on the
    same rows; its outputs on those rows come from folds that did not see them. Temperature,
    weight, penalty and epoch are chosen by the loss on the labels of validation rows.

    Parameters
    ----------
    task : labels and split
    teacher, student : (n_samples, d) representations
    outputs : (n_samples, K) outputs of the user's own teacher, or None
    learner : architecture, epochs and grid
    fusion : also compare joint inputs
    rng : draws folds, weights, batches and shuffles
    """
    y, split = task.y, task.split
    seed = int(rng.integers(2**31))  # every student starts from the same weights and batches
    of_teacher = _teach(task, teacher, learner, rng) if outputs is None else outputs
    soft = of_teacher[split.train]
    arms = (BASELINE, DISTILLED, *CONTROLS[is_classes(y)])
    students = _students(task, student, soft, arms, learner, seed, rng)
    found = students.scores
    found["teacher"] = scores(y[split.test], of_teacher[split.test])
    half = Split(split.train[: len(split.train) // 2], split.validation, split.test)
    fewer = Task(y, task.n_outputs, task.dependence, half)
    found["half"] = _students(
        fewer, student, soft[: len(half.train)], (BASELINE,), learner, seed, rng
    ).scores[BASELINE]
    if fusion:
        both = np.hstack([teacher, student])
        fused = _students(task, both, soft, (BASELINE, DISTILLED), learner, seed, rng).scores
        found |= {"fused": fused[BASELINE], "fused_distilled": fused[DISTILLED]}
    judged = deciding_score(y[split.validation], students.on_validation)
    change = judged[students.cells.of(DISTILLED)] - judged[students.cells.of(BASELINE)]
    return Repetition(found, change, students.best[DISTILLED])


def _students(
    task: Task,
    x: FloatArray,
    soft: FloatArray,
    arms: Sequence[str],
    learner: Learner,
    seed: int,
    rng: np.random.Generator,
) -> Students:
    """Train the arms of one student, and choose among the cells of each."""
    y, split = task.y, task.split
    cells = plan_cells(arms, learner.grid, is_classes(y))
    targets = {arm: soft_targets(arm, soft, y[split.train], rng) for arm in arms}
    x = _scaled(x, split.train)
    train, validation, test = (
        x[rows][None] for rows in (split.train, split.validation, split.test)
    )
    by_cell = np.stack([targets[arm] for arm in cells.arm], axis=1)[None]
    y_train, y_validation = y[split.train], y[split.validation]
    lesson = Lesson(train, y_train[None], by_cell, validation, y_validation, test)
    on_validation, on_test = _fit(lesson, cells, learner, np.random.default_rng(seed))
    losses = validation_loss(y_validation, on_validation[0])
    best = {arm: int(losses[cells.of(arm)].argmin()) for arm in arms}
    found: dict[str, Scores] = {
        arm: scores(y[split.test], on_test[0, cells.of(arm)[number]])
        for arm, number in best.items()
    }
    return Students(cells, on_validation[0], best, found)


def _teach(task: Task, x: FloatArray, learner: Learner, rng: np.random.Generator) -> FloatArray:
    """Return a teacher's outputs (n_samples, K); training rows get theirs out of fold.

    Rows that neither train nor test have none (NaN).
    """
    y, split = task.y, task.split
    known = split.train
    inside = among(task.dependence, known)
    folds = assign_folds(len(known), TEACHER_FOLDS, y[known], inside, rng)
    numbers = np.unique(folds)
    others = [rng.permutation(outside(folds, number, inside)) for number in numbers]
    shortest = min(map(len, others))
    rows = known[np.stack([some[:shortest] for some in others])]  # (D, n)
    x = _scaled(x, known)
    asked = np.concatenate([known, split.test])
    cells = teacher_cells(trained=is_classes(y) or learner.hidden > 0)
    nothing = np.zeros((*rows.shape, len(cells), task.n_outputs))
    validation, new = (
        np.broadcast_to(part, (len(numbers), *part.shape))
        for part in (x[split.validation], x[asked])
    )
    lesson = Lesson(x[rows], y[rows], nothing, validation, y[split.validation], new)
    on_validation, on_asked = _fit(lesson, cells, learner, rng)
    best = validation_loss(y[split.validation], on_validation).argmin(axis=1)
    chosen = on_asked[np.arange(len(numbers)), best]  # (D, r, K)
    outputs = np.full((len(x), task.n_outputs), np.nan)
    fold = np.searchsorted(numbers, folds)
    outputs[known] = chosen[fold, np.arange(len(known))]
    if not is_classes(y):
        # The mean of the other folds is low where a fold's own is high: without a common mean, out
        # of fold outputs would be correlated with the labels against all content.
        outputs[known] += (y[known].mean(axis=0) - y[rows].mean(axis=1))[fold]
    outputs[split.test] = chosen[:, len(known) :].mean(axis=0)
    return outputs


def _scaled(x: FloatArray, known: IntArray) -> FloatArray:
    """Standardise columns by the known rows; a column that is constant there says nothing."""
    largest = np.abs(x).max(axis=0)
    x = x / np.where(largest > 0, largest, 1.0)  # the square of 1e-200 or 1e200 is out of range
    varies = np.ptp(x[known], axis=0) > 0
    return np.where(varies, StandardScaler().fit(x[known]).transform(x), 0.0)


def _fit(
    lesson: Lesson, cells: Cells, learner: Learner, rng: np.random.Generator
) -> tuple[FloatArray, FloatArray]:
    """Train heads; return their outputs (D, C, n, K) on validation rows and on new rows."""
    if is_classes(lesson.y_validation) or learner.hidden:
        from cch_audit.distillation.stack import train_heads  # torch, where it is needed

        return train_heads(lesson, cells, hidden=learner.hidden, epochs=learner.epochs, rng=rng)
    return solve_heads(lesson, cells)
