"""Which columns of a table are features, where none is named, and which say whose rows they are."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import combinations

import numpy as np

from cch_audit.errors import InputError
from cch_audit.reading.containers import AnyArray, Container, Rows, checked, choose
from cch_audit.reading.listing import listed
from cch_audit.reading.spelling import Spelling

IDS = re.compile(
    r"(?i:|unnamed: \d+|id|ids|uid|uuid|guid|idx|index|key|rows?|row[_ ]?(number|num|nr|no)|"
    r"(.*[_\-. ])ids?|(row|sample|subject|patient)ids?)|.*[a-z]I[dD]s?"
)
"""Names of columns that say which sample a row is."""
ROLES = re.compile(
    r"(?i)y|y_true|labels?|targets?|class|classes|(.*[_\-. ])(label|target)|"
    r"splits?|folds?|partition|subset|groups?|(.*[_\-. ])(split|fold|group)"
)
"""Names of columns that are what is to be told, or how rows were divided."""
SHARED = 0.5
"""Of the numbers of a column, from which on another of this name has the same ones."""


def names_of_roles(
    roles: Mapping[str, Spelling], containers: Mapping[str, Container]
) -> dict[str, str]:
    """Return which role each name has that was given for one, in small letters.

    Parameters
    ----------
    roles : sources of labels, groups, split, ids and predictions, by dataset
    containers : the files, by path
    """
    found: dict[str, str] = {}
    for dataset, one in roles.items():
        table = containers[one.path].table
        names = {one.inside, one.key if table is None else one.inside}
        if table is not None and not one.inside and len(table.columns) == 1:
            names.add(table.columns[0])
        role = dataset.partition("/")[0]
        found |= {name.casefold(): role for name in names if name}
    return found


def numbers_of_tables(
    sources: Iterable[Spelling], containers: Mapping[str, Container]
) -> dict[str, dict[str, AnyArray]]:
    """Return the columns of numbers of each table: all of one without a name, else whole ones."""
    sources = list(sources)
    found = {}
    for one in sources:
        table = containers[one.path].table
        if table is None or one.path in found:
            continue
        is_bare = any(not other.inside for other in sources if other.path == one.path)
        try:
            found[one.path] = table.numbers(not is_bare)
        except InputError:  # of columns that nobody asked for
            if is_bare:
                raise
            found[one.path] = {}
    return found


def same_numbers(tables: Mapping[str, Mapping[str, AnyArray]]) -> dict[str, dict[str, str]]:
    """Return, by table and column, another table that has the same whole numbers, each once.

    Those are the same row by row under whatever name, or in any order under one name, where no
    other name has that: features that are ranks have it in many.
    """
    whole = {
        path: {name: values for name, values in columns.items() if _is_each_once(values)}
        for path, columns in tables.items()
    }
    found: dict[str, dict[str, str]] = {path: {} for path in tables}
    for one, other in combinations(whole, 2):
        rows = {_bytes(values): name for name, values in whole[other].items()}
        contents = {name: _bytes(values) for name, values in whole[one].items()}
        pairs = [(name, rows[content]) for name, content in contents.items() if content in rows]
        named = [
            name
            for name, values in whole[one].items()
            if name in whole[other]
            and not IDS.fullmatch(name)
            and _n_shared(values, whole[other][name]) >= SHARED * len(values)
        ]
        pairs += [(name, name) for name in named if len(named) == 1]
        for first, second in pairs:
            found[one].setdefault(first, other)
            found[other].setdefault(second, one)
    return found


def _is_each_once(values: AnyArray) -> bool:
    """Whether values are whole numbers that are all different."""
    if values.dtype.kind not in "iuf" or len(values) < 2 or values[0] != np.trunc(values[0]):
        return False
    with np.errstate(invalid="ignore"):
        is_whole = bool(np.all(np.isfinite(values) & (values == np.trunc(values))))
    return is_whole and len(np.unique(values)) == len(values)


def _bytes(values: AnyArray) -> bytes:
    return values.astype("f8").tobytes()


def _n_shared(one: AnyArray, other: AnyArray) -> int:
    return len(np.intersect1d(one, other, assume_unique=True))


def features(
    dataset: str,
    source: Spelling,
    container: Container,
    roles: Mapping[str, str],
    numbers: Mapping[str, AnyArray],
    same: Mapping[str, str],
) -> tuple[Rows, str]:
    """Return the array of a table of which no column is named, and a note on what was left out.

    Parameters
    ----------
    dataset : what it becomes
    source : as the user spelled it
    container : the table
    roles : by name in small letters, the role that a column has anywhere
    numbers : the columns of numbers
    same : by name, another table with the same whole numbers

    Raises
    ------
    InputError
        No column is left, or one value for each row is needed and there are several columns.
    """
    table = container.table
    assert table is not None
    path, is_labels = source.path, dataset == "labels"
    is_role = "/" not in dataset

    def why(name: str) -> str:
        role = roles.get(name.casefold())
        if role is not None and role != dataset:
            return f"named as the {role}"
        if IDS.fullmatch(name):
            return "named as an identifier"
        if ROLES.fullmatch(name) and not is_labels:
            return "named as labels, groups or folds"
        return f"the same whole numbers as in {same[name]}" if name in same else ""

    if len(table.columns) == 1 and (is_role or not why(table.columns[0])):
        return container.get(table.columns[0]), ""
    if is_role and not is_labels:
        choose("", table.columns, path, "column")
    left = {
        name: "an index"
        if name in table.index
        else why(name) or ("" if name in numbers else "no numbers")
        for name in table.names
    }
    kept = [name for name, reason in left.items() if not reason]
    left = {name: reason for name, reason in left.items() if reason}
    reasons: dict[str, list[str]] = {}
    for name, reason in left.items():
        reasons.setdefault(reason, []).append(name)
    said = ", ".join(f"{listed(names)} ({reason})" for reason, names in reasons.items())
    example = next((name for name in left if name in numbers), next(iter(left), ""))
    if not kept:
        raise InputError(
            f"{path}: no column of numbers is left without {said}; name a column, as in "
            f"{path}:{example}"
        )
    values = np.stack([numbers[name] for name in kept], axis=1)
    note = f"{listed(kept)}, without {listed(list(left))}" if left else ""
    rows = checked(Rows(path, path, values, values.shape, values.dtype, note), table.max_bytes)
    if is_labels and len(kept) == 1:
        rows = replace(container.get(kept[0]), note=note)
    taken = ""
    if any(name in numbers for name in left):
        taken = f"; to take one nevertheless, name it, as in {path}:{example}"
    return rows, f"{path}: columns left out: {said}{taken}." if left else ""


def check_order(
    sources: Mapping[str, Spelling],
    arrays: Mapping[str, Rows],
    containers: Mapping[str, Container],
    same: Mapping[str, Mapping[str, str]],
    joined: Iterable[str],
) -> tuple[str, ...]:
    """Refuse to pair rows by position that say themselves that they are others.

    Parameters
    ----------
    sources, arrays : by dataset
    containers : the files, by path
    same : by table and column, another table with the same whole numbers
    joined : owners whose rows are joined by an index

    Returns
    -------
    Notes on what speaks against the order, but cannot say which is right.

    Raises
    ------
    InputError
        Two files have identifiers of one name, some of them shared, in another order.
    """
    joined = frozenset(joined)
    by_owner = {arrays[name].owner: sources[name] for name in reversed(list(arrays))}
    sizes = {rows.owner: len(rows) for rows in arrays.values()}
    texts: dict[tuple[str, str], list[str] | None] = {}

    def text(owner: str, name: str) -> list[str] | None:
        if (owner, name) not in texts:
            one = by_owner[owner]
            texts[owner, name] = _text(containers[one.path], one.inside, name, sizes[owner])
        return texts[owner, name]

    notes = []
    owners = [rows.owner for rows in arrays.values()]
    for one, other in combinations(dict.fromkeys(owners), 2):
        if {one, other} <= joined:
            continue
        first, second = by_owner[one], by_owner[other]
        keys = [containers[source.path].keys(source.inside) for source in (first, second)]
        marked = same.get(first.path, {}).keys() & same.get(second.path, {}).keys()
        names = [
            name for name in keys[0] if name in keys[1] and (IDS.fullmatch(name) or name in marked)
        ]
        pairs = [(name, text(one, name), text(other, name)) for name in names if name]
        known = [(name, a, b) for name, a, b in pairs if a is not None and b is not None]
        unique = [found for found in known if all(len(set(ids)) == len(ids) for ids in found[1:])]
        if any(a == b for _, a, b in unique):
            continue
        for name, a, b in unique:
            if set(a) & set(b):
                raise InputError(
                    f"{first.path} and {second.path} have other values of {name!r} row by row, "
                    "and without ids their rows would be paired by position; add `ids` "
                    f"{first.path}:{keys[0][name]} to join them by it, or name "
                    "it otherwise in one of them if it identifies nothing"
                )
        differ = [name for name, a, b in known if a != b]
        if differ:
            notes.append(
                f"The rows of {first.path} and {second.path} are paired by position, although "
                f"{listed(differ)} differs between them."
            )
    return tuple(notes)


def _text(container: Container, inside: str, name: str, n_rows: int) -> list[str] | None:
    """Return what may identify rows as text; None if it cannot."""
    try:
        rows = container.ids(inside, name)
        if rows is None or rows.shape != (n_rows,) or rows.dtype.kind == "f":
            return None
        return [str(value) for value in rows.read().tolist()]
    except InputError:
        return None
