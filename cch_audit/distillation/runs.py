"""The training runs that belong to audits."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from threading import Lock
from typing import TYPE_CHECKING, Any

from cch_audit.auditing.verdict import agreement
from cch_audit.results import Audit, Change, Comparison, Control, GridCell, TrainingSize
from cch_audit.work.doing import Work

if TYPE_CHECKING:
    from cch_audit.distillation.confirm import Experiment
    from cch_audit.sample import Sample


PURPOSE = "training runs"
RECORDS = (TrainingSize, Comparison, Change, Control, GridCell)
"""What a training run is made of."""


@dataclass(frozen=True)
class Training:
    """One audit and the training run that belongs to it."""

    audit: Audit
    teacher: str
    """Its name in the sample; that of the audit may say a step of a sweep too."""
    experiment: "Experiment"


def train(
    sample: "Sample",
    runs: Sequence[Training],
    work: Work,
    progress: Callable[[str, float], None] = lambda what, share: None,
) -> tuple[Audit, ...]:
    """Return the audits, each with its training run, all sizes of all of them side by side.

    A size that another run trained is not trained again, unless a budget of time ended it.
    Progress is told the share that is done, as if none could decide early.
    """
    # joblib warns where there is no shared memory, so it waits until warnings are off.
    from joblib import Parallel, delayed
    from threadpoolctl import threadpool_limits

    from cch_audit.distillation.confirm import sum_up

    begun = time.monotonic()
    jobs = [(run, size) for run in runs for size in run.experiment.sizes]
    shares = [0.0] * len(jobs)
    lock = Lock()

    def measure(number: int, run: Training, size: int) -> tuple[TrainingSize, float]:
        started = time.monotonic()
        budget = run.experiment.settings.budget

        def told(share: float) -> None:
            with lock:
                shares[number] = share
                progress(f"training, {run.teacher}", sum(shares) / len(shares))

        deadline = None if budget is None else begun + budget
        found = train_size(sample, run, size, work, told, deadline)
        told(1.0)
        return found, time.monotonic() - started

    # The largest take longest, so that they begin first.
    order = sorted(range(len(jobs)), key=lambda number: -jobs[number][1])
    n_jobs = runs[0].experiment.n_jobs if runs else 1
    with threadpool_limits(1):
        pool = Parallel(n_jobs=n_jobs, prefer="threads")
        done = pool(delayed(measure)(number, *jobs[number]) for number in order)
    found = dict(zip(order, done, strict=True))
    trained = []
    number = 0
    for run in runs:
        of_run = [found[number + place] for place in range(len(run.experiment.sizes))]
        number += len(of_run)
        seconds = sum(taken for _, taken in of_run)
        confirmation = sum_up([size for size, _ in of_run], run.experiment, seconds)
        accept = run.experiment.settings.accept
        says = agreement(run.audit.verdict, confirmation.outcome, confirmation.cause, accept)
        trained.append(replace(run.audit, confirmation=confirmation, agreement=says))
    return tuple(trained)


def train_size(
    sample: "Sample",
    run: Training,
    size: int,
    work: Work,
    told: Callable[[float], None] = lambda share: None,
    deadline: float | None = None,
) -> TrainingSize:
    """Return what training on so many rows showed, from what is kept unless time ended it."""
    from cch_audit.distillation.confirm import confirm

    return work.do(
        PURPOSE,
        _key(sample, run, size, work),
        lambda: confirm(sample, run.teacher, run.experiment, size, told, deadline),
        keep=deadline is None,
        records=RECORDS,
    )


def _key(sample: "Sample", run: Training, size: int, work: Work) -> tuple[Any, ...]:
    """Return all that a training run depends on."""
    experiment, settings = run.experiment, run.experiment.settings
    own = sample.predictions.get(run.teacher)
    return (
        PURPOSE,
        work.digest(sample.student),
        work.digest(sample.teachers[run.teacher]),
        None if own is None else work.digest(own),
        work.digest(sample.labels.values),
        sample.labels.class_names,
        sample.dependence,
        (experiment.learner, experiment.confidence, size),
        (settings.seeds, settings.split_seed, settings.min_effect, settings.fusion),
    )
