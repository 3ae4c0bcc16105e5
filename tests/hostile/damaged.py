"""Files that are no HDF5, not whole, altered, or whose links lead elsewhere or in circles."""

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import h5py
import numpy as np

from .case import Builder, Case, N, edited, h5, judged, text, wrong

SIGNATURE = b"\x89HDF\r\n\x1a\n"


@cache
def sound() -> bytes:
    """Return the bytes of a file that can be audited.

    Its strings have a fixed length: HDF5 (2.0 and before) loops forever on some damaged heaps of
    variable-length strings, where no reader can come in between.
    """
    with TemporaryDirectory() as folder:
        path = Path(folder) / "plain.h5"
        h5(teacher=np.bytes_(b"t"), student=np.bytes_(b"s"))(path)
        return path.read_bytes()


def cut(share: float) -> Builder:
    return lambda path: text(sound()[: int(share * len(sound()))])(path)


def flipped(start: int, stop: int, seed: int) -> Builder:
    """Return what writes the file with ten bytes changed between two places."""

    def build(path: Path) -> None:
        content = bytearray(sound())
        rng = np.random.default_rng(seed)
        for place in rng.integers(start, min(stop, len(content)), 10):
            content[place] ^= int(rng.integers(1, 256))
        path.write_bytes(content)

    return build


def replaced(name: str, link: h5py.SoftLink | h5py.ExternalLink) -> Builder:
    """Return a file in which a link stands where an array was."""

    def edit(file: h5py.File) -> None:
        del file[name]
        file[name] = link

    return edited(edit)


def unwritten(file: h5py.File) -> None:
    del file["labels"]
    file.create_dataset("labels", (N,), "i8")


def half_written(file: h5py.File) -> None:
    del file["labels"]
    file.create_dataset("labels", (N,), "i8", chunks=(60,))[:60] = np.arange(60) % 2


def enormous(file: h5py.File) -> None:
    del file["representations/t"]
    file.create_dataset("representations/t", (10**9, 10**5), "f8", chunks=(1000, 10))


def large_chunk(file: h5py.File) -> None:
    del file["representations/t"]
    chunks = (N, 10**6)
    file.create_dataset("representations/t", (N, 10**6), "f8", chunks=chunks, compression=1)


def virtual(file: h5py.File) -> None:
    del file["labels"]
    layout = h5py.VirtualLayout((N,), "i8")
    layout[:] = h5py.VirtualSource("nowhere.h5", "labels", (N,))
    file.create_virtual_dataset("labels", layout)


def external(file: h5py.File) -> None:
    del file["labels"]
    file.create_dataset("labels", (N,), "i8", external=[("/etc/passwd", 0, N * 8)])


def group_for_dataset(file: h5py.File) -> None:
    del file["labels"]
    file.create_group("labels")["inner"] = np.arange(N)


def dataset_for_group(file: h5py.File) -> None:
    del file["representations"]
    file["representations"] = np.ones((N, 2))


def type_for_dataset(file: h5py.File) -> None:
    del file["labels"]
    file["labels"] = np.dtype("i8")


def circle(file: h5py.File) -> None:
    file["representations/again"] = file["/"]


def sparse(shape: tuple[int, ...], pointers: list[int], indices: list[int]) -> Builder:
    """Return a file whose teacher is a sparse matrix."""

    def edit(file: h5py.File) -> None:
        del file["representations/t"]
        group = file.create_group("representations/t")
        group["data"] = np.ones(len(indices))
        group["indices"], group["indptr"] = np.array(indices), np.array(pointers)
        group.attrs.update({"encoding-type": "csr_matrix", "shape": shape})

    return edited(edit)


def unknown_encoding(file: h5py.File) -> None:
    del file["labels"]
    file.create_group("labels").attrs["encoding-type"] = "awkward-array"


CONTENT: dict[str, tuple[Builder, str]] = {
    "empty": (text(""), "is empty (0 bytes)"),
    "words": (text("teacher,student\n1,2\n"), "is not an HDF5 file"),
    "zeros": (text(b"\0" * 5000), "is not an HDF5 file"),
    "numpy": (text(b"\x93NUMPY\x01\x00" + b" " * 200), "is not an HDF5 file"),
    "zip": (text(b"PK\x03\x04" + b"\0" * 200), "is not an HDF5 file"),
    "signature": (text(SIGNATURE), "again"),
    "signature_ones": (text(SIGNATURE + b"\xff" * 5000), "again"),
    "no_dataset": (lambda path: h5py.File(path, "w").close(), "holds no dataset"),
    **{f"cut_{p}": (cut(p / 100), "again") for p in (1, 25, 50, 75, 99)},
}

INSIDE: dict[str, tuple[Builder, str]] = {
    "soft": (replaced("labels", h5py.SoftLink("/representations/s")), "is a link"),
    "soft_itself": (replaced("labels", h5py.SoftLink("/labels")), "is a link"),
    "external_file": (replaced("labels", h5py.ExternalLink("/etc/passwd", "/")), "is a link"),
    "external_self": (
        replaced("labels", h5py.ExternalLink("in_external_self.h5", "/labels")),
        "is a link",
    ),
    "external_storage": (edited(external), "is stored outside the file"),
    "virtual": (edited(virtual), "is virtual"),
    "unwritten": (edited(unwritten), "was created but never written"),
    "half_written": (edited(half_written), "only partly written, 1 of its 4 chunks"),
    "enormous": (edited(enormous), "--max-bytes"),
    "large_chunk": (edited(large_chunk), "has chunks of"),
    "group": (edited(group_for_dataset), "no dataset of labels is named"),
    "dataset": (edited(dataset_for_group), "no dataset 's'"),
    "type": (edited(type_for_dataset), "is a data type"),
    "encoding": (edited(unknown_encoding), "no dataset of labels is named"),
    "sparse_short": (sparse((N, 3), [0, 1], [0]), "parts do not agree"),
    "sparse_minus": (sparse((N, 3), [0, -5, *[1] * (N - 1)], [0]), "write it again"),
    "sparse_outside": (sparse((N, 3), [0, *[1] * N], [7]), "write it again"),
    "sparse_backwards": (sparse((N, 3), [0, 9, *[1] * (N - 1)], [0]), "write it again"),
}

FLIPPED = {
    **{f"head_{seed}": (8, 96, seed) for seed in range(3)},
    **{f"body_{seed}": (96, 4000, seed) for seed in range(3)},
    **{f"tail_{seed}": (4000, 10**9, seed) for seed in range(3)},
}

FILES: dict[str, Builder] = {
    **{f"is_{name}.h5": build for name, (build, _) in CONTENT.items()},
    **{f"in_{name}.h5": build for name, (build, _) in INSIDE.items()},
    **{f"flip_{name}.h5": flipped(*places) for name, places in FLIPPED.items()},
    "is_circle.h5": edited(circle),
    "plain.h5": h5(),
}

CASES = [
    *[wrong(f"check is_{name}.h5", f"is_{name}.h5: ", said) for name, (_, said) in CONTENT.items()],
    *[wrong(f"check in_{name}.h5", f"in_{name}.h5: ", said) for name, (_, said) in INSIDE.items()],
    *[
        Case(f"cch-audit inspect in_{name}.h5", 0, (said,))
        for name, (_, said) in list(INSIDE.items())[::6]
    ],
    *[Case(f"cch-audit inspect flip_{name}.h5", (0, 2), (f"flip_{name}.h5",)) for name in FLIPPED],
    wrong("inspect is_words.h5", "is not an HDF5 file"),
    wrong("rank is_cut_50.h5", "again"),
    wrong("confirm is_signature.h5", "again"),
    wrong("check plain.h5 --teacher-file is_cut_50.h5", "is_cut_50.h5"),
    wrong("check plain.h5 --teacher-file is_empty.h5", "is_empty.h5: is empty"),
    judged("check is_circle.h5"),
]
