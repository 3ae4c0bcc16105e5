"""What a teacher says about targets that is trained on the rows that train the student."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.linear_model import RidgeCV

from cch_audit.auditing.heads import ALPHAS
from cch_audit.dependence.units import Dependence, among
from cch_audit.estimators.contract import standardize
from cch_audit.estimators.folds import assign_folds, outside
from cch_audit.forecasting.teachers import FOLDS
from cch_audit.rows import FloatArray, IntArray


@dataclass(frozen=True, eq=False)
class Outputs:
    """What a teacher says about targets."""

    reference: FloatArray
    """Outputs (n_samples, q) that the student of all rows learns from."""
    parts: tuple[FloatArray, ...] = ()
    """For each part those of its rows by a teacher of its own, (n_part, q); empty if given."""


def train_outputs(
    teacher: FloatArray,
    y: FloatArray,
    parts: Sequence[IntArray],
    dependence: Dependence | None,
    rng: np.random.Generator,
) -> Outputs:
    """Train ridge heads on all rows and on each part; no row is told by a head that it taught.

    Parameters
    ----------
    teacher : (n_samples, d) representation
    y : (n_samples, q) targets
    parts : row numbers that each student, and its teacher, is trained on
    dependence : which rows depend on each other; None: none do
    """
    x, everything = standardize(teacher), np.arange(len(y))
    spoken = tuple(teacher_outputs(x, y, part, dependence, rng) for part in parts)
    return Outputs(teacher_outputs(x, y, everything, dependence, rng), spoken)


def teacher_outputs(
    x: FloatArray,
    y: FloatArray,
    part: IntArray,
    dependence: Dependence | None,
    rng: np.random.Generator,
) -> FloatArray:
    """Return outputs (n_part, q) of the rows of a part, by five heads that each leave a fold out.

    Parameters
    ----------
    x : (n_samples, d) standardised columns
    y : (n_samples, q) targets
    part : row numbers
    dependence : which rows depend on each other; None: none do
    """
    inside = among(dependence, part)
    x, y = x[part], y[part]
    folds = assign_folds(len(part), FOLDS, y, inside, rng)
    outputs = np.empty_like(y)
    for number in np.unique(folds):
        rows, asked = outside(folds, number, inside), folds == number
        head = RidgeCV(alphas=ALPHAS).fit(x[rows], y[rows])
        # Without a common mean, outputs out of fold are low where the fold's labels are high.
        shift = y.mean(axis=0) - y[rows].mean(axis=0)
        outputs[asked] = head.predict(x[asked]).reshape(-1, y.shape[1]) + shift
    return outputs
