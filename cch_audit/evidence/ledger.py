"""The ledger: how often each forecaster was right about what training showed."""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from cch_audit.columns import forecasters
from cch_audit.evidence import scoring, shares
from cch_audit.evidence.read import Evidence
from cch_audit.evidence.results import Decisions, Estimate, Ledger, Scores, Share, Trial
from cch_audit.randomness import stream
from cch_audit.results import Verdict
from cch_audit.rows import BoolArray, FloatArray, IntArray

CONFIDENCE_LEVEL = 0.95
SEED = 0
"""Of the bootstrap."""
Decide = Callable[[Trial], Verdict | None]


def keep_ledger(evidence: Evidence) -> Ledger:
    """Return the record of every forecaster that speaks about at least one trial."""
    trials = evidence.trials
    return Ledger(
        metric=evidence.metric,
        trials=trials,
        n_files=len({trial.source for trial in trials}),
        n_controls_left_out=evidence.n_controls_left_out,
        confidence_level=CONFIDENCE_LEVEL,
        decisions=tuple(
            _decisions(name, trials, decide) for name, decide in _deciding(trials).items()
        ),
        scores=tuple(
            _scores(name, known)
            for name in forecasters()
            if (known := [trial for trial in trials if trial.columns.get(name) is not None])
        ),
        warnings=evidence.warnings,
    )


def _deciding(trials: Sequence[Trial]) -> dict[str, Decide]:
    """Return every forecaster that says yes, no or undecided."""
    named: dict[str, Decide] = {"verdict": lambda trial: trial.verdict}
    if any(trial.forecast is not None for trial in trials):
        named["forecast"] = lambda trial: trial.forecast
    levels = list(dict.fromkeys(name for trial in trials for name in trial.levels))
    levels.sort(key=list(forecasters()).index)
    named |= {level: partial(_said, level, None) for level in levels}
    for level in levels:
        found = [trial.levels[level].estimators for trial in trials if level in trial.levels]
        estimators = dict.fromkeys(name for one in found for name in one)
        named |= {f"{level}/{name}": partial(_said, level, name) for name in estimators}
    return named | {"always": lambda trial: "pass", "never": lambda trial: "fail"}


def _said(level: str, estimator: str | None, trial: Trial) -> Verdict | None:
    """Return what a level, or one of its estimators, says of a trial."""
    found = trial.levels.get(level)
    said = found.estimators.get(estimator) if found and estimator else found
    return said.verdict if said else None


def _decisions(name: str, trials: Sequence[Trial], decide: Decide) -> Decisions:
    """Compare what a forecaster says with the outcomes."""
    said = [(verdict, trial) for trial in trials if (verdict := decide(trial)) is not None]
    decided = [(v, t) for v, t in said if "undecided" not in (v, t.measured)]
    yes = np.array([verdict == "pass" for verdict, _ in decided], dtype=bool)
    helps = np.array([trial.measured == "pass" for _, trial in decided], dtype=bool)
    hurts = np.array([trial.outcome == "hurts" for _, trial in decided], dtype=bool)
    right = _share(yes == helps)
    return Decisions(
        forecaster=name,
        n_trials=len(said),
        n_undecided_forecasts=sum(verdict == "undecided" for verdict, _ in said),
        n_undecided_outcomes=sum(trial.measured == "undecided" for _, trial in said),
        n_decided=len(decided),
        n_helps=int(helps.sum()),
        right=right,
        right_any_cause=_right_any_cause(said),
        precision=_share(helps[yes]),
        recall=_share(yes[helps]),
        harmful=_share(hurts[yes]),
        balanced=scoring.balanced_accuracy(
            yes,
            helps,
            _codes([trial.source for _, trial in decided]),
            CONFIDENCE_LEVEL,
            stream(SEED, "evidence", "balanced", name),
        ),
        against_chance=shares.against_chance(right),
        against_trivial=shares.against_trivial(yes, helps, CONFIDENCE_LEVEL),
    )


def _right_any_cause(said: Sequence[tuple[Verdict, Trial]]) -> Share:
    """Return how often a forecaster is right where a gain counts whatever its cause."""
    decided = [(verdict, t) for verdict, t in said if "undecided" not in (verdict, t.outcome)]
    hits = [(verdict == "pass") == (trial.outcome == "helps") for verdict, trial in decided]
    return _share(np.array(hits, dtype=bool))


def _scores(name: str, trials: Sequence[Trial]) -> Scores:
    """Compare a number with the outcomes and the gains of the trials in which it is known."""
    decided = [trial for trial in trials if trial.measured != "undecided"]
    measured = [trial for trial in trials if trial.gain.estimate is not None]
    gains = np.array([trial.gain.estimate for trial in measured], dtype=np.float64)
    files = _codes([trial.source for trial in measured])
    choices = _codes([(trial.source, trial.student) for trial in measured])

    def tau(kind: str, within: IntArray | None) -> Estimate:
        rng = stream(SEED, "evidence", kind, name)
        values = _values(name, measured)
        return scoring.kendall_tau(values, gains, files, CONFIDENCE_LEVEL, rng, within)

    says, helps = _values(name, decided), np.array([t.measured == "pass" for t in decided], bool)
    return Scores(
        forecaster=name,
        n_trials=len(trials),
        n_files=len({trial.source for trial in trials}),
        n_decided=len(decided),
        sign=_share((says > 0) == helps) if forecasters()[name].is_signed else None,
        auc=scoring.auc(
            says,
            helps,
            _codes([trial.source for trial in decided]),
            CONFIDENCE_LEVEL,
            stream(SEED, "evidence", "auc", name),
        ),
        kendall_tau=tau("tau", None),
        kendall_tau_within=tau("tau within", choices),
    )


def _share(hits: BoolArray) -> Share:
    return shares.share(int(hits.sum()), len(hits), CONFIDENCE_LEVEL)


def _values(name: str, trials: Sequence[Trial]) -> FloatArray:
    return np.array([trial.columns[name] for trial in trials], dtype=np.float64)


def _codes(keys: Sequence[object]) -> IntArray:
    """Return equal codes for equal keys, 0 first."""
    numbers = {key: number for number, key in enumerate(dict.fromkeys(keys))}
    return np.array([numbers[key] for key in keys], dtype=np.int64)
