"""Sources that are no files, no arrays, not whole, too large, or would run what they hold."""

import io
import os
import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from .case import Builder, Case, N, arrays, h5, judged, text, wrong


class Evil:
    def __reduce__(self) -> Any:
        return (os.mkdir, ("run",))


def saved(values: Any) -> Builder:
    return lambda path: np.save(path, values, allow_pickle=True)


def archive(**values: Any) -> Builder:
    return lambda path: np.savez(path, **values)


def cut(build: Builder) -> Builder:
    def make(path: Path) -> None:
        build(path)
        content = path.read_bytes()
        path.write_bytes(content[: len(content) // 2])

    return make


def bomb(path: Path) -> None:
    header = io.BytesIO()
    shape = {"descr": "<f8", "fortran_order": False, "shape": (10**9, 10**6)}
    np.lib.format.write_array_header_1_0(header, shape)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("a.npy", header.getvalue() + bytes(10**6))


X = arrays()["representations/t"]
TABLE = "id,label\n" + "".join(f"{i},{i % 2}\n" for i in range(N))

FILES: dict[str, Builder] = {
    "plain.h5": h5(),
    "t.npy": saved(X),
    "s.npy": saved(arrays()["representations/s"]),
    "y.csv": text(TABLE),
    "gaps.csv": text("label,\n" + ",\n" + "".join(f"{i % 2},\n" for i in range(1, N))),
    "long.npy": saved(np.full(N, np.longdouble("1e400"))),
    "ids.csv": text(TABLE),
    "t.csv": text("id,f\n" + "".join(f"{N - 1 - i},{i % 7}\n" for i in range(N))),
    "s.csv": text("id,g\n" + "".join(f"{i},{i % 5}\n" for i in range(N))),
    "objects.npy": saved(np.array([Evil()] * N, dtype=object)),
    "objects.npz": archive(a=np.array([Evil()] * N, dtype=object)),
    "pickle.pt": text(pickle.dumps(Evil())),
    "cut.npy": cut(saved(X)),
    "cut.npz": cut(archive(a=X)),
    "empty.npy": text(""),
    "empty.safetensors": text(""),
    "words.npy": text("no array"),
    "words.parquet": text("no table"),
    "words.pt": text("no tensor"),
    "words.safetensors": text("no tensor, but longer than a header is"),
    "bomb.npz": bomb,
    "two.npz": archive(text=X, audio=X),
    "three.npy": saved(np.zeros((N, 3, 4))),
    "nan.npy": saved(np.where(X.mean() < X, np.nan, X)),
    "short.npy": saved(X[:9]),
    "ragged.csv": text("a,b\n1,2\n3\n"),
    "semicolons.csv": text(TABLE.replace(",", ";")),
    "utf16.csv": text(TABLE.encode("utf-16")),
    "mark.csv": text("\ufeff" + TABLE),
    "lines.csv": text("label\n" + "".join(f'"a\n{i % 2}"\n' for i in range(N))),
    "quote.csv": text('label\n"a\n'),
    "twice.csv": text("a,a\n1,2\n"),
    "loop.npy": lambda path: path.symlink_to("loop.npy"),
    "loop.zarr": lambda path: path.symlink_to("loop.zarr"),
    "folder.npy": lambda path: path.mkdir(),
    "folder.zarr": lambda path: path.mkdir(),
    "pipe.npy": lambda path: os.mkfifo(path),
}

TEACHERS = {
    "objects.npy": "never loaded",
    "objects.npz": "never loaded",
    "pickle.pt": "cannot be read",
    "cut.npy": "only partly written",
    "cut.npz": "only partly written",
    "empty.npy": "is empty (0 bytes)",
    "empty.safetensors": "is empty (0 bytes)",
    "words.npy": "cannot be read",
    "words.parquet": "cannot be read",
    "words.pt": "cannot be read",
    "words.safetensors": "cannot be read",
    "bomb.npz": "--max-bytes",
    "two.npz": "say which",
    "two.npz:txt": "did you mean 'text'",
    "t.npy:x": "leave ':x' away",
    "three.npy": "flatten it",
    "nan.npy": "NaN",
    "short.npy": "short.npy has 9",
    "nowhere.npy": "no such file",
    "loop.npy": "cannot be opened",
    "loop.zarr": "cannot be opened",
    "folder.npy": "is a folder",
    "folder.zarr": "holds no array of zarr",
    "pipe.npy": "is not a regular file",
    "plain.txt": "is no source",
    "x": "is no source",
    "''": "is no source",
}

LABELS = {
    "ragged.csv:a": "as many values",
    "semicolons.csv:label": "with commas",
    "utf16.csv:label": "save it again as UTF-8",
    "quote.csv:label": "not closed",
    "twice.csv:a": "several columns",
    "y.csv:lable": "did you mean 'label'",
}

CASES = [
    *[
        wrong(f"check --teacher {source} --student s.npy --labels y.csv:label", said)
        for source, said in TEACHERS.items()
    ],
    *[
        wrong(f"check --teacher t.npy --student s.npy --labels {source}", said)
        for source, said in LABELS.items()
    ],
    *[
        wrong(f"pack out.h5 s.npy {source}", said)
        for source, said in list(TEACHERS.items())[::3]
        if source not in ("x", "plain.txt", "''")
    ],
    wrong("check plain.h5 --teacher t.npy", "leave plain.h5 away"),
    wrong("check --teacher t.npy", "not given: --student, --labels"),
    wrong("check folder.zarr", "is a zarr store"),
    wrong("check t.npy", "as sources"),
    wrong("check --teacher t.npy --student t.npy --labels y.csv:label", "both be named 't'"),
    wrong("check --teacher t.npy --student s.npy --labels y.csv:label --transpose", "--transpose"),
    wrong("check --teacher t.npy --student s.npy --labels y.csv:label --output t.npy", "is read"),
    wrong("pack plain.h5 t.npy", "--force"),
    wrong("pack t.npy t.npy --force", "give OUT another name"),
    wrong("pack out.h5", "NAME=SOURCE"),
    wrong("pack out.h5 a/b=t.npy", "cannot name a representation"),
    wrong("pack out.h5 'a\tb=t.npy'", "cannot name a representation"),
    wrong("pack out.h5 t.npy --labels gaps.csv:label", "missing or NaN in 1 of the"),
    wrong("pack out.h5 t.npy --labels long.npy", "infinite"),
    wrong("pack out.h5 ids.csv", "no column of numbers is left"),
    wrong("check --teacher t.csv --student s.csv --labels y.csv:label", "--ids t.csv:id"),
    wrong("inspect --teacher t.npy", "sources are packed into one first"),
    wrong("inspect", "name the FILE"),
    wrong("pack out.h5 t.npy --teacher x", "the name of no representation"),
    wrong("pack out.h5 t.npy --ids t.npy", "needs one value for each row"),
    wrong("pack nowhere/out.h5 t.npy", "the folder"),
    judged("check --teacher t.npy --student s.npy --labels mark.csv:label"),
    judged("check --teacher t.npy --student s.npy --labels lines.csv:label"),
    Case("cch-audit pack out.h5 t.npy s.npy --labels y.csv:label", 0, outputs=("out.h5",)),
]
