"""The result of an audit: frozen records that renderers read and never change."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from cch_audit.errors import InputError
from cch_audit.results.forecast import Forecast

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from pandas import DataFrame

    from cch_audit.results.maps import MapReport
    from cch_audit.settings.formats import Units

Verdict = Literal["pass", "fail", "undecided"]
Outcome = Literal["helps", "hurts", "no_change", "undecided"]
Cause = Literal["transfer", "regularisation", "unclear"]
Metric = Literal["accuracy", "log_loss", "brier", "weighted_f1", "macro_auc", "mse", "r2"]
Agreement = Literal["agrees", "disagrees", "undecided"]
Deciding = Literal["verdict", "forecast", "outcome"]
"""What may decide about a teacher; the outcome is that of training."""
Gate = Literal[
    "verdict", "forecast", "outcome", "verdict_forecast", "forecast_outcome", "both", "all", "none"
]
DECIDES: Mapping[Gate, tuple[Deciding, ...]] = {
    "verdict": ("verdict",),
    "forecast": ("forecast",),
    "outcome": ("outcome",),
    "verdict_forecast": ("verdict", "forecast"),
    "forecast_outcome": ("forecast", "outcome"),
    "both": ("verdict", "outcome"),
    "all": ("verdict", "forecast", "outcome"),
    "none": (),
}
"""What has to say yes for each gate."""
Varied = Literal["noise", "drop_columns", "shuffle_rows", "flip_labels", "temperature", "weight"]
"""What a sweep changes step by step."""
LOWER_IS_BETTER = ("mse", "log_loss", "brier")
"""Metrics; of any other one more is better."""


def improvement(change: float, metric: str) -> float:
    """Return a change of a metric with improvements positive."""
    return -change if metric in LOWER_IS_BETTER else change


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
    """Hull of the gap's interval and the same interval with the surrogates' bias removed.

    Its upper end is raised to that of the level's floor, if there is one.
    """
    bias: PerInformation | None
    """Mean error of the estimator on surrogates with known information; None without surrogates,
    and with `stop_early` where the estimator is undecided whatever it is."""
    drift: PerInformation
    """Estimate from all rows minus the mean estimate from halves."""
    flags: tuple[str, ...]
    """Conditions a reader must know: `saturated`, `bias_sensitive`, `drift`, `certificate`,
    `below_floor`, `below_zero`, `withheld`."""
    verdict: Verdict
    reason: str
    """One phrase: why this verdict."""
    raw: PerInformation | None = None
    """Estimates on all columns without calibration; None where there is no calibration."""


@dataclass(frozen=True)
class LevelResult:
    """What the estimators say together at one level (representations or predictions)."""

    verdict: Verdict
    reasons: tuple[str, ...]
    voters: tuple[str, ...]
    """The estimators that decide; `gaussian` is shown as a reference beside others."""
    estimators: Mapping[str, EstimatorResult]
    truth: PerInformation | None = None
    """What a simulated file says of the population that its rows were drawn from."""
    floor: Interval | None = None
    """What the gap cannot be below: I(predicted labels; student) - I(labels; student), where the
    teacher predicts; None where it raises no verdict interval."""
    not_needed: tuple[str, ...] = ()
    """The chosen estimators that were not run: those that train networks at a level that does not
    decide, and with `stop_early` those that could not change the verdict."""


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
class Doubt:
    """A reason why neither pass nor fail may be said of these rows, whatever was estimated."""

    kind: Literal["near_copies", "file_order", "few_units", "lone_classes"]
    reason: str
    """What was found, as a sentence."""
    remedy: str
    """What to do about it, as a sentence."""
    overruled: bool = False
    """Whether the user says that the rows are independent all the same."""


@dataclass(frozen=True)
class Change:
    """A paired difference of a metric between two arms of an experiment, in units of the metric."""

    estimate: float
    low: float
    high: float
    standard_error: float
    """Over rows (groups where there are any) and repetitions together."""
    irreducible: float | None
    """Share of its variance that more repetitions cannot lower; None where rows are not known."""

    def as_gain(self, metric: str) -> "Change":
        """Return the same change of a metric with improvements positive."""
        if metric not in LOWER_IS_BETTER:
            return self
        return replace(self, estimate=-self.estimate, low=-self.high, high=-self.low)


@dataclass(frozen=True)
class Comparison:
    """One metric on test rows with and without distillation."""

    baseline: float
    distilled: float
    change: Change
    """Distilled minus baseline."""
    outcome: Outcome
    """What this metric alone says."""


@dataclass(frozen=True)
class Control:
    """The same training with the teacher's content removed, for the deciding metric."""

    change: Change
    """Control minus baseline: what regularisation alone does."""
    advantage: Change
    """Distilled minus control: what the teacher's content does."""


@dataclass(frozen=True)
class GridCell:
    """One temperature and weight, judged on validation rows."""

    temperature: float | None
    """None for continuous labels."""
    weight: float
    change: float
    """Mean change of the deciding metric on validation rows."""
    chosen: int
    """Number of repetitions that chose this cell."""


@dataclass(frozen=True)
class TrainingSize:
    """What training the student on so many rows showed, without and with the teacher."""

    n_train: int | None
    """Training rows of a repetition; None where the user's own runs do not say."""
    n_validation: int | None
    n_test: int | None
    """Rows that score a repetition: all that neither train nor validate it, the fewest of any."""
    n_repetitions: int
    outcome: Outcome
    """By the deciding metric."""
    cause: Cause | None
    """Why it helps: `transfer`, better than every control; `regularisation`, a control does as
    well; `unclear`. None where it does not help."""
    metrics: Mapping[str, Comparison]
    """`accuracy`, `log_loss`, `brier`, `weighted_f1`, `macro_auc`, or `mse`, `r2`."""
    controls: Mapping[str, Control]
    """`uniform`, `shuffled`, `shuffled_within_class`, `class_means`, or `shuffled`, `mean`,
    `matched_ridge`; for own runs what the user made."""
    grid: tuple[GridCell, ...]
    fusion: Comparison | None
    """The deciding metric with teacher and student as joint input, without and with KD."""
    teacher_score: float | None
    """The deciding metric of the teacher's own predictions on the test rows."""
    trivial_score: float | None
    """That of a head that knows the class frequencies, or the mean, alone."""
    more_rows: int | None
    """About how many more rows would decide it; None where it is decided, or where they would
    not."""
    more_repetitions: int | None
    """About how many more repetitions would decide it; None where it is decided, or where they
    cannot."""
    gradient: float | None
    """How far heads were from converged: the largest norm of the gradient of any of them, in nats
    per unit of a logit; None for heads that stop early and for own runs."""


@dataclass(frozen=True)
class Confirmation:
    """What training the student with and without the teacher showed."""

    source: Literal["heads", "runs"]
    """Heads on the representations, or training runs of the user's own."""
    outcome: Outcome
    cause: Cause | None
    """Why it helps; None where it does not."""
    metric: Metric
    """The metric that decides."""
    min_effect: float
    """The smallest gain that matters, in units of the metric."""
    labelled_rows: int | None
    """How many labelled rows the user has, so that this size decides; None: the whole curve does,
    corrected for the number of sizes."""
    at: int
    """Place in the curve of the size that stands for the whole."""
    curve: tuple[TrainingSize, ...]
    """By number of training rows, the fewest first."""
    architecture: Literal["linear", "mlp"] | None
    loss: str | None
    """The loss that was minimised, as a formula."""
    notes: tuple[str, ...]
    seconds: float
    """How long the training took."""

    @property
    def size(self) -> TrainingSize:
        """The size that stands for the whole."""
        return self.curve[self.at]

    @property
    def main(self) -> Comparison:
        """The deciding metric at that size."""
        return self.size.metrics[self.metric]

    @property
    def gain(self) -> Change:
        """The change with improvements positive, whatever the metric."""
        return self.main.change.as_gain(self.metric)


@dataclass(frozen=True)
class Baselines:
    """Transferability scores that need no mutual information."""

    score: float
    """The teacher's own cross-validated accuracy, or R^2."""
    log_me: float
    """Log evidence of a Bayesian linear model of the labels per row."""
    h_score: float | None
    """None for continuous labels, and where there are as many columns as rows."""
    cka: float
    """Linear centred kernel alignment of teacher and student."""


@dataclass(frozen=True)
class Audit:
    """The audit of one teacher for one student."""

    teacher: str
    student: str
    verdict: Verdict
    reasons: tuple[str, ...]
    levels: Mapping[str, LevelResult]
    """By level name: `representations`, `predictions`; with `stop_early` those that decide."""
    gated: tuple[str, ...]
    """The levels that decide the verdict; the others are shown only."""
    companions: Companions
    notes: tuple[str, ...]
    """Plain sentences on what the numbers mean together, e.g. that the levels disagree."""
    teacher_dimension: int
    student_dimension: int
    doubts: tuple[Doubt, ...] = ()
    """Why the verdict is withheld, unless all of them are overruled."""
    baselines: Baselines | None = None
    """Only `rank` measures them."""
    confirmation: Confirmation | None = None
    agreement: Agreement | None = None
    """Whether the outcome of the confirmation is what the verdict says."""
    is_control: bool = False
    """Whether this is no teacher of the user's, but one that teaches nothing."""
    forecast: Forecast | None = None
    """What training is forecast to gain, without any; None where it was not asked for."""


@dataclass(frozen=True)
class Ranked:
    """The place of one teacher."""

    teacher: str
    rank: int | None
    """Place in the order, shared by teachers that cannot be told apart from the first of them;
    None for a control."""
    ties: tuple[str, ...]
    """Teachers that cannot be told apart from this one."""
    columns: Mapping[str, float | None]
    """Every column that `--by` accepts, more is better; None where it does not apply."""


@dataclass(frozen=True)
class Record:
    """How well one column of a ranking foretold the measured change."""

    kendall_tau: float | None
    """Rank correlation with the measured gain; None where it is not defined."""
    regret: float
    """Gain of the best teacher minus that of the column's first choice, in units of the metric."""
    harmful: float
    """Share of its first choices that hurt, out of as many as pass the criterion (at least one)."""


@dataclass(frozen=True)
class Ranking:
    """The teachers in order, the best first; controls after them."""

    by: str
    teachers: tuple[Ranked, ...]
    records: Mapping[str, Record]
    """By column; empty without a confirmation."""


@dataclass(frozen=True)
class Crossing:
    """Where a value that is known at the steps of a sweep passes a threshold between two of them.

    Between neighbouring steps the value and the ends of its interval are taken for straight lines.
    """

    step: float
    """Where the estimate passes, for the first time."""
    low: float | None
    """Where the interval begins to include the threshold; None if it does from the first step."""
    high: float | None
    """Where it ends to include it; None if it still does at the last step."""
    times: int
    """How often the estimate passes."""

    @property
    def told_apart(self) -> bool:
        """Whether the value is on a side of the threshold beyond its interval at some step."""
        return self.low is not None or self.high is not None


@dataclass(frozen=True)
class Sweep:
    """One teacher, made worse in steps, or trained with in several ways."""

    varied: Varied
    teacher: str
    """Its name; those of the audits say the step too."""
    steps: tuple[float, ...]
    """One for each audit, in ascending order: standard deviations of each column for `noise`,
    shares of columns, rows or labels, temperatures, or weights."""
    gap_crossings: Mapping[str, Crossing | None]
    """By level, where the gap passes the margin: the median of the estimators that decide, and the
    hull of their verdict intervals. None where it does not, which is so at a fixed teacher."""
    gain_crossing: Crossing | None
    """Where the measured gain passes zero."""
    forecast_crossing: Crossing | None = None
    """Where the gain that is forecast passes zero; None without a forecast at every step."""


@dataclass(frozen=True)
class LabelSummary:
    """What the labels are."""

    name: str
    kind: Literal["classes", "continuous"]
    n_classes: int | None
    entropy: float | None
    """H(Y) in nats; None for continuous labels."""


@dataclass(frozen=True)
class InputSummary:
    """What was audited."""

    path: str
    sha256: str
    teacher_path: str | None
    """The second file, if the teachers came from one."""
    teacher_sha256: str | None
    n_rows: int
    """Rows available before the subsample."""
    n_samples: int
    """Rows audited."""
    n_groups: int | None
    """Groups of rows that belong together; None when none are given."""
    labels: LabelSummary
    notes: tuple[str, ...]
    """How the rows were chosen."""
    n_units: float | None = None
    """How many units of equal size count as much as the groups, or the blocks of a window; None
    where every row is on its own."""


@dataclass(frozen=True)
class Origin:
    """Where a report comes from."""

    date: str
    """When it was made: ISO 8601, UTC; what SOURCE_DATE_EPOCH says where it is set."""
    host: str
    """The name of the machine."""
    versions: Mapping[str, str]
    """By package what computed it; `cch-audit` and `Python` too."""


class Written:
    """What reports of every kind can do; they are dataclasses."""

    def to_json(self) -> str:
        """Return the report as JSON; `from_json` reads it back.

        JSON knows no number that is not finite: such numbers become null. Null is read back as None
        where a field may be None, as infinity in a `truth`, and as nan in any other number.
        """
        from cch_audit.rendering.as_json import render

        return render(self)

    @staticmethod
    def from_json(
        text: str | bytes,
    ) -> "CheckReport | RankReport | SweepReport | ForecastReport | MapReport":
        """Return the report that `to_json` or `--format json` wrote.

        Raises
        ------
        InputError
            If the text is no such report; the message says where, and what was found.
        """
        from cch_audit.results.files import parse

        return parse(text, "the report")

    def to_frame(self, *, units: "Units" = "nats") -> "DataFrame":
        """Return one row for each teacher, level and estimator, with the columns of the CSV."""
        from pandas import DataFrame

        from cch_audit.rendering.as_csv import as_table

        header, *rows = as_table(self, units)
        return DataFrame(rows, columns=header)

    def render(self, format: str = "table", *, units: "Units" = "nats", **look: Any) -> str:
        """Return the report in a format of `--format`, ending in a newline.

        `look` are the other fields of `cch_audit.rendering.Look`, such as `verbose` and `width`.
        """
        from cch_audit.rendering import render

        return render(self, format, units=units, **look)

    def save(self, path: str | PathLike[str], *, units: "Units" = "nats") -> None:
        """Write the report, or its figure, into a file that appears whole or not at all.

        Parameters
        ----------
        path : its ending names the format: .html, .json, .md, .csv, .xml (JUnit), .txt (table),
            or for the figure .png, .svg, .pdf
        units : {"nats", "bits"}

        Raises
        ------
        InputError
            For another ending.
        OSError
            If the file cannot be written.
        """
        from cch_audit.rendering import content
        from cch_audit.results.files import replace_file

        replace_file(Path(path), content(self, str(path), units=units))

    def plot(self, *, units: "Units" = "nats") -> "Figure":
        """Return the figure of the report, of matplotlib."""
        from cch_audit.rendering.figures.drawing import plot

        return plot(self, units=units)

    def __str__(self) -> str:
        """Return the table."""
        return self.render()

    def _repr_html_(self) -> str:
        """Return the page for a notebook, in a frame that keeps its style to itself.

        Without the extra `report` it is the table.
        """
        from html import escape

        try:
            page = escape(self.render("html"))
        except InputError:
            return f"<pre>{escape(self.render())}</pre>"
        style = "width: 100%; height: 40em; border: 0; resize: vertical"
        return f'<iframe srcdoc="{page}" style="{style}" title="report of cch-audit"></iframe>'


@dataclass(frozen=True)
class Report(Written):
    """Everything one audit found; each kind of audit has a type of its own."""

    command: str
    """The command line that wrote this report."""
    input: InputSummary
    settings: Mapping[str, Any]
    """The effective settings, as `cch-audit config` prints them; lists are tuples."""
    seed: int
    verdict: Verdict
    """Over all teachers, by the informations alone."""
    gate: Gate
    """What decides: the verdict, the forecast, the outcome of training, several of them (both are
    verdict and outcome), or none: then all passes."""
    decision: Verdict
    """What follows from it; the exit code is that of the decision, unless options say otherwise."""
    exit_code: int
    """The exit code of the command."""
    seconds: float
    """How long the command took."""
    audits: tuple[Audit, ...]
    """One per teacher, in the order asked for; of `rank` in the order of the ranking, those that
    --top leaves out included; of a sweep one per step."""
    warnings: tuple[str, ...]
    origin: Origin | None = field(default=None, kw_only=True)
    """None in reports that were written before there was one."""

    @property
    def teachers(self) -> list[Audit]:
        """The audits without those of controls."""
        return [audit for audit in self.audits if not audit.is_control]

    def __post_init__(self) -> None:
        """Keep settings in one form, whether they were made or read back."""
        object.__setattr__(self, "settings", with_tuples(self.settings))


def with_tuples(value: Any) -> Any:
    """Return mappings and sequences whose sequences are tuples."""
    if isinstance(value, Mapping):
        return {key: with_tuples(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return tuple(with_tuples(item) for item in value)
    return value


@dataclass(frozen=True)
class CheckReport(Report):
    """The audits of all teachers, each for itself, with training runs where asked for."""

    kind: Literal["check"] = "check"


@dataclass(frozen=True)
class RankReport(Report):
    """A choice among teachers."""

    ranking: Ranking
    kind: Literal["rank"] = "rank"


@dataclass(frozen=True)
class SweepReport(Report):
    """One teacher at several steps; `verdict` is that of the first step."""

    sweep: Sweep
    kind: Literal["sweep"] = "sweep"


@dataclass(frozen=True)
class Foretold:
    """The forecast of one teacher for one student."""

    teacher: str
    student: str
    teacher_dimension: int
    student_dimension: int
    forecast: Forecast


@dataclass(frozen=True)
class ForecastReport(Written):
    """What training with each teacher is forecast to gain, without informations or training."""

    command: str
    """The command line that wrote this report."""
    input: InputSummary
    settings: Mapping[str, Any]
    """The effective settings, as `cch-audit config` prints them; lists are tuples."""
    seed: int
    decision: Verdict
    """Over all teachers: pass where it helps by transfer; the exit code is that of the decision,
    unless options say otherwise."""
    exit_code: int
    """The exit code of the command."""
    seconds: float
    """How long the command took."""
    forecasts: tuple[Foretold, ...]
    """One per teacher, in the order asked for."""
    warnings: tuple[str, ...]
    origin: Origin | None = field(default=None, kw_only=True)
    kind: Literal["forecast"] = "forecast"

    def __post_init__(self) -> None:
        """Keep settings in one form, whether they were made or read back."""
        object.__setattr__(self, "settings", with_tuples(self.settings))
