"""What the commands that audit share: from a file and options to a report and its exit code."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from cch_audit.auditing.verdict import best, decided, overall
from cch_audit.commands import terminal
from cch_audit.commands.plotting import check_pictures
from cch_audit.commands.reporting import command_line, exit_code, finish, summarize
from cch_audit.commands.sweeping import (
    check_sample,
    teachers_of_steps,
    training_of_steps,
)
from cch_audit.commands.training import train
from cch_audit.distillation.arms import parse_grid
from cch_audit.estimators import OWN, find, plain_sections
from cch_audit.results import (
    Audit,
    CheckReport,
    Gate,
    Ranking,
    RankReport,
    Report,
    Sweep,
    SweepReport,
)
from cch_audit.settings import (
    AuditSettings,
    ConfirmationSettings,
    EstimatorSettings,
    HeadSettings,
    InputSettings,
    OutputSettings,
    RankSettings,
    SweepSettings,
    plain,
)
from cch_audit.sweep.crossings import trace
from cch_audit.sweep.plan import SweepPlan, plan_sweep

if TYPE_CHECKING:
    from cch_audit.distillation.arms import Grid
    from cch_audit.sample import Sample

Progress = Callable[[str, float], None]

AUDITING = 0.8
"""Share of the progress bar that the audit takes when training runs follow."""


@dataclass(frozen=True)
class Options:
    """The settings of one run."""

    inputs: InputSettings
    audit: AuditSettings
    estimators: EstimatorSettings
    training: ConfirmationSettings
    output: OutputSettings
    trains: bool
    """Whether the student is trained with each teacher."""
    gate: Gate
    """What the exit code follows."""
    ranking: RankSettings | None = None
    """None: teachers stay in the order asked for."""
    sweep: SweepSettings | None = None
    """None: teachers stay as they are."""


@dataclass(frozen=True)
class Found:
    """What a run found."""

    sample: "Sample"
    audits: tuple[Audit, ...]
    ranking: Ranking | None = None
    sweep: Sweep | None = None


def run(file: Path, options: Options) -> NoReturn:
    """Audit every teacher of a file, train and rank where asked to, report and exit.

    Raises
    ------
    InputError
        If an option or the file cannot be used.
    typer.Exit
        With the exit code.
    """
    started = time.perf_counter()
    for name in options.audit.estimator:
        find(name)  # another package's may be of no use
    grid = parse_grid(options.training)
    plan = None if options.sweep is None else plan_sweep(options.sweep, grid)
    output, files = options.output, options.inputs.files(file)
    terminal.check_output(output.output, inputs=files)
    check_pictures(output.format, output.output, output.plot, files)
    with terminal.progress_bar(not options.output.quiet) as progress:
        # Heavy imports wait until the options are known to be good.
        from cch_audit.dependence.doubts import as_warnings
        from cch_audit.reading.load import load_sample

        sample = load_sample(file, options.inputs, every_teacher=options.ranking is not None)
        if plan is not None:
            check_sample(sample, plan)
        found = _audit(sample, options, grid, plan, progress)
    audits, ranking = found.audits, found.ranking
    over, controls = overall, set[str]()
    if ranking is not None and options.ranking is not None:
        from cch_audit.choice.ranking import first_teachers

        over, controls = best, {place.teacher for place in ranking.teachers if place.rank is None}
        ranking = first_teachers(ranking, options.ranking.top)
    teachers = [audit for audit in audits if audit.teacher not in controls]
    if found.sweep is not None:
        teachers = teachers[:1]  # the other steps are worse on purpose
    decision = over([decided(audit, options.gate) for audit in teachers])
    common: dict[str, Any] = {
        "command": command_line(),
        "input": summarize(found.sample),
        "settings": {**_effective(options), "window": sample.window},
        "seed": options.inputs.seed,
        "verdict": over([audit.verdict for audit in teachers]),
        "gate": options.gate,
        "decision": decision,
        "exit_code": exit_code(decision, options.output),
        "seconds": time.perf_counter() - started,
        "audits": audits,
        "warnings": (*sample.source.warnings, *as_warnings(audits)),
    }
    report: Report
    if found.sweep is not None:
        report = SweepReport(**common, sweep=found.sweep)
    elif ranking is not None:
        report = RankReport(**common, ranking=ranking)
    else:
        report = CheckReport(**common)
    finish(report, options.output)


def _audit(
    sample: "Sample", options: Options, grid: "Grid", plan: SweepPlan | None, progress: Progress
) -> Found:
    """Measure, judge, train and rank."""
    from threadpoolctl import threadpool_limits

    from cch_audit.auditing.judging import judge_teachers
    from cch_audit.auditing.measurement import measure, n_jobs
    from cch_audit.auditing.need import check_memory

    settings, estimators, seed = options.audit, options.estimators, options.inputs.seed
    jobs = n_jobs(settings)
    first = next(iter(sample.teachers))
    controls: tuple[str, ...] = ()
    check_memory(sample, settings, estimators)
    # One thread per task: small matrices lose more to threads than they gain, and sums that are
    # split by thread would make results depend on the number of cores.
    with threadpool_limits(1):
        experiment = None
        if options.trains:  # planned first, so that too few rows are refused at once
            from cch_audit.distillation.confirm import plan_experiment

            experiment = plan_experiment(sample, options.training, grid, settings.confidence, jobs)
        if options.ranking is not None:
            from cch_audit.choice.ranking import check_column, rank_audits
            from cch_audit.distillation.confirm import training_rows

            n_train = training_rows(sample.n_samples, options.training)
            check_column(sample, options.ranking.by, n_train)
            if options.ranking.controls:
                from cch_audit.choice.controls import add_controls

                sample, controls = add_controls(sample, estimators, jobs, seed)
        if plan is not None:
            sample = teachers_of_steps(sample, plan, estimators.of(HeadSettings), seed)
        share = AUDITING if experiment else 1.0
        measured = measure(
            sample, settings, estimators, seed, lambda what, done: progress(what, share * done)
        )
        audits = judge_teachers(sample, measured, settings, estimators, seed)
        if experiment is not None:
            runs = training_of_steps(audits, experiment, plan)
            audits = train(
                sample, runs, lambda what, done: progress(what, share + (1 - share) * done)
            )
        if plan is not None:
            traced = trace(audits, plan.varied, first, plan.steps, settings.margin)
            return Found(sample, audits, sweep=traced)
        if options.ranking is None:
            return Found(sample, audits)
        progress("baselines", 1.0)
        audits, ranking = rank_audits(
            sample, measured, audits, controls, options.ranking, settings, n_train, seed
        )
        return Found(sample, audits, ranking)


def _effective(options: Options) -> Mapping[str, Any]:
    """Return the settings that bear on the result."""
    shown = dict.fromkeys([*(entry.name for entry in OWN), *options.audit.estimator, "heads"])
    own = plain_sections(options.estimators, shown)
    sections = {**plain(options.inputs), **plain(options.audit), **own}
    if options.trains:
        sections |= plain(options.training)
    if options.ranking is not None:
        sections |= plain(options.ranking)
    if options.sweep is not None:
        sections |= plain(options.sweep)
    return sections
