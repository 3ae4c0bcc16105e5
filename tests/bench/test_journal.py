"""A bench that is interrupted goes on where it stopped."""

from pathlib import Path

import pytest

from tests.bench.journal import Journal
from tests.bench.summary import errors, summarize


def test_a_journal_remembers_and_forgets(tmp_path: Path):
    path, cell = tmp_path / "cells.jsonl", {"method": "ksg", "seed": 1}
    Journal(path, ("method", "seed")).add(cell | {"estimate": 2.0})
    again = Journal(path, ("method", "seed"))
    assert cell in again
    assert again.cells([cell, {"method": "ksg", "seed": 2}]) == [cell | {"estimate": 2.0}]
    again.forget([cell])
    assert cell not in Journal(path, ("method", "seed"))


def test_errors_of_an_estimator():
    def cell(task: str, estimate: float, truth: float) -> dict[str, object]:
        cost = {"seconds": 1.0, "cpu_seconds": 1.0, "peak_mb": 5.0}
        return {"task": task, "estimate": estimate, "truth": truth, **cost}

    found = errors(
        [
            cell("a", 1.0, 2.0),
            cell("a", 3.0, 2.0),
            cell("b", 3.0, 2.0),
            {"task": "b", "error": "slow"},
        ]
    )
    assert (found["tasks"], found["cells"], found["failed"]) == (2, 3, 1)
    assert found["bias"] == pytest.approx(1 / 3, abs=1e-4)
    assert found["rmse"] == pytest.approx(1.0)
    # Task a: 1 and 3 have a standard deviation of sqrt(2); task b has one value.
    assert found["sd"] == pytest.approx(2**0.5, abs=1e-3)


def test_methods_are_compared_on_the_samples_that_both_finished():
    def cell(method: str, seed: int, estimate: float | None) -> dict[str, object]:
        shared = {"method": method, "family": "f", "task": "t", "n": 9, "seed": seed, "truth": 0.0}
        more = {"error": "slow"} if estimate is None else {"estimate": estimate, "raw": 2.0}
        return shared | more | {"seconds": 1.0, "cpu_seconds": 1.0, "peak_mb": 1.0}

    found = summarize(
        [cell("ksg", 0, 1.0), cell("ksg", 1, 9.0), cell("peer", 0, 4.0), cell("peer", 1, None)]
    )
    assert found["ratios"]["9"]["all families"]["ksg"]["peer"] == 0.25
    assert found["families"]["9"]["f"]["ksg raw"]["rmse"] == 2.0
