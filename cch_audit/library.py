"""What Python imports: the commands as functions that return reports and print nothing.

Every function takes the settings of its command by their names (`cch_audit.settings`), and a
source: the path of a file; an AnnData or a MuData; or, without a source, arrays by role.
"""

from collections.abc import Mapping
from dataclasses import fields, replace
from difflib import get_close_matches
from os import PathLike
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from cch_audit.errors import InputError
from cch_audit.reading.arrays import NAME, as_file
from cch_audit.results import CheckReport, RankReport, SweepReport
from cch_audit.running import Progress, Run, report_on
from cch_audit.running import load as load_run
from cch_audit.sample import Sample
from cch_audit.settings import (
    AuditSettings,
    ConfirmationSettings,
    EstimatorSettings,
    GateSettings,
    InputSettings,
    RankSettings,
    SimulateSettings,
    SweepSettings,
)
from cch_audit.settings.declared import Settings

Source = str | PathLike[str] | Sample | Any
SIMULATED = "simulated"
"""What stands in reports for the path of rows that were drawn."""
ROLES = ("teacher", "student", "labels", "predictions", "groups", "ids", "split")
"""What arrays can be given for; for a file, its name or path in it."""


def check(
    source: Source = None,
    *,
    estimators: EstimatorSettings | None = None,
    progress: Progress | None = None,
    **settings: Any,
) -> CheckReport:
    """Audit every teacher for one student: can distillation help?

    Parameters
    ----------
    source : path of an HDF5 file, AnnData, MuData, a `Sample` that was loaded, or None for arrays
    estimators : what only a settings file can change on the command line
    progress : told what is running and the share that is done
    settings
        `teacher` (an array (n, d), or arrays by name), `student` (n, d), `labels` (n,) or (n, q),
        and where there are any `predictions` (by name), `groups`, `ids`, `split`: arrays, or for a
        file the names or paths of datasets; all settings of `cch-audit check`, such as `estimator`,
        `rule`, `margin`, `confidence`, `jobs`, `seed` and `confirm`.

    Returns
    -------
    The report; informations in nats.

    Raises
    ------
    InputError
        In one sentence that says what was found and what to do.
    """
    gate, rest = _take(GateSettings, settings)
    run = _run(rest, estimators, trains=gate.trains, gate=gate.decides)
    found = _report("check", source, run, settings, progress)
    assert isinstance(found, CheckReport)
    return found


def confirm(
    source: Source = None,
    *,
    estimators: EstimatorSettings | None = None,
    progress: Progress | None = None,
    **settings: Any,
) -> CheckReport:
    """Audit every teacher and train with it; the outcome of training decides. See `check`."""
    run = _run(settings, estimators, trains=True, gate="outcome")
    found = _report("confirm", source, run, settings, progress)
    assert isinstance(found, CheckReport)
    return found


def rank(
    source: Source = None,
    *,
    estimators: EstimatorSettings | None = None,
    progress: Progress | None = None,
    **settings: Any,
) -> RankReport:
    """Order the teachers of one student; all other representations unless some are named.

    See `check`; also `by`, `top` and `controls`.
    """
    gate, rest = _take(GateSettings, settings)
    ranking, rest = _take(RankSettings, rest)
    run = _run(rest, estimators, trains=gate.trains, gate=gate.decides, ranking=ranking)
    found = _report("rank", source, run, settings, progress)
    assert isinstance(found, RankReport)
    return found


def sweep(
    source: Source = None,
    *,
    estimators: EstimatorSettings | None = None,
    progress: Progress | None = None,
    **settings: Any,
) -> SweepReport:
    """Make one teacher worse in steps, and see where verdict and outcome change.

    See `check`; also one of `noise`, `drop_columns`, `shuffle_rows`, `flip_labels` and `over`.
    """
    swept, rest = _take(SweepSettings, settings)
    run = _run(rest, estimators, trains=True, gate="none", sweep=swept)
    found = _report("sweep", source, run, settings, progress)
    assert isinstance(found, SweepReport)
    return found


def load(source: Source = None, *, every_teacher: bool = False, **settings: Any) -> Sample:
    """Read and validate the rows that an audit would work on.

    Parameters
    ----------
    source, settings : as for `check`; only what is read matters
    every_teacher : whether all representations but the student are teachers when none is named
    """
    arrays, rest = _arrays(source, settings)
    inputs, rest = _take(InputSettings, rest)
    _refuse(rest, InputSettings)
    ranking = RankSettings() if every_teacher else None
    return _load(arrays, Run(inputs=inputs, ranking=ranking))


def simulate(out: str | PathLike[str] | None = None, **settings: Any) -> Sample:
    """Draw rows whose informations are known.

    Parameters
    ----------
    out : HDF5 file that gets the rows and what is known of them; None: no file is kept
    settings : those of `cch-audit simulate`, such as `kind`, `family`, `n`, `gap` and `seed`

    Returns
    -------
    The rows as `load` reads them, for `check` and the others; `truths` says what is known (nats).

    Raises
    ------
    InputError
        If there is no population with these settings, or the file cannot be written.
    """
    from cch_audit.simulation.drawing import write_drawn

    asked, rest = _take(SimulateSettings, settings)
    _refuse(rest, SimulateSettings)
    if out is not None:
        write_drawn(Path(out), asked)
        return load(out, every_teacher=True)
    with TemporaryDirectory(prefix="cch-audit-") as folder:
        path = Path(folder) / "simulated.h5"
        write_drawn(path, asked)
        found = load(path, every_teacher=True)
    return replace(found, source=replace(found.source, path=SIMULATED))


def _report(
    command: str,
    source: Source,
    run: "tuple[Any, Run]",
    settings: Mapping[str, Any],
    progress: Progress | None,
) -> CheckReport | RankReport | SweepReport:
    """Load what is asked for and report on it."""
    arrays, asked = run
    asked.check()
    if isinstance(source, Sample):
        sample = source
    else:
        sample = _load(arrays if source is None else source, asked)
    said = _said(command, source, settings)
    return report_on(sample, asked, said, progress or (lambda what, share: None))


def _run(
    settings: Mapping[str, Any], estimators: EstimatorSettings | None, **changes: Any
) -> "tuple[Any, Run]":
    """Return the arrays that are given, if any are, and the settings of a run."""
    arrays, rest = _arrays(None, settings)
    inputs, rest = _take(InputSettings, rest)
    audit, rest = _take(AuditSettings, rest)
    training, rest = _take(ConfirmationSettings, rest)
    _refuse(rest, InputSettings, AuditSettings, ConfirmationSettings)
    run = Run(inputs, audit, estimators or EstimatorSettings(), training, **changes)
    return arrays, run


def _load(source: Any, run: Run) -> Sample:
    with as_file(source) as path:
        sample = load_run(path, run)
    if str(path) == sample.source.path and not isinstance(source, str | PathLike):
        return replace(sample, source=replace(sample.source, path=NAME))
    return sample


def _arrays(source: Source, settings: Mapping[str, Any]) -> tuple[Any, dict[str, Any]]:
    """Return the source, or arrays by their path in a file, and the settings that name them."""
    rest = dict(settings)
    given = {role: rest[role] for role in ROLES if role in rest and not _names(rest[role])}
    if source is not None or not given:
        return source, rest
    paths: dict[str, Any] = {}
    for role, value in given.items():
        if role in ("teacher", "predictions"):
            several = value if isinstance(value, Mapping) else {"teacher": value}
            folder = "representations" if role == "teacher" else "predictions"
            paths |= {f"{folder}/{name}": one for name, one in several.items()}
            names = [f"{name}={folder}/{name}" for name in several]
            rest[role] = tuple(several) if role == "teacher" else tuple(names)
        elif role == "student":
            paths["representations/student"], rest[role] = value, "student"
        else:
            paths[role], rest[role] = value, role
    return paths, rest


def _names(value: Any) -> bool:
    """Whether a value names something in a file."""
    several = isinstance(value, list | tuple) and all(isinstance(one, str) for one in value)
    return value is None or isinstance(value, str) or several


def _take(cls: "type[Any]", settings: Mapping[str, Any]) -> tuple[Any, dict[str, Any]]:
    """Return settings of one kind, and the rest."""
    own = {f.name for f in fields(cls)}
    found = cls(**{name: value for name, value in settings.items() if name in own})
    return found, {name: value for name, value in settings.items() if name not in own}


def _refuse(rest: Mapping[str, Any], *classes: type[Settings]) -> None:
    """Refuse what is no setting."""
    known = [f.name for cls in classes for f in fields(cls)]
    for name in rest:
        (near,) = get_close_matches(name, known, n=1, cutoff=0.0)
        raise InputError(f"`{name}` is no setting here; the nearest one is `{near}`")


def _said(command: str, source: Source, settings: Mapping[str, Any]) -> str:
    """Return the call as Python has it, without what arrays hold."""
    path = [repr(str(source))] if isinstance(source, str | PathLike) else []
    said = [
        f"{name}={value!r}" if _names(value) or isinstance(value, int | float) else f"{name}=..."
        for name, value in settings.items()
    ]
    return f"cch_audit.{command}({', '.join([*path, *said])})"
