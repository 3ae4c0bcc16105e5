"""Files that appear whole or not at all, and reports read back from those that hold JSON."""

import json
import math
import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from cch_audit.errors import InputError
from cch_audit.results import (
    Audit,
    CheckReport,
    Confirmation,
    ForecastReport,
    PerInformation,
    RankReport,
    SweepReport,
)
from cch_audit.results.maps import MapReport, PairMatrix

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails, SchemaValidator

AnyReport = CheckReport | RankReport | SweepReport | ForecastReport | MapReport
Kind = TypeVar("Kind", dict[str, Any], list[Any])

SCHEMA_VERSION = "2"
"""Of the JSON that is written."""
BEFORE_CURVES = "1"
"""An earlier one that can be read, without its training runs."""
WITHOUT_TRAINING = (
    "The report was written by an earlier cch-audit (schema_version 1): it is read without its "
    "training runs, whose outcomes knew neither of rows nor of causes; train again to have them."
)
MOST_BYTES = 64 * 2**20
"""A report of a thousand teachers is smaller."""
CONTROL = "control: "
"""How the names of teachers begin that teach nothing."""
ADVICE = "write the report again with --format json"

_KINDS: dict[str, type[AnyReport]] = {
    "check": CheckReport,
    "rank": RankReport,
    "sweep": SweepReport,
    "forecast": ForecastReport,
    "map": MapReport,
}
_HOLDS = {"forecast": "forecasts", "map": "matrices"}
"""What reports that hold no audits hold."""
_FOUND = {dict: "an object", list: "a list", bool: "true or false", type(None): "null"}
_WANTED = {
    "dataclass_type": "an object",
    "mapping_type": "an object",
    "dict_type": "an object",
    "tuple_type": "a list",
    "string_type": "a text",
    "int_type": "a whole number",
    "float_type": "a number or null",
    "bool_type": "true or false",
}
"""By the type of pydantic's error."""
_LONGEST = 40
_MOST_DIGITS = 300
"""Of an integer; one with more may be too large for any float."""


@contextmanager
def appearing(path: Path) -> Iterator[Path]:
    """Yield an empty file that takes a path, with a new file's permissions, if all goes well.

    If not, it is removed, and what was at the path stays.
    """
    target = path.resolve()  # a link stays a link: the file that it names is replaced
    descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=".cch-audit-")
    os.close(descriptor)
    temporary = Path(name)
    try:
        yield temporary
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def replace_file(path: Path, content: bytes) -> None:
    """Write a complete new file, or nothing."""
    with appearing(path) as temporary:
        temporary.write_bytes(content)


@contextmanager
def whole_file(path: Path, *, force: bool) -> Iterator[Path]:
    """Yield a file that takes a path of the user's once it is whole.

    Raises
    ------
    InputError
        If the file exists and `force` is off, its folder is missing, or the system refuses.
    """
    check_absent(path, force=force)
    check_folder(path)
    try:
        with appearing(path) as temporary:
            yield temporary
    except OSError as err:
        raise InputError(f"{path}: cannot be written ({err.strerror or err})") from err


def check_absent(path: Path, *, force: bool) -> None:
    """Refuse to replace a file that nobody gave up."""
    if path.exists() and not force:
        raise InputError(f"{path}: exists already; add `force` to replace it, or name another file")


def check_folder(path: Path) -> None:
    """Refuse a file whose folder is not there."""
    folder = path.resolve().parent
    if not folder.is_dir():
        raise InputError(f"{path}: the folder {folder} does not exist; create it first")


def read(path: Path) -> AnyReport:
    """Return the report in a JSON file.

    Raises
    ------
    InputError
        If the file cannot be read, is too large, or holds no report.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except OSError as err:
        reason = err.strerror or err
        raise InputError(f"{path}: cannot be read ({reason}); name a JSON report") from err
    if len(content) > MOST_BYTES:
        raise InputError(
            f"{path}: has more than {MOST_BYTES:,} bytes; no report of cch-audit is so large, "
            "name a JSON report"
        )
    return parse(content, str(path))


def parse(text: str | bytes, name: str) -> AnyReport:
    """Return the report in a JSON text; see `Report.to_json` for what null means.

    Parameters
    ----------
    text : in any Unicode encoding
    name : of the text, for messages

    Raises
    ------
    InputError
        If it is no report; the message says where, what was found and what is expected.
    """
    from pydantic_core import ValidationError

    if not text.strip():
        raise InputError(f"{name}: is empty; {ADVICE}")
    try:
        document = json.loads(text, parse_int=_integer)
        kind = _kind(document, name)
        if document["schema_version"] == BEFORE_CURVES and kind not in _HOLDS:
            document = _without_training(document)
        report: AnyReport = _validator(kind).validate_python({**document, "kind": kind})
    except ValidationError as err:
        raise InputError(f"{name}: {_sentence(err.errors()[0])}; {ADVICE}") from err
    except json.JSONDecodeError as err:
        raise InputError(f"{name}: is not JSON ({err}); {ADVICE}") from err
    except UnicodeDecodeError as err:
        raise InputError(f"{name}: is not JSON (it is not Unicode text); {ADVICE}") from err
    except RecursionError as err:
        raise InputError(f"{name}: is not JSON (it is nested too deeply); {ADVICE}") from err
    if isinstance(report, ForecastReport):
        if not report.forecasts:
            raise InputError(f"{name}: forecasts[0] is missing; {ADVICE}")
        return report
    if isinstance(report, MapReport):
        return _checked(report, name)
    for missing in _missing(report):
        raise InputError(f"{name}: {missing} is missing; {ADVICE}")
    audits: Iterable[Audit] = map(_with_infinities, report.audits)
    if "kind" not in document:
        # Nor did they say which teachers are controls, but by their names.
        audits = (replace(one, is_control=one.teacher.startswith(CONTROL)) for one in audits)
    return replace(report, audits=tuple(audits))


def _kind(document: Any, name: str) -> str:
    """Return which kind of report a document is."""
    if not isinstance(document, dict):
        raise InputError(f"{name}: {_mismatch('the document', document, 'an object')}; {ADVICE}")
    holds = _HOLDS.get(str(document.get("kind")), "audits")
    if document.get(holds) is None or document.get("schema_version") is None:
        raise InputError(
            f"{name}: is JSON, but no audit report of cch-audit; give what check, confirm, rank, "
            "sweep, forecast or map wrote with --format json"
        )
    version = document["schema_version"]
    if version not in (SCHEMA_VERSION, BEFORE_CURVES):
        if not isinstance(version, str):
            raise InputError(f"{name}: {_mismatch('schema_version', version, 'a text')}; {ADVICE}")
        raise InputError(
            f"{name}: has schema_version {version[:20]!r}, and this cch-audit reads "
            f"{SCHEMA_VERSION!r}; write the report again with this cch-audit"
        )
    # Before reports said so themselves, they were told apart by what is not null.
    others = {"ranking": "rank", "sweep": "sweep"}
    known = [other for key, other in others.items() if document.get(key) is not None]
    kind = document.get("kind", [*known, "check"][0])
    if not isinstance(kind, str) or kind not in _KINDS:
        wanted = f"one of {', '.join(_KINDS)}"
        raise InputError(f"{name}: {_mismatch('kind', kind, wanted)}; {ADVICE}")
    return kind


def _without_training(document: dict[str, Any]) -> dict[str, Any]:
    """Return a report that earlier versions wrote without what its training runs showed."""
    audits = document["audits"]
    if not isinstance(audits, list):
        return document
    trained = [isinstance(one, dict) and one.get("confirmation") is not None for one in audits]
    if not any(trained):
        return document
    found = {
        **document,
        "audits": [
            {**one, "confirmation": None, "agreement": None} if has_run else one
            for one, has_run in zip(audits, trained, strict=True)
        ],
        "warnings": [*_part(document, "warnings", list), WITHOUT_TRAINING],
    }
    ranking = _part(document, "ranking", dict)
    if ranking:
        places = [
            {**one, "columns": {**_part(one, "columns", dict), "gain": None}}
            for one in _part(ranking, "teachers", list)
            if isinstance(one, dict)
        ]
        found["ranking"] = {**ranking, "records": {}, "teachers": places}
    if sweep := _part(document, "sweep", dict):
        found["sweep"] = {**sweep, "gain_crossing": None}
    if document.get("gate") in ("outcome", "both"):
        found |= {"gate": "verdict", "decision": document.get("verdict")}
    return found


def _part(document: dict[str, Any], key: str, kind: type[Kind]) -> Kind:
    """Return a part of a document, empty where it is not there or is of another kind."""
    part = document.get(key)
    return part if isinstance(part, kind) else kind()


@cache
def _validator(kind: str) -> "SchemaValidator":
    """Return what makes a report of a document."""
    from pydantic import TypeAdapter
    from pydantic_core import SchemaValidator

    return SchemaValidator(_strict(TypeAdapter(_KINDS[kind]).core_schema))


def _strict(schema: Any) -> Any:
    """Return a pydantic schema that takes no text for a number, and null for one not finite.

    The option of pydantic to be strict would also refuse objects for dataclasses.
    """
    if isinstance(schema, list):
        return [_strict(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    if schema.get("type") == "float":
        from pydantic_core.core_schema import no_info_before_validator_function

        return no_info_before_validator_function(_number, {**schema, "strict": True})
    strict = {"strict": True} if schema.get("type") in ("int", "bool", "str") else {}
    return {key: _strict(part) for key, part in schema.items()} | strict


def _number(value: Any) -> Any:
    """Return a number; nan for null and for what JSON does not know, such as 1e999."""
    unknown = value is None or (isinstance(value, float) and not math.isfinite(value))
    return math.nan if unknown else value


def _integer(digits: str) -> float:
    """Return an integer, or a float if there are more digits than one can hold for certain."""
    return int(digits) if len(digits) < _MOST_DIGITS else float(digits)


def _sentence(error: "ErrorDetails") -> str:
    """Say in words what pydantic found."""
    where = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in error["loc"])
    where = where.removeprefix(".")
    if error["type"] == "missing":
        return f"{where} is missing"
    if error["type"] == "literal_error":
        words = error["ctx"]["expected"].replace("'", "").replace(" or ", ", ")
        return _mismatch(where, error["input"], f"one of {words}")
    return _mismatch(where, error["input"], _WANTED.get(error["type"]) or error["msg"])


def _mismatch(where: str, value: Any, wanted: str) -> str:
    found = _FOUND.get(type(value)) or json.dumps(value)
    if len(found) > _LONGEST:
        found = f"{found[:_LONGEST]}..."
    return f"{where} is {found}, expected {wanted}"


def _checked(report: MapReport, name: str) -> MapReport:
    """Return the report of a study with its infinities; refuse one that lacks what it speaks of."""
    matrices = []
    for number, matrix in enumerate(report.matrices):
        for missing in _missing_of_matrix(matrix):
            raise InputError(f"{name}: matrices[{number}].{missing} is missing; {ADVICE}")
        matrices.append(replace(matrix, audits=tuple(map(_with_infinities, matrix.audits))))
    if not any(matrix.audits for matrix in matrices):
        raise InputError(f"{name}: matrices[0].audits[0] is missing; {ADVICE}")
    return replace(report, matrices=tuple(matrices))


def _missing_of_matrix(matrix: PairMatrix) -> Iterator[str]:
    """Yield what the matrix of a study speaks of that is not there."""
    yield from _missing_of_audits(matrix.audits)
    pairs = {(audit.teacher, audit.student) for audit in matrix.audits}
    named = [("lessons", one.teacher, one.student) for one in matrix.lessons]
    named += [("choices", one.teacher, one.student) for one in matrix.choices]
    for where, *pair in named:
        if tuple(pair) not in pairs:
            yield f"the audit of {where}: {pair[0]} -> {pair[1]}"
    refused = {(one.teacher, one.student) for one in matrix.refusals}
    for teacher, student in sorted(pairs | refused):
        if teacher not in matrix.teachers:
            yield f"teachers: {teacher}"
        if student not in matrix.students:
            yield f"students: {student}"


def _missing(report: CheckReport | RankReport | SweepReport) -> Iterator[str]:
    """Yield where something is spoken of that is not there."""
    yield from _missing_of_audits(report.audits)
    if isinstance(report, RankReport):
        audited = {audit.teacher for audit in report.audits}
        for number, place in enumerate(report.ranking.teachers):
            if place.teacher not in audited:
                yield f"the audit of ranking.teachers[{number}]"
    if isinstance(report, SweepReport) and len(report.sweep.steps) != len(report.audits):
        yield "the audit of a step, or a step of sweep.steps,"


def _missing_of_audits(audits: Iterable[Audit]) -> Iterator[str]:
    """Yield what audits speak of that is not there."""
    for number, audit in enumerate(audits):
        levels = f"audits[{number}].levels"
        yield from (f"{levels}.{name}" for name in audit.gated if name not in audit.levels)
        for name, level in audit.levels.items():
            known = level.estimators
            yield from (f"{levels}.{name}.estimators.{v}" for v in level.voters if v not in known)
            if not level.voters:
                yield f"{levels}.{name}.voters[0]"
        if audit.confirmation is not None:
            yield from _missing_of(audit.confirmation, f"audits[{number}].confirmation")


def _missing_of(found: Confirmation, where: str) -> Iterator[str]:
    """Yield what a training run speaks of that is not there."""
    if not 0 <= found.at < len(found.curve):
        yield f"{where}.curve[{found.at}]"
    for number, size in enumerate(found.curve):
        if found.metric not in size.metrics:
            yield f"{where}.curve[{number}].metrics.{found.metric}"


def _with_infinities(audit: Audit) -> Audit:
    """Return an audit in whose truths null stood for an infinite information."""

    def known(truth: PerInformation) -> PerInformation:
        shared, own = (
            math.inf if math.isnan(information) else information
            for information in (truth.teacher_student, truth.student_labels)
        )
        return PerInformation(shared, own, shared - own if math.isnan(truth.gap) else truth.gap)

    levels = {
        name: level if level.truth is None else replace(level, truth=known(level.truth))
        for name, level in audit.levels.items()
    }
    return replace(audit, levels=levels)
