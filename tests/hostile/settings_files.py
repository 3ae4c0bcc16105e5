"""Settings files of YAML, and variables of the environment, that say nothing sensible."""

from shlex import quote

from .case import Builder, Case, text, wrong

YAML: dict[str, tuple[str | bytes, str]] = {
    "unknown": ("sede: 1", "unknown key 'sede'; the nearest known one is 'seed'"),
    "unknown_inside": ("ksg: {neighbors: 5}", "unknown key 'neighbors'"),
    "newline_key": ('"a\\nb": 1', "unknown key"),
    "nested": ("student: {a: 1}", "student: expected a value"),
    "list_for_number": ("seed: [1, 2]", "--seed"),
    "date_for_choice": ("over: 2020-01-01", "--over"),
    "bad_date": ("margin: 2020-13-45", "is not valid YAML"),
    "inf": ("margin: .inf", "--margin"),
    "digits": (f"seed: {'9' * 5000}", "is not valid YAML"),
    "huge_neighbors": ("ksg: {n_neighbors: 1" + "0" * 400 + "}", "expected a whole number"),
    "binary": ("student: !!binary aGVsbG8=", "student: expected a value"),
    "python": ("seed: !!python/object/apply:os.getcwd []", "could not determine a constructor"),
    "bool_tag": ("quiet: !!bool x", "is not valid YAML"),
    "anchor": ("seed: &a 1\nsplit_seed: *a", "aliases are not allowed"),
    "twice_spelled": ("max-samples: 100\nmax_samples: 500", "are the same key"),
    "twice_inside": ("ksg: {n_pairs: 1, n_pairs: 2}", "is given twice"),
    "documents": ("seed: 1\n---\nseed: 2", "is not valid YAML"),
    "deep": ("seed: " + "[" * 3000, "is nested too deeply"),
    "deep_keys": ("a: " * 500, "is not valid YAML"),
    "long": ("# " + "x" * 200_000, "is larger than"),
    "not_utf8": (b"seed: \xff\xfe", "is not valid YAML"),
    "section_nan": ("mine: {learning_rate: .nan}", "expected a number"),
    "choice_nested": ("estimator: [[ksg]]", "expected a value"),
    "predictions": ("predictions: {t: labels}", "predictions: expected a value"),
}

BAD = {
    "SEED": "one",
    "MAX_BYTES": "1GB",
    "MARGIN": "nought",
    "CONFIDENCE": "95",
    "JOBS": "all",
    "ESTIMATOR": "ksg,lmi",
    "QUIET": "perhaps",
    "CONFIRM": "[red]",
    "BY": "luck",
}
"""A value that each variable cannot have."""

LATER = {
    "CCH_AUDIT_CONFIG=nowhere.yaml": ("config", "nowhere.yaml: cannot be read"),
    "CCH_AUDIT_CONFIG=.": ("config", "cannot be read"),
    "CCH_AUDIT_CONFIG=set_unknown.yaml": ("config", "unknown key 'sede'"),
    "CCH_AUDIT_OUTPUT=nowhere/x": ("check nowhere.h5", "the folder"),
    "CCH_AUDIT_OUTPUT=.": ("check nowhere.h5", "is a folder"),
    "CCH_AUDIT_PLOT=a.gif": ("check nowhere.h5", "--plot"),
    "CCH_AUDIT_MARGIN=nan": ("check nowhere.h5", "--margin"),
    "CCH_AUDIT_SEEDS=1": ("confirm nowhere.h5", "--seeds"),
    "CCH_AUDIT_WEIGHT=2": ("confirm nowhere.h5", "--weight"),
    "CCH_AUDIT_TEMPERATURE=cold": ("confirm nowhere.h5", "--temperature"),
    "CCH_AUDIT_NOISE=x": ("sweep nowhere.h5", "--noise"),
    "CCH_AUDIT_ESTIMATOR='ksg ksg'": ("check nowhere.h5", "twice"),
}

FILES: dict[str, Builder] = {
    **{f"set_{name}.yaml": text(content) for name, (content, _) in YAML.items()},
    "empty.yaml": text(""),
    "comment.yaml": text("# nothing\n---\n...\n"),
    "mark.yaml": text(b"\xef\xbb\xbfseed: 3\n"),
    "windows.yaml": text("seed: 3\r\nmargin: 0.5\r\n"),
}

CASES = [
    *[wrong(f"config --config set_{name}.yaml", said) for name, (_, said) in YAML.items()],
    wrong("check nowhere.h5 --config set_twice_inside.yaml", "given twice"),
    wrong("config --config nowhere.yaml", "nowhere.yaml: cannot be read"),
    wrong("config --config .", "cannot be read", "--config"),
    wrong("config --config ''", "--config"),
    wrong("config --config /dev/zero", "/dev/zero"),
    Case("cch-audit config --config /dev/null", 0, ("seed: 0",)),
    Case("cch-audit config --config empty.yaml", 0, ("seed: 0",)),
    Case("cch-audit config --config comment.yaml", 0, ("seed: 0",)),
    Case("cch-audit config --config mark.yaml", 0, ("seed: 3",)),
    Case("cch-audit config --config windows.yaml", 0, ("margin: 0.5",)),
    *[
        Case(
            f"CCH_AUDIT_{name}={quote(value)} cch-audit config",
            2,
            (f"--{name.lower().replace('_', '-')}",),
        )
        for name, value in BAD.items()
    ],
    *[
        Case(f"{assignment} cch-audit {command}", 2, (said,))
        for assignment, (command, said) in LATER.items()
    ],
    Case("CCH_AUDIT_NOSUCH=1 CCH_AUDIT_=2 cch-audit config", 0, ("seed: 0",)),
    Case("CCH_AUDIT_SEED= CCH_AUDIT_CONFIG= cch-audit config", 0, ("seed: 0",)),
    Case("CCH_AUDIT_STUDENT=$'\\xff' cch-audit config", (0, 2)),
    Case("COLUMNS=nan cch-audit check --help", 0, ("Usage",)),
    Case("COLUMNS=-5 TERM=nosuch cch-audit check --help", 0, ("Usage",)),
    Case("LC_ALL=nosuch LANG=nosuch PYTHONIOENCODING=ascii cch-audit config", 0, ("seed: 0",)),
]
