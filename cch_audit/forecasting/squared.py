"""The forecast for squared loss: a ridge student, refitted beside least squares in closed form.

The student minimises MSE(y) + w MSE(t) + (1 + w) penalty |slopes|^2, which is ridge regression of
(y + w t) / (1 + w). Without the penalty its risk is known in closed form for Gaussian columns (Xie,
Xu and Sanguinetti 2025, arXiv 2510.13182; derived in this project, with the price of the
intercept); what the penalty, and a teacher that the labelled rows train, change is said by refits.
"""

import time
from collections.abc import Iterator, Sequence

import numpy as np
from scipy import stats

from cch_audit.forecasting.choice import Chosen, choose, pooled_freedom
from cch_audit.forecasting.classes import helps
from cch_audit.forecasting.controls import CONTROLS_OF_TARGETS
from cch_audit.forecasting.curve import draw_curve, gain_ends
from cch_audit.forecasting.options import Options
from cch_audit.forecasting.outcome import LEAST_TRAINING_UNITS, LEAST_UNITS, impossible, judge
from cch_audit.forecasting.ridge_student import RidgeStudent
from cch_audit.forecasting.target_changes import TargetChanges, expand_targets, spread
from cch_audit.forecasting.targets import Outputs
from cch_audit.randomness import stream
from cch_audit.results.forecast import Forecast, ForecastCell, ForecastControl, Parts
from cch_audit.rows import FloatArray


def forecast_targets(student: RidgeStudent, teacher: Outputs, options: Options) -> Forecast:
    """Forecast the change of the squared error by a teacher, in units of the summed Var(y).

    A teacher that the labelled rows train says less to the student of the same rows than one of
    other rows would: students are refitted with teachers of their own rows.

    Parameters
    ----------
    student : columns and targets
    teacher : what it says to all rows, and to the parts that train it
    options : weights, confidence
    """
    started = time.process_time()
    n = student.labelled_rows
    weights = np.array([weight for weight in options.weights if weight > 0])
    centre, scale = student.y.mean(axis=0), float(np.abs(student.y - student.y.mean(axis=0)).max())
    y, taught = (student.y - centre) / scale, (teacher.reference - centre) / scale
    spoken = [(told - centre) / scale for told in teacher.parts]
    spoken = spoken or [taught[part.rows] for part in student.parts]
    changes = expand_targets(student, taught, y, spoken, weights)
    estimates = changes.at(n)
    freedom = _freedom(changes, n)
    rng = stream(options.seed, "forecast", "choice")
    chosen = choose(estimates, changes.covariance(n), freedom, options.confidence, rng)
    best = chosen.best
    estimate, error = float(estimates[best]), float(chosen.standard_error[best])
    controls = {
        name: _control(student, name, taught, y, spoken, changes, chosen, options)
        for name in CONTROLS_OF_TARGETS
    }
    withheld = (*_withheld(student, changes), *impossible(estimate, changes.baseline))
    judged = judge(estimates, chosen, controls, withheld, options.min_effect)
    bias = float(changes.limit[best])
    baseline = changes.baseline
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
            changes.at,
            lambda rows, cell: float(np.sqrt(changes.covariance(rows)[cell, cell])),
            cells,
            best,
            n,
            n / 2 if student.is_few else n / 4,
            freedom,
            options.confidence,
        ),
        ends_at=gain_ends(bias, float(changes.second[best]), 0.0, n),
        outcome=judged.outcome,
        source=judged.source,
        reasons=judged.reasons,
        notes=tuple(_notes(student, bool(teacher.parts))),
        method="refits",
        penalty=student.penalty,
        n_parameters=(student.x.shape[1] + 1) * y.shape[1],
        n_columns=student.x.shape[1],
        seconds=time.process_time() - started,
    )


def _freedom(changes: TargetChanges, n: int) -> float:
    """Return the degrees of freedom of the standard error, at the weight of least change."""
    best, without = int(np.argmin(changes.at(n))), changes.without(n)
    sampling, chance = spread(without)[best, best], changes.chance(n)[best, best]
    shares = ((sampling, len(without) - 1.0), (chance, len(changes.residual) - 1.0))
    return max(pooled_freedom(shares), 1.0)


def _control(
    student: RidgeStudent,
    name: str,
    t: FloatArray,
    y: FloatArray,
    spoken: Sequence[FloatArray],
    taught: TargetChanges,
    chosen: Chosen,
    options: Options,
) -> ForecastControl:
    """Forecast a control at its own best weight, with the same students; y has mean zero."""
    rng = stream(options.seed, "forecast", "control", name)
    if name == "mean":
        t = np.zeros_like(y)
        spoken = [np.zeros_like(y[p.rows]) + y[p.rows].mean(axis=0) for p in student.parts]
    else:
        t = t[rng.permutation(len(t))]
        spoken = [told[rng.permutation(len(told))] for told in spoken]
    n, weights = student.labelled_rows, taught.weights
    changes = expand_targets(student, t, y, spoken, weights)
    estimates, place = changes.at(n), chosen.best
    best = int(np.argmin(estimates))
    estimate, advantage = float(estimates[best]), float(taught.at(n)[place] - estimates[best])
    error = float(np.sqrt(changes.covariance(n)[best, best]))
    # Both are of the same rows and of the same parts.
    between = taught.without(n)[:, [place]] - changes.without(n)[:, [best]]
    residual = taught.residual[:, [place]] - changes.residual[:, [best]]
    apart = float(np.sqrt((spread(between) + taught.chance(n, residual))[0, 0]))
    z = float(stats.t.ppf((1 + options.confidence) / 2, chosen.freedom))
    return ForecastControl(
        temperature=None,
        weight=float(weights[best]),
        estimate=estimate,
        low=estimate - z * error,
        high=estimate + z * error,
        advantage=advantage,
        advantage_low=advantage - z * apart,
        advantage_high=advantage + z * apart,
    )


def _withheld(student: RidgeStudent, changes: TargetChanges) -> Iterator[str]:
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
    if changes.is_known:
        yield "The student is at its ceiling: its columns determine the labels."


def _notes(student: RidgeStudent, trains_teacher: bool) -> Iterator[str]:
    """Yield what a reader must know of the student, in sentences."""
    used, n_refits = student.x.shape[1], len(student.parts)
    if used < student.n_columns:
        yield (
            f"The student was reduced from {student.n_columns:,} columns to its first {used} "
            "principal components."
        )
    if student.is_few:
        yield (
            f"{student.labelled_rows} labelled rows are few for {used} columns: the closed form of "
            f"least squares was corrected by {n_refits} refits of ridge regression."
        )
    elif trains_teacher:
        yield (f"The labelled rows train the teacher too: {n_refits} refits say what that changes.")
    if student.at_edge:
        yield (
            f"The penalty {student.penalty:g} is the least that was tried: a student with less may "
            "be better, and gain more or less."
        )
