"""`rank`: which teachers, in which order, with which exit code, the same however it runs."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from cch_audit.columns import COLUMNS

from .conftest import NOISE
from .process import QUICK, TRAIN, VIEWS, Finished, run, run_inside
from .reports import audits, main, parsed

NAMES = ("--format", "names", "--quiet")
CONTROLS = [
    "control: copy of body",
    "control: copy, rows shuffled",
    "control: copy, predictions mirrored",
    "control: noise",
]
RUNS = {
    "json": ("{pairs}", "--controls", "--forecast", "--format", "json"),
    "json, two jobs": (
        *("{pairs}", "--controls", "--forecast", "--format", "json", "--jobs", "2"),
    ),
    "table": ("{pairs}",),
    "table again": ("{pairs}",),
    "one that fails": ("{pairs}", "--teachers", NOISE, "--controls", *NAMES),
    "one that is undecided": ("{pairs}", "--teachers", NOISE, "--margin", "-1.3", *NAMES),
    "first": (VIEWS, "--by", "cka", "--top", "1", "--max-samples", "400"),
    "gain": ("{lessons}", *TRAIN, "--confirm", "--forecast", "--by", "gain", "--format", "json"),
    "required": ("{lessons}", *TRAIN, "--require-confirmed", "--teachers", "same,wrong", *NAMES),
}


@pytest.fixture(scope="module")
def runs(pairs: str, lessons: str) -> dict[str, Finished]:
    files = {"pairs": pairs, "lessons": lessons}
    return run_inside(
        {
            name: ("rank", *QUICK, *(argument.format(**files) for argument in arguments))
            for name, arguments in RUNS.items()
        }
    )


@pytest.fixture(scope="module")
def report(runs: dict[str, Finished]) -> dict[str, Any]:
    return parsed(runs["json"].stdout)


def test_teachers_are_all_others_in_their_order_and_controls_follow(report: dict[str, Any]) -> None:
    # The root attribute names one teacher, NOISE.
    teachers = report["ranking"]["teachers"]
    assert [place["teacher"] for place in teachers[:2]] == ["copy", NOISE]
    assert [place["rank"] for place in teachers] == [1, 2, None, None, None, None]
    assert sorted(place["teacher"] for place in teachers[2:]) == sorted(CONTROLS)
    assert list(audits(report)) == [place["teacher"] for place in teachers]
    assert (report["ranking"]["by"], report["ranking"]["records"]) == ("gap", {})


def test_every_column_of_every_teacher(report: dict[str, Any]) -> None:
    for place in report["ranking"]["teachers"]:
        assert set(place["columns"]) == set(COLUMNS)
        missing = {name for name, value in place["columns"].items() if value is None}
        assert missing == {"h_score", "gain"}
        found = audits(report)[place["teacher"]]["baselines"]
        forecast = audits(report)[place["teacher"]]["forecast"]
        assert place["columns"]["forecast"] == -forecast["estimate"]
        assert place["columns"]["cka"] == found["cka"]


def test_controls_show_what_can_be_fooled(report: dict[str, Any]) -> None:
    columns = {place["teacher"]: place["columns"] for place in report["ranking"]["teachers"]}
    copy, shuffled, mirrored, noise = (columns[name] for name in CONTROLS)
    assert copy["gap"] > columns["copy"]["gap"]
    # What is said of the labels is turned round; the gap does not see it, the forecast does.
    for name in ("representations", "predictions"):
        assert mirrored[name] == pytest.approx(columns["copy"][name], abs=0.1)
    assert mirrored["forecast"] < 0 < columns["copy"]["score"]
    assert max(shuffled["gap"], noise["gap"]) < 0


def test_one_teacher_that_passes_is_enough(runs: dict[str, Finished]) -> None:
    for name in ("json", "table", "gain"):
        assert runs[name].returncode == 0
    assert runs["table"].stdout.splitlines()[-1].startswith("PASS: 1 of 2 teachers passes;")


@pytest.mark.parametrize(
    ("name", "code"), [("one that fails", 1), ("one that is undecided", 3), ("required", 1)]
)
def test_none_passes(runs: dict[str, Finished], name: str, code: int) -> None:
    # Those of "required" pass on the gap, but training with them does not help.
    assert runs[name].returncode == code
    assert runs[name].stderr == ""


def test_controls_do_not_count(report: dict[str, Any], runs: dict[str, Finished]) -> None:
    verdicts = {name: audit["verdict"] for name, audit in audits(report).items()}
    assert verdicts["control: copy of body"] == "pass"
    # Alone, the teacher that fails decides, though its controls pass.
    done = runs["one that fails"]
    assert (done.returncode, done.stdout) == (1, f"{NOISE}\n")


def test_the_first_alone_and_a_verdict_on_all(runs: dict[str, Finished]) -> None:
    done = runs["first"]
    (title,) = (line for line in done.stdout.splitlines() if line.startswith("Ranking by"))
    assert title == "Ranking by CKA, the first 1 of 5; gaps in nats"
    assert not [line for line in done.stdout.splitlines() if line.split()[1:2] == ["fac"]]
    # Another passes, though the column puts this one first.
    assert done.stdout.splitlines()[-1] == "PASS: 1 of 5 teachers passes; first by CKA: zer."
    assert done.returncode == 0


def test_the_same_command_prints_the_same_bytes(runs: dict[str, Finished]) -> None:
    assert runs["table again"].stdout == runs["table"].stdout


def test_jobs_change_no_number(report: dict[str, Any], runs: dict[str, Finished]) -> None:
    other = parsed(runs["json, two jobs"].stdout)
    for one in (report, other):
        del one["seconds"], one["command"], one["settings"]["jobs"], one["origin"]["date"]
        for audit in one["audits"]:
            del audit["forecast"]["seconds"]
    assert other == report


def test_measured_gains_order_and_say_what_foretold_them(runs: dict[str, Finished]) -> None:
    report = parsed(runs["gain"].stdout)
    ranking = report["ranking"]
    places = [(place["teacher"], place["rank"]) for place in ranking["teachers"]]
    # What `far` says is what `clear` says, so their gains are the same.
    assert places == [("clear", 1), ("far", 1), ("same", 3), ("wrong", 4)]
    for place in ranking["teachers"]:
        found = main(audits(report)[place["teacher"]])
        assert place["columns"]["gain"] == -found["change"]["estimate"]
    assert ranking["records"]["forecast"]["kendall_tau"] > 0.8
    assert ranking["records"]["forecast"]["regret"] == pytest.approx(0.0, abs=1e-9)
    assert {"representations", "predictions", "score", "log_me", "cka"} < set(ranking["records"])


def student_alone(file: h5py.File) -> None:
    file["representations/body"] = np.random.default_rng(0).normal(size=(60, 2))
    file["labels"] = np.arange(60) % 2
    file.attrs["student"] = "body"


def nobody_named(file: h5py.File) -> None:
    student_alone(file)
    file["representations/face"] = file["representations/body"][:]
    del file.attrs["student"]


@pytest.mark.parametrize(
    ("fill", "said"),
    [
        (student_alone, "there is no representation beside the student 'body'; add teachers"),
        (nobody_named, "pass --student or set the root attribute 'student'"),
    ],
)
def test_nothing_to_choose_from(
    tmp_path: Path, fill: Callable[[h5py.File], None], said: str
) -> None:
    with h5py.File(tmp_path / "small.h5", "w") as file:
        fill(file)
    done = run("rank", "small.h5", *QUICK, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["missing.h5", "--by", "gain"], "--by gain needs the training runs; add --confirm"),
        (["missing.h5", "--by", "luck"], "'teacher_labels_given_student'"),
        (["missing.h5", "--top", "0"], "greater than or equal to 1"),
    ],
    ids=["gain", "unknown", "top"],
)
def test_a_wrong_option_is_refused_before_the_file_is_read(arguments: list[str], said: str) -> None:
    done = run("rank", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr


def test_modalities_and_a_second_file(tmp_path: Path) -> None:
    # Tables as MuData writes them: rows in another order, joined by their index.
    rng = np.random.default_rng(0)
    x = rng.normal(size=(80, 2))
    names = np.array([f"cell{i}" for i in range(80)], dtype=h5py.string_dtype())
    order = rng.permutation(80)
    with h5py.File(tmp_path / "cells.h5", "w") as file:
        for group, rows in {
            "": np.arange(80),
            "mod/rna/": np.arange(80),
            "mod/prot/": order,
        }.items():
            obs = file.create_group(f"{group}obs")
            obs["_index"] = names[rows]
            obs.attrs["_index"] = "_index"
        file["obs/kind"] = (x[:, 0] > 0).astype(int)
        file["obsm/rna"] = file["obsm/prot"] = np.ones((80, 1), dtype=bool)
        file["mod/rna/X"] = x
        file["mod/rna/obsm/X_pca"] = rng.normal(size=(80, 2))
        file["mod/prot/X"] = x[order] + 0.01 * rng.normal(size=(80, 2))
    with h5py.File(tmp_path / "images.h5", "w") as file:
        file["ids"] = names[order]
        file["near"], file["far"] = x[order], rng.normal(size=(80, 2))
    options = (*QUICK, "--student", "mod/rna/X", "--labels", "obs/kind", *NAMES)
    found = run_inside(
        {
            "modalities": ("rank", str(tmp_path / "cells.h5"), *options),
            "files": (
                *("rank", str(tmp_path / "cells.h5"), *options),
                *("--teacher-file", str(tmp_path / "images.h5")),
            ),
        }
    )
    assert found["modalities"].stdout.split() == ["mod/prot/X", "mod/rna/obsm/X_pca"]
    assert found["files"].stdout.split() == ["near", "far"]
