"""The confirmation: repetitions of the experiment, summed up in changes and an outcome."""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from joblib import Parallel, delayed
from threadpoolctl import threadpool_limits

from cch_audit.auditing.heads import class_logits, log_odds
from cch_audit.distillation.arms import BASELINE, CONTROLS, DISTILLED, Grid, loss_formula
from cch_audit.distillation.effects import judge_gain, paired_change, smallest_detectable
from cch_audit.distillation.experiment import Learner, Repetition, Task, repeat
from cch_audit.distillation.splits import make_splits
from cch_audit.estimators.contract import is_classes, standardize
from cch_audit.randomness import stream
from cch_audit.results import Change, Comparison, Confirmation, Control, GridCell, Outcome
from cch_audit.rows import FloatArray
from cch_audit.sample import Sample
from cch_audit.settings import ConfirmationSettings

MOST_TRAINING_ROWS = 400
"""The default: a student with many rows of its own has little to gain."""
ROUNDING = 1e-12
"""Smaller differences of a score are rounding: a score is a share, or in units of a variance."""


@dataclass(frozen=True)
class Experiment:
    """Everything that all teachers of a student share: labels, splits and learner."""

    tasks: tuple[Task, ...]
    learner: Learner
    settings: ConfirmationSettings
    confidence: float
    n_jobs: int


def plan_experiment(
    sample: Sample, settings: ConfirmationSettings, grid: Grid, confidence: float, n_jobs: int
) -> Experiment:
    """Cut the splits, before anything costly runs.

    Raises
    ------
    InputError
        If there are too few rows or groups.
    """
    y = sample.labels.values
    y = y if is_classes(y) else standardize(y)
    n_outputs = len(sample.labels.class_names) if is_classes(y) else y.shape[1]
    train_size = training_rows(sample.n_samples, settings)
    rng = stream(settings.split_seed, "splits")
    splits = make_splits(y, sample.dependence, settings.seeds, train_size, rng)
    tasks = tuple(Task(y, n_outputs, sample.dependence, split) for split in splits)
    hidden = settings.hidden if settings.architecture == "mlp" else 0
    return Experiment(tasks, Learner(hidden, settings.epochs, grid), settings, confidence, n_jobs)


def training_rows(n_samples: int, settings: ConfirmationSettings) -> int:
    """Return how many rows train the student."""
    return settings.train_size or min(n_samples // 2, MOST_TRAINING_ROWS)


def confirm(
    sample: Sample,
    teacher: str,
    experiment: Experiment,
    progress: Callable[[str, float], None] = lambda what, share: None,
) -> Confirmation:
    """Train the student with and without a teacher, and with the controls.

    Targets are standardised, so that MSE is in units of their variance.

    Parameters
    ----------
    sample : paired rows
    teacher : name of one of `sample.teachers`
    experiment : what `plan_experiment` returned
    progress : told the share of the repetitions that are done
    """
    started = time.perf_counter()
    settings, tasks = experiment.settings, experiment.tasks
    outputs = _own_outputs(sample, teacher)

    def run(number: int, task: Task) -> Repetition:
        # The stream does not know the teacher: all teachers meet the same students.
        rng = stream(settings.split_seed, "repetition", str(number))
        return repeat(
            task,
            sample.teachers[teacher],
            sample.student,
            outputs,
            experiment.learner,
            settings.fusion,
            rng,
        )

    jobs = (delayed(run)(number, task) for number, task in enumerate(tasks))
    repetitions = []
    with threadpool_limits(1):
        pool = Parallel(n_jobs=experiment.n_jobs, prefer="threads", return_as="generator")
        for repetition in pool(jobs):
            repetitions.append(repetition)
            progress(f"training, {teacher}", len(repetitions) / len(tasks))
    return _sum_up(repetitions, experiment, time.perf_counter() - started)


def _own_outputs(sample: Sample, teacher: str) -> FloatArray | None:
    """Return the outputs of the user's own teacher as logits or standardised targets."""
    own = sample.predictions.get(teacher)
    if own is None:
        return None
    if sample.labels.kind == "classes":
        return class_logits(log_odds(own))
    y = sample.labels.values
    return np.asarray((own - y.mean(axis=0)) / y.std(axis=0))


def _sum_up(repetitions: list[Repetition], experiment: Experiment, seconds: float) -> Confirmation:
    """Turn scores of repetitions into changes over them."""
    settings, tasks = experiment.settings, experiment.tasks
    classes = is_classes(tasks[0].y)
    rng = stream(settings.split_seed, "intervals")

    def column(arm: str, metric: str) -> FloatArray:
        return np.array([one.arms[arm][metric] for one in repetitions])

    def change(arm: str, reference: str, metric: str) -> Change:
        difference = column(arm, metric) - column(reference, metric)
        difference = np.where(np.abs(difference) > ROUNDING, difference, 0.0)
        return paired_change(difference, experiment.confidence, rng)

    def compare(arm: str, reference: str, metric: str) -> Comparison:
        means = column(reference, metric).mean(), column(arm, metric).mean()
        return Comparison(float(means[0]), float(means[1]), change(arm, reference, metric))

    metrics = {
        metric: compare(DISTILLED, BASELINE, metric) for metric in repetitions[0].arms[BASELINE]
    }
    deciding: Literal["accuracy", "mse"] = "accuracy" if classes else "mse"
    main = metrics[deciding]
    gain = main.change.as_gain(deciding)
    controls = {
        arm: Control(change(arm, BASELINE, deciding), change(DISTILLED, arm, deciding))
        for arm in CONTROLS[classes]
    }
    advantages = {arm: one.advantage.as_gain(deciding) for arm, one in controls.items()}
    outcome = judge_gain(gain, experiment.confidence, settings.min_effect)
    splits = [task.split for task in tasks]
    return Confirmation(
        outcome=outcome,
        metric=deciding,
        baseline=main.baseline,
        distilled=main.distilled,
        change=main.change,
        smallest_detectable=smallest_detectable(
            column(DISTILLED, deciding) - column(BASELINE, deciding), experiment.confidence
        ),
        min_effect=settings.min_effect,
        metrics=metrics,
        controls=controls,
        grid=_grid(repetitions, experiment.learner.grid, classes),
        fusion=compare("fused_distilled", "fused", deciding) if settings.fusion else None,
        teacher_score=float(column("teacher", deciding).mean()),
        baseline_at_half=float(column("half", deciding).mean()),
        architecture=settings.architecture,
        loss=loss_formula(classes),
        n_seeds=settings.seeds,
        n_train=min(len(split.train) for split in splits),
        n_validation=min(len(split.validation) for split in splits),
        n_test=sum(len(split.test) for split in splits),
        notes=tuple(_notes(experiment, outcome, gain, advantages)),
        seconds=seconds,
    )


def _grid(repetitions: list[Repetition], grid: Grid, classes: bool) -> tuple[GridCell, ...]:
    """Return the validation change of every temperature and weight, and how often it was chosen."""
    temperatures = grid.temperatures if classes else (None,)
    cells = [(temperature, weight) for temperature in temperatures for weight in grid.weights]
    change = np.mean([one.grid for one in repetitions], axis=0)
    chosen = np.bincount([one.chosen for one in repetitions], minlength=len(cells))
    return tuple(
        GridCell(temperature, weight, float(change[number]), int(chosen[number]))
        for number, (temperature, weight) in enumerate(cells)
    )


def _notes(
    experiment: Experiment,
    outcome: Outcome,
    gain: Change,
    advantages: Mapping[str, Change],
) -> Iterator[str]:
    """Yield what a reader must know before trusting the outcome."""
    alpha = 1 - experiment.confidence
    too_few_seeds = 2.0 ** (1 - experiment.settings.seeds) > alpha
    if too_few_seeds:
        yield (
            f"With {experiment.settings.seeds} seeds the sign-flip p cannot fall to "
            f"{alpha:.2g}, whatever the effect; use --seeds 6 or more."
        )
    elif outcome in ("no_change", "undecided") and not gain.low <= 0 <= gain.high:
        yield (
            f"The interval excludes zero, but the sign-flip p is {gain.p:.3f}: to help or to hurt, "
            f"both are needed, and p at most {alpha:.2g}."
        )
    if len({task.split.test.tobytes() for task in experiment.tasks}) < len(experiment.tasks):
        yield (
            "There are fewer groups than seeds, so several seeds share their test rows and the "
            "interval is too narrow."
        )
    if outcome != "helps":
        return
    if gain.estimate < experiment.settings.min_effect:
        yield (
            f"The gain is smaller than {experiment.settings.min_effect:g}, the smallest that "
            "matters (--min-effect)."
        )
    as_good = [arm.replace("_", " ") for arm, over in advantages.items() if over.low <= 0]
    if as_good:
        yield (
            f"The gain may be regularisation and not transfer: distillation is not clearly better "
            f"than the control {', '.join(as_good)}."
        )
