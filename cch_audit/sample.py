"""The rows an audit works on: paired arrays in memory, already validated."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

import numpy as np

from cch_audit.dependence.units import Dependence
from cch_audit.results import PerInformation
from cch_audit.rows import FloatArray, IntArray


@dataclass(frozen=True)
class Labels:
    """The variable that teacher and student are meant to predict."""

    values: FloatArray | IntArray
    """Class codes 0..K-1, int64 (n_samples,), or targets, float64 (n_samples, q)."""
    class_names: tuple[str, ...] = ()
    """One name per class code; empty for continuous labels."""

    @property
    def kind(self) -> Literal["classes", "continuous"]:
        """Whether the labels are classes or continuous targets."""
        return "classes" if self.class_names else "continuous"

    @property
    def entropy(self) -> float | None:
        """H(Y) in nats from class frequencies; None for continuous labels."""
        if self.kind == "continuous":
            return None
        chance = np.bincount(self.values.astype(np.int64)) / len(self.values)
        chance = chance[chance > 0]
        return float(-(chance * np.log(chance)).sum())


@dataclass(frozen=True)
class Source:
    """Where the rows came from, for the report."""

    path: str
    """The student's and labels' file, as the user gave it."""
    sha256: str
    teacher_path: str | None = None
    teacher_sha256: str | None = None
    n_rows: int = 0
    """Rows available before the subsample (after selection of a split and joining by id)."""
    notes: tuple[str, ...] = ()
    """Plain sentences on how the rows were chosen: split, join, loss of rows, subsample."""
    warnings: tuple[str, ...] = ()
    """Plain sentences the user must see: small sample, training rows, constant columns, ..."""


@dataclass(frozen=True)
class Sample:
    """Paired rows of one student, its teachers and the labels; row i is the same sample throughout.

    All arrays are finite; columns that are constant have been removed.
    """

    teachers: Mapping[str, FloatArray]
    """Teacher name to representation (n_samples, d), in the order asked for."""
    student_name: str
    student: FloatArray
    """Student representation (n_samples, d)."""
    labels: Labels
    labels_name: str
    predictions: Mapping[str, FloatArray] = field(default_factory=dict)
    """The user's own predictions by representation name, (n_samples, K) class scores or
    (n_samples, q) outputs; a name without an entry gets a cross-fitted head."""
    groups: IntArray | None = None
    """Codes (n_samples,) of rows that belong together (speaker, patient), or None."""
    window: int = 0
    """Rows so near in the file depend on each other; 0: their order says nothing."""
    positions: IntArray | None = None
    """(n_samples,) place of each row in the student's file; None: that of the row here."""
    independent: bool = False
    """Whether the user says that the rows do not depend on each other."""
    truths: Mapping[str, Mapping[str, PerInformation]] = field(default_factory=dict)
    """The informations of the population by teacher and level, where a simulated file says them."""
    controls: tuple[str, ...] = ()
    """Names of the teachers that are none of the user's, but teach nothing."""
    source: Source = field(default_factory=lambda: Source(path="", sha256=""))

    @property
    def n_samples(self) -> int:
        """Number of rows."""
        return len(self.student)

    @property
    def places(self) -> IntArray:
        """(n_samples,) place of each row in the file, or here where no file says one."""
        return np.arange(self.n_samples) if self.positions is None else self.positions

    @cached_property
    def dependence(self) -> Dependence | None:
        """Which rows depend on each other, by groups and window; None: none do."""
        return Dependence.of(self.groups, self.places, self.window, self.n_samples)
