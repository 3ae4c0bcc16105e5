"""Run a model once over its data and keep what some of its layers say."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cch_audit.errors import InputError
from cch_audit.results.files import appearing, check_absent, check_folder

if TYPE_CHECKING:
    from torch import nn

    from cch_audit.extraction.batches import Array, Keys, Unpack
    from cch_audit.extraction.pooling import Pool, Rule


def extract(
    model: "nn.Module",
    loader: Iterable[Any],
    layers: Sequence[str] | Mapping[str, str],
    out: str | PathLike[str],
    *,
    pool: "Pool | Mapping[str, Pool]" = "mean",
    predictions: str | Mapping[str, str] | None = None,
    inputs: str | Sequence[str] | None = None,
    labels: str | None = None,
    ids: str | None = None,
    groups: str | None = None,
    split: str | None = None,
    mask: str | None = None,
    padding_mask: str | None = None,
    unpack: "Unpack | None" = None,
    append: bool = False,
    force: bool = False,
) -> Path:
    """Write what some layers of a model say of every row, for `check` and `rank` to read.

    The model runs in evaluation mode and without gradients, on the device it is on; its mode and
    its hooks are as before in the end. Rows are written as they come, and the file appears whole
    or not at all.

    Parameters
    ----------
    model : any torch module
    loader
        Yields batches: tuples (inputs, labels), dicts, or whatever `unpack` takes. Inputs are a
        tensor, several for several arguments, or a dict of keyword arguments. Of a dict, those
        entries that `forward` names are passed by keyword, unless `inputs` says which.
    layers
        Names as `model.named_modules()` has them, which become `representations/<layer>`; or the
        layer by the name of its representation, `{"image": "encoder.layer.3"}`, without `/`, `,`
        and control characters. Of a layer that
        is called more than once in a batch, the last call counts.
    out : the HDF5 file
    pool
        How the output of a layer becomes one row (d,) for each sample; or that by layer, where the
        other ones have the default. Of a tuple the first tensor counts, of a dict or a
        HuggingFace output `last_hidden_state` or else the first tensor. (n, d) stays.

        - "mean": (n, c, t) and (n, c, h, w) over the axes behind the second; (n, tokens, d) and
          (n, h, w, d) over those before the last, tokens as the mask has them. Which it is follows
          from the modules in the layer (convolutions and their like; linear maps, norms and
          recurrent ones); 4 axes of which these say nothing are (n, c, h, w), and what else is
          unclear is refused.
        - "channels_first", "channels_last": the same means, said, of all tokens.
        - "cls": (n, tokens, d), the first token.
        - "flatten": all axes one after the other.
        - a function: gets what the layer returned, and returns a tensor (n, d).
    predictions
        A layer whose outputs (n, K) are the model's own predictions. They are stored as
        `predictions/<name>`, beside the representation whose layer was called last before it; or
        that layer by the name of a representation.
    inputs : keys of dict batches that are passed to the model by position
    labels, ids, groups, split
        Keys of dict batches under which these stand; by default their own name, and for the labels
        also `label`, `y` or `target`.
    mask, padding_mask
        Key of dict batches, or name in what `unpack` returns, of a mask (n, tokens): not zero where
        a token counts (as in HuggingFace), or where it does not (as in `torch.nn`).
    unpack
        A function from a batch to `(inputs, roles)`, where roles is a dict with `labels`, and
        where there are any `ids`, `groups`, `split` and the mask.
    append
        Add representations to the file, of another model for the same rows: each of `ids`,
        `labels`, `groups` and `split` that both have must be equal row by row, and there must be
        ids or labels that both have. A file that is not there is made.
    force : replace a file that exists

    Returns
    -------
    The path of the file. Half precision and bfloat16 are stored as float32, float64 and integers
    as they are.

    Raises
    ------
    InputError
        In one sentence. What the model or the loader raises is not changed.
    """
    path = Path(out)
    if append and force:
        raise InputError("`append` adds to a file and `force` replaces it; give one of them")
    if not append:
        check_absent(path, force=force)
    check_folder(path)

    from cch_audit.extraction.batches import ROLES, Keys
    from cch_audit.extraction.layers import evaluating, named_heads, named_layers
    from cch_audit.extraction.pooling import rules_of
    from cch_audit.extraction.store import (
        add,
        check_complete,
        count,
        growing,
        in_blocks,
        shared_roles,
        writing,
    )

    representations = named_layers(model, layers)
    heads = named_heads(model, predictions, representations)
    rules = rules_of(pool, representations.values(), heads.values())
    asked = dict(zip(ROLES, (labels, ids, groups, split), strict=True))
    keys = Keys(asked, inputs, mask, padding_mask, unpack)
    with ExitStack() as stack:
        with writing(path):
            temporary = stack.enter_context(appearing(path))
        is_old = append and path.exists()
        file = stack.enter_context(growing(path, temporary, is_old=is_old))
        stack.enter_context(evaluating(model))
        n_rows, shared = 0, frozenset[str]()
        for block in in_blocks(_columns(model, loader, keys, rules, representations, heads)):
            if not n_rows:
                shared = shared_roles(file, path, block)
            add(file, path, block, n_rows, shared)
            n_rows += count(block)
        check_complete(file, path, n_rows, shared)
    return path


def _columns(
    model: "nn.Module",
    loader: Iterable[Any],
    keys: "Keys",
    rules: "Mapping[str, Rule]",
    representations: Mapping[str, str],
    heads: Mapping[str, str],
) -> "Iterator[dict[str, Array]]":
    """Yield the rows of every dataset, batch by batch.

    Parameters
    ----------
    model : in evaluation mode
    loader : its data
    keys : where in a batch things stand
    rules : by layer, how its output becomes rows
    representations, heads : layers by dataset
    """
    from cch_audit.extraction.batches import read_batch
    from cch_audit.extraction.layers import outputs_of, placed
    from cch_audit.extraction.store import check_alike

    n_rows = 0
    first: dict[str, Array] = {}
    layers: dict[str, str] = {}
    for number, raw in enumerate(_iterated(loader), start=1):
        batch = read_batch(raw, keys, model, f"batch {number}")
        outputs = outputs_of(model, batch, rules, n_rows)
        layers = layers or {**representations, **placed(heads, representations, outputs)}
        columns = {**batch.roles, **{path: outputs[layer] for path, layer in layers.items()}}
        first = first or {name: rows[:0] for name, rows in columns.items()}
        check_alike(columns, first, batch.where)
        yield columns
        n_rows += batch.n_rows


def _iterated(loader: Iterable[Any]) -> Iterator[Any]:
    """Yield the batches of a loader."""
    try:
        return iter(loader)
    except TypeError as err:
        raise InputError(
            f"a loader yields batches, and this is a {type(loader).__name__}; give a "
            "DataLoader, or a list of batches"
        ) from err
