"""The result of an audit: frozen records that renderers read and never change."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Verdict = Literal["pass", "fail", "undecided"]


@dataclass(frozen=True)
class Interval:
    """An estimate with its confidence interval, in nats."""

    estimate: float
    low: float
    high: float
    standard_error: float


@dataclass(frozen=True)
class Gap(Interval):
    """The paired difference I(teacher; student) - I(student; labels), in nats."""

    probability_positive: float
    """Share of the bootstrap distribution above zero."""


@dataclass(frozen=True)
class Range:
    """The two ends of an interval, in nats."""

    low: float
    high: float


@dataclass(frozen=True)
class PerInformation:
    """One number for each of the two informations and for their difference, in nats."""

    teacher_student: float
    student_labels: float
    gap: float


@dataclass(frozen=True)
class EstimatorResult:
    """What one estimator says at one level."""

    teacher_student: Interval
    """I(teacher; student)."""
    student_labels: Interval
    """I(student; labels)."""
    gap: Gap
    verdict_interval: Range
    """Hull of the gap's interval and the same interval with the surrogates' bias removed."""
    bias: PerInformation | None
    """Mean error of the estimator on surrogates with known information; None when not measured."""
    drift: PerInformation
    """Estimate from all rows minus the mean estimate from halves."""
    flags: tuple[str, ...]
    """Conditions a reader must know: `saturated`, `drift`, `bias_sensitive`, `certificate`."""
    verdict: Verdict
    reason: str
    """One phrase: why this verdict."""


@dataclass(frozen=True)
class LevelResult:
    """What the estimators say together at one level (representations or predictions)."""

    verdict: Verdict
    reasons: tuple[str, ...]
    voters: tuple[str, ...]
    """The estimators that decide; `gaussian` is shown as a reference beside others."""
    estimators: Mapping[str, EstimatorResult]


@dataclass(frozen=True)
class Companions:
    """Quantities to read beside the gap, in nats; estimated with KSG on the representations."""

    label_entropy: float | None
    """H(Y), the cap on I(student; labels); None for continuous labels."""
    teacher_labels: Interval
    """I(teacher; labels)."""
    teacher_labels_given_student: Interval
    """I(teacher; labels | student): what the teacher adds about the labels."""
    teacher_student_given_labels: Interval
    """I(teacher; student | labels): shared content that the labels do not explain."""
    teacher_prediction_variance: float | None
    """Var(t), summed over outputs; None for classes."""
    label_variance: float | None
    """Var(y), summed over outputs; None for classes."""
    variance_condition: bool | None
    """Whether Var(t) <= Var(y), which the theorem needs; None for classes."""


@dataclass(frozen=True)
class Audit:
    """The audit of one teacher for one student."""

    teacher: str
    student: str
    verdict: Verdict
    reasons: tuple[str, ...]
    levels: Mapping[str, LevelResult]
    """By level name: `representations`, `predictions`."""
    gated: tuple[str, ...]
    """The levels that decide the verdict; the others are shown only."""
    companions: Companions
    notes: tuple[str, ...]
    """Plain sentences on what the numbers mean together, e.g. that the levels disagree."""
    teacher_dimension: int
    student_dimension: int


@dataclass(frozen=True)
class InputSummary:
    """What was audited."""

    path: str
    sha256: str
    teacher_path: str | None
    teacher_sha256: str | None
    n_rows: int
    n_samples: int
    n_groups: int | None
    labels_name: str
    labels_kind: Literal["classes", "continuous"]
    n_classes: int | None
    label_entropy: float | None
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Report:
    """Everything one `check` run found."""

    command: str
    input: InputSummary
    settings: Mapping[str, Any]
    """The effective settings, as `cch-audit config` prints them."""
    seed: int
    verdict: Verdict
    exit_code: int
    seconds: float
    audits: tuple[Audit, ...]
    warnings: tuple[str, ...]
