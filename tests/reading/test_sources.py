"""Sources of every kind, written by their own libraries, packed and used directly."""

import json
import pickle
import tracemalloc
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import anndata
import h5py
import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pytest
import torch
import zarr
from pyarrow import parquet
from safetensors.numpy import save_file
from safetensors.torch import save_file as save_tensors

import cch_audit
from cch_audit.errors import InputError
from cch_audit.reading import containers, pack
from cch_audit.reading.containers import Rows
from tests.hostile.sources import bomb

N = 240
Array = npt.NDArray[Any]
Write = Callable[[Path, Array], None]
QUICK: dict[str, Any] = {"estimator": "gaussian", "jobs": 1, "surrogates": 0, "resamples": 200}


def frame(x: Array) -> pd.DataFrame:
    return pd.DataFrame(x, columns=[f"c{i}" for i in range(x.shape[1])])


def into_zarr(version: Any) -> Write:
    def write(path: Path, x: Array) -> None:
        group = zarr.open_group(path, mode="w", zarr_format=version)
        array = group.create_array("reps/x", shape=x.shape, chunks=(64, 2), dtype=x.dtype)
        array[:] = x

    return write


def into_hdf5(path: Path, x: Array) -> None:
    with h5py.File(path, "w") as file:
        file.create_dataset("reps/x", data=x, chunks=(64, 2))


def into_lists(path: Path, x: Array) -> None:
    parquet.write_table(pa.table({"x": list(x)}), path)


KINDS: Mapping[str, tuple[str, Write]] = {
    "npy": ("x.npy", np.save),
    "npz": ("x.npz:x", lambda path, x: np.savez(path, x=x, y=x[:5])),
    "pt": ("x.pt", lambda path, x: torch.save(torch.tensor(x), path)),
    "dict of pt": ("x.pth:x", lambda path, x: torch.save({"x": torch.tensor(x), "n": 1}, path)),
    "old pt": (
        "old.pt",
        lambda path, x: torch.save(torch.tensor(x), path, _use_new_zipfile_serialization=False),
    ),
    "safetensors": ("x.safetensors:x", lambda path, x: save_file({"x": x}, path)),
    "csv": ("x.csv", lambda path, x: frame(x).to_csv(path, index=False)),
    "csv with an index": ("i.csv", lambda path, x: frame(x).to_csv(path)),
    "tsv": ("x.tsv", lambda path, x: frame(x).to_csv(path, index=False, sep="\t")),
    "parquet": ("x.parquet", lambda path, x: frame(x).to_parquet(path)),
    "lists": ("l.parquet:x", into_lists),
    "zarr 2": ("x.zarr:reps/x", into_zarr(2)),
    "zarr 3": ("x3.zarr:reps/x", into_zarr(3)),
    "hdf5": ("x.h5:reps/x", into_hdf5),
    "h5ad": ("x.h5ad:obsm/x", lambda path, x: anndata.AnnData(obsm={"x": x}).write_h5ad(path)),
    "sparse": (
        "s.h5ad:X",
        lambda path, x: anndata.AnnData(pd.DataFrame(x).astype(pd.SparseDtype("float", 0.0)).sparse
        .to_coo().tocsr()).write_h5ad(path),
    ),
}  # fmt: skip


@pytest.fixture
def x() -> Array:
    return np.random.default_rng(0).standard_normal((N, 3))


@pytest.fixture
def folder(tmp_path: Path, x: Array, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of a teacher, a student and labels, where the test runs."""
    rng = np.random.default_rng(1)
    labels = rng.integers(3, size=N)
    np.save(tmp_path / "text.npy", x + np.eye(3)[labels])
    np.save(tmp_path / "audio.npy", x + 0.3 * rng.standard_normal((N, 3)))
    table = {"id": [f"r{i:03d}" for i in range(N)], "label": labels, "speaker": np.arange(N) % 24}
    pd.DataFrame(table).to_csv(tmp_path / "y.csv", index=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def stored(path: str, name: str) -> Any:
    with h5py.File(path) as file:
        return file[name][()]


def refused(*words: str, out: str = "out.h5", **sources: Any) -> str:
    """Expect one sentence with some words, and no file; return the sentence."""
    with pytest.raises(InputError) as caught:
        cch_audit.pack(out, **sources)
    said = str(caught.value)
    for word in words:
        assert word in said, said
    assert "\n" not in said
    assert len(said) < 700
    assert not [one for one in Path().iterdir() if out in one.name]
    return said


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_read_as_it_was_written(kind: str, folder: Path, x: Array) -> None:
    source, write = KINDS[kind]
    write(folder / source.partition(":")[0], x)
    packed = cch_audit.pack("out.h5", x=source)
    assert packed.arrays[0].shape == (N, 3)
    assert packed.arrays[0].where.startswith(source.partition(":")[0])
    assert np.array_equal(stored("out.h5", "representations/x"), x)


@pytest.mark.parametrize("kind", KINDS)
def test_direct_use_reads_what_pack_writes(kind: str, folder: Path, x: Array) -> None:
    source, write = KINDS[kind]
    write(folder / source.partition(":")[0], x)
    cch_audit.pack(
        "out.h5", x=source, audio="audio.npy", labels="y.csv:label", teacher="x", student="audio"
    )
    of_file = cch_audit.load("out.h5")
    direct = cch_audit.load(teacher=f"x={source}", student="audio.npy", labels="y.csv:label")
    assert np.array_equal(direct.teachers["x"], of_file.teachers["x"])
    assert np.array_equal(direct.student, of_file.student)
    assert np.array_equal(direct.labels.values, of_file.labels.values)
    assert direct.source.sha256 == of_file.source.sha256
    assert direct.source.path == f"{source}, audio.npy, y.csv:label"


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["npy", "csv", "parquet", "zarr 3", "h5ad", "pt"])
def test_direct_use_gives_the_numbers_of_pack_and_check(kind: str, folder: Path, x: Array) -> None:
    source, write = KINDS[kind]
    write(folder / source.partition(":")[0], x)
    roles = {"labels": "y.csv:label", "groups": "y.csv:speaker"}
    cch_audit.pack("out.h5", x=source, audio="audio.npy", teacher="x", student="audio", **roles)
    of_file = cch_audit.check("out.h5", **QUICK)
    direct = cch_audit.check(teacher=f"x={source}", student="audio.npy", **roles, **QUICK)
    assert direct.audits == of_file.audits
    assert direct.input.sha256 == of_file.input.sha256
    assert direct.input.path == f"{source}, audio.npy, y.csv:label, y.csv:speaker"
    assert direct.settings["teacher"] == (f"x={source}",)


def test_paths_and_names_from_python(folder: Path) -> None:
    roles: dict[str, Any] = {"student": Path("audio.npy"), "labels": "y.csv:label"}
    given: list[Any] = [
        "text.npy",
        Path("text.npy"),
        {"words": Path("text.npy")},
        ["text.npy", "copy=audio.npy"],
        [Path("text.npy")],
    ]
    found = [tuple(cch_audit.load(teacher=teacher, **roles).teachers) for teacher in given]
    assert found == [("text",), ("text",), ("words",), ("text", "copy"), ("text",)]


def test_the_packed_file_needs_no_option_and_is_the_same_every_time(folder: Path) -> None:
    asked = {"text": "text.npy", "audio": "audio.npy", "labels": "y.csv:label", "ids": "y.csv:id"}
    for out in ("a.h5", "b.h5"):
        cch_audit.pack(out, teacher="text", student="audio", **asked)
    assert Path("a.h5").read_bytes() == Path("b.h5").read_bytes()
    with h5py.File("a.h5") as file:
        assert dict(file.attrs) == {"teacher": "text", "student": "audio", "labels": "labels"}
    assert cch_audit.load("a.h5").student_name == "audio"


def test_rows_are_joined_by_ids_in_every_kind_of_file(folder: Path, x: Array) -> None:
    order = np.random.default_rng(2).permutation(N)[:-10]
    ids = [f"r{i:03d}" for i in order]
    frame(x[order]).assign(id=ids).to_parquet("t.parquet")
    np.savez("t.npz", x=x[order], id=np.array(ids))
    torch.save({"x": torch.tensor(x[order]), "id": ids}, "t.pt")
    with h5py.File("t.h5", "w") as file:
        file["x"], file["id"] = x[order], ids
    table = pd.DataFrame(index=pd.Index(ids, name="cell"))
    anndata.AnnData(obs=table, obsm={"x": x[order]}).write_h5ad("t.h5ad")
    anndata.AnnData(obs=table, obsm={"x": x[order]}).write_zarr("t.zarr")
    np.save("plain.npy", x)
    packed = cch_audit.pack(
        "out.h5",
        a="t.parquet", b="t.npz:x", c="t.pt:x", d="t.h5:x", e="t.h5ad:obsm/x", f="t.zarr:obsm/x",
        plain="plain.npy", labels="y.csv:label", ids="y.csv:id",
    )  # fmt: skip
    kept = np.sort(order)
    for name in "abcdef":
        assert np.array_equal(stored("out.h5", f"representations/{name}"), x[kept])
    assert np.array_equal(stored("out.h5", "representations/plain"), x[kept])
    assert stored("out.h5", "ids").astype(str).tolist() == [f"r{i:03d}" for i in kept]
    note, columns = packed.notes
    assert "230 are in all of: y.csv: column 'id' (240 rows, 10 left out); t.parquet" in note
    assert note.endswith("; paired by position with y.csv: column 'id': plain.npy.")
    assert columns == "t.parquet: columns left out: 'id' (named as the ids)."


def test_tables_of_cells_are_joined_by_their_index(folder: Path, x: Array) -> None:
    names = [f"cell{i}" for i in range(N)]
    order = np.arange(N)[::-1]
    kinds = pd.Categorical(np.arange(N) % 3)
    obs = pd.DataFrame({"kind": kinds}, index=names)
    anndata.AnnData(obs=obs, obsm={"x": x}).write_h5ad("a.h5ad")
    anndata.AnnData(obs=obs.iloc[order], obsm={"x": x[order]}).write_h5ad("b.h5ad")
    anndata.AnnData(obs=obs.iloc[order]).write_zarr("c.zarr")
    cch_audit.pack("out.h5", a="a.h5ad:obsm/x", b="b.h5ad:obsm/x", labels="c.zarr:obs/kind")
    assert np.array_equal(stored("out.h5", "representations/b"), x)
    assert stored("out.h5", "labels").astype(str).tolist() == [str(i % 3) for i in range(N)]


def test_ids_that_look_like_numbers_keep_their_zeros(folder: Path, x: Array) -> None:
    ids = [f"{i:04d}" for i in range(N)]
    pd.DataFrame({"id": ids, "label": np.arange(N) % 2}).to_csv("z.csv", index=False)
    np.savez("z.npz", x=x, id=np.array(ids))
    cch_audit.pack("out.h5", x="z.npz:x", labels="z.csv:label", ids="z.csv:id")
    assert stored("out.h5", "ids").astype(str).tolist() == ids


def test_columns_with_a_role_are_no_features(folder: Path, x: Array) -> None:
    table = frame(x).assign(label=np.arange(N) % 2, id=np.arange(N), name="text")
    table.to_csv("t.csv", index=False)
    packed = cch_audit.pack("out.h5", t="t.csv", labels="t.csv:label", ids="t.csv:id")
    assert packed.arrays[0].shape == (N, 3)
    assert "without 'label', 'id', 'name'" in packed.arrays[0].note


def test_types_that_numpy_lacks(folder: Path, x: Array) -> None:
    tensor = torch.tensor(x).bfloat16()
    torch.save(tensor, "b.pt")
    save_tensors({"x": tensor}, "b.safetensors")
    cch_audit.pack("out.h5", a="b.pt", b="b.safetensors")
    for name in "ab":
        assert np.array_equal(stored("out.h5", f"representations/{name}"), tensor.float().numpy())


def test_text_with_a_mark_quotes_and_newlines(folder: Path) -> None:
    rows = "".join(f'"a\nb{i % 2}",{i}\n' for i in range(N))
    Path("q.csv").write_text(f"\ufefflabel,v\n{rows}", encoding="utf-8")
    cch_audit.pack("out.h5", t="text.npy", labels="q.csv:label")
    assert set(stored("out.h5", "labels").astype(str)) == {"a\nb0", "a\nb1"}


def test_missing_labels_are_refused_with_the_name_of_the_source(folder: Path) -> None:
    rows = "".join(f"{'' if i == 9 else i % 2}\n" for i in range(N))
    Path("gap.csv").write_text("label,\n" + rows.replace("\n", ",\n"))
    with pytest.raises(InputError) as caught:
        cch_audit.check(teacher="text.npy", student="audio.npy", labels="gap.csv:label")
    assert str(caught.value).startswith("gap.csv: column 'label' is missing or NaN in 1 of the 240")


def test_warnings_and_refusals_name_the_source(folder: Path, x: Array) -> None:
    np.save("constant.npy", np.ones((N, 2)))
    with pytest.raises(InputError) as caught:
        cch_audit.check(teacher="text.npy", student="constant.npy", labels="y.csv:label")
    assert "constant.npy" in str(caught.value)
    assert "packed.h5" not in str(caught.value)
    twice = cch_audit.load(teacher="text.npy", student="same=text.npy", labels="y.csv:label")
    assert any("text.npy" in warning for warning in twice.source.warnings)
    assert not any("packed.h5" in text for text in (*twice.source.warnings, *twice.source.notes))


@pytest.mark.parametrize("kind", ["npy", "zarr", "h5"])
def test_large_arrays_are_copied_with_flat_memory(
    kind: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(containers, "BLOCK_BYTES", 2**18)
    large = np.random.default_rng(0).standard_normal((20_000, 50))
    source = f"large.{kind}"
    if kind == "npy":
        np.save(source, large)
    elif kind == "zarr":
        zarr.open_array(source, mode="w", shape=large.shape, chunks=(500, 50), dtype="f8")[:] = (
            large
        )
    else:
        with h5py.File(source, "w") as file:
            file.create_dataset("x", data=large, chunks=(500, 50))
    cch_audit.pack("first.h5", x="text.npy")  # what is imported is no memory of the copy
    tracemalloc.start()
    cch_audit.pack("out.h5", large=source)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert np.array_equal(stored("out.h5", "representations/large"), large)
    assert peak < large.nbytes / 2


class Evil:
    def __reduce__(self) -> Any:
        return (Path.touch, (Path("run"),))


def objects(path: Path) -> None:
    np.save(path, np.array([Evil()] * N, dtype=object), allow_pickle=True)


def object_archive(path: Path) -> None:
    np.savez(path, a=np.array([Evil()], dtype=object))


def pickling_zarr(path: Path) -> None:
    array = zarr.open_array(path, mode="w", shape=(N, 3), dtype="f8", zarr_format=2)
    array[:] = 1
    held = json.loads((path / ".zarray").read_text())
    (path / ".zarray").write_text(json.dumps({**held, "filters": [{"id": "pickle"}]}))


def huge_zarr(path: Path) -> None:
    zarr.open_array(path, mode="w", shape=(10**9, 10**6), chunks=(1, 10), dtype="f8")[0, :10] = 1


def unwritten_zarr(path: Path) -> None:
    zarr.open_array(path, mode="w", shape=(N, 3), dtype="f8")


def cut_zarr(path: Path) -> None:
    zarr.open_array(path, mode="w", shape=(N, 3), chunks=(N, 3), dtype="f8")[:] = 1
    chunk = path / "c" / "0" / "0"
    chunk.write_bytes(chunk.read_bytes()[:10])


def cut(write: Callable[[Path], Any]) -> Callable[[Path], None]:
    def build(path: Path) -> None:
        write(path)
        content = path.read_bytes()
        path.write_bytes(content[: len(content) // 2])

    return build


def text(content: str | bytes) -> Callable[[Path], Any]:
    return lambda path: path.write_bytes(content.encode() if isinstance(content, str) else content)


X = np.random.default_rng(0).standard_normal((N, 3))
HOSTILE: Mapping[str, tuple[str, Callable[[Path], Any], str]] = {
    "pickled npy": ("x.npy", objects, "Python objects, which could run code and are never loaded"),
    "pickled npz": ("x.npz", object_archive, "Python objects"),
    "pickled pt": ("x.pt", lambda p: torch.save({"x": Evil()}, p), "save the tensor alone"),
    "model": ("x.pt", lambda p: torch.save(torch.nn.Linear(2, 2), p), "save the tensor alone"),
    "plain pickle": ("x.pt", lambda p: p.write_bytes(pickle.dumps(Evil())), "x.pt"),
    "pickling zarr": ("x.zarr", pickling_zarr, "unpickles Python objects"),
    "cut npy": ("x.npy", cut(lambda p: np.save(p, X)), "only partly written"),
    "cut npz": ("x.npz", cut(lambda p: np.savez(p, x=X)), "only partly written"),
    "cut pt": ("x.pt", cut(lambda p: torch.save(torch.tensor(X), p)), "only partly written"),
    "cut safetensors": (
        "x.safetensors", cut(lambda p: save_file({"x": X}, p)), "only partly written",
    ),
    "cut parquet": ("x.parquet", cut(lambda p: frame(X).to_parquet(p)), "only partly written"),
    "cut zarr": ("x.zarr", cut_zarr, "only partly written"),
    "cut h5": ("x.h5", cut(lambda p: into_hdf5(p, X)), "truncated"),
    "cut csv": ("x.csv", text('a,b\n1,"2'), "a quotation mark is not closed"),
    **{
        f"empty {ending}": (f"x.{ending}", text(""), f"x.{ending}: is empty (0 bytes)")
        for ending in ("npy", "npz", "pt", "safetensors", "parquet", "csv", "h5")
    },
    "bomb npz": ("x.npz", bomb, "more than the limit of"),
    "bomb pt": ("x.pt", lambda p: torch.save(torch.zeros(1).expand(10**9, 10**6), p), "the limit"),
    "huge zarr": ("x.zarr", huge_zarr, "more than the limit of"),
    "unwritten zarr": ("x.zarr", unwritten_zarr, "was created but never written"),
    "no zarr": ("x.zarr", lambda p: p.mkdir(), "holds no array of zarr"),
    "folder": ("x.npy", lambda p: p.mkdir(), "x.npy: is a folder"),
    "ending": ("x.txt", text("1"), "ends in .txt, which is no source"),
    "three axes": ("x.npy", lambda p: np.save(p, np.zeros((N, 3, 4))), "x.reshape(len(x), -1)"),
    "NaN": ("x.npy", lambda p: np.save(p, np.where(X[7, 1] == X, np.nan, X)), "first in row 7;"),
    "complex": ("x.npy", lambda p: np.save(p, X + 1j), "is of type complex128"),
    "text": ("x.npy", lambda p: np.save(p, X.astype(str)), "must hold numbers"),
    "single": ("x.npy", lambda p: np.save(p, np.float64(1)), "is a single value"),
    "no rows": ("x.npy", lambda p: np.save(p, X[:0]), "is empty, its shape is (0, 3)"),
    "short": ("x.npy", lambda p: np.save(p, X[:9]), "audio.npy has 240 rows but x.npy has 9"),
    "columns first": ("x.npy", lambda p: np.save(p, X.T), "save x.T"),
    "link": ("x.npy", lambda p: p.symlink_to(p), "x.npy: cannot be opened (Too many levels"),
    "linked folder": ("x.zarr", lambda p: p.symlink_to(p), "x.zarr: cannot be opened (Too many"),
    "ragged": ("x.csv", text("a,b\n1,2\n3\n"), "as many values in each row"),
    "long rows": ("x.csv", text("a,b\n1,2,3\n"), "as many values in each row"),
    "semicolons": ("x.csv", text("a;b\n1;2\n"), "with commas between columns"),
    "UTF-16": ("x.csv", text("a,b\n1,2\n".encode("utf-16")), "save it again as UTF-8"),
    "Latin-1": ("x.csv", text(b"a,b\n1,\xe9\n"), "save it again as UTF-8"),
    "same names": ("x.csv", text("a,a\n1,2\n"), "several columns have the name 'a'"),
    "no names": ("x.csv", text("0.5,1.5\n1,2\n"), "add a line of names"),
    "words": ("x.csv", text("a,b\nx,y\n"), "no column of numbers"),
}  # fmt: skip


@pytest.mark.parametrize("case", HOSTILE)
def test_what_is_hostile_is_refused_in_one_sentence(case: str, folder: Path) -> None:
    source, build, said = HOSTILE[case]
    build(folder / source)
    refused(said, "x.", x=source, audio="audio.npy")
    assert not (folder / "run").exists()


@pytest.mark.parametrize("kind", ["npz", "dict of pt", "safetensors", "csv", "zarr 3", "hdf5"])
def test_the_nearest_name_is_said(kind: str, folder: Path, x: Array) -> None:
    source, write = KINDS[kind]
    path, _, name = source.partition(":")
    write(folder / path, x)
    near = name or "c0"
    refused(f"{near}_'", "did you mean", f"{near!r}", x=f"{path}:{near}_")


def test_names_are_refused(folder: Path) -> None:
    Path("other").mkdir()
    np.save("other/text.npy", X)
    with pytest.raises(InputError, match="would both be named 'text'; give one a name of its own"):
        cch_audit.check(teacher="text.npy", student="other/text.npy", labels="y.csv:label")
    with pytest.raises(InputError, match="cannot name a representation"):
        cch_audit.pack("out.h5", **{"a/b": "text.npy"})
    refused("`teacher` 'txt' is the name of no representation", text="text.npy", teacher="txt")
    np.savez("both.npz", text=X, audio=X)
    roles = {"student": "both.npz:audio", "labels": "y.csv:label"}
    assert list(cch_audit.load(teacher="both.npz:text", **roles).teachers) == ["text"]


def test_a_name_with_an_equals_sign_or_a_colon_is_found(folder: Path) -> None:
    np.save("lr=0.1:b.npy", X)
    cch_audit.pack("out.h5", x="lr=0.1:b.npy")
    assert np.array_equal(stored("out.h5", "representations/x"), X)
    found = cch_audit.load(teacher="lr=0.1:b.npy", student="audio.npy", labels="y.csv:label")
    assert list(found.teachers) == ["lr=0.1:b"]


def test_repeated_and_foreign_ids_are_refused(folder: Path) -> None:
    frame(X).assign(id=[f"r{i // 2:03d}" for i in range(N)]).to_csv("twice.csv", index=False)
    frame(X).assign(id=[f"z{i}" for i in range(N)]).to_csv("other.csv", index=False)
    refused("twice.csv: column 'id' repeats an earlier id in 120 of 240 rows", x="twice.csv",
            ids="y.csv:id")  # fmt: skip
    refused("no id is in all of", "they begin with 'r000', 'z0'", x="other.csv", ids="y.csv:id")


def test_files_that_are_there_stay(folder: Path) -> None:
    Path("old.h5").write_text("precious")
    with pytest.raises(InputError, match="add `force`"):
        cch_audit.pack("old.h5", x="text.npy")
    into_hdf5(folder / "in.h5", X)
    Path("link.h5").symlink_to("in.h5")
    for out in ("in.h5", "link.h5", "./in.h5"):
        with pytest.raises(InputError, match=r"is the source in\.h5:reps/x"):
            cch_audit.pack(out, x="in.h5:reps/x", force=True)
    assert Path("old.h5").read_text() == "precious"
    cch_audit.pack("old.h5", x="text.npy", force=True)
    assert h5py.is_hdf5("old.h5")


def test_nothing_half_written_is_left(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(rows: Rows, taken: Any) -> Any:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pack, "_wanted", fail)
    refused("out.h5: cannot be written (No space left on device)", x="text.npy")


def test_a_missing_library_is_said(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(containers, "find_spec", lambda name: None)
    refused("y.csv: needs pyarrow, not installed here; run: pip install 'cch-audit[sources]'",
            x="text.npy", labels="y.csv:label")  # fmt: skip


def test_files_arrays_and_a_file_are_not_mixed(folder: Path) -> None:
    with pytest.raises(InputError, match="is a file, and teacher are arrays"):
        cch_audit.check(teacher=X, student="audio.npy", labels="y.csv:label")
    into_hdf5(folder / "in.h5", X)
    with pytest.raises(InputError, match=r"in.h5 and the source 'text.npy' .* both given; leave"):
        cch_audit.check("in.h5", teacher="text.npy")
    with pytest.raises(InputError, match="`labels` 'label' is no source"):
        cch_audit.check(teacher="text.npy", student="audio.npy", labels="label")
    with pytest.raises(InputError, match="not given: `student`, `labels`"):
        cch_audit.check(teacher="text.npy")
    into_zarr(3)(folder / "s.zarr", X)
    with pytest.raises(InputError, match="is a zarr store"):
        cch_audit.check("s.zarr")


def tables(folder: Path, order: Any = slice(None), **more: Any) -> None:
    """Write a teacher, a student and labels in three tables, of noise; the last is in an order."""
    rng = np.random.default_rng(3)
    numbers = np.arange(N) * 7 + 1000
    label = rng.integers(2, size=N)
    pd.DataFrame({"id": numbers, "f": rng.standard_normal(N), **more}).to_csv("ta.csv", index=False)
    pd.DataFrame({"id": numbers, "g": rng.standard_normal(N)}).to_csv("sb.csv", index=False)
    pd.DataFrame({"id": numbers, "label": label}).iloc[order].to_csv("yl.csv", index=False)
    np.save("yl.npy", label)


def test_a_column_of_ids_is_no_feature(folder: Path) -> None:
    tables(folder)
    packed = cch_audit.pack("out.h5", t="ta.csv", s="sb.csv", labels="yl.csv:label")
    assert [one.shape for one in packed.arrays] == [(N, 1), (N, 1), (N,)]
    assert packed.notes == tuple(
        f"{path}: columns left out: 'id' (named as an identifier); to take one nevertheless, name "
        f"it, as in {path}:id."
        for path in ("ta.csv", "sb.csv")
    )
    direct = cch_audit.load(teacher="ta.csv", student="sb.csv", labels="yl.csv:label")
    assert direct.source.notes[: len(packed.notes)] == packed.notes
    bare = cch_audit.pack("bare.h5", t="ta.csv", labels="yl.csv")
    assert (bare.arrays[1].shape, bare.arrays[1].where) == ((N,), "yl.csv: column 'label'")
    refused("ta.csv: holds several columns; say which", t="sb.csv", groups="ta.csv", out="o.h5")
    named = cch_audit.pack("named.h5", t="ta.csv:id", s="sb.csv:g")
    assert named.arrays[0].where == "ta.csv: column 'id'"


@pytest.mark.parametrize("labels", ["yl.csv:label", "yl.npy"])
@pytest.mark.parametrize("name", ["label", "Target", "y", "fold", "sample_id", "RowId", "index"])
def test_columns_named_as_labels_or_ids_are_no_features(
    name: str, labels: str, folder: Path
) -> None:
    tables(folder, **{name: np.arange(N) % 2})
    packed = cch_audit.pack("out.h5", t="ta.csv", labels=labels)
    assert packed.arrays[0].shape == (N, 1)
    assert f"{name!r} (" in "".join(packed.notes) or f"'id', {name!r}" in "".join(packed.notes)


def test_columns_named_as_a_role_anywhere_are_no_features(folder: Path) -> None:
    tables(folder, diagnosis=np.arange(N) % 2, site=np.arange(N) % 24)
    roles = {"diagnosis": np.arange(N) % 2, "Site": np.arange(N) % 24}
    pd.DataFrame(roles).to_csv("roles.csv", index=False)
    pd.DataFrame({"f": np.arange(N) % 2}).to_csv("one.csv", index=False)
    asked = {"labels": "roles.csv:diagnosis", "groups": "roles.csv:Site"}
    packed = cch_audit.pack("out.h5", t="ta.csv", **asked)
    assert packed.arrays[0].shape == (N, 1)
    assert "'diagnosis' (named as the labels), 'site' (named as the groups)" in packed.notes[0]
    refused("ta.csv: no column of numbers is left", "as in ta.csv:id", t="ta.csv",
            split="one.csv", out="o.h5", **asked)  # fmt: skip


def test_columns_that_count_rows_in_several_tables_are_no_features(folder: Path) -> None:
    numbers = np.random.default_rng(0).permutation(N)
    for path, name in (("a.csv", "cell"), ("b.csv", "other")):
        values = {name: numbers, "f": X[:, 0], "rank": np.argsort(X[:, len(path) - 5])}
        pd.DataFrame(values).to_csv(path, index=False)
    pd.DataFrame({"c": X[:, 0], "r": np.argsort(X[:, 2])}).to_parquet("c.parquet")
    packed = cch_audit.pack("out.h5", a="a.csv", b="b.csv", c="c.parquet")
    assert [one.shape[1] for one in packed.arrays] == [1, 1, 2]
    assert "'cell', 'rank' (the same whole numbers as in b.csv)" in packed.notes[0]


def test_other_orders_of_ids_are_refused_without_ids(folder: Path, x: Array) -> None:
    order = np.random.default_rng(4).permutation(N)
    tables(folder, order)
    said = "other values of 'id' row by row", "add `ids` ta.csv:id to join them"
    refused(*said, t="ta.csv", s="sb.csv", labels="yl.csv:label")
    cch_audit.pack("out.h5", t="ta.csv:f", s="sb.csv", labels="yl.csv:label", ids="ta.csv:id")
    assert np.array_equal(stored("out.h5", "labels"), np.load("yl.npy"))
    Path("out.h5").unlink()
    ids = pd.read_csv("ta.csv")["id"].to_numpy()
    np.savez("n.npz", x=x, id=ids)
    torch.save({"x": torch.tensor(x), "id": torch.tensor(ids)}, "n.pt")
    into_zarr(3)(folder / "n.zarr", x)
    zarr.open_group("n.zarr")["reps"].create_array("id", data=ids)  # type: ignore[union-attr]
    table = pd.DataFrame({"id": ids}, index=[f"cell{i}" for i in range(N)])
    anndata.AnnData(obs=table, obsm={"x": x}).write_h5ad("n.h5ad")
    for source, where in {
        "n.npz:x": "n.npz:id", "n.pt:x": "n.pt:id", "n.zarr:reps/x": "n.zarr:reps/id",
        "n.h5ad:obsm/x": "n.h5ad:obs/id",
    }.items():  # fmt: skip
        refused(f"add `ids` {where} to join", t=source, labels="yl.csv:label")


def test_an_index_without_a_name_joins(folder: Path, x: Array) -> None:
    order = np.random.default_rng(5).permutation(N)[:-10]
    table = frame(x).set_axis([f"r{i:03d}" for i in range(N)])
    table.iloc[order].to_parquet("p.parquet")
    table.iloc[order[::-1]].to_csv("c.csv")
    table.iloc[order].rename_axis("cell").to_parquet("n.parquet")
    anndata.AnnData(obs=table[[]], obsm={"x": x}).write_h5ad("a.h5ad")
    names = ("p.parquet", "c.csv", "n.parquet")
    with_ids = cch_audit.pack(
        "ids.h5", p="p.parquet", c="c.csv", n="n.parquet", labels="y.csv:label", ids="y.csv:id"
    )
    without = cch_audit.pack("no.h5", a="a.h5ad:obsm/x", p="p.parquet", c="c.csv", n="n.parquet")
    for name in "pcn":
        for out in ("ids.h5", "no.h5"):
            assert np.array_equal(stored(out, f"representations/{name}"), x[np.sort(order)])
    for packed in (with_ids, without):
        assert all(
            f"{name}: column" in packed.notes[0] or name in packed.notes[0] for name in names
        )
        assert "by position" not in packed.notes[0]
    filtered = frame(x)[x[:, 0] > 0]
    filtered.to_parquet("f.parquet")
    filtered[::-1].to_csv("f.csv")
    cch_audit.pack("f.h5", a="f.parquet", b="f.csv")
    assert np.array_equal(stored("f.h5", "representations/b"), filtered.to_numpy())


def test_a_range_is_no_index_and_what_is_paired_by_position_is_said(folder: Path, x: Array) -> None:
    frame(x).to_csv("range.csv")
    frame(x).to_parquet("range.parquet")
    np.save("plain.npy", x)
    asked = {"a": "range.csv", "b": "range.parquet", "c": "plain.npy"}
    packed = cch_audit.pack("out.h5", **asked, ids="y.csv:id")
    assert packed.notes[0] == (
        "Only y.csv: column 'id' identifies rows; paired with them by position: range.csv, "
        "range.parquet, plain.npy."
    )
    assert not [one for one in cch_audit.pack("no.h5", **asked).notes if "position" in one]


def test_parts_of_zarr_that_were_never_written_are_refused(folder: Path, x: Array) -> None:
    for version in (2, 3):
        array = zarr.create_array(
            "x.zarr", shape=(N, 3), chunks=(32, 2), dtype="f8", zarr_format=version, overwrite=True
        )
        array[:128] = x[:128]
        said = "x.zarr lacks 8 of its 16 chunks, and rows 128-239 would read as its fill value, 0.0"
        refused(said, "'write_empty_chunks': True", t="x.zarr", out="o.h5")
        array[:] = x
        cch_audit.pack("x.h5", t="x.zarr", force=True)
    layout: Any = {"shape": (N, 3), "chunks": (16, 3), "shards": (64, 3), "dtype": "f8"}
    shards = zarr.create_array("s.zarr", **layout)
    shards[:150] = x[:150]
    refused("s.zarr lacks 5 of its 15 chunks, and rows 160-239", t="s.zarr", out="o.h5")
    shards[:] = x
    cch_audit.pack("s.h5", t="s.zarr")
    zeros = zarr.create_array("z.zarr", **layout, config={"write_empty_chunks": True})
    zeros[:] = 0
    cch_audit.pack("z.h5", t="z.zarr")
    obs = pd.DataFrame({"kind": pd.Categorical(np.arange(N) // 120)}, index=[*map(str, range(N))])
    obs["n"] = pd.array(np.arange(N), dtype="Int64")
    anndata.AnnData(obs=obs).write_zarr("a.zarr")
    cch_audit.pack("a.h5", t="text.npy", labels="a.zarr:obs/kind", groups="a.zarr:obs/n")
    (chunk,) = Path("a.zarr/obs/kind/codes").glob("[0-9]*")
    chunk.unlink()
    refused("array 'codes' lacks 1 of its 1 chunks", t="text.npy", labels="a.zarr:obs/kind",
            out="o.h5")  # fmt: skip


@pytest.mark.parametrize("version", [2, 3])
def test_a_group_of_zarr_says_what_it_holds(version: Any, folder: Path, x: Array) -> None:
    into_zarr(version)(folder / "g.zarr", x)
    for source in ("g.zarr", "g.zarr:reps"):
        refused("is a group, not an array", "as in g.zarr:reps/x (it holds 'reps/x')", t=source)


def test_what_no_float64_holds_is_refused(folder: Path) -> None:
    large = np.full((N, 2), np.longdouble("1e400"))
    np.save("large.npy", large)
    with h5py.File("large.h5", "w") as file:
        file["x"] = large
    refused("infinite in 480 of 480 values", t="large.npy")
    refused("infinite in 480 of 480 values", t="large.h5:x")
    refused("large.npy is infinite", t="text.npy", labels="large.npy")


@pytest.mark.parametrize("kind", ["Int64", "string", "boolean", "category"])
@pytest.mark.parametrize("role", ["labels", "groups", "split", "ids"])
def test_missing_values_of_a_role_are_refused(kind: str, role: str, folder: Path) -> None:
    values = pd.Series(pd.array(np.arange(N) % 2, dtype="Int64")).astype(kind)
    values[[5, 9]] = pd.NA
    pd.DataFrame({"v": values}).to_parquet("gaps.parquet")
    said = "gaps.parquet: column 'v' is missing or NaN in 2 of the 240 rows", "the first is row 5;"
    refused(*said, t="text.npy", **{role: "gaps.parquet:v"})


def test_keys_of_tensors_that_read_alike_are_refused(folder: Path, x: Array) -> None:
    torch.save({1: torch.tensor(x), "1": torch.tensor(-x)}, "k.pt")
    refused("k.pt: its dict has several keys that read '1' (1, '1')", t="k.pt:1")


def test_the_index_of_a_frame_is_not_offered(folder: Path, x: Array) -> None:
    index = [f"c{i}" for i in range(N)]
    anndata.AnnData(
        obs=pd.DataFrame(index=index), obsm={"df": frame(x).set_axis(index)}
    ).write_h5ad("d.h5ad")
    said = refused("'obsm/df/c0', 'obsm/df/c1', 'obsm/df/c2'", t="d.h5ad:obsm/df")
    assert "_index" not in said


def test_a_folder_that_is_not_there_is_said(folder: Path) -> None:
    with pytest.raises(InputError, match=r"nodir/o\.h5: the folder .* does not exist; create it"):
        cch_audit.pack("nodir/o.h5", t="text.npy")


@pytest.mark.parametrize("name", ["a/b", "a,b", "a\0b", "a\nb", "a\x1b[2J", "\x7f", "\u2028", ""])
def test_names_that_cannot_be_shown_are_refused(name: str, folder: Path) -> None:
    with pytest.raises(InputError, match="cannot name a representation; give it a name without"):
        cch_audit.pack("out.h5", **{name: "text.npy"})
