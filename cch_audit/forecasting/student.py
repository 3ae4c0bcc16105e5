"""The student whose risk is forecast: its columns, its penalty and its risk without a teacher."""

from dataclasses import dataclass

import numpy as np
import scipy.linalg

from cch_audit.dependence.units import Dependence
from cch_audit.errors import InputError
from cch_audit.forecasting.draws import draw_part, n_parts, needed_units
from cch_audit.forecasting.options import Options
from cch_audit.forecasting.refits import Refits
from cch_audit.forecasting.softmax import Lesson, Rows, fit
from cch_audit.forecasting.terms import Terms, expand
from cch_audit.randomness import stream
from cch_audit.rows import FloatArray, IntArray, standardize

MOST_PARAMETERS = 300
"""Beyond it the student is reduced to its first principal components."""
LEAST_COLUMNS = 8
"""Components that are kept however many classes there are."""
MOST_CURVED, LEAST_CURVED = 1500, 400
"""Rows that second derivatives are averaged over: their mean is known well before the loss is."""
MOST_PAIRS = 150_000
"""Rows times pairs of classes of those second derivatives, which bounds the rows further."""
PENALTIES = (0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
"""Tried for the student, of its mean loss."""
MOST_LABELLED = 400
"""Labelled rows by default, at most."""
LARGEST_SHARE = 0.75
"""Share of the rows in hand beyond which too few are left to score refits on."""


@dataclass(frozen=True, eq=False)
class Student:
    """All that the teachers of one student share."""

    rows: Rows
    y: IntArray
    n_classes: int
    units: IntArray | None
    dependence: Dependence | None
    labelled_rows: int
    penalty: float
    at_edge: bool
    """Whether the penalty is the least that was tried."""
    baseline: Terms
    theta: FloatArray
    """Parameters without a teacher, (K - 1, d + 1)."""
    refits: Refits
    refit_rows: int
    """Rows of each part: those that are labelled, or half of those in hand."""
    residual: FloatArray
    """(n_refits,) what refits add to the risk without a teacher."""
    is_few: bool
    """Whether labelled rows are too few for the parameters, so that the expansion needs refits."""
    n_columns: int
    """Columns before they were reduced."""

    @property
    def n_parameters(self) -> int:
        """(d + 1) (K - 1)."""
        return self.theta.size

    @property
    def entropy(self) -> float:
        """Entropy of the labels in hand, nats."""
        chance = np.bincount(self.y) / len(self.y)
        chance = chance[chance > 0]
        return float(-(chance * np.log(chance)).sum())

    @property
    def risk(self) -> float:
        """Expected test log-loss without a teacher, nats."""
        n, base, refitted = self.labelled_rows, self.baseline, self.refit_rows
        if not self.is_few:
            return base.risk(n)
        expected = base.shrinkage * (1 / refitted - 1 / len(self.y))
        return base.risk(n) + (float(self.residual.mean()) - expected) * (refitted / n) ** 2


def prepare_student(
    x: FloatArray, y: IntArray, n_classes: int, dependence: Dependence | None, options: Options
) -> Student:
    """Reduce the columns, choose the penalty and expand the risk without a teacher.

    Parameters
    ----------
    x : (n_samples, d) representation
    y : class codes 0..K-1
    n_classes : K, at least 2
    dependence : which rows depend on each other; None: none do

    Raises
    ------
    InputError
        If fewer than two classes occur, n is too small, or all rows are of one group.
    """
    n_samples, n = len(x), labelled_rows(len(x), options)
    if n_classes < 2 or len(np.unique(y)) < 2:
        raise InputError("a forecast needs labels of at least two classes")
    units = needed_units(dependence)
    reduced = reduce_columns(x, n_classes)
    rows = Rows.of(reduced, _curved(n_samples, n_classes, units, options))
    refit_rows = n if n <= LARGEST_SHARE * n_samples else n_samples // 2
    rng = stream(options.seed, "forecast", "parts")
    n_refits = options.refits or n_parts(refit_rows * reduced.shape[1] * n_classes)
    parts = [draw_part(n_samples, refit_rows, units, rng, y) for _ in range(n_refits)]
    refits = Refits.of(reduced, y, n_classes, parts, rng)
    is_few = n < options.few_rows * (n_classes - 1) * reduced.shape[1]
    lesson, start = Lesson(y, n_classes), None
    tried = sorted(PENALTIES, reverse=True) if options.penalty is None else [options.penalty]
    found: list[Student] = []
    for penalty in tried:
        fitted = fit(rows, lesson, penalty, start)
        start = fitted.theta
        terms = expand(rows, lesson, penalty, fitted, units, influence=True, local=True)
        assert terms.local is not None
        found.append(
            Student(
                rows=rows,
                y=y,
                n_classes=n_classes,
                units=units,
                dependence=dependence,
                labelled_rows=n,
                penalty=penalty,
                at_edge=len(tried) > 1 and penalty == tried[-1],
                baseline=terms,
                theta=fitted.theta,
                refits=refits,
                refit_rows=refit_rows,
                residual=refits.residual(terms.local, lesson, penalty),
                is_few=is_few,
                n_columns=x.shape[1],
            )
        )
        if len(found) > 2 and found[-1].risk > found[-2].risk > found[-3].risk:
            break  # with less the risk only grows
    return min(found, key=lambda student: student.risk)


def labelled_rows(n_samples: int, options: Options) -> int:
    """Return how many labelled rows are meant."""
    n = options.labelled_rows
    if n is None:
        return min(n_samples // 2, MOST_LABELLED)
    if n < 10:
        raise InputError(f"`labelled_rows` {n}: a forecast needs at least 10")
    return n


def reduce_columns(x: FloatArray, n_classes: int) -> FloatArray:
    """Return standardised columns with an intercept, or the first principal components.

    Components are not rescaled: a penalty means the same in them.
    """
    x = standardize(x)
    most = max(LEAST_COLUMNS, MOST_PARAMETERS // (n_classes - 1) - 1)
    if x.shape[1] > most:
        values, vectors = scipy.linalg.eigh(x.T @ x, check_finite=False)
        x = x @ vectors[:, ::-1][:, :most]
        del values
    return np.hstack([np.ones((len(x), 1)), x])


def _curved(n_samples: int, n_classes: int, units: IntArray | None, options: Options) -> IntArray:
    """Return the rows that second derivatives are averaged over: all, or some whole units."""
    n_pairs = n_classes * (n_classes - 1) // 2
    most = min(MOST_CURVED, max(LEAST_CURVED, MOST_PAIRS // n_pairs))
    if n_samples <= most:
        return np.arange(n_samples)
    return draw_part(n_samples, most, units, stream(options.seed, "forecast", "curved"))
