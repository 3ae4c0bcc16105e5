"""Whose rows does a dataset have, and which dataset identifies them?"""

from dataclasses import dataclass

import h5py

from cch_audit.errors import InputError
from cch_audit.reading.open import OpenFile, holds_array, lookup, text_attribute

# Where AnnData keeps arrays whose rows are the observations.
BY_OBSERVATION = frozenset(("X", "layers", "obsm", "obs", "obsp", "raw"))
BY_VARIABLE = frozenset(("var", "varm", "varp"))


@dataclass(frozen=True)
class RowSpace:
    """Rows that several datasets of a file share, in the same order."""

    file: str
    owner: str | None
    """The group whose table `obs` describes the rows: empty for the root of an AnnData or MuData
    file, `mod/rna` for a modality; None for the rows of the plain layout."""


def row_space(opened: OpenFile, path: str) -> RowSpace:
    """Return whose rows a dataset has: those of the plain layout, or of the nearest `obs` table."""
    components = path.split("/")
    depth = 0
    while len(components) > depth + 2 and components[depth] == "mod":
        depth += 2
    for end in range(depth, -1, -2):
        owner = "/".join(components[:end])
        obs = lookup(opened, f"{owner}/obs")
        if isinstance(obs, h5py.Group):
            break
    else:
        return RowSpace(opened.name, None)
    top = components[end]
    # In `raw`, AnnData keeps its variables as they were before some were left out.
    inside = components[end + 1 :] if top == "raw" else [top]
    if inside and inside[0] in BY_VARIABLE:
        raise InputError(
            f"{opened.name}: dataset {path!r} has one row for each variable; name a dataset with "
            f"one row for each observation, under {', '.join(sorted(BY_OBSERVATION))}"
        )
    return RowSpace(opened.name, owner if top in BY_OBSERVATION else None)


def index_path(opened: OpenFile, space: RowSpace, ids: str | None) -> str | None:
    """Return the dataset that identifies the rows, or None if there is none.

    That is the dataset the user named, if it has these rows; else `ids` at the root for the plain
    layout and, for an `obs` table, what its attribute `_index` names.
    """
    if ids and lookup(opened, ids.strip("/")) is not None:
        path = ids.strip("/")
        if row_space(opened, path) == space:
            return path
    if space.owner is None:
        return "ids" if holds_array(opened, "ids") else None
    obs = f"{space.owner}/obs".lstrip("/")
    name = "".join(text_attribute(opened, obs, "_index"))
    return f"{obs}/{name}" if name else None
