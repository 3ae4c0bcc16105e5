"""What does a simulated file say of the population that its rows were drawn from?"""

from collections.abc import Iterator

from cch_audit.reading.layout import Layout, Role, choose_column, named, named_teachers
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
    teachers = named_teachers(opened, opened, InputSettings())
    if not (_are_same(student, layout.student) and _are_same(labels, layout.labels)):
        return {}
    levels = ["representations"] if settings.predictions else list(PREFIXES)
    return {
        role.name: dict(_of_teacher(opened, levels, f"_{role.name}" if len(teachers) > 1 else ""))
        for role in layout.teachers
        if any(_are_same(teacher, role) for teacher in teachers)
    }


def _of_teacher(
    opened: OpenFile, levels: list[str], ending: str
) -> Iterator[tuple[str, PerInformation]]:
    """Yield the levels at which both informations are known."""
    for level in levels:
        shared = number_attribute(opened, f"{PREFIXES[level]}teacher_student{ending}")
        own = number_attribute(opened, f"{PREFIXES[level]}student_labels")
        if shared is not None and own is not None:
            yield level, PerInformation(shared, own, shared - own)


def _are_same(said: Role | None, used: Role) -> bool:
    return said is not None and said.column.key == used.column.key
