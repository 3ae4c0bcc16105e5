"""What a batch holds: what the model is called with, and what is known of its rows."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from inspect import Parameter, signature
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from cch_audit.errors import InputError
from cch_audit.reading.layout import LABEL_NAMES

Array = npt.NDArray[Any]
Unpack = Callable[[Any], tuple[Any, Mapping[str, Any]]]
ROLES = ("labels", "ids", "groups", "split")
"""What is known of rows; also the names of the datasets."""
MASK = "attention_mask"
"""What tokenizers call it."""
OWN_NAMES = {role: (role,) for role in ROLES} | {"labels": LABEL_NAMES}
"""Keys under which roles are found that nobody named."""


@dataclass(frozen=True)
class Keys:
    """Where in a batch things stand."""

    roles: Mapping[str, str | None]
    """Key by role; None: by its own name."""
    inputs: str | Sequence[str] | None = None
    mask: str | None = None
    padding_mask: str | None = None
    unpack: Unpack | None = None


@dataclass(frozen=True)
class Batch:
    """One batch, ready for the model."""

    where: str
    """Begins or ends a message."""
    arguments: tuple[Any, ...]
    keywords: Mapping[str, Any]
    roles: Mapping[str, Array]
    """By role (n_rows,) or (n_rows, q); text as objects."""
    n_rows: int
    mask: torch.Tensor | None
    """True where a token counts, (n_rows, tokens)."""
    unused_mask: tuple[int, ...] | None = None
    """The shape of a mask in the batch that nobody named."""


def read_batch(raw: Any, keys: Keys, model: nn.Module, where: str) -> Batch:
    """Return a batch with its parts in their places, and its tensors on the model's device.

    Raises
    ------
    InputError
        If a part is missing, or parts have different numbers of rows.
    """
    inputs, rest = _parts(raw, keys, model, where)
    arguments, keywords = _as_call(inputs)
    _check_call(model, arguments, keywords, where)
    roles = {role: _column(rest[role], role, where) for role in ROLES if role in rest}
    if not roles:
        raise InputError(
            f"{where} holds no labels, without which nothing can be audited; yield (inputs, "
            "labels), name their key with `labels`, or give `unpack`"
        )
    counts = {role: len(column) for role, column in roles.items()}
    if len(set(counts.values())) > 1:
        shown = ", ".join(f"{count} of {role}" for role, count in counts.items())
        raise InputError(f"{where} has different numbers of rows: {shown}")
    if 0 in counts.values():
        raise InputError(f"{where} has no rows; leave it out")
    parameter = next(model.parameters(), None)
    device = None if parameter is None else parameter.device
    named = {**_mapping(raw), **keywords, **rest}
    mask, offered = _mask(keys, named, where), named.get(MASK)
    unused = None
    if mask is None and isinstance(offered, torch.Tensor):
        unused = tuple(offered.shape)
    return Batch(
        where=where,
        arguments=_moved(arguments, device),
        keywords=_moved(keywords, device),
        roles=roles,
        n_rows=next(iter(counts.values())),
        mask=mask,
        unused_mask=unused,
    )


def _parts(raw: Any, keys: Keys, model: nn.Module, where: str) -> tuple[Any, Mapping[str, Any]]:
    """Return what the model is called with, and what is known of the rows."""
    if keys.unpack is not None:
        return _unpacked(raw, keys, keys.unpack, where)
    if isinstance(raw, Mapping):
        return _of_dict(raw, keys, model, where)
    named = [role for role, key in keys.roles.items() if key is not None]
    named += [name for name in ("inputs", "mask", "padding_mask") if getattr(keys, name)]
    if named:
        raise InputError(
            f"`{named[0]}` names a key, and {where} is a {type(raw).__name__} without keys; yield "
            "dicts, or give `unpack`"
        )
    if isinstance(raw, torch.Tensor):
        return raw, {}
    if not isinstance(raw, tuple | list) or len(raw) not in (1, 2):
        count = f" of {len(raw)}" if isinstance(raw, tuple | list) else ""
        raise InputError(
            f"{where} is a {type(raw).__name__}{count}, not (inputs, labels) or a dict; say what "
            "stands where with `unpack`"
        )
    return raw[0], dict(zip(("labels",), raw[1:]))


def _unpacked(raw: Any, keys: Keys, unpack: Unpack, where: str) -> tuple[Any, Mapping[str, Any]]:
    found = unpack(raw)
    if not (isinstance(found, tuple) and len(found) == 2 and isinstance(found[1], Mapping)):
        raise InputError(
            f"`unpack` returns a {type(found).__name__} of {where}; it must be (inputs, "
            "{'labels': ...})"
        )
    known = [*ROLES, *filter(None, (keys.mask, keys.padding_mask))]
    for name in found[1]:
        if name not in known:
            (near,) = get_close_matches(str(name), known, n=1, cutoff=0.0)
            raise InputError(f"`unpack` returns {name!r}; the nearest name is {near!r}")
    return found


def _of_dict(
    raw: Mapping[str, Any], keys: Keys, model: nn.Module, where: str
) -> tuple[Any, Mapping[str, Any]]:
    taken: dict[str, str] = {}
    for role, key in keys.roles.items():
        if key is not None:
            _check_key(raw, key, role, where)
        present = [name for name in ([key] if key else OWN_NAMES[role]) if name in raw]
        if len(present) > 1:
            raise InputError(
                f"{where} has the keys {', '.join(map(repr, present))}, each of which could be the "
                f"{role}; say which with `{role}`"
            )
        taken |= dict.fromkeys(present, role)
    rest = {role: raw[key] for key, role in taken.items()}
    if keys.inputs is not None:
        names = [keys.inputs] if isinstance(keys.inputs, str) else keys.inputs
        for name in names:
            _check_key(raw, name, "inputs", where)
        return tuple(raw[name] for name in names), rest
    parameters = signature(model.forward).parameters.values()
    takes_all = any(one.kind == Parameter.VAR_KEYWORD for one in parameters)
    accepted = {one.name for one in parameters}
    left = {name: value for name, value in raw.items() if name not in taken}
    return {name: one for name, one in left.items() if takes_all or name in accepted}, rest


def _check_key(raw: Mapping[str, Any], key: str, option: str, where: str) -> None:
    if key not in raw:
        shown = ", ".join(repr(name) for name in raw)
        raise InputError(f"{where} has no key {key!r} (`{option}`); it has {shown or 'none'}")


def _as_call(inputs: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return the arguments of the model by position and by keyword."""
    if isinstance(inputs, Mapping):
        return (), {str(name): value for name, value in inputs.items()}
    is_several = isinstance(inputs, tuple) or (
        isinstance(inputs, list) and all(isinstance(one, torch.Tensor) for one in inputs)
    )
    return (tuple(inputs), {}) if is_several else ((inputs,), {})


def _check_call(
    model: nn.Module, arguments: tuple[Any, ...], keywords: Mapping[str, Any], where: str
) -> None:
    """Refuse inputs that do not fit what the model says it takes."""
    try:
        signature(model.forward).bind(*arguments, **keywords)
    except TypeError as err:
        raise InputError(
            f"the model cannot be called with the inputs of {where} ({err}); name their keys with "
            "`inputs`, or give `unpack`"
        ) from err


def _mapping(raw: Any) -> Mapping[str, Any]:
    return raw if isinstance(raw, Mapping) else {}


def _mask(keys: Keys, named: Mapping[str, Any], where: str) -> torch.Tensor | None:
    """Return the mask, true where a token counts."""
    if keys.mask is not None and keys.padding_mask is not None:
        raise InputError("`mask` and `padding_mask` say the same the other way round; give one")
    key = keys.mask or keys.padding_mask
    if key is None:
        return None
    _check_key(named, key, "mask" if keys.mask else "padding_mask", where)
    mask = torch.as_tensor(named[key]).detach().cpu()
    if mask.ndim != 2:
        raise InputError(
            f"{where}: the mask {key!r} has the shape {tuple(mask.shape)}; it must be (n, tokens)"
        )
    if mask.is_floating_point() and keys.padding_mask is not None:
        return mask == 0  # what is added to attention: 0, or minus infinity
    return mask == 0 if keys.padding_mask is not None else mask != 0


def _column(value: Any, role: str, where: str) -> Array:
    """Return what is known of the rows as an array of numbers, or of text as objects."""
    if isinstance(value, torch.Tensor):
        value = value.detach().cpu()
        value = value.float() if value.dtype == torch.bfloat16 else value
    try:
        column = np.asarray(value)
    except (TypeError, ValueError) as err:
        raise InputError(f"{where}: the {role} are no array ({err})") from err
    if column.ndim not in (1, 2) or column.dtype.kind not in "biufUSO":
        raise InputError(
            f"{where}: the {role} are of type {column.dtype} and shape {column.shape}; give one "
            "number or text for each row"
        )
    if column.dtype.kind == "f" and not np.isfinite(column).all():
        raise InputError(
            f"{where}: the {role} have values that are missing or infinite; leave these rows out"
        )
    if column.dtype.kind in "USO":
        texts = [one.decode() if isinstance(one, bytes) else str(one) for one in column.ravel()]
        return np.array(texts, dtype=object).reshape(column.shape)
    return column


def _moved(value: Any, device: torch.device | None) -> Any:
    """Return arguments with their tensors on the model's device."""
    if isinstance(value, torch.Tensor):
        return value if device is None else value.to(device)
    if isinstance(value, Mapping):
        return {name: _moved(one, device) for name, one in value.items()}
    if type(value) in (tuple, list):
        return type(value)(_moved(one, device) for one in value)
    return value
