"""Files of arrays and tensors: .npy, .npz, .pt and .safetensors; nothing in them is run."""

import math
import pickle
import warnings
import zipfile
from collections import Counter
from collections.abc import Mapping
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

NO_OBJECTS = (
    "holds Python objects, which could run code and are never loaded; save numbers, or text as "
    "x.astype(str)"
)


def open_npy(opening: Opening) -> Container:
    """Open one array of numpy, mapped into memory."""
    path, max_bytes = opening.path, opening.max_bytes

    def get(inside: str) -> Rows:
        name = str(path)
        if inside:
            raise InputError(f"{name}: holds one array, without names; leave ':{inside}' away")
        try:
            array = np.lib.format.open_memmap(path, mode="r")
        except (ValueError, OSError, SyntaxError, OverflowError, MemoryError) as err:
            if "Python objects" in str(err):
                raise InputError(f"{name} {NO_OBJECTS}") from err
            raise damaged(name, err) from err
        return checked(Rows(name, name, array, array.shape, array.dtype), max_bytes)

    return Container(get)


def open_npz(opening: Opening) -> Container:
    """Open the arrays of an archive of numpy; each is read whole, after its header."""
    path, max_bytes = opening.path, opening.max_bytes
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError, ValueError) as err:
        raise damaged(str(path), err) from err
    with archive:
        entries = archive.infolist()
    sizes = {e.filename.removesuffix(".npy"): e.file_size for e in entries}

    def get(inside: str) -> Rows:
        key = choose(inside, list(sizes), str(path), "array")
        where = f"{path}: array {key!r}"
        check_size(where, sizes[key], max_bytes)
        try:
            with zipfile.ZipFile(path) as archive:
                names = archive.namelist()
                member = f"{key}.npy" if f"{key}.npy" in names else key
                with archive.open(member) as file:
                    _check_header(file, where, max_bytes)
                with archive.open(member) as file:
                    array = np.lib.format.read_array(file, allow_pickle=False)
        except InputError:
            raise
        except Exception as err:  # zlib, zipfile and numpy each raise their own
            raise damaged(where, err) from err
        return checked(Rows(where, str(path), array, array.shape, array.dtype), max_bytes)

    return Container(
        get,
        lambda _, name: get(name) if name in sizes else None,
        lambda _: {name: name for name in sizes},
    )


def _check_header(file: Any, where: str, max_bytes: int) -> None:
    """Refuse objects of Python, and a shape whose array would be larger than the limit."""
    version = np.lib.format.read_magic(file)
    read = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }.get(version)
    if read is None:
        raise InputError(f"{where} is a table of records; write its columns as plain arrays")
    shape, _, dtype = read(file)
    if dtype.hasobject:
        raise InputError(f"{where} {NO_OBJECTS}")
    check_size(where, math.prod(shape) * dtype.itemsize, max_bytes)


def open_torch(opening: Opening) -> Container:
    """Open a tensor, or a dict of them, that torch saved; only tensors are loaded."""
    path, max_bytes = opening.path, opening.max_bytes
    name = str(path)
    is_archive = zipfile.is_zipfile(path)
    if is_archive:
        with zipfile.ZipFile(path) as archive:
            check_size(name, sum(entry.file_size for entry in archive.infolist()), max_bytes)
    import torch

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            # A map into memory, which files of old versions do not have.
            held = torch.load(path, map_location="cpu", weights_only=True, mmap=is_archive)
    except pickle.UnpicklingError as err:
        if "Weights only load failed" in str(err) and "GLOBAL" in str(err).upper():
            raise InputError(
                f"{name}: holds Python objects beside tensors, which could run code and are never "
                "loaded; save the tensor alone, with torch.save(x, ...)"
            ) from err
        raise damaged(name, ValueError("no file of torch.save, or not whole")) from err
    except Exception as err:  # bytes that are no tensors raise anything
        raise damaged(name, err) from err
    if isinstance(held, Mapping):
        counts = Counter(map(str, held))
        twice = [key for key in held if counts[str(key)] > 1]
        if twice:
            raise InputError(
                f"{name}: its dict has several keys that read {str(twice[0])!r} "
                f"({', '.join(map(repr, twice[:4]))}); give each tensor a name of its own"
            )
    items = {str(key): value for key, value in held.items()} if isinstance(held, Mapping) else {}

    def get(inside: str) -> Rows:
        if isinstance(held, Mapping):
            tensors = [key for key, value in items.items() if isinstance(value, torch.Tensor)]
            key = choose(inside, tensors if inside not in items else [inside], name, "tensor")
            where, value = f"{name}: tensor {key!r}", items[key]
        elif inside:
            raise InputError(f"{name}: holds no dict of tensors; leave ':{inside}' away")
        else:
            where, value = name, held
        array = _of_tensor(value, where, max_bytes)
        return checked(Rows(where, name, array, array.shape, array.dtype), max_bytes)

    return Container(
        get,
        lambda _, key: get(key) if key in items else None,
        lambda _: {key: key for key in items},
    )


def _of_tensor(value: Any, where: str, max_bytes: int) -> AnyArray:
    """Return a tensor, or a list of numbers or strings, as an array."""
    import torch

    if isinstance(value, torch.Tensor):
        check_size(where, value.numel() * value.element_size(), max_bytes)
        if value.device.type != "cpu" or value.is_quantized or value.is_nested:
            raise InputError(f"{where} is a tensor without plain values; save x.cpu().float()")
        value = value.detach()
        value = value.to_dense() if value.layout != torch.strided else value
        value = value.resolve_conj().resolve_neg()
        as_float = value.dtype.is_floating_point and value.dtype not in (
            torch.float16,
            torch.float32,
            torch.float64,
        )
        array: AnyArray = (value.float() if as_float else value).numpy()
        return array
    if isinstance(value, list | tuple) and all(isinstance(x, str | int | float) for x in value):
        return np.asarray(value)
    raise InputError(
        f"{where} is no tensor but a {type(value).__name__}; save a tensor, or a dict of them by "
        "name"
    )


def open_safetensors(opening: Opening) -> Container:
    """Open the tensors of a file of the safetensors library, which are read by blocks of rows."""
    name, max_bytes = str(opening.path), opening.max_bytes
    need(name, "safetensors")
    from safetensors import SafetensorError
    from safetensors import safe_open as file_of

    try:
        file: Any = file_of(name, "numpy")
        keys = list(file.keys())
    except (SafetensorError, OSError, ValueError) as err:
        raise damaged(name, err) from err

    def get(inside: str) -> Rows:
        key = choose(inside, keys, name, "tensor")
        where = f"{name}: tensor {key!r}"
        part = file.get_slice(key)
        shape, kind = tuple(part.get_shape()), part.get_dtype()
        check_size(where, math.prod(shape) * 2, max_bytes)
        if kind in ("BF16", "F8_E4M3", "F8_E5M2"):  # numpy does not have them
            wide: Any = file_of(name, "pt")
            values = _Float32(wide.get_slice(key))
            return checked(Rows(where, name, values, shape, np.dtype("f4")), max_bytes)
        try:
            dtype = part[:0].dtype if shape else np.dtype("f8")
        except (SafetensorError, TypeError, ValueError) as err:
            raise InputError(
                f"{where} is of type {kind}; it must hold real numbers: save x.float()"
            ) from err
        return checked(Rows(where, name, part, shape, dtype), max_bytes)

    return Container(
        get,
        lambda _, key: get(key) if key in keys else None,
        lambda _: {key: key for key in keys},
    )


class _Float32:
    """Blocks of rows of a type that numpy does not have."""

    def __init__(self, part: Any) -> None:
        self.part = part

    def __getitem__(self, rows: slice) -> AnyArray:
        values: AnyArray = self.part[rows].float().numpy()
        return values
