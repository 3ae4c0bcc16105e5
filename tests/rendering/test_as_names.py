from cch_audit.rendering import render

from .reports import EVERY_REPORT, HOSTILE, hostile_report, ranked_report


def test_a_check_keeps_its_order() -> None:
    assert render(EVERY_REPORT["three teachers"], "names") == "mod/text\nmod/video\nmod/raw\n"


def test_a_ranking_leaves_controls_out() -> None:
    names = render(ranked_report(), "names").splitlines()
    assert names[:2] == ["transcriptome/expression_top200", "proteins"]
    assert len(names) == 5


def test_one_printable_line_per_name() -> None:
    lines = render(hostile_report(), "names").split("\n")
    assert len(lines) == len(HOSTILE) + 1
    assert all(line.isprintable() for line in lines)
