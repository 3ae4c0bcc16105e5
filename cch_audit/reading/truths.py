"""What does a simulated file say of the population that its rows were drawn from?"""

from cch_audit.reading.layout import Layout, choose_column, named, named_teachers
from cch_audit.reading.open import OpenFile, has_attribute, number_attribute
from cch_audit.results import PerInformation
from cch_audit.settings import InputSettings

PREFIXES = {"representations": "truth_", "predictions": "truth_predictions_"}
"""How the root attributes of each level begin."""


def read_truths(
    opened: OpenFile, layout: Layout, settings: InputSettings
) -> dict[str, dict[str, PerInformation]]:
    """Return the known informations of a file by teacher and level, in nats.

    They are the root attributes `truth_teacher_student` and `truth_student_labels`, those of
    predictions `truth_predictions_...`; where the file names several teachers, those of a teacher
    end in its name. They speak of the teachers, the student and the labels that the root attributes
    name, and of no other.

    Parameters
    ----------
    opened : the file with the student
    layout : the datasets that are audited
    settings : the user's options; own predictions that they name are not those of the file

    Raises
    ------
    InputError
        If an attribute is no number.
    """
    if not has_attribute(opened, "truth_student_labels"):
        return {}
    student, labels = named(opened, "student", None), choose_column(opened, "labels", None)
    teachers = [role.column.key for role in named_teachers(opened, opened, InputSettings())]
    said = [role and role.column.key for role in (student, labels)]
    if said != [layout.student.column.key, layout.labels.column.key]:
        return {}
    truths: dict[str, dict[str, PerInformation]] = {}
    for role in layout.teachers:
        if role.column.key not in teachers:
            continue
        truths[role.name] = {}
        ending = f"_{role.name}" if len(teachers) > 1 else ""
        for level in ["representations"] if settings.predictions else PREFIXES:
            shared = number_attribute(opened, f"{PREFIXES[level]}teacher_student{ending}")
            own = number_attribute(opened, f"{PREFIXES[level]}student_labels")
            if shared is not None and own is not None:
                truths[role.name][level] = PerInformation(shared, own, shared - own)
    return truths
