"""Teachers made worse in steps, to see where the criterion and the training runs change."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from cch_audit.auditing.heads import cross_fitted
from cch_audit.auditing.log_odds import class_logits
from cch_audit.errors import InputError
from cch_audit.estimators.contract import is_classes, standardize
from cch_audit.randomness import stream
from cch_audit.results import Varied
from cch_audit.rows import FloatArray, IntArray
from cch_audit.sample import Sample
from cch_audit.settings import HeadSettings
from cch_audit.sweeping.plan import step_title

Degrade = Callable[[FloatArray, float, np.random.Generator], FloatArray]


def add_noise(x: FloatArray, scale: float, rng: np.random.Generator) -> FloatArray:
    """Add normal noise of `scale` standard deviations to every column, standardised first."""
    return standardize(x) + scale * rng.standard_normal(x.shape)


def drop_columns(x: FloatArray, share: float, rng: np.random.Generator) -> FloatArray:
    """Drop a share of the columns, the last ones of a random order; one is always kept."""
    kept = max(1, round((1 - share) * x.shape[1]))
    return x[:, np.sort(rng.permutation(x.shape[1])[:kept])]


def shuffle_rows(x: FloatArray, share: float, rng: np.random.Generator) -> FloatArray:
    """Give each of a share of the rows, the first ones of a random order, the next one's place."""
    moved = _first(len(x), share, rng)
    changed = x.copy()
    changed[moved] = x[np.roll(moved, 1)]
    return changed


def flip_labels(
    y: FloatArray | IntArray, share: float, rng: np.random.Generator
) -> FloatArray | IntArray:
    """Make a share of the labels wrong, the first ones of a random order.

    A class becomes any of the others; numbers are exchanged among their rows.
    """
    moved = _first(len(y), share, rng)
    changed = y.copy()
    if not is_classes(y):
        changed[moved] = y[np.roll(moved, 1)]
        return changed
    n_classes = int(y.max()) + 1
    changed[moved] = (y + rng.integers(1, n_classes, size=len(y)))[moved] % n_classes
    if changed.max() < n_classes - 1:
        # A head has an output for every class up to the last one that it sees.
        changed[moved[-1]] = n_classes - 1
    return changed


DEGRADERS: Mapping[Varied, Degrade] = {
    "noise": add_noise,
    "drop_columns": drop_columns,
    "shuffle_rows": shuffle_rows,
}
"""What makes a representation worse; `flip_labels` makes its head worse instead."""


def degrade_teacher(
    sample: Sample, varied: Varied, steps: Sequence[float], heads: HeadSettings, seed: int
) -> Sample:
    """Return the sample with one teacher for each step, in place of its only one.

    All steps draw the same random numbers, so that they differ in their size alone. A teacher that
    is unchanged keeps its name, and hence every number of its audit.

    The teacher's own predictions are shuffled with its rows. They fit no other degraded teacher,
    so heads take their place at every step, the first one too, or a step would change two things.

    Parameters
    ----------
    sample : with one teacher
    varied : a key of `DEGRADERS`, or `flip_labels`
    steps : standard deviations for noise, otherwise shares from 0 to 1
    heads : settings of the head that learns from wrong labels
    seed : of the random numbers

    Raises
    ------
    InputError
        If there is no column to drop.
    """
    ((name, teacher),) = sample.teachers.items()
    if varied == "drop_columns" and teacher.shape[1] == 1:
        raise InputError(
            f"`drop_columns`: teacher {name!r} has a single column, and one is always kept; "
            "choose `noise` or `shuffle_rows`"
        )
    own = sample.predictions.get(name)
    dropped = own is not None and varied != "shuffle_rows"
    teachers: dict[str, FloatArray] = {}
    predictions = {key: value for key, value in sample.predictions.items() if key != name}
    for step in steps:
        unchanged = step == 0 and varied != "flip_labels"
        title = name if unchanged and not dropped else step_title(name, varied, step)
        teachers[title] = teacher
        if varied == "flip_labels":
            predictions[title] = _misled(sample, name, step, heads, seed)
        elif not unchanged:
            teachers[title] = DEGRADERS[varied](teacher, step, _rng(seed, varied, name))
        if own is not None and not dropped:
            predictions[title] = shuffle_rows(own, step, _rng(seed, varied, name))
    source = sample.source
    if dropped:
        note = f"The predictions that the file has for {name} are not used: a head replaces them."
        source = replace(source, notes=(*source.notes, note))
    return replace(sample, teachers=teachers, predictions=predictions, source=source)


def _misled(sample: Sample, name: str, share: float, heads: HeadSettings, seed: int) -> FloatArray:
    """Return what a head says of every row that learned from labels of which a share is wrong."""
    flipped = flip_labels(sample.labels.values, share, _rng(seed, "flip_labels", name))
    # The folds are those of the head that an audit fits by itself.
    folds = stream(seed, "head", "teacher")
    said = cross_fitted(sample.teachers[name], flipped, sample.dependence, folds, heads)
    # A single column would be read as a probability where it lies between 0 and 1.
    return class_logits(said) if sample.labels.kind == "classes" else said


def _rng(seed: int, varied: str, name: str) -> np.random.Generator:
    """Return the generator that every step of a sweep starts anew."""
    return stream(seed, "sweep", varied, name)


def _first(n: int, share: float, rng: np.random.Generator) -> IntArray:
    """Return a share of the numbers below n, the first ones of a random order."""
    return rng.permutation(n)[: round(share * n)]
