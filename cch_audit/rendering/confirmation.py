"""What training runs showed, in words, rows and blocks."""

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
    percent,
    relative_change,
    score,
    size_of,
)
from cch_audit.rendering.training import (
    RUNS,
    TRIVIAL,
    cause_sentence,
    cause_text,
    claim,
    control_title,
    curve_words,
    missing,
)
from cch_audit.results import (
    LOWER_IS_BETTER,
    Audit,
    Comparison,
    Confirmation,
    GridCell,
    TrainingSize,
)

METRICS_TITLE = "Test rows, without and with KD"
CURVE_TITLE = "By number of training rows"
CONTROLS_TITLE = "Controls"
CONTROLS_MEANING = (
    "The same training without the teacher's content: a gain that any of these shows too is "
    "regularisation, not transfer."
)
_ARCHITECTURES = {
    "linear": "linear, for student and teacher alike",
    "mlp": "one hidden layer, for student and teacher alike",
}


def confirmation_parts(audit: Audit) -> Iterator[Part]:
    """Yield what the training runs showed, how they were made, and what they are compared with."""
    found = audit.confirmation
    if found is None:
        return
    yield Heading(title(found), outcome_badge(found.outcome, found.cause), cause_text(found))
    yield Text(outcome_sentence(audit))
    yield Facts(tuple(fact_lines(found)))
    if len(found.curve) > 1:
        yield Heading(CURVE_TITLE, after="* stands for the whole")
        yield curve_rows(found)
    yield Heading(METRICS_TITLE + _at(found))
    yield metric_rows(found)
    if found.size.controls:
        yield Heading(CONTROLS_TITLE + _at(found))
        yield Text(CONTROLS_MEANING)
        yield control_rows(found)
    if found.size.grid:
        yield Heading(grid_title(found))
        yield grid_rows(found)


def title(found: Confirmation) -> str:
    """Return what was trained."""
    return f"Confirmation: {RUNS[found.source][0]}"


def change_cell(audit: Audit) -> str | None:
    """Return the change by distillation as a cell, None without a training run."""
    found = audit.confirmation
    if found is None:
        return None
    change = found.main.change
    return f"{effect(change.estimate, found.metric)}\n{change_span(change, found.metric)}"


def outcome_cell(audit: Audit, below: str = "") -> Badge | None:
    """Return the outcome with its cause as a cell, None without a training run."""
    found = audit.confirmation
    if found is None:
        return None
    lines = [line for line in (cause_text(found), below) if line]
    return outcome_badge(found.outcome, found.cause, "\n".join(lines))


def outcome_sentence(audit: Audit) -> str:
    """Return what training measured, why, and whether that is what the verdict says."""
    found = audit.confirmation
    assert found is not None
    change, own = found.main.change, "in your own training runs, " * (found.source == "runs")
    numbers = f"{METRIC_TITLES[found.metric]} {change_interval(change, found.metric)}"
    if found.metric == "mse":
        numbers += f", {relative_change(change, found.main.baseline)}"
    if found.size.n_train is not None:
        numbers += f", {found.size.n_train:,} training rows"
    parts = [f"Measured: {own}{claim(found)} ({numbers})"]
    parts += [text for text in (cause_sentence(found),) if text]
    said = f"the CCH verdict was {audit.verdict.upper()}"
    if audit.verdict != "undecided":
        said += f": {audit.agreement}"
    if (audit.verdict, found.outcome) == ("fail", "helps"):
        said += " (the criterion is sufficient, not necessary: FAIL rules no gain out)"
    words = curve_words(found.curve)
    along = f" By training size: {words}." if words else ""
    return f"{'; '.join([*parts, said])}.{along}"


def fact_lines(found: Confirmation) -> Iterator[tuple[str, str]]:
    """Yield how the experiment was made and what it can see as (name, value) pairs."""
    size, metric, change = found.size, found.metric, found.main.change
    name = METRIC_TITLES[metric]
    if found.architecture is not None:
        yield "heads", _ARCHITECTURES[found.architecture]
    if found.loss is not None:
        yield "loss", found.loss
    yield "rows", _rows_of(size)
    if found.labelled_rows is not None:
        yield "decides", f"the size for {found.labelled_rows:,} labelled rows (--labelled-rows)"
    elif len(found.curve) > 1:
        yield "decides", f"the whole curve, corrected for its {len(found.curve)} sizes"
    if size.teacher_score is not None:
        yield "teacher", f"{name} {score(size.teacher_score, metric)} by itself"
    student = f"{name} {score(found.main.baseline, metric)} without KD"
    if size.trivial_score is not None:
        trivial = TRIVIAL.get(metric, "the frequencies of the classes")
        student += f"; {score(size.trivial_score, metric)} by {trivial} alone"
    yield "student", student
    if found.min_effect > 0:
        yield "matters", f"a gain of {size_of(found.min_effect, metric)} or more"
    error = f"standard error {size_of(change.standard_error, metric)}"
    if change.irreducible is not None:
        share = percent(change.irreducible, ".0f")
        error += f"; more repetitions cannot lower {share} of its variance, more rows can"
    yield "uncertain", error
    if needed := missing(size):
        yield "missing", f"{needed} would decide it"
    if size.gradient is not None:
        yield "converged", _converged(size.gradient)
    if size.fusion is not None:
        yield "fusion", _fusion(size.fusion, metric)


def _converged(gradient: float) -> str:
    """Return how far heads were from where they would not move any more."""
    if gradient == 0:
        return "exactly, by a closed form"
    return f"no gradient is larger than {gradient:.1g} nats per unit of a logit"


def _rows_of(size: TrainingSize) -> str:
    """Return how many rows train, validate and test, and how often."""
    counts = {
        "training": size.n_train,
        "validation": size.n_validation,
        "test": size.n_test,
    }
    rows = [f"{count:,} {role}" for role, count in counts.items() if count is not None]
    repetitions = counted(size.n_repetitions, "repetition")
    return f"{', '.join(rows)} rows in each of {repetitions}" if rows else repetitions


def _at(found: Confirmation) -> str:
    """Say which of several sizes something is about."""
    several = len(found.curve) > 1 and found.size.n_train is not None
    return f", {found.size.n_train:,} training rows" if several else ""


def curve_rows(found: Confirmation) -> Rows:
    """Return one row per number of training rows, what stands for the whole marked."""

    def needed(size: TrainingSize) -> str | None:
        if not any(map(missing, found.curve)):
            return None
        return missing(size) or ("not known" if size.outcome == "undecided" else "")

    def rows_of(size: TrainingSize) -> str:
        count = "not said" if size.n_train is None else f"{size.n_train:,}"
        return count + (" *" if size is found.size else "")

    def without(size: TrainingSize) -> str:
        return score(size.metrics[found.metric].baseline, found.metric)

    return as_rows(
        list(found.curve),
        [
            ("training\nrows", rows_of),
            ("without\nKD", without),
            (
                f"change of\n{METRIC_TITLES[found.metric]} by KD",
                lambda size: change_interval(
                    size.metrics[found.metric].change, found.metric
                ).replace(" [", "\n["),
            ),
            (
                "outcome",
                lambda size: outcome_badge(size.outcome, size.cause, cause_text(size)),
            ),
            ("repeated", lambda size: f"{size.n_repetitions:,}"),
            ("missing", needed),
        ],
        names=("missing",),
    )


def metric_rows(found: Confirmation) -> Rows:
    """Return one row per metric, on test rows."""

    def in_percent(name: str, one: Comparison) -> str | None:
        if "mse" not in found.size.metrics:
            return None
        return relative_change(one.change, one.baseline) if name == "mse" else ""

    def named(name: str) -> str:
        title = METRIC_TITLES[name] + (" (lower is better)" if name in LOWER_IS_BETTER else "")
        return title + (", decides" if name == found.metric else "")

    return as_rows(
        list(found.size.metrics.items()),
        [
            ("metric", lambda item: named(item[0])),
            ("without", lambda item: score(item[1].baseline, item[0])),
            ("with KD", lambda item: score(item[1].distilled, item[0])),
            ("change", lambda item: change_interval(item[1].change, item[0]).replace(" [", "\n[")),
            ("in %", lambda item: in_percent(*item)),
            ("outcome", lambda item: outcome_badge(item[1].outcome, found.size.cause)),
        ],
        names=("metric",),
    )


def control_rows(found: Confirmation) -> Rows:
    """Return one row per control."""
    metric = found.metric
    return as_rows(
        list(found.size.controls.items()),
        [
            ("instead of the teacher", lambda item: control_title(item[0])),
            ("change", lambda item: change_interval(item[1].change, metric)),
            ("advantage of KD over it", lambda item: change_interval(item[1].advantage, metric)),
        ],
        names=("instead of the teacher",),
    )


def grid_title(found: Confirmation) -> str:
    """Return what the cells of the grid are."""
    has_temperature = any(cell.temperature is not None for cell in found.size.grid)
    return (
        f"Change of {METRIC_TITLES[found.metric]} on validation rows{_at(found)}, by "
        f"{'temperature and ' if has_temperature else ''}weight w; in brackets the number of "
        "repetitions that chose it"
    )


def grid_rows(found: Confirmation) -> Rows:
    """Return the changes by weight (rows) and temperature (columns).

    Continuous labels have no temperature, hence a single column.
    """
    grid = found.size.grid
    cells = {(cell.temperature, cell.weight): cell for cell in grid}
    temperatures = list(dict.fromkeys(cell.temperature for cell in grid))
    weights = list(dict.fromkeys(cell.weight for cell in grid))
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
        f"{change_interval(fusion.change, metric)}"
    )


def _grid_cell(cell: GridCell | None, metric: str) -> str:
    if cell is None:
        return ""
    return effect(cell.change, metric) + (f" ({cell.chosen})" if cell.chosen else "")
