"""The training runs that belong to audits."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from cch_audit.auditing.verdict import agreement
from cch_audit.results import Audit

if TYPE_CHECKING:
    from cch_audit.distillation.confirm import Experiment
    from cch_audit.sample import Sample


@dataclass(frozen=True)
class Training:
    """One audit and the training run that belongs to it."""

    audit: Audit
    teacher: str
    """Its name in the sample; that of the audit may say a step of a sweep too."""
    experiment: "Experiment"


def train(
    sample: "Sample", runs: Sequence[Training], progress: Callable[[str, float], None]
) -> tuple[Audit, ...]:
    """Return the audits, each with its training run; progress is told the share that is done."""
    from cch_audit.distillation.confirm import confirm

    trained = []
    for number, run in enumerate(runs):

        def shifted(what: str, done: float, before: int = number) -> None:
            progress(what, (before + done) / len(runs))

        found = confirm(sample, run.teacher, run.experiment, shifted)
        accept = run.experiment.settings.accept
        says = agreement(run.audit.verdict, found.outcome, found.cause, accept)
        trained.append(replace(run.audit, confirmation=found, agreement=says))
    return tuple(trained)
