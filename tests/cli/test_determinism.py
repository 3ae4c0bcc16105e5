"""The same command prints the same bytes, and no number depends on what else is audited."""

import csv
import io
import json

import pytest

from .process import KSG, QUICK, VIEWS, run, run_once


@pytest.mark.slow
def test_the_same_command_prints_the_same_bytes(pairs: str) -> None:
    arguments = ("check", pairs, *QUICK)
    fresh = run(*arguments, "--no-cache").stdout
    assert fresh == run_once(*arguments).stdout == run(*arguments).stdout


@pytest.mark.slow
def test_a_page_differs_in_date_and_seconds_alone(pairs: str) -> None:
    arguments = ("check", pairs, *QUICK, "--format", "html")
    once, again = (run(*arguments, env={"SOURCE_DATE_EPOCH": "0"}).stdout for _ in range(2))
    lines = zip(once.splitlines(), again.splitlines(), strict=True)
    different = [line for line, other in lines if line != other]
    assert all(line.startswith('  "seconds": ') for line in different)
    assert "1970-01-01T00:00:00+00:00" in once


@pytest.mark.slow
def test_json_differs_in_the_seconds_alone(pairs: str) -> None:
    arguments = ("check", pairs, *QUICK, "--format", "json")
    once, again = run_once(*arguments).stdout, run_once(*arguments, encoding="ascii").stdout
    lines = zip(once.splitlines(), again.splitlines(), strict=True)
    different = [line for line, other in lines if line != other]
    assert all(line.strip().startswith(('"seconds": ', '"date": ')) for line in different)


@pytest.mark.slow
def test_another_seed_prints_other_numbers(pairs: str) -> None:
    arguments = ("check", pairs, *QUICK, "--format", "csv")
    assert run(*arguments, "--seed", "1").stdout != run_once(*arguments).stdout


@pytest.mark.slow
def test_adding_a_teacher_changes_no_other_number() -> None:
    arguments = ("check", VIEWS, *KSG, "--format", "json")
    alone = json.loads(run(*arguments, "--teachers", "fac", "--jobs", "1").stdout)
    beside = json.loads(run_once(*arguments, "--teachers", "pix,fac").stdout)
    assert [audit["teacher"] for audit in beside["audits"]] == ["pix", "fac"]
    assert beside["audits"][1] == alone["audits"][0]


@pytest.mark.slow
def test_adding_an_estimator_changes_no_other_number(pairs: str) -> None:
    arguments = ("check", pairs, *QUICK, "--format", "csv")

    def rows(stdout: str) -> list[list[str]]:
        read = csv.DictReader(io.StringIO(stdout))
        return [list(row.values()) for row in read if row["estimator"] == "ksg"]

    both = run(*arguments, "--estimator", "gaussian")
    assert rows(both.stdout) == rows(run_once(*arguments).stdout)
