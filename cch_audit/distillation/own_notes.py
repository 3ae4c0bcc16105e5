"""What training runs of the user's own were asked, and what a reader must know of the answer."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from cch_audit.distillation.paired_runs import Pairs
from cch_audit.results import Metric, TrainingSize, improvement

FEW_SEEDS = 6
"""Fewer show little of how much seeds differ."""
SMOOTHING = "uniform"
"""The arm in which the teacher's outputs say nothing: label smoothing."""


@dataclass(frozen=True)
class Question:
    """What is asked of training runs."""

    metric: Metric
    min_effect: float
    """The smallest gain that matters, in units of the metric."""
    trivial: float
    """The score of what knows the class frequencies, or the mean, alone."""
    is_classes: bool
    confidence: float
    labelled_rows: int | None
    sequential: bool = False
    """Whether runs were added until the outcome was decided."""
    scale: str = ""
    """A sentence on the unit of the smallest gain that matters; empty where it is a share of 1."""


def notes_on(
    pairs: Sequence[Pairs], curve: Sequence[TrainingSize], at: int, question: Question
) -> Iterator[str]:
    """Yield what a reader must know before trusting the outcome."""
    here, size = pairs[at], curve[at]
    n_units = size.n_repetitions
    if here.by_split:
        yield (
            f"Scores are averaged over the seeds of each of {here.n_splits} splits "
            f"({here.n_seeds} pairs of runs), and the interval is over splits: it knows test rows "
            "as far as splits have different ones, and not that their training rows overlap."
        )
    elif here.n_splits == 1:
        yield (
            "All runs are of one split, so the interval is over seeds: it does not know that other "
            "test rows would give other scores."
        )
    else:
        yield (
            "The interval is over seeds: it does not know that other test rows would give other "
            "scores. A column split, with runs on several, would say that too."
        )
    if n_units < FEW_SEEDS:
        unit = "splits" if here.by_split else "pairs of runs"
        yield (
            f"There are {n_units} {unit}: so few show little of how much they differ, and the "
            f"interval is wide or by luck too narrow; run {FEW_SEEDS} or more."
        )
    if question.sequential:
        yield (
            "Runs were added until the outcome was decided; the interval is a confidence sequence, "
            "which allows for that and is wider than Student's t."
        )
    if len(curve) > 1 and question.labelled_rows is None:
        yield (
            f"The intervals are corrected for {len(curve)} numbers of training rows; name yours "
            "with --labelled-rows, and it alone decides."
        )
    if question.scale:
        yield question.scale
    baseline = size.metrics[question.metric].baseline
    if improvement(baseline - question.trivial, question.metric) < 0:
        what = "naming the largest class" if question.is_classes else "the mean of the labels"
        if question.metric in ("log_loss", "brier", "macro_auc"):
            what = "knowing the class frequencies alone"
        yield (
            f"The baseline scores {baseline:.4g}, worse than the {question.trivial:.4g} of {what} "
            "on the audited rows: its training failed, or the scores are not what --metric says."
        )
    if size.outcome == "helps":
        yield from _on_controls(here, size, question)


def _on_controls(pairs: Pairs, size: TrainingSize, question: Question) -> Iterator[str]:
    """Yield what the controls leave open."""
    smoothing = f"{SMOOTHING} (label smoothing: the teacher's outputs are all equal)"
    wanted = smoothing if question.is_classes else "ridge (more weight decay, no teacher)"
    if not size.controls:
        yield (
            "Without a control it is unclear whether the teacher's content is needed: add runs of "
            f"an arm {wanted} and of an arm shuffled (its outputs of other rows), with the same "
            "seeds."
        )
    elif question.is_classes and SMOOTHING not in size.controls and size.cause == "transfer":
        yield (
            f"It is better than the controls that were run ({', '.join(size.controls)}); whether "
            f"label smoothing does as well would be shown by an arm {SMOOTHING}."
        )
    fewer = [arm for arm in size.controls if not np.isfinite(pairs.scores[arm]).all()]
    if fewer:
        yield f"Not every pair has runs of {', '.join(fewer)}; these are compared where both are."
