"""What a study does: its matrices, and the tasks that fill them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from cch_audit.errors import InputError
from cch_audit.reading.outline import Outline, outline
from cch_audit.running import Run
from cch_audit.settings import InputSettings, MapSettings

ARROW = "->"
"""Between a teacher and its student."""


@dataclass(frozen=True)
class Asked:
    """One teacher for one student."""

    path: str
    labels: str | None
    """As an option names them; None: those of the file."""
    teacher: str
    student: str

    def inputs(self, settings: InputSettings) -> InputSettings:
        """Return the settings that read this pair."""
        return replace(
            settings,
            teacher=(self.teacher,),
            teachers=None,
            student=self.student,
            labels=self.labels,
        )


@dataclass(frozen=True)
class Task:
    """What one worker does at a time."""

    kind: Literal["student", "pair"]
    asked: tuple[Asked, ...]
    """Both directions of a pair for all labels; or one pair whose student's own part is asked."""
    seconds: float = 0.0
    """Of processor time, as estimated."""
    memory: float = 0.0
    """Bytes, as estimated."""


@dataclass(frozen=True)
class Matrix:
    """One file and one label set."""

    path: str
    labels: str | None
    labels_name: str
    teachers: tuple[str, ...]
    students: tuple[str, ...]
    asked: tuple[Asked, ...]
    """Teacher by teacher."""
    outline: Outline


@dataclass(frozen=True)
class Plan:
    """The matrices of a study and the tasks that fill them, those of students first."""

    matrices: tuple[Matrix, ...]
    students: tuple[Task, ...]
    pairs: tuple[Task, ...]

    @property
    def asked(self) -> tuple[Asked, ...]:
        """Every teacher for every student."""
        return tuple(one for matrix in self.matrices for one in matrix.asked)


def plan_study(files: Sequence[str | Path], run: Run) -> Plan:
    """Return the plan of a study.

    Parameters
    ----------
    files : HDF5 files; none: those of the settings
    run : of `map`; its settings name pairs, label sets, teachers and students

    Raises
    ------
    InputError
        If no file is named, one cannot be used, or a name is that of no representation.
    """
    from cch_audit.mapping.costs import costed

    settings, mapping = run.inputs, run.mapping or MapSettings()
    paths = [str(path) for path in files] or [*mapping.files]
    if not paths:
        raise InputError("a study is about files, and none is named; name one or more")
    for path in paths:
        if paths.count(path) > 1:
            raise InputError(f"{path}: is named twice; name each file once")
    if mapping.label_sets and settings.labels:
        raise InputError("`labels` and `label_sets` both name labels; give one of them")
    sets: list[str | None] = [*dict.fromkeys(_names(mapping.label_sets))] or [settings.labels]
    matrices = [_matrix(path, labels, settings, mapping) for path in paths for labels in sets]
    students: dict[tuple[str, str | None, str], Asked] = {}
    pairs: dict[tuple[str, ...], list[Asked]] = {}
    for one in (one for matrix in matrices for one in matrix.asked):
        students.setdefault((one.path, one.labels, one.student), one)
        pairs.setdefault((one.path, *sorted((one.teacher, one.student))), []).append(one)
    outlines = {(matrix.path, matrix.labels): matrix.outline for matrix in matrices}
    return Plan(
        tuple(matrices),
        tuple(costed(Task("student", (one,)), outlines, run) for one in students.values()),
        tuple(costed(Task("pair", tuple(some)), outlines, run) for some in pairs.values()),
    )


def _matrix(path: str, labels: str | None, settings: InputSettings, mapping: MapSettings) -> Matrix:
    """Return the matrix of one file and one label set."""
    found = outline(Path(path), replace(settings, labels=labels))
    listed = [_pair(text, found) for text in mapping.pairs]
    teachers = (*settings.teacher, *_names(settings.teachers))
    students = (*_names(mapping.students), *([settings.student] if settings.student else []))
    if listed and (teachers or students):
        raise InputError("`pairs` lists what is paired; leave teachers and students out beside it")
    if listed:
        teachers, students = zip(*listed)
    teachers = tuple(dict.fromkeys(teachers or found.teachers))
    students = tuple(dict.fromkeys(students or found.students))
    _check_known(path, "pairs" if listed else "teachers", teachers, found.teachers)
    _check_known(path, "pairs" if listed else "students", students, found.students)
    wanted = listed or [(t, s) for t in teachers for s in students if t != s]
    asked = tuple(Asked(path, labels, *pair) for pair in dict.fromkeys(wanted))
    if not asked:
        raise InputError(
            f"{path}: there is no pair of two representations; it has "
            f"{', '.join(found.students) or 'none'}"
        )
    return Matrix(path, labels, found.labels, teachers, students, asked, found)


def _check_known(
    path: str, option: str, names: Iterable[str], there: Mapping[str, tuple[int, int]]
) -> None:
    """Refuse names of teachers or of students that are not there."""
    for name in names:
        if name not in there:
            raise InputError(
                f"{path}: `{option}` names {name!r}, which is no representation there; it has "
                f"{', '.join(there) or 'none'}"
            )


def _pair(text: str, found: Outline) -> tuple[str, str]:
    """Return the teacher and the student of a pair as it is written; names may have arrows."""
    parts = text.split(ARROW)
    splits = [
        (ARROW.join(parts[:place]).strip(), ARROW.join(parts[place:]).strip())
        for place in range(1, len(parts))
    ]
    named = [(t, s) for t, s in splits if t in found.teachers and s in found.students]
    teacher, student = next(iter(named or splits), ("", ""))
    if not (teacher and student) or teacher == student:
        raise InputError(f"`pairs` {text!r}: expected TEACHER{ARROW}STUDENT, two different names")
    return teacher, student


def _names(text: str | None) -> list[str]:
    """Return what a comma-separated list names."""
    return [name.strip() for name in (text or "").split(",") if name.strip()]
