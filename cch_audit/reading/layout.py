"""Which dataset plays which role, and why?"""

import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, cast

from cch_audit.errors import InputError
from cch_audit.reading.column import Column, open_column
from cch_audit.reading.index import row_space
from cch_audit.reading.listing import array_paths, holds_array, listed, readable_paths
from cch_audit.reading.open import (
    OpenFile,
    children,
    has_attribute,
    number_attribute,
    text_attribute,
)
from cch_audit.reading.orient import columns_first
from cch_audit.settings import InputSettings

Task = Literal["auto", "classification", "regression"]
LABEL_NAMES = ("labels", "label", "y", "target")
NO_REPRESENTATION = {
    *(*LABEL_NAMES, "predictions", "ids", "groups", "split"),
    *("uns", "obsmap", "obsp"),  # of AnnData and MuData
    *("row_attrs", "col_attrs", "row_graphs", "col_graphs", "attrs"),  # of loom
}
"""Names, at the root or in a modality, under which no representation is looked for."""


@dataclass(frozen=True)
class Role:
    """A dataset that was chosen, under the name the report shows."""

    name: str
    column: Column
    why: str
    """Why it was chosen: an option, a root attribute, its name, or the only one left."""


@dataclass(frozen=True)
class Layout:
    """The dataset of each role."""

    student: Role
    teachers: tuple[Role, ...]
    labels: Role
    groups: Role | None
    split: Role | None
    predictions: Mapping[str, Role]
    """By name of the representation."""
    notes: tuple[str, ...] = ()
    """Plain sentences on what was read in another way than it is written."""

    @property
    def columns(self) -> tuple[Column, ...]:
        """All datasets, the student first."""
        optional = (role for role in (self.groups, self.split) if role is not None)
        roles = (self.student, *self.teachers, self.labels, *optional, *self.predictions.values())
        return tuple(role.column for role in roles)


def choose_layout(
    student_file: OpenFile,
    teacher_file: OpenFile,
    settings: InputSettings,
    every_teacher: bool = False,
) -> Layout:
    """Choose the dataset of each role from options, root attributes and names, or refuse to guess.

    Parameters
    ----------
    student_file : the file with the student, the labels, the groups and the split
    teacher_file : the file with the teachers; the same object if there is one file
    settings : the user's options
    every_teacher : whether all representations but the student are teachers when no option names
        any

    Raises
    ------
    InputError
        A dataset is not there or cannot be used, or more than one could play a role.
    """
    labels = choose_labels(student_file, settings)
    groups = choose_column(student_file, "groups", settings.groups)
    split = choose_column(student_file, "split", settings.split)
    used = [role for role in (labels, groups, split) if role is not None]
    if every_teacher and not (settings.teacher or settings.teachers):
        student, teachers = _every_other(student_file, teacher_file, settings, used)
    else:
        student, teachers = choose_representations(student_file, teacher_file, settings, used)
    for role in (student, *teachers):
        if role.column.key == labels.column.key:
            raise InputError(
                f"{labels.column.where} is both the labels ({labels.why}) and a representation "
                f"({role.why}); name another dataset for one of them"
            )
    layout = Layout(
        student=student,
        teachers=teachers,
        labels=labels,
        groups=groups,
        split=split,
        predictions=choose_predictions((student, *teachers), settings.predictions),
    )
    layout = _oriented(layout, settings)
    if every_teacher:
        _check_same_rows(layout)
    return layout


def _oriented(layout: Layout, settings: InputSettings) -> Layout:
    """Return the layout with a row for each sample in all matrices, and notes on what it took."""
    where = {column.where for column in columns_first(layout.columns, settings)}

    def turned(role: Role) -> Role:
        is_swapped = role.column.where in where
        return replace(role, column=role.column.swapped) if is_swapped else role

    notes = []
    if where:
        why = "as --transpose says" if settings.transpose else "as the others' length shows"
        notes.append(
            f"Rows and columns were swapped, {why}: {', '.join(sorted(where))} "
            f"{'has' if len(where) == 1 else 'have'} a column for each sample."
        )
    notes.extend(f"{c.where} was read as bfloat16." for c in layout.columns if c.form == "bfloat16")
    return replace(
        layout,
        student=turned(layout.student),
        teachers=tuple(map(turned, layout.teachers)),
        labels=turned(layout.labels),
        predictions={name: turned(role) for name, role in layout.predictions.items()},
        notes=tuple(dict.fromkeys(notes)),
    )


def _check_same_rows(layout: Layout) -> None:
    """Refuse teachers that nobody named and that cannot have the student's rows."""
    student = layout.student
    for column in (teacher.column for teacher in layout.teachers):
        same_rows = column.space == student.column.space
        if same_rows and column.n_rows != student.column.n_rows:
            raise InputError(
                f"{column.where} has {column.n_rows:,} rows but the student {student.name!r} has "
                f"{student.column.n_rows:,}; name the teachers of these rows with `teachers`"
            )


def choose_representations(
    student_file: OpenFile,
    teacher_file: OpenFile,
    settings: InputSettings,
    used: list[Role],
) -> tuple[Role, tuple[Role, ...]]:
    """Return the student and the teachers; one that is not named must be the only one unused."""
    student = named(student_file, "student", settings.student)
    teachers = named_teachers(student_file, teacher_file, settings)
    if student is None and not teachers and student_file is teacher_file:
        raise InputError(
            f"{student_file.name}: which representation is the teacher and which the student is "
            f"not said; pass `teacher` and `student`, or set the root attributes 'teacher' and "
            f"'student'. {_found(representations(student_file))}"
        )
    if student is None:
        student = _only_one(student_file, "student", [*used, *teachers])
    if not teachers:
        teachers = [_only_one(teacher_file, "teacher", [*used, student])]
    return student, _distinct(student, teachers)


def named(opened: OpenFile, role: str, option: str | None) -> Role | None:
    """Return the dataset that the option of a role, or else a root attribute, names."""
    if option:
        return find(opened, option, f"option `{role}`")
    attribute = ", ".join(text_attribute(opened, "", role))
    return find(opened, attribute, f"root attribute {role!r}") if attribute else None


def named_teachers(
    student_file: OpenFile, teacher_file: OpenFile, settings: InputSettings
) -> list[Role]:
    """Return the teachers that options or a root attribute name."""
    listed_names = [name.strip() for name in (settings.teachers or "").split(",")]
    if settings.teachers and not any(listed_names):
        raise InputError(f"option `teachers` {settings.teachers!r} names no teacher; name one")
    names = [*settings.teacher, *filter(None, listed_names)]
    if names:
        return [find(teacher_file, name, "option `teacher`") for name in names]
    values = text_attribute(teacher_file, "", "teacher")
    values = values or text_attribute(student_file, "", "teacher")
    if len(values) == 1:
        values = tuple(name.strip() for name in values[0].split(","))
    return [find(teacher_file, name, "root attribute 'teacher'") for name in values if name]


def choose_labels(opened: OpenFile, settings: InputSettings) -> Role:
    """Return the labels: the dataset named by an option or attribute, or by its own name."""
    labels = choose_column(opened, "labels", settings.labels, LABEL_NAMES)
    if labels is None:
        raise InputError(
            f"{opened.name}: no dataset of labels is named; pass `labels` PATH or set the root "
            f"attribute 'labels' (the file holds {listed(readable_paths(opened))})"
        )
    return labels


def choose_column(
    opened: OpenFile, role: str, option: str | None, names: tuple[str, ...] = ()
) -> Role | None:
    """Return the dataset of a role: named by its option, a root attribute, or its own name."""
    chosen = named(opened, role, option)
    if chosen is not None:
        return chosen
    present = [name for name in names or (role,) if holds_array(opened, name)]
    if len(present) > 1:
        raise InputError(
            f"{opened.name}: datasets {listed(present)} could each be the {role}; "
            f"say which with `{role}`"
        )
    return find(opened, present[0], "its name") if present else None


def choose_task(opened: OpenFile, settings: InputSettings) -> Task:
    """Return the task of the option or, if that leaves it open, of the root attribute."""
    if settings.task != "auto":
        return settings.task
    task = ", ".join(text_attribute(opened, "", "task")) or "auto"
    if task not in ("auto", "classification", "regression"):
        raise InputError(
            f"{opened.name}: root attribute 'task' is {task!r}; it must be 'classification', "
            "'regression' or 'auto': correct it, or pass `task`"
        )
    return cast(Task, task)


def choose_window(opened: OpenFile, settings: InputSettings) -> int | Literal["auto"]:
    """Return the window of dependent rows that the option or the root attribute gives; else 0."""
    where, given = "`window`", settings.window
    if given is None:
        if not has_attribute(opened, "window"):
            return 0
        where = f"{opened.name}: root attribute 'window'"
        with suppress(InputError):  # a number is no text
            given = ", ".join(text_attribute(opened, "", "window"))
        if given is None:
            given = f"{number_attribute(opened, 'window'):.15g}"
    if given == "auto":
        return "auto"
    if not given.isascii() or not given.isdigit() or len(given) > 9:
        raise InputError(
            f"{where} is {given!r}; it must be 'auto' or a whole number of rows from 0"
        )
    return int(given)


def choose_predictions(roles: Iterable[Role], options: tuple[str, ...]) -> dict[str, Role]:
    """Return the user's own predictions of the representations, from options or by their name."""
    by_name = {role.name: role for role in roles}
    chosen = {}
    for option in options:
        name, _, path = option.partition("=")
        if not path or name not in by_name:
            raise InputError(
                f"`predictions` {option!r} must be NAME=PATH, where NAME is one of "
                f"{listed(list(by_name))} and PATH a dataset"
            )
        chosen[name] = find(by_name[name].column.opened, path, "option `predictions`")
    for name, role in by_name.items():
        path = "predictions/" + role.column.path.removeprefix("representations/")
        if name not in chosen and holds_array(role.column.opened, path):
            chosen[name] = find(role.column.opened, path, "its name")
    return chosen


def find(opened: OpenFile, name: str, why: str) -> Role:
    """Return a dataset by its path, at the root or under `representations`."""
    path = "/".join(filter(None, name.split("/")))
    if not path:
        raise InputError(f"{opened.name}: {why} is {name!r}, which names no dataset")
    below = f"representations/{path}"
    found = below if not holds_array(opened, path) and holds_array(opened, below) else path
    return Role(found.removeprefix("representations/"), open_column(opened, found, why), why)


def representations(opened: OpenFile) -> list[str]:
    """Return the paths that could be a representation."""
    found = []
    for path, problem in array_paths(opened):
        if problem or _has_other_use(opened, path):
            continue
        with suppress(InputError):  # it is only left out of a list of suggestions
            if could_represent(open_column(opened, path, "a candidate")):
                found.append(path)
    return found


def could_represent(column: Column) -> bool:
    """Return whether a dataset could be a representation, by its name and shape."""
    opened, path = column.opened, column.path
    is_named = path.startswith("representations/")
    if not column.is_matrix or not (is_named or len(column.shape) == 2):
        return False
    if _has_other_use(opened, path):
        return False
    try:
        space = column.space
    except InputError:  # it has a row for each variable
        return False
    inside = ("obs/", "axis", "index", "table/index", "barcodes")
    return space.owner is None or not path.removeprefix(f"{space.owner}/").startswith(inside)


def _has_other_use(opened: OpenFile, path: str) -> bool:
    """Return whether a path has a name under which no representation is looked for."""
    # Inside a modality of MuData the names are those of AnnData.
    top, _, rest = re.sub("^(mod/[^/]+/)+", "", path).partition("/")
    # The obsm of MuData itself says which rows each modality has.
    says_rows = path.startswith("obsm/") and rest in children(opened, "mod")
    return top in NO_REPRESENTATION or says_rows


def _every_other(
    student_file: OpenFile, teacher_file: OpenFile, settings: InputSettings, used: list[Role]
) -> tuple[Role, tuple[Role, ...]]:
    """Return the student and every other representation; in one file, those of its layout."""
    student = named(student_file, "student", settings.student)
    if student is None:
        raise InputError(
            f"{student_file.name}: which representation is the student is not said; pass `student` "
            f"or set the root attribute 'student'. {_found(representations(student_file))}"
        )
    taken = {role.column.path for role in (*used, student) if role.column.opened is teacher_file}
    taken |= {option.partition("=")[2].strip("/") for option in settings.predictions}
    paths = [path for path in representations(teacher_file) if path not in taken]
    if student_file is teacher_file:  # beside a table, plain datasets have rows of their own
        is_plain = student.column.space.owner is None
        paths = [p for p in paths if (row_space(teacher_file, p).owner is None) == is_plain]
    if not paths:
        raise InputError(
            f"{teacher_file.name}: there is no representation beside the student "
            f"{student.name!r}; add teachers, or name them with `teachers`"
        )
    return student, _distinct(student, [find(teacher_file, p, "every other one") for p in paths])


def _only_one(opened: OpenFile, role: str, used: list[Role]) -> Role:
    """Return the one representation of the plain layout that is not used, or refuse to guess."""
    taken = {other.column.path for other in used if other.column.opened is opened}
    found = [path for path in representations(opened) if path not in taken]
    plain = [path for path in found if row_space(opened, path).owner is None]
    if len(plain) != 1:
        raise InputError(
            f"{opened.name}: which representation is the {role} is not said; pass `{role}` or set "
            f"the root attribute {role!r}. {_found(found)}"
        )
    return find(opened, plain[0], "the only representation left")


def _found(paths: list[str]) -> str:
    """Say which representations there are to choose from."""
    return f"The file holds {listed(paths)}" if paths else "The file holds no other representation"


def _distinct(student: Role, teachers: list[Role]) -> tuple[Role, ...]:
    """Drop a teacher that is named twice, and give teachers names that no other dataset has."""
    kept: dict[tuple[Any, ...], Role] = {}
    names = {student.name: student.column.key}
    for teacher in teachers:
        key = teacher.column.key
        if key in kept:
            continue
        name = teacher.name
        if names.get(name, key) != key:
            name = f"{Path(teacher.column.opened.name).name}:{teacher.column.path}"
        names[name] = key
        kept[key] = replace(teacher, name=name)
    return tuple(kept.values())
