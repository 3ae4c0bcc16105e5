"""AnnData and MuData files, as the real packages write them."""

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import scipy.sparse

from cch_audit.errors import InputError
from cch_audit.reading.describe import describe
from cch_audit.reading.load import load_sample
from cch_audit.settings import InputSettings

from .conftest import Refuse

anndata = pytest.importorskip("anndata")
mudata = pytest.importorskip("mudata")
pandas = pytest.importorskip("pandas")

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::UserWarning")
N = 400


@pytest.fixture
def cells() -> Any:
    """Return an AnnData of 400 cells."""
    rng = np.random.default_rng(0)
    kind = np.array(["T", "B", "NK"])[np.arange(N) % 3]
    obs = pandas.DataFrame(
        {
            "cell_type": pandas.Categorical(kind, categories=["T", "B", "NK", "unused"]),
            "text": kind,
            "donor": pandas.array(np.arange(N) % 12, dtype="Int64"),
            "batch": pandas.Categorical(np.where(np.arange(N) % 2, "test", "train")),
            "age": rng.normal(size=N),
        },
        index=[f"cell{i}" for i in range(N)],
    )
    counts = scipy.sparse.csr_matrix(rng.poisson(1.0, (N, 30)).astype(np.float32))
    made = anndata.AnnData(X=counts, obs=obs)
    made.obsm["X_pca"] = rng.normal(size=(N, 6))
    made.obsm["frame"] = pandas.DataFrame({"u": rng.normal(size=N)}, index=obs.index)
    made.layers["csc"] = scipy.sparse.csc_matrix(counts)
    made.varm["PCs"] = rng.normal(size=(30, 6))
    return made


@pytest.fixture
def h5ad(cells: Any, tmp_path: Path) -> Path:
    cells.write_h5ad(tmp_path / "cells.h5ad")
    return tmp_path / "cells.h5ad"


@pytest.mark.parametrize("teacher", ["X", "layers/csc"])
def test_anndata(cells: Any, h5ad: Path, teacher: str) -> None:
    settings = InputSettings(
        teacher=(teacher,), student="obsm/X_pca", labels="obs/cell_type", groups="obs/donor"
    )
    sample = load_sample(h5ad, settings)
    np.testing.assert_array_equal(sample.teachers[teacher], cells.X.toarray())
    np.testing.assert_array_equal(sample.student, cells.obsm["X_pca"])
    assert sample.labels.class_names == ("B", "NK", "T")
    names = np.array(sample.labels.class_names)[sample.labels.values]
    assert names.tolist() == cells.obs["cell_type"].tolist()
    np.testing.assert_array_equal(sample.groups, np.arange(N) % 12)
    assert sample.source.notes == ()


def test_anndata_with_a_split(cells: Any, h5ad: Path) -> None:
    settings = InputSettings(
        teacher=("obsm/frame/u",), student="obsm/X_pca", labels="obs/age", split="obs/batch"
    )
    sample = load_sample(h5ad, settings)
    np.testing.assert_array_equal(sample.student, cells.obsm["X_pca"][1::2])
    np.testing.assert_array_equal(sample.labels.values[:, 0], cells.obs["age"][1::2])


def test_subsample_of_sparse(cells: Any, h5ad: Path) -> None:
    settings = InputSettings(
        teacher=("X", "layers/csc"), student="obsm/X_pca", labels="obs/text", max_samples=120
    )
    sample = load_sample(h5ad, settings)
    rows = [int(np.flatnonzero(cells.obsm["X_pca"][:, 0] == v)[0]) for v in sample.student[:, 0]]
    np.testing.assert_array_equal(sample.teachers["X"], cells.X.toarray()[rows])
    np.testing.assert_array_equal(sample.teachers["layers/csc"], cells.X.toarray()[rows])


def test_rows_of_variables_are_refused(h5ad: Path, refuse: Refuse) -> None:
    settings = {"student": "obsm/X_pca", "labels": "obs/text"}
    refuse(h5ad, "'varm/PCs'", "one row for each variable", teacher=("varm/PCs",), **settings)
    refuse(h5ad, "'obsm/frame' is a group", "'obsm/frame/u'", teacher=("obsm/frame",), **settings)


def test_candidates_are_listed(h5ad: Path, refuse: Refuse) -> None:
    refuse(h5ad, "'X'", "'layers/csc'", "'obsm/X_pca'", labels="obs/text")


@pytest.fixture
def pair(cells: Any) -> Any:
    """Return a MuData of two modalities with different cells in different order."""
    order = np.random.default_rng(1).permutation(N)[:-40]
    other = anndata.AnnData(
        X=np.random.default_rng(2).normal(size=(N - 40, 4)),
        obs=pandas.DataFrame(index=cells.obs_names[order]),
    )
    return mudata.MuData({"rna": cells, "protein": other})


SETTINGS = InputSettings(
    teacher=("mod/protein/X",), student="mod/rna/obsm/X_pca", labels="mod/rna/obs/cell_type"
)


def test_mudata_is_joined_by_index(cells: Any, pair: Any, tmp_path: Path) -> None:
    pair.write(tmp_path / "pair.h5mu")
    sample = load_sample(tmp_path / "pair.h5mu", SETTINGS)
    shared = [name for name in cells.obs_names if name in set(pair["protein"].obs_names)]
    np.testing.assert_array_equal(sample.student, cells[shared].obsm["X_pca"])
    np.testing.assert_array_equal(sample.teachers["mod/protein/X"], pair["protein"][shared].X)
    names = np.array(sample.labels.class_names)[sample.labels.values]
    assert names.tolist() == cells[shared].obs["cell_type"].tolist()
    (note,) = sample.source.notes
    assert "360 are in all of" in note
    assert "'mod/rna/obs/_index' (400 rows, 40 left out)" in note


def test_same_length_in_another_order(cells: Any, tmp_path: Path) -> None:
    turned = anndata.AnnData(
        X=cells.obsm["X_pca"][::-1].copy(), obs=pandas.DataFrame(index=cells.obs_names[::-1])
    )
    mudata.MuData({"rna": cells, "protein": turned}).write(tmp_path / "pair.h5mu")
    sample = load_sample(tmp_path / "pair.h5mu", SETTINGS)
    np.testing.assert_array_equal(sample.teachers["mod/protein/X"], sample.student)


def test_joint_labels_of_mudata(cells: Any, pair: Any, tmp_path: Path) -> None:
    pair.obs["kind"] = [f"k{int(name[4:]) % 2}" for name in pair.obs_names]
    pair.write(tmp_path / "pair.h5mu")
    settings = InputSettings(
        teacher=("mod/protein/X",), student="mod/rna/obsm/X_pca", labels="obs/kind"
    )
    sample = load_sample(tmp_path / "pair.h5mu", settings)
    position = {value: i for i, value in enumerate(cells.obsm["X_pca"][:, 0])}
    expected = [position[value] % 2 for value in sample.student[:, 0]]
    np.testing.assert_array_equal(sample.labels.values, expected)


def test_modality_without_an_index(pair: Any, tmp_path: Path, refuse: Refuse) -> None:
    pair.write(tmp_path / "pair.h5mu")
    with h5py.File(tmp_path / "pair.h5mu", "a") as file:
        del file["mod/protein/obs"].attrs["_index"]
    with pytest.raises(InputError, match=r"'mod/protein/X'.*no ids.*'_index' to 'mod/protein/obs'"):
        load_sample(tmp_path / "pair.h5mu", SETTINGS)


def test_repeated_names_of_cells(cells: Any, pair: Any, tmp_path: Path) -> None:
    pair.write(tmp_path / "pair.h5mu")
    with h5py.File(tmp_path / "pair.h5mu", "a") as file:
        file["mod/rna/obs/_index"][1] = "cell0"
    with pytest.raises(InputError, match="repeats an earlier id in 1 of 400"):
        load_sample(tmp_path / "pair.h5mu", SETTINGS)


def test_anndata_and_plain_file(cells: Any, h5ad: Path, tmp_path: Path) -> None:
    with h5py.File(tmp_path / "image.h5", "w") as file:
        file["image"] = cells.obsm["X_pca"][::-1] * 2
        file["ids"] = [f"cell{i}" for i in range(N)][::-1]
    settings = InputSettings(
        teacher=("image",),
        teacher_file=str(tmp_path / "image.h5"),
        student="obsm/X_pca",
        labels="obs/cell_type",
    )
    sample = load_sample(h5ad, settings)
    np.testing.assert_array_equal(sample.teachers["image"], sample.student * 2)


def every_teacher(path: Path, **settings: Any) -> list[str]:
    """Return the teachers among which a choice is made when none is named."""
    return list(load_sample(path, InputSettings(**settings), every_teacher=True).teachers)


def test_every_other_representation_of_cells(cells: Any, tmp_path: Path) -> None:
    # What has other rows is passed over, and so is what says which cells are near each other.
    cells.raw = cells
    cells.obsp["distances"] = scipy.sparse.eye(N, format="csr")
    cells.varp["correlations"] = np.eye(30)
    cells.uns["spectrum"] = np.eye(7)
    cells.write_h5ad(tmp_path / "cells.h5ad")
    with h5py.File(tmp_path / "cells.h5ad", "a") as file:
        file["extra"] = np.random.default_rng(0).normal(size=(N, 2))
    found = every_teacher(tmp_path / "cells.h5ad", student="obsm/X_pca", labels="obs/text")
    assert found == ["X", "layers/csc", "raw/X"]


def test_every_other_representation_of_two_modalities(pair: Any, tmp_path: Path) -> None:
    # MuData keeps in its own obsm which cells a modality has.
    pair.obsm["factors"] = np.random.default_rng(0).normal(size=(pair.n_obs, 3))
    pair["rna"].uns["spectrum"] = np.eye(7)
    pair.write(tmp_path / "pair.h5mu")
    settings = {"student": "mod/protein/X", "labels": "mod/rna/obs/text"}
    found = every_teacher(tmp_path / "pair.h5mu", **settings)
    expected = {"obsm/factors", "mod/rna/X", "mod/rna/layers/csc", "mod/rna/obsm/X_pca"}
    assert set(found) == expected


@pytest.mark.parametrize("table_teaches", [False, True])
def test_every_representation_of_a_file_of_another_kind(
    h5ad: Path, tmp_path: Path, table_teaches: bool
) -> None:
    plain = tmp_path / "image.h5"
    with h5py.File(plain, "w") as file:
        file["image"] = np.random.default_rng(0).normal(size=(N, 2))
        file["labels"] = np.arange(N) % 2
        file["ids"] = [f"cell{i}" for i in range(N)]
    if table_teaches:
        found = every_teacher(plain, student="image", teacher_file=str(h5ad))
        assert found == ["X", "layers/csc", "obsm/X_pca"]
    else:
        settings = {"student": "obsm/X_pca", "labels": "obs/text", "teacher_file": str(plain)}
        assert every_teacher(h5ad, **settings) == ["image"]


def test_plain_dataset_in_anndata_needs_ids(h5ad: Path, refuse: Refuse) -> None:
    with h5py.File(h5ad, "a") as file:
        file["extra"] = np.random.default_rng(0).normal(size=(N, 2))
    settings = {"student": "obsm/X_pca", "labels": "obs/text"}
    refuse(h5ad, "'extra'", "no ids", "add a dataset 'ids'", teacher=("extra",), **settings)


def test_missing_categories(cells: Any, tmp_path: Path, refuse: Refuse) -> None:
    cells.obs.loc["cell7", "cell_type"] = None
    cells.write_h5ad(tmp_path / "gap.h5ad")
    words = ("'obs/cell_type'", "missing or NaN in 1 of the 400", "row 7")
    settings = {"teacher": ("X",), "student": "obsm/X_pca"}
    refuse(tmp_path / "gap.h5ad", *words, labels="obs/cell_type", **settings)


def test_description(h5ad: Path) -> None:
    settings = InputSettings(teacher=("X",), student="obsm/X_pca", labels="obs/cell_type")
    found = describe(h5ad, settings)
    assert found.usable
    datasets = {dataset.path: dataset for dataset in found.datasets}
    assert datasets["X"].storage == "sparse"
    assert datasets["X"].shape == (N, 30)
    assert datasets["obs/cell_type"].storage == "categorical"
    assert datasets["obs/cell_type"].classes == {"B": 133, "NK": 133, "T": 134}
    assert datasets["obs/donor"].storage == "nullable"
    assert datasets["obs/_index"].roles == ("ids",)
    assert datasets["layers/csc"].why == "could be a representation"
