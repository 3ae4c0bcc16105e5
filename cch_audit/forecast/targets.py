"""What a teacher of n rows says about targets: outputs of a ridge head that did not see the row."""

import numpy as np
from sklearn.linear_model import RidgeCV

from cch_audit.auditing.heads import ALPHAS
from cch_audit.dependence.units import Dependence, among
from cch_audit.estimators.contract import assign_folds, outside, standardize
from cch_audit.forecast.teachers import FOLDS
from cch_audit.rows import FloatArray, IntArray


def teacher_outputs(
    teacher: FloatArray,
    y: FloatArray,
    part: IntArray,
    dependence: Dependence | None,
    rng: np.random.Generator,
) -> FloatArray:
    """Return outputs (n_samples, q) of heads that were trained on a part of the rows.

    A row of the part gets the output of the head of five that did not see it, every other row that
    of one of the five in rotation.

    Parameters
    ----------
    teacher : (n_samples, d) representation
    y : (n_samples, q) targets
    part : row numbers of the n rows
    dependence : which rows depend on each other; None: none do
    """
    inside = among(dependence, part)
    folds = assign_folds(len(part), FOLDS, y[part], inside, rng)
    numbers = np.unique(folds)
    turn = np.arange(len(y)) % len(numbers)
    turn[part] = np.searchsorted(numbers, folds)
    x, outputs = standardize(teacher), np.empty_like(y)
    for place, number in enumerate(numbers):
        rows, asked = part[outside(folds, number, inside)], turn == place
        head = RidgeCV(alphas=ALPHAS).fit(x[rows], y[rows])
        outputs[asked] = head.predict(x[asked]).reshape(-1, y.shape[1])
        # Without a common mean, outputs out of fold are low where the fold's labels are high.
        mine = part[folds == number]
        outputs[mine] += y[part].mean(axis=0) - y[rows].mean(axis=0)
    return outputs
