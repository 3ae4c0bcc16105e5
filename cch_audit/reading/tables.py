"""Tables: .csv, .tsv and .parquet, a column by its name or all columns of numbers."""

import csv
import io
import re
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np

from cch_audit.errors import InputError
from cch_audit.reading.containers import (
    AnyArray,
    Container,
    Opening,
    Rows,
    check_size,
    checked,
    choose,
    damaged,
    need,
)
from cch_audit.reading.listing import listed

INDEX = re.compile(r"|__index_level_\d+__")
"""Names of columns in which pandas keeps its index: none in text, this one in parquet."""
MISSING = int(np.iinfo(np.int64).min)
"""Stands for a missing integer, as pandas and R write it."""
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|nan|-?inf")
UTF_16 = (b"\xff\xfe", b"\xfe\xff")


def open_text(opening: Opening) -> Container:
    """Open a table of text, which is read whole.

    It is separated by tabs if its name ends in .tsv, else by commas; the first line has names.
    """
    path, max_bytes = opening.path, opening.max_bytes
    name = str(path)
    need(name, "pyarrow")
    check_size(name, path.stat().st_size, max_bytes)
    delimiter = "\t" if path.suffix.lower() == ".tsv" else ","
    content = path.read_bytes()
    _check_text(content, name)
    names = _header(content, delimiter, name)

    def read(columns: list[str], as_text: bool) -> Any:
        import pyarrow
        from pyarrow import csv as arrow

        convert = arrow.ConvertOptions(include_columns=columns)
        if as_text:
            convert.column_types = dict.fromkeys(columns, pyarrow.string())
        # One block, or the first one alone would decide on the types.
        options = arrow.ReadOptions(block_size=len(content) + 1, use_threads=False)
        parse = arrow.ParseOptions(
            delimiter=delimiter, newlines_in_values=True, ignore_empty_lines=False
        )
        trimmed = pyarrow.BufferReader(content.rstrip(b"\r\n") + b"\n")
        try:
            return arrow.read_csv(trimmed, options, parse, convert)
        except pyarrow.ArrowInvalid as err:
            said = " ".join(str(err).split())[:200]
            raise InputError(
                f"{name}: {said}; write as many values in each row as the first line has names"
            ) from err
        except (pyarrow.ArrowException, OSError) as err:
            raise damaged(name, err) from err

    return _table(name, names, read, opening)


def _check_text(content: bytes, name: str) -> None:
    """Refuse text of another encoding, and quotes that are not closed."""
    if content.startswith(UTF_16) or b"\0" in content[:1000]:
        raise InputError(f"{name}: is UTF-16 text, or no text; save it again as UTF-8")
    try:
        content.decode("utf-8")
    except UnicodeDecodeError as err:
        raise InputError(
            f"{name}: is no UTF-8 text (byte {err.start:,}); save it again as UTF-8"
        ) from err
    if content.count(b'"') % 2:
        raise InputError(
            f"{name}: a quotation mark is not closed; the file looks damaged or only partly "
            "written: copy or write it again"
        )


def _header(content: bytes, delimiter: str, name: str) -> list[str]:
    """Return the names of the columns; refuse a first line that has none."""
    text = io.StringIO(content.decode("utf-8-sig"), newline="")
    try:
        names = next(csv.reader(text, delimiter=delimiter), [])
    except csv.Error as err:
        raise damaged(name, err) from err
    if not names:
        raise InputError(f"{name}: its first line is empty, but it must hold names of columns")
    if len(names) == 1 and any(mark in names[0] for mark in ",;\t|"):
        wanted = "tabs" if delimiter == "\t" else "commas"
        raise InputError(
            f"{name}: its first line, {names[0][:80]!r}, has no {wanted} between names; save the "
            f"table again with {wanted} between columns (.csv has commas, .tsv has tabs)"
        )
    if all(_is_number(one) for one in names) and not _counts(names):
        raise InputError(
            f"{name}: its first line holds numbers, but it must hold the names of the columns; "
            "add a line of names"
        )
    return names


def _is_number(text: str) -> bool:
    return (
        re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|nan|-?inf", text.strip()) is not None
    )


def _counts(names: list[str]) -> bool:
    """Whether names are the numbers of the columns, as pandas gives them."""
    return names in ([str(i + start) for i in range(len(names))] for start in (0, 1))


def open_parquet(opening: Opening) -> Container:
    """Open a table of parquet, of which only the columns that are wanted are read."""
    path, max_bytes = opening.path, opening.max_bytes
    name = str(path)
    need(name, "pyarrow")
    import pyarrow
    from pyarrow import parquet

    try:
        file = parquet.ParquetFile(path)
        names = list(file.schema_arrow.names)
    except (pyarrow.ArrowException, OSError) as err:
        raise damaged(name, err) from err

    def read(columns: list[str], as_text: bool) -> Any:
        check_size(name, _declared(file.metadata, columns), max_bytes)
        try:
            return file.read(columns)
        except (pyarrow.ArrowException, OSError) as err:
            raise damaged(name, err) from err

    return _table(name, names, read, opening)


def _declared(metadata: Any, columns: list[str]) -> int:
    """Return the bytes that columns of a file of parquet say they take."""
    declared = 0
    for group in range(metadata.num_row_groups):
        for place in range(metadata.num_columns):
            column = metadata.row_group(group).column(place)
            if column.path_in_schema.split(".")[0] in columns:
                declared += max(column.total_uncompressed_size, 8 * column.num_values)
    return int(declared)


def _table(
    path: str,
    names: list[str],
    read: Callable[[list[str], bool], Any],
    opening: Opening,
) -> Container:
    """Return the columns of a table as arrays."""
    max_bytes = opening.max_bytes
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise InputError(
            f"{path}: several columns have the name {twice[0]!r}; give each a name of its own"
        )

    def get(inside: str) -> Rows:
        if inside or len(names) == 1:
            name = choose(inside, names, path, "column")
            where = f"{path}: column {name!r}"
            values = _vector(read([name], name == opening.ids).column(name), where)
            return checked(Rows(where, path, values, values.shape, values.dtype), max_bytes)
        taken = {*opening.used, opening.ids}
        candidates = [n for n in names if n not in taken and not INDEX.fullmatch(n)]
        table = read(candidates, False) if candidates else None
        kept = (
            [] if table is None else [n for n in candidates if _is_numeric(table.schema.field(n))]
        )
        left = [name for name in names if name not in kept]
        if not kept:
            raise InputError(
                f"{path}: no column of numbers is left (it has {listed(names)}); "
                f"name a column, as in {path}:{names[0]}"
            )
        assert table is not None
        values = np.stack([_numbers(table.column(name)) for name in kept], axis=1)
        note = f"{listed(kept)}, without {listed(left)}" if left else ""
        return checked(Rows(path, path, values, values.shape, values.dtype, note), max_bytes)

    def ids(inside: str, name: str) -> Rows | None:
        return get(name) if name and name in names else None

    return Container(get, ids)


def _numbers(column: Any) -> AnyArray:
    """Return a column of numbers as array (n,); a missing one is not a number."""
    from pyarrow import float64, types

    if types.is_decimal(column.type) or column.null_count:
        column = column.cast("int8") if types.is_boolean(column.type) else column
        column = column.cast(float64())
    values: AnyArray = column.to_numpy()
    return values


def _is_numeric(column: Any) -> bool:
    """Whether a column or its field holds numbers."""
    from pyarrow import types

    kind = column.type
    return any(
        test(kind)
        for test in (types.is_integer, types.is_floating, types.is_boolean, types.is_decimal)
    )


def _vector(column: Any, where: str) -> AnyArray:
    """Return a column as an array (n,), or (n, d) if it holds lists of numbers."""
    import pyarrow
    from pyarrow import types

    column = column.combine_chunks()
    kind = column.type
    if types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind):
        return _matrix(column, where)
    try:
        if types.is_integer(kind) and column.null_count:
            column = column.cast(pyarrow.int64()).fill_null(MISSING)
        elif types.is_decimal(kind):
            column = column.cast(pyarrow.float64())
        elif types.is_boolean(kind) and column.null_count:
            column = column.cast(pyarrow.string())
        elif not (types.is_integer(kind) or types.is_floating(kind) or types.is_boolean(kind)):
            column = column.cast(pyarrow.string()).fill_null("")
    except pyarrow.ArrowException as err:
        raise InputError(
            f"{where} is of type {kind}; it must hold numbers, lists of as many numbers, or text"
        ) from err
    values: AnyArray = column.to_numpy(zero_copy_only=False)
    return values


def _matrix(column: Any, where: str) -> AnyArray:
    """Return lists of numbers that are all as long as matrix (n, d)."""
    from pyarrow import compute

    lengths = set(compute.list_value_length(column).to_pylist())
    flat = column.flatten()
    if len(lengths) != 1 or None in lengths or not _is_numeric(flat) or flat.null_count:
        raise InputError(
            f"{where} holds lists that are not all of the same number of numbers; write one list "
            "of as many numbers for each row"
        )
    values: AnyArray = flat.to_numpy(zero_copy_only=False).reshape(len(column), -1)
    return values
