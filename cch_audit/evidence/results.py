"""What evidence consists of: trials read from reports, and the record of every forecaster."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from cch_audit.auditing.verdict import of_outcome
from cch_audit.results import Cause, Metric, Outcome, Verdict

Comparison = Literal["better", "worse", "open"]
Resampled = Literal["files", "folders"]
"""What intervals resample: audited files, or folders of reports, whose files share their data."""


@dataclass(frozen=True)
class Estimate:
    """A number with its interval; None where it is not defined."""

    estimate: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Share(Estimate):
    """A share of trials with its Clopper-Pearson interval."""

    count: int
    total: int


@dataclass(frozen=True)
class EstimatorForecast:
    """What one estimator said at one level."""

    verdict: Verdict
    gap: Estimate
    """In nats, with the verdict interval."""


@dataclass(frozen=True)
class LevelForecast:
    """What the estimators said together at one level."""

    verdict: Verdict
    gap: Estimate
    """Median gap of the deciding estimators, in nats, in the hull of their verdict intervals."""
    estimators: Mapping[str, EstimatorForecast]


@dataclass(frozen=True)
class Heads:
    """What training heads on the same rows showed, by the metric of the trial if they have it."""

    outcome: Outcome
    cause: Cause | None
    """None where it does not help, and by a metric that did not decide it."""
    gain: Estimate
    """As that of a trial."""


@dataclass(frozen=True)
class Trial:
    """One teacher and one student of one file: what was forecast, and what training showed."""

    report: str
    """The file that this was read from."""
    file: str
    """The file that was audited."""
    sha256: str
    teacher_sha256: str | None
    """Of the second file, if the teachers came from one."""
    teacher: str
    student: str
    verdict: Verdict
    levels: Mapping[str, LevelForecast]
    """By level name; a level that was not audited is missing."""
    columns: Mapping[str, float | None]
    """What a ranking orders teachers by, more is better; None where it does not apply."""
    trained: Literal["heads", "runs"]
    """Heads on the representations, or training runs of the user's own."""
    n_train: int | None
    """Training rows of the student; None where own runs do not say."""
    outcome: Outcome
    cause: Cause | None
    """Why it helps; None where it does not."""
    metric: Metric
    gain: Estimate
    """Improvement by distillation: of a score as it is, of an error (MSE, log-loss, Brier) as a
    share of the error without distillation, so that gains compare whatever its unit."""
    forecast: Verdict | None = None
    """Pass where a gain that counts was forecast; None where nothing was."""
    foretold: Estimate | None = None
    """Fall of the test loss that was forecast, as a share of the loss without distillation."""
    heads: Heads | None = None
    """What a training run of heads foretold, where the outcome is that of the user's own runs."""
    accept: Cause = "transfer"
    """Whether only a gain by transfer counts, or, with `regularisation`, one of any cause."""

    @property
    def measured(self) -> Verdict:
        """What training says: pass where a gain counts, undecided where that is open."""
        return of_outcome(self.outcome, self.cause, self.accept)

    @property
    def heads_say(self) -> Verdict | None:
        """What a training run of heads says; None without one."""
        heads = self.heads
        return None if heads is None else of_outcome(heads.outcome, heads.cause, self.accept)

    @property
    def source(self) -> tuple[str, str | None]:
        """The audited file; trials of the same one are not independent."""
        return self.sha256, self.teacher_sha256


@dataclass(frozen=True)
class Decisions:
    """The record of a forecaster that says yes, no or undecided.

    A trial is decided if forecast and outcome both are; the shares are among those. A yes is right
    if distillation helps by transfer, a no if it does not: a gain that label smoothing shows too
    needs no teacher. A gain whose cause is unclear is an undecided outcome.
    """

    forecaster: str
    """`verdict`, `forecast`, `heads`, a level, `level/estimator`, or the trivial `always` and
    `never`."""
    n_trials: int
    n_undecided_forecasts: int
    n_undecided_outcomes: int
    """Whatever the forecast; a trial may count here and among the undecided forecasts."""
    n_decided: int
    n_helps: int
    """Decided trials in which it helps by transfer: those in which always distilling is right."""
    right: Share
    right_any_cause: Share
    """The same where a gain counts whatever its cause, so that other trials are decided."""
    precision: Share
    """Share of the yes in which it helps by transfer."""
    recall: Share
    """Share of the trials in which it helps by transfer that were a yes."""
    harmful: Share
    """Share of the yes whose outcome is `hurts`."""
    balanced: Estimate
    """Mean of the shares of helps by transfer and of others that were foretold; 1/2 is chance."""
    against_chance: Comparison | None
    """Whether the interval of `right` lies above or below 1/2, or includes it (`open`); None
    without a decided trial."""
    against_trivial: Comparison | None
    """Whether it is right more or less often than the better of always and never distilling on the
    same trials, beyond chance; None without a decided trial."""


@dataclass(frozen=True)
class Scores:
    """The record of a number of which more should mean a larger gain."""

    forecaster: str
    """A column of `rank`, or `heads`: what a training run of heads gained."""
    n_trials: int
    """Trials in which it has a value."""
    n_files: int
    n_decided: int
    """Those of the trials whose outcome is decided."""
    sign: Share | None
    """Share of the decided trials in which it is above zero exactly where distillation helps; None
    where zero means nothing."""
    auc: Estimate
    """Chance that it is larger where distillation helps by transfer than in another decided
    trial."""
    kendall_tau: Estimate
    """Rank correlation (tau-b) with the measured gain over all pairs of trials."""
    kendall_tau_within: Estimate
    """The same over pairs of trials with the same file, student and number of training rows: a
    choice among teachers."""
    regret: Estimate
    """Gain of the best teacher less that of the one where the number is largest, mean over choices
    among at least two."""
    regret_of_any: float | None
    """The same of a teacher that is drawn at random."""
    harmful: Share
    """Share of these first choices whose outcome is `hurts`."""


@dataclass(frozen=True)
class Ledger:
    """The record of every forecaster, with the trials it rests on."""

    metric: Metric | None
    """By which outcomes are counted, whatever the cause of a gain; None: by the one that decided
    each training run, and a gain where it is a transfer."""
    trials: tuple[Trial, ...]
    n_files: int
    resampled: Resampled
    n_units: int
    """How many files, or folders, are resampled."""
    n_controls_left_out: int
    confidence_level: float
    decisions: tuple[Decisions, ...]
    scores: tuple[Scores, ...]
    warnings: tuple[str, ...]
