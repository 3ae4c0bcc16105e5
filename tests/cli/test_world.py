"""The constructed world: what the program says of teachers whose worth is known."""

from typing import Any

import pytest

from .process import Finished, run, run_inside
from .reports import audits, main, parsed

pytestmark = pytest.mark.slow

# With two classes a prediction is one number, and the closed form of Gaussian variables sees four
# times as sharply as neighbours do. Surrogates measure its bias.
DECIDED = ("--level", "predictions", "--estimator", "gaussian", "--jobs", "1")
TEACHERS = ("--teachers", "good,copy,weak,nuisance")
VERDICTS = {"good": "pass", "copy": "pass", "weak": "fail", "nuisance": "fail"}
DISAGREE = "The levels disagree: pass on representations, fail on predictions."


@pytest.fixture(scope="module")
def runs(constructed: str) -> dict[str, Finished]:
    return run_inside(
        {
            "check": ("check", constructed, *DECIDED, *TEACHERS, "--format", "json"),
            "rank": ("rank", constructed, *DECIDED, "--by", "predictions"),
        }
    )


@pytest.fixture(scope="module")
def report(runs: dict[str, Finished]) -> dict[str, Any]:
    return parsed(runs["check"].stdout)


def test_predictions_give_four_right_verdicts_of_four(report: dict[str, Any]) -> None:
    assert {name: audit["verdict"] for name, audit in audits(report).items()} == VERDICTS
    assert (report["input"]["n_samples"], report["exit_code"]) == (10_000, 1)


def test_the_report_says_where_representations_disagree(report: dict[str, Any]) -> None:
    for name, audit in audits(report).items():
        assert audit["levels"]["representations"]["verdict"] == "pass"
        assert (DISAGREE in audit["notes"]) is (VERDICTS[name] == "fail")
        said = any("nothing to do with the labels" in note for note in audit["notes"])
        assert said is (VERDICTS[name] == "fail")


def test_the_useful_teachers_come_first(runs: dict[str, Finished]) -> None:
    # The copy is the student itself: it always has the largest gap. `good` is the first of the
    # others, and both come before `weak` and `nuisance`.
    lines = runs["rank"].stdout.splitlines()
    rows = [line.split() for line in lines if line.split()[1:2] and line.split()[1] in VERDICTS]
    assert [(row[0], row[1], row[3]) for row in rows] == [
        ("1", "copy", "PASS"),
        ("2", "good", "PASS"),
        ("3", "weak", "FAIL"),
        ("4", "nuisance", "FAIL"),
    ]
    assert runs["rank"].returncode == 0
    assert lines[-1] == "PASS: 2 of 4 teachers pass; first by gap on predictions: copy."
    text = runs["rank"].stdout
    for name in ("weak", "nuisance"):
        assert f"{name}: {DISAGREE}" in text or f"weak, nuisance: {DISAGREE}" in text


@pytest.mark.slow
def test_training_gives_the_four_signs(constructed: str) -> None:
    grid = ("--temperature", "2", "--weight", "0.8", "--surrogates", "0", "--train-size", "400")
    done = run("confirm", constructed, *DECIDED, *TEACHERS, *grid, "--format", "json")
    found = audits(parsed(done.stdout))
    changes = {name: main(audit)["change"]["estimate"] for name, audit in found.items()}
    signs = {name: "pass" if change > 0 else "fail" for name, change in changes.items()}
    assert signs == VERDICTS
    assert found["good"]["confirmation"]["outcome"] == "helps"
    assert found["nuisance"]["confirmation"]["outcome"] == "hurts"
    assert done.returncode == 1
