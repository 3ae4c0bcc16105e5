"""What is said of a forecast: helps, hurts, no change or undecided, by what, and why."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from cch_audit.forecasting.choice import Chosen
from cch_audit.forecasting.student import Student
from cch_audit.forecasting.sums import contrasts
from cch_audit.results.forecast import ForecastControl, ForecastOutcome, Source
from cch_audit.rows import FloatArray

LEAST_UNITS = 20.0
"""Groups in hand (as many of equal size) below which nothing is said."""
LEAST_TRAINING_UNITS = 5.0
"""Groups among the labelled rows below which nothing is said."""
LEAST_OF_CLASS = 10
"""Rows of the rarest class in hand below which nothing is said."""
LEAST_LABELLED_OF_CLASS = 3.0
"""Expected labelled rows of the rarest class below which nothing is said."""
CEILING = 0.1
"""Share of the labels' entropy that is left of the log-loss at a ceiling."""
PARAMETERS_PER_ROW = 2.0
"""Parameters for each labelled row beyond which even refits say nothing."""


@dataclass(frozen=True)
class Judged:
    """Outcome, source and reasons."""

    outcome: ForecastOutcome
    source: Source | None
    reasons: tuple[str, ...]
    half_width: float
    """Of the recommended cell's interval that the outcome rests on."""


def judge(
    estimate: FloatArray,
    chosen: Chosen,
    controls: Mapping[str, ForecastControl],
    withheld: tuple[str, ...],
    min_effect: float,
) -> Judged:
    """Return what is said.

    Helps: the recommended cell's interval, with allowance for the choice, lies below zero, and a
    gain that matters is not excluded. Hurts: the interval of every cell lies above zero. No change:
    the interval of every cell excludes a gain that matters. Withheld reasons leave it undecided.

    Parameters
    ----------
    estimate : (C,) changes
    chosen : their intervals
    controls : what is forecast without the teacher's content
    withheld : why nothing may be said
    min_effect : smallest gain that matters
    """
    low = estimate - chosen.half_width
    best, widest = float(estimate[chosen.best]), chosen.widest
    # What is said of every cell is wrong as rarely as what is said of one: no allowance.
    alone = float(chosen.half_width[chosen.best])
    helps = best + widest < 0
    matters = best - widest < -min_effect
    if withheld:
        return Judged("undecided", None, withheld, widest)
    if helps and matters:
        source = of_controls(controls)
        return Judged("helps", source, tuple(_of_source(source, controls)), widest)
    if (low > 0).all():
        return Judged("hurts", None, (), alone)
    if (low > -min_effect).all():
        why = "A gain that matters is excluded in every cell."
        return Judged("no_change", None, (why,), alone)
    if helps:
        why = "The recommended cell gains less than what matters, and another may gain more."
    elif best - widest > 0:
        why = "The interval of another cell than the recommended one reaches zero."
    else:
        why = "The interval of the recommended cell reaches zero."
    return Judged("undecided", None, (why,), widest)


def impossible(estimate: float, baseline: float) -> Iterator[str]:
    """Yield why nothing may be said of a change (nats, or units of Var(y)) that cannot be."""
    if estimate < -baseline:
        yield (
            f"A gain of {-estimate:.3g} is more than the whole loss of {baseline:.3g}: rows are "
            "too few for the expansion."
        )


def of_controls(controls: Mapping[str, ForecastControl]) -> Source:
    """Return what a gain comes from."""
    if all(control.advantage_high < 0 for control in controls.values()):
        return "transfer"
    if any(control.high < 0 <= control.advantage_high for control in controls.values()):
        return "regularisation"
    return "open"


def _of_source(source: Source, controls: Mapping[str, ForecastControl]) -> Iterator[str]:
    as_good = [name.replace("_", " ") for name, one in controls.items() if one.advantage_high >= 0]
    if source == "regularisation":
        yield (
            "The gain may be regularisation and not transfer: it is not clearly larger than that "
            f"of the control {', '.join(as_good)}."
        )
    elif source == "open":
        yield f"The gain is not clearly larger than with the control {', '.join(as_good)}."


def withheld_reasons(student: Student) -> Iterator[str]:
    """Yield why nothing may be said of a student of classes."""
    n, n_samples = student.labelled_rows, len(student.y)
    counts = np.bincount(student.y, minlength=student.n_classes)
    rarest = int(counts.min())
    if rarest < LEAST_OF_CLASS or rarest * n / n_samples < LEAST_LABELLED_OF_CLASS:
        yield (
            f"The rarest class has {rarest} rows, about {rarest * n / n_samples:.1f} of them among "
            f"{n} labelled ones: too few to learn it."
        )
    if student.dependence is not None:
        units = student.dependence.n_units
        among = units * n / n_samples
        if units < LEAST_UNITS or among < LEAST_TRAINING_UNITS:
            yield (
                f"About {units:.0f} groups count as independent, {among:.0f} of them among the "
                "labelled rows: too few to say what another set of groups would teach."
            )
    logits = student.rows.x @ (contrasts(student.n_classes) @ student.theta).T
    wrong = float((logits.argmax(axis=1) != student.y).mean())
    if wrong == 0:
        yield "The student separates all rows in hand: its log-loss hangs on the penalty alone."
    if student.risk < CEILING * student.entropy:
        yield (
            f"The student is at its ceiling: a log-loss of {student.risk:.3f} nats without a "
            f"teacher, of {student.entropy:.3f} for the share of classes alone."
        )
    if student.n_parameters > PARAMETERS_PER_ROW * n:
        yield (
            f"{student.n_parameters:,} parameters are too many for {n} labelled rows: beyond "
            f"{PARAMETERS_PER_ROW:g} for each row refits are as uncertain as the expansion."
        )
