"""Sources as they are: packed into a temporary file, and read as any other one."""

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from cch_audit.errors import InputError
from cch_audit.reading.load import load_sample
from cch_audit.reading.pack import Packed, Packing, named, pack, predictions_of
from cch_audit.reading.spelling import ROLES, check_given, spelled
from cch_audit.sample import Sample
from cch_audit.settings import InputSettings


def load_sources(inputs: InputSettings, *, every_teacher: bool = False) -> Sample:
    """Read the paired rows of sources that settings name in place of datasets of one file.

    Raises
    ------
    InputError
        A source cannot be used; the message names it, and never the temporary file.
    """
    packing = packing_of(inputs)
    sources = ", ".join(dict.fromkeys(one.text for one in packing.datasets.values()))
    with TemporaryDirectory(prefix="cch-audit-") as folder:
        path = Path(folder) / "packed.h5"
        packed = pack(path, packing, max_bytes=inputs.max_bytes)
        try:
            sample = load_sample(path, _inside(inputs, packing), every_teacher=every_teacher)
        except InputError as err:
            raise InputError(_of_user(str(err), path, packed, packing, sources)) from err

    def shown(texts: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(_of_user(text, path, packed, packing, sources) for text in texts)

    source = sample.source
    notes = (*packed.notes, *shown(source.notes))
    known = replace(source, path=sources, notes=notes, warnings=shown(source.warnings))
    return replace(sample, source=known)


def packing_of(inputs: InputSettings) -> Packing:
    """Return which source that settings name becomes which dataset.

    Raises
    ------
    InputError
        One that is needed is missing, is no source, or belongs to a file.
    """
    given = check_given(inputs)
    sources = named([*given["teacher"], *given["student"]])
    *teachers, student = sources
    return Packing(
        representations=sources,
        roles={role: spelled(given[role][0]) for role in ROLES if given.get(role)},
        predictions=predictions_of(inputs.predictions),
        teacher=tuple(teachers),
        student=student,
    )


def _inside(inputs: InputSettings, packing: Packing) -> InputSettings:
    """Return the settings with names of datasets in place of sources."""
    roles = {role: role if role in packing.roles else None for role in ROLES}
    return replace(
        inputs,
        teacher=packing.teacher,
        teachers=None,
        student=packing.student,
        predictions=(),
        **roles,  # type: ignore[arg-type]
    )


def _of_user(text: str, path: Path, packed: Packed, packing: Packing, sources: str) -> str:
    """Return a sentence about the packed file as one about the sources."""
    for one in packed.arrays:
        text = text.replace(f"{path}: dataset {one.name!r}", one.where)
        text = text.replace(repr(one.name), repr(packing.datasets[one.name].text))
    return text.replace(str(path), sources)
