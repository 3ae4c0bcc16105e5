"""Whose rows does a dataset have, and which dataset identifies them?"""

from dataclasses import dataclass

import h5py

from cch_audit.errors import InputError
from cch_audit.reading.dialects import is_cell_ranger, is_pandas, pandas_index, resolve
from cch_audit.reading.listing import holds_array
from cch_audit.reading.open import OpenFile, lookup, text_attribute

# Where AnnData keeps arrays whose rows are the observations.
BY_OBSERVATION = frozenset(("X", "layers", "obsm", "obs", "obsp", "raw", "raw.X"))
BY_VARIABLE = frozenset(("var", "varm", "varp", "raw.var", "raw.varm"))
PLAIN_IDS = ("ids", "col_attrs/CellID")
"""Where the plain layout, and loom, keep what identifies the rows."""
MOST_NESTED = 8
"""Most modalities inside each other."""


@dataclass(frozen=True)
class RowSpace:
    """Rows that several datasets of a file share, in the same order."""

    file: str
    owner: str | None
    """The group that has these rows. That whose table `obs` describes them: empty for the root of
    an AnnData or MuData file, `mod/rna` for a modality. Or a pandas object, or the counts of a 10x
    Genomics file. None for the rows of the plain layout."""


def row_space(opened: OpenFile, path: str) -> RowSpace:
    """Return whose rows a dataset has: those of the plain layout, or of the nearest table."""
    if path not in opened.owners:
        opened.owners[path] = _owner(opened, path)
    return RowSpace(opened.name, opened.owners[path])


def _owner(opened: OpenFile, path: str) -> str | None:
    """Return the owner of a dataset's rows, from the groups around its path."""
    owner = path
    for _ in range(3):  # a field is two levels below the pandas object, in its table
        if is_pandas(opened, owner) or is_cell_ranger(opened, owner):
            return owner
        owner = owner.rpartition("/")[0]
    components = path.split("/", 2 * MOST_NESTED + 3)
    depth = 0
    while len(components) > depth + 2 and components[depth] == "mod" and depth < 2 * MOST_NESTED:
        depth += 2
    for end in range(depth, -1, -2):
        owner = "/".join(components[:end])
        obs = lookup(opened, f"{owner}/obs")
        # Before AnnData 0.7, a dataset of records.
        if isinstance(obs, h5py.Group) or (isinstance(obs, h5py.Dataset) and obs.dtype.names):
            break
    else:
        return None
    top = components[end]
    # In `raw`, AnnData keeps its variables as they were before some were left out.
    inside = components[end + 1 :] if top == "raw" else [top]
    if inside and inside[0] in BY_VARIABLE:
        raise InputError(
            f"{opened.name}: dataset {path!r} has one row for each variable; name a dataset with "
            f"one row for each observation, under {', '.join(sorted(BY_OBSERVATION))}"
        )
    return owner if top in BY_OBSERVATION else None


def index_path(opened: OpenFile, space: RowSpace, ids: str | None) -> str | None:
    """Return the dataset that identifies the rows, or None if there is none.

    That is the dataset the user named, if it has these rows; else `ids` at the root for the plain
    layout and, for an `obs` table, what its attribute `_index` names.
    """
    path = (ids or "").strip("/")
    if path and resolve(opened, path)[0] is not None and row_space(opened, path) == space:
        return path
    if space.owner is None:
        return next((path for path in PLAIN_IDS if holds_array(opened, path)), None)
    if is_pandas(opened, space.owner):
        return pandas_index(opened, space.owner)
    if is_cell_ranger(opened, space.owner):
        return f"{space.owner}/barcodes"
    obs = f"{space.owner}/obs".lstrip("/")
    table = lookup(opened, obs)
    if isinstance(table, h5py.Dataset):
        names = table.dtype.names or ("index",)
        return f"{obs}/{'index' if 'index' in names else names[0]}"
    name = "".join(text_attribute(opened, obs, "_index"))
    return f"{obs}/{name}" if name else None
