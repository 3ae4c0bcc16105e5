"""`forecast`, and the forecast beside a verdict: exit codes, gates, cache, what is loaded."""

import json
from pathlib import Path

import pytest

from cch_audit.errors import InputError

from .process import QUICK, Finished, run_driver, run_inside
from .reports import audits, parsed
from .test_startup import LOADED

ASKED = ("--weight", "0.5", "--labelled-rows", "60")
TAUGHT = ("--teacher", "clear", "--teacher", "wrong", *ASKED)


@pytest.fixture(scope="module")
def runs(lessons: str) -> dict[str, Finished]:
    commands = {
        "helps": ("forecast", lessons, "--teacher", "clear", *ASKED),
        "json": ("forecast", lessons, *TAUGHT, "--format", "json"),
        "deep": (*("forecast", lessons, "--teacher", "clear", *ASKED, "--architecture", "mlp"),),
        "hurts": ("forecast", lessons, "--teacher", "wrong", *ASKED, "--brief"),
        "verdict": (
            "check",
            lessons,
            *QUICK,
            *TAUGHT[:4],
            *ASKED,
            "--forecast",
            "--format",
            "json",
        ),
        "gate": ("check", lessons, *QUICK, *TAUGHT[:4], *ASKED, "--gate", "both", "--quiet"),
        "by": (
            *("rank", lessons, *QUICK, *TAUGHT, "--by", "forecast", "--format", "names"),
            *("--gate", "forecast"),
        ),
    }
    return run_inside(commands)


def test_exit_codes(runs: dict[str, Finished]) -> None:
    codes = {name: done.returncode for name, done in runs.items()}
    assert codes.pop("deep") in (0, 1, 3)
    assert codes == {"helps": 0, "json": 1, "hurts": 1, "verdict": 0, "gate": 1, "by": 0}


def test_what_is_said(runs: dict[str, Finished]) -> None:
    assert runs["helps"].stdout.splitlines()[-1].startswith("HELPS: clear into student. Forecast:")
    assert "HURTS" in runs["hurts"].stdout
    assert "the forecast is of heads on the last hidden layer, 64 units" in runs["deep"].stdout
    assert runs["by"].stdout == "clear\nwrong\n"


def test_the_same_forecast_alone_and_beside_a_verdict(runs: dict[str, Finished]) -> None:
    alone = {one["teacher"]: one["forecast"] for one in parsed(runs["json"].stdout)["forecasts"]}
    beside = audits(parsed(runs["verdict"].stdout))
    for name, found in alone.items():
        assert found["labelled_rows"] == 60
        kept = beside[name]["forecast"]
        assert {**kept, "seconds": 0} == {**found, "seconds": 0}


def test_what_no_forecast_is_for_is_refused(lessons: str) -> None:
    with pytest.raises(InputError, match="nothing is distilled at it"):
        run_inside({"refused": ("forecast", lessons, "--weight", "0")})


def test_it_loads_no_torch_and_keeps_what_it_found(lessons: str, tmp_path: Path) -> None:
    command = (
        "forecast",
        lessons,
        "--teacher",
        "clear",
        "--cache",
        str(tmp_path),
        "--format",
        "json",
    )
    first, second = (run_driver(LOADED, *command) for _ in range(2))
    assert "torch" not in first.stderr.splitlines()[-1].split()
    # Times are those of the first run: what was found is used again.
    assert json.loads(second.stdout)["forecasts"] == json.loads(first.stdout)["forecasts"]
