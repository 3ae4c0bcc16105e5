"""Compute the informations that have no closed form: `python -m tests.bench.truths`."""

import json
from dataclasses import asdict

from tests.bench.held_out import HELD_OUT
from tests.bench.task import TRUTHS, monte_carlo
from tests.bench.tasks import TASKS

ROWS = 1_000_000


def main() -> None:
    found = {}
    for task in (*TASKS, *HELD_OUT):
        if task.population.information is None:
            truth = monte_carlo(task.population, ROWS, task.seed)
            found[task.name] = {key: round(value, 6) for key, value in asdict(truth).items()}
            print(f"{task.name:<45}{truth.information:8.4f} +- {truth.standard_error:.4f}")
    TRUTHS.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
