"""Training runs by the user's own command, paired and kept, until the outcome is decided."""

import csv
import hashlib
import io
import json
import math
import os
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from cch_audit.distillation.arms import BASELINE, DISTILLED
from cch_audit.distillation.one_run import Command, Order, parse_command, train_once
from cch_audit.distillation.own_notes import FEW_SEEDS, Question
from cch_audit.distillation.own_runs import confirm_runs, is_decided
from cch_audit.distillation.read_runs import SECONDS, Trained, out_of_range, read_runs
from cch_audit.errors import InputError
from cch_audit.results import Confirmation
from cch_audit.results.files import replace_file
from cch_audit.settings import OwnRunsSettings

RUNS, ABOUT, LOCK = "runs.csv", "command.json", "lock"
"""Files of the folder: the scores, which command they are of, and who is at work."""
HEADER = ("arm", "seed", "score", "teacher", SECONDS)
ARM = re.compile(r"[a-z0-9_][a-z0-9_.-]*")
MOST_ABOUT = 10**6


@dataclass(frozen=True)
class Commanded:
    """Runs that are to be made."""

    command: Command
    text: str
    """The command as the user gave it."""
    score_from: str
    folder: Path
    arms: tuple[str, ...]
    teachers: tuple[str, ...]
    question: Question
    most_seeds: int
    budget: float | None
    """Seconds; None: no end."""

    @property
    def about(self) -> dict[str, str]:
        """What all runs of one folder have in common."""
        common = {"command": self.text, "score_from": self.score_from}
        common["metric"] = self.question.metric
        if not self.command.names("teacher"):
            common["teacher"] = self.teachers[0]
        return common


def plan_runs(
    own: OwnRunsSettings,
    teachers: Sequence[str],
    question: Question,
    most_seeds: int,
    budget: float | None,
) -> Commanded:
    """Check the command and the folder of its runs, before anything is run.

    Raises
    ------
    InputError
        If the command cannot be used, or the folder cannot, or belongs to another command or to a
        process that is at work.
    """
    assert own.command is not None
    assert own.score_from is not None
    plan = Commanded(
        command=parse_command(own.command, own.score_from, teachers),
        text=own.command,
        score_from=own.score_from,
        folder=Path(own.runs_folder).absolute(),
        arms=(BASELINE, DISTILLED, *_controls(own.control)),
        teachers=tuple(teachers),
        question=question,
        most_seeds=most_seeds,
        budget=budget,
    )
    with _locked(plan):
        _kept(plan)
    return plan


def _controls(names: Sequence[str]) -> Iterator[str]:
    """Yield the names of further arms as they are compared, without case."""
    for number, name in enumerate(names):
        arm = name.casefold()
        if not ARM.fullmatch(arm):
            raise InputError(
                f"`control` {name[:40]!r}: the name of an arm has letters, digits, _, - and . only"
            )
        if arm in (BASELINE, DISTILLED, *(one.casefold() for one in names[:number])):
            raise InputError(f"`control` {name!r}: there is such an arm; name each control once")
        yield arm


def train_by_command(
    plan: Commanded, progress: Callable[[str, float], None]
) -> dict[str, Confirmation]:
    """Run what is not yet kept until each teacher's outcome is decided, or seeds or time are spent.

    All arms of one seed are run before the next seed; the baseline, which knows no teacher, once
    for all teachers. From six pairs on the outcome is looked at after each.

    Parameters
    ----------
    plan : what is to be run
    progress : told which run is made, and the share of the most there could be

    Raises
    ------
    InputError
        If a run fails, or time was too short for two pairs of runs of each teacher.
    """
    started = time.monotonic()
    deadline = math.inf if plan.budget is None else started + plan.budget
    with _locked(plan) as lock:
        runs = _kept(plan)
        replace_file(plan.folder / ABOUT, json.dumps(plan.about, indent=2).encode() + b"\n")
        decided: dict[str, Confirmation] = {}
        for seed in range(plan.most_seeds):
            decided |= _decided(plan, runs, decided)
            waiting = [one for one in plan.teachers if one not in decided]
            for order in _orders(plan, runs, waiting, seed):
                spent = 0.0 if plan.budget is None else time.monotonic() - started
                share = max(seed / plan.most_seeds, min(1.0, spent / (plan.budget or math.inf)))

                def told(what: str = f"training, {order.said}", share: float = share) -> None:
                    progress(what, share)

                run = _run(plan, order, deadline, len(runs), told, lock)
                if run is None:
                    return _summed(plan, runs)
                runs.append(run)
                replace_file(plan.folder / RUNS, _as_csv(runs))
            if not waiting:
                break
        return _summed(plan, runs)


def _orders(
    plan: Commanded, runs: Sequence[Trained], teachers: Sequence[str], seed: int
) -> Iterator[Order]:
    """Yield the runs of a seed that are not kept."""
    kept = {(run.arm, run.teacher) for run in runs if run.seed == str(seed)}
    for teacher in teachers:
        for arm in plan.arms:
            named = "" if arm == BASELINE else teacher
            if (arm, named) not in kept:
                kept.add((arm, named))
                parts = [arm, "seed", str(seed)]
                if arm != BASELINE and plan.command.names("teacher"):
                    parts.insert(0, _slug(teacher))
                yield Order(arm, seed, teacher, plan.folder / "-".join(parts))


def _run(
    plan: Commanded,
    order: Order,
    deadline: float,
    n_runs: int,
    told: Callable[[], None],
    lock: int,
) -> Trained | None:
    """Return a run that was made; None if time was over."""
    told()
    started = time.monotonic()
    if started >= deadline:
        return None
    try:
        score = train_once(plan.command, order, deadline, told, [lock])
    except OSError as err:
        raise InputError(
            f"{order.folder}: cannot be written ({err.strerror or err}); make room, or name "
            "another `runs_folder`"
        ) from err
    if score is None:
        return None
    wrong = out_of_range(score, plan.question.metric)
    if wrong is not None:
        raise InputError(f"the run of {order.said} has {wrong}; it is kept in {order.folder}")
    named = "" if order.arm == BASELINE else order.teacher
    seconds = time.monotonic() - started
    return Trained(
        order.arm, str(order.seed), score, teacher=named, seconds=seconds, line=n_runs + 2
    )


def _paired(plan: Commanded, runs: Sequence[Trained], teacher: str) -> list[Trained]:
    """Return the runs of a teacher and of the baseline whose seed has both."""
    arms = [(arm, "" if arm == BASELINE else teacher) for arm in plan.arms]
    own = [run for run in runs if (run.arm, run.teacher) in arms]
    seeds = [{run.seed for run in own if run.arm == arm} for arm in (BASELINE, DISTILLED)]
    return [run for run in own if run.seed in seeds[0] & seeds[1]]


def _decided(
    plan: Commanded, runs: Sequence[Trained], before: Mapping[str, Confirmation]
) -> dict[str, Confirmation]:
    """Return the confirmations of teachers of which further runs would say no more."""
    found = {}
    for teacher in plan.teachers:
        own = _paired(plan, runs, teacher)
        if teacher in before or len({run.seed for run in own}) < FEW_SEEDS:
            continue
        confirmation = confirm_runs(own, [teacher], plan.question, RUNS)[teacher]
        if is_decided(confirmation):
            found[teacher] = confirmation
    return found


def _summed(plan: Commanded, runs: Sequence[Trained]) -> dict[str, Confirmation]:
    """Return the confirmation of each teacher from all of its pairs."""
    found = {}
    for teacher in plan.teachers:
        own = _paired(plan, runs, teacher)
        n_pairs = len({run.seed for run in own})
        if n_pairs < 2:
            raise InputError(
                f"`budget` of {plan.budget or 0:g} s is spent, and the teacher {teacher!r} has "
                f"{n_pairs} pair{'' if n_pairs == 1 else 's'} of runs where two are the least; "
                f"finished runs are kept in {plan.folder}: start again to go on from there"
            )
        confirmation = confirm_runs(own, [teacher], plan.question, RUNS)[teacher]
        if not is_decided(confirmation):
            confirmation = replace(confirmation, notes=(*confirmation.notes, _ended(plan, n_pairs)))
        found[teacher] = confirmation
    return found


def _ended(plan: Commanded, n_pairs: int) -> str:
    """Say why no more runs were made, and how to go on."""
    if n_pairs >= plan.most_seeds:
        spent, more = f"All {plan.most_seeds} seeds are spent", "more --seeds"
    else:
        spent, more = f"The budget of {plan.budget or 0:g} s is spent", "the same command"
    return (
        f"{spent} before the outcome and its cause were decided; runs are kept in {plan.folder}, "
        f"and {more} goes on from there."
    )


@contextmanager
def _locked(plan: Commanded) -> Iterator[int]:
    """Make the folder if need be, keep other processes out of it, and yield the lock's number."""
    folder = plan.folder
    try:
        folder.mkdir(exist_ok=True)
        file = (folder / LOCK).open("a+", encoding="utf-8")
    except (OSError, ValueError) as err:
        reason = getattr(err, "strerror", None) or err
        raise InputError(
            f"{folder}: cannot be used for runs ({reason}); name another `runs_folder`, in a "
            "folder that exists"
        ) from err
    with file:
        try:
            _lock(file)
        except OSError as err:
            raise InputError(
                f"{folder}: another cch-audit, or a run that one left behind when it was killed, "
                "is at work here; wait until it ends, or name another `runs_folder`"
            ) from err
        try:
            yield file.fileno()
        finally:
            _lock(file, free=True)  # whatever the runs started and left behind


def _lock(file: io.TextIOBase, *, free: bool = False) -> None:
    """Lock an open file, or free it; raise OSError where another process has it.

    The lock ends with the last process that holds the file, however that ends.
    """
    if os.name == "posix":
        import fcntl

        fcntl.flock(file, fcntl.LOCK_UN if free else fcntl.LOCK_EX | fcntl.LOCK_NB)


def _kept(plan: Commanded) -> list[Trained]:
    """Return the runs that the folder keeps.

    Raises
    ------
    InputError
        If they are of another command, or of none.
    """
    path = plan.folder / RUNS
    if not path.exists():
        return []
    about = about_runs(path)
    if about is None:
        raise InputError(
            f"{path}: is there, but {plan.folder / ABOUT} does not say which command it is of; "
            "name another `runs_folder`, or give the file with `runs`"
        )
    for name, value in {**dict.fromkeys(about), **plan.about}.items():
        if about.get(name) != value:
            raise InputError(
                f"{plan.folder}: keeps runs of another {name.replace('_', ' ')} "
                f"({str(about.get(name))[:80]!r}, now {str(value)[:80]!r}), which are not mixed; "
                "name another `runs_folder`, or delete this one"
            )
    return read_runs(path, plan.question.metric)


def about_runs(path: Path) -> dict[str, str] | None:
    """Return what is common to the runs of a file that commands wrote; None: none did."""
    try:
        with path.with_name(ABOUT).open("rb") as file:
            about = json.loads(file.read(MOST_ABOUT))
    except (OSError, ValueError, RecursionError):
        return None
    return about if path.name == RUNS and isinstance(about, dict) and "command" in about else None


def _as_csv(runs: Sequence[Trained]) -> bytes:
    """Return runs as `read_runs` reads them."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(HEADER)
    for run in runs:
        score, seconds = repr(run.score), f"{run.seconds:.3f}"
        writer.writerow([run.arm, run.seed, score, run.teacher, seconds])
    return text.getvalue().encode()


def _slug(name: str) -> str:
    """Return a name that a folder can have, another one for each teacher."""
    plain = re.sub(r"[^A-Za-z0-9_-]+", "_", name)[:40]
    return plain if plain == name else f"{plain}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"
