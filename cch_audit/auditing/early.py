"""As little measured as the verdict needs: for gates, where only the verdict counts."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import product

from cch_audit.auditing.judging import judge_alone, judge_level
from cch_audit.auditing.measurement import (
    Information,
    Measurements,
    Progress,
    estimate_all,
    gated_levels,
    list_informations,
    n_jobs,
    predict,
    within,
)
from cch_audit.auditing.parts import Parts
from cch_audit.auditing.verdict import agree, possible, voters_of, withhold
from cch_audit.estimators import find
from cch_audit.results import Verdict
from cch_audit.sample import Sample
from cch_audit.settings import AuditSettings, LevelName

OF_HEADS = 0.15
"""Share of a measurement that the prediction heads take."""


def measure_needed(
    sample: Sample,
    settings: AuditSettings,
    parts: Parts,
    progress: Progress = lambda what, share: None,
) -> Measurements:
    """Estimate what the verdict of each teacher needs, at the levels that decide.

    Estimators run in the order of their cost until no vote that is left could change the verdict.
    Surrogates are drawn only for one that would be decided without: the verdict interval is a hull
    that holds the interval itself, and a larger hull decides nothing, so that it is undecided
    whatever the bias. So every verdict is the one that `measure` leads to.

    The parameters are those of `measure`.
    """
    progress("prediction heads", 0.0)
    predictions = predict(sample, parts, n_jobs(settings))
    informations = list_informations(sample, predictions)
    measured = Measurements(predictions, sample.student_name, {})
    voters = voters_of(settings.estimator, settings.rule)
    ordered = sorted(voters, key=lambda name: find(name).cost)
    waiting: Sequence[str] = tuple(sample.teachers)
    for number, name in enumerate(ordered):
        ends = (OF_HEADS + (1 - OF_HEADS) * (number + end) / len(ordered) for end in (0, 1))
        measured = _with_estimator(
            name, waiting, informations, measured, sample, settings, parts, within(progress, *ends)
        )
        waiting = [
            teacher
            for teacher in waiting
            if len(_endings(teacher, len(voters), measured, sample, settings, parts)) > 1
        ]
        if not waiting:
            break
    return measured


def _with_estimator(
    name: str,
    teachers: Sequence[str],
    informations: Sequence[Information],
    measured: Measurements,
    sample: Sample,
    settings: AuditSettings,
    parts: Parts,
    progress: Progress,
) -> Measurements:
    """Return the measurements with those of one more estimator for some teachers."""
    only = replace(settings, estimator=(name,), rule="all")
    wanted = {(level, teacher) for level, teacher in product(gated_levels(settings), teachers)}
    bare = replace(only, surrogates=0)
    for asked, ends in ((bare, (0.0, 0.5)), (only, (0.5, 1.0))):
        chosen = _of(wanted, informations)
        if chosen:
            found = estimate_all(chosen, sample, asked, parts, within(progress, *ends))
            measured = replace(measured, found={**measured.found, **found})
        if settings.surrogates == 0:
            break
        wanted = {
            (level, teacher)
            for level, teacher in wanted
            if judge_alone(teacher, level, sample, measured, bare, parts)[name].verdict
            != "undecided"
        }
    return measured


def _of(
    wanted: Iterable[tuple[LevelName, str]], informations: Sequence[Information]
) -> list[Information]:
    """Return the informations behind the gaps of some teachers at some levels."""
    wanted = set(wanted)
    levels = {level for level, _ in wanted}
    return [
        one
        for one in informations
        if (one.level, one.name[1]) in wanted
        or (one.name[0] == "student_labels" and one.level in levels)
    ]


def _endings(
    teacher: str,
    n_voters: int,
    measured: Measurements,
    sample: Sample,
    settings: AuditSettings,
    parts: Parts,
) -> set[Verdict]:
    """Return what a teacher's verdict can still be."""
    doubts = parts.doubts(sample, teacher)
    if any(not doubt.overruled for doubt in doubts):
        return {"undecided"}  # whatever estimators say is withheld
    by_level = []
    for level in gated_levels(settings):
        results, _ = judge_level(teacher, level, sample, measured, settings, parts)
        votes = [result.verdict for result in withhold(results, doubts).values()]
        by_level.append(possible(votes, n_voters, settings.rule))
    return {agree(verdicts) for verdicts in product(*by_level)}
