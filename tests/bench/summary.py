"""From measured cells to tables: bias, spread, RMSE and cost, per family and method."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from tests.bench.journal import Cell
from tests.bench.tasks import HIGH_DIMENSIONAL

OVERVIEW = ("ksg", "ksg raw", "mine", "lmi", "npeet ksg", "bmi mine", "mist smile",
            "mist smile held out")  # fmt: skip
"""The methods that README.md shows."""
ALL = "all families"
HIGH = "high-dimensional"
"""The families of `HIGH_DIMENSIONAL` together."""


def summarize(cells: Sequence[Cell]) -> dict[str, Any]:
    """Return, by size, family and method, the errors and the cost; and the same by task."""
    cells = [one for cell in cells for one in _with_raw(cell)]
    sizes = sorted({cell["n"] for cell in cells})
    return {
        "families": {
            str(n): {
                family: _by_method(group)
                for family, group in _families([cell for cell in cells if cell["n"] == n]).items()
            }
            for n in sizes
        },
        "tasks": {
            str(n): {
                task: {"truth": group[0]["truth"], **_estimates(group)}
                for task, group in _grouped([c for c in cells if c["n"] == n], "task").items()
            }
            for n in sizes
        },
        "ratios": {
            str(n): {
                group: _head_to_head(_families([c for c in cells if c["n"] == n]).get(group, []))
                for group in (HIGH, ALL)
            }
            for n in sizes
        },
    }


def errors(cells: Sequence[Cell]) -> dict[str, float | int | None]:
    """Return bias, standard deviation over samples, RMSE, seconds and memory of some cells.

    The standard deviation is that within tasks, pooled; where there is one sample there is none.
    """
    done = [cell for cell in cells if "estimate" in cell]
    counts: dict[str, float | int | None] = {
        "tasks": len({cell["task"] for cell in done}),
        "cells": len(done),
        "failed": sum("error" in cell for cell in cells),
    }
    if not done:
        return counts
    error = np.array([cell["estimate"] - cell["truth"] for cell in done])
    truth = np.array([cell["truth"] for cell in done])
    by_task = defaultdict(list)
    for cell, value in zip(done, error):
        by_task[cell["task"]].append(value)
    spreads = [np.var(values, ddof=1) for values in by_task.values() if len(values) > 1]
    return counts | {
        "bias": _rounded(error.mean()),
        "relative_bias": _rounded(error.mean() / truth.mean()) if truth.mean() > 0 else None,
        "sd": _rounded(np.sqrt(np.mean(spreads))) if spreads else None,
        "rmse": _rounded(np.sqrt(np.mean(error**2))),
        "seconds": _rounded(np.median([cell["seconds"] for cell in done])),
        "cpu_seconds": _rounded(np.median([cell["cpu_seconds"] for cell in done])),
        "peak_mb": _rounded(max(cell["peak_mb"] for cell in done)),
    }


def print_tables(found: dict[str, Any]) -> None:
    """Print, for each size, RMSE by family and method, then bias, spread and cost overall."""
    for n, families in found["families"].items():
        methods = list(families[ALL])
        for what in ("rmse", "bias"):
            print(f"\nn = {n}\n")
            print(family_table(families, methods, what))
        print(f"\nn = {n}: all families\n")
        columns = (
            "tasks",
            "cells",
            "failed",
            "bias",
            "sd",
            "rmse",
            "seconds",
            "cpu_seconds",
            "peak_mb",
        )
        rows = [[m, *(_shown(one, c) for c in columns)] for m, one in families[ALL].items()]
        print(table(["method", *columns], rows))
        for group, ratios in found["ratios"][n].items():
            print(f"\nn = {n}, {group}: RMSE of the row over that of the column, where both ran\n")
            rows = [[m, *(_number(by.get(o)) for o in methods)] for m, by in ratios.items()]
            print(table(["method", *methods], rows))


def family_table(families: dict[str, Any], methods: Sequence[str], what: str) -> str:
    """Return one of the errors, in nats, by family and method."""
    rows = [
        [family, *(_shown(by_method.get(method, {}), what) for method in methods)]
        for family, by_method in families.items()
    ]
    return table([f"{what}, nats", *methods], rows)


def overview(families: dict[str, Any]) -> str:
    """Return the RMSE of some methods by family, as README.md shows it."""
    return family_table(families, OVERVIEW, "rmse")


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _with_raw(cell: Cell) -> list[Cell]:
    """Return a cell, and with it the raw value of a calibrated estimate as a method of its own."""
    if "raw" not in cell:
        return [cell]
    return [cell, cell | {"method": f"{cell['method']} raw", "estimate": cell["raw"]}]


def _families(cells: Sequence[Cell]) -> dict[str, list[Cell]]:
    """Group cells by family, and add the groups of families."""
    high = [cell for cell in cells if cell["family"] in HIGH_DIMENSIONAL]
    return _grouped(cells, "family") | ({HIGH: high} if high else {}) | {ALL: list(cells)}


def _by_method(cells: Sequence[Cell]) -> dict[str, Any]:
    grouped = _grouped([cell for cell in cells if "not_applicable" not in cell], "method")
    return {method: errors(group) for method, group in grouped.items()}


def _estimates(cells: Sequence[Cell]) -> dict[str, float]:
    """Return the mean estimate of each method for one task."""
    grouped = _grouped([cell for cell in cells if "estimate" in cell], "method")
    return {m: _rounded(np.mean([c["estimate"] for c in group])) for m, group in grouped.items()}


def _head_to_head(cells: Sequence[Cell]) -> dict[str, dict[str, float | None]]:
    """Return the ratio of RMSEs on the samples that both methods finished."""
    squares: dict[str, dict[tuple[str, int], float]] = defaultdict(dict)
    for cell in cells:
        if "estimate" in cell:
            error = cell["estimate"] - cell["truth"]
            squares[cell["method"]][cell["task"], cell["seed"]] = error**2

    def ratio(one: str, other: str) -> float | None:
        common = squares[one].keys() & squares[other].keys()
        below = sum(squares[other][sample] for sample in common)
        above = sum(squares[one][sample] for sample in common)
        return _rounded(np.sqrt(above / below)) if below > 0 else None

    return {one: {other: ratio(one, other) for other in squares} for one in squares}


def _grouped(cells: Sequence[Cell], by: str) -> dict[str, list[Cell]]:
    groups: dict[str, list[Cell]] = {}
    for cell in cells:
        groups.setdefault(cell[by], []).append(cell)
    return groups


def _rounded(value: float) -> float:
    return float(np.format_float_positional(value, 4, fractional=False))


def _shown(one: dict[str, Any], what: str) -> str:
    value = one.get(what)
    return str(value) if isinstance(value, int) else _number(value)


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.2f}"
