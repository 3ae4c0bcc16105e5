"""A sweep inside an audit: the teacher of every step, and what trains with it."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from cch_audit.distillation.runs import Training
from cch_audit.errors import InputError
from cch_audit.results import Audit
from cch_audit.sweeping.plan import SweepPlan, step_title

if TYPE_CHECKING:
    from cch_audit.distillation.confirm import Experiment
    from cch_audit.forecasting.options import Options
    from cch_audit.sample import Sample
    from cch_audit.settings import HeadSettings
    from cch_audit.work.doing import Work


def check_sample(sample: "Sample", plan: SweepPlan) -> None:
    """Refuse a sample that cannot be swept.

    Raises
    ------
    InputError
        For several teachers, or for temperatures where there are no classes.
    """
    if len(sample.teachers) > 1:
        raise InputError(
            f"a sweep has one teacher, and {len(sample.teachers)} are named "
            f"({', '.join(sample.teachers)}); name one with --teacher"
        )
    if plan.varied == "temperature" and sample.labels.kind == "continuous":
        raise InputError(
            "--over temperature: temperatures are for classes, and the labels are numbers; choose "
            "--over weight"
        )


def teachers_of_steps(
    sample: "Sample", plan: SweepPlan, heads: "HeadSettings", seed: int
) -> "Sample":
    """Return the sample with a teacher for each step, or as it is where the teacher is kept."""
    if plan.keeps_teacher:
        return sample
    from cch_audit.sweeping.degrading import degrade_teacher

    return degrade_teacher(sample, plan.varied, plan.steps, heads, seed)


def forecasts_of_steps(
    sample: "Sample",
    audits: Sequence[Audit],
    teacher: str,
    options: "Options",
    plan: SweepPlan | None,
    work: "Work",
    n_jobs: int,
) -> tuple[Audit, ...]:
    """Return the audits with forecasts: of each teacher, or at each value where it is kept.

    Parameters
    ----------
    sample : that was audited
    audits : of its teachers, or of the steps
    teacher : the one that is kept
    options : what forecasts are asked
    plan : None where nothing is swept
    work, n_jobs : as `forecast_teachers` takes them
    """
    from cch_audit.forecasting.asked import forecast_teachers

    if plan is None or not plan.keeps_teacher or len(audits) < len(plan.steps):
        names = [audit.teacher for audit in audits]
        found = forecast_teachers(sample, names, options, work, n_jobs)
        return tuple(replace(audit, forecast=found[audit.teacher]) for audit in audits)
    made = []
    for audit, step in zip(audits, plan.steps, strict=True):
        is_temperature = plan.varied == "temperature"
        asked = (
            replace(options, temperatures=(step,))
            if is_temperature
            else replace(options, weights=(step,))
        )
        found = forecast_teachers(sample, [teacher], asked, work, n_jobs) if asked.cells else {}
        made.append(replace(audit, forecast=found.get(teacher)))
    return tuple(made)


def training_of_steps(
    audits: Sequence[Audit], experiment: "Experiment", plan: SweepPlan | None
) -> list[Training]:
    """Return the training runs: one for each audit, or for each value where the teacher is kept.

    The option that is not swept keeps its list, from which validation rows choose.
    """
    if plan is None or not plan.keeps_teacher:
        return [Training(audit, audit.teacher, experiment) for audit in audits]
    (audit,) = audits
    runs = []
    for step in plan.steps:
        single = {"temperatures": (step,)} if plan.varied == "temperature" else {"weights": (step,)}
        titled = replace(audit, teacher=step_title(audit.teacher, plan.varied, step))
        learner = replace(experiment.learner, grid=replace(experiment.learner.grid, **single))
        runs.append(Training(titled, audit.teacher, replace(experiment, learner=learner)))
    return runs
