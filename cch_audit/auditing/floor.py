"""The floor of a gap: what the teacher's predicted labels alone share with the student."""

import numpy as np
from joblib import Parallel, delayed

from cch_audit.auditing.log_odds import class_logits
from cch_audit.auditing.measurement import n_jobs
from cch_audit.auditing.parts import Parts
from cch_audit.estimators import KsgSettings
from cch_audit.estimators.contract import Estimate
from cch_audit.results import Interval
from cch_audit.rows import FloatArray, IntArray
from cch_audit.sample import Sample
from cch_audit.settings import AuditSettings

FLOOR = "floor"


def measure_floor(
    student: FloatArray,
    prediction: FloatArray,
    sample: Sample,
    settings: AuditSettings,
    parts: Parts,
) -> Interval:
    """Estimate I(p(T); S) - I(S; Y), which the gap cannot be below, by KSG, in nats.

    By data processing I(T; S) >= I(p(T); S) for any function p of the teacher, such as a prediction
    of the labels; a teacher that determines the labels has no gap below zero. The difference
    asks little of an estimator: both informations are of the same student, and the nearer the
    prediction is to the labels, the nearer the two errors are to each other.

    Parameters
    ----------
    student : (n_samples, d) representation or predictions of the student
    prediction : (n_samples, K) log-odds of classes, of which the most likely class is taken, or
        (n_samples, q) predicted targets, of a teacher that did not see the row's label
    sample : labels and groups
    settings : intervals, jobs
    parts : of this sample; both estimates get the same random stream, so equal labels have a floor
        of exactly zero
    """
    labels = sample.labels
    predicted: FloatArray | IntArray = prediction
    if labels.kind == "classes":
        predicted = np.asarray(class_logits(prediction).argmax(axis=1))
        counts = np.bincount(predicted)
        # Of a class of so few rows neighbours see nothing, so it counts as the most frequent one.
        rare = counts[predicted] < parts.estimators.of(KsgSettings).n_neighbors + 2
        predicted[rare] = counts.argmax()

    def of_student(y: FloatArray | IntArray) -> Estimate:
        return parts.whole(FLOOR, "ksg", student, y, "floor")

    by_prediction, by_labels = Parallel(n_jobs=n_jobs(settings), prefer="threads")(
        delayed(of_student)(y) for y in (predicted, labels.values)
    )
    return parts.interval(by_prediction, by_labels, settings, "floor", "bootstrap")
