"""Sources of many kinds as one HDF5 file that `check` reads without any option."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import h5py
import numpy as np

from cch_audit.errors import InputError
from cch_audit.reading.containers import AnyArray, Container, Rows
from cch_audit.reading.features import (
    check_order,
    features,
    names_of_roles,
    numbers_of_tables,
    same_numbers,
)
from cch_audit.reading.load import most_bytes
from cch_audit.reading.pairing import Pairing, pair
from cch_audit.reading.sources import open_sources
from cch_audit.reading.spelling import ROLES, Spelling, check_name, spelled
from cch_audit.results.files import whole_file
from cch_audit.rows import IntArray
from cch_audit.settings import PackSettings

VECTORS = ("groups", "split", "ids")
"""Those that have one value for each row."""


@dataclass(frozen=True)
class Packing:
    """Which source becomes which dataset."""

    representations: Mapping[str, Spelling]
    """By name."""
    roles: Mapping[str, Spelling] = field(default_factory=dict)
    """By role, one of `ROLES`."""
    predictions: Mapping[str, Spelling] = field(default_factory=dict)
    """By name of the representation."""
    teacher: tuple[str, ...] = ()
    student: str | None = None
    """Names of representations."""

    def __post_init__(self) -> None:
        """Refuse names that stand for no representation."""
        if not self.representations:
            raise InputError("no representation is given; give one or more as NAME=SOURCE")
        asked = {"teacher": self.teacher, "student": (self.student,) if self.student else ()}
        asked["predictions"] = tuple(self.predictions)
        for option, names in asked.items():
            for name in names:
                if name not in self.representations:
                    raise InputError(
                        f"`{option}` {name!r} is the name of no representation; the names are "
                        f"{', '.join(map(repr, self.representations))}"
                    )

    @property
    def datasets(self) -> dict[str, Spelling]:
        """The source of each dataset, by its path in the file."""
        return {
            **{f"representations/{name}": one for name, one in self.representations.items()},
            **{f"predictions/{name}": one for name, one in self.predictions.items()},
            **{role: self.roles[role] for role in ROLES if role in self.roles},
        }

    def command(self, out: str) -> list[str]:
        """Return the command that checks the packed file, or looks into what cannot be checked."""
        names = list(self.representations)
        if len(names) < 2 or "labels" not in self.roles:
            return ["inspect", out]
        student = self.student or next((n for n in names[::-1] if n not in self.teacher), names[-1])
        teachers = self.teacher or tuple(name for name in names if name != student)
        options = []
        if not self.teacher:
            options = [word for name in teachers for word in ("--teacher", name)]
        if not self.student:
            options += ["--student", student]
        return ["check", out, *options]


@dataclass(frozen=True)
class PackedArray:
    """A dataset that was packed."""

    name: str
    """Path in the file."""
    shape: tuple[int, ...]
    type: str
    """Of its values."""
    where: str
    """File and name in it that it is from."""
    note: str
    """What of the source was left out, in words; empty for nothing."""


@dataclass(frozen=True)
class Packed:
    """What was packed."""

    arrays: tuple[PackedArray, ...]
    notes: tuple[str, ...]
    """Plain sentences on how rows were joined."""


def pack(
    out: Path, packing: Packing, *, max_bytes: int | None = None, force: bool = False
) -> Packed:
    """Write sources into an HDF5 file that appears whole or not at all.

    Datasets are `representations/<name>`, `predictions/<name>`, `labels`, `groups`, `split` and
    `ids`, root attributes `teacher`, `student` and `labels`. Rows are joined by ids where there are
    any, in the order of the ids; otherwise they are paired by position. The same sources give the
    same bytes. Large arrays are copied block by block.

    Parameters
    ----------
    out : the file
    packing : which source becomes which dataset
    max_bytes : largest declared size of an array; by default half of the free memory
    force : whether to replace a file that exists, which must be none of the sources

    Raises
    ------
    InputError
        A source cannot be used, rows cannot be paired, or the file cannot be written.
    """
    sources = packing.datasets
    _check_not_among(out, sources.values())
    with ExitStack() as stack:
        ids = packing.roles.get("ids")
        limit, key = most_bytes(max_bytes), ids.key if ids else ""
        containers = open_sources(sources.values(), key, limit, stack)
        numbers = numbers_of_tables(sources.values(), containers)
        same = same_numbers(numbers)
        arrays, notes = _arrays(packing, containers, numbers, same)
        del numbers
        indexes = _indexes(sources, arrays, containers, key)
        if ids is None:
            joined = indexes if len(indexes) > 1 else ()
            notes += check_order(sources, arrays, containers, same, joined)
        pairing = pair(arrays, indexes)
        with whole_file(out, force=force) as temporary, h5py.File(temporary, "w") as file:
            packed = [_write(file, name, rows, pairing) for name, rows in arrays.items()]
            file.attrs.update(_attributes(packing))
    return Packed(tuple(packed), (*pairing.notes, *notes))


def _check_not_among(out: Path, sources: Iterable[Spelling]) -> None:
    """Refuse to write over a source, by whatever name."""
    for source in sources:
        path = Path(source.path)
        if out.exists() and path.exists() and out.samefile(path):
            raise InputError(f"{out}: is the source {source.text}; give the packed file a new name")


def _attributes(packing: Packing) -> dict[str, str]:
    """Return the root attributes, which are defaults of options."""
    named = {"teacher": ",".join(packing.teacher), "student": packing.student or ""}
    named |= {role: role for role in packing.roles if role == "labels"}
    return {name: value for name, value in named.items() if value}


def _arrays(
    packing: Packing,
    containers: Mapping[str, Container],
    numbers: Mapping[str, Mapping[str, AnyArray]],
    same: Mapping[str, Mapping[str, str]],
) -> tuple[dict[str, Rows], tuple[str, ...]]:
    """Return the array of each dataset, and notes on columns of tables that are left out."""
    sources = packing.datasets
    roles = {name: one for name, one in sources.items() if not name.startswith("representations/")}
    names = names_of_roles(roles, containers)
    arrays, notes = {}, []
    for name, one in sources.items():
        if one.inside or containers[one.path].table is None:
            rows, note = containers[one.path].get(one.inside), ""
        else:
            rows, note = features(
                name, one, containers[one.path], names, numbers[one.path], same[one.path]
            )
        arrays[name] = _suited(name, one, rows)
        notes.append(note)
    return arrays, tuple(dict.fromkeys(filter(None, notes)))


def _suited(dataset: str, source: Spelling, rows: Rows) -> Rows:
    """Return the array of a dataset, if it is of a kind that suits it."""
    n_axes = 1 + len(rows.row_shape)
    what = dataset.partition("/")[0].removesuffix("s") if "/" in dataset else f"`{dataset}`"
    if n_axes > 2:
        raise InputError(
            f"{rows.where} has {len(rows.shape)} axes, its shape is {rows.shape}; a {what} needs "
            "one row of columns for each sample: flatten it with x.reshape(len(x), -1), or average "
            "an axis with x.mean(axis=1), and save it again"
        )
    if "/" in dataset and rows.is_text:
        raise InputError(
            f"{rows.where} holds text; a {what} must hold numbers: name another array or column"
        )
    if dataset in VECTORS and n_axes == 2 and rows.row_shape != (1,):
        raise InputError(
            f"{rows.where} has {rows.row_shape[0]:,} columns, but {what} needs one value for each "
            f"row; name one, as in {source.path}:NAME"
        )
    return rows


def _indexes(
    sources: Mapping[str, Spelling],
    arrays: Mapping[str, Rows],
    containers: Mapping[str, Container],
    key: str,
) -> dict[str, Rows]:
    """Return what identifies the rows of each owner, where there is such; first of all the ids."""
    found = {arrays["ids"].owner: arrays["ids"]} if "ids" in arrays else {}
    for dataset, rows in arrays.items():
        if rows.owner not in found:
            one = sources[dataset]
            index = containers[one.path].ids(one.inside, key)
            if index is not None:
                found[rows.owner] = index
    return found


def _write(file: h5py.File, name: str, rows: Rows, pairing: Pairing) -> PackedArray:
    """Copy one array block by block."""
    kind = h5py.string_dtype() if rows.is_text else rows.dtype.newbyteorder("=")
    if kind.kind == "f" and kind.itemsize > 8:
        kind = np.dtype("f8")
    row_shape = () if name in VECTORS else rows.row_shape
    shape = (pairing.n_rows, *row_shape)
    dataset = file.create_dataset(name, shape, kind, track_times=False)
    is_role = "/" not in name
    n_bad, first_bad, start = 0, 0, 0
    for block in _wanted(rows, pairing.rows[rows.owner]):
        if not rows.is_text and block.dtype != kind:
            with np.errstate(over="ignore"):  # what is too large for the type is infinite then
                block = block.astype(kind)
        bad = (_is_missing(block) if is_role else _is_bad(block)).reshape(len(block), -1)
        if not n_bad and bad.any():
            first_bad = start + int(np.flatnonzero(bad.any(axis=1))[0])
        n_bad += int(bad.any(axis=1).sum() if is_role else bad.sum())
        try:
            dataset[start : start + len(block)] = block.reshape(len(block), *row_shape)
        except (ValueError, TypeError) as err:
            raise InputError(f"{rows.where} cannot be stored ({err}); write it again") from err
        start += len(block)
    if n_bad:
        taken = pairing.rows[rows.owner]
        row = first_bad if taken is None else int(taken[first_bad])
        if is_role:
            what = "infinite, as float64," if kind.kind == "f" else "missing or NaN"
            raise InputError(
                f"{rows.where} is {what} in {n_bad:,} of the {start:,} rows, the first is "
                f"row {row:,}; fill these in, or leave the rows out of all sources"
            )
        raise InputError(
            f"{rows.where} is missing, NaN or infinite in {n_bad:,} of {dataset.size:,} values, "
            f"the first in row {row:,}; fill these in, or leave the rows out of all sources"
        )
    return PackedArray(
        name, shape, "text" if rows.is_text else str(dataset.dtype), rows.where, rows.note
    )


def _is_missing(block: AnyArray) -> AnyArray:
    """Return which values of a role would be stored as something else; NaN would not."""
    if block.dtype.kind == "f":
        return np.isinf(block)
    return np.asarray(block == "") if block.dtype.kind == "O" else _is_bad(block)


def _is_bad(block: AnyArray) -> AnyArray:
    """Return which numbers are missing or infinite."""
    if block.dtype.kind == "i" and block.dtype.itemsize >= 4:
        return np.asarray(block == np.iinfo(block.dtype).min)
    return ~np.isfinite(block)


def _wanted(rows: Rows, taken: IntArray | None) -> Iterator[AnyArray]:
    """Yield the rows that are taken, in their order, a block at a time where that is ascending."""
    if taken is None:
        yield from rows.blocks()
    elif np.all(np.diff(taken) > 0):
        start = 0
        for block in rows.blocks():
            first, last = np.searchsorted(taken, (start, start + len(block)))
            yield block[taken[first:last] - start]
            start += len(block)
    else:
        yield rows.read()[taken]


def packing_of(sources: Sequence[str] | Mapping[str, str], settings: PackSettings) -> Packing:
    """Return what settings ask to pack.

    Parameters
    ----------
    sources : the representations, as `name=path` or by name
    settings : the other sources, and which names are those of teacher and student
    """
    if isinstance(sources, Mapping):
        for name in sources:
            check_name(name)
        representations = {name: spelled(text) for name, text in sources.items()}
    else:
        representations = named(sources)
    given = {role: getattr(settings, role) for role in ROLES}
    return Packing(
        representations=representations,
        roles={role: spelled(text) for role, text in given.items() if text},
        predictions=predictions_of(settings.predictions),
        teacher=settings.teacher,
        student=settings.student,
    )


def predictions_of(options: Sequence[str]) -> dict[str, Spelling]:
    """Return the sources of predictions, given as NAME=SOURCE, by name of the representation."""
    found: dict[str, Spelling] = {}
    for option in options:
        name, _, text = option.partition("=")
        if not name or not text or name in found:
            raise InputError(
                f"`predictions` {option!r} must be NAME=SOURCE, once for the name of a "
                "representation"
            )
        found[name] = spelled(text)
    return found


def named(texts: Sequence[str]) -> dict[str, Spelling]:
    """Return sources by name: that given as `name=path`, else the stem of the file.

    Sources of one file are named by what they are in it.

    Raises
    ------
    InputError
        Two sources get the same name, or one gets a name that no dataset can have.
    """
    sources = [spelled(text, named=True) for text in texts]
    stems = Counter(one.name for one in sources if not one.is_named)
    names = [one.key if stems[one.name] > 1 and one.key else one.name for one in sources]
    found: dict[str, Spelling] = {}
    for name, one in zip(names, sources):
        check_name(name)
        if name in found:
            raise InputError(
                f"{found[name].text} and {one.text} would both be named {name!r}; give one a name "
                f"of its own, as in other={one.text}"
            )
        found[name] = one
    return found
