"""What one forecast says, in words, rows and blocks."""

from collections.abc import Iterator

from cch_audit.auditing.verdict import cause_of
from cch_audit.rendering.document import (
    Badge,
    Facts,
    Heading,
    Part,
    Rows,
    Text,
    as_rows,
    bullets,
    outcome_badge,
)
from cch_audit.rendering.text import METRIC_TITLES, effect, number, percent, score
from cch_audit.rendering.training import CAUSES, CLAIMS, control_title
from cch_audit.results import Cause, Outcome
from cch_audit.results.forecast import Forecast, ForecastCell

FORECAST_TITLE = "Forecast: what training gains, without training"
CURVE_TITLE = "By number of labelled rows"
CONTROLS_TITLE = "The same without the teacher's content"
METHODS = {
    "expansion": "expansion of the expected loss in one over the number of rows",
    "refits": "the same expansion, corrected by heads that were fitted to drawn rows",
    "closed form": "closed form of least squares",
}
METHOD = (
    "The forecast expands the expected test loss of a converged, penalised linear head on the "
    "student's frozen representation: what the teacher teaches wrongly (bias), what it takes from "
    "the variance of the estimate (noise), and how far it pulls back an estimate that is too large "
    "(shrinkage).",
    "It is about log-loss, or squared error, and not about accuracy; a head that is not trained to "
    "convergence, or a network trained end to end, may gain another amount.",
)
MOST_SHARE = 10.0
"""Times the loss beyond which a change is not given as a share of it."""
_CELL, _ROWS = "best cell", "labelled\nrows"


def kind_of(forecast: Forecast) -> tuple[Outcome, Cause | None]:
    """Return the outcome, and of a gain the cause, as of a training run."""
    return forecast.outcome, cause_of(forecast) if forecast.outcome == "helps" else None


def cause_words(forecast: Forecast) -> str:
    """Return why it helps; nothing where it does not."""
    _, cause = kind_of(forecast)
    return "" if cause is None else CAUSES[cause]


def forecast_badge(forecast: Forecast, below: str = "") -> Badge:
    """Return the outcome as a badge."""
    return outcome_badge(*kind_of(forecast), below)


def forecast_cell(forecast: Forecast | None) -> Badge | None:
    """Return outcome and change as a cell, None without a forecast."""
    if forecast is None:
        return None
    lines = (cause_words(forecast), change_text(forecast).replace(" [", "\n["))
    return forecast_badge(forecast, "\n".join(line for line in lines if line))


def change_text(forecast: Forecast) -> str:
    """Return the change of the loss with its interval."""
    return _interval(forecast.estimate, forecast.low, forecast.high, forecast.metric)


def cell_text(temperature: float | None, weight: float) -> str:
    """Return a temperature and a weight."""
    return f"w = {weight:g}" if temperature is None else f"T = {temperature:g}, w = {weight:g}"


def forecast_numbers(forecast: Forecast) -> str:
    """Return the change at the recommended cell, and how sure it is."""
    # Of a loss of nearly nothing no share says anything.
    is_share = abs(forecast.relative_change) < MOST_SHARE
    share = f"{percent(forecast.relative_change, '+z.1f')}, " if is_share else ""
    return (
        f"{METRIC_TITLES[forecast.metric]} {change_text(forecast)}, {share}at "
        f"{cell_text(forecast.temperature, forecast.weight)} with "
        f"{forecast.labelled_rows:,} labelled rows; P(helps) {number(forecast.probability)}"
    )


def forecast_sentence(forecast: Forecast) -> str:
    """Return what is forecast as a sentence."""
    return f"Forecast: {CLAIMS[kind_of(forecast)]} ({forecast_numbers(forecast)})."


def forecast_parts(forecast: Forecast) -> Iterator[Part]:
    """Yield what is forecast, from what it comes, and for which rows, temperatures and weights."""
    yield Heading(FORECAST_TITLE, forecast_badge(forecast), cause_words(forecast))
    yield Text(forecast_sentence(forecast))
    yield Facts(tuple(fact_lines(forecast)))
    yield from bullets((*forecast.reasons, *forecast.notes))
    if forecast.controls:
        yield Heading(CONTROLS_TITLE)
        yield control_rows(forecast)
    if len(forecast.curve) > 1:
        yield Heading(CURVE_TITLE)
        yield curve_rows(forecast)
    yield Heading(cells_title(forecast))
    yield cell_rows(forecast)


def fact_lines(forecast: Forecast) -> Iterator[tuple[str, str]]:
    """Yield what the forecast is made of as (name, value) pairs."""
    metric, parts = forecast.metric, forecast.parts
    student = f"{METRIC_TITLES[metric]} {score(forecast.baseline, metric)} without KD"
    if forecast.penalty > 0:
        student += f", at the penalty {forecast.penalty:g}"
    yield "student", f"{student}; {forecast.n_parameters:,} parameters"
    yield "best at", cell_text(forecast.temperature, forecast.weight)
    split = {"bias": parts.bias, "noise": parts.noise}
    if metric == "log_loss":
        split["shrinkage"] = parts.shrinkage
    yield "made of", ", ".join(f"{name} {effect(one, metric)}" for name, one in split.items())
    if forecast.estimate < 0:
        ends = "at no number of labelled rows"
        if forecast.ends_at is not None:
            ends = f"from about {rounded(forecast.ends_at):,} labelled rows on"
        yield "gain ends", ends
    yield "by", METHODS[forecast.method]


def control_rows(forecast: Forecast) -> Rows:
    """Return one row per control, at its own best weight."""
    metric = forecast.metric
    return as_rows(
        list(forecast.controls.items()),
        [
            ("instead of the teacher", lambda item: control_title(item[0])),
            ("at", lambda item: cell_text(item[1].temperature, item[1].weight)),
            (
                "change",
                lambda item: _interval(item[1].estimate, item[1].low, item[1].high, metric),
            ),
            (
                "teacher less control",
                lambda item: _interval(
                    item[1].advantage, item[1].advantage_low, item[1].advantage_high, metric
                ),
            ),
        ],
        names=("instead of the teacher",),
    )


def curve_rows(forecast: Forecast) -> Rows:
    """Return one row per number of labelled rows, that of the forecast marked."""
    metric = forecast.metric

    def rows_of(labelled_rows: int) -> str:
        return f"{labelled_rows:,}" + " *" * (labelled_rows == forecast.labelled_rows)

    return as_rows(
        list(forecast.curve),
        [
            (_ROWS, lambda one: rows_of(one.labelled_rows)),
            (
                f"change of {METRIC_TITLES[metric]}",
                lambda one: _interval(one.estimate, one.low, one.high, metric),
            ),
            (_CELL, lambda one: cell_text(one.temperature, one.weight)),
            (
                f"at {cell_text(forecast.temperature, forecast.weight)}",
                lambda one: effect(one.recommended, metric),
            ),
        ],
    )


def cells_title(forecast: Forecast) -> str:
    """Return what the cells of the grid are."""
    both = "weight w" if forecast.temperature is None else "temperature and weight w"
    return (
        f"Change of {METRIC_TITLES[forecast.metric]} by {both}, with "
        f"{forecast.labelled_rows:,} labelled rows; * is the best"
    )


def cell_rows(forecast: Forecast) -> Rows:
    """Return the changes by weight (rows) and temperature (columns)."""

    def short(cell: ForecastCell) -> str:
        best = (cell.temperature, cell.weight) == (forecast.temperature, forecast.weight)
        return effect(cell.estimate, forecast.metric) + " *" * best

    def full(cell: ForecastCell) -> str:
        ends = _interval(cell.estimate, cell.low, cell.high, forecast.metric).partition(" ")[2]
        return f"{short(cell)}\n{ends}"

    cells = {(cell.temperature, cell.weight): cell for cell in forecast.cells}
    temperatures = list(dict.fromkeys(cell.temperature for cell in forecast.cells))
    weights = list(dict.fromkeys(cell.weight for cell in forecast.cells))
    headers = ("weight", *("change" if t is None else f"T = {t:g}" for t in temperatures))
    narrow, wide = (
        tuple(
            (f"{w:g}", *(written(cells[t, w]) if (t, w) in cells else "" for t in temperatures))
            for w in weights
        )
        for written in (short, full)
    )
    return Rows(headers, wide, narrow=Rows(headers, narrow))


def _interval(estimate: float, low: float, high: float, metric: str) -> str:
    return f"{effect(estimate, metric)} [{effect(low, metric)}, {effect(high, metric)}]"


def rounded(count: int) -> int:
    """Return a number with two digits that count: an extrapolation knows no more."""
    return int(float(f"{count:.2g}"))
