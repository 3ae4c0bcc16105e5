"""The recipe of CMU-MOSEI, on small files of the layouts that are passed around."""

import io
import os
import pickle
import pickletools
import sys
from collections import OrderedDict
from pathlib import Path

import h5py
import numpy as np
import pytest
import yaml

sys.path.append(str(Path(__file__).parents[1] / "fixtures"))

from recipes import mosei, mosei_files
from recipes.fixture import BuildError, Places
from recipes.pickled import read_pickle

WIDTHS = {"text": 6, "audio": 4, "vision": 3}
SIZES = {"train": 60, "valid": 12, "test": 20}


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def dump(path, value, protocol=4):
    path.write_bytes(pickle.dumps(value, protocol=protocol))
    return path


class Call:
    """Something that a pickle calls when it is read the usual way."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


# --- reading a pickle -------------------------------------------------------------------------


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize(
    "value",
    [
        np.arange(24, dtype=np.float32).reshape(2, 3, 4),
        np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        np.arange(5, dtype=">i4"),
        np.array([[True, False]]),
        np.array(["a", "video[3]"]),
        np.array([b"ab", b"c"]),
        np.array([["x", 1.5], ["y", None]], dtype=object),
        np.array(2.5),
        np.zeros((0, 3)),
    ],
    ids=lambda value: f"{value.dtype.str}{value.shape}",
)
def test_arrays_are_read_as_written_by_any_protocol(tmp_path, value, protocol):
    read = read_pickle(dump(tmp_path / "a.pkl", {"x": value}, protocol))["x"]
    np.testing.assert_array_equal(read, value)
    assert read.dtype == value.dtype


def test_plain_values_are_read_as_written(tmp_path):
    value = {"a": [1, 2.5, None, True, "é", b"\0"], "b": (np.float32(0.5), np.int64(-3))}
    read = read_pickle(dump(tmp_path / "a.pkl", OrderedDict(value)))
    assert read == {"a": value["a"], "b": list(value["b"])}


def test_arrays_of_python_2_are_read(tmp_path):
    """Their bytes are texts in the file; written by hand, as no Python 3 writes them."""
    pickled = (
        b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntS'b'\ntR"
        b"(I1\n(I2\ntcnumpy\ndtype\n(S'u1'\nI0\nI1\ntR"
        b"(I3\nS'|'\nNNNI-1\nI-1\nI0\ntbI00\nS'\\x07\\xff'\ntb."
    )
    (tmp_path / "a.pkl").write_bytes(pickled)
    read = read_pickle(tmp_path / "a.pkl")
    assert read.dtype == np.uint8
    assert read.tolist() == [7, 255]


def test_what_a_pickle_would_run_is_refused_and_not_run(tmp_path):
    mark = tmp_path / "was_run"
    evil = {"train": Call(os.system, f"touch {mark}")}
    path = dump(tmp_path / "evil.pkl", evil)
    with pytest.raises(BuildError, match=r"nothing of it was run: it asks for '\w+\.system'"):
        read_pickle(path)
    assert not mark.exists()
    with path.open("rb") as file:
        pickle.load(file)
    assert mark.exists()


@pytest.mark.parametrize(
    ("value", "named"),
    [
        (Call(eval, "1"), "builtins.eval"),
        (Call(getattr, "x", "upper"), "builtins.getattr"),
        (Call(np.fromfile, "x"), "numpy.fromfile"),
        (Call(np.frombuffer, b"12345678"), "numpy.frombuffer"),
        (Path("x"), "pathlib"),
        ({1, 2}, "set"),
        (2j, "complex"),
        (np.zeros(2, dtype=[("a", "f4")]), "V4"),
        (np.zeros(2, dtype="M8[s]"), "M8"),
        (np.ma.masked_array([1.0, 2.0]), "numpy.ma"),
    ],
    ids=lambda part: part if isinstance(part, str) else type(part).__name__,
)
def test_other_values_are_refused_by_their_name(tmp_path, value, named):
    with pytest.raises(BuildError, match="refused, and nothing of it was run") as caught:
        read_pickle(dump(tmp_path / "a.pkl", value))
    assert named in str(caught.value)


def test_bytes_do_not_become_addresses_of_objects(tmp_path):
    """An element type of objects whose values are raw bytes would make numpy follow pointers."""
    pickled = pickle.dumps(np.array([None], dtype=object), protocol=0)
    assert b"(lp" in pickled  # the list of its elements
    start = pickled.index(b"(lp")
    changed = pickled[:start] + b"S'AAAAAAAA'\ntb."
    pickletools.dis(changed, out=io.StringIO())  # well formed
    (tmp_path / "a.pkl").write_bytes(changed)
    with pytest.raises(BuildError, match="objects that are not in the file"):
        read_pickle(tmp_path / "a.pkl")


def test_texts_hold_characters_only(tmp_path):
    pickled = pickle.dumps(np.array(["abc"]), protocol=4)
    assert pickled.count("abc".encode("utf-32-le")) == 1
    changed = pickled.replace("abc".encode("utf-32-le"), b"\xff" * 12)
    (tmp_path / "a.pkl").write_bytes(changed)
    with pytest.raises(BuildError, match="characters that do not exist"):
        read_pickle(tmp_path / "a.pkl")


@pytest.mark.parametrize(
    "pickled",
    [
        b"cnumpy\ndtype\n(dS'build'\nI1\nsb.",  # state for what reads it
        b"cos\nsystem\n.",
        b"Pelsewhere\n.",
        b"(lp0\nh\0a.",  # a list that holds itself
        b"(S'x'\nios\nsystem\n.",
        b"\x80\x02cnumpy\nndarray\n)\x81.",
        b"\x80\x04\x95",
        b"not a pickle",
        b"",
    ],
)
def test_odd_pickles_are_refused_in_one_sentence(tmp_path, pickled):
    (tmp_path / "a.pkl").write_bytes(pickled)
    with pytest.raises(BuildError) as caught:
        read_pickle(tmp_path / "a.pkl")
    assert str(caught.value).startswith(f"{tmp_path / 'a.pkl'}: ")
    assert "\n" not in str(caught.value)


# --- means over the time ----------------------------------------------------------------------


def test_means_leave_out_padding_and_what_is_not_finite():
    x = np.array(
        [
            [[0, 0], [2, 4], [4, np.nan]],
            [[0, 0], [0, 0], [0, 0]],
            [[-np.inf, 1], [np.inf, 3], [0, 2]],
        ],
        dtype=np.float32,
    )
    expected = [[3, 4], [np.nan, np.nan], [0, 2]]
    np.testing.assert_array_equal(mosei_files.over_time(x), expected)


# --- pickled forms ----------------------------------------------------------------------------


def toy_split(rng, n, first_video):
    """Return sequences of n segments, two for a video, whose columns carry the sentiment."""
    sentiment = np.round(rng.uniform(-3, 3, n), 1)
    sentiment[::5] = 0
    part = {
        name: rng.normal(size=(n, 5, width)) + sentiment[:, None, None]
        for name, width in WIDTHS.items()
    }
    for x in part.values():
        x[:, :2] = 0  # padded in front
    videos = [f"vid{first_video + row // 2}" for row in range(n)]
    return part, sentiment, videos


def toy_pickle(rng, form):
    content, first = {}, 0
    for split, n in SIZES.items():
        part, sentiment, videos = toy_split(rng, n, first)
        first += n
        if form == "mult":
            part["labels"] = sentiment.reshape(n, 1, 1)
            part["id"] = np.array([[v, str(row), str(row + 1)] for row, v in enumerate(videos)])
        else:
            part["regression_labels"] = sentiment.astype(np.float32)
            part["classification_labels"] = np.sign(sentiment) + 1
            part["id"] = [f"{video}$_${row}" for row, video in enumerate(videos)]
            part["raw_text"] = np.array(["some words"] * n)
            part["audio_lengths"] = [5] * n
        content[split] = part
    return content


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("mosei_senti_data.pkl", "mult"),
        ("mosei_senti_data_noalign.pkl", "mult"),
        ("aligned_50.pkl", "mmsa"),
        ("unaligned_50.pkl", "mmsa"),
    ],
)
def test_pickled_forms_are_read(tmp_path, rng, name, form):
    content = toy_pickle(rng, form)
    content["train"]["audio"][0] = 0  # no sound: left out
    content["valid"]["vision"][1, :, 0] = -np.inf  # one column: the mean of the training rows
    dump(tmp_path / name, content)
    segments = mosei_files.read_mosei(Places(tmp_path, tmp_path))
    assert {part: int((segments.split == part).sum()) for part in SIZES} == SIZES | {"train": 59}
    sentiment = content["valid"]["labels" if form == "mult" else "regression_labels"].ravel()
    valid = segments.split == "valid"
    np.testing.assert_allclose(segments.sentiment[valid], sentiment)
    text = content["valid"]["text"][:, 2:].mean(axis=1)
    np.testing.assert_allclose(segments.views["text"][valid], text)
    visual = segments.views["visual"]
    assert visual[valid][1, 0] == pytest.approx(visual[segments.split == "train", 0].mean())
    assert segments.videos[valid].tolist() == [f"vid{60 + row // 2}" for row in range(12)]
    assert len(set(segments.ids)) == len(segments.ids)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda content: content.pop("valid"), "KeyError 'valid'"),
        (lambda content: content["test"].pop("id"), "KeyError 'id'"),
        (lambda content: content["test"].update(id=["a"]), "differ in length"),
        (lambda content: content["test"].update(text=np.zeros(20)), r"shape \(20,\)"),
        (lambda content: content["test"].update(audio=np.zeros((20, 5, 4))), "no segment of test"),
    ],
)
def test_pickles_of_another_form_are_named(tmp_path, rng, change, message):
    content = toy_pickle(rng, "mult")
    change(content)
    dump(tmp_path / "aligned_50.pkl", content)
    with pytest.raises(BuildError, match=message):
        mosei_files.read_mosei(Places(tmp_path, tmp_path))


# --- sequences of the SDK ---------------------------------------------------------------------


def write_sequence(path, name, entries):
    """Write a .csd file: /NAME/data/VIDEO/{features,intervals}, and metadata."""
    with h5py.File(path, "w") as file:
        for video, (intervals, features) in entries.items():
            group = file.create_group(f"{name}/data/{video}")
            group["intervals"], group["features"] = intervals, features
        file.create_dataset(f"{name}/metadata/root name", data=[f'"{name}"'])


def frames(rng, seconds, step, width):
    starts = np.arange(0, seconds, step)
    return np.column_stack([starts, starts + step]), rng.normal(size=(len(starts), width))


@pytest.fixture
def sdk(tmp_path, rng):
    """Write what the SDK downloads for five videos of three segments, one of them in no part."""
    entries = {name: {} for name in ("glove_vectors", "COVAREP", "FACET 4.2", "All Labels")}
    for number in range(5):
        video = f"-vid_{number}"
        entries["All Labels"][video] = (
            np.array([[0.0, 4.0], [4.0, 7.5], [8.0, 12.0]]),
            np.column_stack([[number / 2, -1.0, 0.0], rng.uniform(0, 3, (3, 6))]),
        )
        entries["glove_vectors"][video] = frames(rng, 12, 0.5, 6)
        entries["COVAREP"][video] = frames(rng, 12, 0.01, 4)
        entries["FACET 4.2"][video] = frames(rng, 7.9, 0.0333, 3)  # nothing of the last segment
    names = {
        "glove_vectors": "CMU_MOSEI_TimestampedWordVectors.csd",
        "COVAREP": "CMU_MOSEI_COVAREP.csd",
        "FACET 4.2": "CMU_MOSEI_VisualFacet42.csd",
        "All Labels": "CMU_MOSEI_Labels.csd",
    }
    (tmp_path / "sub").mkdir()
    for name, file in names.items():
        write_sequence(tmp_path / "sub" / file, name, entries[name])
    (tmp_path / "cmu_mosei_std_folds.py").write_text(
        "standard_train_fold=['-vid_0', '-vid_2']\nstandard_valid_fold=['-vid_1']\n"
        "standard_test_fold = ['-vid_3', 'unknown']\nraise SystemExit('this file is not run')\n"
    )
    return tmp_path, entries


def test_sequences_are_averaged_over_each_label(sdk):
    folder, entries = sdk
    segments = mosei_files.read_mosei(Places(folder, folder))
    assert segments.ids.tolist() == [f"-vid_{v}[{s}]" for v in range(4) for s in range(2)]
    assert segments.videos.tolist() == [f"-vid_{v}" for v in range(4) for _ in range(2)]
    assert segments.split[::2].tolist() == ["train", "valid", "train", "test"]
    np.testing.assert_allclose(segments.sentiment[::2], np.arange(4) / 2)
    _, words = entries["glove_vectors"]["-vid_0"]
    np.testing.assert_allclose(segments.views["text"][0], words[:8].mean(axis=0))
    np.testing.assert_allclose(segments.views["text"][1], words[8:15].mean(axis=0))
    times, sound = entries["COVAREP"]["-vid_3"]
    touched = (times[:, 0] < 7.5) & (times[:, 1] > 4)
    np.testing.assert_allclose(segments.views["audio"][7], sound[touched].mean(axis=0))


def test_aligned_sequences_are_read_by_segment(sdk):
    """As the SDK writes them after alignment: one entry for each segment, labels too."""
    folder, entries = sdk
    before = mosei_files.read_mosei(Places(folder, folder))
    for name, file in (
        ("glove_vectors", "CMU_MOSEI_TimestampedWordVectors.csd"),
        ("All Labels", "CMU_MOSEI_Labels.csd"),
    ):
        aligned = {}
        for video, (times, features) in entries[name].items():
            for number, (start, end) in enumerate(entries["All Labels"][video][0]):
                touched = (times[:, 0] < end) & (times[:, 1] > start)
                aligned[f"{video}[{number}]"] = times[touched], features[touched]
        write_sequence(folder / "sub" / file, name, aligned)
    after = mosei_files.read_mosei(Places(folder, folder))
    assert after.ids.tolist() == before.ids.tolist()
    for view, x in before.views.items():
        np.testing.assert_allclose(after.views[view], x)


def test_openface_takes_the_place_of_facet(sdk):
    folder, _ = sdk
    facet = folder / "sub" / "CMU_MOSEI_VisualFacet42.csd"
    facet.rename(facet.with_name("CMU_MOSEI_VisualOpenFace2.csd"))
    assert mosei_files.read_mosei(Places(folder, folder)).views["visual"].shape == (8, 3)


@pytest.mark.parametrize("missing", ["sub/CMU_MOSEI_COVAREP.csd", "cmu_mosei_std_folds.py"])
def test_what_is_missing_is_said_in_one_sentence(sdk, missing):
    folder, _ = sdk
    (folder / missing).unlink()
    for source in (folder, None):
        with pytest.raises(BuildError, match=r"--source must hold the \.csd files.*aligned_50"):
            mosei.mosei(Places(folder, source))


@pytest.mark.parametrize(
    ("file", "message"),
    [
        ("sub/CMU_MOSEI_COVAREP.csd", "no computational sequence"),
        ("cmu_mosei_std_folds.py", "no lists standard_"),
    ],
)
def test_files_of_another_form_are_named(sdk, file, message):
    folder, _ = sdk
    (folder / file).write_text("(other")
    with pytest.raises(BuildError, match=message):
        mosei_files.read_mosei(Places(folder, folder))


# --- the recipes ------------------------------------------------------------------------------


def named_by_study(name):
    """Return the representations that a study of the paper's table names."""
    text = (Path(__file__).parents[1] / "fixtures" / "studies" / f"{name}.yaml").read_text()
    return {side for pair in yaml.safe_load(text)["pairs"] for side in pair.split("->")}


@pytest.mark.parametrize("recipe", [mosei.mosei, mosei.mosei_classes])
def test_the_whole_recipe_on_few_segments(tmp_path, rng, recipe):
    """Encoders learn from train and are exported on the rest, with ever more noise in the text."""
    dump(tmp_path / "mosei_senti_data.pkl", toy_pickle(rng, "mult"))
    fixture = recipe(Places(tmp_path, tmp_path))
    noisy = [f"text_noise_{scale:g}" for scale in mosei.NOISES]
    assert list(fixture.representations) == ["text", *noisy, "audio", "visual", "audio_visual"]
    assert named_by_study("mosei") == set(fixture.representations)
    assert np.unique(fixture.split, return_counts=True)[1].tolist() == [20, 12]
    assert len(set(fixture.groups)) == 16
    for name, x in fixture.representations.items():
        assert x.shape == (32, 16 if name == "audio_visual" else 8)
        assert np.isfinite(x).all()
    np.testing.assert_array_equal(
        fixture.representations["audio_visual"][:, :8], fixture.representations["audio"]
    )
    moved = [
        np.abs(fixture.representations[name] - fixture.representations["text"]).mean()
        for name in noisy
    ]
    assert moved == sorted(moved)
    if fixture.task == "classification":
        assert set(fixture.labels) == {"negative", "neutral", "positive"}
    else:
        assert fixture.labels.dtype.kind == "f"
        x = np.column_stack([fixture.representations["text"], np.ones(32)])
        fitted = x @ np.linalg.lstsq(x, fixture.labels)[0]
        assert np.corrcoef(fitted, fixture.labels)[0, 1] > 0.8  # columns carry the sentiment


def test_polarity_is_exact_at_zero():
    assert mosei.polarity(np.array([-3, -0.1, 0, 0.3])).tolist() == [
        "negative",
        "negative",
        "neutral",
        "positive",
    ]
