"""Forecasts of all teachers of a sample, each kept with what it depends on."""

from collections.abc import Callable, Iterable
from dataclasses import replace

from joblib import Parallel, delayed

from cch_audit.auditing.parts import Parts as AuditParts
from cch_audit.distillation.arms import Grid
from cch_audit.errors import InputError
from cch_audit.forecasting.forecast import Plan, forecast_teacher, plan_forecast
from cch_audit.forecasting.options import Options
from cch_audit.results import Doubt
from cch_audit.results.forecast import (
    CurvePoint,
    Forecast,
    ForecastCell,
    ForecastControl,
    Parts,
)
from cch_audit.sample import Sample
from cch_audit.settings import ConfirmationSettings, EstimatorSettings
from cch_audit.work.doing import Work

FORECASTS = "forecasts"
RECORDS = (Forecast, Parts, ForecastCell, ForecastControl, CurvePoint)


def options_of(settings: ConfirmationSettings, grid: Grid, confidence: float, seed: int) -> Options:
    """Return what a forecast is asked by the settings of a run.

    Raises
    ------
    InputError
        If every weight is zero, at which there is nothing to forecast.
    """
    if not any(weight > 0 for weight in grid.weights):
        raise InputError("`weight` 0: nothing is distilled at it; name a weight above 0")
    return Options(
        temperatures=grid.temperatures,
        weights=grid.weights,
        labelled_rows=settings.labelled_rows,
        confidence=confidence,
        min_effect=settings.min_effect,
        hidden=settings.hidden if settings.architecture == "mlp" else 0,
        epochs=settings.epochs,
        seed=seed,
    )


def forecast_teachers(
    sample: Sample,
    teachers: Iterable[str],
    options: Options,
    work: Work,
    n_jobs: int,
    progress: Callable[[str, float], None] = lambda what, share: None,
) -> dict[str, Forecast]:
    """Return the forecast of some teachers by their names.

    With a hidden layer networks are trained first, once for all teachers, and the forecast is of
    the heads on their last layers. What is kept is used again where student, labels, dependence of
    rows, teacher (or its own predictions) and options are the same. The student is expanded once
    for all teachers, and not where all forecasts are there already.

    Parameters
    ----------
    sample : paired rows
    teachers : names, of `sample.teachers`
    options : what is asked
    work : computes each forecast once, or finds it computed
    n_jobs : forecasts that are made at the same time

    Raises
    ------
    InputError
        If the rows or the options cannot be used.
    """
    names = list(teachers)
    parts = AuditParts(sample.dependence, EstimatorSettings(), options.seed, work)
    student = (
        *map(work.digest, (sample.student, sample.labels.values)),
        len(sample.labels.class_names),
        sample.dependence,
        options,
    )

    everyone = tuple((name, work.digest(x)) for name, x in sample.teachers.items())

    def planned() -> tuple[Sample, tuple[str, ...], Plan]:
        key = ("rows of forecasts", everyone, *student)
        rows, notes = work.do(FORECASTS, key, lambda: _seen(sample, options), keep=False)
        key = ("plan of forecasts", *student)
        plan = work.do(FORECASTS, key, lambda: plan_forecast(rows, options), keep=False)
        return rows, notes, plan

    def made(name: str) -> Forecast:
        rows, notes, plan = planned()
        found = forecast_teacher(rows, name, plan)
        return replace(found, notes=(*notes, *found.notes))

    def forecast(number: int, name: str) -> Forecast:
        own = sample.predictions.get(name)
        told = sample.teachers[name] if own is None else own
        key = (FORECASTS, *student, own is None, work.digest(told))
        if options.hidden:
            key = (*key, name)  # whose network draws its weights by name
        found = work.do(FORECASTS, key, lambda: made(name), records=RECORDS)
        progress("forecasts", (number + 1) / len(names))
        return withhold(found, parts.doubts(sample, name))

    found = Parallel(n_jobs=n_jobs, prefer="threads")(
        delayed(forecast)(number, name) for number, name in enumerate(names)
    )
    return dict(zip(names, found, strict=True))


def withhold(found: Forecast, doubts: Iterable[Doubt]) -> Forecast:
    """Return a forecast that says nothing where rows seem to depend on each other unsaid.

    What one row teaches its copy is no forecast of other rows. Few groups are a reason of the
    forecast's own.
    """
    standing = [one for one in doubts if not one.overruled and one.kind != "few_units"]
    if not standing:
        return found
    reasons = [f"{one.reason} {one.remedy}" for one in standing]
    if found.outcome == "undecided":
        reasons.extend(found.reasons)
    return replace(found, outcome="undecided", source=None, reasons=tuple(reasons))


def _seen(sample: Sample, options: Options) -> tuple[Sample, tuple[str, ...]]:
    """Return the rows that a forecast is of, and what a reader must know of them."""
    if not options.hidden:
        return sample, ()
    from cch_audit.forecasting.layers import to_hidden_layers

    taken, n_training = to_hidden_layers(sample, options)
    note = (
        f"`architecture` mlp: the forecast is of heads on the last hidden layer, {options.hidden} "
        f"units, of networks that {n_training:,} other rows trained without a teacher; what "
        "distillation changes below that layer is not in it."
    )
    return taken, (note,)
