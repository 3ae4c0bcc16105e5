"""The command as a user runs it, in a process of its own."""

import json
from pathlib import Path

import pytest

from tests.cli.process import Finished, run
from tests.rendering.reports import confirmed_report, ranked_report, report

from .trials import on_file, write


def evidence(*arguments: object, encoding: str = "utf-8") -> Finished:
    return run("evidence", *map(str, arguments), env={"PYTHONIOENCODING": encoding})


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("reports")
    return [
        write(folder, confirmed_report("pass", "hurts"), "check.json"),
        write(folder, on_file(ranked_report(), 1), "rank.json"),
    ]


def test_a_table_is_all_there_is(reports: list[Path]) -> None:
    done = evidence(*reports)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("Cross-modal complementarity: the record\n")
    assert "6 trials, each one teacher and one student, on 2 files" in done.stdout


@pytest.mark.slow
def test_an_ascii_terminal_gets_ascii(reports: list[Path]) -> None:
    done = evidence(*reports, encoding="ascii")
    assert done.returncode == 0
    assert done.stdout.isascii()


@pytest.mark.slow
def test_json_goes_to_stdout_and_the_summary_to_stderr(reports: list[Path]) -> None:
    done = evidence(*reports, "--format", "json", "--controls")
    assert done.returncode == 0
    found = json.loads(done.stdout)
    assert (len(found["trials"]), found["n_controls_left_out"]) == (8, 0)
    assert done.stderr.startswith("The CCH verdict is right in 2 of 7 decided trials")
    assert evidence(*reports, "--format", "json", "--quiet").stderr == ""


@pytest.mark.slow
def test_a_file_gets_what_stdout_would(reports: list[Path], tmp_path: Path) -> None:
    path = tmp_path / "evidence.md"
    done = evidence(*reports, "--format", "markdown", "--output", path)
    assert (done.returncode, done.stdout) == (0, "")
    again = evidence(*reports, "--format", "markdown")
    assert path.read_text(encoding="utf-8") == again.stdout
    assert done.stderr == again.stderr


@pytest.mark.slow
def test_what_cannot_be_used_ends_with_2(reports: list[Path], tmp_path: Path) -> None:
    untrained = write(tmp_path, report())
    for arguments, reason in (
        ([untrained], f"error: {untrained}: holds no training run"),
        ([*reports, tmp_path / "no"], f"error: {tmp_path / 'no'}: cannot be read"),
        ([*reports, "--output", tmp_path], f"error: {tmp_path}: is a folder"),
        ([], ""),
    ):
        done = evidence(*arguments)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.startswith(reason)
        assert "Traceback" not in done.stderr


def test_a_device_is_read_like_a_file() -> None:
    done = evidence("/dev/stdin")
    assert (done.returncode, done.stderr.split(";")[0]) == (2, "error: /dev/stdin: is empty")
