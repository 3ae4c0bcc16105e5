"""From JSON reports to trials: one for each teacher and student with a training run."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

from cch_audit.errors import InputError
from cch_audit.evidence.audits import read_trial
from cch_audit.evidence.document import Part, load
from cch_audit.evidence.results import Trial
from cch_audit.settings import ConfirmationSettings

SCHEMA_VERSION = "1"
"""Of the reports that can be read."""
CONTROL = "control: "
"""How the names of teachers begin that teach nothing."""
_TRAINING = {setting.name for setting in fields(ConfirmationSettings)}


@dataclass(frozen=True)
class Evidence:
    """The trials of some reports."""

    trials: tuple[Trial, ...]
    n_controls_left_out: int
    warnings: tuple[str, ...]


def read_evidence(paths: Sequence[Path], *, controls: bool) -> Evidence:
    """Read the trials of JSON reports, each trial once.

    Trials of one report are different ones. A trial is the same as one of an earlier report if
    file, teacher, student, labels, rows and the settings of the training run are the same.

    Parameters
    ----------
    paths : reports of `check --confirm`, `confirm`, `rank --confirm` or `sweep`
    controls : whether to keep teachers that teach nothing

    Raises
    ------
    InputError
        If a file is no such report, or no trial is left.
    """
    known: dict[tuple[str, int], Trial] = {}
    warnings: list[str] = []
    for path in paths:
        report = _report(path)
        audits, n_untrained = _trained(report)
        if n_untrained:
            warnings.append(
                f"{path}: {n_untrained} of {n_untrained + len(audits)} teachers have no training "
                "run and are left out"
            )
        found = _identified(audits, report)
        warnings += _counted_once(path, [known[key] for key in found if key in known])
        known = {**known, **{key: trial for key, trial in found.items() if key not in known}}
    trials = tuple(
        trial for trial in known.values() if controls or not trial.teacher.startswith(CONTROL)
    )
    if not trials:
        raise InputError(
            f"{', '.join(map(str, paths))}: the only training runs are those of controls; add "
            "--controls to count them, or give a report that trained with a teacher"
        )
    return Evidence(trials, len(known) - len(trials), tuple(warnings))


def _report(path: Path) -> Part:
    """Return a JSON report whose version is known."""
    report = load(path)
    if not (report.has("audits") and report.has("schema_version")):
        raise InputError(
            f"{path}: is JSON, but no audit report of cch-audit; give what check, confirm or rank "
            "wrote with --confirm --format json"
        )
    version = report.at("schema_version").text()
    if version != SCHEMA_VERSION:
        raise InputError(
            f"{path}: has schema_version {version[:20]!r}, and this cch-audit reads "
            f"{SCHEMA_VERSION!r}; write the report again with this cch-audit"
        )
    return report


def _trained(report: Part) -> tuple[list[Part], int]:
    """Return the audits with a training run, and the number of those without one."""
    audits = list(report.at("audits").elements())
    trained = [audit for audit in audits if audit.has("confirmation")]
    if not trained:
        raise InputError(
            f"{report.file}: holds no training run, so there is no outcome to compare a forecast "
            "with; run check or rank again with --confirm, or confirm"
        )
    return trained, len(audits) - len(trained)


def _identified(audits: Sequence[Part], report: Part) -> dict[tuple[str, int], Trial]:
    """Return the trials of one report by their identity, numbered where several have the same."""
    found: dict[tuple[str, int], Trial] = {}
    times: Counter[str] = Counter()
    for audit in audits:
        trial = read_trial(audit, report.at("input"))
        identity = _identity(trial, audit, report)
        found[identity, times[identity]] = trial
        times[identity] += 1
    return found


def _identity(trial: Trial, audit: Part, report: Part) -> str:
    """Return what makes a trial another one than those of other reports."""
    source = report.at("input")
    settings = dict(report.at("settings").items())
    training = {name: settings[name].as_json() for name in _TRAINING if name in settings}
    found = audit.at("confirmation")
    rows = [source.at(name).number() for name in ("n_rows", "n_samples")]
    sizes = [found.at(name).number() for name in ("n_seeds", "n_train", "n_test")]
    drawn = report.at("seed").number() if rows[0] != rows[1] else None
    labels = source.at("labels", "name").text()
    names = [*trial.source, labels, trial.teacher, trial.student]
    return json.dumps([names, rows, drawn, sizes, training], sort_keys=True)


def _counted_once(path: Path, repeated: Sequence[Trial]) -> list[str]:
    """Return a sentence on trials that an earlier report holds already."""
    if not repeated:
        return []
    where = ", ".join(dict.fromkeys(trial.report for trial in repeated))
    what = "1 training run is" if len(repeated) == 1 else f"{len(repeated)} training runs are"
    return [
        f"{path}: {what} in {where} already (same file, teacher, student and settings) and counted "
        "once"
    ]
