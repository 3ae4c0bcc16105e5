"""Training runs of the user's own in place of heads: what is read or run, and for which audits."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cch_audit.auditing.verdict import agreement
from cch_audit.errors import InputError
from cch_audit.results import Audit, Cause, Confirmation
from cch_audit.settings import ConfirmationSettings, OwnRunsSettings, plain
from cch_audit.settings.declared import declared

if TYPE_CHECKING:
    from cch_audit.sample import Sample

Progress = Callable[[str, float], None]
Training = Callable[[Progress], Mapping[str, Confirmation]]
"""Told its progress, it returns the confirmation of each teacher."""
OF_RUNS = ("labelled_rows", "metric", "min_effect", "accept")
OF_COMMANDS = (*OF_RUNS, "seeds", "budget")
"""Settings of training that mean something for runs of the user's own."""


def effective(own: OwnRunsSettings, training: ConfirmationSettings) -> dict[str, Any]:
    """Return the settings of the user's own runs, and of training what means something for them."""
    named = {"runs": own.runs} if own.command is None else plain(own)
    return {**{name: plain(training)[name] for name in _used(own)}, **named}


def _used(own: OwnRunsSettings) -> tuple[str, ...]:
    return OF_RUNS if own.command is None else OF_COMMANDS


def refuse_idle(own: OwnRunsSettings, training: ConfirmationSettings) -> None:
    """Refuse settings that would be passed over because no heads are trained.

    Raises
    ------
    InputError
        For the first of them that is not at its default.
    """
    if not own.given:
        return
    source = "`runs`, which are finished," if own.command is None else "`command`"
    for setting in declared(type(training)):
        idle = setting.name not in _used(own)
        if idle and getattr(training, setting.name) != setting.default:
            raise InputError(
                f"`{setting.name}` says how heads are trained, and beside {source} none are; "
                "leave it out"
            )


def plan_own(
    sample: "Sample", own: OwnRunsSettings, training: ConfirmationSettings, confidence: float
) -> Training:
    """Read finished runs, or check the command that makes them, before anything costly runs.

    Raises
    ------
    InputError
        If the runs, or the command, cannot be used.
    """
    from cch_audit.distillation.commanded import about_runs, plan_runs, train_by_command
    from cch_audit.distillation.own_runs import ask, confirm_runs
    from cch_audit.distillation.read_runs import read_runs

    teachers = list(sample.teachers)
    if own.runs is None:
        question = ask(sample.labels, training, confidence, sequential=True)
        plan = plan_runs(own, teachers, question, training.seeds, training.budget)
        return lambda progress: train_by_command(plan, progress)
    path = Path(own.runs)
    # Runs of a command ended when they had decided, and whoever reads them later must allow for it.
    question = ask(sample.labels, training, confidence, sequential=about_runs(path) is not None)
    found = confirm_runs(read_runs(path, question.metric), teachers, question, str(path))
    return lambda progress: found


def train_own(
    audits: Sequence[Audit], training: Training, accept: Cause, progress: Progress
) -> tuple[Audit, ...]:
    """Return the audits, each with what the user's own runs showed."""
    trained, found = [], training(progress)
    for audit in audits:
        one = found[audit.teacher]
        says = agreement(audit.verdict, one.outcome, one.cause, accept)
        trained.append(replace(audit, confirmation=one, agreement=says))
    return tuple(trained)
