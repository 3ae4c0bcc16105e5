"""The forecast for squared loss: a least-squares student, where the expansion is exact.

The student minimises MSE(y) + w MSE(t), which is least squares on (y + w t) / (1 + w). For Gaussian
columns its risk is known in closed form (Xie, Xu and Sanguinetti 2025, arXiv 2510.13182; derived in
this project, with the price of the intercept).
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import scipy.linalg
from scipy import stats

from cch_audit.dependence.units import Dependence
from cch_audit.errors import InputError
from cch_audit.forecasting.cells import OVERLAP, covariance_of
from cch_audit.forecasting.choice import Chosen, choose
from cch_audit.forecasting.classes import helps
from cch_audit.forecasting.controls import CONTROLS_OF_TARGETS
from cch_audit.forecasting.curve import draw_curve
from cch_audit.forecasting.draws import LEAST_PARTS, draw_part, needed_units
from cch_audit.forecasting.moments import (
    Moments,
    assign_blocks,
    cross_products,
    moments_of,
)
from cch_audit.forecasting.options import Options
from cch_audit.forecasting.outcome import LEAST_TRAINING_UNITS, LEAST_UNITS, judge
from cch_audit.forecasting.student import LARGEST_SHARE, labelled_rows
from cch_audit.forecasting.targets import Outputs, own_teachers
from cch_audit.randomness import stream
from cch_audit.results.forecast import Forecast, ForecastCell, ForecastControl, Parts
from cch_audit.rows import FloatArray, IntArray, standardize

MOST_COLUMNS = 200
"""Columns beyond which the student is reduced to its first principal components."""
ROWS_PER_COLUMN = 3.0
"""Labelled rows for each column that a least-squares student is left with."""
RANK_TOLERANCE = 1e-6
"""Smaller singular values, as a share of the largest, are rounding."""
ROUNDING = 1e-12
"""A smaller share of Var(y) is rounding: the student knows the labels."""


@dataclass(frozen=True, eq=False)
class LeastSquares:
    """All that the teachers of one student of targets share."""

    x: FloatArray
    """(n_samples, p) uncorrelated columns."""
    y: FloatArray
    """(n_samples, q)."""
    blocks: IntArray
    dependence: Dependence | None
    labelled_rows: int
    refit_rows: int
    """Rows of each part: those that are labelled, or half of those in hand."""
    parts: tuple[IntArray, ...]
    """Rows that train a teacher and a student, each."""
    n_columns: int
    """Columns before they were reduced."""


def prepare_least_squares(
    x: FloatArray, y: FloatArray, dependence: Dependence | None, options: Options
) -> LeastSquares:
    """Reduce the columns to what so many labelled rows bear.

    Parameters
    ----------
    x : (n_samples, d) representation
    y : (n_samples, q) targets
    dependence : which rows depend on each other; None: none do

    Raises
    ------
    InputError
        If all targets are constant, n is too small, or all rows are of one group.
    """
    if not np.ptp(y, axis=0).any():
        raise InputError("a forecast needs labels that vary")
    n = labelled_rows(len(x), options)
    left, sizes, _ = scipy.linalg.svd(standardize(x), full_matrices=False, check_finite=False)
    rank = int((sizes > RANK_TOLERANCE * sizes[0]).sum()) if sizes[0] > 0 else 1
    units = needed_units(dependence)
    blocks = assign_blocks(len(x), units, stream(options.seed, "forecast", "blocks"))
    # The jackknife has to fit what is left without the largest block.
    left_over = len(x) - int(np.bincount(blocks).max())
    most = max(1, int(min(MOST_COLUMNS, min(n, left_over) / ROWS_PER_COLUMN)))
    # A least-squares student is the same in any basis of its columns.
    used = np.asarray(left[:, : min(rank, most)] * np.sqrt(len(x)))
    refit_rows = n if n <= LARGEST_SHARE * len(x) else len(x) // 2
    rng = stream(options.seed, "forecast", "parts")
    n_refits = options.refits or LEAST_PARTS
    parts = tuple(draw_part(len(x), refit_rows, units, rng) for _ in range(n_refits))
    return LeastSquares(used, y, blocks, dependence, n, refit_rows, parts, rank)


def forecast_targets(student: LeastSquares, teacher: Outputs, options: Options) -> Forecast:
    """Forecast the change of the squared error by a teacher, in units of the summed Var(y).

    A teacher that the labelled rows train says less to the student of the same rows than one of
    other rows would; what that changes is the mean difference between refits with a teacher of
    their own and refits with the reference teacher. It falls as 1 / n.

    Parameters
    ----------
    student : columns and targets
    teacher : what it says to all rows, and to the parts that train it
    options : weights, confidence
    """
    started = time.process_time()
    n, n_samples = student.labelled_rows, len(student.x)
    weights = np.array([weight for weight in options.weights if weight > 0])
    centre, scale = student.y.mean(axis=0), float(np.abs(student.y - student.y.mean(axis=0)).max())
    y, taught = (student.y - centre) / scale, (teacher.reference - centre) / scale
    moments, jackknife = _jackknife(student, taught, y)
    own = np.zeros((1, len(weights)))
    if teacher.parts:
        spoken = [(told - centre) / scale for told in teacher.parts]
        own = own_teachers(student.x, y, taught, student.parts, spoken, weights) / moments.total
    refitted, share = student.refit_rows, student.refit_rows / n_samples
    chance = covariance_of(own) * (1 / len(own) + OVERLAP * share / (1 - share))

    def at(rows: float) -> FloatArray:
        return np.asarray(moments.change(weights, rows) + own.mean(axis=0) * refitted / rows)

    def covariance(rows: float) -> FloatArray:
        spread = _spread(np.stack([one.change(weights, rows) for one in jackknife]))
        return np.asarray(spread + chance * (refitted / rows) ** 2)

    estimates = at(n)
    freedom = max(len(jackknife) - 1.0, 1.0)
    rng = stream(options.seed, "forecast", "choice")
    chosen = choose(estimates, covariance(n), freedom, options.confidence, rng)
    best = chosen.best
    estimate, error = float(estimates[best]), float(chosen.standard_error[best])
    without = np.array([one.change(weights, n)[best] for one in jackknife])
    controls = {
        name: _control(student, name, taught, y, weights, options, chosen, estimate, without)
        for name in CONTROLS_OF_TARGETS
    }
    judged = judge(
        estimates, chosen, controls, tuple(_withheld(student, moments)), options.min_effect
    )
    bias = float(moments.bias(weights)[best])
    baseline = moments.baseline(n)
    cells = [(None, float(weight)) for weight in weights]
    return Forecast(
        estimate=estimate,
        low=estimate - judged.half_width,
        high=estimate + judged.half_width,
        standard_error=error,
        probability=helps(estimate, error, freedom),
        temperature=None,
        weight=float(weights[best]),
        labelled_rows=n,
        metric="mse",
        baseline=baseline,
        relative_change=estimate / baseline if baseline > 0 else 0.0,
        parts=Parts(bias, estimate - bias, 0.0),
        controls=controls,
        cells=tuple(
            ForecastCell(
                None,
                float(weights[place]),
                float(value),
                float(value - chosen.half_width[place]),
                float(value + chosen.half_width[place]),
                float(chosen.standard_error[place]),
            )
            for place, value in enumerate(estimates)
        ),
        curve=draw_curve(
            at,
            lambda rows, cell: float(np.sqrt(covariance(rows)[cell, cell])),
            cells,
            best,
            n,
            student.x.shape[1] + 4,
            freedom,
            options.confidence,
        ),
        ends_at=_gain_ends(lambda rows: float(at(rows)[best]), bias, n),
        outcome=judged.outcome,
        source=judged.source,
        reasons=judged.reasons,
        notes=tuple(_notes(student)),
        method="closed form",
        penalty=0.0,
        n_parameters=(student.x.shape[1] + 1) * y.shape[1],
        n_columns=student.x.shape[1],
        seconds=time.process_time() - started,
    )


def _jackknife(
    student: LeastSquares, t: FloatArray, y: FloatArray
) -> tuple[Moments, list[Moments]]:
    """Return the moments, and those without each block."""
    products = cross_products(student.x, t, y, student.blocks)
    total, p = products.sum(axis=0), student.x.shape[1]
    return moments_of(total, p), [moments_of(total - one, p) for one in products]


def _spread(left_out: FloatArray) -> FloatArray:
    """Return the jackknife covariance (C, C) of values without each block (J, C)."""
    centred = left_out - left_out.mean(axis=0)
    return np.asarray(centred.T @ centred * (len(left_out) - 1) / len(left_out))


def _control(
    student: LeastSquares,
    name: str,
    t: FloatArray,
    y: FloatArray,
    weights: FloatArray,
    options: Options,
    chosen: Chosen,
    estimate: float,
    jackknife: FloatArray,
) -> ForecastControl:
    """Forecast a control at its own best weight; y has mean zero."""
    rng = stream(options.seed, "forecast", "control", name)
    taught = np.zeros_like(y) if name == "mean" else t[rng.permutation(len(t))]
    n = student.labelled_rows
    moments, left_out = _jackknife(student, taught, y)
    changes = moments.change(weights, n)
    best = int(np.argmin(changes))
    without = np.array([one.change(weights, n)[best] for one in left_out])
    error = float(np.sqrt(_spread(without[:, None])[0, 0]))
    apart = float(np.sqrt(_spread((jackknife - without)[:, None])[0, 0]))
    z = float(stats.t.ppf((1 + options.confidence) / 2, chosen.freedom))
    change = float(changes[best])
    advantage = estimate - change
    return ForecastControl(
        temperature=None,
        weight=float(weights[best]),
        estimate=change,
        low=change - z * error,
        high=change + z * error,
        advantage=advantage,
        advantage_low=advantage - z * apart,
        advantage_high=advantage + z * apart,
    )


def _gain_ends(change: Callable[[float], float], bias: float, n: int) -> int | None:
    """Return from how many rows on the change is no gain; None where there is none or no end."""
    if change(n) >= 0 or bias <= 0:
        return None
    low, high = n, 2 * n
    while change(high) < 0 and high < 10**12:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if change(middle) < 0 else (low, middle)
    return high


def _withheld(student: LeastSquares, moments: Moments) -> Iterator[str]:
    """Yield why nothing may be said."""
    n, n_samples = student.labelled_rows, len(student.x)
    if student.dependence is not None:
        units = student.dependence.n_units
        among = units * min(n / n_samples, 1.0)
        if units < LEAST_UNITS or among < LEAST_TRAINING_UNITS:
            yield (
                f"About {units:.0f} groups count as independent, {among:.0f} of them among the "
                "labelled rows: too few to say what another set of groups would teach."
            )
    if moments.of_labels <= ROUNDING * moments.total:
        yield "The student is at its ceiling: its columns determine the labels."


def _notes(student: LeastSquares) -> list[str]:
    used = student.x.shape[1]
    if used == student.n_columns:
        return []
    return [
        f"The student was reduced from {student.n_columns:,} columns to its first {used} principal "
        f"components: least squares needs {ROWS_PER_COLUMN:g} labelled rows for each."
    ]
