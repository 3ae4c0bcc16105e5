import h5py
import numpy as np
import pytest

from .conftest import Arrays, N, Refuse, Write


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (np.zeros(N, dtype=[("a", "f4"), ("b", "i4")]), "compound (a table with fields a, b)"),
        (np.zeros((N, 2), dtype=complex), "complex128"),
        (np.zeros(N, dtype="V3"), "|V3"),
        (h5py.Empty("f4"), "null value"),
        (np.float64(1), "single value"),
        (np.zeros((0, 4)), "is empty"),
        (np.zeros((N, 0)), "is empty"),
        (np.zeros((N, 2, 3)), "3 axes"),
        (np.array(["a", "b"] * (N // 2), dtype=object), "text"),
        (np.array([b"a", b"b"] * (N // 2)), "text"),
        (np.dtype("f4"), "data type"),
    ],
)
def test_values_that_are_no_representation(
    arrays: Arrays, write: Write, refuse: Refuse, value: object, found: str
) -> None:
    refuse(write(arrays | {"image": value}), "reps.h5", "'image'", found)


def test_three_axes_get_the_remedy(arrays: Arrays, write: Write, refuse: Refuse) -> None:
    refuse(write(arrays | {"image": np.ones((N, 2, 3))}), "pool or flatten")


@pytest.mark.parametrize(
    ("dtype", "found"),
    [
        (h5py.vlen_dtype(np.float32), "variable-length array"),
        (h5py.ref_dtype, "reference"),
        (np.dtype((np.float32, (3,))), "(3,)"),
    ],
)
def test_element_types(
    arrays: Arrays, write: Write, refuse: Refuse, dtype: np.dtype, found: str
) -> None:
    path = write(arrays)
    with h5py.File(path, "a") as file:
        file.create_dataset("odd", (N,), dtype=dtype)
    refuse(path, "reps.h5", "'odd'", found, "plain array", teacher=("odd",))
    refuse(path, "'odd'", found, labels="odd")


def test_external_storage(arrays: Arrays, write: Write, refuse: Refuse) -> None:
    path = write(arrays)
    secret = path.with_name("secret.bin")
    secret.write_bytes(bytes(N * 8))
    with h5py.File(path, "a") as file:
        file.create_dataset("out", (N, 1), "f8", external=[(str(secret), 0, N * 8)])
    refuse(path, "'out'", "outside the file", "copy it", teacher=("out",))


def test_virtual_dataset(arrays: Arrays, write: Write, refuse: Refuse) -> None:
    path = write(arrays)
    layout = h5py.VirtualLayout((N, 5), "f4")
    layout[:] = h5py.VirtualSource("nowhere.h5", "image", (N, 5))
    with h5py.File(path, "a") as file:
        file.create_virtual_dataset("view", layout)
    refuse(path, "'view'", "virtual", "copy it", teacher=("view",))


def test_never_written(arrays: Arrays, write: Write, refuse: Refuse) -> None:
    path = write(arrays)
    with h5py.File(path, "a") as file:
        file.create_dataset("hollow", (N, 5), "f4")
        file.create_dataset("chunked", (N, 5), "f4", chunks=(10, 5))
        part = file.create_dataset("part", (N, 5), "f4", chunks=(100, 5))
        part[:100] = 1
    refuse(path, "'hollow'", "never written", teacher=("hollow",))
    refuse(path, "'chunked'", "never written", teacher=("chunked",))
    refuse(path, "'part'", "1 of its 4 chunks", "finish", teacher=("part",))


def test_huge_declared_size(arrays: Arrays, write: Write, refuse: Refuse) -> None:
    path = write(arrays)
    with h5py.File(path, "a") as file:
        file.create_dataset("huge", (10**9, 10**5), "f4", chunks=(1000, 1000))
    refuse(path, "'huge'", "400,000,000,000,000 bytes", "`max_bytes`", teacher=("huge",))


def test_limit_is_a_setting(arrays: Arrays, write: Write, refuse: Refuse) -> None:
    path = write(arrays)
    refuse(path, "'text'", f"{N * 4 * 8:,} bytes", "limit of 7,999", max_bytes=7_999)


def test_chunk_too_large_to_decompress(arrays: Arrays, write: Write, refuse: Refuse) -> None:
    path = write(arrays)
    with h5py.File(path, "a") as file:
        dataset = file.create_dataset("lump", (N, 200_000), "f8", chunks=(N, 200_000))
        dataset.id.write_direct_chunk((0, 0), b"x")
    refuse(path, "'lump'", "chunks of 640,000,000 bytes", "about 1 MB", teacher=("lump",))


def test_unknown_compression(arrays: Arrays, write: Write, refuse: Refuse) -> None:
    path = write(arrays)
    plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    plist.set_chunk((N, 5))
    plist.set_filter(32123, h5py.h5z.FLAG_OPTIONAL, ())
    with h5py.File(path, "a") as file:
        space = h5py.h5s.create_simple((N, 5))
        made = h5py.h5d.create(file.id, b"packed", h5py.h5t.IEEE_F32LE, space, plist)
        made.write_direct_chunk((0, 0), bytes(N * 5 * 4))
    refuse(path, "'packed'", "compressed with", "gzip", teacher=("packed",))


def test_group_names_its_members(arrays: Arrays, write: Write, refuse: Refuse) -> None:
    arrays["layers/last"] = arrays["image"]
    refuse(write(arrays), "'layers' is a group", "'layers/last'", teacher=("layers",))


@pytest.mark.parametrize(
    "change",
    [
        {"shape": [N, 3]},  # another number of columns is only seen in the indices
        {"shape": [N + 1, 5]},
        {"shape": [-1, 5]},
        {"shape": [N]},
        {"indices": np.full(N, 5)},
        {"indices": np.full(N, -1)},
        {"indptr": np.arange(N + 1)[::-1]},
        {"indptr": np.arange(N + 1) + 1},
        {"indptr": np.arange(N + 1.0)},
        {"data": np.ones(N - 1)},
    ],
)
def test_sparse_that_points_outside_itself(
    arrays: Arrays, write: Write, refuse: Refuse, change: Arrays
) -> None:
    parts = {"data": np.ones(N), "indices": np.arange(N) % 5, "indptr": np.arange(N + 1)} | change
    path = write(arrays | {f"sparse/{k}": parts[k] for k in ("data", "indices", "indptr")})
    with h5py.File(path, "a") as file:
        file["sparse"].attrs.update(
            {"encoding-type": "csr_matrix", "shape": parts.get("shape", [N, 5])}
        )
    refuse(path, "'sparse'", "sparse matrix", "write it again", teacher=("sparse",))
