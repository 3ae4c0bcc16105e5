"""What the quick training run showed, in words, rows and blocks."""

from collections.abc import Iterator

from cch_audit.rendering.document import (
    Badge,
    Facts,
    Heading,
    Part,
    Rows,
    Text,
    as_rows,
    outcome_badge,
)
from cch_audit.rendering.text import (
    METRIC_TITLES,
    change_interval,
    change_span,
    counted,
    effect,
    p_equation,
    p_value,
    relative_change,
    score,
    size,
)
from cch_audit.results import Audit, Comparison, Confirmation, GridCell, Outcome

TITLE = "Confirmation: a quick training run"
METRICS_TITLE = "Test rows, without and with KD"
CONTROLS_TITLE = "Controls"
CLAIMS: dict[Outcome, str] = {
    "helps": "KD helps",
    "hurts": "KD hurts",
    "no_change": "no detectable change by KD",
    "undecided": "undecided whether KD helps",
}
CONTROL_TITLES = {
    "shuffled": "its rows shuffled",
    "shuffled_within_class": "its rows shuffled within each class",
    "uniform": "uniform soft labels",
    "mean": "its mean",
    "matched_ridge": "a matched ridge penalty",
}
CONTROLS_MEANING = (
    "The same training without the teacher's content: a gain that these show too is "
    "regularisation, not transfer."
)
_ARCHITECTURES = {
    "linear": "linear, for student and teacher alike",
    "mlp": "one hidden layer, for student and teacher alike",
}


def confirmation_parts(audit: Audit) -> Iterator[Part]:
    """Yield what the training run showed, how it was made, and what it was compared with."""
    found = audit.confirmation
    if found is None:
        return
    yield Heading(TITLE, outcome_badge(found.outcome))
    yield Text(outcome_sentence(audit))
    yield Facts(tuple(fact_lines(found)))
    yield Heading(METRICS_TITLE)
    yield metric_rows(found)
    if found.controls:
        yield Heading(CONTROLS_TITLE)
        yield Text(CONTROLS_MEANING)
        yield control_rows(found)
    if found.grid:
        yield Heading(grid_title(found))
        yield grid_rows(found)


def change_cell(audit: Audit) -> str | None:
    """Return the change by distillation as a cell, None without a training run."""
    found = audit.confirmation
    if found is None:
        return None
    first = f"{effect(found.change.estimate, found.metric)}, {p_equation(found.change)}"
    return f"{first}\n{change_span(found.change, found.metric)}"


def outcome_cell(audit: Audit, below: str = "") -> Badge | None:
    """Return the outcome as a cell, None without a training run."""
    return None if audit.confirmation is None else outcome_badge(audit.confirmation.outcome, below)


def outcome_sentence(audit: Audit) -> str:
    """Return what a training run measured and whether that is what the verdict says."""
    found = audit.confirmation
    assert found is not None
    numbers = f"{METRIC_TITLES[found.metric]} {change_interval(found.change, found.metric)}"
    if found.metric == "mse":
        numbers += f", {relative_change(found.change, found.baseline)}"
    numbers += f", {p_equation(found.change)}"
    sentence = f"Measured: {CLAIMS[found.outcome]} ({numbers})"
    sentence += f"; the CCH verdict was {audit.verdict.upper()}"
    if audit.verdict != "undecided":
        sentence += f": {audit.agreement}"
    if (audit.verdict, found.outcome) == ("fail", "helps"):
        sentence += " (the criterion is sufficient, not necessary: FAIL rules no gain out)"
    return f"{sentence}."


def fact_lines(found: Confirmation) -> list[tuple[str, str]]:
    """Return how the experiment was made and what it can see as (name, value) pairs."""
    metric = found.metric
    title = METRIC_TITLES[metric]
    lines = [
        ("heads", _ARCHITECTURES[found.architecture]),
        ("loss", found.loss),
        (
            "rows",
            f"{found.n_train:,} training, {found.n_validation:,} validation, "
            f"{found.n_test:,} test rows over {counted(found.n_seeds, 'seed')}",
        ),
        ("teacher", f"{title} {score(found.teacher_score, metric)} by itself"),
        (
            "student",
            f"{title} {score(found.baseline, metric)} without KD; "
            f"{score(found.baseline_at_half, metric)} on half as many training rows",
        ),
        (
            "detectable",
            f"a change of {size(found.smallest_detectable, metric)} would be seen in 80 % of such "
            "experiments",
        ),
    ]
    if found.min_effect > 0:
        lines.append(("matters", f"a gain of {size(found.min_effect, metric)} or more"))
    if found.fusion is not None:
        lines.append(("fusion", _fusion(found.fusion, metric)))
    return lines


def metric_rows(found: Confirmation) -> Rows:
    """Return one row per metric, on test rows."""

    def in_percent(name: str, one: Comparison) -> str | None:
        if found.metric != "mse":
            return None
        return relative_change(one.change, one.baseline) if name == "mse" else ""

    def title(name: str) -> str:
        return METRIC_TITLES[name] + (" (lower is better)" if name == "mse" else "")

    return as_rows(
        list(found.metrics.items()),
        [
            ("metric", lambda item: title(item[0])),
            ("without", lambda item: score(item[1].baseline, item[0])),
            ("with KD", lambda item: score(item[1].distilled, item[0])),
            ("change", lambda item: change_interval(item[1].change, item[0])),
            ("in %", lambda item: in_percent(*item)),
            ("p", lambda item: p_value(item[1].change)),
        ],
        names=("metric",),
    )


def control_rows(found: Confirmation) -> Rows:
    """Return one row per control."""
    metric = found.metric
    return as_rows(
        list(found.controls.items()),
        [
            ("instead of the teacher", lambda item: control_title(item[0])),
            ("change", lambda item: change_interval(item[1].change, metric)),
            ("advantage of KD over it", lambda item: change_interval(item[1].advantage, metric)),
        ],
        names=("instead of the teacher",),
    )


def control_title(name: str) -> str:
    """Return what took the teacher's place."""
    return CONTROL_TITLES.get(name, name)


def grid_title(found: Confirmation) -> str:
    """Return what the cells of the grid are."""
    has_temperature = any(cell.temperature is not None for cell in found.grid)
    return (
        f"Change of {METRIC_TITLES[found.metric]} on validation rows, by "
        f"{'temperature and ' if has_temperature else ''}weight w; in brackets the number of seeds "
        "that chose it"
    )


def grid_rows(found: Confirmation) -> Rows:
    """Return the changes by weight (rows) and temperature (columns).

    Continuous labels have no temperature, hence a single column.
    """
    cells = {(cell.temperature, cell.weight): cell for cell in found.grid}
    temperatures = list(dict.fromkeys(cell.temperature for cell in found.grid))
    weights = list(dict.fromkeys(cell.weight for cell in found.grid))
    headers = ["change" if t is None else f"T = {t:g}" for t in temperatures]
    return Rows(
        ("weight", *headers),
        tuple(
            (f"{w:g}", *(_grid_cell(cells.get((t, w)), found.metric) for t in temperatures))
            for w in weights
        ),
    )


def _fusion(fusion: Comparison, metric: str) -> str:
    return (
        f"teacher and student as joint input: {METRIC_TITLES[metric]} "
        f"{score(fusion.baseline, metric)} without, {score(fusion.distilled, metric)} with KD, "
        f"{change_interval(fusion.change, metric)}, {p_equation(fusion.change)}"
    )


def _grid_cell(cell: GridCell | None, metric: str) -> str:
    if cell is None:
        return ""
    return effect(cell.change, metric) + (f" ({cell.chosen})" if cell.chosen else "")
