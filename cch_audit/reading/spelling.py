"""How sources are spelled, such as `reps.npz:text` or `y.csv:label`; nothing is read here."""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cch_audit.errors import InputError
from cch_audit.settings import InputSettings

HDF5 = (".h5", ".hdf5", ".h5ad", ".h5mu", ".mat", ".loom", ".jld2")
TABLES = (".csv", ".tsv", ".parquet")
TENSORS = (".npy", ".npz", ".pt", ".pth", ".safetensors")
ENDINGS = (*TENSORS, *TABLES, ".zarr", *HDF5)
"""Of files that are sources, in small letters."""
SHOWN = ".npy, .npz, .pt, .safetensors, .csv, .tsv, .parquet, .zarr, .h5, .h5ad or .h5mu"
ROLES = ("labels", "groups", "split", "ids")
"""Datasets at the root of a packed file, each from a source of its own."""
NEEDED = ("teacher", "student", "labels")
"""Roles without which there is nothing to audit."""


@dataclass(frozen=True)
class Spelling:
    """A source as the user spelled it."""

    text: str
    """Without the name that was given to it."""
    path: str
    inside: str
    """Name of the array in the file; empty where it was left out."""
    name: str
    """The name given as `name=path`, or the stem of the file."""
    is_named: bool
    """Whether the name was given."""

    @property
    def ending(self) -> str:
        """The ending of the file, in small letters."""
        return Path(self.path).suffix.lower()

    @property
    def is_there(self) -> bool:
        """Whether this is a file of a kind that is read."""
        try:
            return self.ending in ENDINGS and Path(self.path).exists()
        except OSError:
            return False

    @property
    def key(self) -> str:
        """The last part of the name of the array in the file."""
        return self.inside.rpartition("/")[2]


def spelled(text: str, *, named: bool = False) -> Spelling:
    """Return the parts of `path`, `path:inside` or, where names are given, `name=path:inside`.

    Parameters
    ----------
    text : as the user gave it
    named : whether it may begin with a name
    """
    path, inside = _split(text)
    if named and "=" in text and not Spelling(text, path, inside, "", False).is_there:
        name, _, rest = text.partition("=")
        path, inside = _split(rest)
        return Spelling(rest, path, inside, name, True)
    return Spelling(text, path, inside, Path(path).stem, False)


def _split(text: str) -> tuple[str, str]:
    """Cut a spelling behind the first part that has the ending of a source."""
    places = [place for place, mark in enumerate(text) if mark == ":"]
    for place in (*reversed(places), len(text)):
        if Path(text[:place].rstrip("/")).suffix.lower() in ENDINGS and _exists(text[:place]):
            return text[:place], text[place + 1 :]
    for place in (*places, len(text)):
        if Path(text[:place].rstrip("/")).suffix.lower() in ENDINGS:
            return text[:place], text[place + 1 :]
    path, _, inside = text.partition(":")
    return path, inside


def _exists(path: str) -> bool:
    try:
        return Path(path).exists()
    except (OSError, ValueError):
        return False


def check_name(name: str) -> None:
    """Refuse a name that no representation can have, or that no line can show."""
    marks = {"Cc", "Cs", "Zl", "Zp"}  # control characters, halves of one, and ends of lines
    is_odd = any(mark in "/," or unicodedata.category(mark) in marks for mark in name)
    if is_odd or not name.strip() or name in (".", ".."):
        raise InputError(
            f"{name!r} cannot name a representation; give it a name without '/', ',' and control "
            "characters, as in NAME=SOURCE"
        )


def check_given(inputs: InputSettings) -> dict[str, tuple[str, ...]]:
    """Return the sources that settings name for each role, where there is no file.

    Raises
    ------
    InputError
        One that is needed is missing, is no source, or belongs to a file.
    """
    found = given(inputs)
    missing = [f"`{role}`" for role in NEEDED if not found.get(role)]
    if missing:
        raise InputError(
            "name the FILE to audit, or without one give `teacher`, `student` and `labels` as "
            f"sources, such as x.npy or y.csv:label; not given: {', '.join(missing)}"
        )
    for option in ("teacher_file", "transpose"):
        if getattr(inputs, option):
            raise InputError(f"`{option}` belongs to a FILE; leave it away where sources are given")
    for role, texts in found.items():
        for text in texts:
            if spelled(text, named=role in NEEDED[:2]).ending not in ENDINGS:
                raise InputError(
                    f"`{role}` {text!r} is no source, whose name ends in {SHOWN}; give one, or "
                    "name the FILE that holds the dataset"
                )
    return found


def refuse_mixture(file: str, inputs: InputSettings) -> None:
    """Refuse sources beside a file, whose datasets all options name then."""
    for role, texts in given(inputs).items():
        for text in texts:
            if spelled(text, named=True).is_there:
                raise InputError(
                    f"{file} and the source {text!r} (`{role}`) are both given; leave {file} away "
                    "and give teacher, student and labels all as sources, for example as "
                    f"{file}:PATH"
                )


def source_files(inputs: InputSettings) -> list[Path]:
    """Return the files that settings name as sources, as far as they are there."""
    texts = [text for texts in given(inputs).values() for text in texts]
    found = [spelled(text, named=True) for text in texts]
    return [Path(one.path) for one in found if one.is_there]


def given(inputs: InputSettings) -> dict[str, tuple[str, ...]]:
    """Return what is given for each role."""
    listed = [name.strip() for name in (inputs.teachers or "").split(",")]
    one_each: Mapping[str, str | None] = {
        role: getattr(inputs, role) for role in ("student", *ROLES)
    }
    return {
        "teacher": (*inputs.teacher, *filter(None, listed)),
        **{role: (text,) for role, text in one_each.items() if text},
        "predictions": inputs.predictions,
    }
