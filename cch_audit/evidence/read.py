"""From JSON reports to trials: one for each teacher and student with a training run."""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from math import isfinite
from pathlib import Path
from statistics import median

from cch_audit.auditing.verdict import of_forecast
from cch_audit.columns import forecasters
from cch_audit.errors import InputError
from cch_audit.estimators import names
from cch_audit.evidence.pairing import Together, Trained, together
from cch_audit.evidence.results import Estimate, EstimatorForecast, Heads, LevelForecast, Trial
from cch_audit.results import (
    LOWER_IS_BETTER,
    Audit,
    Cause,
    Comparison,
    Confirmation,
    EstimatorResult,
    ForecastReport,
    LevelResult,
    Metric,
    Outcome,
    Report,
)
from cch_audit.results.files import WITHOUT_TRAINING, read
from cch_audit.results.forecast import Forecast
from cch_audit.results.maps import MapReport
from cch_audit.settings import ConfirmationSettings

Identity = tuple[str, int]
LEVELS = tuple(name for name, column in forecasters().items() if column.levels is not None)
"""Each has a column of its own; a report may hold others, which are passed over."""
_TRAINING = {setting.name for setting in fields(ConfirmationSettings)} - {"accept", "budget"}
"""What makes another experiment: neither how a gain is read nor how long it may take does."""


@dataclass(frozen=True)
class Evidence:
    """The trials of some reports."""

    trials: tuple[Trial, ...]
    n_controls_left_out: int
    warnings: tuple[str, ...]
    metric: Metric | None = None
    """By which outcomes are counted; None: each by its own."""


def read_evidence(
    paths: Sequence[Path], *, controls: bool, metric: Metric | None = None
) -> Evidence:
    """Read the trials of JSON reports, each trial once.

    Trials of one report are different ones. A trial is the same as one of an earlier report if
    file, teacher, student, labels, rows and the settings of the training run are the same. What
    heads showed beside a training run of the user's own is a forecast of it; see `together`.

    Parameters
    ----------
    paths : reports of `check --confirm`, `confirm`, `rank --confirm` or `sweep`
    controls : whether to keep teachers that teach nothing
    metric : by which outcomes are counted; a run without it keeps its own, as those of numbers do
        with log-loss. None: each by the metric that decided it

    Raises
    ------
    InputError
        If a file is no such report, or no trial is left.
    """
    known: dict[Identity, Trained] = {}
    warnings: list[str] = []
    for path in paths:
        report = read(path)
        if isinstance(report, ForecastReport):
            raise InputError(
                f"{path}: is a forecast alone, and holds no outcome; run check or rank with "
                "--forecast and --confirm"
            )
        if isinstance(report, MapReport):
            raise InputError(
                f"{path}: is a study of pairs, whose outcomes are not independent trials; give "
                "reports of check, confirm, rank or sweep"
            )
        found = _identified(report)
        if not found and WITHOUT_TRAINING in report.warnings:
            raise InputError(
                f"{path}: was written by an earlier cch-audit, and its training runs cannot be "
                "read; run it again with this one"
            )
        if not found:
            raise InputError(
                f"{path}: holds no training run, so there is no outcome to compare a forecast "
                "with; run check or rank again with --confirm, or confirm"
            )
        if len(found) < len(report.audits):
            warnings.append(
                f"{path}: {len(report.audits) - len(found)} of {len(report.audits)} teachers have "
                "no training run and are left out"
            )
        warnings += _counted_once(path, [known[key] for key in found if key in known])
        for key, (audit, confirmation) in found.items():
            known.setdefault(key, Trained(str(path), report.input, audit, confirmation))
    joined = together(known.values())
    kept = [one for one in joined if controls or not one.runs[0].audit.is_control]
    if not kept:
        raise InputError(
            f"{', '.join(map(str, paths))}: the only training runs are those of controls; add "
            "--controls to count them, or give a report that trained with a teacher"
        )
    trials = tuple(_trial(one, metric) for one in kept)
    return Evidence(trials, len(joined) - len(kept), tuple(warnings), metric)


def _identified(report: Report) -> dict[Identity, tuple[Audit, Confirmation]]:
    """Return the trained audits by their identity, numbered where several have the same."""
    found: dict[Identity, tuple[Audit, Confirmation]] = {}
    times: Counter[str] = Counter()
    for audit in report.audits:
        if audit.confirmation is not None:
            identity = _identity(audit, audit.confirmation, report)
            found[identity, times[identity]] = audit, audit.confirmation
            times[identity] += 1
    return found


def _identity(audit: Audit, found: Confirmation, report: Report) -> str:
    """Return what makes a trial another one than those of other reports."""
    source = report.input
    training = {key: value for key, value in report.settings.items() if key in _TRAINING}
    drawn = report.seed if source.n_rows != source.n_samples else None
    sizes = [[size.n_train, size.n_validation, size.n_test] for size in found.curve]
    # Of heads all else follows from the settings; the user's own runs are known by their numbers.
    own = [found.main.baseline, found.main.distilled] if found.source == "runs" else []
    return json.dumps(
        [
            [source.sha256, source.teacher_sha256, source.labels.name],
            [audit.teacher, audit.student],
            [source.n_rows, source.n_samples, drawn],
            [found.source, found.metric, found.labelled_rows, sizes, own],
            training,
        ],
        sort_keys=True,
    )


def _counted_once(path: Path, repeated: Sequence[Trained]) -> list[str]:
    """Return a sentence on trials that an earlier report holds already."""
    if not repeated:
        return []
    where = ", ".join(dict.fromkeys(one.report for one in repeated))
    what = "1 training run is" if len(repeated) == 1 else f"{len(repeated)} training runs are"
    return [
        f"{path}: {what} in {where} already (same file, teacher, student and settings) and counted "
        "once"
    ]


def _trial(one: Together, metric: Metric | None) -> Trial:
    """Return an audit, and what its training run showed, as a trial."""
    accept: Cause = "transfer" if metric is None else "regularisation"
    run, first, heads = one.by(metric), one.runs[0], one.heads
    found, audits = run.confirmation, [first.audit, *([heads.audit] if heads else [])]
    asked = _asked(found, metric)
    outcome, cause, gain = _outcome(found, asked)
    # What one report does not have is in the other: `rank` alone measures baselines.
    levels = {name: level for one in reversed(audits) for name, level in one.levels.items()}
    forecast = next((one.forecast for one in audits if one.forecast is not None), None)
    return Trial(
        report=first.report,
        file=first.input.path,
        sha256=first.input.sha256,
        teacher_sha256=first.input.teacher_sha256,
        teacher=first.audit.teacher,
        student=first.audit.student,
        verdict=first.audit.verdict,
        levels={name: _level(level) for name, level in levels.items() if name in LEVELS},
        columns={
            name: next((n for n in _values(name, audits) if n is not None), None)
            for name in forecasters()
            if name not in LEVELS or name in levels
        },
        trained=found.source,
        n_train=found.size.n_train,
        outcome=outcome,
        cause=cause,
        metric=asked,
        gain=gain,
        forecast=None if forecast is None else of_forecast(forecast, accept),
        foretold=None if forecast is None else _foretold(forecast),
        heads=None if heads is None else Heads(*_outcome(heads.confirmation, asked)),
        accept=accept,
    )


def _values(name: str, audits: Sequence[Audit]) -> Iterator[float | None]:
    """Yield what audits have in a column."""
    for audit in audits:
        if name not in LEVELS or name in audit.levels:
            yield _known(forecasters()[name].value(audit))


def _asked(found: Confirmation, metric: Metric | None) -> Metric:
    """Return the metric by which a training run is counted: the asked one if it has that."""
    return found.metric if metric is None or metric not in found.size.metrics else metric


def _outcome(found: Confirmation, asked: Metric) -> tuple[Outcome, Cause | None, Estimate]:
    """Return what a training run showed by a metric, or by its own if it does not have that.

    The cause of a gain is known by the metric that decided it alone.
    """
    asked = _asked(found, asked)
    by = found.size.metrics[asked]
    if asked == found.metric:
        return found.outcome, found.cause, _gain(by, asked)
    return by.outcome, None, _gain(by, asked)


def _foretold(forecast: Forecast) -> Estimate:
    """Return the fall of the loss that was forecast, as a share of it."""
    if not forecast.baseline > 0:
        return Estimate(None, None, None)
    ends = forecast.estimate, forecast.high, forecast.low
    return Estimate(*(_known(-end / forecast.baseline) for end in ends))


def _level(level: LevelResult) -> LevelForecast:
    """Return what the estimators of a level say, each and together."""
    known = names()
    gaps = [_gap(level.estimators[voter]) for voter in level.voters]
    together = Estimate(
        _all_known(median, [gap.estimate for gap in gaps]),
        _all_known(min, [gap.low for gap in gaps]),
        _all_known(max, [gap.high for gap in gaps]),
    )
    estimators = {
        name: EstimatorForecast(found.verdict, _gap(found))
        for name, found in level.estimators.items()
        if name in known
    }
    return LevelForecast(level.verdict, together, estimators)


def _gap(found: EstimatorResult) -> Estimate:
    """Return an estimator's gap in its verdict interval."""
    hull = found.verdict_interval
    return Estimate(_known(found.gap.estimate), _known(hull.low), _known(hull.high))


def _all_known(
    combine: Callable[[list[float]], float], numbers: Sequence[float | None]
) -> float | None:
    """Combine numbers if none of them is missing."""
    known = [number for number in numbers if number is not None]
    return combine(known) if len(known) == len(numbers) else None


def _gain(found: Comparison, metric: Metric) -> Estimate:
    """Return the improvement that a training run measured, of an error as a share of it."""
    unit = found.baseline if metric in LOWER_IS_BETTER else 1.0
    gain = found.change.as_gain(metric)
    if not unit > 0:
        return Estimate(None, None, None)
    return Estimate(*(_known(end / unit) for end in (gain.estimate, gain.low, gain.high)))


def _known(number: float | None) -> float | None:
    """Return a number; None for one that is not finite."""
    return number if number is not None and isfinite(number) else None
