"""From a torch model and its loader to a file that the audit reads."""

import math
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import cch_audit
from cch_audit import InputError, extract

N = 60
Batches = list[Any]


class Small(nn.Module):
    """A convolutional network whose activations overwrite what the convolutions return."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.ReLU(inplace=True), nn.Conv2d(3, 4, 3)
        )
        self.activation = nn.ReLU(inplace=True)
        self.drop = nn.Dropout(0.5)
        self.pool = nn.Linear(4, 5)
        self.head = nn.Linear(5, 2)
        self.unused = nn.Linear(1, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.activation(self.encoder(x))
        return self.head(self.pool(self.drop(x.mean(dim=(2, 3)))))


class Text(nn.Module):
    """A transformer layer, with tokens that do not count."""

    def __init__(self, batch_first: bool = True) -> None:
        super().__init__()
        self.embed = nn.Embedding(11, 8)
        self.block = nn.TransformerEncoderLayer(8, 2, 16, batch_first=batch_first)
        self.act = nn.GELU()

    def forward(self, tokens: torch.Tensor, padding: torch.Tensor | None = None) -> Any:
        hidden = self.block(self.embed(tokens), src_key_padding_mask=padding)
        return SimpleNamespace(last_hidden_state=self.act(hidden))


class Returns(nn.Module):
    """A network whose layer returns what a function makes of its input."""

    def __init__(self, make: Any, layer: Any = nn.Module) -> None:
        super().__init__()
        self.inner = layer()
        self.inner.forward = make

    def forward(self, x: torch.Tensor) -> Any:
        return self.inner(x)


@pytest.fixture
def images() -> Batches:
    torch.manual_seed(0)
    x, y = torch.randn(N, 1, 8, 8), torch.arange(N) % 2
    return list(DataLoader(TensorDataset(x, y), batch_size=16))


@pytest.fixture
def texts() -> Batches:
    torch.manual_seed(1)
    tokens = torch.randint(11, (N, 6))
    padding = torch.arange(6)[None] >= torch.randint(1, 7, (N, 1))
    rows = [
        {"tokens": t, "padding": p, "label": i % 2, "ids": f"row {i}"}
        for i, (t, p) in enumerate(zip(tokens, padding))
    ]
    return list(DataLoader(rows, batch_size=16))  # type: ignore[arg-type]


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "reps.h5"


def stored(path: Path) -> dict[str, npt.NDArray[Any]]:
    found: dict[str, npt.NDArray[Any]] = {}
    with h5py.File(path) as file:
        file.visititems(
            lambda name, one: found.update({name: one[:]}) if hasattr(one, "shape") else None
        )
    return found


def rows(path: Path, layer: str) -> npt.NDArray[Any]:
    return stored(path)[f"representations/{layer}"]


def refusal(*arguments: Any, **options: Any) -> str:
    """Return the one sentence that refuses, after which nothing is left beside the file."""
    path = Path(arguments[3])
    before = {one: one.read_bytes() for one in path.parent.iterdir()}
    with pytest.raises(InputError) as caught:
        extract(*arguments, **options)
    assert {one: one.read_bytes() for one in path.parent.iterdir()} == before
    sentence = str(caught.value)
    assert "\n" not in sentence
    return sentence


def test_layers_of_a_network(images: Batches, out: Path) -> None:
    model = Small().eval()
    assert extract(model, images, ["encoder", "encoder.3", "pool"], out, predictions="head") == out
    found = stored(out)
    x = torch.cat([x for x, _ in images])
    with torch.no_grad():
        maps = model.encoder(x)
        pooled = model.pool(maps.relu().mean(dim=(2, 3)))
        expected = {
            "representations/encoder": maps.mean(dim=(2, 3)),
            "representations/encoder.3": maps.mean(dim=(2, 3)),
            "representations/pool": pooled,
            "predictions/pool": model.head(pooled),
        }
    assert set(found) == {*expected, "labels"}
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values, rtol=1e-4, atol=1e-6)
        assert found[name].dtype == np.float32
    np.testing.assert_array_equal(found["labels"], np.arange(N) % 2)


def test_tokens_that_do_not_count(texts: Batches, out: Path) -> None:
    model = Text().eval()
    extract(model, texts, ["embed", "block"], out, padding_mask="padding")
    counts = ~torch.cat([batch["padding"] for batch in texts])
    tokens = torch.cat([batch["tokens"] for batch in texts])
    with torch.no_grad():
        hidden = model.block(model.embed(tokens), src_key_padding_mask=~counts)
    expected = torch.stack([one[keep].mean(dim=0) for one, keep in zip(hidden, counts)])
    np.testing.assert_allclose(rows(out, "block"), expected, rtol=1e-4, atol=1e-5)
    assert stored(out)["ids"][17] == b"row 17"
    flipped = [{**batch, "keep": ~batch["padding"]} for batch in texts]
    extract(model, flipped, ["block"], out, mask="keep", force=True)
    np.testing.assert_allclose(rows(out, "block"), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.filterwarnings("ignore:.*nested tensors")
def test_tokens_that_torch_leaves_out_itself(texts: Batches, out: Path) -> None:
    model = Text().eval()
    model.block = nn.TransformerEncoder(model.block, 2)  # type: ignore[assignment]
    with pytest.raises(InputError, match="name the mask it comes from with `padding_mask`"):
        extract(model, texts, ["block.layers.0"], out)
    extract(model, texts, ["block.layers.1", "block"], out, padding_mask="padding")
    first, whole = rows(out, "block.layers.1"), rows(out, "block")
    np.testing.assert_allclose(first, whole, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("pool", "expected"),
    [
        ("mean", lambda x: x.mean(1)),
        ("channels_last", lambda x: x.mean(1)),
        ("channels_first", lambda x: x.mean(2)),
        ("cls", lambda x: x[:, 0]),
        ("flatten", lambda x: x.reshape(len(x), -1)),
        (lambda x: x[:, -1], lambda x: x[:, -1]),
        ({"block": "cls"}, lambda x: x[:, 0]),
    ],
    ids=["mean", "last", "first", "cls", "flatten", "function", "by layer"],
)
def test_rules(pool: Any, expected: Any, texts: Batches, out: Path) -> None:
    model = Text().eval()
    extract(model, texts, ["block"], out, pool=pool)
    with torch.no_grad():
        hidden = model.block(
            model.embed(torch.cat([batch["tokens"] for batch in texts])),
            src_key_padding_mask=torch.cat([batch["padding"] for batch in texts]),
        )
    np.testing.assert_allclose(rows(out, "block"), expected(hidden), rtol=1e-4, atol=1e-5)


def test_the_model_itself_and_a_name_of_ones_own(texts: Batches, out: Path) -> None:
    model = Text()
    extract(model, texts, {"whole": "", "words": "embed"}, out)  # `last_hidden_state`
    assert rows(out, "whole").shape == rows(out, "words").shape == (N, 8)
    extract(model, texts, [""], out, force=True)
    assert rows(out, "model").shape == (N, 8)


def flat(x: torch.Tensor) -> torch.Tensor:
    return x.flatten(1)


@pytest.mark.parametrize(
    ("make", "dtype"),
    [
        (flat, np.float32),
        (lambda x: flat(x)[:, 0], np.float32),
        (lambda x: {"loss": 3, "hidden": flat(x), "other": x}, np.float32),
        (lambda x: (None, [flat(x), x]), np.float32),
        (lambda x: SimpleNamespace(logits=x, last_hidden_state=flat(x)), np.float32),
        (lambda x: flat(x).bfloat16(), np.float32),
        (lambda x: flat(x).half(), np.float32),
        (lambda x: flat(x).double(), np.float64),
        (lambda x: flat(x) > 0, np.bool_),
        (lambda x: flat(x).long(), np.int64),
        (lambda x: flat(x).to_sparse(), np.float32),
    ],
    ids=["plain", "vector", "dict", "tuple", "hidden", "bf16", "half", "double", "bool", "int",
         "sparse"],
)  # fmt: skip
def test_what_a_layer_may_return(make: Any, dtype: Any, images: Batches, out: Path) -> None:
    extract(Returns(make), images, ["inner"], out)
    expected = flat(torch.cat([x for x, _ in images]))
    found = rows(out, "inner")
    assert found.dtype == dtype
    assert found.shape in ((N, 64), (N, 1))
    if found.dtype.kind == "f":
        np.testing.assert_allclose(found, expected[:, : found.shape[1]], atol=0.02)


def test_layouts_that_the_modules_say(out: Path) -> None:
    x = torch.arange(24.0).reshape(2, 3, 4)
    for layer, axis in ((lambda: nn.Conv1d(1, 1, 1), 2), (lambda: nn.LayerNorm(1), 1)):
        extract(Returns(lambda x: x, layer), [(x, [0, 1])], ["inner"], out, force=True)
        np.testing.assert_array_equal(rows(out, "inner"), x.mean(dim=axis))
    maps = x[..., None].expand(2, 3, 4, 5)
    extract(Returns(lambda x: x), [(maps, [0, 1])], ["inner"], out, force=True)
    np.testing.assert_array_equal(rows(out, "inner"), maps.mean(dim=(2, 3)))
    extract(Returns(lambda x: x, lambda: nn.Linear(1, 1)), [(maps, [0, 1])], ["inner"], out,
            force=True)  # fmt: skip
    np.testing.assert_array_equal(rows(out, "inner"), maps.mean(dim=(1, 2)))


def test_tokens_before_rows(out: Path) -> None:
    lstm = nn.LSTM(3, 4)
    model = nn.Sequential(lstm)
    x = torch.randn(7, 5, 3)
    extract(model, [(x, torch.arange(5))], ["0"], out)
    with torch.no_grad():
        np.testing.assert_allclose(rows(out, "0"), lstm(x)[0].mean(dim=0), rtol=1e-5)
    square = [(torch.randn(5, 5, 3), torch.arange(5))]
    assert "as many tokens as rows" in refusal(model, square, ["0"], out, force=True)


def test_batches_of_other_kinds(images: Batches, out: Path) -> None:
    model = Small().eval()
    extract(model, images, ["pool"], out)
    expected = stored(out)
    whole = [{"x": x, "junk": 1, "target": y.tolist()} for x, y in images]
    renamed = [{"picture": x, "kind": y.numpy()} for x, y in images]
    triples = [(i, x, y) for i, (x, y) in enumerate(images)]
    cases: list[tuple[Batches, dict[str, Any]]] = [
        ([[[x], y] for x, y in images], {}),
        ([({"x": x}, y) for x, y in images], {}),
        (whole, {}),
        (renamed, {"inputs": "picture", "labels": "kind"}),
        (triples, {"unpack": lambda batch: (batch[1], {"labels": batch[2]})}),
        (triples, {"unpack": lambda batch: ({"x": batch[1]}, {"labels": batch[2]})}),
    ]
    for batches, options in cases:
        extract(model, iter(batches), ["pool"], out, force=True, **options)
        for name, values in stored(out).items():
            np.testing.assert_array_equal(values, expected[name])


def test_mode_hooks_and_files_are_as_before_after_an_error(images: Batches, out: Path) -> None:
    model = Small().train()
    model.encoder[1].eval()
    modes = [module.training for module in model.modules()]

    def failing() -> Iterator[Any]:
        yield from images[:2]
        assert not any(module.training for module in model.modules())
        assert not torch.is_grad_enabled()
        raise KeyboardInterrupt

    out.write_text("precious")
    with pytest.raises(KeyboardInterrupt):
        extract(model, failing(), ["pool"], out, force=True)
    assert [module.training for module in model.modules()] == modes
    assert torch.is_grad_enabled()
    assert not any(module._forward_hooks for module in model.modules())
    assert out.read_text() == "precious"
    assert list(out.parent.iterdir()) == [out]
    with pytest.raises(RuntimeError, match="channels"):  # the model's own error is not changed
        extract(model, [(torch.zeros(2, 3, 8, 8), [0, 1])], ["pool"], out, force=True)
    assert not any(module._forward_hooks for module in model.modules())
    assert [module.training for module in model.modules()] == modes


@pytest.fixture
def both(out: Path) -> Path:
    """A file with a layer of one model and two of another, for the same rows."""
    torch.manual_seed(2)
    labels = torch.arange(200) % 2
    x = torch.randn(200, 1, 8, 8) + labels[:, None, None, None]
    tokens = (torch.rand(200, 6) * 5).long() + 5 * labels[:, None]
    ids = [f"row {i}" for i in range(200)]
    images = [{"x": x[i : i + 32], "labels": labels[i : i + 32], "ids": ids[i : i + 32]}
              for i in range(0, 200, 32)]  # fmt: skip
    texts = [{"tokens": tokens[i : i + 50], "ids": ids[i : i + 50]} for i in range(0, 200, 50)]
    extract(Small(), images, {"image": "pool"}, out, append=True)
    extract(Text(), texts, ["embed", "block"], out, append=True)
    return out


def test_two_models_in_one_file(both: Path) -> None:
    sample = cch_audit.load(both, student="image", every_teacher=True)
    assert set(sample.teachers) == {"embed", "block"}
    assert sample.n_samples == 200
    shapes = {name: values.shape for name, values in stored(both).items()}
    assert shapes == {
        "ids": (200,),
        "labels": (200,),
        "representations/image": (200, 5),
        "representations/embed": (200, 8),
        "representations/block": (200, 8),
    }


@pytest.mark.slow
def test_extracted_layers_are_ranked(both: Path) -> None:
    report = cch_audit.rank(both, student="image", estimator="gaussian", jobs=1)
    assert {one.teacher for one in report.audits} == {"embed", "block"}


def test_what_does_not_belong_to_the_file_is_not_added(
    images: Batches, texts: Batches, out: Path
) -> None:
    model = Text()
    extract(model, texts, ["embed"], out)
    swapped = [{**b, "ids": b["ids"][::-1]} for b in texts]
    more = [*texts, texts[0]]
    relabelled = [{**b, "label": 1 - b["label"]} for b in texts]
    nameless = [{name: b[name] for name in ("tokens", "padding")} | {"groups": b["ids"]}
                for b in texts]  # fmt: skip
    for batches, said in (
        (swapped, "row 0 has ids row 0, and the loader gives row 15; let it give"),
        (more, "has ids of shape (60,), and the loader gives (76,) or more"),
        (texts[:-1], "has 60 rows of ids and the loader gives 48"),
        (relabelled, "row 0 has labels 0, and the loader gives 1"),
        (nameless, "nothing says that its rows are those of the batches"),
    ):
        assert said in refusal(model, batches, ["block"], out, append=True)
    assert "'representations/embed' already" in refusal(model, texts, ["embed"], out, append=True)
    extract(Small(), images, ["pool"], out, append=True)  # no ids: by labels
    assert rows(out, "pool").shape == (N, 5)
    assert "give one of them" in refusal(model, texts, ["block"], out, append=True, force=True)
    out.write_text("no HDF5")
    assert "is not an HDF5 file" in refusal(model, texts, ["block"], out, append=True)


class Rows(Small):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.pool(x[:, 0, :, :4].flatten(0, 1))


class Twice(Small):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.drop(x[:, 0, 0]) + self.drop(x[:, 0, 0, :1])


def test_what_the_model_or_its_names_do_wrong(images: Batches, out: Path) -> None:
    model, (x, y) = Small(), images[0]
    nan = [(torch.full_like(x, math.nan), y)]
    for arguments, said in (
        ((model, images, ["encoder.layer"]), "no layer 'encoder.layer'; the nearest one is"),
        ((model, images, ["pol"]), "the nearest one is 'pool'"),
        ((model, images, []), "names no layer"),
        *(
            ((model, images, {"a": "pool", name: "pool"}), "cannot name a representation; give it")
            for name in ("a/b", "a/../b", "a\0b", "a,b", "a\nb", "")
        ),
        ((np.mean, images, ["pool"]), "a model is a torch.nn.Module, and this is a"),
        ((model, images, ["unused"]), "does not call its layer 'unused' in batch 1"),
        ((Twice(), images, ["drop"]), "twice in batch 1, with outputs (16, 8) and (16, 1)"),
        ((Rows(), images, ["pool"]), "gives (128, 5), and the batch has 16 labels"),
        ((model, nan, ["pool"]), "gives NaN or infinity in 16 of 16 rows, first in row 0"),
        ((model, [*images, *nan], ["pool"]), "first in row 60"),
        ((model, [], ["pool"]), "the loader gives no rows"),
        ((model, 3, ["pool"]), "a loader yields batches, and this is a int"),
        ((model, [x], ["pool"]), "batch 1 holds no labels"),
        ((model, [(x, y), (x,)], ["pool"]), "batch 2 holds no labels"),
        ((model, [(x[:0], y[:0])], ["pool"]), "batch 1 has no rows"),
        ((model, [{"x": x, "y": y}, {"x": x, "y": y, "ids": y}], ["pool"]), "batch 1 has none"),
        ((model, [{"x": x, "ids": y}], ["pool"]), "have ids and no labels, without"),
        ((model, [(x, y, y)], ["pool"]), "batch 1 is a tuple of 3, not (inputs, labels)"),
        ((model, ["text"], ["pool"]), "batch 1 is a str, not (inputs, labels)"),
        ((model, [(x, y[:3])], ["pool"]), "gives (16, 5), and the batch has 3 labels"),
        ((model, [{"x": x, "y": y, "ids": y[:3]}], ["pool"]), "16 of labels, 3 of ids"),
        ((model, [{"x": x, "y": y, "label": y}], ["pool"]), "'label', 'y', each of which"),
        ((model, [{"image": x, "y": y}], ["pool"]), "missing a required argument: 'x'"),
        (
            (model, [(x, y), (x, y + 0.5)], ["pool"]),
            "holds int64 in batch 1 and float32 in batch 2",
        ),
        ((model, [(x, [object()] * 16), (x, y)], ["pool"]), "holds text in batch 1 and int64"),
        ((model, [(x, torch.zeros(16, 2, 2))], ["pool"]), "the labels are of type float32 and"),
    ):
        assert said in refusal(*arguments, out)
    extract(model, images, ["pool"], out)
    assert "exists already; add `force`" in refusal(model, images, ["pool"], out)
    missing = out.parent / "none" / "reps.h5"
    with pytest.raises(InputError, match="does not exist"):
        extract(model, images, ["pool"], missing)


def test_what_a_layer_returns_wrong(images: Batches, out: Path) -> None:
    wide = lambda x: flat(x)[:, : 1 + len(x) // 2]  # noqa: E731
    for make, said in (
        (lambda x: "text", "no tensor comes from layer 'inner' in batch 1, but a str"),
        (lambda x: x.sum(), "gives (), and the batch has 16 labels"),
        (lambda x: x[:, 0], "either the second axis or the last one could be the features"),
        (lambda x: flat(x) + 1j, "numbers of type complex64"),
        (lambda x: flat(x)[:, :0], "gives (16, 0), which is not (n, d)"),
        (wide, "has rows of shape (9,) in batch 1 and (7,) in batch 4"),
    ):
        assert said in refusal(Returns(make), images, ["inner"], out)


def test_options_that_do_not_fit(images: Batches, texts: Batches, out: Path) -> None:
    image, text = (Small(), images, ["pool"], out), (Text(), texts, ["block"], out)
    both = {"mask": "padding", "padding_mask": "padding"}
    for arguments, options, said in (
        (image, {"pool": "max"}, "'max' is none of mean, channels_first"),
        (image, {"pool": {"pol": "cls"}}, "'pol' is none of `layers`; the nearest is 'pool'"),
        (image, {"predictions": "haed"}, "no layer 'haed'; the nearest one is 'head'"),
        (image, {"predictions": {"pol": "head"}}, "the nearest one is 'pool'"),
        (image, {"predictions": "encoder"}, "is called before every one of `layers`"),
        (image, {"ids": "key"}, "`ids` names a key, and batch 1 is a list without keys"),
        (image, {"unpack": lambda batch: batch}, "`unpack` returns a list of batch 1"),
        (image, {"unpack": lambda b: (b[0], {"label": b[1]})}, "the nearest name is 'labels'"),
        (text, {"labels": "kind"}, "batch 1 has no key 'kind' (`labels`); it has 'tokens'"),
        (text, {"inputs": "words"}, "has no key 'words' (`inputs`)"),
        (text, {"mask": "attention"}, "has no key 'attention' (`mask`)"),
        (text, {"mask": "label"}, "the mask 'label' has the shape (16,)"),
        (text, both, "say the same the other way round"),
        (text, {"pool": lambda x: 3}, "no tensor `pool` makes of layer 'block'"),
        (text, {"pool": lambda x: x}, "gives (16, 6, 8), which is not (n, d)"),
    ):
        assert said in refusal(*arguments, **options)
    short = [
        {**batch, "padding": batch["padding"], "m": batch["padding"][:, 1:]} for batch in texts
    ]
    assert "not the same tokens" in refusal(*text[:1], short, ["block"], out, mask="m")
    silent = [{**batch, "m": torch.zeros_like(batch["padding"])} for batch in texts]
    assert "rows without any token" in refusal(*text[:1], silent, ["block"], out, mask="m")


MANY = """
import resource, sys
import torch
from torch import nn
import cch_audit
torch.set_num_threads(1)
model = nn.Sequential(nn.Linear(64, 512), nn.Linear(512, 512))
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
seen = []
def batches():
    for i in range(10_000):
        if i in (1_000, 9_999):
            seen.append(peak())
        ids = [f"{i} {j}" for j in range(4)]
        yield {"input": torch.randn(4, 64), "labels": torch.arange(4) % 2, "ids": ids}
cch_audit.extract(model, batches(), ["0", "1"], sys.argv[1], predictions="1")
print(seen[1] - seen[0])
"""


@pytest.mark.slow
def test_memory_is_flat_over_ten_thousand_batches(out: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", MANY, str(out)], capture_output=True, text=True, check=True
    )
    # What is written from one mark to the other is 36,000 rows of 3 x 2 KB, 220 MB.
    assert float(done.stdout) < 40
    assert rows(out, "0").shape == (40_000, 512)
    assert stored(out)["ids"][-1] == b"9999 3"


@pytest.mark.parametrize(
    ("batch", "said"),
    [
        ({"ids": torch.zeros(8)}, "the id 0.0 comes 8 times"),
        ({"labels": torch.full((8,), torch.nan)}, "batch 1: the labels have values that are"),
    ],
)
def test_what_an_audit_would_refuse_is_refused_at_once(
    batch: dict[str, torch.Tensor], said: str, tmp_path: Path
) -> None:
    whole = {"input": torch.randn(8, 3), "labels": torch.arange(8) % 2, **batch}
    with pytest.raises(InputError, match=re.escape(said)):
        extract(nn.Sequential(nn.Linear(3, 4)), [whole], ["0"], tmp_path / "r.h5")
    assert not list(tmp_path.iterdir())


class Tokens(nn.Module):
    """Takes what a tokenizer gives."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(9, 4)

    def forward(self, input_ids: torch.Tensor) -> torch.Tensor:
        """Return (n, tokens, d)."""
        return self.embed(input_ids)


def test_a_mask_that_nobody_named_is_not_passed_over(tmp_path: Path) -> None:
    torch.manual_seed(0)
    batch = {
        "input_ids": torch.randint(9, (8, 5)),
        "attention_mask": (torch.arange(5) < 3).repeat(8, 1),
        "labels": torch.arange(8) % 2,
    }
    model = Tokens()
    with pytest.raises(InputError, match="name it with `mask`"):
        extract(model, [batch], ["embed"], tmp_path / "r.h5")
    extract(model, [batch], ["embed"], tmp_path / "r.h5", mask="attention_mask")
    extract(model, [batch], ["embed"], tmp_path / "all.h5", pool="channels_last")
    rows = model(batch["input_ids"]).detach()
    for name, expected in (("r", rows[:, :3].mean(dim=1)), ("all", rows.mean(dim=1))):
        with h5py.File(tmp_path / f"{name}.h5") as file:
            assert np.allclose(file["representations/embed"], expected, atol=1e-6)
