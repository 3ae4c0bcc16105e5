"""The other commands on other backends: what they find is the same, whatever computed it."""

import json
from pathlib import Path
from typing import Any

import pytest

import cch_audit
from cch_audit.distillation.runs import PURPOSE
from cch_audit.mapping.spread import spread
from cch_audit.running import RUNS, load, report_on, run_of
from cch_audit.settings import (
    AuditSettings,
    BackendSettings,
    ConfirmationSettings,
    EstimatorSettings,
    InputSettings,
    WorkSettings,
)
from tests.study.conftest import Cluster

pytestmark = pytest.mark.slow
QUICK: dict[str, Any] = {
    "estimator": ("ksg",),
    "surrogates": 1,
    "resamples": 200,
    "student": "text",
    "jobs": 2,
}
TRAIN: dict[str, Any] = {"seeds": 4, "train_size": "40,60"}
COMMANDS: dict[str, tuple[Any, dict[str, Any]]] = {
    "rank": (
        cch_audit.rank,
        {**QUICK, **TRAIN, "confirm": True, "forecast": True, "controls": True},
    ),
    "confirm": (cch_audit.confirm, {**QUICK, **TRAIN, "teacher": "audio"}),
    "sweep": (
        cch_audit.sweep,
        {**QUICK, "seeds": 4, "train_size": 40, "teacher": "audio", "noise": "0,1"},
    ),
    "sweep of weights": (
        cch_audit.sweep,
        {
            **{**QUICK, "seeds": 4, "train_size": 40, "teacher": "audio"},
            **{"over": "weight", "weight": "0.3,0.6", "forecast": True},
        },
    ),
    "forecast": (cch_audit.forecast, {"student": "text", "teachers": "audio,image"}),
}


def told(command: str, views: Path, **where: Any) -> Any:
    """Return what a command found, without when and how long."""
    function, settings = COMMANDS[command]
    return _timeless(json.loads(function(views, **settings, **where).to_json()))


def _timeless(value: Any) -> Any:
    if isinstance(value, dict):
        left_out = ("seconds", "command", "origin")
        return {key: _timeless(item) for key, item in value.items() if key not in left_out}
    return [_timeless(item) for item in value] if isinstance(value, list) else value


@pytest.mark.parametrize("command", COMMANDS)
def test_processes_find_what_threads_find(command: str, views: Path) -> None:
    there = told(command, views, no_cache=True, backend="processes")
    assert there == told(command, views, no_cache=True)


def test_a_cluster_finds_what_threads_find(views: Path, cluster: Cluster) -> None:
    where = {"backend": "dask", "scheduler": cluster.address}
    for command in COMMANDS:
        assert told(command, views, no_cache=True, **where) == told(command, views, no_cache=True)


def test_the_command_finds_all_that_was_computed_elsewhere(views: Path, tmp_path: Path) -> None:
    made = {
        InputSettings: InputSettings(student="text", teacher=("audio",)),
        AuditSettings: AuditSettings(estimator=("ksg",), surrogates=1, resamples=200, jobs=2),
        ConfirmationSettings: ConfirmationSettings(**TRAIN),
        BackendSettings: BackendSettings(backend="processes"),
        WorkSettings: WorkSettings(cache=str(tmp_path / "cache")),
    }
    sections = [made.get(cls, cls()) for cls in RUNS["confirm"]]
    run = run_of("confirm", sections, EstimatorSettings())
    sample = load(views, run)
    with spread(sample, views, run, lambda what, share: None) as there:
        elsewhere = there.work.spent()[PURPOSE].done
        assert there.where.backend == "processes"
        before = {name: one.done for name, one in there.work.spent().items()}
        report_on(sample, there, "confirm")
        after = {name: one.done for name, one in there.work.spent().items()}
    assert elsewhere == 2
    assert after == before
