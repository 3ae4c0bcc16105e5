"""Forecasts built by hand."""

from typing import Any

from cch_audit.results.forecast import (
    CurvePoint,
    Forecast,
    ForecastCell,
    ForecastControl,
    ForecastOutcome,
    Parts,
    Source,
)

ESTIMATES: dict[ForecastOutcome, float] = {
    "helps": -0.0412,
    "hurts": 0.0312,
    "no_change": -0.0012,
    "undecided": -0.0199,
}


def forecast(
    outcome: ForecastOutcome = "helps", source: Source | None = "transfer", **changes: Any
) -> Forecast:
    """Return a forecast of classes."""
    best, half = ESTIMATES[outcome], 0.0212 if outcome == "undecided" else 0.0112
    cells = tuple(
        ForecastCell(t, w, best + 0.01 * (t - 2) ** 2 + 0.03 * abs(w - 0.5), -0.5, 0.5, 0.01)
        for t in (1.0, 2.0)
        for w in (0.2, 0.5)
    )
    curve = tuple(
        CurvePoint(n, best * 400 / n, best * 400 / n - half, best * 400 / n + half, 2.0, 0.5, best)
        for n in (200, 400, 800)
    )
    control = ForecastControl(2.0, 0.2, 0.0123, 0.0023, 0.0223, best - 0.0123, -0.07, 0.01)
    found = Forecast(
        estimate=best,
        low=best - half,
        high=best + half,
        standard_error=half / 2.5,
        probability=0.987,
        temperature=2.0,
        weight=0.5,
        labelled_rows=400,
        metric="log_loss",
        baseline=0.5432,
        relative_change=best / 0.5432,
        parts=Parts(0.0021, -0.0345, best + 0.0324),
        controls={"uniform": control, "class_means": control},
        cells=cells,
        curve=curve,
        ends_at=1234,
        outcome=outcome,
        source=source if outcome == "helps" else None,
        reasons=(),
        notes=("400 labelled rows are few for 81 parameters.",),
        method="refits",
        penalty=0.003,
        n_parameters=81,
        n_columns=8,
        seconds=0.4,
    )
    return Forecast(**{**vars(found), **changes})


def of_targets() -> Forecast:
    """Return a forecast of numbers, whose cells have no temperature."""
    cells = tuple(ForecastCell(None, w, 0.1 * w - 0.0493, -0.2, 0.2, 0.01) for w in (0.2, 0.5))
    curve = (CurvePoint(200, -0.0293, -0.05, -0.01, None, 0.2, -0.0293),)
    return forecast(
        "helps",
        "regularisation",
        **{"estimate": -0.0293, "temperature": None, "weight": 0.2, "labelled_rows": 200},
        **{"metric": "mse", "baseline": 0.61, "relative_change": -0.048, "ends_at": None},
        **{"cells": cells, "curve": curve, "method": "closed form", "penalty": 0.0},
    )
