"""Runs the program as a user does, in a process of its own, or in this one."""

import os
import subprocess
import sys
import warnings
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from typer.testing import CliRunner

from cch_audit.cli import app

ROOT = Path(__file__).resolve().parents[2]
FIXTURES = ROOT / "fixtures"
QUICK = ("--estimator", "ksg", "--surrogates", "0", "--resamples", "200", "--jobs", "1")
"""For runs whose numbers do not matter."""
VIEWS = str(FIXTURES / "mfeat_views.h5")
KSG = ("--estimator", "ksg", "--surrogates", "1", "--resamples", "200")
TRAIN = ("--weight", "0.8", "--train-size", "20")
"""For training runs in which the teachers of the fixture `lessons` teach what they should."""
PROGRAM = (sys.executable, "-m", "cch_audit")
DECIDE_THE_LOOK = ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "TERM", "GITHUB_ACTIONS")

Finished = subprocess.CompletedProcess[str]


def environment(changes: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return this process's environment without what would steer the program, and with changes."""
    kept = {name: value for name, value in os.environ.items() if not _steers(name)}
    return {**kept, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8", **(changes or {})}


def _steers(variable: str) -> bool:
    return variable.startswith("CCH_AUDIT_") or variable in DECIDE_THE_LOOK


def run(*arguments: str, env: Mapping[str, str] | None = None, cwd: Path = ROOT) -> Finished:
    """Run `python -m cch_audit` with these arguments."""
    return start_and_wait(*PROGRAM, *arguments, env=env, cwd=cwd)


@cache
def run_once(*arguments: str, encoding: str = "utf-8") -> Finished:
    """Run with these arguments and streams of this encoding, or return what that gave before."""
    return run(*arguments, env={"PYTHONIOENCODING": encoding})


def run_inside(commands: Mapping[str, Sequence[str]]) -> dict[str, Finished]:
    """Run several command lines in this process, where imports are paid once.

    For what the commands say; how the program starts, streams and ends is for `run`.
    """
    steering = dict.fromkeys(filter(_steers, os.environ))
    found = {}
    for name, arguments in commands.items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            done = CliRunner(env=steering).invoke(app, arguments)
        if not isinstance(done.exception, SystemExit | None):
            raise done.exception
        found[name] = Finished(arguments, done.exit_code, done.stdout, done.stderr)
    return found


def run_driver(script: str, *arguments: str, env: Mapping[str, str] | None = None) -> Finished:
    """Run a script, with these arguments in `sys.argv`, that calls `main` itself."""
    return start_and_wait(sys.executable, "-c", script, *arguments, env=env)


def start_and_wait(
    *command: str, env: Mapping[str, str] | None = None, cwd: Path = ROOT
) -> Finished:
    """Run a command to its end, its input empty."""
    return subprocess.run(
        command,
        env=environment(env),
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=600,
    )
