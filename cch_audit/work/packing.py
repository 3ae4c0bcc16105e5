"""Results as plain arrays, and back: a file that holds them can run no code when it is read."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Arrays = dict[str, npt.NDArray[Any]]
STRUCTURE = "structure"
"""Name of the array that says, as JSON, how the others belong together."""


def packed(value: Any) -> Arrays:
    """Return a result as arrays by name.

    Parameters
    ----------
    value : arrays of numbers, numbers, texts, None, and tuples, mappings and dataclasses of these
    """
    arrays: Arrays = {}
    text = json.dumps(_structure(value, arrays), ensure_ascii=False)
    return {STRUCTURE: np.frombuffer(text.encode("utf-8", "surrogatepass"), np.uint8), **arrays}


def unpacked(arrays: Mapping[str, npt.NDArray[Any]], records: Iterable[type]) -> Any:
    """Return the result that `packed` made arrays of.

    Parameters
    ----------
    arrays : by name
    records : the dataclasses that it may be made of

    Raises
    ------
    Exception
        Of whatever kind, if it is no such result.
    """
    structure = json.loads(arrays[STRUCTURE].tobytes().decode("utf-8", "surrogatepass"))
    return _value(structure, arrays, {record.__name__: record for record in records})


def arrays_in(value: Any) -> dict[int, int]:
    """Return about how many bytes each array of a value takes, by its id, for some are shared."""
    if isinstance(value, np.ndarray):
        return {id(value): value.nbytes}
    if isinstance(value, Mapping):
        value = tuple(value.values())
    if is_dataclass(value):
        value = tuple(getattr(value, field.name) for field in fields(value))
    found: dict[int, int] = {}
    for part in value if isinstance(value, tuple | list) else ():
        found |= arrays_in(part)
    return found


def _structure(value: Any, arrays: Arrays) -> Any:
    """Return JSON for a value; its arrays are put aside under names."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, np.ndarray) and not value.dtype.hasobject:
        name = f"array{len(arrays)}"
        arrays[name] = value
        return {"array": name}
    if isinstance(value, tuple):
        return [_structure(item, arrays) for item in value]
    if isinstance(value, Mapping):
        return {"mapping": [[key, _structure(item, arrays)] for key, item in value.items()]}
    if is_dataclass(value) and not isinstance(value, type):
        parts = {f.name: _structure(getattr(value, f.name), arrays) for f in fields(value)}
        return {"record": type(value).__name__, "fields": parts}
    raise TypeError(f"a {type(value).__name__} cannot be kept")


def _value(structure: Any, arrays: Mapping[str, Any], records: Mapping[str, type]) -> Any:
    """Return the value that JSON stands for."""
    if isinstance(structure, list):
        return tuple(_value(item, arrays, records) for item in structure)
    if not isinstance(structure, dict):
        return structure
    if "array" in structure:
        return arrays[structure["array"]]
    if "mapping" in structure:
        return {key: _value(item, arrays, records) for key, item in structure["mapping"]}
    parts = structure["fields"].items()
    return records[structure["record"]](**{k: _value(v, arrays, records) for k, v in parts})
