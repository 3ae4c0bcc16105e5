"""`cch-audit map`: its options, its formats and its exit code."""

import json
from pathlib import Path
from typing import Any

import pytest

from cch_audit.errors import InputError
from cch_audit.results.maps import MapReport
from tests.cli.process import Finished, run, run_inside
from tests.cli.reports import parsed

QUICK = ("--estimator", "ksg", "--surrogates", "0", "--resamples", "200", "--jobs", "1")
STUDY = """
files: [{path}]
pairs: [audio->text, noise->text]
estimator: [ksg]
surrogates: 0
resamples: 200
"""
SEVERAL = ("--pairs", "audio->text", "--label-sets", "labels,second")


@pytest.fixture(scope="module")
def runs(views: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Finished]:
    folder = tmp_path_factory.mktemp("study")
    study = folder / "study.yaml"
    study.write_text(STUDY.format(path=views))
    page = str(folder / "page.html")
    commands: dict[str, tuple[str, ...]] = {
        "json": ("{views}", "--format", "json"),
        "table": ("{views}",),
        "names": ("{views}", "--format", "names", "--quiet"),
        "csv": ("{views}", "--format", "csv"),
        "junit": ("{views}", "--format", "junit"),
        "github": ("{views}", "--format", "github"),
        "html": ("{views}", "--order", "clustered", "--output", page),
        "fails": ("{views}", "--pairs", "noise->text", "--margin", "1", "--quiet"),
        "undecided": ("{views}", "--pairs", "audio->noise", "--quiet"),
        "zero": ("{views}", "--pairs", "noise->text", "--margin", "1", "--exit-zero", "-q"),
        "several": ("{views}", *SEVERAL, "--format", "names"),
        "several, csv": ("{views}", *SEVERAL, "--format", "csv"),
        "study file": ("--config", str(study), "--format", "names"),
        "dry run": ("--config", str(study), "--dry-run"),
    }
    return run_inside(
        {
            name: ("map", *QUICK, *(one.format(views=views) for one in arguments))
            for name, arguments in commands.items()
        }
    ) | {"page": Finished((), 0, Path(page).read_text(encoding="utf-8"), "")}


@pytest.fixture(scope="module")
def report(runs: dict[str, Finished]) -> dict[str, Any]:
    return parsed(runs["json"].stdout)


def test_the_json_is_the_documented_one(report: dict[str, Any]) -> None:
    assert report["kind"] == "map"
    assert len(report["matrices"][0]["audits"]) == 12
    assert "backend" not in report["settings"]


def test_exit_codes_are_those_of_rank(runs: dict[str, Finished]) -> None:
    wanted = {"json": 0, "fails": 1, "undecided": 3, "zero": 0, "dry run": 0}
    assert {name: runs[name].returncode for name in wanted} == wanted


def test_names_are_the_pairs_that_pass(runs: dict[str, Finished], report: dict[str, Any]) -> None:
    lessons = report["matrices"][0]["lessons"]
    lines = [f"{one['teacher']}\t{one['student']}" for one in lessons]
    assert runs["names"].stdout.splitlines() == lines
    assert runs["names"].stderr == ""


def test_names_of_several_matrices_say_which(runs: dict[str, Finished], views: Path) -> None:
    lines = [line.split("\t") for line in runs["several"].stdout.splitlines()]
    assert lines == [["audio", "text", str(views), labels] for labels in ("labels", "second")]
    rows = runs["several, csv"].stdout.splitlines()
    assert {row.split(",")[1] for row in rows[1:]} == {"labels", "second"}


def test_a_study_file_has_files_and_pairs(runs: dict[str, Finished]) -> None:
    assert runs["study file"].stdout == "audio\ttext\n"
    assert "noise -> text" in runs["dry run"].stdout
    assert "PASS" not in runs["dry run"].stdout


def test_the_table_has_a_matrix_and_what_follows_from_it(runs: dict[str, Finished]) -> None:
    text = runs["table"].stdout
    for title in ("Verdict and gap (nats)", "Who should teach whom", "The best teacher of each"):
        assert title in text
    assert text.rstrip().splitlines()[-1].startswith("PASS: of 12 pairs, ")


def test_a_row_of_csv_for_each_pair_level_and_estimator(runs: dict[str, Finished]) -> None:
    header, *rows = runs["csv"].stdout.splitlines()
    assert header.startswith("file,labels,teacher,student,level,")
    assert len(rows) == 24


def test_machines_get_a_case_for_each_pair(runs: dict[str, Finished]) -> None:
    assert runs["junit"].stdout.count("<testcase ") == 12
    assert runs["junit"].stdout.count("<failure ") == 0  # another pair passes
    assert sum("verdict:" in line for line in runs["github"].stdout.splitlines()) == 12


def test_the_page_draws_verdicts_and_gaps(runs: dict[str, Finished]) -> None:
    page = runs["page"].stdout
    assert page.count("<svg ") == 2
    assert "Verdicts of the criterion: rows teach, columns learn" in page
    assert "Gap (nats): rows teach, columns learn" in page


@pytest.mark.parametrize("ending", ["svg", "png", "pdf"])
def test_heat_maps_are_the_same_bytes(report: dict[str, Any], tmp_path: Path, ending: str) -> None:
    found = MapReport.from_json(json.dumps(report))
    for name in ("one", "other"):
        found.save(tmp_path / f"{name}.{ending}")
    one, other = ((tmp_path / f"{name}.{ending}").read_bytes() for name in ("one", "other"))
    assert one == other


def test_a_finished_study_is_shown_again_alone(runs: dict[str, Finished], tmp_path: Path) -> None:
    path = tmp_path / "study.json"
    path.write_text(runs["json"].stdout)
    again = run_inside({"names": ("report", str(path), "--format", "names")})
    assert again["names"].stdout == runs["names"].stdout
    with pytest.raises(InputError, match="a report of forecast or map is shown alone"):
        run_inside({"two": ("report", str(path), str(path))})


def test_wrong_uses_end_before_any_work(views: Path) -> None:
    done = run("map", str(views), "--pairs", "audio->radio")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"error: {views}: --pairs names 'radio', which is no")
    done = run("map")
    assert done.returncode == 2
    assert "none is named" in done.stderr
    done = run("rank", str(views), "--scheduler", "tcp://127.0.0.1:1")
    assert "--scheduler is of --backend dask" in done.stderr
