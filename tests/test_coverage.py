"""Intervals cover and verdicts hold over many samples; `tests.bench.coverage` shows more."""

import pytest

from tests.bench.coverage import measure

N, REPLICATIONS = 300, 100
"""What continuous integration has time for; the bench has more rows and estimators."""


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["joint Gaussian", "class mixture", "zero, weak", "zero, strong", "zero, 2 nats"]
)
def test_intervals_cover_and_verdicts_hold(name):
    found = measure(name, N, "ksg", REPLICATIONS)
    print(f"\n{found}")
    # Nominal 95 %; a share of 100 has a standard error of .022 there.
    assert found.covers_mean >= 0.90
    if name.startswith("zero"):
        # Nominal 5 %: two standard errors above it.
        assert found.passed + found.failed <= 0.09
