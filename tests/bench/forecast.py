"""Is the forecast of a change of log-loss the change that retrained students show?

`python -m tests.bench.forecast --help` lists the options. For each world a student's penalty is
chosen once, teacher and student are trained on fresh rows again and again, and the forecast is made
from several samples of its own. Worlds go to results/forecast.jsonl as they are measured and are
not measured again, so an interrupted run goes on; the table is printed and written to
results/forecast.json.
"""

import argparse
import json
import time
import zlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from cch_audit import __version__
from cch_audit.forecasting.forecast import forecast_teacher, plan_forecast
from cch_audit.forecasting.options import Options
from tests.bench.journal import RESULTS, Cell, Journal
from tests.bench.retraining import Retrained, held_out, retrain, worlds
from tests.bench.summary import table

KEY = ("world",)
OPTIONS = Options(temperatures=(1.0, 3.0), weights=(0.2, 0.5, 0.8))
DECIDED = 3.0
"""Standard errors of the truth beyond which its sign counts."""
MANY = 15.0
"""Rows for each parameter from which on the expansion stands alone."""


def measure(world: Retrained, repetitions: int, samples: int) -> Cell:
    """Return the true changes of a world, and forecasts from several samples."""
    started = time.process_time()
    options = Options(**{**vars(OPTIONS), "labelled_rows": world.labelled_rows})
    own = zlib.crc32(world.name.encode())
    first = world.sample(world.rows_in_hand, np.random.default_rng([own, 41]))
    penalty = plan_forecast(first, options).student.penalty
    truth = retrain(world, options, penalty, repetitions, seed=own)
    trained = time.process_time() - started
    forecasts = []
    for seed in range(samples):
        sample = world.sample(world.rows_in_hand, np.random.default_rng([own, seed, 42]))
        asked = Options(**{**vars(options), "penalty": penalty, "seed": seed})
        begun = time.process_time()
        found = forecast_teacher(sample, "teacher", plan_forecast(sample, asked))
        forecasts.append(
            {
                "estimate": [cell.estimate for cell in found.cells],
                "low": [cell.low for cell in found.cells],
                "high": [cell.high for cell in found.cells],
                "standard_error": [cell.standard_error for cell in found.cells],
                "interval": [found.low, found.high],
                "outcome": found.outcome,
                "reasons": list(found.reasons),
                "source": found.source,
                "baseline": found.baseline,
                "cpu_seconds": time.process_time() - begun,
            }
        )
    return {
        "world": world.name,
        "n_classes": world.n_classes,
        "n_columns": world.n_columns,
        "labelled_rows": world.labelled_rows,
        "n_parameters": world.n_parameters,
        "grouped": world.group_size > 1,
        "teacher": world.teacher,
        "held_out": world.family > 0,
        "penalty": penalty,
        "truth": truth.change.tolist(),
        "truth_error": truth.standard_error.tolist(),
        "baseline": truth.baseline,
        "forecasts": forecasts,
        "training_seconds": trained,
    }


def summarize(
    cells: Iterable[Cell], least: float = 0.0, most: float = np.inf
) -> dict[str, Any] | None:
    """Return how well forecasts meet the truth over some worlds; None where there is nothing.

    Over all temperatures and weights whose true change lies between two sizes: correlation; slopes
    of truth on forecast, which noise of the forecast lowers, and of forecast on truth, which it
    does not; the median relative error of the mean forecast; right signs; coverage; the root mean
    square of the error and of the standard errors. Over forecasts: coverage of the recommended
    cell, outcomes that are decided, and false ones; the regret of the recommended cell as a share
    of that of a random one.

    Parameters
    ----------
    cells : worlds that were measured
    least, most : sizes of true changes
    """
    truths, errors, estimates, halves, joint, regrets, sizes = [], [], [], [], [], [], []
    false, n_forecasts, seconds = [], 0, []
    names = set()
    for cell in cells:
        truth, error = np.array(cell["truth"]), np.array(cell["truth_error"])
        asked = (np.abs(truth) >= least) & (np.abs(truth) < most)
        if not asked.any():
            continue
        names.add(cell["world"])
        found = np.array([one["estimate"] for one in cell["forecasts"]])[:, asked]
        sure = np.abs(truth[asked]) > DECIDED * error[asked]
        apart = np.abs(found.mean(axis=0) - truth[asked])
        sizes.extend((apart / np.abs(truth[asked]))[sure])
        for one in cell["forecasts"]:
            n_forecasts += 1
            seconds.append(one["cpu_seconds"])
            estimate = np.array(one["estimate"])
            truths.append(truth[asked])
            errors.append(error[asked])
            estimates.append(estimate[asked])
            halves.append((np.array(one["high"]) - np.array(one["low"]))[asked] / 2)
            best = int(np.argmin(estimate))
            clear = truth[best] > 2 * error[best]
            joint.append(
                abs(estimate[best] - truth[best])
                <= np.hypot(one["interval"][1] - estimate[best], 1.96 * error[best])
            )
            if one["outcome"] in ("helps", "hurts"):
                hurt = one["outcome"] == "hurts" and (truth < -2 * error).any()
                false.append(bool((one["outcome"] == "helps" and clear) or hurt))
            spread = truth.mean() - truth.min()
            if spread > 3 * error.max():
                regrets.append((truth[best] - truth.min()) / spread)
    if not truths:
        return None
    truth, error, estimate, half = map(np.concatenate, (truths, errors, estimates, halves))
    sure = np.abs(truth) > DECIDED * error
    agree = np.sign(truth[sure]) == np.sign(estimate[sure])
    # The truth is itself a mean of retrained students.
    covered = np.abs(estimate - truth) <= np.hypot(half, 1.96 * error)
    return {
        "worlds": len(names),
        "r": float(np.corrcoef(truth, estimate)[0, 1]),
        "slope": float(np.polyfit(estimate, truth, 1)[0]),
        "slope_of_forecast": float(np.polyfit(truth, estimate, 1)[0]),
        "size": float(np.median(sizes)) if sizes else None,
        "sign": float(agree.mean()) if sure.any() else None,
        "error": float(np.sqrt(((estimate - truth) ** 2).mean())),
        "said_error": float(np.sqrt(((half / 1.96) ** 2).mean())),
        "covers": float(covered.mean()),
        "covers_choice": float(np.mean(joint)),
        "decided": len(false) / n_forecasts,
        "false": float(np.mean(false)) if false else None,
        "regret": float(np.mean(regrets)) if regrets else None,
        "cpu_seconds": float(np.median(seconds)),
    }


SLICES: dict[str, Callable[[Cell], bool]] = {
    "all": lambda cell: True,
    "15 rows a parameter and more": lambda cell: _rows(cell) >= MANY,
    "4 to 15": lambda cell: 4 <= _rows(cell) < MANY,
    "below 4": lambda cell: _rows(cell) < 4,
    "2 classes": lambda cell: cell["n_classes"] == 2,
    "3 to 7 classes": lambda cell: 3 <= cell["n_classes"] <= 7,
    "10 classes": lambda cell: cell["n_classes"] == 10,
    "20 or 50 classes": lambda cell: cell["n_classes"] >= 20,
    "groups": lambda cell: bool(cell["grouped"]),
    "trained teachers": lambda cell: (
        cell["teacher"] not in ("over-confident", "permuted", "biased")
    ),
    "given teachers": lambda cell: cell["teacher"] in ("over-confident", "permuted", "biased"),
}


SMALL = (0.001, 0.02)
"""Sizes of small changes, nats."""


def _rows(cell: Cell) -> float:
    return float(cell["labelled_rows"] / cell["n_parameters"])


def main() -> None:
    options = _options()
    journal = Journal(options.journal, KEY)
    wanted = list(held_out() if options.held_out else worlds())
    wanted = [world for world in wanted if options.only in world.name][:: options.every]
    with threadpool_limits(1):
        for world in [] if options.summary else wanted:
            if {"world": world.name} in journal:
                continue
            journal.add(measure(world, options.repetitions, options.samples))
            print(world.name, flush=True)
    found = journal.everything()
    rows = []
    for is_held_out in (False, True):
        of_kind = [cell for cell in found if cell["held_out"] == is_held_out]
        for name, belongs in SLICES.items():
            of_slice = [cell for cell in of_kind if belongs(cell)]
            title = f"held out, {name}" if is_held_out else name
            for which, sizes in ((title, ()), (f"{title}, changes of .001 to .02", SMALL)):
                if (summed := summarize(of_slice, *sizes)) is not None:
                    rows.append({"slice": which, **summed})
    print(table(list(rows[0]), [[_text(value) for value in row.values()] for row in rows]))
    record = {
        "name": "forecast",
        "versions": {"cch-audit": __version__},
        "cells": rows,
        "worlds": [_short(cell) for cell in found],
    }
    options.output.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


def overview(cells: Iterable[Cell]) -> str:
    """Return what README.md shows: small changes of all worlds together only."""
    head = ["worlds", "", "r", "slope", "size", "sign", "covers", "false", "regret"]
    kept = ("r", "slope_of_forecast", "size", "sign", "covers", "false", "regret")

    def shown(value: float | None) -> str:
        return "" if value is None else f"{value:.3f}"

    rows = [
        [cell["slice"], str(cell["worlds"]), *(shown(cell[one]) for one in kept)]
        for cell in cells
        if "changes" not in cell["slice"] or "all, changes" in cell["slice"]
    ]
    return table(head, rows)


def _short(cell: Cell) -> Cell:
    """Return a world with the mean of its forecasts in place of all of them."""
    forecasts = cell["forecasts"]
    estimates = np.array([one["estimate"] for one in forecasts])
    outcomes = [one["outcome"] for one in forecasts]
    kept = {name: value for name, value in cell.items() if name != "forecasts"}
    return {
        **kept,
        "estimate": estimates.mean(axis=0).round(6).tolist(),
        "outcomes": {name: outcomes.count(name) for name in sorted(set(outcomes))},
    }


def _text(value: Any) -> str:
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Forecasts beside retrained students.")
    parser.add_argument("--repetitions", type=int, default=100, help="trained students of a world")
    parser.add_argument("--samples", type=int, default=6, help="forecasts of a world")
    parser.add_argument("--every", type=int, default=1, help="measure one world of so many")
    parser.add_argument("--only", default="", help="part of the names of the worlds")
    parser.add_argument("--held-out", action="store_true", help="the worlds kept for the end")
    parser.add_argument("--summary", action="store_true", help="measure nothing, print the table")
    parser.add_argument("--journal", type=Path, default=RESULTS / "forecast.jsonl")
    parser.add_argument("--output", type=Path, default=RESULTS / "forecast.json")
    return parser.parse_args()


if __name__ == "__main__":
    main()
