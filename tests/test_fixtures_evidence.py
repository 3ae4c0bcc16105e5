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
    case $1 in
        --output) printf '{\\n  "a": 1\\n}\\n' >"$2" ;;
        --plot) touch "$2" ;;
    esac
    shift
done
exit "${CODE:-0}"
"""
"""Logs its arguments and makes the files that it is asked for."""
COMMANDS = typer.main.get_command(app).commands
PYTHON = """#!/usr/bin/env bash
touch "$4/$2.h5"
"""
"""Stands in for `python build.py NAME --out DIR`."""


@pytest.fixture(scope="module")
def stand_ins(tmp_path_factory):
    """Return a folder with stand-ins for the programs of the script."""
    folder = tmp_path_factory.mktemp("bin")
    for name, text in (("cch-audit", CCH_AUDIT), ("python", PYTHON)):
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    return folder


def run(stand_ins, *arguments, **variables):
    """Run the script; return the process and the arguments of every call of cch-audit."""
    log = stand_ins / "log"
    log.write_text("")
    path = f"{stand_ins}:{os.environ['PATH']}"
    done = subprocess.run(
        [BASH, FOLDER / "evidence.sh", *arguments],
        env={**os.environ, "PATH": path, "LOG": str(log), **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    return done, [line.split("\x1f")[:-1] for line in log.read_text().splitlines()]


@pytest.fixture(scope="module")
def complete(stand_ins, tmp_path_factory):
    """Run the script once; return the folder that it filled, the process and its commands."""
    out = tmp_path_factory.mktemp("complete")
    return out, *run(stand_ins, out, out)


def parse(name, *arguments):
    """Return the options of a command line of cch-audit, as the command would get them."""
    return COMMANDS[name].make_context(name, list(arguments)).params


@pytest.fixture(scope="module")
def ranked(complete):
    """Return file, student and teachers of every `rank`."""
    found = [parse(*command) for command in complete[2] if command[0] == "rank"]
    return [(Path(o["file"]), o["student"], o["teachers"].split(",")) for o in found]


def test_every_command_parses(complete):
    out, done, commands = complete
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    for command in commands:
        parse(*command)
    assert not (out / "part").exists()


def test_one_size_decides_of_every_student(complete):
    kinds = ("rank", "check", "sweep")
    trained = [parse(*command) for command in complete[2] if command[0] in kinds]
    assert len(trained) > 30
    for options in trained:
        assert options["train_size"] == str(options["labelled_rows"])
        assert options.get("confirm", True)


def test_reports_are_one_line_each_in_the_folder_of_their_family(complete):
    out, _, commands = complete
    made = sorted((out / "reports").glob("*/*.json"))
    assert {path.parent.name for path in made} == {"simulated", "images", "other"}
    assert len(made) == sum(name in ("rank", "check", "sweep") for name, *_ in commands)
    assert {path.read_text() for path in made} == {'{"a": 1}'}


def test_there_are_enough_trials_on_real_data(ranked):
    trials = [
        (path.stem, student, teacher)
        for path, student, teachers in ranked
        for teacher in teachers
        if path.stem != "classpaired"
    ]
    assert len(trials) == len(set(trials)) == 81
    assert all(student != teacher for _, student, teacher in trials)


def test_representations_exist_in_the_committed_files(ranked):
    for path, student, teachers in ranked:
        if path.parent.samefile(FOLDER):
            with h5py.File(path) as file:
                assert {student, *teachers} <= set(file["representations"])


def test_what_is_there_is_not_made_again(complete, stand_ins):
    out, _, first = complete
    (out / "reports" / "images" / "mnist.json").unlink()
    done, second = run(stand_ins, out, out)
    assert done.returncode == 0
    assert [name for name, *_ in second] == ["rank", "evidence", "evidence", "evidence"]
    counted = [
        next(command for command in commands if command[0] == "evidence")
        for commands in (first, second)
    ]
    assert counted[0] == counted[1]


def test_a_failure_stops_it_and_leaves_no_report(stand_ins, tmp_path):
    done, commands = run(stand_ins, tmp_path, tmp_path / "out", CODE="2")
    assert done.returncode == 2
    assert len(commands) == 1
    assert not list((tmp_path / "out" / "reports").rglob("*.json"))


def test_it_says_how_it_is_used(stand_ins):
    done, commands = run(stand_ins)
    assert done.returncode == 2
    assert "usage: fixtures/evidence.sh SOURCE OUT" in done.stderr
    assert not commands
