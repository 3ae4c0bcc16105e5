"""The coverage bench counts what all estimators together say."""

import pytest

from tests.bench.coverage import overview, summarize, together

WORLD = "zero, weak"


def cell(estimator, seed, low, high, verdict, *flags):
    return {
        "world": WORLD,
        "n": 300,
        "estimator": estimator,
        "seed": seed,
        "estimate": (low + high) / 2,
        "gap": [low, high],
        "verdict_interval": [low, high],
        "verdict": verdict,
        "flags": list(flags),
    }


CELLS = [
    cell("ksg", 0, 0.1, 0.3, "pass", "drift"),
    cell("ksg", 1, 0.1, 0.5, "pass"),
    cell("mine", 0, -0.1, 0.1, "undecided"),
    cell("mine", 1, 0.2, 0.6, "pass"),
    cell("mine", 2, 0.2, 0.6, "pass"),
]


def test_all_judge_the_samples_that_each_has_judged():
    first, second = together(CELLS)
    assert (first["verdict_interval"], first["verdict"]) == ([-0.1, 0.3], "undecided")
    assert (first["flags"], first["estimate"]) == (["drift"], pytest.approx(0.1))
    assert (second["verdict_interval"], second["verdict"]) == ([0.1, 0.6], "pass")
    assert together(CELLS[:2]) == []


def test_the_overview_has_a_line_for_each_world_and_size():
    groups = [CELLS[:2], CELLS[2:], together(CELLS)]
    shown = overview([vars(summarize(group)) for group in groups])
    assert shown.splitlines() == [
        "| world | rows | ksg | mine | all |",
        "| --- | ---: | ---: | ---: | ---: |",
        "| zero, weak | 300 | 0.00 / 0.50 / 1.00 | 0.33 / 0.00 / 0.67 | 0.50 / 0.50 / 0.50 |",
    ]
