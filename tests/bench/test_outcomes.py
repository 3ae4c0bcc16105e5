"""The benches of outcomes: their worlds, their truths, and how they count."""

import numpy as np
import pytest

from tests.bench import split_seeds
from tests.bench.outcome_worlds import CELLS, Cell
from tests.bench.outcomes import judge_file, measure_truth, summarize, truth_of

SMALL = Cell("softmax", "gain", 60, 15)


def entry(low: float, high: float, outcome: str, seed: int) -> dict[str, object]:
    return {
        "cell": SMALL.name,
        "what": "file",
        "seed": seed,
        "cause": None,
        "repetitions": 6,
        "cpu_seconds": 1.0,
        "least": {"log_loss": 0.01},
        "changes": {"log_loss": [(low + high) / 2, low, high, outcome]},
    }


def truth(seed: int, values: list[float]) -> dict[str, object]:
    return {
        "cell": SMALL.name,
        "what": "truth",
        "seed": seed,
        "sets": len(values),
        "mean": {"log_loss": float(np.mean(values))},
        "square": {"log_loss": float(np.mean(np.square(values)))},
    }


def test_a_truth_is_the_mean_over_all_batches() -> None:
    batches = [[-0.3, 0.1], [-0.2, 0.0, -0.1, 0.2]]
    mean, error = truth_of("log_loss", [truth(n, values) for n, values in enumerate(batches)])
    together = np.concatenate(batches)
    assert mean == pytest.approx(together.mean())
    assert error == pytest.approx(together.std() / np.sqrt(6))


def test_a_cell_counts_what_its_intervals_cover_and_what_is_said() -> None:
    # The truth is -.02: a gain of .02, which the first interval covers and the second does not.
    files = [entry(-0.03, 0.01, "no_change", 0), entry(-0.01, 0.03, "undecided", 1)]
    found = summarize(SMALL, files, [truth(0, [-0.03, -0.01])])["metrics"]["log_loss"]
    assert found["truth"] == pytest.approx(0.02)
    assert found["covers"] == 0.5
    assert found["half_width"] == pytest.approx(0.02)
    spread = np.std([-0.01, 0.01], ddof=1)
    assert found["width_ratio"] == pytest.approx(0.02 / (1.96 * spread))
    assert (found["no_change"], found["undecided"], found["helps"]) == (0.5, 0.5, 0.0)


@pytest.mark.parametrize("family", ["softmax", "gaussian"])
def test_rows_of_a_group_are_alike_and_others_are_not(family: str) -> None:
    cell = Cell(family, "gain", 3000, 100, group=5)
    sample = cell.draw(3000, np.random.default_rng(0))
    column = sample.teachers["teacher"][:, 0].reshape(-1, 5)
    within = np.corrcoef(column[:, 0], column[:, 1])[0, 1]
    between = np.corrcoef(column[:-1, 0], column[1:, 1])[0, 1]
    # Half of the variance is shared, and noise of .3 standard deviations is not; 600 groups have
    # errors of .03 to .04.
    assert within == pytest.approx(0.5 / 1.09, abs=0.12)
    assert between == pytest.approx(0.0, abs=0.15)


def test_names_of_cells_differ() -> None:
    assert len({cell.name for cell in CELLS}) == len(CELLS)


@pytest.mark.slow
def test_a_file_and_a_truth_speak_of_the_same_metrics() -> None:
    found = summarize(
        SMALL, [judge_file(SMALL, seed) for seed in (0, 1)], [measure_truth(SMALL, 0)]
    )
    assert set(found["metrics"]) == {"accuracy", "log_loss", "brier", "weighted_f1", "macro_auc"}
    assert found["sets"] == 50


def test_split_seeds_contradict_where_one_helps_and_another_does_not() -> None:
    pair = split_seeds.PAIRS[0]

    def run(outcome: str, low: float, high: float) -> dict[str, object]:
        numbers = {"estimate": (low + high) / 2, "low": low, "high": high}
        return {"outcome": outcome, **numbers, "repetitions": 6, "cpu_seconds": 1.0}

    helps, nothing = run("helps", 0.1, 0.2), run("no_change", -0.1, 0.0)
    unsure = run("undecided", 0.0, 0.15)
    found = split_seeds.summarize(pair, [helps, nothing, unsure])
    assert found["contradicts"]
    assert found["overlap"] == pytest.approx(2 / 3)
    assert not split_seeds.summarize(pair, [helps, unsure])["contradicts"]
