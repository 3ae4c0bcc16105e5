"""The library: arrays are read as files are, and reports are more than text."""

import csv
import html
import json
import math
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from dataclasses import replace
from io import StringIO
from pathlib import Path
from types import ModuleType
from typing import Any

import anndata
import h5py
import mudata
import nbclient
import nbformat
import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
import torch

import cch_audit
from cch_audit.rendering import render
from cch_audit.results import Report
from cch_audit.settings import OutputSettings
from cch_audit.settings.formats import FIGURES, FORMATS, Format
from cch_audit.simulation.verify import verify
from tests.rendering.reports import EVERY_REPORT, ranked_report

NOTEBOOK = Path(__file__).parent / "library.ipynb"
Array = npt.NDArray[Any]
QUICK: dict[str, Any] = {"estimator": "gaussian", "jobs": 1}
every_report = pytest.mark.parametrize("case", EVERY_REPORT.values(), ids=EVERY_REPORT)


@pytest.fixture(scope="module")
def arrays() -> dict[str, Array]:
    rng = np.random.default_rng(0)
    labels = rng.integers(3, size=300)
    student = np.eye(3)[labels] + rng.standard_normal((300, 3))
    teacher = student + 0.3 * rng.standard_normal((300, 3))
    return {"teacher": teacher, "student": student, "labels": labels}


@pytest.fixture
def file(arrays: dict[str, Array], tmp_path: Path) -> Path:
    path = tmp_path / "reps.h5"
    with h5py.File(path, "w") as out:
        for name, values in arrays.items():
            out[name if name == "labels" else f"representations/{name}"] = values
    return path


def same(one: Report, other: Report) -> None:
    """Insist on the same results, whatever was asked to give them."""
    assert one.audits == other.audits
    assert one.decision == other.decision
    assert one.settings == other.settings
    assert one.warnings == other.warnings
    assert replace(one.input, path="", sha256="") == replace(other.input, path="", sha256="")


def test_arrays_are_audited_as_a_file_is(arrays: dict[str, Array], file: Path) -> None:
    of_file = cch_audit.check(file, teacher="teacher", student="student", **QUICK)
    of_arrays = cch_audit.check(**arrays, **QUICK)
    same(replace(of_arrays, settings={}), replace(of_file, settings={}))
    assert of_arrays.input.path == "arrays in memory"
    assert of_arrays.command == (
        "cch_audit.check(teacher=..., student=..., labels=..., estimator='gaussian', jobs=1)"
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    "convert",
    [
        torch.tensor,
        pd.DataFrame,
        lambda x: torch.tensor(x, requires_grad=True),
        lambda x: anndata.AnnData(x).X,
        list,
    ],
    ids=["torch", "pandas", "graph", "anndata", "list"],
)
def test_other_arrays(convert: Any, arrays: dict[str, Array]) -> None:
    changed = {
        **arrays,
        "teacher": convert(arrays["teacher"]),
        "labels": pd.Series(arrays["labels"]).map({0: "a", 1: "b", 2: "c"}),
    }
    same(cch_audit.check(**changed, **QUICK), cch_audit.check(**arrays, **QUICK))


def test_groups_and_predictions(arrays: dict[str, Array]) -> None:
    found = cch_audit.check(
        **arrays,
        groups=np.repeat(["p", "q", "r", "s"] * 15, 5),
        predictions={"student": np.eye(3)[arrays["labels"]]},
        **QUICK,
    )
    assert found.input.n_groups == 4


@pytest.mark.slow
def test_annotated_data(arrays: dict[str, Array]) -> None:
    whole = anndata.AnnData(
        obs=pd.DataFrame({"kind": pd.Categorical(arrays["labels"].astype(str))}),
        obsm={"rna": arrays["teacher"], "image": arrays["student"]},
    )
    asked = {"teacher": "obsm/rna", "student": "obsm/image", "labels": "obs/kind"}
    found = cch_audit.check(whole, **asked, **QUICK)
    expected = cch_audit.check(**arrays, **QUICK)  # names decide what is resampled
    gaps = [
        one.audits[0].levels["representations"].estimators["gaussian"].gap.estimate
        for one in (found, expected)
    ]
    assert gaps[0] == gaps[1]


@pytest.mark.slow
def test_multimodal_data(arrays: dict[str, Array]) -> None:
    modalities = {
        name: anndata.AnnData(
            arrays[name],
            obs=pd.DataFrame({"kind": arrays["labels"].astype(str)}),
        )
        for name in ("teacher", "student")
    }
    found = cch_audit.check(
        mudata.MuData(modalities),
        teacher="mod/teacher/X",
        student="mod/student/X",
        labels="mod/student/obs/kind",
        **QUICK,
    )
    assert found.input.n_samples == 300


@pytest.mark.slow
def test_rows_are_read_once(arrays: dict[str, Array]) -> None:
    sample = cch_audit.load(**arrays)
    assert isinstance(sample, cch_audit.Sample)
    found, expected = cch_audit.check(sample, **QUICK), cch_audit.check(**arrays, **QUICK)
    same(replace(found, settings={}), replace(expected, settings={}))


def test_teachers_by_name_are_ranked(arrays: dict[str, Array]) -> None:
    noise = np.random.default_rng(1).standard_normal((300, 2))
    named = {"close": arrays["teacher"], "noise": noise}
    found = cch_audit.rank(**{**arrays, "teacher": named}, **QUICK)
    assert [place.teacher for place in found.ranking.teachers] == ["close", "noise"]


@pytest.mark.slow
def test_a_sweep(arrays: dict[str, Array]) -> None:
    found = cch_audit.sweep(**arrays, noise="0,4", seeds=5, epochs=5, **QUICK)
    assert found.sweep.steps == (0.0, 4.0)
    assert all(audit.confirmation is not None for audit in found.audits)


@pytest.mark.slow
def test_a_confirmation_decides(arrays: dict[str, Array]) -> None:
    found = cch_audit.confirm(**arrays, seeds=5, epochs=5, **QUICK)
    assert found.gate == "outcome"
    assert found.audits[0].confirmation is not None


def test_a_simulation_is_known(tmp_path: Path) -> None:
    drawn = cch_audit.simulate(n=200, gap=0.5)
    (levels,) = drawn.truths.values()
    assert levels["representations"].gap == pytest.approx(0.5)
    kept = cch_audit.simulate(tmp_path / "known.h5", n=200, gap=0.5)
    assert np.array_equal(kept.student, drawn.student)
    found = cch_audit.check(drawn, **QUICK)
    same(found, cch_audit.check(tmp_path / "known.h5", **QUICK))
    assert found.input.path == "simulated"


BAD: Mapping[str, tuple[dict[str, Any], str]] = {
    "rows": ({"teacher": np.zeros((5, 2))}, "5"),
    "missing": ({"student": np.full((300, 2), np.nan)}, "NaN"),
    "no array": ({"teacher": object()}, "teacher"),
    "rule": ({"rule": "allx"}, "`rule`"),
    "confidence": ({"confidence": 7}, "`confidence`: expected a number from"),
    "setting": ({"rul": "all"}, "`rul` is no setting here; the nearest one is `rule`"),
    "estimator": ({"estimator": "kgs"}, "`estimator`: expected one of"),
}


@pytest.mark.parametrize("bad", BAD)
def test_bad_input_is_refused_in_one_sentence(bad: str, arrays: dict[str, Array]) -> None:
    changed, words = BAD[bad]
    with pytest.raises(cch_audit.InputError) as caught:
        cch_audit.check(**{**arrays, **QUICK, **changed})
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "--" not in str(caught.value)
    assert "/tmp" not in str(caught.value)


def test_arrays_are_refused_with_the_sentence_of_files(
    arrays: dict[str, Array], tmp_path: Path
) -> None:
    bad = {**arrays, "student": np.full((300, 2), np.inf)}
    path = tmp_path / "bad.h5"
    with h5py.File(path, "w") as out:
        for name, values in bad.items():
            out[name if name == "labels" else f"representations/{name}"] = values
    with pytest.raises(cch_audit.InputError) as of_file:
        cch_audit.check(path, teacher="teacher", student="student")
    with pytest.raises(cch_audit.InputError) as of_arrays:
        cch_audit.check(**bad)
    assert str(of_file.value).replace(str(path), "arrays in memory") == str(of_arrays.value)


def test_nothing_is_printed(arrays: dict[str, Array], capfd: pytest.CaptureFixture[str]) -> None:
    cch_audit.check(**arrays, **QUICK)
    assert capfd.readouterr() == ("", "")


@every_report
def test_a_frame_has_what_the_csv_has(case: Report) -> None:
    frame = case.to_frame(units="bits")
    rows = list(csv.DictReader(StringIO(render(case, "csv", units="bits"))))
    assert list(frame.columns) == list(rows[0])
    assert len(frame) == len(rows)
    gaps = [float(row["gap_estimate"]) if row["gap_estimate"] else math.nan for row in rows]
    assert np.allclose(frame["gap_estimate"].astype(float), gaps, equal_nan=True)


@pytest.mark.slow
def test_every_format_is_saved(tmp_path: Path) -> None:
    case = ranked_report()
    for name, format in FORMATS.items():
        path = tmp_path / f"report{format.ending}"
        case.save(path, units="bits")
        assert path.read_text(encoding="utf-8") == case.render(name, units="bits")
    for ending in FIGURES:
        case.save(tmp_path / f"figure.{ending}")
        assert (tmp_path / f"figure.{ending}").stat().st_size > 1000
    ET.parse(tmp_path / "figure.svg")
    with pytest.raises(cch_audit.InputError, match=r"use one of \.txt, \.json"):
        case.save(tmp_path / "report.docx")
    assert not list(tmp_path.glob("*.docx"))


@pytest.mark.slow
def test_a_report_is_seen_in_a_notebook() -> None:
    case = ranked_report()
    assert str(case) == case.render()
    shown = case._repr_html_()
    assert shown.startswith("<iframe srcdoc=")
    assert shown.count("<iframe") == 1
    assert len(case.plot().axes) > 0


def test_a_notebook_without_the_extra_has_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cch_audit.rendering.find_spec", lambda package: None)
    case = ranked_report()
    assert case._repr_html_() == f"<pre>{html.escape(case.render())}</pre>"
    with pytest.raises(cch_audit.InputError, match=r"needs jinja2 and matplotlib"):
        case.save("report.html")


def test_the_record_of_a_report_is_read_back() -> None:
    found = cch_audit.check(cch_audit.simulate(n=100), **QUICK)
    assert found.origin is not None
    assert found.origin.versions["numpy"] == np.__version__
    assert Report.from_json(found.to_json()) == found
    assert found.origin.date in found.render("html")


def test_the_date_is_that_of_the_source_where_it_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "86400")
    found = cch_audit.check(cch_audit.simulate(n=100), **QUICK)
    assert found.origin is not None
    assert found.origin.date == "1970-01-02T00:00:00+00:00"


def test_arrays_to_verdict_in_ten_lines() -> None:
    example = """
import numpy as np
import cch_audit

rng = np.random.default_rng(0)
labels = rng.integers(3, size=300)
student = np.eye(3)[labels] + rng.standard_normal((300, 3))
teacher = student + 0.3 * rng.standard_normal((300, 3))
report = cch_audit.check(teacher=teacher, student=student, labels=labels, estimator="ksg")
print(report.verdict)
"""
    assert len(example.strip().splitlines()) <= 10
    done = subprocess.run(
        [sys.executable, "-c", example], capture_output=True, text=True, check=True
    )
    assert done.stdout == "pass\n"
    assert done.stderr == ""


@pytest.mark.slow
def test_a_notebook(tmp_path: Path) -> None:
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    where = {"metadata": {"path": tmp_path}}
    nbclient.NotebookClient(notebook, timeout=300, resources=where).execute()
    outputs = [one for cell in notebook.cells if cell.cell_type == "code" for one in cell.outputs]
    assert [one.output_type for one in outputs] == ["execute_result"] * 3
    verdict, page, frame = (one.data for one in outputs)
    assert verdict["text/plain"] == "'pass'"
    assert page["text/html"].startswith("<iframe srcdoc=")
    assert "gap_estimate" in frame["text/html"]


@pytest.mark.parametrize("format", [n for n, one in FORMATS.items() if one.shows != "reports"])
def test_the_replay_of_the_theorem_in_every_format(format: str) -> None:
    found = verify(200, seed=0)
    text = render(found, format, width=200)
    if format == "json":
        assert json.loads(text)["n_populations"] == 200
    for subset in (found.with_condition, found.without_condition, found.everything):
        assert f"{subset.n_criterion}" in text
        for one in subset.forecasting:
            assert (f"{one.precision:.3f}" if format != "json" else str(one.precision)) in text


def test_a_format_is_added_by_its_module_and_one_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    module = ModuleType("cch_audit.rendering.as_words")
    module.render = lambda found, look: f"{found.decision}\n"  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "cch_audit.rendering.as_words", module)
    monkeypatch.setitem(FORMATS, "words", Format("as_words", ".words", "reports"))
    case = ranked_report()
    assert case.render("words") == f"{case.decision}\n"
    case.save(tmp_path / "report.words")
    assert (tmp_path / "report.words").read_text() == f"{case.decision}\n"
    assert OutputSettings(format="words").format == "words"
    with pytest.raises(cch_audit.InputError, match=r"one of table, .*, words"):
        OutputSettings(format="word")


def test_a_forecast_of_arrays(arrays: dict[str, Array]) -> None:
    found = cch_audit.forecast(**arrays, temperature=2, weight=[0.3, 0.5], labelled_rows=60)
    (one,) = found.forecasts
    assert one.forecast.labelled_rows == 60
    assert {cell.weight for cell in one.forecast.cells} == {0.3, 0.5}
    assert Report.from_json(found.to_json()) == found
    assert set(found.to_frame()["temperature"]) == {2.0}
    with pytest.raises(cch_audit.InputError, match="no setting here"):
        cch_audit.forecast(**arrays, estimator="ksg")
