"""The confirmation: repetitions of the experiment until they decide, at several training sizes."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from cch_audit.auditing.log_odds import class_logits, log_odds
from cch_audit.distillation.arms import (
    BASELINE,
    CONTROLS,
    DISTILLED,
    Grid,
    loss_formula,
    parse_sizes,
)
from cch_audit.distillation.effects import (
    LOOK,
    Tally,
    changes,
    judge_cause,
    judge_gain,
    still_needed,
)
from cch_audit.distillation.experiment import (
    FUSED,
    FUSED_DISTILLED,
    TEACHER,
    Learner,
    Repetition,
    Task,
    repeat,
)
from cch_audit.distillation.metrics import METRICS, scale, trivial_score
from cch_audit.distillation.splits import Split, draw_split, training_sizes
from cch_audit.errors import InputError
from cch_audit.estimators.contract import standardize
from cch_audit.randomness import stream
from cch_audit.results import (
    Cause,
    Comparison,
    Confirmation,
    Control,
    GridCell,
    Metric,
    Outcome,
    TrainingSize,
)
from cch_audit.rows import FloatArray, IntArray, is_classes
from cch_audit.sample import Sample
from cch_audit.settings import ConfirmationSettings

Progress = Callable[[str, float], None]
MOST_AT_ONE_SIZE = 400
"""Training rows where a single size is asked for and none is named."""


@dataclass(frozen=True)
class Experiment:
    """Everything that all teachers of a student share."""

    y: FloatArray | IntArray
    n_outputs: int
    sizes: tuple[int, ...]
    learner: Learner
    settings: ConfirmationSettings
    confidence: float
    """Of the intervals of a size."""
    min_effect: float
    """In units of the metric."""
    n_jobs: int

    @property
    def metric(self) -> Metric:
        """What decides."""
        return self.learner.metric


def plan_experiment(
    sample: Sample,
    settings: ConfirmationSettings,
    grid: Grid,
    confidence: float,
    n_jobs: int,
    *,
    curve: bool = True,
) -> Experiment:
    """Choose the training sizes and try a split of each, before anything costly runs.

    Parameters
    ----------
    curve : whether there are several sizes where none is named

    Raises
    ------
    InputError
        If there are too few rows or groups, or the metric is not one of these labels.
    """
    y = sample.labels.values
    classes = is_classes(y)
    y = y if classes else standardize(y)
    metric: Metric = METRICS[classes][0] if settings.metric == "auto" else settings.metric
    if metric not in METRICS[classes]:
        raise InputError(
            f"`metric` {metric}: {'class labels' if classes else 'continuous labels'} have "
            f"{', '.join(METRICS[classes])}"
        )
    n_outputs = len(sample.labels.class_names) if classes else y.shape[1]
    sizes = _sizes(sample, settings, n_outputs if classes else 0, curve)
    for size in sizes:
        draw_split(y, sample.dependence, size, stream(settings.split_seed, "tried", str(size)))
    hidden = settings.hidden if settings.architecture == "mlp" else 0
    together = 1 if settings.labelled_rows is not None else len(sizes)
    return Experiment(
        y=y,
        n_outputs=n_outputs,
        sizes=sizes,
        learner=Learner(hidden, settings.epochs, grid, metric),
        settings=settings,
        confidence=1 - (1 - confidence) / together,
        min_effect=settings.min_effect * scale(metric, y),
        n_jobs=n_jobs,
    )


def _sizes(
    sample: Sample, settings: ConfirmationSettings, n_classes: int, curve: bool
) -> tuple[int, ...]:
    """Return the numbers of training rows that are tried, in ascending order."""
    most = sample.n_samples // 2
    sizes = parse_sizes(settings)
    own = settings.labelled_rows
    if sizes is None and curve:
        sizes = training_sizes(sample.n_samples, sample.student.shape[1], n_classes)
    elif sizes is None:
        sizes = () if own is not None else (training_rows(sample.n_samples, settings),)
    asked = () if own is None else (min(own, most),)
    return tuple(sorted({*sizes, *asked}))


def training_rows(n_samples: int, settings: ConfirmationSettings) -> int:
    """Return how many rows train the student where one number must stand for all."""
    if settings.labelled_rows is not None:
        return settings.labelled_rows
    sizes = parse_sizes(settings)
    return sizes[-1] if sizes else min(n_samples // 2, MOST_AT_ONE_SIZE)


def confirm(
    sample: Sample,
    teacher: str,
    experiment: Experiment,
    size: int,
    progress: Callable[[float], None] = lambda share: None,
    deadline: float | None = None,
) -> TrainingSize:
    """Train the student on so many rows with and without a teacher, and with the controls.

    Repetitions are added until the outcome and its cause are decided, or as many are made as are
    allowed, or the time is over. Targets are standardised, so that MSE is in units of their
    variance.

    Parameters
    ----------
    sample : paired rows
    teacher : name of one of `sample.teachers`
    experiment : what `plan_experiment` returned
    size : number of training rows, one of the experiment's
    progress : told the share of the repetitions that are done
    deadline : on the clock of `time.monotonic`
    """
    settings = experiment.settings
    y, dependence = experiment.y, sample.dependence
    task = Task(
        y=y,
        n_outputs=experiment.n_outputs,
        student=sample.student,
        teacher=sample.teachers[teacher],
        outputs=_own_outputs(sample, teacher),
        dependence=dependence,
        fusion=settings.fusion,
    )
    units = np.arange(len(y)) if dependence is None else dependence.units
    record = _Record.begin(experiment, units)
    while True:
        first = record.n_repetitions
        numbers = range(first, min(first + LOOK, settings.seeds))
        # The stream does not know the teacher: all teachers meet the same students.
        rngs = [
            stream(settings.split_seed, "repetition", str(size), str(number)) for number in numbers
        ]
        splits = [draw_split(y, dependence, size, rng) for rng in rngs]
        for repetition in repeat(task, splits, experiment.learner, rngs):
            record.add(repetition)
        progress(record.n_repetitions / settings.seeds)
        found = record.sum_up(len(y))
        is_decided = found.outcome != "undecided" and found.cause != "unclear"
        late = deadline is not None and time.monotonic() >= deadline
        if is_decided or late or record.n_repetitions >= settings.seeds:
            return found


@dataclass
class _Record:
    """What the repetitions of one size have shown so far."""

    experiment: Experiment
    units: IntArray
    tally: Tally | None
    scores: list[dict[tuple[str, Metric], float]]
    grids: list[FloatArray]
    chosen: list[int]
    gradients: list[float]
    splits: list[Split]

    @classmethod
    def begin(cls, experiment: Experiment, units: IntArray) -> "_Record":
        return cls(experiment, units, None, [], [], [], [], [])

    @property
    def n_repetitions(self) -> int:
        return len(self.splits)

    def differences(self) -> list[tuple[str, str, Metric]]:
        """Return which arm is compared with which, in which metric."""
        metric, classes = self.experiment.metric, is_classes(self.experiment.y)
        pairs = [(DISTILLED, BASELINE, one) for one in METRICS[classes]]
        for control in CONTROLS[classes]:
            pairs += [(control, BASELINE, metric), (DISTILLED, control, metric)]
        if self.experiment.settings.fusion:
            pairs.append((FUSED_DISTILLED, FUSED, metric))
        return pairs

    def add(self, repetition: Repetition) -> None:
        """Take in one repetition."""
        arms, test = repetition.arms, repetition.split.test
        values = np.stack([arms[a][m] - arms[b][m] for a, b, m in self.differences()])
        tally = Tally.of(values, self.units[test], int(self.units.max()) + 1)
        self.tally = tally if self.tally is None else self.tally.plus(tally)
        self.scores.append(
            {(arm, one): float(of.mean()) for arm, by in arms.items() for one, of in by.items()}
        )
        self.grids.append(repetition.grid)
        self.chosen.append(repetition.chosen)
        if repetition.gradient is not None:
            self.gradients.append(repetition.gradient)
        self.splits.append(repetition.split)

    def sum_up(self, n_rows: int) -> TrainingSize:
        """Return what the repetitions show together."""
        experiment, metric = self.experiment, self.experiment.metric
        classes, settings = is_classes(experiment.y), experiment.settings
        assert self.tally is not None
        n_train = max(len(split.train) for split in self.splits)
        n_validation = max(len(split.validation) for split in self.splits)
        overlap = min(max(n_train, n_validation) / n_rows, 0.9)
        found = dict(
            zip(
                self.differences(),
                changes(self.tally, overlap, experiment.confidence, largest=1.0),
                strict=True,
            )
        )

        def mean(arm: str, one: Metric) -> float:
            return float(np.mean([scores[arm, one] for scores in self.scores]))

        def compare(arm: str, reference: str, one: Metric) -> Comparison:
            change = found[arm, reference, one]
            least = settings.min_effect * scale(one, experiment.y)
            says = judge_gain(change.as_gain(one), least)
            return Comparison(mean(reference, one), mean(arm, one), change, says)

        metrics: dict[str, Comparison] = {
            one: compare(DISTILLED, BASELINE, one) for one in METRICS[classes]
        }
        controls = {
            arm: Control(found[arm, BASELINE, metric], found[DISTILLED, arm, metric])
            for arm in CONTROLS[classes]
        }
        outcome = metrics[metric].outcome
        gain = metrics[metric].change.as_gain(metric)
        cause: Cause | None = None
        if outcome == "helps":
            advantages = [control.advantage.as_gain(metric) for control in controls.values()]
            cause = judge_cause(advantages, experiment.min_effect)
        needed: tuple[int | None, int | None] = (None, None)
        if outcome == "undecided":
            needed = still_needed(gain, experiment.min_effect, self.n_repetitions, n_rows)
        return TrainingSize(
            n_train=n_train,
            n_validation=n_validation,
            n_test=min(len(split.test) for split in self.splits),
            n_repetitions=self.n_repetitions,
            outcome=outcome,
            cause=cause,
            metrics=metrics,
            controls=controls,
            grid=self._grid(classes),
            fusion=compare(FUSED_DISTILLED, FUSED, metric) if settings.fusion else None,
            teacher_score=mean(TEACHER, metric),
            trivial_score=trivial_score(metric, experiment.y),
            more_rows=needed[0],
            more_repetitions=needed[1],
            gradient=max(self.gradients, default=None),
        )

    def _grid(self, classes: bool) -> tuple[GridCell, ...]:
        """Return the validation change of every cell, and how often it was chosen."""
        grid = self.experiment.learner.grid
        temperatures = grid.temperatures if classes else (None,)
        cells = [(temperature, weight) for temperature in temperatures for weight in grid.weights]
        change = np.mean(self.grids, axis=0)
        chosen = np.bincount(self.chosen, minlength=len(cells))
        return tuple(
            GridCell(temperature, weight, float(change[number]), int(chosen[number]))
            for number, (temperature, weight) in enumerate(cells)
        )


def sum_up(curve: Sequence[TrainingSize], experiment: Experiment, seconds: float) -> Confirmation:
    """Return what all training sizes show together.

    The size that the user will have decides. Without one it is the whole curve: it helps if it
    helps at some size and hurts at none, and the other way round; nothing changes if nothing
    changes at any size; else it is undecided.
    """
    settings = experiment.settings
    metric = experiment.metric
    notes = []
    own = settings.labelled_rows
    if own is not None:
        # Groups are not cut, so that a size is not always the one that was asked for.
        at = experiment.sizes.index(min(own, max(experiment.sizes)))
        tried = curve[at].n_train
        if tried is not None and tried < own:
            notes.append(
                f"Of {own:,} labelled rows {tried:,} could train: as many must be left to validate "
                "and to test."
            )
        outcome = curve[at].outcome
    else:
        outcome, at = overall(curve, metric)
    return Confirmation(
        source="heads",
        outcome=outcome,
        cause=curve[at].cause if outcome == "helps" else None,
        metric=metric,
        min_effect=experiment.min_effect,
        labelled_rows=own,
        at=at,
        curve=tuple(curve),
        architecture=settings.architecture,
        loss=loss_formula(is_classes(experiment.y)),
        notes=tuple(notes),
        seconds=seconds,
    )


def overall(curve: Sequence[TrainingSize], metric: Metric) -> tuple[Outcome, int]:
    """Return what a curve shows as a whole, and the place of the size that stands for it.

    Of the sizes at which it helps that is the one with the most certain gain, better than every
    control where there is one such; of those at which it hurts the one with the most certain harm;
    else of the undecided ones, or of all, the one with the narrowest interval.
    """
    gains = [size.metrics[metric].change.as_gain(metric) for size in curve]
    outcomes = [size.outcome for size in curve]

    def places(wanted: Outcome) -> list[int]:
        return [number for number, outcome in enumerate(outcomes) if outcome == wanted]

    def narrowest(among: Sequence[int]) -> int:
        return min(among, key=lambda number: gains[number].high - gains[number].low)

    helps, hurts, open_ = places("helps"), places("hurts"), places("undecided")
    if helps and not hurts:
        by_transfer = [number for number in helps if curve[number].cause == "transfer"]
        return "helps", max(by_transfer or helps, key=lambda number: gains[number].low)
    if hurts and not helps:
        return "hurts", min(hurts, key=lambda number: gains[number].high)
    if not helps and not open_:
        return "no_change", narrowest(range(len(curve)))
    return "undecided", narrowest(open_ or range(len(curve)))


def _own_outputs(sample: Sample, teacher: str) -> FloatArray | None:
    """Return the outputs of the user's own teacher as logits or standardised targets."""
    own = sample.predictions.get(teacher)
    if own is None:
        return None
    if sample.labels.kind == "classes":
        return class_logits(log_odds(own))
    y = sample.labels.values
    return np.asarray((own - y.mean(axis=0)) / y.std(axis=0))
