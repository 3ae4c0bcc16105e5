"""The script that runs the experiments, with stand-ins for what takes long."""

import os
import shutil
import subprocess
from pathlib import Path

import h5py
import pytest
import typer

from cch_audit.cli import app

FOLDER = Path(__file__).parents[1] / "fixtures"
BASH = shutil.which("bash")
pytestmark = pytest.mark.skipif(BASH is None, reason="needs bash")
CCH_AUDIT = """#!/usr/bin/env bash
printf '%s\\x1f' "$@" >>"$LOG"
echo >>"$LOG"
if [[ $1 == simulate ]]; then touch "$2"; fi
while (($#)); do
    case $1 in --output | --plot) touch "$2" ;; esac
    shift
done
exit "${CODE:-0}"
"""
"""Logs its arguments and makes the files that it is asked for."""
PYTHON = """#!/usr/bin/env bash
touch "$4/$2.h5"
"""
"""Stands in for `python build.py NAME --out DIR`."""


@pytest.fixture
def run(tmp_path):
    """Return a function that runs the script into `tmp_path / "out"`: process, commands."""
    for name, text in (("cch-audit", CCH_AUDIT), ("python", PYTHON)):
        path = tmp_path / "bin" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        path.chmod(0o755)

    def run_script(*arguments, **variables):
        log = tmp_path / "log"
        log.write_text("")
        path = f"{tmp_path / 'bin'}:{os.environ['PATH']}"
        done = subprocess.run(
            [BASH, FOLDER / "evidence.sh", *arguments],
            env={**os.environ, "PATH": path, "LOG": str(log), **variables},
            capture_output=True,
            text=True,
            check=False,
        )
        return done, [line.split("\x1f")[:-1] for line in log.read_text().splitlines()]

    return run_script


def option(arguments, name):
    return arguments[arguments.index(name) + 1]


def test_every_command_parses(run, tmp_path):
    done, commands = run(tmp_path, tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    for name, *arguments in commands:
        typer.main.get_command(app).commands[name].make_context(name, arguments)
    assert not (tmp_path / "out" / "part").exists()


def test_there_are_enough_trials_on_real_data(run, tmp_path):
    _, commands = run(tmp_path, tmp_path / "out")
    pairs = set()
    for name, path, *arguments in commands:
        if name == "rank" and "classpaired" not in path:
            student, teachers = option(arguments, "--student"), option(arguments, "--teachers")
            assert student not in teachers.split(",")
            pairs |= {(path, student, teacher) for teacher in teachers.split(",")}
    assert len(pairs) > 45


def test_representations_exist_in_the_committed_files(run, tmp_path):
    _, commands = run(tmp_path, tmp_path / "out")
    for name, path, *arguments in commands:
        if name == "rank" and Path(path).parent.samefile(FOLDER):
            named = {option(arguments, "--student"), *option(arguments, "--teachers").split(",")}
            with h5py.File(path) as file:
                assert named <= set(file["representations"])


def test_what_is_there_is_not_made_again(run, tmp_path):
    _, first = run(tmp_path, tmp_path / "out")
    (tmp_path / "out" / "mnist.json").unlink()
    done, second = run(tmp_path, tmp_path / "out")
    assert done.returncode == 0
    assert [name for name, *_ in second] == ["rank", "evidence", "evidence", "evidence"]
    reports = [
        {word for word in command if word.endswith(".json")} for command in (first[-3], second[-3])
    ]
    assert reports[0] == reports[1]


def test_a_failure_stops_it_and_leaves_no_report(run, tmp_path):
    done, commands = run(tmp_path, tmp_path / "out", CODE="2")
    assert done.returncode == 2
    assert len(commands) == 1
    assert not list((tmp_path / "out").glob("*.json"))


def test_it_says_how_it_is_used(run):
    done, commands = run()
    assert done.returncode == 2
    assert "usage: fixtures/evidence.sh SOURCE OUT" in done.stderr
    assert not commands
