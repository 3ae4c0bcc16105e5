"""Options with values that are no numbers, out of range, of no choice, or against each other."""

from itertools import product
from shlex import quote

from .case import Builder, Case, h5, judged, wrong

FILES: dict[str, Builder] = {"plain.h5": h5(), "float_labels.h5": h5({"labels": lambda y: y + 0.5})}

NUMBERS: dict[str, tuple[str, tuple[str, ...]]] = {
    "--max-samples": ("check", ("-1", "49", "''")),
    "--max-bytes": ("check", ("0", "8GB")),
    "--seed": ("check", ("-1", "nan", "1.5", "''", "0x10")),
    "--resamples": ("check", ("199", "10000000000")),
    "--half-samples": ("check", ("9", "10000000000")),
    "--surrogates": ("check", ("-1", "10000000000")),
    "--jobs": ("check", ("all", "10000000000")),
    "--margin": ("check", ("nan", "-inf", "many", "1e999")),
    "--confidence": ("check", ("nan", "1", "95%")),
    "--seeds": ("confirm", ("1", "10000000000")),
    "--epochs": ("confirm", ("0", "10000000000")),
    "--hidden": ("confirm", ("0", "5000")),
    "--train-size": ("confirm", ("9", "240", "10000000000", "20,abc", "20.5")),
    "--labelled-rows": ("confirm", ("9", "many")),
    "--budget": ("confirm", ("-1", "nan")),
    "--metric": ("confirm", ("f1", "mse")),
    "--accept": ("confirm", ("luck",)),
    "--split-seed": ("confirm", ("1e3",)),
    "--min-effect": ("confirm", ("nan",)),
    "--temperature": ("confirm", ("''", "0", "inf", "1,,2")),
    "--weight": ("confirm", ("-1", "1", "nan", "0.5,")),
    "--top": ("rank", ("0",)),
    "--noise": ("sweep", ("''", "0", "nan,1", "0,1e9")),
    "--drop-columns": ("sweep", ("0,2",)),
    "--shuffle-rows": ("sweep", ("0.5",)),
    "--flip-labels": ("sweep", ("0,-0.1",)),
    "--over": ("sweep", ("noise",)),
}
"""An option, a command that has it, and values that it cannot have."""

SIMULATED = {
    "--n": ("49",),
    "--k": ("nan",),
    "--gap": ("9",),
    "--teacher-r2": ("1",),
    "--student-r2": ("-0.5",),
    "--p1": ("1001",),
    "--p2": ("-1",),
    "--train-size": ("x",),
    "--classes": ("1", "21"),
    "--seed": ("-1",),
    "--populations": ("0", "10000000000"),
}

CHOICES = {
    "--estimator": "kgs",
    "--rule": "most",
    "--task": "clustering",
    "--format": "xlsx",
}

CONTRADICTIONS: dict[str, tuple[str, ...]] = {
    "check": ("FILE",),
    "check plain.h5 plain.h5": ("unexpected extra argument",),
    "check plain.h5 --nosuch": ("--nosuch",),
    "check plain.h5 --seed": ("requires an argument",),
    "check plain.h5 --quiet=yes": ("--quiet",),
    "check plain.h5 --estimator ksg --estimator ksg": ("the same estimator twice",),
    "check plain.h5 --estimator ksg --rule mine": ("add --estimator mine",),
    "check plain.h5 --by gap": ("--by",),
    "check plain.h5 --plot a.gif": (".png, .svg, .pdf",),
    "check plain.h5 --plot a.svg --output a.svg": ("give each report its own file",),
    "check plain.h5 --plot a.svg --output ./a.svg": ("give each report its own file",),
    "confirm plain.h5 --runs no.csv": ("no.csv: cannot be read",),
    "confirm plain.h5 --runs plain.h5": ("or no text; save it again as CSV",),
    "confirm plain.h5 --runs a.csv --command b": ("give one of them",),
    "confirm plain.h5 --runs a.csv --hidden 8": ("--hidden says how heads are trained",),
    "confirm plain.h5 --command 'train {arm}'": ("--command needs --score-from",),
    "confirm plain.h5 --command 'train {arm}' --score-from a": ("has no {seed}",),
    "rank plain.h5 --by gain": ("add --confirm",),
    "sweep plain.h5": ("none is given",),
    "sweep plain.h5 --noise 0,1 --flip-labels 0,0.1": ("--noise, --flip-labels are given",),
    "sweep plain.h5 --over weight --weight 0.5": ("lists one value",),
    "sweep float_labels.h5 --over temperature": ("choose --over weight",),
    "inspect plain.h5 --format csv": ("'table', 'json'",),
    "config plain.h5": ("unexpected extra argument",),
    "evidence": ("RESULT.json",),
    "simulate": ("name the file to write",),
    "simulate out.h5 --verify": ("leave 'out.h5' away",),
    "simulate --verify --n 100": ("--n changes nothing",),
    "simulate out.h5 --k 1 --gap 1": ("give one of them",),
    "simulate out.h5 --classes 3": ("belongs to classpaired",),
    "simulate out.h5 --family noise --gap 1": ("--gap changes nothing",),
    "simulate out.h5 --p2 900 --train-size 3": ("train no student",),
    "simulate out.h5 --gap -7": ("a gap of -7 is asked for",),
    "simulate out.h5 --family calibrated --gap 8": ("a gap of 8 nats",),
    "nosuch": ("No such command 'nosuch'",),
    "''": ("No such command",),
}

CASES = [
    *[
        wrong(f"{command} plain.h5 {option}={value}", option)
        for option, (command, values) in NUMBERS.items()
        for value in values
    ],
    *[
        wrong(f"simulate out.h5{_kind} {option}={value}", option)
        for option, values in SIMULATED.items()
        for value in values
        for _kind in [" --kind classpaired" if option == "--classes" else ""]
    ],
    *[
        wrong(f"check plain.h5 {option} {quote(value)}", option, "is not one of")
        for option, value in CHOICES.items()
    ],
    *[wrong(line, *says) for line, says in CONTRADICTIONS.items()],
    *[
        wrong(f"{command} nowhere.h5{more}", "nowhere.h5: no such file")
        for command, more in product(("check", "confirm", "rank"), ("", " --quiet"))
    ],
    judged("check plain.h5 --seed 1000000000000000000000000000000"),
    judged("check plain.h5 --margin=-1000 --format json"),
    Case("cch-audit", 2, ("Usage",)),
    Case("cch-audit --help", 0, ("Usage",)),
    Case("cch-audit check --help --nosuch", (0, 2)),
    Case("cch-audit --version extra", 0, ("cch-audit",)),
]
