import numpy as np
import pytest

from cch_audit.errors import InputError
from cch_audit.reading.load import load_sample
from cch_audit.sample import Sample
from cch_audit.settings import InputSettings

from .conftest import Arrays, N, Refuse, Write


def load(path, **settings) -> Sample:
    return load_sample(path, InputSettings(**settings))


def load_all(path, **settings) -> Sample:
    return load_sample(path, InputSettings(**settings), every_teacher=True)


def test_root_attributes_make_options_superfluous(arrays: Arrays, write: Write) -> None:
    arrays["kind"] = arrays.pop("labels")
    sample = load(write(arrays, labels="kind"))
    assert (list(sample.teachers), sample.student_name, sample.labels_name) == (
        ["image"],
        "text",
        "kind",
    )


@pytest.mark.parametrize("value", ["image, audio", ["image", "audio"], [b"image", b"audio"]])
def test_teacher_attribute_with_several_names(arrays: Arrays, write: Write, value: object) -> None:
    arrays["audio"] = arrays["image"] + 1
    assert list(load(write(arrays, teacher=value)).teachers) == ["image", "audio"]


def test_options_override_attributes(arrays: Arrays, write: Write) -> None:
    arrays["audio"] = arrays["image"] + 1
    arrays["kind"] = arrays["labels"] // 2
    sample = load(
        write(arrays, labels="labels"), teachers="text,audio", student="image", labels="kind"
    )
    assert list(sample.teachers) == ["text", "audio"]
    assert sample.student_name == "image"
    assert sample.labels.class_names == ("0", "1")


def test_teacher_options_add_up_and_repeats_are_dropped(arrays: Arrays, write: Write) -> None:
    arrays["audio"] = arrays["image"] + 1
    sample = load(write(arrays), teacher=("audio", "/audio"), teachers="image, audio")
    assert list(sample.teachers) == ["audio", "image"]


@pytest.mark.parametrize(
    "name", ["digits", "/digits", "representations/digits", "/representations/digits"]
)
def test_names_of_representations(arrays: Arrays, write: Write, name: str) -> None:
    arrays["representations/digits"] = arrays.pop("image")
    assert list(load(write(arrays), teacher=(name,)).teachers) == ["digits"]


def test_root_comes_before_representations(arrays: Arrays, write: Write) -> None:
    arrays["representations/image"] = arrays["image"] + 1
    sample = load(write(arrays), teacher=("image", "representations/image"))
    first, second = sample.teachers
    assert (first, second) == ("image", "reps.h5:representations/image")
    assert not np.array_equal(sample.teachers[first], sample.teachers[second])


@pytest.mark.parametrize("name", ["labels", "label", "y", "target"])
def test_labels_by_their_name(arrays: Arrays, write: Write, name: str) -> None:
    arrays[name] = arrays.pop("labels")
    assert load(write(arrays)).labels_name == name


def test_labels_not_named(arrays: Arrays, write: Write, refuse: Refuse) -> None:
    arrays["kind"] = arrays.pop("labels")
    refuse(write(arrays), "reps.h5", "no dataset of labels", "`labels`", "'kind'")


def test_labels_that_could_be_either(arrays: Arrays, write: Write, refuse: Refuse) -> None:
    refuse(write(arrays | {"y": arrays["labels"]}), "'labels', 'y'", "say which with `labels`")


def test_the_only_other_representation_is_the_teacher(arrays: Arrays, write: Write) -> None:
    assert list(load(write(arrays, teacher="")).teachers) == ["image"]
    assert load(write(arrays, student="")).student_name == "text"


def test_two_other_representations(arrays: Arrays, write: Write, refuse: Refuse) -> None:
    path = write(arrays | {"audio": arrays["image"]}, teacher="")
    refuse(path, "which representation is the teacher", "`teacher`", "'audio', 'image'")


def test_outputs_to_learn_are_no_candidate(arrays: Arrays, write: Write) -> None:
    arrays["angles"] = arrays["text"][:, :2]
    sample = load(write(arrays, teacher=""), labels="angles")
    assert list(sample.teachers) == ["image"]


def test_neither_named(arrays: Arrays, write: Write, refuse: Refuse) -> None:
    path = write(arrays, teacher="", student="")
    refuse(path, "reps.h5", "`teacher` and `student`", "root attributes", "'image', 'text'")


def test_one_representation_in_each_file(arrays: Arrays, write: Write) -> None:
    ids = {"ids": np.arange(N)}
    teacher = write({"image": arrays.pop("image")} | ids, name="t.h5", teacher="", student="")
    student = write(arrays | ids, teacher="", student="")
    sample = load(student, teacher_file=str(teacher))
    assert (list(sample.teachers), sample.student_name) == (["image"], "text")


def test_one_name_in_two_files(arrays: Arrays, write: Write) -> None:
    ids = {"ids": np.arange(N)}
    scores = np.random.default_rng(0).normal(size=(N, 4))
    teacher = write({"text": arrays["image"], "predictions/text": scores} | ids, name="t.h5")
    sample = load(write(arrays | ids), teacher=("text",), teacher_file=str(teacher))
    assert list(sample.teachers) == ["t.h5:text"]
    assert list(sample.predictions) == ["t.h5:text"]


def test_same_dataset_is_a_control(arrays: Arrays, write: Write) -> None:
    sample = load(write(arrays), teacher=("text",))
    np.testing.assert_array_equal(sample.teachers["text"], sample.student)
    assert any("same dataset" in warning for warning in sample.source.warnings)


@pytest.mark.parametrize("role", ["teacher", "student"])
def test_labels_as_a_representation(
    arrays: Arrays, write: Write, refuse: Refuse, role: str
) -> None:
    value = ("labels",) if role == "teacher" else "labels"
    refuse(write(arrays), "'labels'", "both the labels", f"`{role}`", **{role: value})


def test_attribute_that_names_nothing(arrays: Arrays, write: Write, refuse: Refuse) -> None:
    refuse(write(arrays, teacher="imag"), "'imag' (root attribute 'teacher')", "'image'?")


def test_task_attribute(arrays: Arrays, write: Write, refuse: Refuse) -> None:
    assert load(write(arrays, task="regression")).labels.kind == "continuous"
    path = write(arrays, task="regression")
    assert load(path, task="classification").labels.kind == "classes"
    refuse(write(arrays, task="ranking"), "'task' is 'ranking'", "`task`")


def test_predictions_by_name_and_by_option(arrays: Arrays, write: Write) -> None:
    scores = np.random.default_rng(0).normal(size=(N, 4))
    path = write(
        arrays | {"predictions/image": scores, "head": scores + 1, "predictions/x": scores}
    )
    sample = load(path, predictions=("text=head",))
    np.testing.assert_array_equal(sample.predictions["image"], scores)
    np.testing.assert_array_equal(sample.predictions["text"], scores + 1)
    assert len(sample.predictions) == 2


@pytest.mark.parametrize("option", ["head", "text=", "audio=head", ""])
def test_predictions_option_that_says_nothing(
    arrays: Arrays, write: Write, refuse: Refuse, option: str
) -> None:
    refuse(write(arrays), "NAME=PATH", "'text', 'image'", predictions=(option,))


def test_folders_with_the_name_of_a_role_are_passed_over(arrays: Arrays, write: Write) -> None:
    arrays["representations/image"] = arrays.pop("image")
    for name in ("groups", "split", "ids", "image", "predictions/text", "y"):
        arrays[f"{name}/inside"] = np.zeros(3)
    sample = load(write(arrays))
    assert list(sample.teachers) == ["image"]
    assert sample.groups is None
    assert not sample.predictions


def test_every_other_representation_is_a_teacher(arrays: Arrays, write: Write) -> None:
    # Whatever the root attribute 'teacher' says: it names one, and a choice needs them all.
    for name in ("image", "text", "audio"):
        arrays[f"representations/{name}"] = arrays["labels"][:, None] + np.eye(N)[:, :3]
    arrays |= {"groups": np.arange(N) // 2, "split": np.full(N, 1), "ids": np.arange(N)}
    arrays["predictions/text"] = np.eye(4)[arrays["labels"]]
    del arrays["image"], arrays["text"]
    path = write(arrays)
    assert list(load_all(path).teachers) == ["audio", "image"]
    assert list(load(path).teachers) == ["image"]


def test_teachers_that_are_named_are_the_only_ones(arrays: Arrays, write: Write) -> None:
    arrays |= {"audio": arrays["image"] + 1, "video": arrays["image"] + 2}
    path = write(arrays)
    assert list(load_all(path, teachers="video,image").teachers) == ["video", "image"]
    assert list(load_all(path, teacher=("audio",)).teachers) == ["audio"]


def test_what_has_another_role_is_no_teacher(arrays: Arrays, write: Write) -> None:
    arrays |= {"angles": arrays["text"][:, :2], "head": arrays["image"][:, :2]}
    sample = load_all(write(arrays), labels="angles", predictions=("image=head",))
    assert list(sample.teachers) == ["image"]
    assert list(sample.predictions) == ["image"]


def test_every_other_one_needs_a_student(arrays: Arrays, write: Write) -> None:
    with pytest.raises(InputError, match=r"student is not said; pass `student`.*'image', 'text'"):
        load_all(write(arrays, student=""))


def test_no_other_representation(arrays: Arrays, write: Write) -> None:
    del arrays["image"]
    with pytest.raises(InputError, match="no representation beside the student 'text'; add teache"):
        load_all(write(arrays))


def test_every_representation_of_another_file(arrays: Arrays, write: Write) -> None:
    ids = {"ids": np.arange(N)}
    other = {"text": arrays["text"] + 1, "audio": arrays["image"], "labels": arrays["labels"]}
    teacher = write(other | ids, name="t.h5")
    sample = load_all(write(arrays | ids), teacher_file=str(teacher))
    assert list(sample.teachers) == ["audio", "t.h5:text"]


def test_every_other_representation_must_have_the_students_rows(
    arrays: Arrays, write: Write
) -> None:
    arrays["audio"] = arrays["image"][:-5]
    path = write(arrays)
    with pytest.raises(
        InputError, match=f"'audio' has {N - 5} rows but the student 'text' has {N}; "
    ):
        load_all(path)
    assert list(load_all(path, teachers="image").teachers) == ["image"]
