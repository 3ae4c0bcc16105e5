"""From settings and a sample to a report; it knows neither the command line nor a terminal."""

import os
import platform
import re
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cch_audit import __version__
from cch_audit.auditing.verdict import best, decided, of_forecast, overall
from cch_audit.columns import COLUMNS
from cch_audit.distillation.own_training import effective, plan_own, refuse_idle, train_own
from cch_audit.distillation.runs import Training, train
from cch_audit.errors import ExitCode, InputError
from cch_audit.estimators import OWN, find, plain_sections
from cch_audit.results import (
    DECIDES,
    Audit,
    CheckReport,
    ForecastReport,
    Foretold,
    Gate,
    InputSummary,
    LabelSummary,
    Origin,
    Ranking,
    RankReport,
    Sweep,
    SweepReport,
    Verdict,
)
from cch_audit.settings import (
    AuditSettings,
    BackendSettings,
    ConfirmationSettings,
    EarlySettings,
    EstimatorSettings,
    ForecastSettings,
    GateSettings,
    HeadSettings,
    InputSettings,
    IntervalSettings,
    MapSettings,
    OrderSettings,
    OwnRunsSettings,
    RankSettings,
    SweepSettings,
    WorkSettings,
    plain,
)
from cch_audit.settings.declared import Settings
from cch_audit.sweeping.crossings import trace
from cch_audit.sweeping.plan import SweepPlan, plan_sweep
from cch_audit.sweeping.runs import (
    check_sample,
    forecasts_of_steps,
    teachers_of_steps,
    training_of_steps,
)
from cch_audit.work.doing import Work
from cch_audit.work.keeping import folder_of
from cch_audit.work.loading import load_modules

if TYPE_CHECKING:
    from cch_audit.distillation.arms import Grid
    from cch_audit.forecasting.options import Options
    from cch_audit.sample import Sample

Progress = Callable[[str, float], None]
PACKAGES = ("numpy", "scipy", "scikit-learn", "numba", "torch", "h5py")
"""What numbers depend on."""
ESTIMATES = 0.8
"""Share of the audit after which intervals are put around its estimates."""
AUDITING = 0.8
"""Share of the progress bar that the audit takes when training runs follow."""
CODES: Mapping[Verdict, ExitCode] = {
    "pass": ExitCode.PASS,
    "fail": ExitCode.FAIL,
    "undecided": ExitCode.UNDECIDED,
}


RUNS: Mapping[str, tuple[type[Settings], ...]] = {
    "check": (
        *(InputSettings, AuditSettings, GateSettings, EarlySettings),
        *(ConfirmationSettings, WorkSettings),
    ),
    "confirm": (
        *(InputSettings, AuditSettings, ConfirmationSettings),
        *(OwnRunsSettings, BackendSettings, WorkSettings),
    ),
    "rank": (
        *(InputSettings, AuditSettings, RankSettings, GateSettings),
        *(ConfirmationSettings, BackendSettings, WorkSettings),
    ),
    "sweep": (
        *(InputSettings, AuditSettings, SweepSettings),
        *(ConfirmationSettings, BackendSettings, WorkSettings),
    ),
    "forecast": (
        *(InputSettings, IntervalSettings, ForecastSettings),
        *(BackendSettings, WorkSettings),
    ),
    "map": (
        *(InputSettings, MapSettings, AuditSettings, OrderSettings, GateSettings),
        *(ConfirmationSettings, BackendSettings, WorkSettings),
    ),
}
"""The settings of each command that makes a report."""
_TRAINED: Mapping[str, tuple[bool, Gate]] = {"confirm": (True, "outcome"), "sweep": (True, "none")}
"""Of commands that train whatever is asked: what decides."""


@dataclass(frozen=True)
class Run:
    """The settings of one run."""

    inputs: InputSettings = field(default_factory=InputSettings)
    audit: AuditSettings = field(default_factory=AuditSettings)
    estimators: EstimatorSettings = field(default_factory=EstimatorSettings)
    training: ConfirmationSettings = field(default_factory=ConfirmationSettings)
    own: OwnRunsSettings = field(default_factory=OwnRunsSettings)
    """Where there are any, the user's own training runs take the place of heads."""
    trains: bool = False
    """Whether the student is trained with each teacher."""
    gate: Gate = "verdict"
    """What the decision follows."""
    ranking: RankSettings | None = None
    """None: teachers stay in the order asked for."""
    sweep: SweepSettings | None = None
    """None: teachers stay as they are."""
    mapping: MapSettings | None = None
    """None: of a command that has one student."""
    where: BackendSettings = field(default_factory=BackendSettings)
    working: WorkSettings = field(default_factory=WorkSettings)
    given_work: Work | None = None
    """What takes the place of the folder of `working`."""
    only_forecasts: bool = False
    """Whether nothing but forecasts is asked for."""
    early: EarlySettings | None = None
    """None: of a command that measures everything."""

    @cached_property
    def work(self) -> Work:
        """What the run computes, and finds computed."""
        if self.given_work is not None:
            return self.given_work
        return Work(None if self.working.no_cache else folder_of(self.working.cache))

    @cached_property
    def grid(self) -> "Grid":
        """The temperatures and weights that training runs choose from."""
        from cch_audit.distillation.arms import parse_grid

        return parse_grid(self.training)

    @cached_property
    def sizes(self) -> tuple[int, ...] | None:
        """The numbers of training rows that are asked for; None where they are not."""
        from cch_audit.distillation.arms import parse_sizes

        return parse_sizes(self.training)

    @cached_property
    def plan(self) -> SweepPlan | None:
        """What a sweep changes, and its steps."""
        return None if self.sweep is None else plan_sweep(self.sweep, self.grid)

    @cached_property
    def foretelling(self) -> "Options":
        """What forecasts are asked."""
        from cch_audit.forecasting.asked import options_of

        options = options_of(self.training, self.grid, self.audit.confidence, self.inputs.seed)
        if options.labelled_rows is not None or not self.sizes:
            return options
        return replace(options, labelled_rows=self.sizes[-1])  # as the training run

    def check(self) -> None:
        """Refuse settings that could show nothing, before anything is read.

        Raises
        ------
        InputError
            In one sentence.
        """
        for name in self.audit.estimator:
            find(name)  # another package's may be of no use
        _ = self.grid, self.plan, self.sizes
        if self.audit.forecast or self.only_forecasts:
            _ = self.foretelling
        refuse_idle(self.own, self.training)
        by = None if self.ranking is None else self.ranking.by
        if by is not None and COLUMNS[by].is_measured and not self.trains:
            raise InputError(f"`by` {by} needs the training runs; add `confirm`")


def run_of(command: str, sections: Iterable[Settings], estimators: EstimatorSettings) -> Run:
    """Return the run of a command, one of `RUNS`, with its settings."""
    given: dict[type[Settings], Any] = {type(one): one for one in sections}
    if command == "forecast":
        return Run(
            inputs=given[InputSettings],
            audit=AuditSettings(confidence=given[IntervalSettings].confidence),
            estimators=estimators,
            training=ConfirmationSettings(**vars(given[ForecastSettings])),
            gate="forecast",
            where=given[BackendSettings],
            working=given[WorkSettings],
            only_forecasts=True,
        )
    gate = given.get(GateSettings)
    trains, decides = _TRAINED[command] if gate is None else (gate.trains, gate.decides)
    ranking, audit = given.get(RankSettings), given[AuditSettings]
    if command == "map":
        ranking = RankSettings(by=given[OrderSettings].by)
    if "forecast" in DECIDES[decides] or (ranking is not None and ranking.by == "forecast"):
        audit = replace(audit, forecast=True)
    return Run(
        inputs=given[InputSettings],
        audit=audit,
        estimators=estimators,
        training=given[ConfirmationSettings],
        own=given.get(OwnRunsSettings, OwnRunsSettings()),
        trains=trains,
        gate=decides,
        ranking=ranking,
        sweep=given.get(SweepSettings),
        mapping=given.get(MapSettings),
        where=given.get(BackendSettings, BackendSettings()),
        working=given[WorkSettings],
        early=given.get(EarlySettings),
    )


@dataclass(frozen=True)
class Found:
    """What a run found."""

    sample: "Sample"
    audits: tuple[Audit, ...]
    ranking: Ranking | None = None
    sweep: Sweep | None = None


def load(path: Path | None, run: Run) -> "Sample":
    """Read what a run is about, from a file or, without one, from the sources of its settings."""
    if path is None:
        from cch_audit.reading.direct import load_sources

        return load_sources(run.inputs, every_teacher=run.ranking is not None)
    from cch_audit.reading.load import load_sample

    return load_sample(path, run.inputs, every_teacher=run.ranking is not None)


def report_on(
    sample: "Sample",
    run: Run,
    command: str,
    progress: Progress = lambda what, share: None,
    exit_code: Callable[[Verdict], int] = lambda verdict: CODES[verdict],
) -> CheckReport | RankReport | SweepReport | ForecastReport:
    """Audit every teacher of a sample, train and rank where asked to, and report.

    Or forecast alone, without informations and without training.

    Parameters
    ----------
    sample : paired rows
    run : its settings, checked
    command : what asked for it, for the report
    progress : told what is done and the share of the whole
    exit_code : from the decision to the code of the report

    Raises
    ------
    InputError
        If the sample cannot be used for what is asked.
    """
    started = time.perf_counter()
    if run.only_forecasts:
        return _forecast(sample, run, command, progress, exit_code)
    if run.plan is not None:
        check_sample(sample, run.plan)
    found = _audit(sample, run, progress)
    # Heavy imports wait until the settings are known to be good.
    from cch_audit.dependence.doubts import as_warnings

    audits, ranking = found.audits, found.ranking
    over = overall
    if ranking is not None and run.ranking is not None:
        from cch_audit.choice.ranking import first_teachers

        over = best
        ranking = first_teachers(ranking, run.ranking.top)
    teachers = [audit for audit in audits if not audit.is_control]
    if found.sweep is not None:
        teachers = teachers[:1]  # the other steps are worse on purpose
    decision = over([decided(audit, run.gate, run.training.accept) for audit in teachers])
    common: dict[str, Any] = {
        "command": command,
        "input": summarize(found.sample),
        "settings": {**settings_of(run), "window": sample.window},
        "seed": run.inputs.seed,
        "verdict": over([audit.verdict for audit in teachers]),
        "gate": run.gate,
        "decision": decision,
        "exit_code": exit_code(decision),
        "seconds": time.perf_counter() - started,
        "audits": audits,
        "warnings": (*sample.source.warnings, *as_warnings(audits)),
        "origin": origin(),
    }
    if found.sweep is not None:
        return SweepReport(**common, sweep=found.sweep)
    if ranking is not None:
        return RankReport(**common, ranking=ranking)
    return CheckReport(**common)


def _forecast(
    sample: "Sample",
    run: Run,
    command: str,
    progress: Progress,
    exit_code: Callable[[Verdict], int],
) -> ForecastReport:
    """Forecast every teacher of a sample."""
    from threadpoolctl import threadpool_limits

    from cch_audit.forecasting.asked import forecast_teachers

    started = time.perf_counter()
    with threadpool_limits(1):
        found = forecast_teachers(
            sample, sample.teachers, run.foretelling, run.work, jobs_of(run), progress
        )
    forecasts = tuple(
        Foretold(
            teacher=name,
            student=sample.student_name,
            teacher_dimension=sample.teachers[name].shape[1],
            student_dimension=sample.student.shape[1],
            forecast=forecast,
        )
        for name, forecast in found.items()
    )
    decision = overall([of_forecast(one, run.training.accept) for one in found.values()])
    asked = ForecastSettings(
        **{f.name: getattr(run.training, f.name) for f in fields(ForecastSettings)}
    )
    return ForecastReport(
        command=command,
        input=summarize(sample),
        settings={
            **plain(run.inputs),
            "confidence": run.audit.confidence,
            **plain(asked),
            "window": sample.window,
        },
        seed=run.inputs.seed,
        decision=decision,
        exit_code=exit_code(decision),
        seconds=time.perf_counter() - started,
        forecasts=forecasts,
        warnings=sample.source.warnings,
        origin=origin(),
    )


def audits_alone(sample: "Sample", run: Run) -> tuple[Audit, ...]:
    """Audit and train with every teacher of a sample as `report_on` does, and report nothing."""
    return _audit(sample, run, lambda what, share: None).audits


def compute_teacher(sample: "Sample", run: Run, teacher: str) -> None:
    """Compute the parts of the audit or the forecast of one teacher or step, but train nothing."""
    if run.only_forecasts:
        from cch_audit.forecasting.asked import forecast_teachers

        forecast_teachers(sample, [teacher], run.foretelling, run.work, 1)
        return
    ranking = None if run.ranking is None else replace(run.ranking, controls=False)
    bare = replace(run, trains=False, ranking=ranking)
    _audit(sample, bare, lambda what, share: None, [teacher])


def list_teachers(sample: "Sample", run: Run) -> list[str]:
    """Return the teachers of a run, or the steps that stand for them in a sweep."""
    if run.plan is None:
        return [*sample.teachers]
    heads = run.estimators.of(HeadSettings)
    return [*teachers_of_steps(sample, run.plan, heads, run.inputs.seed).teachers]


def list_training(sample: "Sample", run: Run) -> list[Training]:
    """Return the training runs of a run whose estimates are known."""
    from cch_audit.distillation.confirm import plan_experiment

    curve = run.sweep is None
    experiment = plan_experiment(
        sample, run.training, run.grid, run.audit.confidence, 1, curve=curve
    )
    bare = replace(run, trains=False, audit=replace(run.audit, forecast=False))
    audits = _audit(sample, bare, lambda what, share: None, list_teachers(sample, run)).audits
    return training_of_steps(audits, experiment, run.plan)


def measure_student(sample: "Sample", run: Run) -> None:
    """Compute the parts of an audit that all teachers of the student share, for whoever is next."""
    from threadpoolctl import threadpool_limits

    from cch_audit.auditing.measurement import measure
    from cch_audit.auditing.parts import Parts

    parts = Parts(sample.dependence, run.estimators, run.inputs.seed, run.work)
    with threadpool_limits(1):
        measure(replace(sample, teachers={}), run.audit, parts)
        parts.neighbors((sample.student,), (sample.labels.values,))


def load_libraries(sample: "Sample", run: Run) -> None:
    """Load what computes, unless the student's head is kept: then all may be.

    Torch is left to the thread that trains first; others have work meanwhile.
    """
    if run.only_forecasts:
        load_modules(["cch_audit.forecasting.asked"])
        return
    from cch_audit.auditing.parts import COMPUTED_BY, Parts

    parts = Parts(sample.dependence, run.estimators, run.inputs.seed, run.work)
    if not parts.keeps_head(sample.student, sample.labels.values, "student"):
        load_modules(COMPUTED_BY)


def jobs_of(run: Run) -> int:
    """Return how many tasks run at the same time."""
    return run.audit.jobs or os.cpu_count() or 1


def _audit(
    sample: "Sample", run: Run, progress: Progress, only: Iterable[str] | None = None
) -> Found:
    """Measure, judge, train and rank; or measure, judge and forecast some teachers or steps."""
    from threadpoolctl import threadpool_limits

    from cch_audit.auditing.judging import judge_teachers
    from cch_audit.auditing.measurement import measure, n_jobs, within
    from cch_audit.auditing.need import check_memory
    from cch_audit.auditing.parts import Parts

    settings, estimators, seed = run.audit, run.estimators, run.inputs.seed
    jobs, parts = n_jobs(settings), Parts(sample.dependence, estimators, seed, run.work)
    first = next(iter(sample.teachers))
    load_libraries(sample, run)
    check_memory(sample, settings, estimators)
    # One thread per task: small matrices lose more to threads than they gain, and sums that are
    # split by thread would make results depend on the number of cores.
    with threadpool_limits(1):
        experiment = own = None
        if run.own.given:
            own = plan_own(sample, run.own, run.training, settings.confidence)
        elif run.trains:  # planned first, so that too few rows are refused at once
            from cch_audit.distillation.confirm import plan_experiment

            experiment = plan_experiment(
                sample,
                run.training,
                run.grid,
                settings.confidence,
                jobs,
                curve=run.sweep is None,
            )
        if run.ranking is not None:
            from cch_audit.choice.ranking import check_column, rank_audits

            check_column(sample, run.ranking.by)
            if run.ranking.controls:
                from cch_audit.choice.controls import add_controls

                sample = add_controls(sample, parts, jobs)
        if run.plan is not None:
            sample = teachers_of_steps(sample, run.plan, estimators.of(HeadSettings), seed)
        if only is not None:
            sample = replace(sample, teachers={name: sample.teachers[name] for name in only})
        share = AUDITING if experiment or own else 1.0
        measuring = measure
        if run.early is not None and run.early.stop_early:
            from cch_audit.auditing.early import measure_needed as measuring
        measured = measuring(sample, settings, parts, within(progress, 0.0, ESTIMATES * share))
        judging = within(progress, ESTIMATES * share, share)
        audits = judge_teachers(sample, measured, settings, parts, judging)
        if experiment is not None:
            runs = training_of_steps(audits, experiment, run.plan)
            audits = train(sample, runs, run.work, within(progress, share, 1.0))
        if own is not None:
            audits = train_own(audits, own, run.training.accept, within(progress, share, 1.0))
        if run.audit.forecast:
            audits = forecasts_of_steps(
                sample, audits, first, run.foretelling, run.plan, run.work, jobs
            )
        if only is not None:
            return Found(sample, audits)
        if run.plan is not None:
            traced = trace(audits, run.plan.varied, first, run.plan.steps, settings.margin)
            return Found(sample, audits, sweep=traced)
        if run.ranking is None:
            return Found(sample, audits)
        progress("baselines", 1.0)
        audits, ranking = rank_audits(sample, measured, audits, run.ranking, settings, parts)
        return Found(sample, audits, ranking)


def origin() -> Origin:
    """Return where and when the report is made, and with what."""
    epoch = os.environ.get("SOURCE_DATE_EPOCH", "")
    now = int(epoch) if re.fullmatch(r"[0-9]{1,10}", epoch) else time.time()
    versions = {"cch-audit": __version__, "Python": platform.python_version()}
    return Origin(
        date=datetime.fromtimestamp(now, UTC).isoformat(timespec="seconds"),
        host=platform.node(),
        versions=versions | {package: version(package) for package in PACKAGES},
    )


def settings_of(run: Run) -> Mapping[str, Any]:
    """Return the settings that bear on the result."""
    shown = dict.fromkeys([*(entry.name for entry in OWN), *run.audit.estimator, "heads"])
    own = plain_sections(run.estimators, shown)
    sections = {**plain(run.inputs), **plain(run.audit), **own}
    if run.early is not None:
        sections |= plain(run.early)
    if run.own.given:
        sections |= effective(run.own, run.training)
    elif run.trains:
        sections |= plain(run.training)
    elif run.audit.forecast:
        sections |= {f.name: plain(run.training)[f.name] for f in fields(ForecastSettings)}
    if run.mapping is not None:
        sections |= plain(run.mapping) | {"by": run.ranking.by if run.ranking else "gap"}
    elif run.ranking is not None:
        sections |= plain(run.ranking)
    if run.sweep is not None:
        sections |= plain(run.sweep)
    return sections


def summarize(sample: "Sample") -> InputSummary:
    """Return the report's account of the input."""
    source, labels = sample.source, sample.labels
    groups, dependence = sample.groups, sample.dependence
    return InputSummary(
        path=source.path,
        sha256=source.sha256,
        teacher_path=source.teacher_path,
        teacher_sha256=source.teacher_sha256,
        n_rows=source.n_rows,
        n_samples=sample.n_samples,
        n_groups=None if groups is None else len(set(groups.tolist())),
        n_units=None if dependence is None else dependence.n_units,
        labels=LabelSummary(
            name=sample.labels_name,
            kind=labels.kind,
            n_classes=len(labels.class_names) or None,
            entropy=labels.entropy,
        ),
        notes=source.notes,
    )
