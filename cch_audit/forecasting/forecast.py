"""The forecast of all teachers of a student: one plan, then one call for each teacher."""

from dataclasses import dataclass

import numpy as np

from cch_audit.auditing.log_odds import class_logits, log_odds
from cch_audit.forecasting.classes import forecast_classes
from cch_audit.forecasting.options import Options
from cch_audit.forecasting.ridge_student import RidgeStudent, prepare_ridge
from cch_audit.forecasting.squared import forecast_targets
from cch_audit.forecasting.student import Student, prepare_student
from cch_audit.forecasting.targets import Outputs, train_outputs
from cch_audit.forecasting.teachers import Teacher, train_teacher
from cch_audit.randomness import stream
from cch_audit.results.forecast import Forecast
from cch_audit.rows import is_classes
from cch_audit.sample import Sample


@dataclass(frozen=True, eq=False)
class Plan:
    """What the teachers of a student share."""

    student: Student | RidgeStudent
    options: Options


def plan_forecast(sample: Sample, options: Options) -> Plan:
    """Expand the student's risk without a teacher, and draw the parts that are refitted.

    Parameters
    ----------
    sample : paired rows; its groups and window say which rows depend on each other
    options : what is asked

    Raises
    ------
    InputError
        If the rows or the options cannot be used.
    """
    y, dependence = sample.labels.values, sample.dependence
    student: Student | RidgeStudent
    if is_classes(y):
        n_classes = len(sample.labels.class_names)
        student = prepare_student(sample.student, y, n_classes, dependence, options)
    else:
        student = prepare_ridge(sample.student, np.asarray(y, float), dependence, options)
    return Plan(student, options)


def forecast_teacher(sample: Sample, teacher: str, plan: Plan) -> Forecast:
    """Forecast what distillation from one teacher changes in the student's expected test loss.

    The user's own predictions are taken as they are; otherwise the teacher is a penalised linear
    head on its representation, trained on as many rows as the student.

    Parameters
    ----------
    sample : the rows that were planned for
    teacher : name of one of `sample.teachers`
    plan : what `plan_forecast` returned
    """
    student, options = plan.student, plan.options
    if isinstance(student, Student):
        return forecast_classes(student, _taught(sample, teacher, student, options), options)
    return forecast_targets(student, _told(sample, teacher, student, options), options)


def _taught(sample: Sample, teacher: str, student: Student, options: Options) -> Teacher:
    """Return what a teacher of classes says."""
    own = sample.predictions.get(teacher)
    if own is not None:
        return Teacher(class_logits(log_odds(own)), ())
    return train_teacher(
        sample.teachers[teacher],
        student.y,
        student.n_classes,
        student.refits.parts,
        sample.dependence,
        stream(options.seed, "forecast", "teacher"),
    )


def _told(sample: Sample, teacher: str, student: RidgeStudent, options: Options) -> Outputs:
    """Return what a teacher of targets says."""
    own = sample.predictions.get(teacher)
    if own is not None:
        return Outputs(own)
    rng = stream(options.seed, "forecast", "teacher")
    x, dependence = sample.teachers[teacher], sample.dependence
    parts = [part.rows for part in student.parts]
    return train_outputs(x, student.y, parts, dependence, rng)
