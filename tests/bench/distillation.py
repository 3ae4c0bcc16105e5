"""What does a training run cost, beside plain PyTorch?

`python -m tests.bench.distillation` prints a table and writes results/distillation.json. A
repetition is one split with everything that is trained on it: five folds of the teacher and the
student alone under five penalties each, and the student in a grid of twenty cells with the teacher
and with each of four controls, 131 heads in all. Stacked: a look of six repetitions, as `confirm`
trains them, over six. One by one: L-BFGS of PyTorch on one head after the other
(`tests.bench.alone`), on the first of these splits. Both are timed in turn, in CPU seconds of one
thread. A confirmation is that of one teacher, with its curve and its controls, until it decides.
"""

import argparse
import json
import os
import platform
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from threadpoolctl import threadpool_limits

import cch_audit
from cch_audit.distillation.arms import BASELINE, DISTILLED, parse_grid
from cch_audit.distillation.confirm import Experiment, confirm, plan_experiment, sum_up
from cch_audit.distillation.effects import LOOK
from cch_audit.distillation.experiment import Repetition, Task, repeat
from cch_audit.distillation.splits import draw_split
from cch_audit.reading.load import load_sample
from cch_audit.sample import Labels, Sample
from cch_audit.settings import ConfirmationSettings, InputSettings
from tests.bench.alone import fit_alone
from tests.bench.journal import RESULTS
from tests.bench.summary import table

FIXTURES = Path(__file__).parents[2] / "fixtures"


def mfeat(student: str) -> Sample:
    """Return a student of the digits of six views, and its best teacher."""
    asked = InputSettings(teacher=("fac",), student=student)
    return load_sample(FIXTURES / "mfeat_views.h5", asked)


def many_rows() -> Sample:
    """Return 10,000 rows of ten classes that overlap, 100 columns on both sides."""
    rng = np.random.default_rng(8)
    n, d, n_classes = 10_000, 100, 10
    y = rng.integers(n_classes, size=n)
    teacher, student = (
        scale * rng.standard_normal((n_classes, d))[y] + rng.standard_normal((n, d))
        for scale in (0.35, 0.25)
    )
    names = tuple(map(str, range(n_classes)))
    return Sample({"teacher": teacher}, "student", student, Labels(y, names), "labels")


SAMPLES: dict[str, Callable[[], Sample]] = {
    "mfeat_views, fac to zer": lambda: mfeat("zer"),
    "mfeat_views, fac to fou": lambda: mfeat("fou"),
    "10,000 rows, 100 columns, 10 classes": many_rows,
}


def time_sample(sample: Sample, turns: int) -> dict[str, Any]:
    """Time a repetition at every size, both ways, and a whole confirmation."""
    settings = ConfirmationSettings()
    experiment = plan_experiment(sample, settings, parse_grid(settings), 0.95, 1)
    sizes = [time_size(sample, experiment, size, turns) for size in experiment.sizes]
    (teacher,) = sample.teachers
    started = time.process_time()
    curve = [confirm(sample, teacher, experiment, size) for size in experiment.sizes]
    seconds = time.process_time() - started
    return {
        "rows": sample.n_samples,
        "columns": sample.student.shape[1],
        "repetition": sizes,
        "confirmation": {
            "cpu_seconds": round(seconds, 2),
            "outcome": sum_up(curve, experiment, seconds).outcome,
            "curve": [
                {"train": one.n_train, "outcome": one.outcome, "repetitions": one.n_repetitions}
                for one in curve
            ],
        },
    }


def time_size(sample: Sample, experiment: Experiment, size: int, turns: int) -> dict[str, Any]:
    """Time a repetition of one training size, stacked and one by one, in turn."""
    y = experiment.y
    (teacher,) = sample.teachers.values()
    task = Task(y, experiment.n_outputs, sample.student, teacher, None, sample.dependence, False)

    def run(count: int) -> tuple[float, list[Repetition]]:
        rngs = [np.random.default_rng([number, 9]) for number in range(count)]
        splits = [draw_split(y, sample.dependence, size, rng) for rng in rngs]
        started = time.process_time()
        found = repeat(task, splits, experiment.learner, rngs)
        return (time.process_time() - started) / count, found

    together, alone = [], []
    for _ in range(turns):
        seconds, stacked = run(LOOK)
        together.append(seconds)
        with patch("cch_audit.distillation.softmax.fit_heads", fit_alone):
            seconds, single = run(1)
        alone.append(seconds)
    print(size, np.round(together, 3), np.round(alone, 2), flush=True)
    return {
        "train": size,
        "stacked": _spread(together),
        "one_by_one": _spread(alone),
        "ratio": round(median(alone) / median(together), 1),
        "log_loss": {
            way: {arm: round(float(found[0].arms[arm]["log_loss"].mean()), 4) for arm in ARMS}
            for way, found in (("stacked", stacked), ("one_by_one", single))
        },
    }


ARMS = (BASELINE, DISTILLED)


def _spread(seconds: Sequence[float]) -> dict[str, float]:
    return {
        "median": round(median(seconds), 3),
        "lowest": round(min(seconds), 3),
        "highest": round(max(seconds), 3),
    }


def overview(found: dict[str, dict[str, Any]]) -> str:
    """Return what README.md shows."""
    rows = []
    for name, of in found.items():
        for place, size in enumerate(of["repetition"]):
            run = of["confirmation"]
            rows.append(
                [
                    name,
                    str(size["train"]),
                    f"{size['stacked']['median']:.2f}",
                    f"{size['one_by_one']['median']:.2f}",
                    f"{size['ratio']:.1f}",
                    str(run["curve"][place]["repetitions"]),
                    "" if place else f"{run['cpu_seconds']:.1f}",
                ]
            )
    head = ["CPU seconds", "train", "repetition", "one by one", "ratio", "repetitions",
            "whole curve"]  # fmt: skip
    return table(head, rows)


def main() -> None:
    parser = argparse.ArgumentParser(description="Cost of training runs, beside plain PyTorch.")
    parser.add_argument("--turns", type=int, default=3, help="times that both are timed")
    parser.add_argument("--output", type=Path, default=RESULTS / "distillation.json")
    options = parser.parse_args()
    torch.set_num_threads(1)
    with threadpool_limits(1):
        found = {name: time_sample(draw(), options.turns) for name, draw in SAMPLES.items()}
    print(overview(found))
    record = {
        "name": "distillation",
        "versions": {
            "cch-audit": cch_audit.__version__,
            "python": platform.python_version(),
            "torch": torch.__version__,
            "numpy": np.__version__,
        },
        "cores": os.cpu_count(),
        "turns": options.turns,
        "samples": found,
    }
    options.output.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
