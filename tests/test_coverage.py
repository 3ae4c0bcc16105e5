"""Intervals cover and verdicts hold over many samples; `tests.bench.coverage` shows more."""

import pytest

from tests.bench.coverage import measure

REPLICATIONS = 200


@pytest.mark.slow
@pytest.mark.parametrize("n", [300, 1000])
@pytest.mark.parametrize(
    "name",
    [
        "joint Gaussian",
        "class mixture",
        "zero, weak",
        "zero, strong",
        pytest.param(
            "zero, 2 nats",
            marks=pytest.mark.xfail(
                strict=True,
                reason="false pass in 60 %: surrogates of nearly deterministic labels carry less "
                "information than the sample, hence too little bias",
            ),
        ),
    ],
)
def test_intervals_cover_and_verdicts_hold(name, n):
    found = measure(name, n, "ksg", REPLICATIONS)
    print(f"\n{found}")
    # Nominal 95 %; a share of 200 has a standard error of .015 there.
    assert found.covers_mean >= 0.90
    if name.startswith("zero"):
        # Nominal 5 %: two standard errors above it.
        assert found.passed + found.failed <= 0.08
