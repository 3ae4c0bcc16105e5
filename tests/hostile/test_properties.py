"""Whatever is changed in a file, settings or a report, the answer is a value or one sentence."""

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from cch_audit.cli import app
from cch_audit.commands import terminal
from cch_audit.commands.options import SECTIONS
from cch_audit.errors import InputError
from cch_audit.estimators import section_names
from cch_audit.evidence.ledger import keep_ledger
from cch_audit.evidence.read import read_evidence
from cch_audit.reading.load import load_sample
from cch_audit.rendering import render
from cch_audit.settings import InputSettings

from .damaged import sound
from .evidence import REAL

few = settings(max_examples=40, deadline=None, derandomize=True, database=None)
many = settings(few, max_examples=200)

KEYS = sorted(
    {
        *(name for section in SECTIONS for name in section.__annotations__),
        *section_names(),
    }
)
"""Of settings files."""
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=20),
    st.sampled_from(["ksg", "nan", "1e999", "[red]", "9" * 400]),
)
NESTED = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)


TAGS = (
    *("bool", "int", "float", "timestamp", "binary", "null", "omap", "pairs", "set", "seq", "map"),
    *("str", "merge", "value"),
)


@pytest.mark.slow
@given(st.lists(st.tuples(st.integers(0, 10**6), st.integers(1, 255)), min_size=1, max_size=12))
@many
def test_changed_bytes_of_a_file(changes: list[tuple[int, int]]) -> None:
    content = bytearray(sound())
    for place, change in changes:
        content[place % len(content)] ^= change
    with TemporaryDirectory() as folder:
        path = Path(folder) / "changed.h5"
        path.write_bytes(content)
        said = str(path)
        try:
            assert np.isfinite(load_sample(path, InputSettings()).student).all()
        except InputError as err:
            said = str(err)
        assert str(path) in said
        assert "\n" not in said
        assert path.read_bytes() == content


def config_says(content: bytes) -> str | None:
    """Return why a settings file is refused, None if it is not; fail on anything else."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "settings.yaml"
        path.write_bytes(content)
        done = CliRunner().invoke(app, ["config", "--config", str(path)])
    if isinstance(done.exception, InputError):
        return str(done.exception)
    assert done.exit_code in (0, 2), done.exception
    return done.stderr if done.exit_code else None


@given(st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=5), NESTED, max_size=4))
@few
def test_random_settings(document: dict[str, Any]) -> None:
    said = config_says(yaml.safe_dump(document, allow_unicode=True).encode())
    assert said is None or len(said) < 1000


@given(st.text("ab01:-?[]{},&*!|>'\"%@`#<=.~ \n\t\\", max_size=40) | st.binary(max_size=40))
@few
def test_random_text_as_settings(content: str | bytes) -> None:
    said = config_says(content.encode() if isinstance(content, str) else content)
    assert said is None or len(said) < 1000


@pytest.mark.slow
@pytest.mark.parametrize("tag", TAGS)
@pytest.mark.parametrize("value", ["x", "''", "[a]", "{a: b}", "1"])
def test_a_tag_on_any_value(tag: str, value: str) -> None:
    config_says(f"seed: !!{tag} {value}".encode())


def places(value: Any, above: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the keys that lead to every value of a JSON document."""
    inner = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    below = [place for key, part in inner for place in places(part, (*above, key))]
    return [*([above] if above else []), *below]


DOCUMENT = json.loads(REAL.read_text())
USED = [
    place
    for place in places(DOCUMENT)
    if place[0] in ("schema_version", "seed", "input", "audits") and "notes" not in place
]


@given(st.sampled_from(USED), NESTED, st.booleans())
@few
def test_changed_values_of_a_report(place: tuple[Any, ...], value: Any, leaves_out: bool) -> None:
    document = json.loads(REAL.read_text())
    *above, last = place
    holder = document
    for key in above:
        holder = holder[key]
    if leaves_out:
        del holder[last]
    else:
        holder[last] = value
    with TemporaryDirectory() as folder:
        path = Path(folder) / "changed.json"
        path.write_text(json.dumps(document))
        said = str(path)
        try:
            ledger = keep_ledger(read_evidence([path], controls=False))
            assert render(ledger, "table", **terminal.abilities(None))
        except InputError as err:
            said = str(err)
        assert str(path) in said


@given(st.binary(max_size=60) | st.text('{}[]",:0e+-\\untrfalsN ', max_size=60).map(str.encode))
@many
def test_random_bytes_as_a_report(content: bytes) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "random.json"
        path.write_bytes(content)
        with pytest.raises(InputError, match=r"random\.json"):
            read_evidence([path], controls=False)
