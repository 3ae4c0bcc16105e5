"""Names that a shell, a terminal, a markup or a path could choke on."""

from shlex import quote
from typing import Any

import numpy as np

from .case import Builder, Case, h5, judged, text, wrong

ODD = {
    "unicode": "é 音 🙂",
    "combining": "e\u0301" * 5,
    "right_to_left": "\u202eabc",
    "blanks": "a  b",
    "dash": "-t",
    "two_dashes": "--help",
    "newline": "a\nb",
    "tab": "a\tb",
    "escape": "\x1b[31mred",
    "bell": "a\x07b",
    "markup": "[red]a[/red]",
    "open_markup": "[/]",
    "link": "[link=http://x]a",
    "html": "<script>alert(1)</script>",
    "ampersand": "a&amp;b",
    "pipe": "a|b",
    "percent": "%s%n{0}",
    "backslash": "a\\b",
    "quotes": "'a'\"b\"",
    "dots": "..",
    "star": "*",
    "formula": "=1+1",
    "long": "x" * 250,
}

FILE_NAMES = [name for name in ODD.values() if len(name) < 200 and "/" not in name]
FORMATS = ("table", "json", "markdown", "html", "junit", "csv", "names")


def with_teacher(name: str) -> Builder:
    """Return a file whose teacher has a name."""
    return h5({"representations/t": None, f"representations/{name}": _teacher}, teacher=name)


def _teacher(_: Any) -> np.ndarray:
    from .case import arrays

    values: np.ndarray = arrays()["representations/t"]
    return values


FILES: dict[str, Builder] = {
    **{f"name_{key}.h5": with_teacher(name) for key, name in ODD.items()},
    **{f"{name}.h5": h5() for name in FILE_NAMES},
    "name_not_utf8.h5": h5({b"representations/\xff\xfe": np.ones((240, 2))}, teacher="nowhere"),
    "no_attributes.h5": h5(teacher=None, student=None),
    "number_teacher.h5": h5(teacher=5),
    "list_teacher.h5": h5(teacher=["t", "nowhere"]),
    "missing_student.h5": h5(student="nobody"),
    "folder_student.h5": h5(student="representations"),
    "no_ending": h5(),
    "plain.h5": h5(),
    "[red].yaml": text("sede: 1"),
}

CASES = [
    # Names of datasets: one look into each file, one audit for each format.
    *[Case(f"cch-audit inspect name_{key}.h5", 0, ("check would run",)) for key in list(ODD)[::3]],
    *[
        judged(f"check name_{key}.h5 --format {format}")
        for key, format in zip(
            ("markup", "unicode", "pipe", "html", "ampersand", "formula", "newline"), FORMATS
        )
    ],
    judged("check name_escape.h5 --format table"),
    # Names of files that are.
    *[
        wrong(
            f"check --labels nowhere -- {quote(name + '.h5')}",
            "no dataset 'nowhere'",
            files=(f"{name}.h5",),
        )
        for name in FILE_NAMES
    ],
    wrong(f"check {'x' * 300}", "too long"),
    wrong(f"check {'x/' * 3000}", "too long"),
    wrong("check ''", "directory"),
    wrong("check ' '", "no such file"),
    wrong("check ~nobody_at_all/x.h5", "no such file"),
    wrong("check -", "no such file"),
    wrong("check /dev/null", "is not a regular file"),
    wrong("check /dev/stdin", "not a regular file"),
    wrong("check no_ending --labels nowhere", "no_ending: no dataset", files=("no_ending",)),
    wrong("check $'\\xff\\xfe.h5'", "no such file"),
    wrong("check plain.h5/representations", "plain.h5/representations"),
    # Names of datasets on the command line.
    *[
        wrong(
            f"check plain.h5 --student={quote(name)}", "plain.h5", "--student", "representations/t"
        )
        for name in list(ODD.values())[::6]
    ],
    wrong("check plain.h5 --student ' s'", "did you mean"),
    wrong("check plain.h5 --student S", "no dataset 'S'"),
    wrong("check plain.h5 --student //", "names no dataset"),
    wrong("check plain.h5 --teacher representations/t/x", "no dataset"),
    wrong("check plain.h5 --teacher /../t", "no dataset"),
    wrong("check plain.h5 --teachers ,", "--teachers ','", "names no teacher"),
    wrong("check plain.h5 --teacher ''", "names no dataset"),
    wrong("check plain.h5 --teachers t,,nowhere", "no dataset 'nowhere'"),
    wrong("check name_not_utf8.h5", "no dataset 'nowhere'"),
    wrong("check no_attributes.h5", "which the student is not said"),
    wrong("rank no_attributes.h5", "pass --student"),
    wrong("check number_teacher.h5", "attribute 'teacher'", "must be a string"),
    wrong("check list_teacher.h5", "no dataset 'nowhere'"),
    wrong("check missing_student.h5", "no dataset 'nobody'", "root attribute 'student'"),
    wrong("check folder_student.h5", "is a group"),
    wrong(
        "check plain.h5 --config '[red].yaml'",
        "[red].yaml",
        "nearest known one is 'seed'",
        files=("[red].yaml",),
    ),
]
