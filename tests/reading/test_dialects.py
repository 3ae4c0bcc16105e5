"""Files as other programs write them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from cch_audit.errors import InputError
from cch_audit.reading import load
from cch_audit.reading.describe import describe
from cch_audit.reading.load import load_sample
from cch_audit.sample import Sample
from cch_audit.settings import InputSettings

from .conftest import Arrays, N, Refuse, Write

NA = -(2**31)
IDS = np.array([f"c{i:03d}".encode() for i in range(N)])


def read(path: Path, **settings: Any) -> Sample:
    return load_sample(path, InputSettings(**settings))


def change(path: Path, edit: Callable[[h5py.File], None]) -> Path:
    with h5py.File(path, "a") as file:
        edit(file)
    return path


def program(path: Path, **settings: Any) -> str | None:
    return describe(path, InputSettings(**settings)).written_by.get(str(path))


def mark(*paths: str, name: str = "rhdf5-NA.OK", value: Any = 1) -> Callable[[h5py.File], None]:
    def edit(file: h5py.File) -> None:
        for path in paths:
            file[path].attrs[name] = value

    return edit


@pytest.mark.parametrize(
    ("value", "missing"),
    [
        (np.arange(N, dtype="i4") % 2, NA),
        (np.arange(N, dtype="i1") % 2, -128),
        (np.array([b"a", b"b"] * (N // 2)).astype("S2"), b"NA"),
    ],
    ids=["int32", "int8", "string"],
)
def test_missing_labels_of_r(
    arrays: Arrays, write: Write, refuse: Refuse, value: Any, missing: Any
) -> None:
    value[7:9] = missing
    path = change(write(arrays | {"labels": value}), mark("labels"))
    refuse(path, "'labels'", "missing or NaN in 2 of the 400", "row 7")
    assert program(path) == "R (rhdf5)"


def test_missing_numbers_of_r(arrays: Arrays, write: Write, refuse: Refuse) -> None:
    arrays["image"] = np.round(arrays["image"] * 100).astype("i4")
    arrays["image"][3, 0] = NA
    refuse(write(arrays), "'image'", "missing, NaN or infinite in 1 of 2,000", "row 3")
    bytes_ = np.random.default_rng(0).integers(-128, 128, (N, 5)).astype("i1")
    # Without the mark of R, -128 is a number like others.
    assert read(write(arrays | {"image": bytes_})).teachers["image"].min() == -128


def test_missing_logical_of_r(arrays: Arrays, write: Write, refuse: Refuse) -> None:
    kind = h5py.enum_dtype({"FALSE": 0, "TRUE": 1, "NA": 2}, "i1")
    path = write({name: arrays[name] for name in ("image", "text")})
    with h5py.File(path, "a") as file:
        file.create_dataset("labels", data=np.arange(N) % 3, dtype=kind)
    refuse(path, "'labels'", "missing or NaN in 133")
    assert program(path) == "R (hdf5r)"


def test_fill_values_of_netcdf(arrays: Arrays, write: Write, refuse: Refuse) -> None:
    arrays["image"][2, 1] = 1e20
    path = change(write(arrays), mark("image", name="_FillValue", value=np.float32(1e20)))
    refuse(path, "'image'", "missing, NaN or infinite in 1 of")


def column_major(arrays: Arrays) -> Arrays:
    return {name: np.atleast_2d(value.T).copy() for name, value in arrays.items()}


def test_columns_first_is_proven_by_the_labels(arrays: Arrays, write: Write) -> None:
    expected = read(write(arrays, name="plain.h5"))
    sample = read(write(column_major(arrays)), task="classification")
    np.testing.assert_array_equal(sample.teachers["image"], expected.teachers["image"])
    np.testing.assert_array_equal(sample.student, expected.student)
    np.testing.assert_array_equal(sample.labels.values, expected.labels.values)
    (note,) = sample.source.notes
    assert "Rows and columns were swapped, as the others' length shows" in note


def test_a_subsample_of_columns(arrays: Arrays, write: Write) -> None:
    expected = read(write(arrays, name="plain.h5"), max_samples=100)
    sample = read(write(column_major(arrays)), max_samples=100)
    np.testing.assert_array_equal(sample.teachers["image"], expected.teachers["image"])


def test_only_the_matrix_that_must_is_swapped(arrays: Arrays, write: Write) -> None:
    text = arrays["text"]
    sample = read(write(arrays | {"text": text.T.copy()}))
    np.testing.assert_array_equal(sample.student, text)
    assert "'image'" not in sample.source.notes[0]


def test_a_square_matrix_lies_as_the_others(arrays: Arrays, write: Write) -> None:
    square = np.random.default_rng(0).normal(size=(N, N))
    sample = read(write(column_major(arrays | {"image": square})))
    np.testing.assert_array_equal(sample.teachers["image"], square)
    sample = read(write(arrays | {"image": square}))
    np.testing.assert_array_equal(sample.teachers["image"], square)


def test_transpose(arrays: Arrays, write: Write, refuse: Refuse) -> None:
    targets = np.random.default_rng(0).normal(size=(N, 2))
    path = write(column_major(arrays | {"labels": targets}))
    refuse(path, "rows", "`transpose`")
    sample = read(path, transpose=True)
    np.testing.assert_array_equal(sample.labels.values, targets)
    assert "as --transpose says" in sample.source.notes[0]
    refuse(write(arrays), "rows", transpose=True)


def test_every_teacher_of_columns(arrays: Arrays, write: Write) -> None:
    path = write(column_major(arrays | {"audio": arrays["image"] + 1}))
    sample = load_sample(path, InputSettings(), every_teacher=True)
    assert sample.teachers["audio"].shape == (N, 5)


def matlab(path: Path, arrays: Arrays, labels: str) -> Path:
    """Write a version 7.3 file whose labels are of a class."""
    words = ["no", "yes"] * (N // 2)
    with h5py.File(path, "w", userblock_size=512) as file:
        for name in ("image", "text"):
            file[name] = arrays[name].T
            file[name].attrs["MATLAB_class"] = np.bytes_("double")
        if labels == "cell":
            made = file.create_dataset("labels", (1, N), h5py.ref_dtype)
            for i, word in enumerate(words):
                item = file.create_dataset(
                    f"#refs#/{i}", data=np.array([[ord(c)] for c in word], "u2")
                )
                item.attrs["MATLAB_class"] = np.bytes_("char")
                made[0, i] = item.ref
        elif labels == "char":
            codes = [[ord(c) for c in word.ljust(3)] for word in words]
            made = file.create_dataset("labels", data=np.array(codes, "u2").T)
        else:
            made = file.create_dataset("labels", data=np.zeros((1, 6), "u4"))
        made.attrs["MATLAB_class"] = np.bytes_(labels)
    content = path.read_bytes()
    path.write_bytes(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(512) + content[512:])
    return path


@pytest.mark.parametrize("labels", ["cell", "char"])
def test_strings_of_matlab(arrays: Arrays, tmp_path: Path, labels: str) -> None:
    path = matlab(tmp_path / "m.mat", arrays, labels)
    sample = read(path, teacher=("image",), student="text")
    assert sample.labels.class_names == ("no", "yes")
    np.testing.assert_array_equal(sample.labels.values, np.arange(N) % 2)
    np.testing.assert_array_equal(sample.student, arrays["text"])
    found = describe(path, InputSettings(teacher=("image",), student="text"))
    assert found.written_by == {str(path): "MATLAB (a version 7.3 file)"}
    assert {dataset.path for dataset in found.datasets} == {"image", "text", "labels"}


@pytest.mark.parametrize("kind", ["categorical", "string", "table"])
def test_objects_of_matlab(arrays: Arrays, tmp_path: Path, refuse: Refuse, kind: str) -> None:
    path = matlab(tmp_path / "m.mat", arrays, kind)
    refuse(path, "'labels'", f"class '{kind}'", "cellstr", teacher=("image",), student="text")


def test_cells_that_hold_no_strings(arrays: Arrays, tmp_path: Path, refuse: Refuse) -> None:
    path = matlab(tmp_path / "m.mat", arrays, "cell")
    change(path, lambda file: file["labels"].__setitem__((0, 3), file["image"].ref))
    refuse(path, "'/labels'", "cell array", "cellstr", teacher=("image",), student="text")


def test_sparse_of_matlab(arrays: Arrays, write: Write) -> None:
    path = write(arrays)
    with h5py.File(path, "a") as file:
        group = file.create_group("counts")
        group["data"], group["ir"] = np.arange(2.0 * N) + 1, np.tile(np.arange(N), 2)
        group["jc"] = np.array([0, N, 2 * N], "u8")
        group.attrs["MATLAB_sparse"] = np.uint64(N)
    sample = read(path, teacher=("counts",))
    np.testing.assert_array_equal(sample.teachers["counts"][:, 1], np.arange(N) + N + 1)


def frame(file: h5py.File, key: str, values: Any, index: Any, *, table: bool) -> None:
    """Write what pandas does for a frame of one type."""
    group = file.create_group(key)
    group.attrs["pandas_type"] = np.bytes_("frame_table" if table else "frame")
    if table:
        records = np.zeros(
            N, [("index", index.dtype), ("values_block_0", values.dtype, (values.shape[1],))]
        )
        records["index"], records["values_block_0"] = index, values
        group.create_dataset("table", data=records, chunks=(100,))
        file.create_dataset(f"{key}/_i_table/index/sorted", data=np.zeros((3, 4)))
    else:
        group["axis0"] = group["block0_items"] = np.arange(values.shape[1])
        group["axis1"], group["block0_values"] = index, values


@pytest.fixture(params=[False, True], ids=["fixed", "table"])
def store(request: Any, arrays: Arrays, tmp_path: Path) -> tuple[Path, Any]:
    """Return an HDFStore whose student and labels are in another order than the teacher."""
    order = np.random.default_rng(9).permutation(N)
    with h5py.File(tmp_path / "store.h5", "w") as file:
        frame(file, "image", arrays["image"], IDS, table=request.param)
        frame(file, "text", arrays["text"][order], IDS[order], table=request.param)
        group = file.create_group("labels")
        group.attrs["pandas_type"] = np.bytes_("series_table" if request.param else "series")
        if request.param:
            records = np.zeros(N, [("index", "S4"), ("values", "i1")])
            records["index"], records["values"] = IDS[order], (arrays["labels"] % 2)[order]
            group["table"] = records
            group["table"].attrs["values_meta"] = np.bytes_("category")
            names = np.array([(0, b"no"), (1, b"yes")], [("index", "i8"), ("values", "S3")])
            group["meta/values/meta/table"] = names
        else:
            group["index"], group["values"] = IDS[order], (arrays["labels"] % 2)[order]
    return tmp_path / "store.h5", order


def test_pandas_is_joined_by_index(store: tuple[Path, Any], arrays: Arrays) -> None:
    path, order = store
    settings = {"teacher": ("image",), "student": "text"}
    sample = read(path, **settings)
    np.testing.assert_array_equal(sample.student, arrays["text"][order])
    np.testing.assert_array_equal(sample.teachers["image"], arrays["image"][order])
    np.testing.assert_array_equal(sample.labels.values, (arrays["labels"] % 2)[order])
    assert "Rows were joined by id; 400" in sample.source.notes[0]
    found = describe(path, InputSettings(**settings))
    assert found.written_by == {str(path): "pandas (HDFStore)"}
    assert found.usable
    assert len([dataset for dataset in found.datasets if dataset.roles == ("ids",)]) == 3
    assert {d.path for d in found.datasets if d.roles == ("teacher",)} == {"image"}


def test_a_missing_category_of_pandas(store: tuple[Path, Any], refuse: Refuse) -> None:
    path, _ = store
    with h5py.File(path, "a") as file:
        if "table" not in file["labels"]:
            return
        records = file["labels/table"][()]
        records["values"][5] = -1
        file["labels/table"][...] = records
    refuse(path, "'labels'", "missing or NaN in 1", teacher=("image",), student="text")


def test_a_pandas_frame_of_several_types(arrays: Arrays, write: Write, refuse: Refuse) -> None:
    path = write(arrays)
    with h5py.File(path, "a") as file:
        frame(file, "mixed", arrays["image"], np.arange(N), table=False)
        file["mixed/block1_values"] = np.zeros((N, 1), int)
        file["mixed/block2_values"] = np.zeros(1, "u1")
        file["mixed/block2_values"].attrs["PSEUDOATOM"] = "object"
    refuse(path, "'mixed/block0_values'", "astype('float32')", teacher=("mixed",))
    refuse(path, "pickled", "format='table'", labels="mixed/block2_values")


def test_ids_of_other_rows_are_refused(
    store: tuple[Path, Any], arrays: Arrays, write: Write, refuse: Refuse
) -> None:
    path = write(arrays)
    with h5py.File(path, "a") as file:
        frame(file, "other", arrays["image"], IDS, table=False)
    refuse(path, "'other/axis1' (option `ids`)", "not audited", "leave out", ids="other/axis1")


def test_anndata_before_07(arrays: Arrays, tmp_path: Path) -> None:
    obs = np.zeros(N, [("index", "S5"), ("kind", "i1"), ("age", "f4")])
    obs["index"], obs["kind"], obs["age"] = IDS, arrays["labels"], np.arange(N)
    obsm = np.zeros(N, [("X_pca", "f4", (5,)), ("X_adt", "f8", (4,))])
    obsm["X_pca"], obsm["X_adt"] = arrays["image"], arrays["text"]
    path = tmp_path / "old.h5ad"
    with h5py.File(path, "w") as file:
        file["obs"], file["obsm"] = obs, obsm
        file["X/data"], file["X/indices"] = np.arange(1.0, N + 1), np.arange(N) % 3
        file["X/indptr"] = np.arange(N + 1)
        file["X"].attrs.update({"h5sparse_format": b"csr", "h5sparse_shape": [N, 3]})
        file["uns/kind_categories"] = [b"a", b"b", b"c", b"d"]
    settings = {"teacher": ("obsm/X_pca", "X"), "student": "obsm/X_adt", "labels": "obs/kind"}
    sample = read(path, **settings)
    np.testing.assert_array_equal(sample.teachers["obsm/X_pca"], arrays["image"])
    np.testing.assert_array_equal(sample.teachers["X"].sum(axis=1), np.arange(1, N + 1))
    assert sample.labels.class_names == ("a", "b", "c", "d")
    assert program(path, **settings) == "anndata before 0.7"
    assert read(path, **settings | {"labels": "obs/age"}).labels.kind == "continuous"


def test_loom(arrays: Arrays, write: Write) -> None:
    genes = np.random.default_rng(0).poisson(3, (30, N)).astype("f4")
    path = write(
        {"matrix": genes, "row_attrs/Gene": np.arange(30), "col_attrs/CellID": IDS}
        | {"col_attrs/kind": arrays["labels"], "col_attrs/pca": arrays["text"]},
        LOOM_SPEC_VERSION="3.0.0",
    )
    settings = {"student": "col_attrs/pca", "labels": "col_attrs/kind"}
    sample = read(path, teacher=("matrix",), **settings)
    np.testing.assert_array_equal(sample.teachers["matrix"], genes.T)
    assert program(path) == "loompy"


def test_counts_of_cell_ranger_join_by_barcode(arrays: Arrays, write: Write) -> None:
    order = np.random.default_rng(1).permutation(N)
    counts = {
        "data": np.arange(1, N + 1),
        "indices": np.arange(N) % 3,
        "indptr": np.arange(N + 1),
        "shape": [3, N],
        "barcodes": IDS,
        "features/id": np.arange(3),
    }
    teacher = write({f"matrix/{name}": value for name, value in counts.items()}, name="10x.h5")
    path = write(
        {"text": arrays["text"][order], "labels": arrays["labels"][order], "ids": IDS[order]}
    )
    sample = read(path, teacher=("matrix",), teacher_file=str(teacher))
    np.testing.assert_array_equal(sample.teachers["matrix"].sum(axis=1), order + 1)
    found = describe(path, InputSettings(teacher=("matrix",), teacher_file=str(teacher)))
    assert found.written_by == {str(teacher): "Cell Ranger (10x Genomics)"}


def bits(values: Any) -> Any:
    return (values.astype("f4").view("u4") >> 16).astype("u2")


def test_bfloat16(arrays: Arrays, write: Write, refuse: Refuse) -> None:
    sample = read(write(arrays | {"image": bits(arrays["image"]).view("V2")}))
    np.testing.assert_allclose(sample.teachers["image"], arrays["image"], rtol=2**-7)
    assert sample.source.notes[0].endswith("'image' was read as bfloat16.")
    noise = np.random.default_rng(0).integers(0, 2**16, (N, 5)).astype("u2").view("V2")
    refuse(write(arrays | {"image": noise}), "'image'", "no bfloat16", "float32")


@pytest.mark.parametrize("rectified", [False, True])
def test_bits_of_bfloat16_as_integers(
    arrays: Arrays, write: Write, refuse: Refuse, rectified: bool
) -> None:
    image = np.maximum(arrays["image"], 0) if rectified else arrays["image"]
    refuse(write(arrays | {"image": bits(image)}), "'image'", "bfloat16", "float()", "astype")


@pytest.mark.parametrize("high", [256, 4096, 2**16])
def test_other_integers_of_16_bits(arrays: Arrays, write: Write, high: int) -> None:
    values = np.random.default_rng(0).integers(0, high, (N, 5)).astype("u2")
    np.testing.assert_array_equal(read(write(arrays | {"image": values})).teachers["image"], values)


@pytest.mark.parametrize("shape", [(N, 5, 1, 1), (N, 1, 5), (1, N, 5), (1, 1, 5, N)])
def test_axes_of_length_one_are_left_out(
    arrays: Arrays, write: Write, shape: tuple[int, ...]
) -> None:
    image = arrays["image"].T if shape[-1] == N else arrays["image"]
    sample = read(write(arrays | {"image": image.reshape(shape)}))
    np.testing.assert_array_equal(sample.teachers["image"], arrays["image"])


@pytest.mark.parametrize("kind", [float, int, bool])
def test_several_labels_are_joint_classes(arrays: Arrays, write: Write, kind: type) -> None:
    code = arrays["labels"]
    path = write(arrays | {"labels": np.c_[code % 2, code // 2].astype(kind)})
    sample = read(path)
    assert sample.labels.class_names == ("00", "01", "10", "11")
    np.testing.assert_array_equal(sample.labels.values, np.array([0, 2, 1, 3])[code])
    assert any(
        "multi-label matrix" in w and "--labels labels/0" in w for w in sample.source.warnings
    )
    one = read(path, labels="labels/1", task="classification").labels
    np.testing.assert_array_equal(one.values, code // 2)
    assert read(path, task="regression").labels.kind == "continuous"


def test_several_labels_with_rare_combinations(
    arrays: Arrays, write: Write, refuse: Refuse
) -> None:
    labels = (np.random.default_rng(0).random((N, 8)) < 0.3).astype("f4")
    refuse(write(arrays | {"labels": labels}), "multi-label", "--labels labels/0", "regression")


def test_a_column_that_is_not_there(arrays: Arrays, write: Write, refuse: Refuse) -> None:
    refuse(write(arrays), "no dataset 'image/5'", labels="image/5")


def test_a_file_of_many_levels(arrays: Arrays, write: Write) -> None:
    path = write(arrays)
    with h5py.File(path, "a") as file:
        group = file
        for _ in range(3000):
            group = group.create_group("g")
        group["deep"] = arrays["image"]
    deep = "g/" * 3000 + "deep"
    assert read(path, teacher=(deep,)).teachers[deep].shape == (N, 5)
    assert describe(path, InputSettings()).datasets[0].path == deep


def test_a_path_that_is_too_long(arrays: Arrays, write: Write, refuse: Refuse) -> None:
    refuse(write(arrays), "20,001 characters", "near the root", teacher=("g/" * 10_000 + "x",))


def test_the_limit_follows_the_free_memory(
    arrays: Arrays, write: Write, refuse: Refuse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(load, "free_memory", lambda: 2 * 7_999)
    refuse(write(arrays), "limit of 7,999", "half of the free memory", "`max_bytes`")
    assert read(write(arrays), max_bytes=10**9).n_samples == N


def test_what_is_not_used_is_not_inflated(
    arrays: Arrays, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(arrays)
    with h5py.File(path, "a") as file:
        made = file.create_dataset("bomb", (2**14, 2**12), "f8", chunks=(2**14, 16))
        for start in range(0, 2**12, 16):
            made.id.write_direct_chunk((0, start), b"these bytes cannot be inflated")
    found = describe(path, InputSettings())
    assert found.usable
    (bomb,) = [dataset for dataset in found.datasets if dataset.path == "bomb"]
    assert (bomb.measured, bomb.refused, bomb.minimum) == (False, None, None)
    with pytest.raises(InputError, match="'bomb' declares 536,870,912 bytes"):
        read(path, teacher=("bomb",), max_bytes=10**8)
