"""Companions of the gap: what the teacher knows, what it adds, what is shared beyond the labels."""

import numpy as np
from joblib import Parallel, delayed

from cch_audit.auditing.intervals import paired_interval
from cch_audit.dependence.units import Dependence
from cch_audit.estimators.contract import Estimate, is_classes
from cch_audit.estimators.neighbors import conditional_on_classes, from_neighbors
from cch_audit.results import Companions, Interval
from cch_audit.rows import FloatArray
from cch_audit.sample import Labels


def measure_companions(
    teacher: FloatArray,
    student: FloatArray,
    labels: Labels,
    of_student: Estimate,
    teacher_prediction: FloatArray,
    dependence: Dependence | None,
    n_neighbors: int,
    confidence_level: float,
    n_resamples: int,
    n_jobs: int,
    rng: np.random.Generator,
) -> Companions:
    """Measure, with KSG on the representations, what the gap leaves out.

    I(T; Y | S) = I((T, S); Y) - I(S; Y) is what the teacher adds about the labels; it never appears
    in the gap. I(T; S | Y) is shared content that the labels do not explain, the average within
    classes, or I(T; (S, Y)) - I(T; Y) for continuous labels; the gap rewards it.

    Parameters
    ----------
    teacher, student : (n_samples, d) representations
    labels : class codes or targets
    of_student : KSG's I(S; Y), which all teachers of a student share
    teacher_prediction : (n_samples, q) outputs; only its variance is used, for continuous labels
    dependence : which rows depend on each other; None: none do
    n_jobs : threads
    """
    y = labels.values

    def interval(plus: Estimate, minus: Estimate | None = None) -> Interval:
        return paired_interval(plus, minus, dependence, confidence_level, n_resamples, rng)

    variances: tuple[float, float] | None = None
    if is_classes(y):
        shared = delayed(conditional_on_classes)(teacher, student, y, n_neighbors, dependence)
    else:
        both = np.hstack([student, y])
        shared = delayed(from_neighbors)(teacher, both, n_neighbors, dependence)
        variances = float(teacher_prediction.var(axis=0).sum()), float(y.var(axis=0).sum())
    pair = np.hstack([teacher, student])
    alone = [delayed(from_neighbors)(x, y, n_neighbors, dependence) for x in (pair, teacher)]
    of_pair, of_teacher, within = Parallel(n_jobs=n_jobs, prefer="threads")([*alone, shared])
    return Companions(
        label_entropy=labels.entropy,
        teacher_labels=interval(of_teacher),
        teacher_labels_given_student=interval(of_pair, of_student),
        teacher_student_given_labels=interval(within, None if is_classes(y) else of_teacher),
        teacher_prediction_variance=variances and variances[0],
        label_variance=variances and variances[1],
        variance_condition=variances and variances[0] <= variances[1],
    )
