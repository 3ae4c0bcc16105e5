"""A sample and what is known of it as an HDF5 file that `check` reads without any option."""

from collections.abc import Mapping
from pathlib import Path

import h5py

from cch_audit.errors import InputError
from cch_audit.results.files import appearing
from cch_audit.rows import FloatArray, IntArray
from cch_audit.sample import Sample


def write_sample(
    sample: Sample,
    attributes: Mapping[str, str | float | bool],
    path: Path,
    *,
    force: bool = False,
) -> None:
    """Write a sample without groups to a file that appears whole or not at all.

    Datasets are `representations/<name>`, `predictions/<name>` and the labels under their own name;
    root attributes are `teacher` (names separated by commas), `student`, `labels`, `task` and those
    given. The same sample gives the same bytes.

    Raises
    ------
    InputError
        If the file exists and `force` is off, or the system refuses.
    """
    check_absent(path, force=force)
    try:
        with appearing(path) as temporary, h5py.File(temporary, "w") as file:
            _fill(file, sample, attributes)
    except OSError as err:
        raise InputError(f"{path}: cannot be written ({err.strerror or err})") from err


def check_absent(path: Path, *, force: bool) -> None:
    """Refuse to replace a file that nobody gave up."""
    if path.exists() and not force:
        raise InputError(f"{path}: exists already; add `force` to replace it, or name another file")


def _fill(file: h5py.File, sample: Sample, attributes: Mapping[str, str | float | bool]) -> None:
    def put(name: str, values: FloatArray | IntArray) -> None:
        file.create_dataset(name, data=values, track_times=False)

    for name, x in {**sample.teachers, sample.student_name: sample.student}.items():
        put(f"representations/{name}", x)
    for name, x in sample.predictions.items():
        put(f"predictions/{name}", x)
    put(sample.labels_name, sample.labels.values)
    file.attrs["teacher"] = ",".join(sample.teachers)
    file.attrs["student"] = sample.student_name
    file.attrs["labels"] = sample.labels_name
    file.attrs["task"] = "classification" if sample.labels.kind == "classes" else "regression"
    file.attrs.update(attributes)
