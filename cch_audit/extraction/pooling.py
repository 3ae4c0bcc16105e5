"""How the output of a layer becomes one row for each sample."""

from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from typing import Any, Literal, get_args

import numpy as np
import torch
from torch import nn

from cch_audit.errors import InputError
from cch_audit.extraction.batches import MASK, Array, Batch

RuleName = Literal["mean", "channels_first", "channels_last", "cls", "flatten"]
Rule = RuleName | Callable[[Any], torch.Tensor]
Pool = Rule
CHOICE = "choose with `pool`: 'channels_first', 'channels_last', 'cls', 'flatten' or a function"
FEATURES_LAST: tuple[type[nn.Module], ...] = (
    nn.Linear,
    nn.LayerNorm,
    nn.Embedding,
    nn.MultiheadAttention,
    nn.RNNBase,
)
"""Modules after which the last axis is that of the features."""


def rules_of(
    pool: Pool | Mapping[str, Pool], layers: Iterable[str], heads: Iterable[str]
) -> dict[str, Rule]:
    """Return the rule of every layer; a function for all of them is not for heads.

    Raises
    ------
    InputError
        For an unknown rule, or one for a layer that nobody asked for.
    """
    layers, heads = list(layers), list(heads)
    given: Mapping[str, Pool] = {}
    if isinstance(pool, Mapping):
        given = pool
    else:
        given = {layer: "mean" if callable(pool) else pool for layer in heads}
        given |= dict.fromkeys(layers, pool)
    rules: dict[str, Rule] = dict.fromkeys([*layers, *heads], "mean")
    for layer, rule in given.items():
        if layer not in rules:
            (near,) = get_close_matches(layer, rules, n=1, cutoff=0.0)
            raise InputError(f"`pool`: {layer!r} is none of `layers`; the nearest is {near!r}")
        if not callable(rule) and rule not in get_args(RuleName):
            known = ", ".join(get_args(RuleName))
            raise InputError(f"`pool`: {rule!r} is none of {known}, and no function")
        rules[layer] = rule
    return rules


def pooled(
    output: Any, rule: Rule, batch: Batch, module: nn.Module, layer: str, n_before: int
) -> Array:
    """Return a copy of a layer's output as rows.

    Parameters
    ----------
    output : what the layer returned
    rule : how it becomes rows
    batch : says the number of rows, and which tokens count
    module : the layer
    layer : its name
    n_before : rows before this batch

    Returns
    -------
    (n_rows, d) float32, float64, integers or booleans; all finite.

    Raises
    ------
    InputError
        If the output is no tensor of real numbers with a row for each sample, or a rule does not
        fit it.
    """
    where = f"layer {layer!r} in {batch.where}"
    x, is_last = (rule(output), False) if callable(rule) else _tensor(output)
    if not isinstance(x, torch.Tensor):
        source = "`pool` makes of" if callable(rule) else "comes from"
        raise InputError(f"no tensor {source} {where}, but a {type(x).__name__}; {CHOICE}")
    x = _plain(x, batch.mask, where)
    if callable(rule):
        rows = x
    else:
        x = _rows_first(x, batch.n_rows, module, where)
        _check_rows(x, batch, where)
        if rule == "mean" and x.ndim == 3 and tuple(x.shape[:2]) == batch.unused_mask:
            raise InputError(
                f"{where} has tokens of which {MASK!r} says which count; name it with `mask`, or "
                "take the mean of all with `pool` 'channels_last'"
            )
        rows = _reduced(x, rule, is_last, batch.mask, module, where)
    rows = rows[:, None] if rows.ndim == 1 else rows
    _check_rows(rows, batch, where)
    if rows.ndim != 2 or not rows.shape[1]:
        raise InputError(f"{where} gives {tuple(rows.shape)}, which is not (n, d); {CHOICE}")
    array = rows.cpu().numpy().copy()
    is_bad = ~np.isfinite(array).all(axis=1)
    if is_bad.any():
        raise InputError(
            f"{where} gives NaN or infinity in {int(is_bad.sum())} of {len(array)} rows, first in "
            f"row {n_before + int(is_bad.argmax())}; look for overflow, or rows without any token"
        )
    return array


def _tensor(output: Any) -> tuple[Any, bool]:
    """Return the tensor that counts in an output, and whether features are known to be last."""
    if isinstance(output, torch.Tensor):
        return output, False
    hidden = getattr(output, "last_hidden_state", None)
    if hidden is None and isinstance(output, Mapping):
        hidden = output.get("last_hidden_state")
    if isinstance(hidden, torch.Tensor):
        return hidden, hidden.ndim == 3
    parts = output.values() if isinstance(output, Mapping) else output
    if isinstance(parts, Iterable) and not isinstance(parts, str | bytes):
        for part in parts:
            found, is_last = _tensor(part)
            if isinstance(found, torch.Tensor):
                return found, is_last
    return output, False


def _plain(x: torch.Tensor, mask: torch.Tensor | None, where: str) -> torch.Tensor:
    """Return a dense tensor in a type that can be stored."""
    if x.is_complex() or x.is_quantized:
        raise InputError(
            f"{where} gives numbers of type {str(x.dtype).removeprefix('torch.')}; make real ones "
            "of them with a function for `pool`"
        )
    x = x.detach()
    if x.is_nested:  # what torch.nn.TransformerEncoder makes of tokens that its mask leaves
        if mask is None:
            raise InputError(
                f"{where} gives a nested tensor; name the mask it comes from with `padding_mask`, "
                "or make rows of it with a function for `pool`"
            )
        x = torch.nested.to_padded_tensor(x, 0.0, (*mask.shape, x.size(-1)))
    x = x.to_dense() if x.layout != torch.strided else x
    return x.float() if x.is_floating_point() and x.dtype != torch.float64 else x


def _rows_first(x: torch.Tensor, n_rows: int, module: nn.Module, where: str) -> torch.Tensor:
    """Return (tokens, n, d) of a layer that says so as (n, tokens, d)."""
    says = any(getattr(one, "batch_first", True) is False for one in module.modules())
    if not says or x.ndim != 3 or x.shape[1] != n_rows:
        return x
    if x.shape[0] == n_rows:
        raise InputError(
            f"{where} has batch_first=False and gives as many tokens as rows, {tuple(x.shape)}, so "
            "that which are which cannot be told; make rows of it with a function for `pool`"
        )
    return x.transpose(0, 1)


def _check_rows(x: torch.Tensor, batch: Batch, where: str) -> None:
    if x.ndim == 0 or x.shape[0] != batch.n_rows:
        role = next(iter(batch.roles))
        raise InputError(
            f"{where} gives {tuple(x.shape)}, and the batch has {batch.n_rows} {role}; a layer "
            f"must give one row for each, or make them with a function for `pool`"
        )


def _reduced(
    x: torch.Tensor,
    rule: RuleName,
    is_last: bool,
    mask: torch.Tensor | None,
    module: nn.Module,
    where: str,
) -> torch.Tensor:
    """Return (n, d) of (n, ...); what has two axes stays."""
    if x.ndim <= 2:
        return x
    if rule == "flatten":
        return x.flatten(1)
    if rule == "cls":
        if x.ndim != 3:
            raise InputError(f"{where} gives {tuple(x.shape)}, not (n, tokens, d); {CHOICE}")
        return x[:, 0]
    x = x if x.is_floating_point() else x.float()
    if rule == "mean" and mask is not None and x.ndim == 3:
        return _masked_mean(x, mask, where)
    if rule == "mean":
        is_last = is_last or _has_features_last(x, module, where)
    else:
        is_last = rule == "channels_last"
    return x.mean(dim=tuple(range(1, x.ndim - 1) if is_last else range(2, x.ndim)))


def _masked_mean(x: torch.Tensor, mask: torch.Tensor, where: str) -> torch.Tensor:
    if mask.shape != x.shape[:2]:
        raise InputError(
            f"{where} gives {tuple(x.shape)}, and the mask is {tuple(mask.shape)}, which are not "
            "the same tokens; for a mean of all of them give `pool` 'channels_last' or "
            "'channels_first'"
        )
    weights = mask.to(x.device, x.dtype)[:, :, None]
    # Where a token does not count, whatever it says: NaN times zero is NaN.
    return (x.where(weights > 0, 0)).sum(dim=1) / weights.sum(dim=1)


def _has_features_last(x: torch.Tensor, module: nn.Module, where: str) -> bool:
    """Return whether the modules in a layer say that features are last, or refuse to guess."""
    parts = list(module.modules())
    ending = f"{x.ndim - 2}d"  # Conv1d, BatchNorm2d, AdaptiveAvgPool2d, ...
    names = [cls.__name__ for part in parts for cls in type(part).__mro__]
    first = any(name.endswith(ending) for name in names)
    last = any(isinstance(part, FEATURES_LAST) for part in parts)
    if first != last:
        return last
    if x.ndim > 3 and not last:
        return False
    raise InputError(
        f"{where} gives {tuple(x.shape)}, of which either the second axis or the last one could "
        f"be the features; {CHOICE}"
    )
