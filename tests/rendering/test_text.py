import math

import pytest

from cch_audit.rendering.text import effect, relative_change, score, size_of

from .experiments import change


@pytest.mark.parametrize(
    ("value", "metric", "level", "signed"),
    [
        (0.81236, "accuracy", "0.8124", "+0.8124"),
        (-0.00001, "r2", "0.0000", "+0.0000"),
        (0.81, "mse", "0.8100", "+0.810"),
        (1234.0, "mse", "1234", "+1.23e+03"),
        (123456.0, "mse", "1.235e+05", "+1.23e+05"),
        (0.0, "mse", "0.000", "+0.00"),
        (math.nan, "mse", "n/a", "n/a"),
        (math.inf, "accuracy", "n/a", "n/a"),
    ],
)
def test_decimals_follow_the_metric(value: float, metric: str, level: str, signed: str) -> None:
    assert score(value, metric) == level
    assert effect(value, metric) == signed


def test_a_size_has_no_sign() -> None:
    assert size_of(-0.0117, "accuracy") == size_of(0.0117, "accuracy") == "0.0117"


def test_relative_change() -> None:
    assert relative_change(change(-0.0293), 1.0) == "-2.9 %"
    assert relative_change(change(-0.0293), 0.0) == "n/a"
