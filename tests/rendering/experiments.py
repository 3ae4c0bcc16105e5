"""Training runs and rankings built by hand, with varied contents."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

from cch_audit import columns
from cch_audit.auditing.verdict import agreement
from cch_audit.results import (
    Audit,
    Baselines,
    Cause,
    Change,
    Comparison,
    Confirmation,
    Control,
    GridCell,
    Outcome,
    Ranked,
    Ranking,
    Record,
    Report,
    SweepReport,
    TrainingSize,
    Varied,
)
from cch_audit.sweeping.crossings import trace
from cch_audit.sweeping.plan import step_title

GAINS: dict[Outcome, float] = {
    "helps": 0.0105,
    "hurts": -0.0209,
    "no_change": 0.0004,
    "undecided": 0.0048,
}
HALF_WIDTHS: dict[Outcome, float] = {
    "helps": 0.0079,
    "hurts": 0.0064,
    "no_change": 0.0035,
    "undecided": 0.0231,
}
RECORDED = ("representations", "predictions", "teacher_labels", "score", "log_me", "cka")


def change(estimate: float, half_width: float = 0.0079, irreducible: float | None = 0.5) -> Change:
    low, high = estimate - half_width, estimate + half_width
    return Change(estimate, low, high, half_width / 1.96, irreducible)


def comparison(
    baseline: float, gain: float, half_width: float = 0.0079, outcome: Outcome = "helps"
) -> Comparison:
    return Comparison(baseline, baseline + gain, change(gain, half_width), outcome)


def size(
    outcome: Outcome = "helps",
    cause: Cause | None = None,
    *,
    n_train: int | None = 400,
    fusion: bool = False,
) -> TrainingSize:
    """One size of an experiment with classes, all controls and the whole grid."""
    if outcome == "helps":
        cause = cause or "transfer"
    gain, half_width = GAINS[outcome], HALF_WIDTHS[outcome]
    controls = {"uniform": -0.0131, "shuffled": -0.0441, "shuffled_within_class": -0.0139}
    if cause == "regularisation":
        controls["uniform"] = gain + 0.001
    return TrainingSize(
        n_train=n_train,
        n_validation=200,
        n_test=1400,
        n_repetitions=24,
        outcome=outcome,
        cause=cause,
        metrics={
            "accuracy": comparison(0.7343, gain, half_width, outcome),
            "log_loss": comparison(0.8123, -0.9 * gain, outcome=outcome),
            "weighted_f1": comparison(0.7291, gain * 1.1, outcome=outcome),
            "macro_auc": comparison(0.8127, gain * 0.6, outcome=outcome),
        },
        controls={
            name: Control(change(effect), change(gain - effect))
            for name, effect in controls.items()
        },
        grid=tuple(
            GridCell(temperature, weight, gain + 0.002 * temperature - 0.01 * weight, chosen)
            for temperature, counts in zip(
                (1.0, 2.0, 3.0, 4.0),
                ((0, 0, 0, 0, 0), (0, 1, 0, 0, 0), (0, 3, 2, 0, 0), (1, 1, 0, 0, 0)),
                strict=True,
            )
            for weight, chosen in zip((0.2, 0.3, 0.5, 0.7, 0.8), counts, strict=True)
        ),
        fusion=comparison(0.8912, 0.0031) if fusion else None,
        teacher_score=0.9123,
        trivial_score=0.3012,
        more_rows=1300 if outcome == "undecided" else None,
        more_repetitions=70 if outcome == "undecided" else None,
        gradient=3.2e-7,
    )


def confirmation(
    outcome: Outcome = "helps", cause: Cause | None = None, *, fusion: bool = False
) -> Confirmation:
    """An experiment with classes at one size."""
    return of_sizes(
        size(outcome, cause, fusion=fusion),
        architecture="mlp" if fusion else "linear",
        notes=("The gain is larger than that of every control: it is transfer.",),
    )


def of_sizes(*curve: TrainingSize, at: int = 0, **others: Any) -> Confirmation:
    """An experiment with classes whose outcome is that of one of its sizes."""
    made = Confirmation(
        source="heads",
        outcome=curve[at].outcome,
        cause=curve[at].cause,
        metric="accuracy",
        min_effect=0.005,
        labelled_rows=None,
        at=at,
        curve=curve,
        architecture="linear",
        loss="(1 - w) CE(labels, student) + w T^2 KL(teacher_T || student_T), mean over the batch",
        notes=(),
        seconds=3.21,
    )
    return replace(made, **others)


def curved(*outcomes: tuple[Outcome, Cause | None], first: int = 50, at: int = 0) -> Confirmation:
    """An experiment whose training rows double from outcome to outcome."""
    sizes = [
        size(outcome, cause, n_train=first * 2**number)
        for number, (outcome, cause) in enumerate(outcomes)
    ]
    return of_sizes(*sizes, at=at)


def own_runs(outcome: Outcome = "helps", cause: Cause | None = None) -> Confirmation:
    """Training runs of the user's own, which say one score and one control."""
    base = size(outcome, cause, n_train=None)
    return of_sizes(
        replace(
            base,
            n_validation=None,
            n_test=None,
            metrics={
                "accuracy": replace(
                    base.metrics["accuracy"],
                    change=change(GAINS[outcome], HALF_WIDTHS[outcome], None),
                )
            },
            controls={"label smoothing 0.1": base.controls["uniform"]},
            grid=(),
            teacher_score=None,
            trivial_score=None,
            more_rows=None,
            gradient=None,
        ),
        source="runs",
        architecture=None,
        loss=None,
    )


def regression_confirmation(outcome: Outcome = "helps", *, scale: float = 1.0) -> Confirmation:
    """An experiment with continuous labels, whose unit is free: one row of weights."""
    fall = -10 * GAINS[outcome] * scale
    half_width = 10 * HALF_WIDTHS[outcome] * scale
    mse = comparison(1.2345 * scale, fall, half_width, outcome)
    of_numbers = replace(
        size(outcome),
        metrics={"mse": mse, "r2": comparison(0.5123, 10 * GAINS[outcome], outcome=outcome)},
        controls={
            name: Control(change(effect * scale, half_width), change(fall - effect * scale))
            for name, effect in (("shuffled", 0.4), ("mean", 0.02), ("matched_ridge", -0.031))
        },
        grid=tuple(
            GridCell(None, weight, fall * (1 - weight), chosen)
            for weight, chosen in zip((0.2, 0.3, 0.5, 0.7, 0.8), (0, 5, 3, 0, 0), strict=True)
        ),
        teacher_score=0.8123 * scale,
        trivial_score=2.1234 * scale,
    )
    return of_sizes(
        of_numbers,
        metric="mse",
        min_effect=0.0,
        loss="MSE(labels, student) + w MSE(teacher, student)",
    )


def confirmed(audit: Audit, found: Confirmation) -> Audit:
    """Add a training run to an audit, and whether they agree."""
    says = agreement(audit.verdict, found.outcome, found.cause)
    return replace(audit, confirmation=found, agreement=says)


def baselines(audit: Audit, *, labels: Literal["classes", "continuous"] = "classes") -> Audit:
    """Add what only a ranking measures."""
    if labels == "classes":
        return replace(audit, baselines=Baselines(0.876, -0.4321, 1.234, 0.345))
    return replace(audit, baselines=Baselines(0.512, -1.4321, None, 0.345))


def ranking(audits: Sequence[Audit]) -> Ranking:
    """Rank audits in their order; the second and third share a rank."""
    teachers = [audit for audit in audits if not audit.is_control]
    shared = [audit.teacher for audit in teachers[1:3]]
    ranks = (1, 2, 2, 4, 5, 6, 7)
    trained = any(audit.confirmation is not None for audit in audits)

    def values(audit: Audit) -> dict[str, float | None]:
        return {name: column.value(audit) for name, column in columns.COLUMNS.items()}

    return Ranking(
        by=RECORDED[0],
        teachers=(
            *(
                Ranked(
                    audit.teacher,
                    rank,
                    tuple(name for name in shared if rank == 2 and name != audit.teacher),
                    values(audit),
                )
                for audit, rank in zip(teachers, ranks, strict=False)
            ),
            *(
                Ranked(audit.teacher, None, (), {**values(audit), "log_me": None})
                for audit in audits
                if audit.is_control
            ),
        ),
        records={
            name: Record(None if name == "cka" else 0.6 - 0.2 * i, 0.0041 * i, 0.25 * (i % 3))
            for i, name in enumerate(RECORDED if trained else ())
        },
    )


def swept(base: Report, teacher: str, varied: Varied, steps: tuple[float, ...]) -> SweepReport:
    """Make the audits of a report the steps of a sweep."""
    audits = tuple(
        replace(audit, teacher=step_title(teacher, varied, step))
        for audit, step in zip(base.audits, steps, strict=True)
    )
    found = trace(audits, varied, teacher, steps, 0.0)
    settings = {**base.settings, varied: ",".join(map(str, steps))}
    changed = replace(
        base, audits=audits, gate="none", decision="pass", exit_code=0, settings=settings
    )
    return SweepReport(**{**vars(changed), "kind": "sweep", "sweep": found})
