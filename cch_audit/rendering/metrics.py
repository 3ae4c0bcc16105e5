"""Numbers of a training run, in the units of its metric."""

import math

from cch_audit.results import Change

METRIC_TITLES = {
    "accuracy": "accuracy",
    "weighted_f1": "weighted F1",
    "macro_auc": "macro AUC",
    "mse": "MSE",
    "r2": "R^2",
}


def score(value: float, metric: str) -> str:
    """Return the value of a metric."""
    return _written(value, "z#.4g" if metric == "mse" else "z.4f")


def effect(value: float, metric: str) -> str:
    """Return a change of a metric, with its sign."""
    return _written(value, "+z#.3g" if metric == "mse" else "+z.4f")


def size(value: float, metric: str) -> str:
    """Return the size of a change, which has no sign."""
    return effect(abs(value), metric).removeprefix("+")


def change_span(change: Change, metric: str) -> str:
    """Return the two ends of a change."""
    return f"[{effect(change.low, metric)}, {effect(change.high, metric)}]"


def change_interval(change: Change, metric: str) -> str:
    """Return a change and its interval on one line."""
    return f"{effect(change.estimate, metric)} {change_span(change, metric)}"


def p_value(change: Change) -> str:
    """Return p with three decimals."""
    return "<0.001" if change.p < 0.001 else _written(change.p, ".3f")


def p_equation(change: Change) -> str:
    """Return p as a reader would write it in a sentence."""
    p = p_value(change)
    return f"p < {p[1:]}" if p.startswith("<") else f"p = {p}"


def percent(share: float, format: str) -> str:
    """Return a share in percent."""
    written = _written(100 * share, format)
    return written if written == "n/a" else f"{written} %"


def relative_change(change: Change, baseline: float) -> str:
    """Return a change in percent of the baseline."""
    return "n/a" if baseline == 0 else percent(change.estimate / baseline, "+z.1f")


def counted(count: int, noun: str) -> str:
    """Return a number of things."""
    return f"{count:,} {noun}" + ("" if count == 1 else "s")


def _written(value: float, format: str) -> str:
    """Return a number without the point that `#` leaves at its end."""
    return f"{value:{format}}".rstrip(".") if math.isfinite(value) else "n/a"
