"""The plan of a study: which pairs, in which tasks, and what is refused before any work."""

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from cch_audit.errors import InputError
from cch_audit.mapping.plan import Plan, plan_study
from cch_audit.rendering.plan import plan_text
from cch_audit.running import RUNS, Run, run_of
from cch_audit.settings import BackendSettings, EstimatorSettings, InputSettings, MapSettings
from cch_audit.settings.declared import Settings

NAMES = ("audio", "image", "noise", "text")


def asked(inputs: dict[str, Any] | None = None, **mapping: Any) -> Run:
    """Return the run of a study with some settings."""
    made: dict[type[Settings], Settings] = {
        InputSettings: InputSettings(**(inputs or {})),
        MapSettings: MapSettings(**mapping),
    }
    return run_of("map", [made.get(cls, cls()) for cls in RUNS["map"]], EstimatorSettings())


def planned(path: Path, inputs: dict[str, Any] | None = None, **mapping: Any) -> Plan:
    return plan_study([path], asked(inputs, **mapping))


def directions(plan: Plan) -> list[tuple[str, str]]:
    return [(one.teacher, one.student) for one in plan.asked]


def test_all_ordered_pairs_by_default_each_unordered_one_in_a_task(views: Path) -> None:
    plan = planned(views)
    assert sorted(directions(plan)) == [(t, s) for t in NAMES for s in NAMES if t != s]
    assert len(plan.pairs) == 6
    for task in plan.pairs:
        one, other = task.asked
        assert (one.teacher, one.student) == (other.student, other.teacher)
    assert sorted(task.asked[0].student for task in plan.students) == [*NAMES]


def test_teachers_and_students_that_are_named(views: Path) -> None:
    plan = planned(views, {"teachers": "audio, text"}, students="image,text")
    assert directions(plan) == [("audio", "image"), ("audio", "text"), ("text", "image")]
    assert plan.matrices[0].teachers == ("audio", "text")
    assert plan.matrices[0].students == ("image", "text")


def test_pairs_that_are_listed_are_all(views: Path) -> None:
    plan = planned(views, pairs=("audio->image", "image -> audio", "text->audio", "audio->image"))
    assert directions(plan) == [("audio", "image"), ("image", "audio"), ("text", "audio")]
    assert [len(task.asked) for task in plan.pairs] == [2, 1]


def test_label_sets_are_in_the_task_of_their_pair_and_files_are_not(
    views: Path, tmp_path: Path
) -> None:
    second = tmp_path / "second.h5"
    second.write_bytes(views.read_bytes())
    plan = plan_study([views, second], asked(pairs=("audio->image",), label_sets="labels,second"))
    assert [(matrix.path, matrix.labels_name) for matrix in plan.matrices] == [
        (str(path), labels) for path in (views, second) for labels in ("labels", "second")
    ]
    assert [[one.labels for one in task.asked] for task in plan.pairs] == [["labels", "second"]] * 2
    assert len(plan.students) == 4


def test_the_plan_says_file_and_labels_where_there_are_several(views: Path, tmp_path: Path) -> None:
    second = tmp_path / "second.h5"
    second.write_bytes(views.read_bytes())
    run = asked(pairs=("audio->image",), label_sets="labels,second")
    told = plan_text(plan_study([views, second], run), run)
    for path in (views, second):
        assert f"{path}: audio -> image, 2 audits\n" in told
        for labels in ("labels", "second"):
            assert f"{path}: student image and labels {labels}\n" in told


def test_a_label_set_that_is_named_twice_has_one_matrix(views: Path) -> None:
    plan = planned(views, label_sets="second,labels,second")
    assert [matrix.labels for matrix in plan.matrices] == ["second", "labels"]


def test_names_in_pairs_may_have_arrows(tmp_path: Path) -> None:
    path = tmp_path / "arrows.h5"
    with h5py.File(path, "w") as file:
        for name in ("a", "a->b", "b->c"):
            file[f"representations/{name}"] = np.zeros((60, 2))
        file["labels"] = np.arange(60) % 2
    plan = planned(path, pairs=("a->b -> a", "a->a->b", "a->b->b->c"))
    assert directions(plan) == [("a->b", "a"), ("a", "a->b"), ("a->b", "b->c")]


def test_files_of_the_settings_make_place_for_those_of_the_command(views: Path) -> None:
    assert plan_study([], asked(files=(str(views),))).matrices[0].path == str(views)
    assert plan_study([views], asked(files=("other.h5",))).matrices[0].path == str(views)


def test_labels_are_no_representation(views: Path) -> None:
    assert planned(views, {"labels": "representations/text"}).matrices[0].teachers == (
        "audio",
        "image",
        "noise",
    )


def test_more_rows_columns_and_label_sets_are_guessed_to_take_longer(views: Path) -> None:
    small = planned(views, {"max_samples": 100}).pairs[0]
    whole = planned(views).pairs[0]
    assert 0 < small.seconds < whole.seconds
    assert 0 < small.memory <= whole.memory


def test_the_plan_is_told_in_words(views: Path) -> None:
    run = asked(pairs=("audio->image", "image->audio", "text->audio"))
    text = plan_text(plan_study([views], run), run)
    assert "2 teachers" not in text.splitlines()[0]
    assert text.splitlines()[0].endswith("3 teachers x 2 students, 3 audits")
    assert "audio <-> image, 2 audits" in text
    assert "text -> audio\n" in text
    assert text.splitlines()[-1].startswith("4 tasks, 2 pairs: about ")


WRONG: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("views.h5: `teachers` names 'radio', which is no", {"teachers": "radio"}, {}),
    ("views.h5: `students` names 'radio', which is no", {}, {"students": "radio"}),
    ("views.h5: `pairs` names 'radio', which is no", {}, {"pairs": ("audio->radio",)}),
    ("expected TEACHER->STUDENT, two different names", {}, {"pairs": ("audio",)}),
    ("expected TEACHER->STUDENT, two different names", {}, {"pairs": ("audio->audio",)}),
    ("leave teachers and students out", {"teacher": ("audio",)}, {"pairs": ("audio->text",)}),
    ("there is no pair of two", {"teachers": "audio"}, {"students": "audio"}),
    ("`labels` and `label_sets` both name labels", {"labels": "second"}, {"label_sets": "labels"}),
]


@pytest.mark.parametrize(("words", "inputs", "mapping"), WRONG)
def test_what_cannot_be_planned_is_refused(
    views: Path, words: str, inputs: dict[str, Any], mapping: dict[str, Any]
) -> None:
    with pytest.raises(InputError) as caught:
        planned(views, inputs, **mapping)
    assert words in str(caught.value)


def test_no_file_and_one_file_twice_are_refused(views: Path) -> None:
    with pytest.raises(InputError, match="none is named"):
        plan_study([], asked())
    with pytest.raises(InputError, match=r"views\.h5: is named twice"):
        plan_study([views, views], asked())


def test_a_scheduler_is_of_dask() -> None:
    with pytest.raises(InputError, match="`scheduler` is of `backend` dask"):
        BackendSettings(scheduler="tcp://127.0.0.1:8786")
