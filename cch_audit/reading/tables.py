"""Tables: .csv, .tsv and .parquet, a column by its name or all columns of numbers."""

import csv
import io
import re
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from cch_audit.errors import InputError
from cch_audit.reading.containers import (
    MISSING,
    AnyArray,
    Container,
    Opening,
    Rows,
    Table,
    check_size,
    checked,
    choose,
    damaged,
    need,
)

INDEX = re.compile(r"(Unnamed: \d+)?")
"""Name of the first column of text in which pandas keeps its index, written once or twice."""
LEVEL = re.compile(r"__index_level_\d+__")
"""Names of columns of parquet in which pandas keeps its index."""
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

    index = [one for one in names[:1] if len(names) > 1 and INDEX.fullmatch(one)]
    return _table(name, names, index, read, opening)


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
        schema = file.schema_arrow
        names = list(schema.names)
        held = (schema.pandas_metadata or {}).get("index_columns") or ()
    except (pyarrow.ArrowException, OSError, ValueError, AttributeError) as err:
        raise damaged(name, err) from err

    # What is no name is a range, which counts the rows.
    index = [one for one in names if one in held or LEVEL.fullmatch(one)]

    def read(columns: list[str], as_text: bool) -> Any:
        check_size(name, _declared(file.metadata, columns), max_bytes)
        try:
            return file.read(columns)
        except (pyarrow.ArrowException, OSError) as err:
            raise damaged(name, err) from err

    return _table(name, names, index, read, opening, {one: schema.field(one) for one in names})


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
    index: list[str],
    read: Callable[[list[str], bool], Any],
    opening: Opening,
    fields: Mapping[str, Any] | None = None,
) -> Container:
    """Return the columns of a table as arrays.

    Parameters
    ----------
    path : of the file
    names : of the columns
    index : those in which pandas keeps its index
    read : returns columns, as they are or as text where the file does not say what they are
    opening : the file
    fields : by name, what the file says that columns are, if it does
    """
    max_bytes = opening.max_bytes
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise InputError(
            f"{path}: several columns have the name {twice[0]!r}; give each a name of its own"
        )

    def column(name: str, as_text: bool) -> Rows:
        where = f"{path}: column {name!r}" if name else f"{path}: the column without a name"
        values = _vector(read([name], as_text).column(name), where)
        return checked(Rows(where, path, values, values.shape, values.dtype), max_bytes)

    def get(inside: str) -> Rows:
        name = choose(inside, names, path, "column")
        return column(name, name == opening.ids)

    def numbers(whole: bool) -> dict[str, AnyArray]:
        wanted = [name for name in names if name not in index]
        if fields is not None:
            wanted = [name for name in wanted if _is_numeric(fields[name], whole)]
        if not wanted:
            return {}
        table = read(wanted, False)
        kept = [name for name in wanted if _is_numeric(table.schema.field(name), whole)]
        return {name: _numbers(table.column(name)) for name in kept}

    def ids(inside: str, name: str) -> Rows | None:
        if name and name in names:
            return column(name, True)
        if len(index) != 1:
            return None
        found = column(index[0], True)
        held = found.read()
        # Text does not say whether a range is an index, or counts the rows.
        is_range = fields is None and held.tolist() == list(map(str, range(len(held))))
        is_one = held.ndim == 1 and held.dtype.kind != "f" and len(set(held.tolist())) == len(held)
        return found if is_one and not is_range else None

    table = Table(tuple(names), tuple(index), numbers, max_bytes)
    return Container(get, ids, lambda _: {name: name for name in names}, table)


def _numbers(column: Any) -> AnyArray:
    """Return a column of numbers as array (n,); a missing one is not a number."""
    from pyarrow import float64, types

    if types.is_decimal(column.type) or column.null_count:
        column = column.cast("int8") if types.is_boolean(column.type) else column
        column = column.cast(float64())
    values: AnyArray = column.to_numpy()
    return values


def _is_numeric(column: Any, whole: bool = False) -> bool:
    """Whether a column or its field holds numbers; or integers, if only `whole` ones count."""
    from pyarrow import types

    kind = column.type
    if whole:
        return bool(types.is_integer(kind))
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
