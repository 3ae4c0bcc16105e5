"""The choice among teachers: their order, who cannot be told apart, which column to trust."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np
from joblib import Parallel, delayed
from scipy.stats import kendalltau, norm

from cch_audit.auditing.measurement import Measurements, n_jobs
from cch_audit.auditing.parts import Parts
from cch_audit.choice.baselines import measure_baselines
from cch_audit.columns import COLUMNS
from cch_audit.errors import InputError
from cch_audit.results import Audit, Baselines, Ranked, Ranking, Record
from cch_audit.rows import FloatArray
from cch_audit.sample import Sample
from cch_audit.settings import AuditSettings, RankSettings

BASELINES = "baselines"


def rank_audits(
    sample: Sample,
    measured: Measurements,
    audits: Sequence[Audit],
    ranking: RankSettings,
    settings: AuditSettings,
    parts: Parts,
) -> tuple[tuple[Audit, ...], Ranking]:
    """Return the audits with their baselines, in the order of the ranking, and the ranking.

    Parameters
    ----------
    sample, measured : what the audits rest on
    audits : of all teachers and controls
    ranking : the column that orders
    settings : confidence level, resamples, jobs
    parts : of the sample
    """

    def baselines_of(teacher: str) -> Baselines:
        rows = sample.teachers[teacher], sample.student
        said = measured.predictions[teacher]
        key = tuple(map(parts.work.digest, (*rows, sample.labels.values, said)))
        return parts.work.do(
            BASELINES,
            (BASELINES, key),
            lambda: measure_baselines(*rows, sample.labels, said),
            records=(Baselines,),
        )

    baselines = Parallel(n_jobs=n_jobs(settings), prefer="threads")(
        delayed(baselines_of)(audit.teacher) for audit in audits
    )
    audits = [replace(one, baselines=found) for one, found in zip(audits, baselines, strict=True)]
    alike, levels = {}, COLUMNS[ranking.by].levels
    if levels is not None:
        teachers = [audit for audit in audits if not audit.is_control]
        gaps = levels(audits[0])
        alike = indistinguishable(measured, teachers, gaps, settings, parts)
    result = rank_teachers(audits, ranking.by, alike)
    by_name = {audit.teacher: audit for audit in audits}
    return tuple(by_name[place.teacher] for place in result.teachers), result


def check_column(sample: Sample, by: str) -> None:
    """Refuse to order teachers by a column that has no value for any of them.

    Parameters
    ----------
    sample : paired rows
    by : the column

    Raises
    ------
    InputError
        If the column does not apply to the labels, or there are too few rows for it.
    """
    why_not = COLUMNS[by].why_not(sample)
    if why_not is not None:
        raise InputError(f"`by` {by}: {why_not}; choose another column")


def first_teachers(ranking: Ranking, top: int | None) -> Ranking:
    """Keep the first teachers, and all controls; the verdict rests on the audits of all."""
    ranked = [place for place in ranking.teachers if place.rank is not None]
    dropped = [] if top is None else ranked[top:]
    return replace(ranking, teachers=tuple(p for p in ranking.teachers if p not in dropped))


def rank_teachers(
    audits: Sequence[Audit],
    by: str,
    alike: Mapping[tuple[str, str], bool],
) -> Ranking:
    """Order teachers by a column, the best first, and controls by the same column after them.

    A teacher shares the rank of the one before it that it cannot be told apart from, if that one
    is the first of its rank.

    Parameters
    ----------
    audits : of all teachers and controls
    by : the column
    alike : for each pair of teachers whether their gaps cannot be told apart; a pair that is
        not there is told apart by any difference in the column
    """
    columns = {a.teacher: {name: c.value(a) for name, c in COLUMNS.items()} for a in audits}
    # A teacher without a value comes last.
    values = {
        name: -np.inf if (value := row[by]) is None else value for name, row in columns.items()
    }
    ordered = sorted(audits, key=lambda audit: values[audit.teacher], reverse=True)
    teachers = [audit for audit in ordered if not audit.is_control]

    def tied(one: str, other: str) -> bool:
        pair = alike.get((one, other), alike.get((other, one)))
        return values[one] == values[other] if pair is None else pair

    ranked, first, rank = [], "", 0
    for position, audit in enumerate(teachers, 1):
        name = audit.teacher
        if position == 1 or not tied(first, name):
            first, rank = name, position
        ties = tuple(o.teacher for o in teachers if o.teacher != name and tied(o.teacher, name))
        ranked.append(Ranked(name, rank, ties, columns[name]))
    controls = [audit.teacher for audit in ordered if audit.is_control]
    ranked += [Ranked(name, None, (), columns[name]) for name in controls]
    return Ranking(by, tuple(ranked), _records(teachers))


def indistinguishable(
    measured: Measurements,
    audits: Sequence[Audit],
    levels: Sequence[str],
    settings: AuditSettings,
    parts: Parts,
) -> dict[tuple[str, str], bool]:
    """Say of each pair of teachers whether their gaps cannot be told apart.

    I(student; labels) is common to the gaps of one student, so their difference is that of two
    I(teacher; student). It is tested by the paired bootstrap of pseudo-values (normal p). All
    deciding estimators must agree at all levels (an intersection-union test), and p is corrected
    for the number of pairs (Holm 1979).

    Parameters
    ----------
    measured : what the audits rest on
    audits : of the teachers to compare
    levels : the levels at which the gaps must differ
    settings : confidence level and resamples
    parts : of the sample
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
            draws = parts.resampled(
                np.stack([estimate.pseudo_values for estimate in found], axis=1),
                np.zeros(len(found)),
                settings.resamples,
                *("ranking", level, voter),
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


def _records(audits: Sequence[Audit]) -> dict[str, Record]:
    """Compare the order of every column with the measured gains."""
    trained = [audit.confirmation for audit in audits if audit.confirmation is not None]
    gains = np.array([found.gain.estimate for found in trained])
    if len(gains) < len(audits) or len(audits) < 2:
        return {}
    hurts = np.array([found.outcome == "hurts" for found in trained])
    n_chosen = max(1, sum(audit.verdict == "pass" for audit in audits))
    records: dict[str, Record] = {}
    for name, column in COLUMNS.items():
        values = [column.value(audit) for audit in audits]
        known = np.array([value for value in values if value is not None])
        # One gated level has a column of its own.
        is_twin = name == "gap" and len(audits[0].gated) == 1
        if column.is_measured or is_twin or len(known) < len(values):
            continue
        order = np.argsort(-known, kind="stable")
        tau = float(kendalltau(known, gains).statistic)
        records[name] = Record(
            kendall_tau=None if np.isnan(tau) else tau,
            regret=float(gains.max() - gains[order[0]]),
            harmful=float(hurts[order[:n_chosen]].mean()),
        )
    return records
