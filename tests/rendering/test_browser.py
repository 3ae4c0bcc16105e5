"""Pages in a browser: on a phone and on a desk, in light and in dark."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cch_audit.rendering import render
from tests.browser import PROGRAM, Tab, browser
from tests.evidence.trials import ledger, trial

from .reports import EVERY_REPORT, HOSTILE

pytest.importorskip("matplotlib", reason="pages need the extra cch-audit[report]")
pytest.importorskip("jinja2", reason="pages need the extra cch-audit[report]")
if PROGRAM is None:
    pytest.skip(
        "no Chromium here to look at pages with (Debian: apt-get install chromium)",
        allow_module_level=True,
    )

PHONE, DESK = 360, 1280
NAMES = (
    "undecided",
    "confirmed regression",
    "hostile",
    "hostile ranking",
    "sweep",
)
OVERFLOWING = """
[...document.querySelectorAll("main *")].filter(e => !e.closest(".wide > *") &&
    e.getBoundingClientRect().right > document.documentElement.clientWidth + 1)
    .map(e => e.tagName + ": " + e.textContent.slice(0, 60))
"""
TEXT_BESIDE_PICTURES = """
[...document.querySelectorAll("svg")].filter(s => { const box = s.getBoundingClientRect();
    return [...s.querySelectorAll("text")].some(t => { const b = t.getBoundingClientRect();
        return b.left < box.left - 2 || b.right > box.right + 2 || b.top < box.top - 2 ||
            b.bottom > box.bottom + 2; }); }).length
"""


@pytest.fixture(scope="module")
def tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tab]:
    with browser(tmp_path_factory.mktemp("profile")) as opened:
        yield opened


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("pages")
    texts = {name: render(EVERY_REPORT[name], "html") for name in NAMES}
    trials = [trial("pass", "helps", teacher=name, file=i) for i, name in enumerate(HOSTILE)]
    texts["record"] = render(ledger(*trials), "html")
    paths = {name: folder / f"{number}.html" for number, name in enumerate(texts)}
    for name, path in paths.items():
        path.write_text(texts[name], encoding="utf-8")
    return paths


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Glyph")  # the font has no fire
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [PHONE, DESK])
@pytest.mark.parametrize("name", [*NAMES, "record"])
def test_a_page_fits_its_screen_and_loads_nothing(
    tab: Tab, pages: dict[str, Path], name: str, width: int, dark: bool
) -> None:
    tab.open(pages[name], width=width, dark=dark)
    assert tab.value("document.documentElement.clientWidth") == width
    assert tab.value("document.documentElement.scrollWidth") <= width
    assert tab.value(OVERFLOWING) == []
    assert tab.value(TEXT_BESIDE_PICTURES) == 0
    requested = [e["params"]["request"]["url"] for e in tab.events if _requests(e)]
    assert requested == [pages[name].as_uri()]
    assert "Log.entryAdded" not in tab.seen()


def _requests(event: dict[str, Any]) -> bool:
    return event.get("method") == "Network.requestWillBeSent"


@pytest.mark.slow
def test_dark_pages_are_dark_and_figures_stay_legible(tab: Tab, pages: dict[str, Path]) -> None:
    colors = {}
    for dark in (False, True):
        tab.open(pages["undecided"], width=DESK, dark=dark)
        colors[dark] = tab.value("getComputedStyle(document.body).backgroundColor")
        ink, paper = "getComputedStyle(document.body).color", "rgba(0, 0, 0, 0)"
        assert tab.value('getComputedStyle(document.querySelector("svg text")).fill') == tab.value(
            ink
        )
        assert paper == tab.value(
            'getComputedStyle(document.querySelector(".panel")).backgroundColor'
        )
    assert colors == {False: "rgb(255, 255, 255)", True: "rgb(21, 24, 27)"}
