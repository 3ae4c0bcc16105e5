"""The audit: what was measured, compared and judged; from a sample to its audits."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import get_args

import numpy as np

from cch_audit.auditing.companions import measure_companions
from cch_audit.auditing.floor import measure_floor
from cch_audit.auditing.intervals import Distribution, half_sample_draws
from cch_audit.auditing.log_odds import class_logits
from cch_audit.auditing.measurement import (
    Measured,
    Measurements,
    Progress,
    estimators_at,
    gated_levels,
)
from cch_audit.auditing.parts import Parts
from cch_audit.auditing.verdict import agree, combine, hold_to_floor, judge, withhold
from cch_audit.randomness import stream
from cch_audit.results import (
    Audit,
    Companions,
    EstimatorResult,
    Interval,
    LevelResult,
    PerInformation,
)
from cch_audit.rows import against_largest_class, is_classes
from cch_audit.sample import Sample
from cch_audit.settings import AuditSettings, LevelName


def judge_teachers(
    sample: Sample,
    measured: Measurements,
    settings: AuditSettings,
    parts: Parts,
    progress: Progress = lambda what, share: None,
) -> tuple[Audit, ...]:
    """Put intervals around what was measured, judge each teacher and add the companions."""
    audits = []
    for number, teacher in enumerate(sample.teachers):
        progress("intervals and companions", number / len(sample.teachers))
        prediction = measured.predictions[teacher]
        companions = measure_companions(teacher, prediction, sample, settings, parts)
        audits.append(_one_teacher(teacher, sample, measured, companions, settings, parts))
    return tuple(audits)


def _one_teacher(
    teacher: str,
    sample: Sample,
    measured: Measurements,
    companions: Companions,
    settings: AuditSettings,
    parts: Parts,
) -> Audit:
    """Judge one teacher from what was measured."""
    student = sample.student_name
    doubts = parts.doubts(sample, teacher)
    levels = {}
    for level in get_args(LevelName):
        results, floor = judge_level(teacher, level, sample, measured, settings, parts)
        if results:
            truth = sample.truths.get(teacher, {}).get(level)
            asked = estimators_at(level, settings)
            found = combine(withhold(results, doubts), settings.rule, asked)
            idle = tuple(name for name in settings.estimator if name not in results)
            levels[level] = replace(found, truth=truth, floor=floor, not_needed=idle)
    gated = gated_levels(settings)
    verdict = agree([levels[level].verdict for level in gated])
    return Audit(
        teacher=teacher,
        student=student,
        teacher_dimension=sample.teachers[teacher].shape[1],
        student_dimension=sample.student.shape[1],
        verdict=verdict,
        reasons=tuple(reason for level in gated for reason in levels[level].reasons),
        levels=levels,
        gated=gated,
        companions=companions,
        notes=(*_notes(levels, gated, companions), *_weak(teacher, sample, measured)),
        doubts=doubts,
        is_control=teacher in sample.controls,
    )


def judge_level(
    teacher: str,
    level: LevelName,
    sample: Sample,
    measured: Measurements,
    settings: AuditSettings,
    parts: Parts,
) -> tuple[dict[str, EstimatorResult], Interval | None]:
    """Judge what was measured at one level, and return the floor where it raises an interval."""
    results = judge_alone(teacher, level, sample, measured, settings, parts)
    # Predicted targets are what the level of predictions compares: no floor but the gap itself.
    if sample.labels.kind == "continuous" and level == "predictions":
        return results, None
    measure = partial(_floor, teacher, level, sample, measured, settings, parts)
    return hold_to_floor(results, measure, settings.margin)


def judge_alone(
    teacher: str,
    level: LevelName,
    sample: Sample,
    measured: Measurements,
    settings: AuditSettings,
    parts: Parts,
) -> dict[str, EstimatorResult]:
    """Judge what was measured at one level, without the floor."""
    return {
        name: judge_estimator(
            measured.teacher_student(level, name, teacher),
            measured.student_labels(level, name),
            sample,
            settings,
            parts,
            (level, name, teacher, sample.student_name, "bootstrap"),
        )
        for name in settings.estimator
        if measured.knows(level, name, teacher)
    }


def _floor(
    teacher: str,
    level: LevelName,
    sample: Sample,
    measured: Measurements,
    settings: AuditSettings,
    parts: Parts,
) -> Interval:
    """Measure the floor of one teacher at one level."""
    student, prediction = sample.student, measured.predictions[teacher]
    if level == "predictions":
        student = measured.predictions[sample.student_name]
    elif teacher in sample.predictions:
        # The user's own predictions may know more than the representation.
        prediction = parts.head(sample.teachers[teacher], sample.labels.values, "teacher")
    return measure_floor(student, prediction, sample, settings, parts)


def judge_estimator(
    shared: Measured,
    own: Measured,
    sample: Sample,
    settings: AuditSettings,
    parts: Parts,
    names: tuple[str, ...],
) -> EstimatorResult:
    """Put intervals around the two informations and their gap, and judge them.

    The names are those of the random stream of resamples.
    """
    values = np.array([shared.estimate.value, own.estimate.value])
    if settings.ci == "half":
        halves = np.stack([shared.halves, own.halves], axis=1)
        draws = half_sample_draws(values, halves, settings.resamples, stream(parts.seed, *names))
    else:
        draws = parts.resampled(
            np.stack([shared.estimate.pseudo_values, own.estimate.pseudo_values], axis=1),
            np.array([shared.estimate.seed_variance, own.estimate.seed_variance]),
            settings.resamples,
            *names,
        )
    level = settings.confidence
    bias = None
    if shared.bias is not None and own.bias is not None:
        bias = PerInformation(shared.bias, own.bias, shared.bias - own.bias)
    raw = None
    if shared.estimate.raw is not None and own.estimate.raw is not None:
        both = shared.estimate.raw, own.estimate.raw
        raw = PerInformation(*both, both[0] - both[1])
    result = judge(
        teacher_student=Distribution(values[0], draws[:, 0]).interval(level),
        student_labels=Distribution(values[1], draws[:, 1]).interval(level),
        gap=Distribution(values[0] - values[1], draws[:, 0] - draws[:, 1]).gap(level),
        bias=bias,
        drift=PerInformation(shared.drift, own.drift, shared.drift - own.drift),
        saturated=(bool(shared.estimate.flags), bool(own.estimate.flags)),
        label_entropy=sample.labels.entropy,
        margin=settings.margin,
    )
    return replace(result, raw=raw)


def _notes(
    levels: Mapping[str, LevelResult], gated: Sequence[str], companions: Companions
) -> tuple[str, ...]:
    """Say in sentences what the numbers mean together."""
    notes = []
    verdicts = {name: level.verdict for name, level in levels.items()}
    representations, predictions = map(verdicts.get, get_args(LevelName))
    if len(set(verdicts.values())) > 1:
        notes.append(
            f"The levels disagree: {representations} on representations, {predictions} on "
            "predictions."
        )
    for level in set(get_args(LevelName)) - set(levels):
        notes.append(f"Nothing was estimated on {level}, which does not decide.")
    if representations == "pass" and predictions != "pass":
        notes.append(
            "Much of what teacher and student share may have nothing to do with the labels, and "
            "distillation cannot use that: confirm with a training run before relying on this pass."
        )
    if companions.variance_condition is False:
        notes.append(
            "Var(t) > Var(y): the teacher's predictions vary more than the labels, so the theorem "
            "behind the criterion does not apply."
        )
    for level in set(levels) - set(gated):
        ran, idle = (
            " and ".join(names) for names in (levels[level].estimators, levels[level].not_needed)
        )
        if idle:
            notes.append(
                f"On {level}, which does not decide, {ran} ran without {idle}, which train "
                "networks; `level` both runs all."
            )
    return tuple(notes)


def _weak(teacher: str, sample: Sample, measured: Measurements) -> Iterator[str]:
    """Say of a side that its head predicts worse than always naming the largest class."""
    y = sample.labels.values
    if not is_classes(y):
        return
    for side, name in (("teacher", teacher), ("student", sample.student_name)):
        guessed = class_logits(measured.predictions[name]).argmax(axis=1)
        right, largest, error = against_largest_class(guessed, y)
        if right < largest - error:
            yield (
                f"The {side}'s predictions are right in {right:.2f} of the rows, fewer than the "
                f"{largest:.2f} of always naming the largest class."
            )
