"""Does the outcome of a training run depend on how the rows are split?

`python -m tests.bench.split_seeds` confirms every pair below under many split seeds, and counts
outcomes that contradict each other and pairs of intervals that do not overlap. Runs go to a journal
and are not made again; the table is printed and written to results/split_seeds.json. The file
of CREMA-D is not committed: `--crema-d FILE` names what `fixtures/build.py crema_d` wrote, and
without it these pairs are left out.
"""

import argparse
import json
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

from joblib import Parallel, delayed
from threadpoolctl import threadpool_limits

from cch_audit import __version__
from cch_audit.distillation.arms import parse_grid
from cch_audit.distillation.confirm import confirm, plan_experiment
from cch_audit.reading.load import load_sample
from cch_audit.settings import ConfirmationSettings, InputSettings
from tests.bench.journal import RESULTS, Journal
from tests.bench.journal import Cell as Entry
from tests.bench.summary import table

FIXTURES = Path(__file__).parents[2] / "fixtures"
KEY = ("file", "teacher", "student", "train", "split_seed")


@dataclass(frozen=True)
class Pair:
    """A teacher, a student and a number of training rows."""

    file: str
    teacher: str
    student: str
    train: int


PAIRS = (
    Pair("diabetes", "serum", "body", 40),
    Pair("breast_cancer", "worst", "se", 40),
    Pair("mfeat_views", "fac", "mor", 50),
    Pair("crema_d", "visual", "audio", 100),
    Pair("crema_d", "audio", "visual", 100),
)
CONTRADICTIONS = ({"helps", "no_change"}, {"helps", "hurts"})


def confirm_pair(pair: Pair, path: Path, split_seed: int) -> Entry:
    """Confirm a pair under one split seed."""
    started = time.process_time()
    asked = InputSettings(teacher=(pair.teacher,), student=pair.student)
    sample = load_sample(path, asked)
    settings = ConfirmationSettings(train_size=str(pair.train), split_seed=split_seed)
    experiment = plan_experiment(sample, settings, parse_grid(settings), 0.95, 1)
    with threadpool_limits(1):
        found = confirm(sample, pair.teacher, experiment, pair.train)
    change = found.metrics[experiment.metric].change
    return {
        **asdict(pair),
        "split_seed": split_seed,
        "outcome": found.outcome,
        "cause": found.cause,
        "estimate": change.estimate,
        "low": change.low,
        "high": change.high,
        "irreducible": change.irreducible,
        "repetitions": found.n_repetitions,
        "cpu_seconds": time.process_time() - started,
    }


def summarize(pair: Pair, runs: Sequence[Entry]) -> dict[str, Any]:
    """Return how far the split seeds of a pair agree."""
    overlaps = [
        one["low"] <= other["high"] and other["low"] <= one["high"]
        for one, other in combinations(runs, 2)
    ]
    outcomes = Counter(run["outcome"] for run in runs)
    return {
        **asdict(pair),
        "split_seeds": len(runs),
        "outcomes": dict(outcomes),
        "contradicts": any(both <= set(outcomes) for both in CONTRADICTIONS),
        "overlap": sum(overlaps) / len(overlaps),
        "lowest": min(run["estimate"] for run in runs),
        "highest": max(run["estimate"] for run in runs),
        "half_width": sum(run["high"] - run["low"] for run in runs) / 2 / len(runs),
        "repetitions": sum(run["repetitions"] for run in runs) / len(runs),
        "cpu_seconds": sum(run["cpu_seconds"] for run in runs) / len(runs),
    }


def overview(cells: Sequence[dict[str, Any]]) -> str:
    """Return what README.md shows."""
    head = ["pair", "train", "seeds", "outcomes", "contradict", "overlap", "estimates",
            "half width", "repetitions"]  # fmt: skip
    rows = [
        [
            f"{cell['file']}, {cell['teacher']} to {cell['student']}",
            str(cell["train"]),
            str(cell["split_seeds"]),
            ", ".join(f"{name} {count}" for name, count in sorted(cell["outcomes"].items())),
            "yes" if cell["contradicts"] else "no",
            f"{cell['overlap']:.2f}",
            f"{cell['lowest']:+.4f} to {cell['highest']:+.4f}",
            f"{cell['half_width']:.4f}",
            f"{cell['repetitions']:.0f}",
        ]
        for cell in cells
    ]
    return table(head, rows)


def main() -> None:
    options = _options()
    journal = Journal(options.journal, KEY)
    found = []
    for pair in [pair for pair in PAIRS if pair.file in options.files.split(",")]:
        path = options.crema_d if pair.file == "crema_d" else FIXTURES / f"{pair.file}.h5"
        wanted = [{**asdict(pair), "split_seed": seed} for seed in range(options.seeds)]
        missing = [entry for entry in wanted if entry not in journal]
        if path is not None and not options.summary:
            made = Parallel(n_jobs=options.jobs, return_as="generator_unordered")(
                delayed(confirm_pair)(pair, path, entry["split_seed"]) for entry in missing
            )
            for entry in made:
                journal.add(entry)
        runs = journal.cells(wanted)
        if len(runs) > 1:
            found.append(summarize(pair, runs))
    print(overview(found))
    record = {"name": "split_seeds", "versions": {"cch-audit": __version__}, "cells": found}
    options.output.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Whether outcomes depend on the split seed.")
    every = ",".join(dict.fromkeys(pair.file for pair in PAIRS))
    parser.add_argument("--files", default=every, help="files of the pairs, e.g. diabetes,crema_d")
    parser.add_argument("--seeds", type=int, default=20, help="split seeds of each pair")
    parser.add_argument("--crema-d", type=Path, help="file of CREMA-D")
    parser.add_argument("--jobs", type=int, default=-1, help="processes; -1 takes every core")
    parser.add_argument("--summary", action="store_true", help="measure nothing, print the table")
    parser.add_argument("--journal", type=Path, default=RESULTS / "split_seeds.jsonl")
    parser.add_argument("--output", type=Path, default=RESULTS / "split_seeds.json")
    return parser.parse_args()


if __name__ == "__main__":
    main()
