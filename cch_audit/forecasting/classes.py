"""The forecast for a softmax student: what the teacher's logits change, cell by cell."""

import time
from dataclasses import dataclass

import numpy as np
from scipy import stats

from cch_audit.forecasting.cells import Changes, Softened, expand_changes
from cch_audit.forecasting.choice import Chosen, choose, pooled_freedom
from cch_audit.forecasting.controls import CONTROLS, control_soft
from cch_audit.forecasting.curve import draw_curve, gain_ends
from cch_audit.forecasting.options import Options
from cch_audit.forecasting.outcome import impossible, judge, withheld_reasons
from cch_audit.forecasting.softmax import softmax
from cch_audit.forecasting.student import Student
from cch_audit.forecasting.teachers import Teacher
from cch_audit.randomness import stream
from cch_audit.results.forecast import Forecast, ForecastCell, ForecastControl, Parts
from cch_audit.rows import FloatArray

ROUNDING = 1e-6
"""Nats, or units of Var(y), below which a change is none."""


@dataclass(frozen=True, eq=False)
class _Found:
    """Changes at all cells, their interval and what a control is compared with."""

    changes: Changes
    chosen: Chosen

    @property
    def best(self) -> int:
        """Number of the recommended cell."""
        return self.chosen.best


def forecast_classes(student: Student, teacher: Teacher, options: Options) -> Forecast:
    """Forecast the change of log-loss by a teacher.

    Parameters
    ----------
    student : rows, labels, penalty and the risk without a teacher
    teacher : what it says to all rows, and to the parts that train it
    options : cells, confidence, controls
    """
    started = time.process_time()
    n, cells = student.labelled_rows, options.cells
    changes = expand_changes(student, _softened(teacher, cells), cells, teacher)
    freedom = _freedom(student, changes, n)
    rng = stream(options.seed, "forecast", "choice")
    chosen = choose(changes.at(n), changes.covariance(n), freedom, options.confidence, rng)
    found = _Found(changes, chosen)
    controls = {name: _control(student, name, teacher, found, options) for name in CONTROLS}
    estimates, best = changes.at(n), chosen.best
    estimate = float(estimates[best])
    withheld = (*withheld_reasons(student), *impossible(estimate, student.risk))
    judged = judge(estimates, chosen, controls, withheld, options.min_effect * student.entropy)
    bias, noise = float(changes.limit[best]), float(changes.noise[best]) / n
    is_refitted = changes.n_chances > 0
    fewest = n / 2 if is_refitted else options.few_rows * student.n_parameters
    return Forecast(
        estimate=estimate,
        low=estimate - judged.half_width,
        high=estimate + judged.half_width,
        standard_error=float(chosen.standard_error[best]),
        probability=helps(estimate, float(chosen.standard_error[best]), freedom),
        temperature=cells[best][0],
        weight=cells[best][1],
        labelled_rows=n,
        metric="log_loss",
        baseline=student.risk,
        relative_change=estimate / student.risk,
        parts=Parts(bias, noise, estimate - bias - noise),
        controls=controls,
        cells=tuple(
            ForecastCell(temperature, weight, float(value), *interval, float(error))
            for (temperature, weight), value, interval, error in zip(
                cells,
                estimates,
                zip(estimates - chosen.half_width, estimates + chosen.half_width, strict=True),
                chosen.standard_error,
                strict=True,
            )
        ),
        curve=draw_curve(
            changes.at,
            lambda rows, cell: float(np.sqrt(max(changes.covariance(rows)[cell, cell], 0.0))),
            cells,
            best,
            n,
            fewest,
            freedom,
            options.confidence,
        ),
        ends_at=gain_ends(bias, float(changes.second[best]), float(changes.higher[best]), n),
        outcome=judged.outcome,
        source=judged.source,
        reasons=judged.reasons,
        notes=tuple(_notes(student, is_refitted)),
        method="refits" if is_refitted else "expansion",
        penalty=student.penalty,
        n_parameters=student.n_parameters,
        n_columns=student.rows.x.shape[1] - 1,
        seconds=time.process_time() - started,
    )


def helps(estimate: float, error: float, freedom: float) -> float:
    """Return P(change < 0); 1/2 where nothing changes but by rounding."""
    if max(abs(estimate), error) < ROUNDING:
        return 0.5
    if error <= 0:
        return 1.0 if estimate < 0 else 0.0
    return float(stats.t.cdf(-estimate / error, freedom))


def _softened(teacher: Teacher, cells: tuple[tuple[float, float], ...]) -> Softened:
    """Return the teacher's probabilities at the temperature of each cell."""

    def of(logits: FloatArray) -> list[FloatArray]:
        by_temperature = {t: softmax(logits / t)[0] for t in {t for t, _ in cells}}
        return [by_temperature[temperature] for temperature, _ in cells]

    return Softened(of(teacher.reference), [of(logits) for logits in teacher.parts])


def _freedom(student: Student, changes: Changes, n: int) -> float:
    """Return the degrees of freedom of the standard error, at the cell of least change."""
    best = int(np.argmin(changes.at(n)))
    influence = changes.influence(n)[best]
    dependence = student.dependence
    n_units = float(len(influence)) if dependence is None else float(dependence.n_units)
    chance = float(changes.chance[best, best])
    return pooled_freedom(
        ((float((influence**2).sum()), n_units - 1), (chance, changes.n_chances - 1.0))
    )


def _control(
    student: Student, name: str, teacher: Teacher, found: _Found, options: Options
) -> ForecastControl:
    """Forecast a control at the recommended temperature and its own best weight."""
    n, (temperature, _) = student.labelled_rows, found.changes.cells[found.best]
    cells = tuple(cell for cell in options.cells if cell[0] == temperature)
    rng = stream(options.seed, "forecast", "control", name)
    soft = control_soft(name, softmax(teacher.reference / temperature)[0], student.y, rng)
    rough = expand_changes(student, Softened([soft] * len(cells)), cells, rough=True)
    best = cells[int(np.argmin(rough.at(n)))]
    parts = [
        [control_soft(name, softmax(logits / temperature)[0], student.y[part], rng)]
        for logits, part in zip(teacher.parts, student.refits.parts, strict=False)
    ]
    changes = expand_changes(student, Softened([soft], parts), (best,))
    estimate, taught = float(changes.at(n)[0]), float(found.changes.at(n)[found.best])
    error = float(np.sqrt(changes.covariance(n)[0, 0]))
    # Refits of teacher and control are of the same parts, but their chance is added as if not.
    between = found.changes.influence(n)[found.best] - changes.influence(n)[0]
    chance = found.changes.chance[found.best, found.best] + changes.chance[0, 0]
    apart = float(np.sqrt((between**2).sum() + chance))
    z = float(stats.t.ppf((1 + options.confidence) / 2, found.chosen.freedom))
    advantage = taught - estimate
    return ForecastControl(
        temperature=temperature,
        weight=best[1],
        estimate=estimate,
        low=estimate - z * error,
        high=estimate + z * error,
        advantage=advantage,
        advantage_low=advantage - z * apart,
        advantage_high=advantage + z * apart,
    )


def _notes(student: Student, is_refitted: bool) -> list[str]:
    """Return what a reader must know of the student, in sentences."""
    notes = []
    used = student.rows.x.shape[1] - 1
    if used < student.n_columns:
        notes.append(
            f"The student was reduced from {student.n_columns:,} columns to its first {used} "
            "principal components."
        )
    if student.is_few:
        notes.append(
            f"{student.labelled_rows} labelled rows are few for {student.n_parameters:,} "
            f"parameters: the expansion was corrected by {len(student.residual)} refits."
        )
    elif is_refitted:
        notes.append(
            f"The labelled rows train the teacher too: {len(student.residual)} refits say what "
            "that changes."
        )
    if student.at_edge:
        notes.append(
            f"The penalty {student.penalty:g} is the least that was tried: a student with less may "
            "be better, and gain more or less."
        )
    return notes
