import json
from pathlib import Path

import jsonschema
import pytest
import yaml

from cch_audit import __version__
from tests.generate_schemas import FOLDER, schemas


def test_every_schema_is_generated() -> None:
    assert {path.name for path in Path(FOLDER).iterdir()} == set(schemas())


@pytest.mark.parametrize("name", schemas())
def test_schemas_are_those_of_the_records(name: str) -> None:
    stale = "the records have changed; run `python -m tests.generate_schemas`"
    assert (FOLDER / name).read_text(encoding="utf-8") == schemas()[name], stale


@pytest.mark.parametrize("text", schemas().values(), ids=schemas())
def test_schemas_are_closed_and_explained(text: str) -> None:
    schema = json.loads(text)
    jsonschema.Draft202012Validator.check_schema(schema)
    for name, definition in schema["$defs"].items():
        if "properties" in definition:
            assert definition["additionalProperties"] is False, name
            assert set(definition["required"]) == set(definition["properties"]), name
            assert definition["description"], name
    assert "None" not in text


def test_docstrings_become_descriptions_also_those_of_a_base_class() -> None:
    definitions = json.loads(schemas()["report.schema.json"])["$defs"]
    for kind in ("CheckReport", "RankReport", "SweepReport"):
        written = definitions[kind]["properties"]["seconds"]["description"]
        assert written == "How long the command took."
    found = definitions["Baselines"]["properties"]["h_score"]
    assert found["type"] == ["number", "null"]
    assert found["description"].startswith("Null for continuous labels, and where")


def test_the_citation_is_of_this_version() -> None:
    cited = yaml.safe_load((Path(__file__).parents[1] / "CITATION.cff").read_text("utf-8"))
    assert cited["version"] == __version__
