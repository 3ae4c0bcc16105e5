"""`confirm` by training runs of the user's own: finished ones of a file, or made by a command."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import cch_audit
from cch_audit.results import CheckReport

from .process import PROGRAM, QUICK, Finished, environment, run, run_inside
from .reports import audits, parsed

GAINS = (0.4, 0.5, 0.3, 0.6, 0.4, 0.5, 0.4, 0.3)
JSON = ("--format", "json", "--quiet")
OF_COMMAND = ("--score-from", "metrics.json")


def table(**gains: float) -> str:
    """Return runs of a baseline with an MSE of about 2, of `clear`, and of controls."""
    lines = ["arm,seed,score,teacher"]
    for seed, gain in enumerate(GAINS):
        level = 2 + 0.1 * gain
        lines.append(f"baseline,{seed},{level},")
        for arm, share in gains.items():
            # No two seeds differ by the same, or there would be no spread.
            score = level - share * gain - 0.01 * (seed % 3)
            lines.append(f"{arm},{seed},{score},clear")
    return "\n".join(lines)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("own")
    Path(folder, "transfer.csv").write_text(table(distilled=1.0, ridge=0.0))
    Path(folder, "shrinks.csv").write_text(table(distilled=1.0, ridge=1.2))
    Path(folder, "alone.csv").write_text(table(distilled=1.0))
    Path(folder, "harm.csv").write_text(table(distilled=-1.0))
    Path(folder, "one.csv").write_text("arm,seed,score\nbaseline,1,2\ndistilled,1,1\n")
    return folder


@pytest.fixture(scope="module")
def done(files: Path, lessons: str) -> dict[str, Finished]:
    asked = ("confirm", lessons, *QUICK, "--teacher", "clear")
    commands = {
        name: (*asked, "--runs", str(files / f"{name}.csv"), *JSON)
        for name in ("transfer", "shrinks", "alone", "harm")
    }
    shrinks = ("--runs", str(files / "shrinks.csv"))
    commands["accepted"] = (*asked, *shrinks, *JSON, "--accept", "regularisation")
    commands["in words"] = (*asked, *shrinks)
    return run_inside(commands)


@pytest.mark.parametrize(
    ("name", "code", "outcome", "cause"),
    [
        ("transfer", 0, "helps", "transfer"),
        ("shrinks", 1, "helps", "regularisation"),
        ("accepted", 0, "helps", "regularisation"),
        ("alone", 3, "helps", "unclear"),
        ("harm", 1, "hurts", None),
    ],
)
def test_the_exit_code_follows_outcome_and_cause(
    done: dict[str, Finished], name: str, code: int, outcome: str, cause: str | None
) -> None:
    found = audits(parsed(done[name].stdout))["clear"]["confirmation"]
    assert (done[name].returncode, found["outcome"], found["cause"]) == (code, outcome, cause)
    assert found["source"] == "runs"


def test_settings_of_heads_are_not_in_the_report(done: dict[str, Finished], files: Path) -> None:
    settings = parsed(done["transfer"].stdout)["settings"]
    assert settings["runs"] == str(files / "transfer.csv")
    assert settings["metric"] == "auto"
    assert not {"architecture", "temperature", "seeds", "command"} & set(settings)


def test_a_person_reads_whose_runs_they_are(done: dict[str, Finished]) -> None:
    last = done["in words"].stdout.splitlines()[-1]
    assert "in your own training runs" in last
    assert "The interval is over seeds" in done["in words"].stdout


def test_python_takes_a_path_and_reads_its_report_back(files: Path, lessons: str) -> None:
    report = cch_audit.confirm(
        lessons,
        teacher="clear",
        estimator="ksg",
        surrogates=0,
        resamples=200,
        runs=files / "transfer.csv",
    )
    assert isinstance(report, CheckReport)
    confirmation = report.audits[0].confirmation
    assert confirmation is not None
    assert (confirmation.source, confirmation.cause) == ("runs", "transfer")
    assert CheckReport.from_json(report.to_json()) == report


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--runs", "a.csv", "--command", "x", *OF_COMMAND], "--runs names finished runs and"),
        (["--command", "x {arm} {seed}"], "--command needs --score-from"),
        (OF_COMMAND, "--score-from is of --command; add that, or leave it out"),
        (["--control", "uniform"], "--control is of --command"),
        (["--runs", "a.csv", "--runs-folder", "b"], "--runs-folder is of --command"),
        (["--runs", "a.csv", "--architecture", "mlp"], "--architecture says how heads are"),
        (["--runs", "a.csv", "--seeds", "9"], "--seeds says how heads are trained"),
        (
            ["--command", "x {arm} {seed}", *OF_COMMAND, "--train-size", "50"],
            "--train-size says how heads are trained, and beside --command none are",
        ),
    ],
    ids=lambda item: " ".join(item) if not isinstance(item, str) else "",
)
def test_options_that_mean_nothing_together_are_refused(options: list[str], said: str) -> None:
    found = run_inside_refused("confirm", "missing.h5", *options)
    assert said in found


def run_inside_refused(*arguments: str) -> str:
    """Return what a refusal says, in the words of the command line."""
    from typer.testing import CliRunner

    from cch_audit.cli import app
    from cch_audit.commands.options import with_options
    from cch_audit.errors import InputError

    refused = CliRunner().invoke(app, arguments).exception
    assert isinstance(refused, InputError), refused
    return with_options(str(refused))


@pytest.mark.parametrize(
    ("runs", "more", "said"),
    [
        ("missing.csv", (), "missing.csv: cannot be read (No such file or directory)"),
        ("one.csv", (), "has 1 pair of a baseline and a distilled run"),
        ("alone.csv", ("--metric", "accuracy"), "--metric accuracy: the labels are numbers"),
        ("alone.csv", ("--labelled-rows", "60"), "--labelled-rows 60: the runs do not say"),
        ("alone.csv", ("--teacher", "far"), "no distilled run of the teacher 'far'"),
    ],
)
def test_runs_that_cannot_be_used_are_refused(
    files: Path, lessons: str, runs: str, more: tuple[str, ...], said: str
) -> None:
    file = str(files / runs)
    arguments = ("confirm", lessons, *QUICK, "--teacher", "clear", "--runs", file, *more)
    assert said in run_inside_refused(*arguments)


def test_no_report_replaces_the_runs_that_it_is_of(files: Path, lessons: str) -> None:
    file = str(files / "alone.csv")
    said = run_inside_refused("confirm", lessons, "--runs", file, "--output", file)
    assert "that is read" in said


def test_neither_variable_nor_settings_file_names_a_program(tmp_path: Path) -> None:
    variables = {
        f"CCH_AUDIT_{name}": "x" for name in ("RUNS", "COMMAND", "SCORE_FROM", "RUNS_FOLDER")
    }
    # Had one been read, it would have been refused before the file.
    done = run("confirm", "missing.h5", env=variables)
    assert (done.returncode, done.stderr.split(":")[1]) == (2, " missing.h5")
    file = tmp_path / "settings.yaml"
    file.write_text("command: touch {arm} {seed}\n")
    done = run("confirm", "missing.h5", "--config", str(file))
    assert done.returncode == 2
    assert "unknown key 'command'" in done.stderr


TRAINER = """
import json, os, pathlib, sys, time
arm, seed, teacher = sys.argv[1], int(sys.argv[2]), sys.argv[3]
pathlib.Path("number").write_text(str(os.getpid()))
with open("log", "a") as file:
    file.write(f"{arm} {seed} {teacher}\\n")
if pathlib.Path("slow").exists() and seed == 2:
    time.sleep(60)
gain = {"baseline": 0.0, "distilled": 0.5, "ridge": 0.0}[arm]
score = 2 + seed % 3 / 10 - gain - (arm == "ridge") * (seed % 2) / 100
pathlib.Path("metrics.json").write_text(json.dumps({"test": {"mse": score}}))
"""


def command(lessons: str, *more: str) -> tuple[str, ...]:
    """Return the command line that trains `clear` with a control."""
    trainer = f"'{sys.executable}' -S train.py {{arm}} {{seed}} {{teacher}}"
    asked = ("confirm", lessons, *QUICK, "--teacher", "clear", "--command", trainer)
    return (*asked, "--score-from", "metrics.json:test.mse", "--control", "ridge", *JSON, *more)


def waited(condition: Any) -> None:
    """Wait until something is so, at most half a minute."""
    for _ in range(3000):
        if condition():
            return
        time.sleep(0.01)
    raise AssertionError("it did not happen")


@pytest.mark.slow
def test_a_command_is_gone_on_with_after_it_was_killed(lessons: str, tmp_path: Path) -> None:
    """By SIGKILL, which leaves a run behind that no other one may meet, then by SIGINT."""
    Path(tmp_path, "train.py").write_text(TRAINER)
    slow, log = tmp_path / "slow", tmp_path / "log"
    slow.touch()
    for number, sent in enumerate((signal.SIGKILL, signal.SIGINT)):
        process = subprocess.Popen(
            (*PROGRAM, *command(lessons)),
            env=environment(),
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        waited(lambda n=number: log.exists() and log.read_text().count("baseline 2") == n + 1)
        process.send_signal(sent)
        _, stderr = process.communicate(timeout=30)
        assert process.returncode == (-9 if sent == signal.SIGKILL else 130)
        assert stderr == ""
        if sent == signal.SIGKILL:
            refused = run(*command(lessons), cwd=tmp_path)
            assert refused.returncode == 2
            assert "a run that one left behind when it was killed" in refused.stderr
            os.kill(int(Path(tmp_path, "number").read_text()), signal.SIGKILL)
    slow.unlink()
    done = run(*command(lessons), cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    found = audits(parsed(done.stdout))["clear"]["confirmation"]
    assert (found["source"], found["outcome"], found["cause"]) == ("runs", "helps", "transfer")
    runs = log.read_text().splitlines()
    assert {run: runs.count(run) for run in runs if runs.count(run) > 1} == {"baseline 2 clear": 3}
    kept = json.loads((tmp_path / "cch-runs/command.json").read_text())
    assert kept["score_from"] == "metrics.json:test.mse"
    again = run(
        "confirm",
        lessons,
        *QUICK,
        *JSON,
        "--teacher",
        "clear",
        "--runs",
        str(tmp_path / "cch-runs/runs.csv"),
    )
    other = audits(parsed(again.stdout))["clear"]["confirmation"]
    assert other["curve"] == found["curve"]
    assert Path(tmp_path, "cch-runs/clear-ridge-seed-0/stdout.txt").exists()


def test_a_run_that_fails_ends_the_command_in_one_sentence(lessons: str, tmp_path: Path) -> None:
    folder = tmp_path / "kept"
    asked = ("confirm", lessons, *QUICK, "--teacher", "clear", "--runs-folder", str(folder))
    script = "sh -c 'echo no such layer >&2; exit 4' {arm} {seed}"
    said = run_inside_refused(*asked, "--command", script, *OF_COMMAND)
    assert "exited with 4 (arm baseline, seed 0, teacher clear: no such layer)" in said
    assert (folder / "baseline-seed-0/stderr.txt").read_text() == "no such layer\n"
