"""Mutual-information estimators: what each is, and `estimate`, which runs one by its name."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, Any, Protocol, cast

from cch_audit.errors import InputError
from cch_audit.settings import RULES, EstimatorSettings, HeadSettings, plain
from cch_audit.settings.declared import Settings, setting

if TYPE_CHECKING:
    import numpy as np

    from cch_audit.dependence.units import Dependence
    from cch_audit.estimators.contract import Estimate
    from cch_audit.rows import FloatArray, IntArray

GROUP = "cch_audit.estimators"
"""Entry points of other packages' estimators, by name; the object of each is an `Estimator`."""
COPIES = 5
"""Copies of its columns that an estimator holds at the same time."""
VALIDATION_ROWS = 1000
"""Most rows on which MINE's training is watched; the critic is evaluated on all pairs of them."""
HELD_OUT_PAIRS = 2**22
"""Pairs of held-out rows on which a critic is evaluated at a time."""


class Implementation(Protocol):
    """The module that does the work."""

    def estimate(
        self,
        x: "FloatArray",
        y: "FloatArray | IntArray",
        rng: "np.random.Generator",
        settings: Any,
        dependence: "Dependence | None",
    ) -> "Estimate":
        """Estimate I(x; y) in nats, as `cch_audit.estimators.estimate` says."""


def _of_columns(n_samples: int, n_columns: int, settings: Any) -> float:
    """Return the bytes of the copies of the columns, in float64."""
    return 8.0 * COPIES * n_samples * n_columns


def _of_scores(n_samples: int, n_columns: int, settings: Any) -> float:
    """Return the bytes of normal scores and of a fold of them, in float64."""
    return 24.0 * n_samples * n_columns


@dataclass(frozen=True)
class Estimator:
    """What is known of an estimator before its module is imported."""

    name: str
    """In lower case: the value of an option, and a section of the settings file."""
    meaning: str
    """What it does, for a reader of a report."""
    module: str
    """The `Implementation`; imported when the estimator runs, so it may be slow to load."""
    settings: type[Settings]
    """A class of its own; with a setting `n_seeds`, halves and surrogates run with one seed."""
    cost: float = 1.0
    """Rough seconds of one estimate relative to `ksg`, for order and progress alone."""
    trains: bool = False
    """Whether it trains networks."""
    is_reference: bool = False
    """Whether it decides only when it is alone or named by the rule."""
    is_steady: bool = False
    """Whether its pseudo-values tell how it moves from one sample to the next, as training and
    fitting by chance add little: then fewer surrogates say as much about its bias."""
    memory: Callable[[int, int, Any], float] = _of_columns
    """About how many bytes it takes for so many rows, columns of x and y, and its settings."""


@dataclass(frozen=True)
class KsgSettings(Settings):
    """Settings of the nearest-neighbour estimator."""

    n_neighbors: int = setting(3, "of each row", low=1, high=20)
    n_pairs: int = setting(16, "of the calibration, at most; 0: none", low=0, high=64)


@dataclass(frozen=True)
class MineSettings(Settings):
    """Settings of the neural Donsker-Varadhan estimator."""

    n_folds: int = setting(4, "rows are held out once", low=2, high=20)
    n_seeds: int = setting(2, "networks that are averaged", low=1, high=20)
    hidden: int = setting(64, "width of the hidden layers", low=1, high=4096)
    embedding: int = setting(16, "factors of the critic", low=1, high=1024)
    batch_size: int = setting(128, "rows of one step", low=16, high=65536)
    max_steps: int = setting(300, "of training, at most", low=1, high=100_000)
    learning_rate: float = setting(1e-2, "of the networks", low=1e-08, high=1)
    weight_decay: float = setting(1e-3, "of the networks", low=0, high=10)


@dataclass(frozen=True)
class LmiSettings(Settings):
    """Settings of the latent-space estimator."""

    n_folds: int = setting(2, "rows are held out once", low=2, high=20)
    n_seeds: int = setting(2, "networks that are averaged", low=1, high=20)
    hidden: int = setting(64, "width of the hidden layers", low=1, high=4096)
    latent: int = setting(8, "dimensions, at most", low=1, high=256)
    n_neighbors: int = setting(3, "of each row", low=1, high=20)
    batch_size: int = setting(128, "rows of one step", low=16, high=65536)
    max_steps: int = setting(200, "of training, at most", low=1, high=100_000)
    learning_rate: float = setting(5e-3, "of the networks", low=1e-08, high=1)
    weight_decay: float = setting(1e-3, "of the networks", low=0, high=10)


@dataclass(frozen=True)
class GaussianSettings(Settings):
    """Settings of the canonical-correlation estimator."""

    n_folds: int = setting(5, "rows are held out once", low=2, high=20)


def _of_critic(n_samples: int, n_columns: int, settings: MineSettings) -> float:
    """Return the bytes of the critic's pairs, or of the columns if these take more.

    Each model has the pairs of its validation rows, and closed forms of all rows; held-out pairs
    are there by blocks. All pairs are there as the critic, its parts and their exponentials.
    """
    n_models = settings.n_folds * settings.n_seeds
    validation = min(VALIDATION_ROWS, n_samples // 5)
    held_out = min(HELD_OUT_PAIRS, (n_samples // settings.n_folds) ** 2)
    of_pairs = 24.0 * (n_models * validation**2 + held_out)
    of_critic = of_pairs + 12.0 * n_models * n_samples * n_columns
    return max(_of_columns(n_samples, n_columns, settings), of_critic)


OWN = (
    Estimator(
        name="ksg",
        meaning="nearest neighbours (Kraskov 2004; Ross 2014 for classes; Gao 2017 for ties); in "
        "many dimensions biased towards zero",
        module="cch_audit.estimators.ksg",
        settings=KsgSettings,
        is_steady=True,
    ),
    Estimator(
        name="mine",
        meaning="the Donsker-Varadhan bound with a neural critic (Belghazi 2018), on rows that the "
        "critic did not see",
        module="cch_audit.estimators.mine",
        settings=MineSettings,
        cost=6.0,
        trains=True,
        is_steady=True,
        memory=_of_critic,
    ),
    Estimator(
        name="lmi",
        meaning="nearest neighbours on latent spaces of few dimensions that networks learn (Gowri "
        "2024)",
        module="cch_audit.estimators.lmi",
        settings=LmiSettings,
        cost=4.0,
        trains=True,
    ),
    Estimator(
        name="gaussian",
        meaning="canonical correlations, or linear discriminants for classes: right if the "
        "relation is Gaussian, else too small",
        module="cch_audit.estimators.gaussian",
        settings=GaussianSettings,
        cost=0.5,
        is_reference=True,
        is_steady=True,
        memory=_of_scores,
    ),
)
"""The estimators of this package; others register by entry point."""
TAKEN = ("heads", *RULES)
"""Names that mean something else where an estimator may be named."""


@cache
def _offered() -> dict[str, list[EntryPoint]]:
    """Return the entry points of other packages by name; nothing of them is loaded."""
    offered: dict[str, list[EntryPoint]] = {}
    for point in sorted(entry_points(group=GROUP), key=lambda point: point.name):
        offered.setdefault(point.name, []).append(point)
    return offered


def names() -> tuple[str, ...]:
    """Return the names of all estimators, those of other packages last."""
    others = (name for name in _offered() if name not in TAKEN)
    return tuple(dict.fromkeys([*(entry.name for entry in OWN), *others]))


@cache
def find(name: str) -> Estimator:
    """Return the estimator of that name; other packages' are loaded here.

    Raises
    ------
    InputError
        If there is none, if several packages offer it, or if what is offered is no estimator.
    """
    own = [entry for entry in OWN if entry.name == name]
    offered = _offered().get(name, [])
    packages = ["cch-audit"] * len(own) + [_package(point) for point in offered]
    if len(packages) > 1:
        raise InputError(
            f"the estimator {name} is offered by {' and '.join(packages)}; keep one of them "
            "installed"
        )
    if name not in names():
        raise InputError(f"`estimator`: expected one of {', '.join(names())}, found {name!r}")
    return own[0] if own else _load(offered[0])


def section_names() -> tuple[str, ...]:
    """Return the names of the sections of a settings file: the estimators, and `heads`."""
    return (*names(), "heads")


def section(name: str) -> type[Settings]:
    """Return the settings that the section of that name holds."""
    return HeadSettings if name == "heads" else find(name).settings


def plain_sections(settings: EstimatorSettings, shown: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Return sections of some names as a settings file holds them."""
    return {name: plain(settings.of(section(name))) for name in shown}


def _load(point: EntryPoint) -> Estimator:
    """Return the estimator of another package."""
    where = f"the estimator {point.name} of {_package(point)} cannot be used: {point.value}"
    try:
        found = point.load()
    except Exception as err:  # another package's code can raise anything
        raise InputError(f"{where} cannot be loaded ({type(err).__name__}: {err})") from err
    if not isinstance(found, Estimator):
        raise InputError(f"{where} is a {type(found).__name__}, not a {GROUP}.Estimator")
    if found.name != point.name:
        raise InputError(f"{where} calls itself {found.name!r}")
    return found


def _package(point: EntryPoint) -> str:
    return "an unknown package" if point.dist is None else point.dist.name


def estimate(
    name: str,
    x: "FloatArray",
    y: "FloatArray | IntArray",
    rng: "np.random.Generator",
    settings: EstimatorSettings,
    dependence: "Dependence | None" = None,
) -> "Estimate":
    """Estimate I(x; y) in nats with the estimator of that name.

    Parameters
    ----------
    name : one of `names()`
    x : (n_samples, d) float array
    y : (n_samples, q) float array, or (n_samples,) integer class codes
    rng : the only source of randomness
    settings : settings of all estimators; each reads its own
    dependence : which rows depend on each other; None: none do
    """
    entry = find(name)
    return _work(entry).estimate(x, y, rng, settings.of(entry.settings), dependence)


def _work(entry: Estimator) -> Implementation:
    """Import what does the work, by its name, so that `ksg` alone never loads torch."""
    try:
        module = import_module(entry.module)
    except ImportError as err:
        raise InputError(f"the estimator {entry.name} cannot be used: {err}") from err
    if not hasattr(module, "estimate"):
        raise InputError(
            f"the estimator {entry.name} cannot be used: {entry.module} has no function estimate"
        )
    return cast(Implementation, module)


def memory(name: str, n_samples: int, n_columns: int, settings: EstimatorSettings) -> float:
    """Return about how many bytes the estimator of that name takes."""
    entry = find(name)
    return entry.memory(n_samples, n_columns, settings.of(entry.settings))
