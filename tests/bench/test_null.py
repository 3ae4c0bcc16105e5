"""The bench of rows that depend on each other judges as a check does."""

import pytest

from tests.bench.null import ALL, judge


@pytest.mark.parametrize(("mode", "kinds"), [("known", []), ("unknown", ["near_copies"])])
def test_copies_are_in_doubt_unless_they_are_named(mode: str, kinds: list[str]) -> None:
    cell = judge("copies 2, jitter 0", mode, 300, "gaussian", 0)
    assert cell["doubts"] == kinds
    verdicts = cell["verdicts"]["representations"]
    assert verdicts["gaussian"] == verdicts[ALL]
    assert not kinds or verdicts[ALL] == "undecided"
    assert ("estimates" in cell) == (not kinds)
