"""`sweep`: one audit and one training run per step, in every format, and no gate."""

import csv
import io
from pathlib import Path
from typing import Any

import pytest

from cch_audit.evidence.read import read_evidence

from .process import FIXTURES, QUICK, TRAIN, Finished, run, run_driver, run_inside
from .reports import audits, main, parsed, size
from .test_startup import LOADED

COPY = ("--teacher", "copy")
CLASSES = str(FIXTURES / "breast_cancer.h5")
BRIEF = ("--seeds", "2", "--epochs", "3", "--train-size", "60")
SHUFFLED = ("--teacher", "clear", "--shuffle-rows", "0.5,0,1,0.5", *TRAIN)

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def runs(pairs: str, lessons: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Finished]:
    plot = str(tmp_path_factory.getbasetemp() / "labels.svg")
    commands = {
        "shuffled": (lessons, *SHUFFLED, "--format", "json"),
        "shuffled table": (lessons, *SHUFFLED),
        "shuffled csv": (lessons, *SHUFFLED, "--format", "csv"),
        "noise": (pairs, *COPY, "--noise", "0, 1,30", *TRAIN, "--format", "json"),
        "columns": (pairs, "--drop-columns", "0,1", *TRAIN, "--format", "names"),
        "own": (lessons, "--teacher", "clear", "--noise", "0,1", *TRAIN, "--format", "json"),
        "weight": (
            *(lessons, "--teacher", "clear", "--over", "weight", "--weight", "0.8,0.1"),
            *("--train-size", "20", "--format", "json"),
        ),
        "temperature": (
            *(CLASSES, "--over", "temperature", "--temperature", "1,4", "--weight", "0.3,0.5"),
            *(*BRIEF, "--format", "json"),
        ),
        "labels": (CLASSES, "--flip-labels", "0,1", *BRIEF, "--format", "json", "--plot", plot),
    }
    return run_inside(
        {name: ("sweep", *rest[:1], *QUICK, *rest[1:]) for name, rest in commands.items()}
    )


def report(runs: dict[str, Finished], name: str) -> dict[str, Any]:
    assert runs[name].returncode == 0, runs[name].stderr
    return parsed(runs[name].stdout)


def gap(audit: dict[str, Any], level: str) -> float:
    value: float = audit["levels"][level]["estimators"]["ksg"]["gap"]["estimate"]
    return value


def test_it_is_no_gate(runs: dict[str, Finished]) -> None:
    assert {name: done.returncode for name, done in runs.items()} == dict.fromkeys(runs, 0)
    found = parsed(runs["noise"].stdout)
    assert (found["verdict"], found["exit_code"]) == (found["audits"][0]["verdict"], 0)
    assert "no gate: the exit code is 0" in runs["shuffled table"].stdout


def test_steps_are_in_order_and_each_once(runs: dict[str, Finished]) -> None:
    found = report(runs, "shuffled")
    assert found["sweep"]["steps"] == [0.0, 0.5, 1.0]
    assert (found["sweep"]["varied"], found["sweep"]["teacher"]) == ("shuffle_rows", "clear")
    names = ["clear", "clear, shuffle rows 0.5", "clear, shuffle rows 1"]
    assert list(audits(found)) == names
    assert (found["settings"]["shuffle_rows"], found["settings"]["noise"]) == ("0.5,0,1,0.5", None)


def test_verdict_and_outcome_change_along_the_steps(runs: dict[str, Finished]) -> None:
    found = report(runs, "shuffled")
    seen = [(one["verdict"], one["confirmation"]["outcome"]) for one in found["audits"]]
    assert seen[0] == ("pass", "helps")
    assert seen[2][0] == "fail"
    assert seen[2][1] != "helps"
    assert 0.0 < found["sweep"]["gap_crossings"]["representations"]["step"] < 1.0
    assert 0.0 < found["sweep"]["gain_crossing"]["step"] <= 1.0
    # Of as many repetitions: the student without a teacher is the same at all steps.
    baselines = {(size(one)["n_repetitions"], main(one)["baseline"]) for one in found["audits"]}
    assert len(baselines) == len({repetitions for repetitions, _ in baselines})


def test_all_steps_share_what_the_student_knows(runs: dict[str, Finished]) -> None:
    for level in ("representations", "predictions"):
        known = [
            audit["levels"][level]["estimators"]["ksg"]["student_labels"]["estimate"]
            for audit in report(runs, "shuffled")["audits"]
        ]
        assert len(set(known)) == 1


def test_the_number_of_jobs_changes_nothing(runs: dict[str, Finished]) -> None:
    one_job = audits(report(runs, "shuffled"))
    rows = list(csv.DictReader(io.StringIO(runs["shuffled csv"].stdout)))
    assert {row["step"] for row in rows} == {"0.0", "0.5", "1.0"}
    for row in rows:
        audit = one_job[row["teacher"]]
        parts = {"change": main(audit)["change"]}
        parts |= audit["levels"][row["level"]]["estimators"][row["estimator"]]
        for part in ("teacher_student", "student_labels", "gap", "verdict_interval", "change"):
            for name, value in parts[part].items():
                assert float(row[f"{part}_{name}"]) == value


def without_time(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    for one in found:
        one["confirmation"].pop("seconds")
    return found


def test_an_unchanged_teacher_has_the_audit_that_check_gives_it(
    runs: dict[str, Finished], pairs: str
) -> None:
    done = run("check", pairs, *QUICK, *COPY, "--confirm", *TRAIN, "--format", "json")
    first = report(runs, "noise")["audits"][:1]
    assert without_time(first) == without_time(parsed(done.stdout)["audits"])


def test_noise_takes_the_gap_away(runs: dict[str, Finished]) -> None:
    found = report(runs, "noise")["audits"]
    for level in ("representations", "predictions"):
        gaps = [gap(audit, level) for audit in found]
        assert gaps == sorted(gaps, reverse=True)
        assert gaps[0] > gaps[2] + 0.3


def test_own_predictions_are_not_used_for_other_columns(runs: dict[str, Finished]) -> None:
    found = report(runs, "own")
    assert [audit["teacher"] for audit in found["audits"]] == ["clear, noise 0", "clear, noise 1"]
    assert "predictions that the file has for clear are not used" in found["input"]["notes"][-1]


def test_wrong_labels_leave_the_representations_alone(runs: dict[str, Finished]) -> None:
    right, wrong = report(runs, "labels")["audits"]
    assert gap(right, "representations") == gap(wrong, "representations")
    assert size(wrong)["teacher_score"] < 0.2 < size(right)["teacher_score"]


@pytest.mark.parametrize(
    ("name", "varied", "steps", "other"),
    [
        ("weight", "weight", [0.1, 0.8], [None]),
        ("temperature", "temperature", [1.0, 4.0], [0.3, 0.5]),
    ],
)
def test_a_teacher_that_stays_is_audited_once(
    runs: dict[str, Finished], name: str, varied: str, steps: list[float], other: list[float]
) -> None:
    found = report(runs, name)
    assert (found["sweep"]["varied"], found["sweep"]["steps"]) == (varied, steps)
    assert set(found["sweep"]["gap_crossings"].values()) == {None}
    first, *rest = found["audits"]
    for one in rest:
        assert one["levels"] == first["levels"]
    for step, one in zip(steps, found["audits"], strict=True):
        assert one["teacher"].endswith(f", {varied} {step:g}")
        grid = size(one)["grid"]
        assert {cell[varied] for cell in grid} == {step}
        kept = "temperature" if varied == "weight" else "weight"
        assert [cell[kept] for cell in grid] == other


def test_the_table_ends_with_where_both_change(runs: dict[str, Finished]) -> None:
    lines = runs["shuffled table"].stdout.splitlines()
    assert any(line.startswith("Sweep: rows of clear shuffled, as a share") for line in lines)
    assert lines[-1].startswith(
        "SWEEP: with a share of 0 to 1 of the rows shuffled in clear, the gap on representations "
        "passes zero at "
    )
    assert "; KD helps at 0 and is not seen to help from 0.5 on" in lines[-1]
    assert runs["shuffled table"].stderr == ""
    assert runs["shuffled"].stderr == f"{lines[-1]}\n"


def test_names_are_those_of_the_steps(runs: dict[str, Finished]) -> None:
    names = runs["columns"].stdout.splitlines()
    assert names[1] == f"{names[0]}, drop columns 1"


def test_evidence_reads_a_sweep(runs: dict[str, Finished], tmp_path: Path) -> None:
    path = tmp_path / "sweep.json"
    path.write_text(runs["shuffled"].stdout)
    found = read_evidence([path], controls=False)
    assert [trial.teacher for trial in found.trials] == list(audits(report(runs, "shuffled")))


def test_the_figure_is_written_beside_the_report(
    runs: dict[str, Finished], tmp_path_factory: pytest.TempPathFactory
) -> None:
    pytest.importorskip("matplotlib", reason="figures need the extra cch-audit[report]")
    assert report(runs, "labels")["sweep"]["varied"] == "flip_labels"
    assert "<svg" in (tmp_path_factory.getbasetemp() / "labels.svg").read_text()


REFUSED = {
    "nothing": ([], "give one of --noise, --drop-columns, --shuffle-rows, --flip-labels and "),
    "two": (["--noise", "0,1", "--over", "weight"], "--noise, --over are given"),
    "one value": (["--noise", "1,1.0"], "--noise lists one value, and a sweep needs two or more"),
    "no number": (["--noise", "0,,1"], "--noise '0,,1': expected numbers separated by commas"),
    "empty": (["--drop-columns", ""], "--drop-columns '': expected numbers"),
    "negative": (["--noise", "-1,0"], "--noise -1: expected standard deviations from 0 to 1000"),
    "not finite": (["--noise", "0,nan"], "--noise nan: expected standard deviations"),
    "too much": (["--noise", "0,1e9"], "--noise 1e+09: expected standard deviations"),
    "no share": (["--shuffle-rows", "0,50"], "--shuffle-rows 50: expected shares from 0 to 1"),
    "one weight": (["--over", "weight", "--weight", ".5"], "--weight lists one value"),
    "over": (["--over", "seed"], "'temperature', 'weight'"),
    "ending": (["--noise", "0,1", "--plot", "a.jpg"], "use one of .png, .svg, .pdf"),
    "no ending": (["--noise", "0,1", "--plot", "png"], "use one of .png, .svg, .pdf"),
    "folder": (["--noise", "0,1", "--plot", "no/such/a.png"], "the folder"),
    "same file": (
        ["--noise", "0,1", "--plot", "a.svg", "--output", "./a.svg"],
        "give each report its own file",
    ),
    "grid": (["--noise", "0,1", "--weight", "1"], "--weight 1: it is the share"),
}


@pytest.mark.parametrize(("arguments", "said"), REFUSED.values(), ids=REFUSED)
def test_a_wrong_use_is_refused_before_the_file_is_looked_at(
    arguments: list[str], said: str, tmp_path: Path
) -> None:
    done = run("sweep", "missing.h5", *arguments, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in " ".join(done.stderr.split())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--teachers", "clear,wrong"], "2 are named (clear, wrong); name one with --teacher"),
        (["--teacher", "clear", "--over", "temperature"], "temperatures are for classes"),
    ],
)
def test_a_file_that_cannot_be_swept_is_refused(
    lessons: str, arguments: list[str], said: str
) -> None:
    steps = () if "--over" in arguments else ("--noise", "0,1")
    done = run("sweep", lessons, *QUICK, *arguments, *steps)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr


WITHOUT = "import sys; sys.modules['matplotlib'] = None\nfrom cch_audit.cli import main\nmain()"


def test_without_matplotlib_it_says_what_to_install(pairs: str) -> None:
    arguments = ("sweep", pairs, "--noise", "0,1", "--plot", "a.png")
    done = run_driver(WITHOUT, *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert "pip install 'cch-audit[report]'" in done.stderr


def test_a_refusal_loads_nothing_heavy() -> None:
    done = run_driver(LOADED, "sweep", "missing.h5", "--noise", "0,1", "--plot", "a.bmp")
    heavy = {"torch", "scipy", "sklearn", "numba", "h5py", "matplotlib"}
    assert heavy.isdisjoint(done.stderr.splitlines()[-1].split())
