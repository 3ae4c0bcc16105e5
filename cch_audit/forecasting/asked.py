"""Forecasts of all teachers of a sample, each kept with what it depends on."""

from collections.abc import Callable, Iterable

from joblib import Parallel, delayed

from cch_audit.distillation.arms import Grid
from cch_audit.errors import InputError
from cch_audit.forecasting.forecast import Plan, forecast_teacher, plan_forecast
from cch_audit.forecasting.options import Options
from cch_audit.results.forecast import (
    CurvePoint,
    Forecast,
    ForecastCell,
    ForecastControl,
    Parts,
)
from cch_audit.sample import Sample
from cch_audit.settings import ForecastSettings
from cch_audit.work.doing import Work

FORECASTS = "forecasts"
RECORDS = (Forecast, Parts, ForecastCell, ForecastControl, CurvePoint)


def options_of(settings: ForecastSettings, grid: Grid, confidence: float, seed: int) -> Options:
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

    What is kept is used again where student, labels, dependence of rows, teacher (or its own
    predictions) and options are the same. The student is expanded once for all teachers, and not
    where all forecasts are there already.

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
    student = (
        *map(work.digest, (sample.student, sample.labels.values)),
        len(sample.labels.class_names),
        sample.dependence,
        options,
    )

    def planned() -> Plan:
        key = ("plan of forecasts", *student)
        return work.do(FORECASTS, key, lambda: plan_forecast(sample, options), keep=False)

    def forecast(number: int, name: str) -> Forecast:
        own = sample.predictions.get(name)
        told = sample.teachers[name] if own is None else own
        key = (FORECASTS, *student, own is None, work.digest(told))
        found = work.do(
            FORECASTS,
            key,
            lambda: forecast_teacher(sample, name, planned()),
            records=RECORDS,
        )
        progress("forecasts", (number + 1) / len(names))
        return found

    found = Parallel(n_jobs=n_jobs, prefer="threads")(
        delayed(forecast)(number, name) for number, name in enumerate(names)
    )
    return dict(zip(names, found, strict=True))
