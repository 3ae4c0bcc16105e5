"""Trials and reports built by hand."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from cch_audit.evidence.ledger import keep_ledger
from cch_audit.evidence.read import Evidence
from cch_audit.evidence.results import (
    Decisions,
    Estimate,
    EstimatorForecast,
    Ledger,
    LevelForecast,
    Scores,
    Trial,
)
from cch_audit.rendering import as_json
from cch_audit.results import Cause, Outcome, Report, Verdict

GAINS: dict[Outcome, float] = {
    "helps": 0.02,
    "hurts": -0.03,
    "no_change": 0.001,
    "undecided": 0.004,
}


def around(estimate: float, half_width: float = 0.01) -> Estimate:
    return Estimate(estimate, estimate - half_width, estimate + half_width)


def trial(
    verdict: Verdict,
    outcome: Outcome,
    cause: Cause | None = None,
    *,
    file: int = 0,
    teacher: str = "text",
    student: str = "audio",
    gain: float | None = None,
    **columns: float | None,
) -> Trial:
    """Return a trial whose estimator, level and audit say the same."""
    gap = around({"pass": 0.5, "fail": -0.5, "undecided": 0.0}[verdict], 0.1)
    level = LevelForecast(verdict, gap, {"ksg": EstimatorForecast(verdict, gap)})
    return Trial(
        report=f"report{file}.json",
        file=f"data/{file}.h5",
        sha256=f"{file:064x}",
        teacher_sha256=None,
        teacher=teacher,
        student=student,
        verdict=verdict,
        levels={"representations": level},
        columns={"representations": gap.low, **columns},
        trained="heads",
        n_train=50,
        outcome=outcome,
        cause=cause or ("transfer" if outcome == "helps" else None),
        metric="accuracy",
        gain=around(GAINS[outcome] if gain is None else gain),
    )


def ledger(*trials: Trial, controls: int = 0, warnings: tuple[str, ...] = ()) -> Ledger:
    return keep_ledger(Evidence(trials, controls, warnings))


def decisions(found: Ledger, forecaster: str = "verdict") -> Decisions:
    return next(record for record in found.decisions if record.forecaster == forecaster)


def scores(found: Ledger, forecaster: str) -> Scores:
    return next(record for record in found.scores if record.forecaster == forecaster)


def on_file(report: Report, number: int) -> Report:
    """Return the same report of another file."""
    return replace(report, input=replace(report.input, sha256=f"{number:064x}"))


def write(folder: Path, report: Report, name: str = "report.json") -> Path:
    """Write a report as `--format json --output` does."""
    path = folder / name
    path.write_text(as_json.render(report), encoding="utf-8")
    return path


def changed(path: Path, keys: Sequence[str | int], value: Any) -> Path:
    """Put another value into a JSON file; `...` removes the key."""
    document = json.loads(path.read_text(encoding="utf-8"))
    part = document
    for key in keys[:-1]:
        part = part[key]
    if value is ...:
        del part[keys[-1]]
    else:
        part[keys[-1]] = value
    path.write_text(json.dumps(document), encoding="utf-8")
    return path
