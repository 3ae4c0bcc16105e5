"""What training end to end is held against: the tables, the script and the figure."""

import csv
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest

from cch_audit.evidence.results import Trial
from tests import ends
from tests.evidence.trials import trial

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures"
sys.path.append(str(FIXTURES))

import end_to_end_ledger  # noqa: E402
from experiments import headline  # noqa: E402


def of(family: str, one: Trial, **changes: object) -> Trial:
    """Return a trial of a family."""
    return replace(one, report=f"reports/{family}/s_50.json", **changes)  # type: ignore[arg-type]


def test_claims_are_about_the_families_that_there_are() -> None:
    trials = [
        of("images", trial("pass", "helps", gain=0.03)),
        of("images", trial("pass", "no_change", gain=0.001)),
        of("images", trial("fail", "hurts", gain=-0.02)),
        of("omics", trial("pass", "helps", student="cna")),
        of("omics", trial("fail", "helps", student="rppa")),
        of("lihc", trial("undecided", "hurts", student="cnv")),
        of("omics", trial("pass", "helps", student="trained_on_120/cna_rppa", gain=0.02)),
    ]
    gains = {
        ("images", "audio", "text", "50", "0.2"): 0.1,
        ("images", "audio", "text", "50", "0.8"): -0.1,
    }
    said = " ".join(ends.claims_of(trials[:1] + trials[3:], gains).split())
    assert "of 1 trial 1 gain, 0 lose, 0 change nothing; 1 by transfer" in said
    # One of two that are decided corresponds.
    assert "Here, 3 trials: 1 of 2 decided; 1 verdict undecided; 2 gain." in said
    assert "students cna_rppa: +2.0 to +2.0 points" in said
    assert "1 of 1 at w = 0.2, 0 of 1 at w = 0.8" in said
    assert "the same sign in 5, the same verdict in 5; pass beside fail in 0" in said
    assert "CREMA-D" not in said
    both = " ".join(ends.claims_of(trials, {}).split())
    assert "verdict pass on MNIST-M: +0.1 to +3.0 points, +1.6 on average;" in both
    assert "; of 2 trials 1 gain" in both
    assert "verdict fail on MNIST-M: -2.0 to -2.0 points" in both


def test_there_are_enough_trials() -> None:
    trials = ends.evidence().trials
    keys = {(ends.family(one), one.student, one.teacher, one.n_train) for one in trials}
    assert len(keys) == len(trials) >= 60
    assert sum(one.outcome != "undecided" for one in trials) >= 40
    assert all(one.trained == "runs" and one.heads is not None for one in trials)
    assert all(one.forecast is not None and one.columns["log_me"] is not None for one in trials)
    of_loss = ends.evidence("log_loss").trials
    assert {one.metric for one in of_loss} == {"log_loss", "mse"}
    assert len(of_loss) == len(trials)


def test_outcomes_are_those_of_the_committed_runs() -> None:
    for one in ends.evidence().trials:
        student = one.student.rpartition("/")[2]
        path = ends.ENDS / ends.family(one) / student / "runs.csv"
        scores: dict[str, list[float]] = {"baseline": [], "distilled": []}
        for line in end_to_end_ledger.read(path):
            ours = line["teacher"] in ("", one.teacher) and line["train_size"] == str(one.n_train)
            if ours and line["arm"] in scores:
                scores[line["arm"]].append(float(line["score"]))
        without, taught = (np.mean(scores[arm]) for arm in ("baseline", "distilled"))
        gain = (without - taught) / without if one.metric == "mse" else taught - without
        assert one.gain.estimate == pytest.approx(gain, abs=1e-6)


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """Return a folder with one student, two teachers, two sizes and two seeds."""
    folder = tmp_path / "runs" / "made" / "weak"
    folder.mkdir(parents=True)
    head = ("train_size", "seed", "arm", "teacher", "temperature", "weight", "log_loss")
    cells = [
        (size, seed, *arm, loss - 0.1 * seed)
        for size in (20, 40)
        for seed in (0, 1)
        for *arm, loss in (
            ("baseline", "", 1.0, 0.0, 1.0),
            ("distilled", "strong", 2.0, 0.5, 0.5),
            ("distilled", "strong", 4.0, 0.5, 0.7),
        )
    ]
    with (folder / "cells.csv").open("w", newline="") as file:
        csv.writer(file).writerows([head, *cells])
    with (folder / "runs.csv").open("w", newline="") as file:
        rows = [(cell[0], cell[2], cell[3]) for cell in cells]
        csv.writer(file).writerows([("train_size", "arm", "teacher"), *rows])
    with h5py.File(folder / "reps.h5", "w") as file:
        file["labels"] = np.zeros(60)
        file["trained_on_40/weak"] = np.zeros((60, 2))
    return tmp_path / "runs"


def test_every_student_and_size_is_asked_about(runs: Path) -> None:
    small, large = end_to_end_ledger.questions(runs)
    assert (small.size, small.name, small.teachers) == (20, "weak", ("strong",))
    assert (large.size, large.name) == (40, "trained_on_40/weak")
    asked = end_to_end_ledger.commands(runs, large)
    assert list(asked) == ["_heads", ""]  # there are no runs by log-loss
    heads = " ".join(asked["_heads"])
    # Half of the rows of the file at most train heads, on the grid of the runs.
    assert "--labelled-rows 40 --train-size 30 --temperature 2,4 --weight 0.5" in heads
    assert asked[""][-2:] == ["--runs", "made/weak/runs.csv"]


def test_gains_of_a_weight_are_shares_of_the_loss(runs: Path) -> None:
    out = runs.parent / "out"
    out.mkdir()
    end_to_end_ledger.keep_weights(runs, out)
    end_to_end_ledger.keep_weights(runs, out)  # and not twice
    small, large = end_to_end_ledger.read(out / "weights.csv")
    assert (small["train_size"], large["train_size"]) == ("20", "40")
    # Seed 0: 1 - (.5 + .7) / 2; seed 1: 1 - (.4 + .6) / 2 / .9.
    assert float(small["gain"]) == pytest.approx((0.4 + (1 - 0.5 / 0.9)) / 2, abs=1e-6)
    assert ends.weights(out / "weights.csv")["made", "weak", "strong", "20", "0.5"] > 0.4


def test_a_report_is_one_line_and_is_not_made_again(
    runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []

    def run(command: list[str], **kwargs: object) -> subprocess.CompletedProcess[bytes]:
        calls.append((command, kwargs["cwd"]))
        return subprocess.CompletedProcess(command, 0, b'{\n "a": [1,\n 2]\n}\n')

    monkeypatch.setattr(subprocess, "run", run)
    path = runs.parent / "reports" / "a.json"
    for _ in range(2):
        end_to_end_ledger.answer(runs, path, ["confirm", "x"])
    ((command, folder),) = calls
    assert (command[3:5], folder) == (["confirm", "x"], runs)
    assert path.read_text() == json.dumps({"a": [1, 2]}, separators=(",", ":")) + "\n"


def test_families_look_different() -> None:
    marks = [headline.mark(number) for number in range(14)]
    assert len({(one["marker"], one["markerfacecolor"]) for one in marks}) == 14


@pytest.mark.slow
def test_the_figure_is_that_of_the_committed_reports() -> None:
    found = headline.draw(sorted((ends.ENDS / "reports").glob("*/*.json")))
    assert found == ends.ENDS.with_suffix(".svg").read_bytes()
