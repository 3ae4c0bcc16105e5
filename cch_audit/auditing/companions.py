"""Companions of the gap: what the teacher knows, what it adds, what is shared beyond the labels."""

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
    if is_classes(y):
        shared = delayed(parts.neighbors_within)(t, s, y)
    else:
        shared = delayed(parts.neighbors)((t,), (s, y))
        variances = float(prediction.var(axis=0).sum()), float(y.var(axis=0).sum())
    alone = [delayed(parts.neighbors)(x, (y,)) for x in ((t, s), (t,), (s,))]
    # Doubts take as long as all of these: whoever asks for them next finds them.
    tasks = [delayed(parts.doubts)(sample, teacher), *alone, shared]
    found = Parallel(n_jobs=n_jobs(settings), prefer="threads")(tasks)
    _, of_pair, of_teacher, of_student, within = found

    def interval(name: str, plus: Estimate, minus: Estimate | None = None) -> Interval:
        names = ("companions", teacher, sample.student_name, name)
        return parts.interval(plus, minus, settings, *names)

    beyond = None if is_classes(y) else of_teacher
    return Companions(
        label_entropy=sample.labels.entropy,
        teacher_labels=interval("teacher_labels", of_teacher),
        teacher_labels_given_student=interval("teacher_adds", of_pair, of_student),
        teacher_student_given_labels=interval("shared_beyond_labels", within, beyond),
        teacher_prediction_variance=variances and variances[0],
        label_variance=variances and variances[1],
        variance_condition=variances and variances[0] <= variances[1],
    )
