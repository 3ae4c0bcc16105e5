"""What Python imports: the commands as functions that return reports and print nothing.

Every function takes the settings of its command by their names (`cch_audit.settings`), and a
source: the path of a file; an AnnData or a MuData; or, without a source, arrays by role, or the
paths of files that hold them, as `x.npy` or `y.csv:label`.
"""

import os
from collections.abc import Iterable, Mapping
from dataclasses import fields, replace
from difflib import get_close_matches
from os import PathLike
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, TypeVar

from cch_audit.errors import InputError
from cch_audit.reading.arrays import NAME, as_file
from cch_audit.results import CheckReport, ForecastReport, RankReport, SweepReport
from cch_audit.results.maps import MapReport, PairMatrix
from cch_audit.running import RUNS, Progress, Run, report_on, run_of
from cch_audit.running import load as load_run
from cch_audit.sample import Sample
from cch_audit.settings import (
    EstimatorSettings,
    InputSettings,
    PackSettings,
    RankSettings,
    SimulateSettings,
)
from cch_audit.settings.declared import Settings

if TYPE_CHECKING:
    from cch_audit.reading.pack import Packed

Source = str | PathLike[str] | Sample | Any
SIMULATED = "simulated"
"""What stands in reports for the path of rows that were drawn."""
Kind = TypeVar("Kind", CheckReport, RankReport, SweepReport, ForecastReport)
ROLES = ("teacher", "student", "labels", "predictions", "groups", "ids", "split")
"""What arrays can be given for; for a file, its name or path in it."""
FILES = ("runs", "runs_folder")
"""Other settings that are paths."""


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
        file the names or paths of datasets, or without one the paths of sources; all settings of
        `cch-audit check`, such as `estimator`, `rule`, `margin`, `confidence`, `jobs`, `seed` and
        `confirm`.

    Returns
    -------
    The report; informations in nats.

    Raises
    ------
    InputError
        In one sentence that says what was found and what to do.
    """
    return _report(CheckReport, "check", source, estimators, progress, settings)


def confirm(
    source: Source = None,
    *,
    estimators: EstimatorSettings | None = None,
    progress: Progress | None = None,
    **settings: Any,
) -> CheckReport:
    """Audit every teacher and train with it; the outcome of training decides. See `check`.

    With `runs`, a CSV file of training runs of your own, or with `command` and `score_from`, which
    make them, no heads are trained.
    """
    return _report(CheckReport, "confirm", source, estimators, progress, settings)


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
    return _report(RankReport, "rank", source, estimators, progress, settings)


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
    return _report(SweepReport, "sweep", source, estimators, progress, settings)


def forecast(
    source: Source = None,
    *,
    progress: Progress | None = None,
    **settings: Any,
) -> ForecastReport:
    """Forecast what training with each teacher gains, in seconds: nothing is estimated or trained.

    See `check`; `labelled_rows`, `temperature`, `weight`, `min_effect`, `accept` and `confidence`.
    """
    return _report(ForecastReport, "forecast", source, None, progress, settings)


def map(
    source: Source | Iterable[str | PathLike[str]] = None,
    *,
    estimators: EstimatorSettings | None = None,
    progress: Progress | None = None,
    **settings: Any,
) -> MapReport:
    """Audit every pair of representations, or those of some teachers, students or pairs.

    Parameters
    ----------
    source
        Path of an HDF5 file, or several; AnnData, MuData, or arrays by the paths that they get in a
        file, as `representations/audio` and `labels`; None: `files` names them.
    estimators, progress : as for `check`
    settings
        Those of `cch-audit map`, such as `teachers`, `students`, `pairs`, `label_sets`, `order`,
        `by`, `forecast`, `confirm`, `backend`, `scheduler` and `jobs`.

    Returns
    -------
    The report; every audit in it is the one that `check` makes of that pair.

    Raises
    ------
    InputError
        In one sentence that says what was found and what to do.
    LostError
        If the workers were lost; what was found is kept, and the same call goes on.
    """
    from cch_audit.mapping.plan import plan_study
    from cch_audit.mapping.study import map_report

    run = run_of("map", _sections(settings, RUNS["map"]), estimators or EstimatorSettings())
    run.check()
    told = progress or (lambda what, share: None)
    if source is None or isinstance(source, list | tuple):
        paths = [os.fspath(one) for one in source or ()]
        said = _said("map", None, {"source": paths} | dict(settings) if paths else settings)
        return map_report(plan_study(paths, run), run, said, told)
    with as_file(source) as path:
        report = map_report(plan_study([path], run), run, _said("map", source, settings), told)
    if isinstance(source, str | PathLike):
        return report
    return _in_memory(report, str(path))


def _in_memory(report: MapReport, path: str) -> MapReport:
    """Return a report on arrays, which names no file."""

    def renamed(matrix: PairMatrix) -> PairMatrix:
        found = matrix.input
        return replace(
            matrix,
            file=NAME,
            input=None if found is None else replace(found, path=NAME),
            warnings=tuple(text.replace(path, NAME) for text in matrix.warnings),
        )

    matrices = tuple(renamed(matrix) for matrix in report.matrices)
    warnings = tuple(text.replace(path, NAME) for text in report.warnings)
    return replace(report, matrices=matrices, warnings=warnings)


def load(source: Source = None, *, every_teacher: bool = False, **settings: Any) -> Sample:
    """Read and validate the rows that an audit would work on.

    Parameters
    ----------
    source, settings : as for `check`; only what is read matters
    every_teacher : whether all representations but the student are teachers when none is named
    """
    arrays, rest = _arrays(source, settings)
    (inputs,) = _sections(rest, [InputSettings])
    assert isinstance(inputs, InputSettings)
    return _load(arrays, Run(inputs=inputs, ranking=RankSettings() if every_teacher else None))


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
    from cch_audit.simulation.asked import chosen_by, refuse_idle
    from cch_audit.simulation.drawing import write_drawn

    (asked,) = _sections(settings, [SimulateSettings])
    assert isinstance(asked, SimulateSettings)
    refuse_idle(chosen_by(asked), asked)
    with TemporaryDirectory(prefix="cch-audit-") as folder:
        path = Path(folder, "simulated.h5") if out is None else Path(out)
        write_drawn(path, asked)
        found = load(path, every_teacher=True)
    name = SIMULATED if out is None else str(path)
    return replace(found, source=replace(found.source, path=name))


def pack(
    out: str | PathLike[str],
    *,
    teacher: str | Iterable[str] = (),
    student: str | None = None,
    predictions: Mapping[str, str | PathLike[str]] | None = None,
    max_bytes: int | None = None,
    force: bool = False,
    **sources: str | PathLike[str],
) -> "Packed":
    """Write representations and labels of many kinds of files into one HDF5 file.

    Parameters
    ----------
    out : the file, which appears whole or not at all
    teacher, student : names of representations that `check` will take for them
    predictions : sources of own predictions, by name of the representation
    max_bytes : largest declared size of a source; by default half of the free memory
    force : whether to replace a file that exists
    sources
        `labels`, `groups`, `split` and `ids`, and representations by name: a path, with the name of
        an array or column behind a colon where it has several, as `y.csv:label`.

    Returns
    -------
    What is in the file, and how rows were joined.

    Raises
    ------
    InputError
        A source cannot be used, rows cannot be paired, or the file cannot be written.
    """
    from cch_audit.reading.pack import pack as write
    from cch_audit.reading.pack import packing_of
    from cch_audit.reading.spelling import ROLES as ROOT

    texts = {name: os.fspath(path) for name, path in sources.items()}
    roles: dict[str, Any] = {role: texts.pop(role) for role in ROOT if role in texts}
    settings = PackSettings(
        teacher=(teacher,) if isinstance(teacher, str) else tuple(teacher),
        student=student,
        predictions=_named(predictions or {}),
        **roles,
    )
    packing = packing_of(texts, settings)
    return write(Path(out), packing, max_bytes=max_bytes, force=force)


def _report(
    kind: type[Kind],
    command: str,
    source: Source,
    estimators: EstimatorSettings | None,
    progress: Progress | None,
    settings: Mapping[str, Any],
) -> Kind:
    """Load what is asked for and report on it."""
    arrays, rest = _arrays(source, settings)
    run = run_of(command, _sections(rest, RUNS[command]), estimators or EstimatorSettings())
    run.check()
    sample = source if isinstance(source, Sample) else _load(arrays, run)
    told = progress or (lambda what, share: None)
    from cch_audit.mapping.spread import spread

    path = Path(source) if isinstance(source, str | PathLike) else None
    with spread(sample, path, run, told) as run:
        report = report_on(sample, run, _said(command, source, settings), told)
    assert isinstance(report, kind)
    return report


def _sections(settings: Mapping[str, Any], classes: Iterable[type[Settings]]) -> list[Settings]:
    """Return the settings of each class, and refuse what belongs to none."""
    homes = {f.name: cls for cls in classes for f in fields(cls)}
    for name in settings:
        if name not in homes:
            (near,) = get_close_matches(name, homes, n=1, cutoff=0.0)
            raise InputError(f"`{name}` is no setting here; the nearest one is `{near}`")
    return [
        cls(**{name: value for name, value in settings.items() if homes[name] is cls})
        for cls in classes
    ]


def _load(source: Any, run: Run) -> Sample:
    if source is None:
        return load_run(None, run)
    with as_file(source) as path:
        if isinstance(source, str | PathLike):
            from cch_audit.reading.spelling import refuse_mixture

            refuse_mixture(str(path), run.inputs)
        sample = load_run(path, run)
    if str(path) == sample.source.path and not isinstance(source, str | PathLike):
        return replace(sample, source=replace(sample.source, path=NAME))
    return sample


def _arrays(source: Source, settings: Mapping[str, Any]) -> tuple[Any, dict[str, Any]]:
    """Return the source, or arrays by their path in a file, and the settings that name them."""
    texts = (*ROLES, *FILES)
    rest = {name: _as_text(value) if name in texts else value for name, value in settings.items()}
    given = {role: rest[role] for role in ROLES if role in rest and not _names(rest[role])}
    if source is not None or not given:
        return source, rest
    _refuse_sources(given, rest)
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


def _refuse_sources(arrays: Iterable[str], settings: Mapping[str, Any]) -> None:
    """Refuse paths of sources beside arrays."""
    from cch_audit.reading.spelling import spelled

    for role in [role for role in ROLES if _names(settings.get(role))]:
        value = settings.get(role) or ()
        for text in [value] if isinstance(value, str) else value:
            if spelled(text, named=True).is_there:
                raise InputError(
                    f"`{role}` {text!r} is a file, and {', '.join(arrays)} are arrays; give files "
                    "alone or arrays alone"
                )


def _as_text(value: Any) -> Any:
    """Return paths of sources, alone, several or by name, as the command line has them."""
    if isinstance(value, PathLike):
        return os.fspath(value)
    if isinstance(value, list | tuple) and any(isinstance(one, PathLike) for one in value):
        return tuple(_as_text(one) for one in value)
    is_named = isinstance(value, Mapping) and bool(value)
    if is_named and all(isinstance(one, str | PathLike) for one in value.values()):
        return _named(value)
    return value


def _named(sources: Mapping[str, str | PathLike[str]]) -> tuple[str, ...]:
    """Return sources by name as the command line has them."""
    return tuple(f"{name}={os.fspath(path)}" for name, path in sources.items())


def _names(value: Any) -> bool:
    """Whether a value names something in a file."""
    several = isinstance(value, list | tuple) and all(isinstance(one, str) for one in value)
    return value is None or isinstance(value, str) or several


def _said(command: str, source: Source, settings: Mapping[str, Any]) -> str:
    """Return the call as Python has it, without what arrays hold."""
    path = [repr(str(source))] if isinstance(source, str | PathLike) else []
    said = [
        f"{name}={value!r}" if _names(value) or isinstance(value, int | float) else f"{name}=..."
        for name, value in settings.items()
    ]
    return f"cch_audit.{command}({', '.join([*path, *said])})"
