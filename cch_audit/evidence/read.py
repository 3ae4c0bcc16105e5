"""From JSON reports to trials: one for each teacher and student with a training run."""

import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from math import isfinite
from pathlib import Path
from statistics import median

from cch_audit.auditing.verdict import of_forecast
from cch_audit.columns import forecasters
from cch_audit.errors import InputError
from cch_audit.estimators import names
from cch_audit.evidence.results import Estimate, EstimatorForecast, LevelForecast, Trial
from cch_audit.results import (
    LOWER_IS_BETTER,
    Audit,
    Cause,
    Comparison,
    Confirmation,
    EstimatorResult,
    ForecastReport,
    InputSummary,
    LevelResult,
    Metric,
    Report,
)
from cch_audit.results.files import WITHOUT_TRAINING, read
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
    file, teacher, student, labels, rows and the settings of the training run are the same.

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
    known: dict[Identity, tuple[Trial, Audit]] = {}
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
        warnings += _counted_once(path, [known[key][0] for key in found if key in known])
        for key, (audit, confirmation) in found.items():
            trial = _trial(audit, confirmation, report.input, str(path), metric)
            known.setdefault(key, (trial, audit))
    trials = tuple(trial for trial, audit in known.values() if controls or not audit.is_control)
    if not trials:
        raise InputError(
            f"{', '.join(map(str, paths))}: the only training runs are those of controls; add "
            "--controls to count them, or give a report that trained with a teacher"
        )
    return Evidence(trials, len(known) - len(trials), tuple(warnings), metric)


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


def _counted_once(path: Path, repeated: Sequence[Trial]) -> list[str]:
    """Return a sentence on trials that an earlier report holds already."""
    if not repeated:
        return []
    where = ", ".join(dict.fromkeys(trial.report for trial in repeated))
    what = "1 training run is" if len(repeated) == 1 else f"{len(repeated)} training runs are"
    return [
        f"{path}: {what} in {where} already (same file, teacher, student and settings) and counted "
        "once"
    ]


def _trial(
    audit: Audit,
    found: Confirmation,
    source: InputSummary,
    report: str,
    metric: Metric | None,
) -> Trial:
    """Return an audit, and what its training run showed, as a trial of a report."""
    accept: Cause = "transfer" if metric is None else "regularisation"
    asked = found.metric if metric is None or metric not in found.size.metrics else metric
    is_deciding = asked == found.metric
    return Trial(
        report=report,
        file=source.path,
        sha256=source.sha256,
        teacher_sha256=source.teacher_sha256,
        teacher=audit.teacher,
        student=audit.student,
        verdict=audit.verdict,
        levels={name: _level(level) for name, level in audit.levels.items() if name in LEVELS},
        columns={
            name: _known(column.value(audit))
            for name, column in forecasters().items()
            if name not in LEVELS or name in audit.levels
        },
        trained=found.source,
        n_train=found.size.n_train,
        outcome=found.outcome if is_deciding else found.size.metrics[asked].outcome,
        cause=found.cause if is_deciding else None,
        metric=asked,
        gain=_gain(found.size.metrics[asked], asked),
        forecast=None if audit.forecast is None else of_forecast(audit.forecast, accept),
        accept=accept,
    )


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
