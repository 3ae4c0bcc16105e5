"""Companions of the gap: what the teacher knows, what it adds, what is shared beyond the labels."""

from functools import partial

from joblib import Parallel, delayed

from cch_audit.auditing.measurement import n_jobs
from cch_audit.auditing.parts import Parts
from cch_audit.estimators.contract import Estimate, is_classes
from cch_audit.results import Companions, Interval
from cch_audit.rows import FloatArray
from cch_audit.sample import Sample
from cch_audit.settings import AuditSettings


def measure_companions(
    teacher: str,
    prediction: FloatArray,
    sample: Sample,
    settings: AuditSettings,
    parts: Parts,
) -> Companions:
    """Measure, with KSG on the representations, what the gap leaves out.

    I(T; Y | S) = I((T, S); Y) - I(S; Y) is what the teacher adds about the labels; it never appears
    in the gap. I(T; S | Y) is shared content that the labels do not explain, the average within
    classes, or I(T; (S, Y)) - I(T; Y) for continuous labels; the gap rewards it.

    Parameters
    ----------
    teacher : its name
    prediction : (n_samples, q) what it says; only its variance is used, for continuous labels
    sample : paired rows
    settings : intervals, jobs
    parts : of this sample; all teachers of a student share I(S; Y)
    """
    t, s, y = sample.teachers[teacher], sample.student, sample.labels.values
    variances: tuple[float, float] | None = None
    if not is_classes(y):
        variances = float(prediction.var(axis=0).sum()), float(y.var(axis=0).sum())

    def interval(name: str, plus: Estimate, minus: Estimate | None = None) -> Interval:
        names = ("companions", teacher, sample.student_name, name)
        return parts.interval(plus, minus, settings, *names)

    def of_labels(*x: FloatArray) -> Estimate:
        return parts.neighbors(x, (y,))

    def known() -> Interval:
        return interval("teacher_labels", of_labels(t))

    def added() -> Interval:
        return interval("teacher_adds", of_labels(t, s), of_labels(s))

    def shared() -> Interval:
        if is_classes(y):
            return interval("shared_beyond_labels", parts.neighbors_within(t, s, y))
        return interval("shared_beyond_labels", parts.neighbors((t,), (s, y)), of_labels(t))

    # Doubts take as long as all others together: whoever asks for them next finds them.
    tasks = [partial(parts.doubts, sample, teacher), added, known, shared]
    together = Parallel(n_jobs=n_jobs(settings), prefer="threads")
    _, teacher_adds, teacher_knows, beyond = together(delayed(task)() for task in tasks)
    return Companions(
        label_entropy=sample.labels.entropy,
        teacher_labels=teacher_knows,
        teacher_labels_given_student=teacher_adds,
        teacher_student_given_labels=beyond,
        teacher_prediction_variance=variances and variances[0],
        label_variance=variances and variances[1],
        variance_condition=variances and variances[0] <= variances[1],
    )
