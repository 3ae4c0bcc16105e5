"""`confirm`, and the training run of `check`: outcomes, exit codes, reports and refusals."""

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from cch_audit.cli import app
from cch_audit.commands.options import with_options
from cch_audit.errors import InputError

from .process import FIXTURES, QUICK, TRAIN, Finished, run, run_inside
from .reports import audits, main, parsed, size

TWO_SEEDS = ("--seeds", "2")
"""Two repetitions are too few for anything, so what would help is undecided."""
EVERY = ("--teachers", "clear,same,wrong,far")
RUNS = {
    "same": ("confirm", "--teacher", "same"),
    "far": ("confirm", "--teacher", "far", "--format", "csv"),
    "two seeds": ("confirm", "--teacher", "clear", *TWO_SEEDS),
    "every": ("confirm", *EVERY, "--format", "json", "--fusion"),
    "check far": ("check", "--teacher", "far", "--confirm", "--quiet"),
    "require clear": ("check", "--teacher", "clear", "--require-confirmed"),
    "require wrong": ("check", "--teacher", "wrong", "--require-confirmed", "--format", "json"),
    "require two": ("check", "--teacher", "clear", "--require-confirmed", *TWO_SEEDS),
}
CLASSES = (
    *("confirm", str(FIXTURES / "breast_cancer.h5"), *QUICK, "--format", "json", "--fusion"),
    *("--temperature", "1,3", "--weight", "0.5,0.2", "--epochs", "3", "--seeds", "2"),
    *("--train-size", "60", "--architecture", "mlp", "--hidden", "8"),
)


@pytest.fixture(scope="module")
def runs(lessons: str) -> dict[str, Finished]:
    on_lessons = {
        name: (command, lessons, *QUICK, *TRAIN, *rest) for name, (command, *rest) in RUNS.items()
    }
    return run_inside({"classes": CLASSES, **on_lessons})


@pytest.fixture(scope="module")
def report(runs: dict[str, Finished]) -> dict[str, Any]:
    return parsed(runs["every"].stdout)


@pytest.mark.parametrize(
    ("name", "code"),
    [("same", 1), ("far", 0), ("two seeds", 3)],
)
def test_confirm_follows_the_outcome(runs: dict[str, Finished], name: str, code: int) -> None:
    assert runs[name].returncode == code


def test_one_teacher_that_does_not_help_is_enough(runs: dict[str, Finished]) -> None:
    assert runs["every"].returncode == 1


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("check far", 1),
        ("require clear", 0),
        ("require wrong", 1),
        ("require two", 3),
    ],
)
def test_check_follows_the_verdict_unless_both_must_say_yes(
    runs: dict[str, Finished], name: str, code: int
) -> None:
    assert runs[name].returncode == code


def test_the_report_keeps_the_verdict_when_a_run_is_required(runs: dict[str, Finished]) -> None:
    report = parsed(runs["require wrong"].stdout)
    assert (report["verdict"], report["exit_code"]) == ("pass", 1)
    assert report["audits"][0]["confirmation"]["outcome"] == "hurts"


def test_outcomes_beside_the_verdicts(report: dict[str, Any]) -> None:
    found = {
        name: (audit["verdict"], audit["confirmation"]["outcome"], audit["agreement"])
        for name, audit in audits(report).items()
    }
    assert found == {
        "clear": ("pass", "helps", "agrees"),
        "same": ("pass", "no_change", "disagrees"),
        "wrong": ("pass", "hurts", "disagrees"),
        "far": ("fail", "helps", "disagrees"),
    }
    assert (report["verdict"], report["exit_code"]) == ("fail", 1)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("require clear", ["KD helps by transfer", "the CCH verdict was PASS: agrees"]),
        ("same", ["no change by KD that matters", "the CCH verdict was PASS: disagrees"]),
        ("two seeds", ["undecided whether KD helps", "the CCH verdict was PASS: undecided"]),
        ("check far", ["KD helps", "FAIL: disagrees", "sufficient, not necessary"]),
    ],
)
def test_one_sentence_says_both(runs: dict[str, Finished], name: str, words: list[str]) -> None:
    last = runs[name].stdout.splitlines()[-1]
    for word in words:
        assert word in last


def test_the_sentence_goes_to_stderr_where_it_is_not_in_sight(runs: dict[str, Finished]) -> None:
    for name in ("far", "every"):
        (sentence,) = runs[name].stderr.splitlines()
        assert "Measured: " in sentence
    assert runs["same"].stderr == ""


def test_the_training_run_in_json(report: dict[str, Any]) -> None:
    for audit in report["audits"]:
        found = audit["confirmation"]
        assert (found["metric"], found["architecture"]) == ("mse", "linear")
        assert (found["source"], found["at"]) == ("heads", 0)
        (at,) = found["curve"]
        change = main(audit)["change"]
        scores = main(audit)["distilled"], main(audit)["baseline"]
        assert change["estimate"] == pytest.approx(scores[0] - scores[1])
        assert change["low"] <= change["estimate"] <= change["high"]
        assert 0 <= change["irreducible"] <= 1
        assert set(at["controls"]) == {"shuffled", "mean", "matched_ridge"}
        assert [(cell["temperature"], cell["weight"]) for cell in at["grid"]] == [(None, 0.8)]
        assert at["grid"][0]["chosen"] == at["n_repetitions"] >= 6
        # All that neither train nor validate test.
        assert (at["n_train"], at["n_validation"], at["n_test"]) == (20, 20, 260)
        assert found["loss"] == "MSE(labels, student) + w MSE(teacher, student)"
        assert set(at["metrics"]) == {"mse", "r2"}
        assert set(at["fusion"]) == {"baseline", "distilled", "change", "outcome"}
        assert at["trivial_score"] == pytest.approx(1.0)
        assert found["seconds"] > 0
    # Targets are standardised: a teacher that says the labels has no error.
    assert size(audits(report)["same"])["teacher_score"] == pytest.approx(0.0)
    assert 0 < main(audits(report)["clear"])["baseline"] < 1


def test_all_teachers_meet_the_same_students(report: dict[str, Any]) -> None:
    # Of as many repetitions, each from the same split.
    baselines = {(size(one)["n_repetitions"], main(one)["baseline"]) for one in report["audits"]}
    assert len(baselines) == len({repetitions for repetitions, _ in baselines})


def test_csv_holds_the_outcome(runs: dict[str, Finished]) -> None:
    header, *rows = (line.split(",") for line in runs["far"].stdout.splitlines())
    assert {row[header.index("outcome")] for row in rows} == {"helps"}


def test_classes_with_temperatures_and_a_hidden_layer(runs: dict[str, Finished]) -> None:
    done = runs["classes"]
    # Two repetitions are too few for anything.
    assert done.returncode == 3
    found = parsed(done.stdout)["audits"][0]["confirmation"]
    (at,) = found["curve"]
    assert (found["outcome"], at["outcome"]) == ("undecided", "undecided")
    assert (found["metric"], found["architecture"]) == ("accuracy", "mlp")
    assert at["n_repetitions"] == 2
    metrics = {"accuracy", "log_loss", "brier", "weighted_f1", "macro_auc"}
    assert set(at["metrics"]) == metrics
    controls = {"uniform", "shuffled", "shuffled_within_class", "class_means"}
    assert set(at["controls"]) == controls
    cells = [(cell["temperature"], cell["weight"]) for cell in at["grid"]]
    assert cells == [(1, 0.5), (1, 0.2), (3, 0.5), (3, 0.2)]
    assert sum(cell["chosen"] for cell in at["grid"]) == 2
    assert found["loss"].startswith("(1 - w) CE(labels, student) + w T^2 KL(")


@pytest.mark.slow
def test_settings_reach_the_run_from_a_file_and_the_environment(
    lessons: str, tmp_path: Path
) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text("train-size: 25\nweight: [0.1, 0.3]\nseeds: 9\nmin_effect: 0.5\ntop: 1\n")
    env = {"CCH_AUDIT_SEEDS": "3", "CCH_AUDIT_TEACHER": "clear"}
    arguments = ("confirm", lessons, *QUICK, "--config", str(file), "--min-effect", "0.25")
    done = run(*arguments, "--format", "json", "--quiet", env=env)
    assert done.stderr == ""
    report = parsed(done.stdout)
    found = report["audits"][0]["confirmation"]
    (at,) = found["curve"]
    assert (at["n_repetitions"], at["n_train"]) == (3, 25)
    assert found["min_effect"] == pytest.approx(0.25)
    assert [cell["weight"] for cell in at["grid"]] == [0.1, 0.3]
    assert report["settings"]["weight"] == "0.1,0.3"
    assert "top" not in report["settings"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["confirm", "--temperature", "0"], "--temperature 0: logits are divided by it"),
        (["confirm", "--weight", "1"], "below 1, where the labels would not count"),
        (["confirm", "--weight", "-0.1"], "--weight -0.1: it is the share of the teacher's term"),
        (["confirm", "--weight", "abc"], "--weight 'abc': expected numbers separated by commas"),
        (["confirm", "--train-size", "20,abc"], "--train-size '20,abc': expected numbers"),
        (["check", "--temperature", "0"], "--temperature 0: logits are divided by it"),
        (["rank", "--weight", "1"], "below 1, where the labels would not count"),
    ],
    ids=lambda item: " ".join(item) if isinstance(item, list) else "",
)
def test_a_run_that_could_show_nothing_is_refused(arguments: list[str], said: str) -> None:
    # Before the file is looked at.
    done = run(*arguments, "missing.h5")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: ")
    assert said in done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--temperature", "-1"], "--temperature -1: "),
        (["--temperature", "inf"], "--temperature inf: "),
        (["--temperature", "nan"], "--temperature nan: "),
        (["--temperature", "1,,2"], "'1,,2': expected numbers separated by commas"),
        (["--weight", "nan"], "--weight nan: "),
        (["--weight", ""], "expected numbers separated by commas"),
        (["--seeds", "1"], "greater than or equal to 2"),
        (["--epochs", "0"], "greater than or equal to 1"),
        (["--hidden", "5000"], "4096"),
        (["--labelled-rows", "5"], "greater than or equal to 10"),
        (["--accept", "both"], "'transfer', 'regularisation'"),
        (["--metric", "f1"], "'weighted_f1'"),
        (["--min-effect", "2"], "less than or equal to 1"),
        (["--architecture", "deep"], "'linear', 'mlp'"),
    ],
    ids=lambda item: " ".join(item) if isinstance(item, list) else "",
)
def test_a_setting_out_of_range_is_refused(arguments: list[str], said: str) -> None:
    done = CliRunner().invoke(app, ["confirm", "missing.h5", *arguments])
    assert done.stdout == ""
    if isinstance(done.exception, InputError):
        assert said in with_options(str(done.exception))
    else:
        assert done.exit_code == 2
        # The box of an error breaks its lines.
        assert said in " ".join(done.stderr.replace("│", "").split())


@pytest.mark.slow
def test_too_few_rows_are_refused(lessons: str) -> None:
    done = run("confirm", lessons, *QUICK, "--teacher", "clear", "--train-size", "400")
    assert (done.returncode, done.stdout) == (2, "")
    assert "--train-size 400 leaves 0 of 300 rows for validation" in done.stderr
    assert "choose another value, or add rows" in done.stderr
    assert len(done.stderr.splitlines()) == 1
