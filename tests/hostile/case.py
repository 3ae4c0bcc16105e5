"""What a hostile command line is, and the files that such lines name."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

QUICK = "--estimator ksg --surrogates 0 --resamples 200 --jobs 1"
"""For lines that end in a verdict."""
VERDICT = (0, 1, 3)
"""For lines whose verdict does not matter, but that one is reached."""
N = 240

Builder = Callable[[Path], None]
"""Writes a file under the path that it is given."""


@dataclass(frozen=True)
class Case:
    """A line as a user types it into a shell, and what has to come of it."""

    line: str
    code: int | tuple[int, ...]
    says: tuple[str, ...] = ()
    """Words of its message or report, in any order."""
    files: tuple[str, ...] = ()
    """Files that the line names in a way that is not plain; plain names are found in it."""
    outputs: tuple[str, ...] = ()
    """Files that it writes."""
    elsewhere: bool = False
    """Whether its streams are closed or full, so that nothing is heard."""


def wrong(line: str, *says: str, **more: Any) -> Case:
    """Return a case that is a wrong use or a bad input."""
    return Case(f"cch-audit {line}", 2, says, **more)


def judged(line: str, *says: str, **more: Any) -> Case:
    """Return a case that ends in a verdict."""
    return Case(f"cch-audit {line} {QUICK}", VERDICT, says, **more)


def arrays() -> dict[str, Any]:
    """Return a teacher, a student and two classes that pass."""
    rng = np.random.default_rng(13)
    labels = np.arange(N) % 2
    student = rng.normal(size=(N, 2)) + labels[:, None]
    teacher = np.c_[student, rng.normal(size=N)] + 0.3 * rng.normal(size=(N, 3))
    return {"representations/t": teacher, "representations/s": student, "labels": labels}


def h5(changes: Mapping[str, Any] | None = None, **attributes: Any) -> Builder:
    """Return what writes the arrays with some replaced, changed by a function, or left out."""

    def build(path: Path) -> None:
        plain = arrays()
        with h5py.File(path, "w") as file:
            for name, change in {**plain, **(changes or {})}.items():
                values = change(plain.get(name)) if callable(change) else change
                if values is not None:
                    file[name] = values
            named = {"teacher": "t", "student": "s", **attributes}
            file.attrs.update({key: value for key, value in named.items() if value is not None})

    return build


def edited(edit: Callable[[h5py.File], None]) -> Builder:
    """Return what writes the arrays and lets a function edit the open file."""

    def build(path: Path) -> None:
        h5()(path)
        with h5py.File(path, "r+") as file:
            edit(file)

    return build


def text(content: str | bytes) -> Builder:
    """Return what writes a text, or bytes."""
    encoded = content.encode() if isinstance(content, str) else content
    return lambda path: path.write_bytes(encoded) and None  # type: ignore[func-returns-value]
