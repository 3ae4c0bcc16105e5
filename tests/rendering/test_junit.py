"""JUnit XML: the elements and attributes of the common schema, and what fails is a failure."""

import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest

from cch_audit.rendering import render
from cch_audit.results import Report

from .reports import (
    EVERY_REPORT,
    audit,
    confirmed_report,
    hostile_report,
    ranked_report,
    report,
    swept_report,
)

every_report = pytest.mark.parametrize("case", EVERY_REPORT.values(), ids=EVERY_REPORT)
# Of the schema of Jenkins: the attributes of each element (required ones with a star), and its
# children.
SCHEMA = {
    "testsuites": ("name time tests failures errors", "testsuite"),
    "testsuite": (
        "*name *tests *failures *errors group time skipped timestamp hostname id package file",
        "testsuite properties testcase system-out system-err",
    ),
    "properties": ("", "property"),
    "property": ("*name *value", ""),
    "testcase": ("*name time classname group", "skipped error failure system-out system-err"),
    "failure": ("type message", ""),
    "skipped": ("type message", ""),
    "system-out": ("", ""),
}


def suite(case: Report, *, undecided_fails: bool = False) -> ET.Element:
    text = render(case, "junit", undecided_fails=undecided_fails)
    found = ET.fromstring(text.encode("utf-8")).find("testsuite")
    assert found is not None
    return found


def results(case: Report, *, undecided_fails: bool = False) -> list[str]:
    """Return what became of each test case."""
    cases = suite(case, undecided_fails=undecided_fails).iter("testcase")
    return [{"system-out": "passed"}.get(test[0].tag, test[0].tag) for test in cases]


@pytest.mark.slow
@every_report
@pytest.mark.parametrize("undecided_fails", [True, False])
def test_it_follows_the_schema(case: Report, undecided_fails: bool) -> None:
    text = render(case, "junit", undecided_fails=undecided_fails)
    root = ET.fromstring(text.encode("utf-8"))
    assert root.tag == "testsuites"
    for element in root.iter():
        attributes, children = SCHEMA[element.tag]
        names = {name.strip("*"): name.startswith("*") for name in attributes.split()}
        assert set(element.keys()) <= set(names)
        assert {name for name, needed in names.items() if needed} <= set(element.keys())
        assert {child.tag for child in element} <= set(children.split())
    found = root[0]
    for name, tag in (("tests", "testcase"), ("failures", "failure"), ("skipped", "skipped")):
        assert found.get(name) == str(len(list(found.iter(tag))))
    assert text.startswith('<?xml version="1.0" encoding="UTF-8"?>\n')
    assert text.endswith("</testsuites>\n")


def test_one_case_per_teacher_and_a_fail_is_a_failure() -> None:
    found = suite(EVERY_REPORT["three teachers"])
    cases = list(found.iter("testcase"))
    assert [case.get("name") for case in cases] == [
        "mod/text -> mod/audio",
        "mod/video -> mod/audio",
        "mod/raw -> mod/audio",
    ]
    assert results(EVERY_REPORT["three teachers"]) == ["passed", "failure", "skipped"]
    assert cases[1][0].get("message") == "3 estimators: interval below zero"
    assert cases[2][0].get("message") == "undecided: 3 estimators: interval straddles zero"
    assert "-0.695 [-0.815, -0.575]" in (cases[1][1].text or "")


def test_what_is_undecided_can_fail() -> None:
    case = EVERY_REPORT["three teachers"]
    assert results(case, undecided_fails=True) == ["passed", "failure", "failure"]


@pytest.mark.parametrize(
    ("gate", "expected", "things"),
    [
        ("verdict", ["failure"], ["verdict"]),
        ("outcome", ["passed"], ["training"]),
        ("both", ["failure", "passed"], ["verdict", "training"]),
    ],
)
def test_what_decides_is_a_case(gate: str, expected: list[str], things: list[str]) -> None:
    case = replace(confirmed_report("fail", "helps"), gate=gate)  # type: ignore[arg-type]
    assert results(case) == expected
    names = [test.get("classname") for test in suite(case).iter("testcase")]
    assert names == [f"cch-audit.{thing}" for thing in things]
    assert "Measured: KD helps" in "".join(suite(case).itertext())


def test_a_ranking_that_passes_fails_no_teacher() -> None:
    case = ranked_report(confirm=False)
    assert results(case) == ["passed", "passed", "skipped", "skipped", "skipped"]
    failed = replace(case, verdict="fail", decision="fail")
    assert results(failed)[3:] == ["failure", "failure"]


def test_a_sweep_fails_nothing() -> None:
    assert "failure" not in results(swept_report(), undecided_fails=True)
    skipped = suite(swept_report()).findall("testcase/skipped")
    assert str(skipped[-1].get("message")).startswith("fail (no gate here): ")


def test_names_are_text_and_what_xml_cannot_hold_is_gone() -> None:
    text = render(hostile_report(), "junit")
    assert "<img" not in text
    assert all(c.isprintable() or c == "\n" for c in text)
    name = 'a<b>&"]]>\ufffe\uffff'
    found = suite(report(audit(name)))
    (case,) = found.iter("testcase")
    assert str(case.get("name")).startswith('a<b>&"]]>')


def test_warnings_and_the_seed_are_properties() -> None:
    found = {p.get("name"): p.get("value") for p in suite(report()).iter("property")}
    assert found["seed"] == "0"
    assert found["warning 1"] == report().warnings[0]
    assert found["sha256"] == report().input.sha256
