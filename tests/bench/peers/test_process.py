"""Estimates come from processes of their own, within a time limit."""

from pathlib import Path

import numpy as np
import pytest

from tests.bench.peers.environments import REQUIREMENTS
from tests.bench.peers.process import ENVIRONMENTS, Workers
from tests.bench.peers.worker import METHODS


def test_every_peer_has_an_environment():
    assert set(ENVIRONMENTS) <= set(METHODS)
    assert set(ENVIRONMENTS.values()) == set(REQUIREMENTS)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    x, y = np.random.default_rng(0).standard_normal((2, 200, 2))
    np.savez(tmp_path / "sample.npz", x=x, y=x + y)
    return tmp_path / "sample.npz"


@pytest.mark.slow
def test_a_process_answers_and_survives_what_goes_wrong(data: Path):
    with Workers(threads=1) as workers:
        first = workers.ask("ksg", data, 0, 60)
        # Two pairs with correlation 1 / sqrt(2): log(2) nats.
        assert first["estimate"] == pytest.approx(np.log(2), abs=0.3)
        assert first["peak_mb"] > 10
        assert "error" in workers.ask("no such method", data, 0, 60)
        assert workers.ask("ksg", data, 0, 60)["estimate"] == first["estimate"]


@pytest.mark.slow
def test_a_call_that_takes_too_long_is_ended(data: Path):
    with Workers(threads=1) as workers:
        assert workers.ask("mine", data, 0, 0.05) == {"error": "more than 0.05 seconds"}
        assert "estimate" in workers.ask("ksg", data, 0, 60)
