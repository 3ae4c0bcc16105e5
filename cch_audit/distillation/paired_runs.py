"""Which of the user's own training runs belong together: the same but for the arm."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cch_audit.distillation.arms import BASELINE, DISTILLED
from cch_audit.distillation.read_runs import Trained
from cch_audit.errors import InputError
from cch_audit.rows import FloatArray


@dataclass(frozen=True)
class Pairs:
    """Scores of one teacher at one number of training rows; rows of arrays are paired units."""

    n_train: int | None
    scores: Mapping[str, FloatArray]
    """By arm (n_units,); NaN where a control has no run."""
    n_seeds: int
    """Pairs of runs."""
    n_splits: int
    """0: the file says none."""

    @property
    def by_split(self) -> bool:
        """Whether a unit is a split, over whose seeds the scores were averaged."""
        return self.n_splits > 1


def pair(runs: Sequence[Trained], teachers: Sequence[str], name: str) -> dict[str, list[Pairs]]:
    """Pair runs of one seed, split, teacher and number of training rows.

    A run of the baseline or of a control that names no teacher belongs to every teacher.

    Parameters
    ----------
    runs : in the order of the file
    teachers : names of those that are audited
    name : of the file, for messages

    Returns
    -------
    For each teacher its pairs by number of training rows, the fewest first.

    Raises
    ------
    InputError
        For missing arms, runs that are there twice or have no counterpart, fewer than two pairs,
        and teachers that are not audited or have no runs.
    """
    _check_arms(runs, name)
    _check_teachers(runs, teachers, name)
    found: dict[tuple[Any, ...], Trained] = {}
    for run in runs:
        key = (run.arm, run.teacher, run.train_size, run.split, run.seed)
        if key in found:
            raise InputError(
                f"{name}: lines {found[key].line} and {run.line} are the same run, {_said(run)}; "
                "keep one of them"
            )
        found[key] = run
    used: set[int] = set()
    paired = {teacher: _of_teacher(runs, teacher, name, used) for teacher in teachers}
    for run in runs:
        if run.line not in used:
            other = f"{DISTILLED} run" if run.arm == BASELINE else f"{BASELINE} run"
            other = other if run.arm in (BASELINE, DISTILLED) else "pair of runs"
            raise InputError(
                f"{name}: line {run.line}, {_said(run)}, has no {other} of the same seed, split, "
                "train_size and teacher; add that run, or leave the line out"
            )
    return paired


def _check_arms(runs: Sequence[Trained], name: str) -> None:
    arms = list(dict.fromkeys(run.arm for run in runs))
    for arm in (BASELINE, DISTILLED):
        if arm not in arms:
            listed = ", ".join(one[:40] for one in arms[:8])
            raise InputError(
                f"{name}: has no run of the arm {arm} (it has {listed}); call the runs without the "
                f"teacher {BASELINE} and those with it {DISTILLED}"
            )


def _check_teachers(runs: Sequence[Trained], teachers: Sequence[str], name: str) -> None:
    listed = ", ".join(teachers)
    named = {run.teacher for run in runs if run.arm == DISTILLED}
    for run in runs:
        if run.teacher and run.teacher not in teachers:
            raise InputError(
                f"{name}: line {run.line} has the teacher {run.teacher[:80]!r}, which is not "
                f"audited ({listed}); name it with `teacher`, or leave its lines out"
            )
    for run in runs:
        if run.arm == DISTILLED and not run.teacher and (len(teachers) > 1 or len(named) > 1):
            others = "other lines do" if len(named) > 1 else f"several are audited ({listed})"
            raise InputError(
                f"{name}: line {run.line}, {_said(run)}, names no teacher, and {others}; say it in "
                "a column teacher, or audit one with `teacher`"
            )
    for teacher in teachers:
        if named.isdisjoint({teacher, ""}):
            raise InputError(
                f"{name}: has no {DISTILLED} run of the teacher {teacher!r}, which is audited; add "
                "its runs, or name the others with `teacher`"
            )


def _said(run: Trained) -> str:
    """Return which run it is, in words."""
    parts = {"seed": run.seed, "split": run.split, "train_size": run.train_size}
    parts["teacher"] = run.teacher
    return ", ".join(
        [f"arm {run.arm[:40]}", *(f"{key} {str(one)[:40]}" for key, one in parts.items() if one)]
    )


def _of_teacher(runs: Sequence[Trained], teacher: str, name: str, used: set[int]) -> list[Pairs]:
    """Return the pairs of one teacher; the lines that they come from are added to `used`."""
    cells: dict[int | None, dict[tuple[str, str], dict[str, Trained]]] = {}
    # What names the teacher comes later, and so takes the place of what names none.
    for run in sorted(runs, key=lambda one: bool(one.teacher)):
        if run.teacher in ("", teacher):
            cell = cells.setdefault(run.train_size, {})
            cell.setdefault((run.split, run.seed), {})[run.arm] = run
    pairs = []
    for size in sorted(cells, key=lambda one: one or 0):
        whole = {
            key: arms for key, arms in cells[size].items() if {BASELINE, DISTILLED} <= set(arms)
        }
        used.update(run.line for arms in whole.values() for run in arms.values())
        if whole:
            pairs.append(_pairs(whole, size, f"{name}: {_of(teacher, size)}"))
    return pairs


def _of(teacher: str, size: int | None) -> str:
    return f"the teacher {teacher!r}" + ("" if size is None else f" at {size} training rows")


def _pairs(
    cells: Mapping[tuple[str, str], Mapping[str, Trained]], size: int | None, where: str
) -> Pairs:
    """Return arrays of scores, with a row for each split if there are several, else each seed."""
    splits = list(dict.fromkeys(split for split, _ in cells))
    if len(cells) < 2:
        raise InputError(
            f"{where} has {len(cells)} pair{'' if len(cells) == 1 else 's'} of a {BASELINE} and a "
            f"{DISTILLED} run, which shows no spread; add runs of other seeds, 6 or more pairs"
        )
    unit = {key: splits.index(key[0]) if len(splits) > 1 else n for n, key in enumerate(cells)}
    n_units = max(unit.values()) + 1
    scores = {}
    for arm in dict.fromkeys(arm for arms in cells.values() for arm in arms):
        sums, counts = np.zeros(n_units), np.zeros(n_units)
        for key, arms in cells.items():
            if arm in arms:
                sums[unit[key]] += arms[arm].score
                counts[unit[key]] += 1
        with np.errstate(invalid="ignore"):
            scores[arm] = sums / counts
        known = np.isfinite(scores[arm])
        partly = np.bincount(list(unit.values()), minlength=n_units) != counts
        if len(splits) > 1 and bool((partly & known).any()):
            (split, *_) = (splits[n] for n in np.flatnonzero(partly & known))
            raise InputError(
                f"{where} has fewer runs of the arm {arm[:40]} than pairs of split {split[:40]}; "
                "run it with the same seeds, or leave out its runs of this split"
            )
        if known.sum() < 2:
            raise InputError(
                f"{where} has one run of the arm {arm[:40]} beside a pair, which shows no spread; "
                "add runs of other seeds, or leave this one out"
            )
    n_splits = len(splits) if splits != [""] else 0
    return Pairs(size, scores, len(cells), n_splits)
