"""The choice among teachers: their order, who cannot be told apart, which column to trust."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from typing import get_args

import numpy as np
from joblib import Parallel, delayed
from scipy.stats import kendalltau, norm

from cch_audit.arrays import FloatArray
from cch_audit.auditing.intervals import bootstrap_means
from cch_audit.auditing.measurement import Measurements, n_jobs
from cch_audit.choice.baselines import has_forecast, has_h_score, measure_baselines
from cch_audit.errors import InputError
from cch_audit.randomness import stream
from cch_audit.results import Audit, Baselines, Ranked, Ranking, Record
from cch_audit.sample import Sample
from cch_audit.settings import AuditSettings, ColumnName, LevelName, RankSettings

Column = Callable[[Audit], float | None]


def _lower_end(level: str) -> Column:
    """Return the lowest lower end of the deciding estimators' verdict intervals at a level."""

    def value(audit: Audit) -> float:
        found = audit.levels[level]
        return min(found.estimators[name].verdict_interval.low for name in found.voters)

    return value


def _of(part: Callable[[Baselines], float | None]) -> Column:
    """Return a baseline's value."""
    return lambda audit: None if audit.baselines is None else part(audit.baselines)


def gain(audit: Audit) -> float | None:
    """Return the measured improvement of the deciding metric, or None without a training run."""
    found = audit.confirmation
    if found is None:
        return None
    return -found.change.estimate if found.metric == "mse" else found.change.estimate


COLUMNS: Mapping[ColumnName, Column] = {
    "gap": lambda audit: min(_lower_end(level)(audit) or 0.0 for level in audit.gated),
    "representations": _lower_end("representations"),
    "predictions": _lower_end("predictions"),
    "teacher_labels": lambda audit: audit.companions.teacher_labels.estimate,
    "teacher_labels_given_student": lambda audit: (
        audit.companions.teacher_labels_given_student.estimate
    ),
    "score": _of(lambda found: found.score),
    "log_me": _of(lambda found: found.log_me),
    "h_score": _of(lambda found: found.h_score),
    "cka": _of(lambda found: found.cka),
    "forecast": _of(lambda found: -found.forecast.change if found.forecast else None),
    "gain": gain,
}
"""What teachers can be ordered by; more is better in all of them."""


def rank_audits(
    sample: Sample,
    measured: Measurements,
    audits: Sequence[Audit],
    controls: Sequence[str],
    ranking: RankSettings,
    settings: AuditSettings,
    n_train: int,
    seed: int,
) -> tuple[tuple[Audit, ...], Ranking]:
    """Return the audits with their baselines, in the order of the ranking, and the ranking.

    Parameters
    ----------
    sample, measured : what the audits rest on
    audits : of all teachers and controls
    controls : names of the controls among them
    ranking : the column that orders
    settings : confidence level, resamples, jobs
    n_train : training rows that the forecast speaks about
    seed : of the bootstrap behind shared ranks
    """

    def with_baselines(audit: Audit) -> Audit:
        found = measure_baselines(
            sample.teachers[audit.teacher],
            sample.student,
            sample.labels,
            measured.predictions[audit.teacher],
            n_train,
        )
        return replace(audit, baselines=found)

    pool = Parallel(n_jobs=n_jobs(settings), prefer="threads")
    audits = pool(delayed(with_baselines)(audit) for audit in audits)
    alike = {}
    if ranking.by in ("gap", *get_args(LevelName)):
        levels = audits[0].gated if ranking.by == "gap" else (ranking.by,)
        teachers = [audit for audit in audits if audit.teacher not in controls]
        alike = indistinguishable(sample, measured, teachers, levels, settings, seed)
    result = rank_teachers(audits, controls, ranking.by, alike)
    by_name = {audit.teacher: audit for audit in audits}
    return tuple(by_name[place.teacher] for place in result.teachers), result


def check_column(sample: Sample, by: ColumnName, n_train: int) -> None:
    """Refuse to order teachers by a column that has no value for any of them.

    Parameters
    ----------
    sample : paired rows
    by : the column
    n_train : training rows that the forecast speaks about

    Raises
    ------
    InputError
        If the column does not apply to the labels, or there are too few rows for it.
    """
    n, p = sample.student.shape
    classes = sample.labels.kind == "classes"
    if by == "h_score" and not classes:
        why = "the H-score is for classes, and the labels are continuous"
    elif by == "h_score" and not any(map(has_h_score, sample.teachers.values())):
        why = f"with {n:,} rows every teacher has too many columns for an H-score"
    elif by == "forecast" and classes:
        why = "the forecast is for continuous labels, and these are classes"
    elif by == "forecast" and not has_forecast(n, p, n_train):
        why = (
            f"a forecast needs more training rows than the student's {p:,} columns and one more, "
            f"and there are {n_train:,} of {n:,} rows"
        )
    else:
        return
    raise InputError(f"`by` {by}: {why}; choose another column")


def first_teachers(ranking: Ranking, top: int | None) -> Ranking:
    """Keep the first teachers, and all controls; the verdict rests on the audits of all."""
    ranked = [place for place in ranking.teachers if place.rank is not None]
    dropped = [] if top is None else ranked[top:]
    return replace(ranking, teachers=tuple(p for p in ranking.teachers if p not in dropped))


def rank_teachers(
    audits: Sequence[Audit],
    controls: Sequence[str],
    by: ColumnName,
    alike: Mapping[tuple[str, str], bool],
) -> Ranking:
    """Order teachers by a column, the best first, and controls by the same column after them.

    A teacher shares the rank of the one before it that it cannot be told apart from, if that one
    is the first of its rank.

    Parameters
    ----------
    audits : of all teachers and controls
    controls : names of the controls among them
    by : the column
    alike : for each pair of teachers whether their gaps cannot be told apart; a pair that is
        not there is told apart by any difference in the column
    """
    ordered = sorted(audits, key=lambda audit: _value(audit, by), reverse=True)
    teachers = [audit for audit in ordered if audit.teacher not in controls]
    values = {audit.teacher: _value(audit, by) for audit in audits}

    def tied(one: str, other: str) -> bool:
        pair = alike.get((one, other), alike.get((other, one)))
        return values[one] == values[other] if pair is None else pair

    ranked, first, rank = [], "", 0
    for position, audit in enumerate(teachers, 1):
        name = audit.teacher
        if position == 1 or not tied(first, name):
            first, rank = name, position
        ties = tuple(o.teacher for o in teachers if o.teacher != name and tied(o.teacher, name))
        ranked.append(Ranked(name, rank, ties, _columns(audit)))
    ranked += [
        Ranked(audit.teacher, None, (), _columns(audit))
        for audit in ordered
        if audit.teacher in controls
    ]
    return Ranking(by, tuple(ranked), _records(teachers))


def indistinguishable(
    sample: Sample,
    measured: Measurements,
    audits: Sequence[Audit],
    levels: Sequence[str],
    settings: AuditSettings,
    seed: int,
) -> dict[tuple[str, str], bool]:
    """Say of each pair of teachers whether their gaps cannot be told apart.

    I(student; labels) is common to the gaps of one student, so their difference is that of two
    I(teacher; student). It is tested by the paired bootstrap of pseudo-values (normal p). All
    deciding estimators must agree at all levels (an intersection-union test), and p is corrected
    for the number of pairs (Holm 1979).

    Parameters
    ----------
    sample, measured : what the audits rest on
    audits : of the teachers to compare
    levels : the levels at which the gaps must differ
    settings : confidence level and resamples
    seed : of the bootstrap
    """
    names = [audit.teacher for audit in audits]
    pairs = list(combinations(range(len(names)), 2))
    largest = np.zeros(len(pairs))
    signs: list[FloatArray] = []
    for level in levels:
        for voter in audits[0].levels[level].voters:
            found = [measured.teacher_student(level, voter, name).estimate for name in names]
            # The variance over seeds is added to that of the draws: noise drawn for it would depend
            # on which other teachers there are.
            draws = bootstrap_means(
                np.stack([estimate.pseudo_values for estimate in found], axis=1),
                sample.dependence,
                np.zeros(len(found)),
                settings.resamples,
                stream(seed, "ranking", level, voter),
            )
            values = np.array([estimate.value for estimate in found])
            noise = np.array([estimate.seed_variance for estimate in found])
            differences = np.array([values[a] - values[b] for a, b in pairs])
            variance = np.array(
                [(draws[:, a] - draws[:, b]).var(ddof=1) + noise[a] + noise[b] for a, b in pairs]
            )
            scores = np.abs(differences) / np.sqrt(np.maximum(variance, 1e-300))
            largest = np.maximum(largest, 2 * norm.sf(scores))
            signs.append(np.sign(differences))
    agreed = np.abs(np.sum(signs, axis=0)) == len(signs)
    p = _holm(np.where(agreed, largest, 1.0))
    return {
        (names[a], names[b]): bool(value > 1 - settings.confidence)
        for (a, b), value in zip(pairs, p, strict=True)
    }


def _holm(p: FloatArray) -> FloatArray:
    """Return p-values corrected for their number by Holm's step-down procedure."""
    order = np.argsort(p)
    corrected = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    result = np.empty(len(p))
    result[order] = np.minimum(corrected, 1.0)
    return result


def _columns(audit: Audit) -> dict[str, float | None]:
    """Return the value of every column."""
    return {name: column(audit) for name, column in COLUMNS.items()}


def _value(audit: Audit, by: ColumnName) -> float:
    """Return what a teacher is ordered by; a teacher without a value comes last."""
    value = COLUMNS[by](audit)
    return -np.inf if value is None else value


def _records(audits: Sequence[Audit]) -> dict[str, Record]:
    """Compare the order of every column with the measured gains."""
    gains = np.array([found for audit in audits if (found := gain(audit)) is not None])
    if len(gains) < len(audits) or len(audits) < 2:
        return {}
    hurts = np.array(
        [a.confirmation is not None and a.confirmation.outcome == "hurts" for a in audits]
    )
    n_chosen = max(1, sum(audit.verdict == "pass" for audit in audits))
    records: dict[str, Record] = {}
    for name in COLUMNS:
        values = [COLUMNS[name](audit) for audit in audits]
        known = np.array([value for value in values if value is not None])
        # One gated level has a column of its own.
        is_twin = name == "gap" and len(audits[0].gated) == 1
        if name == "gain" or is_twin or len(known) < len(values):
            continue
        order = np.argsort(-known, kind="stable")
        tau = float(kendalltau(known, gains).statistic)
        records[name] = Record(
            kendall_tau=None if np.isnan(tau) else tau,
            regret=float(gains.max() - gains[order[0]]),
            harmful=float(hurts[order[:n_chosen]].mean()),
        )
    return records
