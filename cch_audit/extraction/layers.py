"""Which layers are listened to, and what each of them says when the model runs."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from functools import partial
from typing import Any

import torch
from torch import nn

from cch_audit.errors import InputError
from cch_audit.extraction.batches import Array, Batch
from cch_audit.extraction.pooling import Rule, pooled
from cch_audit.reading.spelling import check_name

WHOLE_MODEL = "model"
"""Name of what the model itself returns, whose name among its modules is empty."""
UNPLACED = ""
"""Stands for the path of predictions until it is known after which layer they come."""


def named_layers(model: Any, layers: Sequence[str] | Mapping[str, str]) -> dict[str, str]:
    """Return the layer by the path of its representation in the file.

    Raises
    ------
    InputError
        If the model is none, or has no such layer, or a name cannot be one in a file.
    """
    if not isinstance(model, nn.Module):
        raise InputError(f"a model is a torch.nn.Module, and this is a {type(model).__name__}")
    if isinstance(layers, str):
        layers = [layers]
    if not isinstance(layers, Mapping):
        layers = {layer or WHOLE_MODEL: layer for layer in layers}
    if not layers:
        raise InputError("`layers` names no layer; name those whose outputs are wanted")
    for name, layer in layers.items():
        _check_layer(model, layer)
        try:
            check_name(name)
        except InputError as err:
            said = str(err).removesuffix("NAME=SOURCE")
            raise InputError(f"`layers`: {said}{{'other': {layer!r}}}") from err
    return {f"representations/{name}": layer for name, layer in layers.items()}


def named_heads(
    model: nn.Module,
    predictions: str | Mapping[str, str] | None,
    representations: Mapping[str, str],
) -> dict[str, str]:
    """Return the layer by the path of its predictions, or by `UNPLACED`.

    Raises
    ------
    InputError
        If there is no such layer, or no such representation.
    """
    if predictions is None:
        return {}
    if isinstance(predictions, str):
        predictions = {UNPLACED: predictions}
    names = [path.removeprefix("representations/") for path in representations]
    for name, layer in predictions.items():
        _check_layer(model, layer)
        if name not in (UNPLACED, *names):
            (near,) = get_close_matches(name, names, n=1, cutoff=0.0)
            raise InputError(
                f"`predictions`: no representation {name!r} is asked for; the nearest one is "
                f"{near!r}"
            )
    return {f"predictions/{name}" if name else UNPLACED: head for name, head in predictions.items()}


def placed(
    heads: Mapping[str, str], representations: Mapping[str, str], called: Iterable[str]
) -> dict[str, str]:
    """Return the heads by path, one without beside the last representation before it.

    Parameters
    ----------
    heads, representations : layers by path
    called : all of these layers in the order of their last calls
    """
    if UNPLACED not in heads:
        return dict(heads)
    head, order = heads[UNPLACED], list(called)
    before = order[: order.index(head) + 1]
    paths = [path for path, layer in representations.items() if layer in before]
    if not paths:
        raise InputError(
            f"layer {head!r} of `predictions` is called before every one of `layers`; say whose "
            "predictions these are, as {'name': " + repr(head) + "}"
        )
    last = max(paths, key=lambda path: before.index(representations[path]))
    return {last.replace("representations", "predictions", 1): head}


def _check_layer(model: nn.Module, layer: str) -> None:
    names = [name for name, _ in model.named_modules(remove_duplicate=False)]
    if layer not in names:
        (near,) = get_close_matches(str(layer), names, n=1, cutoff=0.0)
        raise InputError(
            f"the model has no layer {layer!r}; the nearest one is {near!r}, and "
            "`model.named_modules()` lists all"
        )


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Put a model in evaluation mode without gradients, and each of its modules back in its own."""
    modes = {module: module.training for module in model.modules()}
    try:
        model.eval()
        with torch.no_grad():
            yield
    finally:
        for module, is_training in modes.items():
            module.training = is_training


def outputs_of(
    model: nn.Module, batch: Batch, rules: Mapping[str, Rule], n_before: int
) -> dict[str, Array]:
    """Run a model on a batch and return what its layers said, in the order of their last calls.

    Parameters
    ----------
    model : in evaluation mode
    batch : what it is called with
    rules : by layer, how its output becomes rows
    n_before : rows before this batch, for messages

    Returns
    -------
    By layer (n_rows, d).
    """
    found: dict[str, Array] = {}

    def keep(layer: str, module: nn.Module, arguments: Any, output: Any) -> None:
        # Kept as a copy at once: the next layer may change it in place.
        rows = pooled(output, rules[layer], batch, module, layer, n_before)
        earlier = found.pop(layer, rows)
        if earlier.shape != rows.shape:
            raise InputError(
                f"layer {layer!r} is called twice in {batch.where}, with outputs {earlier.shape} "
                f"and {rows.shape}; name a layer around it that is called once"
            )
        found[layer] = rows

    modules = dict(model.named_modules(remove_duplicate=False))
    handles = []
    try:
        for layer in rules:
            handles.append(modules[layer].register_forward_hook(partial(keep, layer)))
        model(*batch.arguments, **batch.keywords)
    finally:
        for handle in handles:
            handle.remove()
    silent = [layer for layer in rules if layer not in found]
    if silent:
        raise InputError(
            f"the model does not call its layer {silent[0]!r} in {batch.where}; name one that "
            "takes part"
        )
    return found
