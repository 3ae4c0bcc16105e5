"""The page: well-formed, self-contained, and no name in it is markup."""

import base64
import hashlib
import json
import re
from collections import Counter
from dataclasses import replace
from functools import cache
from html.parser import HTMLParser

import pytest

from cch_audit.rendering.summary import summary
from cch_audit.rendering.text import printable
from cch_audit.results import Report
from cch_audit.settings.formats import Units
from tests.evidence.trials import ledger, trial

from .reports import (
    EVERY_REPORT,
    HOSTILE,
    audit,
    confirmed_report,
    hostile_report,
    known_report,
    ranked_report,
    report,
    swept_report,
)

pytest.importorskip("matplotlib", reason="pages need the extra cch-audit[report]")
pytest.importorskip("jinja2", reason="pages need the extra cch-audit[report]")

from cch_audit.rendering import render

pytestmark = pytest.mark.filterwarnings("ignore:Glyph")  # the font has no fire
every_report = pytest.mark.parametrize("name", EVERY_REPORT)
VOID = {"meta", "br"}
LOADING = {"src", "srcset", "data", "action", "poster", "xlink:href", "background", "ping"}


def html(case: Report, units: Units = "nats") -> str:
    return render(case, "html", units=units)


class Reader(HTMLParser):
    """Checks nesting, and keeps elements and text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] not in (["style"], ["script"]):
            self.text += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def read(case: Report) -> Reader:
    return Reader(html(case, units="nats"))


@cache
def page(name: str) -> str:
    return html(EVERY_REPORT[name], units="nats")


def words(text: str) -> str:
    return " ".join(text.split())


@pytest.mark.slow
@every_report
def test_a_page_is_well_formed_and_loads_and_runs_nothing(name: str) -> None:
    text = page(name)
    found = Reader(text)
    assert not {"link", "img", "image", "iframe", "object", "base", "form"} & {
        tag for tag, _ in found.elements
    }
    # One script, which the policy knows by its hash, and one block of data.
    (script,) = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in text
    assert [attributes.get("type") for attributes in found.all("script")] == [
        "application/json",
        None,
    ]
    for _, attributes in found.elements:
        assert not LOADING & set(attributes)
        assert not [name for name in attributes if name.startswith("on")]
        assert (attributes.get("href") or "#").startswith("#")
    styles = re.findall(r"<style.*?</style>", text, re.DOTALL)
    assert not re.search(r"url\((?!#)|@import", "".join(styles))
    assert "default-src 'none'" in text
    assert text.endswith("</html>\n")
    assert all(c.isprintable() or c == "\n" for c in text)


@pytest.mark.slow
@every_report
def test_ids_are_there_once_and_links_lead_to_them(name: str) -> None:
    found = Reader(page(name))
    ids = Counter(attributes["id"] for _, attributes in found.elements if "id" in attributes)
    assert set(ids.values()) <= {1}
    for _, attributes in found.elements:
        target = (attributes.get("href") or "").removeprefix("#")
        clip = re.sub(r"url\(#(.*)\)", r"\1", attributes.get("clip-path") or "")
        assert {target, clip} - {""} <= set(ids)


@pytest.mark.slow
@every_report
def test_the_verdict_comes_first_and_all_else_is_there(name: str) -> None:
    case, found = EVERY_REPORT[name], Reader(page(name))
    text = words(found.text)
    says = words(summary(case))
    order = [says, "What was tested", "What came out", "What to do next", "How it was done"]
    places = [text.index(part) for part in order]
    assert places == sorted(places)
    for warning in map(printable, case.warnings):
        assert text.index(words(f"Warning: {warning}")) < places[1]
    for value in (case.input.sha256, str(case.seed), "verdict interval", "margin"):
        assert value in text
    assert len(found.all("svg")) == len(found.all("figure")) >= 1
    assert len(found.all("h1")) == 1


@pytest.mark.slow
@every_report
def test_the_page_carries_the_report(name: str) -> None:
    pattern = r'<script type="application/json" id="report">(.*?)</script>'
    (carried,) = re.findall(pattern, page(name), re.DOTALL)
    assert json.loads(carried) == json.loads(render(EVERY_REPORT[name], "json"))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["confirmed", "ranking", "swept temperatures"])
def test_the_same_report_is_the_same_page(name: str) -> None:
    assert html(EVERY_REPORT[name], units="nats") == page(name)


@pytest.mark.slow
def test_names_are_no_markup() -> None:
    text = html(hostile_report(), units="nats")
    assert "<img" not in text
    assert "a|b`c`&lt;img src=x&gt;*d*_e_" in text
    assert HOSTILE["long"] in text
    name = """<script>alert(1)</script><svg onload=x>"'&amp;{{ 7 * 7 }}{% x %}</style></title>"""
    base = report(audit(name, name))
    text = html(replace(base, command=name, warnings=(name,)), units="nats")
    assert text.count("<script") == 2
    assert "{{ 7 * 7 }}" in text
    assert "<svg onload" not in text
    assert Reader(text).text.count(name) >= 5


def test_a_failed_audit_explains_itself() -> None:
    text = words(read(report(audit(verdict="fail"), verdict="fail")).text)
    for said in (
        "Distilling mod/text into mod/audio is not expected to help",
        "Does the criterion hold?",
        "Knowledge distillation trains a student",
        "FAIL: it is below",
        "Do not count on a gain from this teacher. Look for another one: cch-audit rank",
        "a fail does not rule a gain out",
        "I(teacher;labels|student) = 0.302 [0.202, 0.402]",
    ):
        assert said in text


def test_a_doubt_is_what_to_do_something_about() -> None:
    text = words(read(EVERY_REPORT["doubted"]).text)
    assert "Name what rows come from with --groups." in text
    for unsaid in ("Give --window auto", "Do not decide by this audit alone"):
        assert unsaid not in text


@pytest.mark.slow
def test_what_to_do_follows_from_what_training_showed() -> None:
    said = {
        "helps": "Distil: the student got better with this teacher. Start from temperature 3 and "
        "weight 0.3, which most repetitions chose.",
        "hurts": "Do not distil from this teacher",
        "no_change": "a gain of 0.0050 accuracy or more is excluded",
        "undecided": "Training could not tell: about 1,300 more rows or about 70 more repetitions "
        "would.",
    }
    for outcome, words_ in said.items():
        text = words(read(confirmed_report("pass", outcome)).text)  # type: ignore[arg-type]
        assert words_ in text
        assert [other in text for other in said.values()].count(True) == 1


def test_several_teachers_are_told_apart() -> None:
    text = words(read(EVERY_REPORT["three teachers"]).text)
    assert "The criterion holds for 1 of 3 teachers of mod/audio" in text
    assert "mod/video: Do not count on a gain from this teacher." in text
    assert "mod/raw: Do not decide by this audit alone." in text
    assert "Teacher mod/raw UNDECIDED" in text


def test_a_gate_on_training_says_what_training_showed_first() -> None:
    base = confirmed_report("fail", "helps")
    text = words(read(replace(base, gate="outcome", decision="pass")).text)
    assert "Distilling mod/text into mod/audio helped in a quick training run" in text


@pytest.mark.slow
def test_a_ranking_says_which_teacher_to_take() -> None:
    text = words(read(ranked_report()).text)
    assert "If a teacher is taken, take transcriptome/expression_top200, the first" in text
    assert "How well each column foretold the measured change" in text
    none = replace(ranked_report(confirm=False), verdict="fail", decision="fail")
    assert "No teacher passes" in words(read(none).text)


@pytest.mark.slow
def test_a_sweep_decides_nothing() -> None:
    found = read(swept_report())
    assert "Sweep: noise added to mod/text, in standard deviations of each column" in found.text
    assert "badge" not in html(swept_report(), units="nats").partition("<h1>")[2].split("</h1>")[0]
    assert len(found.all("svg")) == 1 + 2 * 4


def test_the_truth_and_the_units_are_shown() -> None:
    assert "0.812" in read(known_report()).text
    bits = words(Reader(html(report(), units="bits")).text)
    assert "1.781 [1.637, 1.925]" in bits.replace("1.781[", "1.781 [")
    assert "in bits" in bits


def test_notes_on_the_training_run_are_read_before_advice() -> None:
    text = words(read(confirmed_report("pass", "helps")).text)
    note, advice = "The gain is larger than that of every control", "First read the notes on"
    assert text.index("What came out") < text.index(note) < text.index(advice)


def test_a_teacher_that_stays_is_advised_on_its_training() -> None:
    assert "Distil at a temperature at which it helps" in page("swept temperatures")


def test_the_record_is_a_page_too() -> None:
    found = ledger(
        *(trial("pass", "helps", teacher="<img src=x>$a$", file=i) for i in range(3)),
        warnings=("Beware of <b>this</b>.",),
    )
    text = render(found, "html")
    shown = Reader(text)
    assert "<img" not in text
    assert "<b>" not in text
    assert "The CCH verdict is right in 3 of 3 decided trials" in words(shown.text)
    assert "<img src=x>$a$" in shown.text
    assert len(shown.all("svg")) == 1
    assert render(found, "html") == text
