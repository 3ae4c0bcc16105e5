"""Write the schemas of the JSON that the program writes: `python -m tests.generate_schemas`.

They follow from the records: their fields, types and docstrings.
"""

import json
import re
from importlib.resources import files
from pathlib import Path
from typing import Any, get_args

from pydantic import ConfigDict, TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from cch_audit.columns import COLUMNS
from cch_audit.evidence.results import Ledger
from cch_audit.results import CheckReport, ForecastReport, RankReport, Report, SweepReport
from cch_audit.results.files import SCHEMA_VERSION
from cch_audit.results.maps import MapReport
from cch_audit.settings import LevelName

FOLDER = Path(str(files("cch_audit") / "schemas"))
AUDITS = [kind.__name__ for kind in (CheckReport, RankReport, SweepReport)]
KINDS = [*AUDITS, ForecastReport.__name__, MapReport.__name__]
REPORT = (
    "What `cch-audit check`, `confirm`, `rank`, `sweep`, `forecast` and `map` write with `--format "
    "json`. Every information is in nats, every change in units of its metric; a number that is "
    "not finite is null."
)
EVIDENCE = (
    "What `cch-audit evidence` writes with `--format json`. Every gap is in nats, every share "
    "between 0 and 1; what is not defined is null."
)
NAMES = {"level_name": get_args(LevelName), "column_name": COLUMNS}
NAMED = {
    **dict.fromkeys(("levels", "gap_crossings", "gated"), "level_name"),
    **dict.fromkeys(("columns", "records", "by"), "column_name"),
}
"""What the keys, the elements or the text of a property are; for the program any text would do."""
LEAST = {
    **{f"{kind}.audits": {"minItems": 1} for kind in AUDITS},
    "ForecastReport.forecasts": {"minItems": 1},
    "Audit.levels": {"minProperties": 1},
    "LevelResult.estimators": {"minProperties": 1},
    "Confirmation.curve": {"minItems": 1},
    "TrainingSize.metrics": {"minProperties": 1},
    "Sweep.steps": {"minItems": 2},
    "MapReport.matrices": {"minItems": 1},
    "Ledger.trials": {"minItems": 1},
    "Ledger.decisions": {"minItems": 1},
}


TOP = {
    "schema_version": {"const": SCHEMA_VERSION},
    "tool": {
        "type": "object",
        "additionalProperties": False,
        "required": ["name", "version"],
        "properties": {"name": {"const": "cch-audit"}, "version": {"type": "string"}},
    },
}


class Generator(GenerateJsonSchema):
    """Numbers that are not finite are null, and fields have no titles beside their names."""

    def float_schema(self, schema: core_schema.FloatSchema) -> JsonSchemaValue:
        return {"type": ["number", "null"]}

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        inner = self.generate_inner(schema["schema"])
        return inner if "null" in inner.get("type", ()) else super().nullable_schema(schema)

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


def _closed(title: str, record: JsonSchemaValue) -> JsonSchemaValue:
    """Return the schema of a record, which has all its keys and no others."""
    properties = {
        name: _completed(title, name, value) for name, value in record["properties"].items()
    }
    return {
        "type": "object",
        "description": _words(record["description"]),
        "additionalProperties": False,
        "required": list(properties),
        "properties": properties,
    }


def _completed(record: str, name: str, value: JsonSchemaValue) -> JsonSchemaValue:
    """Return the schema of a property with what its type does not say."""
    value = {**value, **LEAST.get(f"{record}.{name}", {})}
    value.pop("default", None)
    if name in NAMED:
        names = {"$ref": f"#/$defs/{NAMED[name]}"}
        if value["type"] == "object":
            value["propertyNames"] = names
        elif value["type"] == "array":
            value["items"] = names
        else:
            del value["type"]
            value |= names
    if "description" in value:
        value["description"] = _words(value["description"])
    return value


def _words(docstring: str) -> str:
    """Return a docstring on one line, for readers of JSON."""
    words = re.sub(r"(^|\. )None", r"\1Null", " ".join(docstring.split()))
    return words.replace("None", "null")


def _schema(title: str, description: str, record: Any, tops: list[str]) -> dict[str, Any]:
    """Return the schema of one kind of document.

    Parameters
    ----------
    title, description : of the document
    record : the type that it holds
    tops : names of the definitions that are whole documents
    """
    adapter: TypeAdapter[Any] = TypeAdapter(
        record | None, config=ConfigDict(use_attribute_docstrings=True)
    )
    found = adapter.json_schema(schema_generator=Generator, mode="serialization")["$defs"]
    base = found.pop("Report", {"properties": {}})["properties"]
    for top in tops:
        own = found[top]["properties"]
        # pydantic reads no docstrings of a base class
        found[top]["properties"] = TOP | {name: base.get(name, own[name]) for name in own}
    definitions = {name: _closed(name, record) for name, record in found.items()}
    used = json.dumps(definitions)
    names = {name: {"enum": list(words)} for name, words in NAMES.items() if f"/{name}" in used}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": title,
        "description": description,
        "anyOf": [{"$ref": f"#/$defs/{top}"} for top in tops],
        "$defs": definitions | names,
    }


def schemas() -> dict[str, str]:
    """Return the text of every schema by the name of its file."""
    reports = Report | CheckReport | RankReport | SweepReport | ForecastReport | MapReport
    found = {
        "report.schema.json": _schema("cch-audit report", REPORT, reports, KINDS),
        "evidence.schema.json": _schema("cch-audit evidence", EVIDENCE, Ledger, ["Ledger"]),
    }
    return {name: _text(schema) for name, schema in found.items()}


def _text(schema: dict[str, Any]) -> str:
    """Return a schema as JSON, what holds nothing that has parts on one line."""
    text = json.dumps(schema, indent=2, ensure_ascii=False)
    return re.sub(r"[\[{][^\[\]{}]*[\]}]", lambda part: " ".join(part[0].split()), text) + "\n"


if __name__ == "__main__":
    for name, text in schemas().items():
        (FOLDER / name).write_text(text, encoding="utf-8")
