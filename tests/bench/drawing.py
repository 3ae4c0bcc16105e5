"""The figure of the accuracy bench: error by family, our estimators beside their peers."""

from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

MARKERS = {
    "ksg": ("#0072B2", "o"),
    "ksg raw": ("#0072B2", "$o$"),
    "mine": ("#D55E00", "s"),
    "lmi": ("#009E73", "D"),
    "npeet ksg": ("#56B4E9", "x"),
    "bmi ksg": ("#56B4E9", "+"),
    "bmi mine": ("#E69F00", "^"),
    "mist smile": ("#CC79A7", "v"),
    "mist smile held out": ("#CC79A7", "1"),
    "latentmi": ("#000000", "*"),
}
"""Colour and shape of each method that is drawn; ours are filled."""
LEAST = 0.01
"""Smaller errors are drawn here."""


def draw_errors(families: dict[str, Any], title: str, path: Path) -> None:
    """Draw RMSE on a log scale, by family and method, of those that ran all of a family's tasks."""
    figure = Figure(figsize=(9, 5.5), layout="constrained")
    axis = figure.subplots()
    names = list(families)[::-1]
    for method, (colour, marker) in MARKERS.items():
        points = [
            (max(families[name][method]["rmse"], LEAST), row)
            for row, name in enumerate(names)
            if _ran_all(families[name], method)
        ]
        if points:
            axis.plot(*zip(*points), marker=marker, linestyle="", color=colour, label=method,
                      markersize=7, alpha=0.85)  # fmt: skip
    axis.set_xscale("log")
    axis.set_xlabel("RMSE, nats")
    axis.set_yticks(range(len(names)), names)
    axis.grid(axis="y", linewidth=0.5, alpha=0.5)
    axis.set_title(title)
    axis.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)
    figure.savefig(path, metadata={"Date": None})


def _ran_all(family: dict[str, Any], method: str) -> bool:
    most = max(one["tasks"] for one in family.values())
    return method in family and family[method]["tasks"] == most
