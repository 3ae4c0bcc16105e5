"""The bench of training end to end: how it reads what was trained, and how it counts."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import sem, t

from tests.bench.end_to_end import METRICS, by_cell, level, regret, said, score
from tests.bench.journal import RESULTS

FOLDER = Path(__file__).parents[2] / "fixtures" / "evidence" / "end_to_end" / "digits"
GAINS = (0.03, -0.02, 0.01, -0.04, 0.02, -0.01)


def entry(number: int, gain: float, forecast: float) -> dict[str, object]:
    """Return a pair that training decided by .005, and whose forecast is as far from zero."""
    end = {"gain": gain, "low": gain - 0.005, "high": gain + 0.005}
    made = {
        "estimate": forecast,
        "low": forecast - 0.005,
        "high": forecast + 0.005,
        "cells": [
            {"estimate": forecast, "end_to_end": -gain},
            {"estimate": forecast + 1, "end_to_end": 1 - gain},
        ],
    }
    return {
        "student": f"s{number // 2}",
        "teacher": f"t{number % 2}",
        "rows": 100,
        "end_to_end": {"log_loss": end, "accuracy": end},
        "forecast": made,
    }


def test_a_forecast_that_is_too_high_by_as_much_everywhere_orders_and_is_corrected() -> None:
    # It misses .0249 of every gain, so that .01 and .02 look like losses.
    entries = [entry(number, gain, 0.0249 - gain) for number, gain in enumerate(GAINS)]
    found = score(entries, "log_loss", "forecast, last layer")
    assert (found["helps"], found["hurts"], found["right"]) == (3, 3, 4)
    assert found["auc_helps"]["estimate"] == found["auc_hurts"]["estimate"] == 1
    assert found["tau"]["estimate"] == 1
    line = level(entries, "forecast", every_cell=False)
    assert (line["slope"], line["intercept"]) == (pytest.approx(1), pytest.approx(-0.0249))
    assert (line["right_by_others"], line["decided"]) == (6, 6)
    # .02 looks like a loss of .0049 whose interval holds zero, .01 like a clear one.
    counts = said(entries, "log_loss", "forecast")
    assert (counts["right"], counts["wrong"], counts["not said"]) == (4, 1, 1)
    assert regret(entries, "forecast")["regret"] == pytest.approx(0)
    assert regret(entries, "forecast")["regret_of_any"] == pytest.approx(0.5)


def test_changes_of_a_cell_are_paired_by_seed(tmp_path: Path) -> None:
    path = tmp_path / "cells.csv"
    head = "train_size,seed,arm,teacher,temperature,weight,validation_loss,epochs,accuracy,log_loss"
    lines = [
        "100,0,baseline,,1.0,0.0,0.5,9,0.9,0.50",
        "100,1,baseline,,1.0,0.0,0.5,9,0.9,0.70",
        "100,0,distilled,t,2.0,0.5,0.5,9,0.9,0.40",
        "100,1,distilled,t,2.0,0.5,0.5,9,0.9,0.66",
        "100,0,uniform,,2.0,0.5,0.5,9,0.9,0.10",
        "200,0,distilled,t,2.0,0.5,0.5,9,0.9,0.10",
    ]
    path.write_text("\n".join([head, *lines]) + "\n")
    assert by_cell(path, 100) == {("t", 2.0, 0.5): pytest.approx(-0.07)}


@pytest.mark.parametrize(("metric", "name"), list(METRICS.items()))
def test_what_is_counted_as_decided_is_in_the_committed_runs(metric: str, name: str) -> None:
    """By plain paired t intervals over the seeds."""
    helps = hurts = 0
    for path in FOLDER.glob(f"*/{name}"):
        scores: dict[tuple[str, ...], list[float]] = {}
        with path.open(newline="", encoding="utf-8") as lines:
            for line in csv.DictReader(lines):
                key = (line["arm"], line["teacher"], line["train_size"])
                scores.setdefault(key, []).append(float(line["score"]))
        for (arm, _, size), distilled in scores.items():
            if arm == "distilled":
                gains = np.subtract(distilled, scores["baseline", "", size])
                gains = -gains if metric == "log_loss" else gains
                half = t.ppf(0.975, len(gains) - 1) * sem(gains)
                helps += int(gains.mean() > half)
                hurts += int(gains.mean() < -half)
    cells = json.loads((RESULTS / "end_to_end.json").read_text(encoding="utf-8"))["cells"]
    (cell,) = [
        cell
        for cell in cells
        if (cell["metric"], cell["rows"]) == (metric, "all")
        and cell["forecaster"] == "forecast, last layer"
    ]
    assert (cell["helps"], cell["hurts"]) == (helps, hurts)
