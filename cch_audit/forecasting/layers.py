"""The last hidden layers of trained networks, in the place of the representations below them.

An expansion is of what is convex: the head on a layer. The layer comes from rows that take no part
in the forecast, as on those that trained it a head would find more than on new ones.
"""

from dataclasses import replace
from functools import partial

import numpy as np

from cch_audit.distillation.arms import PENALTIES, baseline_cells
from cch_audit.distillation.lessons import Lesson, scaled
from cch_audit.distillation.metrics import validation_loss
from cch_audit.distillation.splits import Split, draw_split
from cch_audit.forecasting.options import Options
from cch_audit.forecasting.student import MOST_LABELLED
from cch_audit.randomness import stream
from cch_audit.rows import FloatArray, IntArray, is_classes, standardize
from cch_audit.sample import Sample

SHARE = 4
"""One of so many rows in hand trains the networks, at most, and as many end their training."""


def to_hidden_layers(sample: Sample, options: Options) -> tuple[Sample, int]:
    """Train a network with one hidden layer on each representation, and return what it holds.

    They learn from labels alone, as many rows as will be labelled, or a quarter of those in hand
    where that is less; their penalty and epoch are those of least loss on other rows, as in a
    training run. Own predictions stay what they are.

    Parameters
    ----------
    sample : paired rows
    options : what a forecast is asked

    Returns
    -------
    the rows that neither trained a network nor ended its training, with max(0, W x + b) for
    representations, and how many rows trained it

    Raises
    ------
    InputError
        If too few rows or groups are left.
    """
    n, y = options.labelled_rows or MOST_LABELLED, sample.labels.values
    size = min(n, sample.n_samples // SHARE)
    rng = stream(options.seed, "forecast", "layers")
    split = draw_split(y, sample.dependence, size, rng)
    left = split.test
    n_outputs = len(sample.labels.class_names) if is_classes(y) else y.shape[1]
    teach = partial(_layer, y=y, n_outputs=n_outputs, split=split, options=options)
    groups = sample.groups
    taken = replace(
        sample,
        teachers={
            name: x[left] if name in sample.predictions else teach(x, "teacher", name)
            for name, x in sample.teachers.items()
        },
        student=teach(sample.student, "student"),
        labels=replace(sample.labels, values=y[left]),
        predictions={name: told[left] for name, told in sample.predictions.items()},
        groups=None if groups is None else np.unique(groups[left], return_inverse=True)[1],
        positions=sample.places[left],
    )
    return taken, len(split.train)


def _layer(
    x: FloatArray,
    *name: str,
    y: FloatArray | IntArray,
    n_outputs: int,
    split: Split,
    options: Options,
) -> FloatArray:
    """Return the hidden layer (n_test, h) of a network on a representation (n_samples, d)."""
    from cch_audit.distillation.stack import train_heads  # torch, where it is needed

    known, other = split.train, split.validation
    columns, cells = scaled(x, known), baseline_cells(PENALTIES)
    labels = y if is_classes(y) else standardize(y)
    lesson = Lesson(
        x=columns[known],
        y=labels[known],
        x_validation=columns[other],
        y_validation=labels[other],
        cells=cells,
        soft=np.zeros((1, len(known), n_outputs)),  # of weight 0
        soft_of=np.zeros(len(cells), dtype=np.int64),
        n_outputs=n_outputs,
    )
    rng = stream(options.seed, "forecast", "layers", *name)
    (heads,) = train_heads([lesson], hidden=options.hidden, epochs=options.epochs, rng=rng)
    best = int(validation_loss(lesson.y_validation, heads.on_validation).argmin())
    weight, bias = heads.layers[0]
    return np.asarray(np.maximum(columns[split.test] @ weight[best].T + bias[best], 0.0))
