"""Every setting, once: type, default and help; options, environment and config file read it."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from cch_audit.columns import names
from cch_audit.errors import InputError
from cch_audit.settings.declared import Settings, declared, setting
from cch_audit.settings.formats import formats, formats_of_anything

if TYPE_CHECKING:
    from cch_audit.results import Gate

Section = TypeVar("Section", bound=Settings)
_OUTPUT = (
    "Write to this file, in the format of its ending, instead of standard output, which is -; "
    "repeat for several."
)
RULES = ("all", "majority", "any")
"""Of several estimators; the name of one lets it decide alone."""

LevelName = Literal["representations", "predictions"]
MetricChoice = Literal[
    "auto", "accuracy", "log_loss", "brier", "weighted_f1", "macro_auc", "mse", "r2"
]


def _estimators() -> tuple[str, ...]:
    """Return the names of the estimators, whose registry builds on this module."""
    from cch_audit import estimators

    return estimators.names()


@dataclass(frozen=True)
class InputSettings(Settings):
    """Which rows and which datasets are read."""

    teacher: tuple[str, ...] = setting(
        (), "Teacher representation: a name, a dataset path or a source; repeat for several."
    )
    teachers: str | None = setting(None, "Teachers as one comma-separated list.")
    student: str | None = setting(
        None, "Student representation: a name, a dataset path or a source."
    )
    labels: str | None = setting(None, "Labels: a dataset path or a source.")
    predictions: tuple[str, ...] = setting(
        (), "Own predictions of a representation, as NAME=PATH; repeat for several.", rare=True
    )
    groups: str | None = setting(
        None,
        "Dataset that says which rows belong together (speaker, patient); none of them informs "
        "another.",
    )
    window: str | None = setting(
        None,
        "For rows in order: so many rows to either side do not inform a row; auto measures it.",
    )
    independent: bool = setting(
        False,
        "Say that the rows are independent (or the groups), though they look as if they were not.",
        rare=True,
    )
    ids: str | None = setting(
        None, "Dataset of row identifiers, used to join files and modalities."
    )
    split: str | None = setting(None, "Dataset that assigns each row to a split.", rare=True)
    rows: str | None = setting(None, "The value of the split whose rows are audited.", rare=True)
    task: Literal["auto", "classification", "regression"] = setting(
        "auto", "How to read the labels.", rare=True
    )
    teacher_file: str | None = setting(
        None, "Second HDF5 file that holds the teachers; rows are joined by id.", rare=True
    )
    max_samples: int = setting(
        10_000, "Most rows audited; more are subsampled, stratified and by whole groups.", low=50
    )
    max_bytes: int | None = setting(
        None,
        "Largest declared size of one dataset that will be read, in bytes; by default half of the "
        "free memory.",
        low=1,
        rare=True,
    )
    transpose: bool = setting(
        False,
        "Matrices have a column for each sample, as R, Julia and MATLAB write them.",
        rare=True,
    )
    seed: int = setting(0, "Seed of every random number.", low=0)

    def files(self, file: Path) -> list[Path]:
        """Return the files that are read: that of the student, and that of the teachers."""
        return [file, Path(self.teacher_file)] if self.teacher_file else [file]


@dataclass(frozen=True)
class IntervalSettings(Settings):
    """What every interval is asked."""

    confidence: float = setting(0.95, "Confidence level of every interval.", low=0.5, high=0.999)


@dataclass(frozen=True)
class AuditSettings(IntervalSettings):
    """How the informations are estimated and how the verdict is reached."""

    estimator: tuple[str, ...] = setting(
        ("ksg", "mine", "lmi"),
        "Estimator to run; repeat for several.",
        choices=_estimators,
        short="-e",
    )
    level: Literal["representations", "predictions", "both"] = setting(
        "representations",
        "Level that decides the verdict; the other one is shown too, without networks.",
        rare=True,
    )
    rule: str = setting(
        "all",
        "How the estimators' verdicts combine; an estimator's name lets it decide alone.",
        choices=lambda: (*RULES, *_estimators()),
        rare=True,
    )
    margin: float = setting(
        0.0, "Gap in nats that the verdict interval must clear.", low=-1000, high=1000
    )
    forecast: bool = setting(
        False,
        "Also forecast what training with each teacher gains, without any training; a gate or an "
        "order by the forecast implies it.",
    )
    resamples: int = setting(2000, "Bootstrap resamples.", low=200, high=1_000_000, rare=True)
    ci: Literal["pseudo", "half"] = setting(
        "pseudo", "Interval: bootstrap of pseudo-values, or the half-sample bootstrap.", rare=True
    )
    half_samples: int = setting(
        40, "Random halves the half-sample bootstrap draws.", low=10, high=10_000, rare=True
    )
    surrogates: int = setting(
        2,
        "Surrogate data sets on which each estimator's bias is measured, four times as many where "
        "nothing is trained and columns are few (ksg and gaussian on predictions), and fewer where "
        "they say as much; 0: none.",
        low=0,
        high=1000,
        rare=True,
    )
    jobs: int = setting(
        0, "Tasks run at the same time; 0 takes every core.", low=0, high=1024, rare=True
    )

    def __post_init__(self) -> None:
        """Refuse settings that contradict each other, too."""
        super().__post_init__()
        if not self.estimator:
            raise InputError("no estimator is named; name one with `estimator`")
        if len(set(self.estimator)) < len(self.estimator):
            raise InputError("`estimator` names the same estimator twice; name each once")
        if self.rule not in (*RULES, *self.estimator):
            raise InputError(
                f"`rule` {self.rule} needs that estimator; add `estimator` {self.rule} or choose "
                "another rule"
            )


@dataclass(frozen=True)
class HeadSettings(Settings):
    """Settings of the cross-fitted prediction heads."""

    n_folds: int = setting(3, "of the predictions", low=2, high=20)


@dataclass(frozen=True)
class EstimatorSettings:
    """What only a config file can change: the settings of estimators and of the heads."""

    sections: tuple[Settings, ...] = ()
    """Those that are not left at their defaults; of two of a kind, the first one counts."""

    def of(self, kind: type[Section]) -> Section:
        """Return the settings of that kind."""
        return next((found for found in self.sections if type(found) is kind), kind())


@dataclass(frozen=True)
class ForecastSettings(Settings):
    """How the student is to be trained, which a forecast and a training run both ask."""

    architecture: Literal["linear", "mlp"] = setting(
        "linear", "Head of teacher and student: linear, or with one hidden layer."
    )
    temperature: str = setting(
        "1,2,3,4", "Temperatures to choose from, separated by commas; classes only.", numbers=True
    )
    weight: str = setting(
        "0.2,0.3,0.5,0.7,0.8",
        "Weights of the teacher's term to choose from, from 0 to below 1.",
        numbers=True,
    )
    labelled_rows: int | None = setting(
        None, "How many labelled rows the student will have: this size decides.", low=10
    )
    min_effect: float = setting(
        0.01,
        "Smallest gain that matters, as a share of the metric's scale: of 1, of the entropy of the "
        "labels for log_loss, of their variance for mse.",
        low=0.0,
        high=1.0,
    )
    accept: Literal["transfer", "regularisation"] = setting(
        "transfer",
        "A gain of which cause counts as help: transfer, or regularisation too, where a control "
        "without the teacher's content does as well.",
    )


@dataclass(frozen=True)
class ConfirmationSettings(ForecastSettings):
    """The training run that checks a verdict."""

    train_size: str | None = setting(
        None,
        "Numbers of training rows, separated by commas; by default a few from two rows a column up "
        "to half of all rows.",
        numbers=True,
    )
    metric: MetricChoice = setting(  # noqa: RUF009 - a Literal, by its name
        "auto", "Metric that decides: auto is accuracy, or MSE for continuous labels."
    )
    seeds: int = setting(
        192,
        "Most repetitions, each with its own split; fewer where they decide.",
        low=2,
        high=10_000,
    )
    budget: float | None = setting(
        None, "Seconds after which no repetition begins.", low=0.0, high=1e9
    )
    epochs: int = setting(
        1000,
        "Most epochs of --architecture mlp, whose training ends once its validation loss has "
        "turned.",
        low=1,
        high=100_000,
        rare=True,
    )
    hidden: int = setting(
        64, "Width of the hidden layer of --architecture mlp.", low=1, high=4096, rare=True
    )
    split_seed: int = setting(0, "Seed of the splits and of the initial weights.", low=0, rare=True)
    fusion: bool = setting(
        False,
        "Also compare teacher and student as joint input, without and with distillation.",
        rare=True,
    )


@dataclass(frozen=True)
class OwnRunsSettings(Settings):
    """Training runs of the user's own, in place of heads.

    They have neither variable nor key: a settings file of somebody else runs no program.
    """

    runs: str | None = setting(
        None,
        "CSV file of finished training runs: columns arm, seed, score, optional split, train_size, "
        "teacher.",
    )
    command: str | None = setting(
        None, "Command that trains once, with {arm} and {seed}, optional {teacher}, {folder}."
    )
    score_from: str | None = setting(
        None, "JSON file that the command writes, with `score`; FILE:KEY for another key."
    )
    control: tuple[str, ...] = setting(
        (), "Further arm that the command knows, as uniform or shuffled; repeat for several."
    )
    runs_folder: str = setting(
        "cch-runs", "Folder that keeps what each run of the command printed, to go on from."
    )

    def __post_init__(self) -> None:
        """Refuse settings that contradict each other, or mean nothing alone, too."""
        super().__post_init__()
        if self.runs is not None and self.command is not None:
            raise InputError(
                "`runs` names finished runs and `command` makes new ones; give one of them"
            )
        if self.command is not None and self.score_from is None:
            raise InputError(
                "`command` needs `score_from`, the JSON file in which a run leaves its score"
            )
        for name in ("score_from", "control", "runs_folder"):
            default = next(one.default for one in declared(type(self)) if one.name == name)
            if self.command is None and getattr(self, name) != default:
                raise InputError(f"`{name}` is of `command`; add that, or leave it out")

    @property
    def given(self) -> bool:
        """Whether there are any."""
        return self.runs is not None or self.command is not None

    @property
    def files(self) -> list[Path]:
        """The files that are read, or would be gone on with."""
        if self.runs is not None:
            return [Path(self.runs)]
        return [] if self.command is None else [Path(self.runs_folder, "runs.csv")]


@dataclass(frozen=True)
class GateSettings(Settings):
    """What decides, and whether a training run is made that decides too."""

    gate: Literal["verdict", "forecast", "both"] = setting(
        "verdict", "What has to say yes: the verdict, the forecast, or both of them."
    )
    confirm: bool = setting(False, "Also train the student with and without each teacher.")
    require_confirmed: bool = setting(
        False, "Pass only if the training run, too, says that it helps."
    )

    @property
    def trains(self) -> bool:
        """Whether a training run is made."""
        return self.confirm or self.require_confirmed

    @property
    def decides(self) -> "Gate":
        """What the exit code follows."""
        gates: dict[str, tuple[Gate, Gate]] = {
            "verdict": ("verdict", "both"),
            "forecast": ("forecast", "forecast_outcome"),
            "both": ("verdict_forecast", "all"),
        }
        return gates[self.gate][self.require_confirmed]


@dataclass(frozen=True)
class EarlySettings(Settings):
    """Whether more is measured than the verdict needs."""

    stop_early: bool = setting(False, "Measure no more than the verdict needs: for gates.")


@dataclass(frozen=True)
class OrderSettings(Settings):
    """By what teachers are ordered."""

    by: str = setting(
        "gap",
        "Column that orders the teachers; gap is the lower end of the gated one.",
        choices=names,
    )


@dataclass(frozen=True)
class RankSettings(OrderSettings):
    """How teachers are ordered, and which are shown."""

    top: int | None = setting(None, "Report the first teachers only, so many.", low=1)
    controls: bool = setting(
        False, "Add teachers that teach nothing, to see which columns are fooled."
    )


@dataclass(frozen=True)
class MapSettings(Settings):
    """Which pairs a study is about, and how its matrix is laid out."""

    files: tuple[str, ...] = setting(
        (), "HDF5 files, for a study file: those that the command line names take their place."
    )
    students: str | None = setting(
        None, "Students as one comma-separated list; by default every representation."
    )
    pairs: tuple[str, ...] = setting(
        (),
        "A pair, TEACHER->STUDENT; repeat for several. By default each teacher with each student.",
    )
    label_sets: str | None = setting(
        None, "Labels of each file as one comma-separated list, where there are several."
    )
    order: Literal["given", "clustered"] = setting(
        "given", "Order of the matrix: as in the file, or with those side by side that are alike."
    )


@dataclass(frozen=True)
class BackendSettings(Settings):
    """Where parts are computed; no number depends on it."""

    backend: Literal["threads", "processes", "dask"] = setting(
        "threads", "Where tasks run: in threads, in processes, or on the workers of a Dask cluster."
    )
    scheduler: str | None = setting(
        None,
        "Address of a Dask scheduler, as tcp://host:8786; without one dask starts workers here.",
    )

    def __post_init__(self) -> None:
        """Refuse an address that nobody asks, too."""
        super().__post_init__()
        if self.scheduler is not None and self.backend != "dask":
            raise InputError("`scheduler` is of `backend` dask; add that, or leave it out")


@dataclass(frozen=True)
class SweepSettings(Settings):
    """What a sweep changes step by step; exactly one of these."""

    noise: str | None = setting(
        None,
        "Noise added to the teacher, in standard deviations of each column: 0,0.5,1,2,4.",
        numbers=True,
    )
    drop_columns: str | None = setting(
        None, "Shares of the teacher's columns that are left out: 0,0.25,0.5,0.75,1.", numbers=True
    )
    shuffle_rows: str | None = setting(
        None, "Shares of the teacher's rows that are shuffled: 0,0.25,0.5,0.75,1.", numbers=True
    )
    flip_labels: str | None = setting(
        None,
        "Shares of wrong labels that the teacher's head learns from: 0,0.1,0.2,0.4.",
        numbers=True,
    )
    over: Literal["temperature", "weight"] | None = setting(
        None, "Keep the teacher, and train at each value of --temperature or --weight in turn."
    )


@dataclass(frozen=True)
class WorkSettings(Settings):
    """Where parts of an audit are kept, so that another one need not compute them again."""

    cache: str | None = setting(
        None, "Folder that keeps what was computed; by default that of the user.", rare=True
    )
    no_cache: bool = setting(
        False, "Neither use what was computed before nor keep anything.", rare=True
    )

    def __post_init__(self) -> None:
        """Refuse a folder that is not to be used, too."""
        super().__post_init__()
        if self.no_cache and self.cache is not None:
            raise InputError("`cache` names a folder that `no_cache` forbids; give one of them")


@dataclass(frozen=True)
class OutputSettings(Settings):
    """What is printed, where, and what the exit code says."""

    format: str = setting(
        "table", "Format of the report, where no ending of a file says otherwise.", choices=formats
    )
    output: tuple[str, ...] = setting((), _OUTPUT, short="-o")
    plot: str | None = setting(
        None, "Also draw the figure into this file, FILE.png, FILE.svg or FILE.pdf."
    )
    units: Literal["nats", "bits"] = setting(
        "nats", "Unit of the printed informations; JSON stays in nats."
    )
    quiet: bool = setting(False, "No progress, no summary sentence on standard error.", short="-q")
    brief: bool = setting(False, "Verdict, gap, reason and next step only, in a few lines.")
    verbose: bool = setting(False, "More detail: standard errors, bias, drift, flags, settings.")
    exit_zero: bool = setting(False, "Exit 0 whatever the verdict; errors keep their codes.")
    undecided: Literal["pass", "fail", "undecided"] = setting(
        "undecided", "Exit code for an undecided verdict: that of pass, fail or its own."
    )


@dataclass(frozen=True)
class ReportSettings(Settings):
    """What finished reports are held against."""

    baseline: str | None = setting(
        None, "JSON report of an earlier run; exit 1 if a verdict is worse than in it."
    )


@dataclass(frozen=True)
class InspectSettings(Settings):
    """What `inspect` prints, and where."""

    format: str = setting("table", "Format of the description.", choices=formats_of_anything)
    output: tuple[str, ...] = setting((), _OUTPUT, short="-o")
    verbose: bool = setting(False, "Show every dataset, also what has no role.")


@dataclass(frozen=True)
class PackSettings(Settings):
    """Which sources `pack` reads beside the representations, and what it names."""

    teacher: tuple[str, ...] = setting(
        (), "Name of the representation that is the teacher; repeat for several."
    )
    student: str | None = setting(None, "Name of the representation that is the student.")
    labels: str | None = setting(None, "Labels: a source, such as y.csv:label.")
    predictions: tuple[str, ...] = setting(
        (), "Own predictions of a representation, as NAME=SOURCE; repeat for several."
    )
    groups: str | None = setting(None, "Source that says which rows belong together.")
    ids: str | None = setting(
        None, "Source of row identifiers; what has ids of that name is joined by them."
    )
    split: str | None = setting(None, "Source that assigns each row to a split.")
    max_bytes: int | None = setting(
        None,
        "Largest declared size of one source that will be read, in bytes; by default half of the "
        "free memory.",
        low=1,
    )
    force: bool = setting(False, "Replace a file that exists.")


@dataclass(frozen=True)
class SimulateSettings(Settings):
    """What `simulate` draws."""

    kind: Literal["gaussian", "world", "classpaired"] = setting(
        "gaussian",
        "Joint Gaussian; classes with four teachers; or the control whose gap cannot be positive.",
    )
    family: Literal["exact", "calibrated", "random", "negated", "shrunk", "noise"] = setting(
        "exact", "Which joint Gaussian: a family, or a counterexample."
    )
    n: int = setting(3000, "Rows.", low=50, high=1_000_000)
    k: float | None = setting(
        None,
        "Teacher t = s + k e of --family exact; 0.5 unless --gap is given.",
        low=-1000,
        high=1000,
    )
    gap: float | None = setting(
        None,
        "Gap in nats of --family exact, or of calibrated (there by default 0.5).",
        low=-8,
        high=8,
    )
    teacher_r2: float = setting(
        0.8, "Var(t) / Var(y) of --family calibrated, the teacher's quality.", low=0.001, high=0.999
    )
    student_r2: float = setting(
        0.6, "Var(s) / Var(y) of the joint Gaussian, the student's quality.", low=0.001, high=0.999
    )
    p1: int = setting(4, "Columns of the joint Gaussian's teacher.", low=1, high=1000)
    p2: int = setting(4, "Columns of the joint Gaussian's student.", low=1, high=1000)
    train_size: int | None = setting(
        None,
        "Training rows for which the effect of distillation is stored; by default half of the "
        "rows, at most 400.",
        low=3,
    )
    classes: int = setting(4, "Classes of --kind classpaired.", low=2, high=20)
    seed: int = setting(0, "Seed of every random number.", low=0)
    force: bool = setting(False, "Replace a file that exists.")


@dataclass(frozen=True)
class TheoremSettings(Settings):
    """How the theorem is replayed."""

    verify: bool = setting(
        False, "Write no file; replay the theorem on random joint Gaussians and print the record."
    )
    populations: int = setting(20_000, "Joint Gaussians of --verify.", low=100, high=100_000_000)
    format: str = setting("table", "Format of its record.", choices=formats_of_anything)
    output: tuple[str, ...] = setting((), _OUTPUT, short="-o")


@dataclass(frozen=True)
class EvidenceSettings(Settings):
    """What `evidence` counts and prints, and where."""

    metric: MetricChoice = setting(  # noqa: RUF009 - a Literal, by its name
        "auto",
        "Metric by which outcomes are counted: auto is the one that decided each training run, and "
        "a gain counts where it is a transfer; with another one gains of any cause count.",
    )
    controls: bool = setting(False, "Count teachers that teach nothing, too.")
    resample: Literal["files", "folders"] = setting(
        "files",
        "What intervals resample: audited files, or the folders of the reports, one for all files "
        "that share their data.",
    )
    format: str = setting("table", "Format of the record.", choices=formats_of_anything)
    output: tuple[str, ...] = setting((), _OUTPUT, short="-o")
    plot: str | None = setting(
        None, "Also draw the figure into this file, FILE.png, FILE.svg or FILE.pdf."
    )
    quiet: bool = setting(False, "No summary sentence on standard error.", short="-q")


def plain(settings: Any) -> dict[str, Any]:
    """Return settings as a dict that YAML and JSON can hold."""
    return {
        key: list(value) if isinstance(value, tuple) else value
        for key, value in asdict(settings).items()
    }
