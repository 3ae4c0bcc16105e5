"""The ledger: how often each forecaster was right about what training showed."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import PurePath

import numpy as np

from cch_audit.columns import forecasters
from cch_audit.evidence import scoring, shares
from cch_audit.evidence.read import Evidence
from cch_audit.evidence.results import (
    Decisions,
    Estimate,
    Ledger,
    Resampled,
    Scores,
    Share,
    Trial,
)
from cch_audit.randomness import stream
from cch_audit.results import Verdict
from cch_audit.rows import BoolArray, FloatArray, IntArray

CONFIDENCE_LEVEL = 0.95
SEED = 0
"""Of the bootstrap."""
HEADS = "heads"
"""The forecaster that trains heads, where outcomes are those of the user's own runs."""
Decide = Callable[[Trial], Verdict | None]


def keep_ledger(evidence: Evidence, resampled: Resampled = "files") -> Ledger:
    """Return the record of every forecaster that speaks about at least one trial.

    Parameters
    ----------
    evidence : trials
    resampled : what intervals resample, files or the folders of their reports
    """
    trials = evidence.trials
    signed = {name: column.is_signed for name, column in forecasters().items()} | {HEADS: True}
    return Ledger(
        metric=evidence.metric,
        trials=trials,
        n_files=len({trial.source for trial in trials}),
        resampled=resampled,
        n_units=len(set(_units(trials, resampled))),
        n_controls_left_out=evidence.n_controls_left_out,
        confidence_level=CONFIDENCE_LEVEL,
        decisions=tuple(
            _decisions(name, trials, decide, resampled)
            for name, decide in _deciding(trials).items()
        ),
        scores=tuple(
            _scores(name, known, is_signed, resampled)
            for name, is_signed in signed.items()
            if (known := [trial for trial in trials if _value(name, trial) is not None])
        ),
        warnings=evidence.warnings,
    )


def _deciding(trials: Sequence[Trial]) -> dict[str, Decide]:
    """Return every forecaster that says yes, no or undecided."""
    named: dict[str, Decide] = {"verdict": lambda trial: trial.verdict}
    if any(trial.forecast is not None for trial in trials):
        named["forecast"] = lambda trial: trial.forecast
    if any(trial.heads is not None for trial in trials):
        named[HEADS] = lambda trial: trial.heads_say
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


def _decisions(
    name: str, trials: Sequence[Trial], decide: Decide, resampled: Resampled
) -> Decisions:
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
            _codes(_units([trial for _, trial in decided], resampled)),
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


def _scores(name: str, trials: Sequence[Trial], is_signed: bool, resampled: Resampled) -> Scores:
    """Compare a number with the outcomes and the gains of the trials in which it is known."""
    decided = [trial for trial in trials if trial.measured != "undecided"]
    measured = [trial for trial in trials if trial.gain.estimate is not None]
    gains = np.array([trial.gain.estimate for trial in measured], dtype=np.float64)
    values, units = _values(name, measured), _codes(_units(measured, resampled))
    choices = _codes([(trial.source, trial.student, trial.n_train) for trial in measured])

    def tau(kind: str, within: IntArray | None) -> Estimate:
        rng = stream(SEED, "evidence", kind, name)
        return scoring.kendall_tau(values, gains, units, CONFIDENCE_LEVEL, rng, within)

    says, helps = _values(name, decided), np.array([t.measured == "pass" for t in decided], bool)
    regret, regret_of_any = scoring.regret(
        *(values, gains, units, choices),
        CONFIDENCE_LEVEL,
        stream(SEED, "evidence", "regret", name),
    )
    first = [measured[row] for row in scoring.first_choices(values, choices)]
    return Scores(
        forecaster=name,
        n_trials=len(trials),
        n_files=len({trial.source for trial in trials}),
        n_decided=len(decided),
        sign=_share((says > 0) == helps) if is_signed else None,
        auc=scoring.auc(
            says,
            helps,
            _codes(_units(decided, resampled)),
            CONFIDENCE_LEVEL,
            stream(SEED, "evidence", "auc", name),
        ),
        kendall_tau=tau("tau", None),
        kendall_tau_within=tau("tau within", choices),
        regret=regret,
        regret_of_any=regret_of_any,
        harmful=_share(np.array([trial.outcome == "hurts" for trial in first], dtype=bool)),
    )


def _value(name: str, trial: Trial) -> float | None:
    """Return a number of a trial: of a column, or what heads gained."""
    if name == HEADS:
        return None if trial.heads is None else trial.heads.gain.estimate
    return trial.columns.get(name)


def _units(trials: Sequence[Trial], resampled: Resampled) -> list[object]:
    """Return what each trial is resampled with."""
    if resampled == "folders":
        return [PurePath(trial.report).parent for trial in trials]
    return [trial.source for trial in trials]


def _share(hits: BoolArray) -> Share:
    return shares.share(int(hits.sum()), len(hits), CONFIDENCE_LEVEL)


def _values(name: str, trials: Sequence[Trial]) -> FloatArray:
    return np.array([_value(name, trial) for trial in trials], dtype=np.float64)


def _codes(keys: Sequence[object]) -> IntArray:
    """Return equal codes for equal keys, 0 first."""
    numbers = {key: number for number, key in enumerate(dict.fromkeys(keys))}
    return np.array([numbers[key] for key in keys], dtype=np.int64)
