import subprocess
import sys
from typing import get_args

import pytest

from cch_audit.rendering import Format, as_csv, as_json, as_names, markdown, render, terminal
from cch_audit.rendering.reports import document

from .reports import report


def test_each_format_has_its_renderer() -> None:
    case = report()
    assert render(case, "json", units="bits") == as_json.render(case)
    assert render(case, "csv", units="bits") == as_csv.render(case, units="bits")
    assert render(case, "names") == as_names.render(case)
    assert render(case, "markdown") == markdown.draw(document(case, "nats"))
    assert render(case, "table", width=200, unicode=False) == terminal.draw(
        document(case, "nats", unicode=False), width=200, unicode=False
    )


@pytest.mark.parametrize("format", get_args(Format))
def test_ends_in_one_newline(format: Format) -> None:
    text = render(report(), format)
    assert text.endswith("\n")
    assert not text.endswith("\n\n")


def test_importing_the_package_does_not_import_rich() -> None:
    code = "import sys, cch_audit.rendering; sys.exit('rich' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
