"""What a simulated file says of its population reaches the sample, and nothing else does."""

from pathlib import Path
from typing import Any

import pytest

from cch_audit.reading.describe import describe
from cch_audit.reading.load import load_sample
from cch_audit.rendering import render
from cch_audit.results import PerInformation
from cch_audit.settings import InputSettings

from .conftest import Arrays, Refuse, Write

ATTRIBUTES = {
    "truth_teacher_student": 1.5,
    "truth_student_labels": 0.5,
    "truth_predictions_teacher_student": float("inf"),
    "truth_predictions_student_labels": 0.25,
}
KNOWN = {
    "representations": PerInformation(1.5, 0.5, 1.0),
    "predictions": PerInformation(float("inf"), 0.25, float("inf")),
}


def truths(path: Path, *, every_teacher: bool = False, **settings: Any) -> Any:
    return load_sample(path, InputSettings(**settings), every_teacher=every_teacher).truths


@pytest.fixture
def known(arrays: Arrays, write: Write) -> Path:
    arrays["audio"] = arrays["image"] + 1
    arrays["kind"] = arrays["labels"] // 2
    return write(arrays, labels="labels", **ATTRIBUTES)


def test_both_levels(known: Path) -> None:
    assert truths(known) == {"image": KNOWN}


def test_a_level_of_which_one_information_is_known_is_left_out(
    arrays: Arrays, write: Write
) -> None:
    kept = {name: value for name, value in ATTRIBUTES.items() if "predictions_t" not in name}
    path = write(arrays, labels="labels", **kept)
    assert truths(path) == {"image": {"representations": KNOWN["representations"]}}


def test_other_files_say_nothing(arrays: Arrays, write: Write) -> None:
    assert truths(write(arrays)) == {}


@pytest.mark.parametrize(
    "settings",
    [{"teacher": ("audio",)}, {"student": "audio"}, {"labels": "kind"}],
    ids=lambda settings: next(iter(settings)),
)
def test_of_other_datasets_nothing_is_known(known: Path, settings: dict[str, Any]) -> None:
    assert truths(known, **settings) == {}


def test_an_option_may_name_what_the_attributes_name(known: Path) -> None:
    assert truths(known, teacher=("/image",), student="text", labels="labels") == {"image": KNOWN}


def test_own_predictions_of_an_option_are_not_those_of_the_file(
    arrays: Arrays, write: Write
) -> None:
    arrays["said"] = arrays["image"][:, :4]
    path = write(arrays, labels="labels", **ATTRIBUTES)
    assert set(truths(path, predictions=("image=said",))["image"]) == {"representations"}


def test_teachers_of_another_file_are_unknown(arrays: Arrays, write: Write) -> None:
    arrays["ids"] = range(len(arrays["text"]))
    here, there = write(arrays, labels="labels", **ATTRIBUTES), write(arrays, "other.h5")
    assert truths(here, teacher_file=str(there)) == {}


def test_attributes_of_several_teachers_end_in_their_names(arrays: Arrays, write: Write) -> None:
    arrays["audio"] = arrays["image"] + 1
    arrays["other"] = arrays["image"] + 2
    path = write(
        arrays,
        teacher="image,audio",
        labels="labels",
        truth_student_labels=0.5,
        truth_teacher_student=9.0,
        truth_teacher_student_image=2,
        truth_teacher_student_audio=0.25,
    )
    expected = {
        "image": {"representations": PerInformation(2.0, 0.5, 1.5)},
        "audio": {"representations": PerInformation(0.25, 0.5, -0.25)},
    }
    assert truths(path) == expected
    assert truths(path, every_teacher=True) == expected
    assert truths(path, teacher=("audio",)) == {"audio": expected["audio"]}


@pytest.mark.parametrize("value", ["much", [1.0, 2.0], float("nan"), True])
def test_what_is_no_number_is_refused(
    value: Any, arrays: Arrays, write: Write, refuse: Refuse
) -> None:
    path = write(arrays, labels="labels", **{**ATTRIBUTES, "truth_student_labels": value})
    refuse(path, str(path), "'truth_student_labels'", "holds", "must be one number")


def test_inspect_shows_them(known: Path) -> None:
    text = render(describe(known, InputSettings()), width=1000)
    (line,) = [
        line for line in text.splitlines() if line.split()[:2] == ["image", "representations"]
    ]
    assert line.split() == ["image", "representations", "1.500", "0.500", "1.000"]
