"""The command that trains students end to end, on a family that is made here."""

import csv
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest

FOLDER = Path(__file__).parents[1] / "fixtures"
sys.path.append(str(FOLDER))

from experiments.family import Family, draw, hold, take  # noqa: E402
from experiments.networks import Lessons, train_networks  # noqa: E402
from experiments.trials import chosen, plan, run, train_teachers  # noqa: E402

TINY = """
import sys
sys.path.insert(0, {folder!r})
import numpy as np
import end_to_end
from experiments import networks
from experiments.family import Family

networks.MOST_EPOCHS = 20

def tiny(places):
    rng = np.random.default_rng(0)
    labels = np.repeat(np.array(["a", "b", "c"]), 140)
    centres = np.repeat(np.eye(3), 140, axis=0)
    views = {{
        name: noise * rng.standard_normal((420, 3)) + centres
        for name, noise in (("strong", 0.4), ("fair", 0.6), ("weak", 0.8))
    }}
    if {images}:  # of one channel, three columns of blocks
        views = {{
            name: np.repeat(x, 48, axis=1).reshape(-1, 1, 12, 12) for name, x in views.items()
        }}
    return Family(
        name="tiny", title="Three classes", source="simulated", licence="none", views=views,
        labels=labels, students={{"weak": ("strong", "fair")}},
        hidden=(2, 3, 4) if {images} else (4,), shuffled=("strong",),
        n_teacher=100, n_audit=120, n_validation=30, sizes=(20, 40),
    )

end_to_end.FAMILIES["tiny"] = tiny
{stop}
sys.exit(end_to_end.main())
"""
STOP = """
from experiments.record import Journal
add = Journal.add
def stopped(self, runs):
    if self.runs:  # the second trial is cut short
        with self.path.open("a") as file:
            file.write("20,1,baseline,,1.0,0.0,1.05")
        sys.exit(9)
    add(self, runs)
Journal.add = stopped
"""
N_SEEDS = 2
N_CELLS = 1 + 9 + 2 * 9 + 2 * 9
"""Baseline; label smoothing; distilled by two teachers; one shuffled, and within class."""


def train(out, stop="", *, images=False):
    script = TINY.format(folder=str(FOLDER), stop=stop, images=images)
    command = [sys.executable, "-c", script, "tiny", "--out", str(out), "--seeds", str(N_SEEDS)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def audit(*arguments):
    command = [sys.executable, "-m", "cch_audit", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    out = tmp_path_factory.mktemp("tiny")
    done = train(out)
    assert done.returncode == 0, done.stderr
    assert f"tiny: weak (1 of 1), 40 rows, seed 1: {N_CELLS} networks" in done.stdout
    return out / "weak"


def read(path):
    with path.open(newline="") as lines:
        return list(csv.DictReader(lines))


def test_every_seed_and_size_has_all_arms_with_the_cell_that_validation_rows_chose(trained):
    cells, runs = read(trained / "cells.csv"), read(trained / "runs.csv")
    assert len(cells) == 2 * N_SEEDS * N_CELLS
    arms = ["baseline", "uniform", "distilled", "shuffled", "shuffled_within_class", "distilled"]
    assert [one["arm"] for one in runs] == 2 * N_SEEDS * arms
    for one in runs:
        of_run = [
            cell
            for cell in cells
            if all(cell[name] == one[name] for name in ("arm", "teacher", "seed", "train_size"))
        ]
        best = min(of_run, key=lambda cell: float(cell["validation_loss"]))
        assert (best["accuracy"], float(best["weight"])) == (one["score"], float(one["weight"]))


@pytest.mark.parametrize("metric", ["accuracy", "log_loss"])
def test_confirm_reads_the_runs(trained, metric):
    name = "runs.csv" if metric == "accuracy" else f"runs_{metric}.csv"
    options = ("--metric", metric, "--estimator", "ksg", "--format", "json")
    done = audit("confirm", trained / "reps.h5", "--runs", trained / name, *options)
    assert done.returncode in (0, 1, 3), done.stderr
    audits = json.loads(done.stdout)["audits"]
    assert [one["teacher"] for one in audits] == ["strong", "fair"]
    assert list(audits[1]["confirmation"]["curve"][0]["controls"]) == ["uniform"]
    curve = audits[0]["confirmation"]["curve"]
    assert [size["n_train"] for size in curve] == [20, 40]
    for size in curve:
        assert size["n_repetitions"] == N_SEEDS
        assert list(size["controls"]) == ["uniform", "shuffled", "shuffled_within_class"]
        for arm in ("baseline", "distilled"):
            scores = [
                float(one["score"])
                for one in read(trained / name)
                if (one["arm"], one["train_size"]) == (arm, str(size["n_train"]))
                and one["teacher"] in ("", "strong")
            ]
            assert size["metrics"][metric][arm] == pytest.approx(np.mean(scores))


def test_check_and_forecast_read_the_rows(trained):
    done = audit("check", trained / "reps.h5", "--estimator", "ksg", "--teacher", "fair")
    assert done.returncode in (0, 1, 3), done.stderr
    larger = ("--student", "trained_on_40/weak", "--labelled-rows", 40)
    done = audit("forecast", trained / "reps.h5", "--teacher", "strong", *larger)
    assert done.returncode in (0, 1, 3), done.stderr
    with h5py.File(trained / "reps.h5") as file:
        assert file["representations/weak"].shape == file["trained_on_40/weak"].shape == (120, 4)
        assert file["inputs/weak"].shape == (120, 3)
        chances = np.exp(file["predictions/strong"][()])
        np.testing.assert_allclose(chances.sum(axis=1), 1, atol=1e-5)


@pytest.fixture(scope="module")
def trained_on_images(tmp_path_factory):
    out = tmp_path_factory.mktemp("tiny_images")
    done = train(out, images=True)
    assert done.returncode == 0, done.stderr
    return out / "weak"


@pytest.mark.parametrize("images", [False, True], ids=["columns", "images"])
def test_an_ended_command_goes_on_to_the_same_bytes(images, request, tmp_path):
    trained = request.getfixturevalue("trained_on_images" if images else "trained")
    ended = train(tmp_path, STOP, images=images)
    assert ended.returncode == 9, ended.stderr
    assert not (tmp_path / "weak" / "runs.csv").exists()
    done = train(tmp_path, images=images)
    assert done.returncode == 0, done.stderr
    assert "seed 0" not in done.stdout.splitlines()[0]  # it is not trained again
    for name in ("cells.csv", "runs.csv", "runs_log_loss.csv", "reps.h5"):
        assert (tmp_path / "weak" / name).read_bytes() == (trained / name).read_bytes()


def test_rows_of_images_have_means_of_blocks_for_inputs(trained_on_images):
    with h5py.File(trained_on_images / "reps.h5") as file:
        assert file["representations/weak"].shape == (120, 4)
        assert file["inputs/weak"].shape == (120, 9)


def family(**changes):
    rng = np.random.default_rng(0)
    labels = np.arange(300) % 3
    settings = {
        "name": "made",
        "title": "made",
        "source": "made",
        "licence": "none",
        "views": {"one": rng.standard_normal((300, 4))},
        "labels": labels,
        "students": {},
        "hidden": (4,),
        "n_teacher": 60,
        "n_audit": 60,
        "n_validation": 30,
        "sizes": (15, 30),
    }
    return Family(**(settings | changes))


def test_no_row_has_two_parts():
    made = family()
    held, drawn = hold(made), draw(made, hold(made), seed=1)
    parts = [held.teacher, held.teacher_validation, held.audit, drawn.validation, drawn.test]
    together = np.concatenate([*parts, drawn.train[30]])
    assert sorted(together) == list(range(300))
    assert set(drawn.train[15]) < set(drawn.train[30])
    assert np.bincount(made.labels[drawn.train[15]]).tolist() == [5, 5, 5]


def test_seeds_draw_other_rows_and_repeat_themselves():
    made = family()
    first, again, other = (draw(made, hold(made), seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first.train[15], again.train[15])
    assert set(first.train[15]) != set(other.train[15])
    assert set(first.test) != set(other.test)


def test_groups_stay_together():
    rng = np.random.default_rng(0)
    groups = rng.integers(0, 40, 300)
    made = family(groups=groups)
    taken, left = take(made, np.arange(300), 50, rng)
    assert len(taken) == 50
    assert not set(groups[taken]) & set(groups[left])
    assert len(left) > 300 - 50 - np.bincount(groups).max()


def lessons(weight, temperature, rng):
    x = rng.standard_normal((200, 5))
    y = (x[:, 0] + 0.3 * rng.standard_normal(200) > 0).astype(np.int64)
    soft = np.stack([3 * x[:, :1] * [-1, 1], rng.standard_normal((200, 2))])
    numbers = {"weight": np.array(weight), "temperature": np.array(temperature)}
    return Lessons(
        x[:120], y[:120], x[120:], y[120:], soft[:, :120], np.array([0, 0, 1]), **numbers
    )


def test_networks_start_alike_and_do_not_know_of_each_other():
    rng = np.random.default_rng(0)
    made = lessons([0, 0.5, 0.5], [1, 2, 2], rng)
    together = train_networks(made, (6,), 2, np.random.default_rng(1))
    alone = Lessons(
        *(made.x, made.y, made.x_validation, made.y_validation, made.soft),
        *(made.soft_of[:1], made.temperature[:1], made.weight[:1]),
    )
    one = train_networks(alone, (6,), 2, np.random.default_rng(1))
    # Sums of another shape round in another way, and training repeats that.
    np.testing.assert_allclose(together.outputs(made.x)[0], one.outputs(made.x)[0], atol=1e-2)
    assert together.epochs[0] == one.epochs[0]
    # Who teaches matters: one knows the classes, the other speaks at random.
    assert together.validation_loss[1] < together.validation_loss[2]


def test_a_network_is_the_best_of_its_epochs():
    made = lessons([0, 0.5, 0.5], [1, 2, 2], np.random.default_rng(0))
    networks = train_networks(made, (6, 3), 2, np.random.default_rng(1))
    logits = networks.outputs(made.x_validation)
    chances = np.exp(logits - np.logaddexp.reduce(logits, axis=2, keepdims=True))
    own = chances[:, np.arange(80), made.y_validation]
    np.testing.assert_allclose(-np.log(own).mean(axis=1), networks.validation_loss, rtol=1e-5)
    last, bias = networks.layers[-2:]
    again = networks.last_layer(made.x_validation) @ last.mT.numpy() + bias.mT.numpy()
    np.testing.assert_allclose(again, logits, atol=1e-5)


def test_numbers_have_the_arms_of_numbers():
    rng = np.random.default_rng(0)
    student, noise = rng.standard_normal((300, 10)), rng.standard_normal(300)
    signal = student.sum(axis=1) / np.sqrt(10)
    views = {"student": student, "teacher": np.column_stack([signal, rng.standard_normal(300)])}
    labels = (signal + noise) / np.sqrt(2)
    made = family(views=views, labels=labels, students={"student": ("teacher",)}, hidden=())
    held = hold(made)
    layers, outputs = train_teachers(made, held)
    assert layers["teacher"].shape == (300, 2)  # without a hidden layer, the columns
    assert np.corrcoef(outputs["teacher"][:, 0], signal)[0, 1] > 0.95
    runs = chosen(run(made, "student", held, 30, 0, outputs))
    assert [one.cell.arm for one in runs] == ["baseline", "mean", "distilled", "shuffled"]
    scores = {one.cell.arm: one.scores["mse"] for one in runs}
    assert min(scores, key=scores.get) == "distilled"  # the teacher's outputs have no noise


def stripes(n_rows, rng):
    """Return images (n, 2, 12, 14) of lines that lie, stand or are neither, and which of these."""
    y = np.arange(n_rows) % 3
    images = 0.5 * rng.standard_normal((n_rows, 2, 12, 14))
    images[y == 0, :, 4:6] += 1
    images[y == 1, :, :, 4:6] += 1
    return images, y


def lessons_of_images(weight, rng):
    (x, y), said = stripes(150, rng), rng.standard_normal((2, 90, 3))
    said[0] = 4 * np.eye(3)[y[:90]]  # the first teacher knows the classes
    soft_of, ones = np.arange(len(weight)) % 2, np.ones(len(weight))
    parts = (x[:90], y[:90], x[90:], y[90:], said, soft_of)
    return Lessons(*parts, temperature=2 * ones, weight=np.array(weight))


def test_a_convolutional_network_of_a_stack_is_the_one_trained_alone(monkeypatch):
    monkeypatch.setattr("experiments.networks.MOST_EPOCHS", 15)
    made = lessons_of_images([0, 0.9, 0.5], np.random.default_rng(0))
    together = train_networks(made, (4, 6, 5), 3, np.random.default_rng(1))
    assert together.last_layer(made.x).shape == (3, 90, 5)
    for place in range(3):
        only = slice(place, place + 1)
        alone = replace(
            made,
            soft_of=made.soft_of[only],
            temperature=made.temperature[only],
            weight=made.weight[only],
        )
        one = train_networks(alone, (4, 6, 5), 3, np.random.default_rng(1))
        np.testing.assert_allclose(
            together.outputs(made.x)[place], one.outputs(made.x)[0], atol=0.05
        )
        assert together.epochs[place] == one.epochs[0]
    # The second teacher speaks at random, and has nine tenths of the say.
    assert together.validation_loss[0] < together.validation_loss[1]


def test_convolutions_are_those_of_torch(monkeypatch):
    monkeypatch.setattr("experiments.networks.MOST_EPOCHS", 2)
    from torch import from_numpy, nn

    made = lessons_of_images([0, 0.5], np.random.default_rng(0))
    networks = train_networks(made, (4, 6, 5), 3, np.random.default_rng(1))
    for place in range(2):
        parts = [part[place].detach() for part in networks.layers]
        model = nn.Sequential(
            *(nn.Conv2d(2, 4, 5, stride=2), nn.ReLU(), nn.Conv2d(4, 6, 3), nn.ReLU()),
            *(nn.MaxPool2d(2), nn.Flatten(), nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 3)),
        )
        for weight, part in zip(model.parameters(), parts, strict=True):
            weight.data = part.view(weight.shape)
        outputs = model(from_numpy(made.x).float()).detach().numpy()
        np.testing.assert_allclose(networks.outputs(made.x)[place], outputs, atol=1e-5)


def test_teachers_of_one_network_see_their_own_views():
    rng = np.random.default_rng(0)
    clear, labels = stripes(240, rng)
    views = {"clear": clear, "noise": rng.standard_normal(clear.shape), "student": clear + 1}
    made = family(
        views=views,
        labels=labels,
        students={"student": ("clear", "noise")},
        hidden=(4, 6, 5),
        learnt_on={"noise": "clear"},
        shuffled=("clear",),
        temperatures=(1.0,),
    )
    held = hold(made)
    _, outputs = train_teachers(made, held)
    right = {name: (said.argmax(1) == labels)[held.audit].mean() for name, said in outputs.items()}
    assert right["clear"] > 0.9
    assert right["noise"] < 0.6  # a third by chance
    arms = [(cell.arm, cell.teacher) for cell in plan(made, "student")]
    assert ("shuffled", "clear") in arms
    assert ("shuffled", "noise") not in arms
