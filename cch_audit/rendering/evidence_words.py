"""What the record of forecast against outcome says, in sentences, the same in every format."""

from collections import Counter

from cch_audit.evidence.results import Decisions, Ledger
from cch_audit.evidence.scoring import LEAST_FILES
from cch_audit.rendering.text import METRIC_TITLES, counted
from cch_audit.results import Outcome

FOUND: dict[Outcome, str] = {
    "helps": "helps in",
    "hurts": "hurts in",
    "no_change": "changes nothing that matters in",
    "undecided": "stays undecided in",
}


OF_HEADS = (
    "A training run of heads beside your own runs of the same file, teacher, student and number of "
    "labelled rows is a forecast of them, and no outcome."
)


def opening(ledger: Ledger) -> str:
    """Return what was counted."""
    outcomes = [trial.outcome for trial in ledger.trials]
    found = ", ".join(
        f"{words} {outcomes.count(outcome)}{_causes(ledger) if outcome == 'helps' else ''}"
        for outcome, words in FOUND.items()
    )
    by = "" if ledger.metric is None else f" by {METRIC_TITLES[ledger.metric]}, whatever the cause"
    controls = ledger.n_controls_left_out
    left_out = f" {counted(controls, 'control')} left out (--controls counts them)."
    return (
        f"{counted(len(outcomes), 'trial')}, each one teacher and one student, on "
        f"{counted(ledger.n_files, 'file')}: KD {found}{by}.{_own_runs(ledger)}"
        + (left_out if controls else "")
    )


def counted_gain(ledger: Ledger, text: str) -> str:
    """Return a text on gains by transfer as it is where gains of any cause count."""
    if ledger.metric is None:
        return text
    return text.replace(" by transfer", "").replace("HELPS by regularisation, ", "")


def _causes(ledger: Ledger) -> str:
    """Return how many of the gains are transfer."""
    if ledger.metric is not None:
        return ""
    causes = Counter(trial.cause for trial in ledger.trials if trial.outcome == "helps")
    said = {
        "by transfer": causes["transfer"],
        "by regularisation": causes["regularisation"],
        "cause unclear": causes["unclear"] + causes[None],
    }
    parts = [f"{words} {count}" for words, count in said.items() if count]
    return f" ({', '.join(parts)})" if parts else ""


def _own_runs(ledger: Ledger) -> str:
    """Return how many outcomes are those of training runs of the user's own."""
    own = sum(trial.trained == "runs" for trial in ledger.trials)
    if not own:
        return ""
    if own == len(ledger.trials):
        return " All outcomes are of your own training runs."
    many = f"{counted(own, 'outcome')} {'is' if own == 1 else 'are'}"
    return f" {many} of your own training runs, the others of heads."


def closing(ledger: Ledger) -> str:
    """Return how often the CCH verdict is right, beside what needs no audit."""
    record = ledger.decisions[0]
    apart = (
        f"undecided: {counted(record.n_undecided_forecasts, 'verdict')}, "
        f"{counted(record.n_undecided_outcomes, 'outcome')}"
    )
    right = record.right
    if right.estimate is None or right.low is None or right.high is None:
        return (
            f"No trial has a decided verdict and a decided outcome ({apart}), so nothing can be "
            "said of how often the CCH verdict is right."
        )
    other = record.right_any_cause
    anyhow = f"{other.count} of {other.total} if a gain of any cause counts"
    interval = f"{100 * right.low:.0f} to {100 * right.high:.0f} %"
    return (
        f"The CCH verdict is right in {right.count} of {counted(right.total, 'decided trial')} "
        f"({100 * right.estimate:.0f} %, {100 * ledger.confidence_level:.0f} % interval "
        f"{interval}; {apart}; {anyhow}). Of the same trials, always distilling is right in "
        f"{record.n_helps} and never distilling in {right.total - record.n_helps}. "
        f"{_reading(record)}"
    )


def _reading(record: Decisions) -> str:
    """Return what the comparison with a coin and with the trivial rules says."""
    n_others = record.n_decided - record.n_helps
    rule = "always distilling" if record.n_helps > n_others else "never distilling"
    if record.n_helps == n_others:
        rule = "either of these"
    if record.against_trivial in ("better", "worse"):
        more = "more" if record.against_trivial == "better" else "less"
        return (
            f"Taken as independent, the trials show the verdict to be right {more} often than "
            f"{rule}."
        )
    reading = f"The trials cannot tell the verdict from {rule}"
    if record.against_chance == "open":
        return f"{reading}, nor from the toss of a coin: it is no better, or they are too few."
    return f"{reading}."


def footnotes(ledger: Ledger) -> list[str]:
    """Return how the intervals came about and what the record does not say."""
    level, metric, what = f"{100 * ledger.confidence_level:.0f} %", ledger.metric, ledger.resampled
    heads = any(trial.heads is not None for trial in ledger.trials)
    return [
        f"In brackets {level} intervals. Those of right, precision, recall and harmful are exact "
        "for independent trials; trials of one file are not, so they are too narrow. The others "
        f"resample whole {what}{' of reports' if what == 'folders' else ''}, and need "
        f"{LEAST_FILES} {what} and trials that differ (else n/a).",
        *([OF_HEADS] if heads else []),
        "A gain counts where it is a transfer: one that label smoothing or a shuffled teacher "
        "shows too needs no teacher, and one whose cause is unclear is an undecided outcome."
        if metric is None
        else f"Outcomes are those by {METRIC_TITLES[metric]}, of training runs without it those by "
        "its own metric; a gain counts whatever its cause.",
        "The condition is sufficient and not necessary: theory does not call a FAIL that meets "
        "HELPS an error, this record does. Among so many forecasters some look good by chance.",
    ]
