"""How much faster do heads train in a stack than one by one?

`python -m tests.bench.distillation` prints a table and writes results/distillation.json beside
this file. There are 126 runs: a baseline and a grid of 20 cells for each of 6 seeds, with 10,000
training rows of 64 columns, 10 classes, 30 epochs and batches of 128. Stacked: the 21 heads of a
seed in one stack, two seeds at a time, as `confirm` trains them. One by one: a plain PyTorch loop,
with two threads and with one; the faster counts. It is timed on the 21 runs of one seed, times 6.
"""

import json
import os
import platform
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import joblib
import numpy as np
import torch
from joblib import Parallel, delayed
from threadpoolctl import threadpool_limits
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, kl_div, log_softmax, softmax

import cch_audit
from cch_audit.distillation.arms import BASELINE, DISTILLED, Cells, Grid, Lesson, plan_cells
from cch_audit.distillation.stack import BATCH_SIZE, LEARNING_RATE, train_heads
from cch_audit.rows import FloatArray

TRAIN, HELD_OUT, COLUMNS, CLASSES = 10_000, 2_000, 64, 10
SEEDS, EPOCHS, JOBS = 6, 30, 2
HIDDEN = {"linear": 0, "mlp": 64}
GRID = Grid((1.0, 2.0, 3.0, 4.0), (0.2, 0.3, 0.5, 0.7, 0.8))
REPETITIONS = 5
RESULTS = Path(__file__).parent / "results" / "distillation.json"


def main() -> None:
    cells = plan_cells((BASELINE, DISTILLED), GRID, classes=True)
    lessons = [lesson(cells, seed) for seed in range(SEEDS)]
    print(f"{SEEDS * len(cells)} runs, seconds: median of {REPETITIONS} (lowest to highest)")
    found = {name: compare(lessons, cells, hidden) for name, hidden in HIDDEN.items()}
    for name, measured in found.items():
        print(f"\n{name}")
        for way, times in measured["seconds"].items():
            spread = f"({times['lowest']:.1f} to {times['highest']:.1f})"
            print(f"  {way:<26}{times['median']:7.1f}  {spread:<18}{measured['accuracy'][way]:.4f}")
        print(f"  {'ratio':<26}{measured['ratio']:7.1f}")
    print(
        f"\nOne by one is {len(cells)} runs timed, times {SEEDS}. "
        "The last column is the accuracy on held-out rows, mean over the heads of the first seed."
    )
    save(found)


def lesson(cells: Cells, seed: int) -> Lesson:
    """Return classes that overlap, and the logits of a teacher that knows their centres."""
    rng = np.random.default_rng([seed, 8])
    centres = 0.35 * rng.standard_normal((CLASSES, COLUMNS))
    y = rng.integers(CLASSES, size=TRAIN + HELD_OUT)
    x = centres[y] + rng.standard_normal((len(y), COLUMNS))
    logits = x[:TRAIN] @ centres.T - (centres**2).sum(axis=1) / 2
    soft = np.repeat(logits[:, None], len(cells), axis=1)
    held_out = x[TRAIN:]
    return Lesson(
        x[None, :TRAIN], y[None, :TRAIN], soft[None], held_out[None], y[TRAIN:], held_out[None]
    )


def compare(lessons: list[Lesson], cells: Cells, hidden: int) -> dict[str, Any]:
    """Time every way as often as the others, in alternating order."""
    ways: dict[str, tuple[int, Callable[[], FloatArray]]] = {
        "stacked": (1, lambda: stacked(lessons, cells, hidden)),
        "one by one, two threads": (SEEDS, lambda: one_by_one(lessons[0], cells, hidden, 2)),
        "one by one, one thread": (SEEDS, lambda: one_by_one(lessons[0], cells, hidden, 1)),
    }
    seconds: dict[str, list[float]] = {way: [] for way in ways}
    accuracy: dict[str, float] = {}
    for number in range(REPETITIONS):
        for way in list(ways)[:: -1 if number % 2 else 1]:
            times, train = ways[way]
            started = time.perf_counter()
            outputs = train()
            seconds[way].append(times * (time.perf_counter() - started))
            hits = outputs.argmax(axis=-1) == lessons[0].y_validation
            accuracy[way] = round(float(hits.mean()), 4)
    together, *alone = (median(measured) for measured in seconds.values())
    return {
        "seconds": {
            way: {
                "median": round(median(some), 2),
                "lowest": round(min(some), 2),
                "highest": round(max(some), 2),
            }
            for way, some in seconds.items()
        },
        "accuracy": accuracy,
        "ratio": round(min(alone) / together, 2),
    }


def stacked(lessons: list[Lesson], cells: Cells, hidden: int) -> FloatArray:
    """Train the heads of every seed in a stack; return the first seed's outputs (C, m, K)."""

    def run(number: int) -> FloatArray:
        rng = np.random.default_rng(number)
        return train_heads(lessons[number], cells, hidden=hidden, epochs=EPOCHS, rng=rng)[0][0]

    torch.set_num_threads(1)
    with threadpool_limits(1):
        first, *_ = Parallel(JOBS, prefer="threads")(map(delayed(run), range(len(lessons))))
    return np.asarray(first)


def one_by_one(lesson: Lesson, cells: Cells, hidden: int, threads: int) -> FloatArray:
    """Train a seed's heads in turn; return their outputs (C, m, K)."""
    torch.set_num_threads(threads)
    x, held_out, soft = (
        torch.from_numpy(part[0].astype(np.float32))
        for part in (lesson.x, lesson.x_validation, lesson.soft)
    )
    y, y_held_out = torch.from_numpy(lesson.y[0]), torch.from_numpy(lesson.y_validation)
    outputs = [
        train_one(x, y, soft[:, number], held_out, y_held_out, float(t), float(w), hidden)
        for number, (t, w) in enumerate(zip(cells.temperature, cells.weight, strict=True))
    ]
    return torch.stack(outputs).numpy()


def train_one(
    x: Tensor,
    y: Tensor,
    logits: Tensor,
    held_out: Tensor,
    y_held_out: Tensor,
    temperature: float,
    weight: float,
    hidden: int,
) -> Tensor:
    """Train one head as a textbook would, and return its outputs at the best epoch."""
    torch.manual_seed(0)
    model: nn.Module = nn.Linear(COLUMNS, CLASSES)
    if hidden:
        model = nn.Sequential(nn.Linear(COLUMNS, hidden), nn.ReLU(), nn.Linear(hidden, CLASSES))
    optimizer = torch.optim.Adam(model.parameters(), lr=LEARNING_RATE, fused=True)
    teacher = softmax(logits / temperature, dim=1)
    lowest, best = float("inf"), torch.empty(0)
    for _ in range(EPOCHS):
        for rows in torch.randperm(len(x))[: len(x) // BATCH_SIZE * BATCH_SIZE].split(BATCH_SIZE):
            outputs = model(x[rows])
            loss = (1 - weight) * cross_entropy(outputs, y[rows])
            if weight:
                student = log_softmax(outputs / temperature, dim=1)
                divergence = kl_div(student, teacher[rows], reduction="batchmean")
                loss = loss + weight * temperature**2 * divergence
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        with torch.no_grad():
            outputs = model(held_out)
            on_held_out = float(cross_entropy(outputs, y_held_out))
        if on_held_out < lowest:
            lowest, best = on_held_out, outputs
    return best


def save(found: dict[str, Any]) -> None:
    """Write what was measured, and on what."""
    modules = (torch, np, joblib)
    record = {
        "name": "distillation",
        "versions": {
            "cch-audit": cch_audit.__version__,
            "python": platform.python_version(),
            **{module.__name__: module.__version__ for module in modules},
        },
        "cores": os.cpu_count(),
        "runs": SEEDS * (1 + len(GRID.temperatures) * len(GRID.weights)),
        "training_rows": TRAIN,
        "columns": COLUMNS,
        "classes": CLASSES,
        "epochs": EPOCHS,
        "repetitions": REPETITIONS,
        **found,
    }
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
