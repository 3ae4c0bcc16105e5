"""Parts of an audit, each under all that it depends on: computed once for whoever needs it."""

from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from cch_audit.auditing.intervals import Distribution, bootstrap_means
from cch_audit.dependence.doubts import find_doubts
from cch_audit.dependence.units import Dependence, among
from cch_audit.estimators import OWN, KsgSettings, estimate, find
from cch_audit.estimators.contract import Estimate, is_classes
from cch_audit.estimators.scores import MANY_VALUES
from cch_audit.randomness import stream
from cch_audit.results import Doubt, Interval
from cch_audit.rows import FloatArray, IntArray, in_single
from cch_audit.sample import Sample
from cch_audit.settings import AuditSettings, EstimatorSettings, HeadSettings
from cch_audit.work.doing import Work
from cch_audit.work.keys import digest
from cch_audit.work.sharing import sharing

if TYPE_CHECKING:
    from cch_audit.auditing.surrogates import ClassSurrogates, ColumnSurrogates, Side, Surrogate

COMPUTED_BY = (
    "cch_audit.auditing.heads",
    "cch_audit.auditing.surrogates",
    "cch_audit.estimators.neighbors",
    "cch_audit.estimators.ksg",
)
"""Modules that are loaded where a part is computed: that takes longer than to find all parts."""
NEIGHBORS = "nearest neighbours on all columns"
SURROGATES = "drawing surrogates"
BOOTSTRAP = "bootstrap"
HEADS = "prediction heads"
DOUBTS = "looking for rows that depend on each other"
Variable = FloatArray | IntArray
Rows = TypeVar("Rows", FloatArray, IntArray, Variable)


@dataclass(frozen=True)
class Parts:
    """What all parts of an audit have in common: dependence of rows, settings, seed, and work."""

    dependence: Dependence | None
    estimators: EstimatorSettings
    seed: int
    work: Work = field(default_factory=Work)

    def neighbors(self, x: tuple[FloatArray, ...], y: tuple[Variable, ...]) -> Estimate:
        """Estimate I(x; y) by nearest neighbours on all columns of some variables together."""
        k = self.estimators.of(KsgSettings).n_neighbors

        def make() -> Estimate:
            from cch_audit.estimators.neighbors import from_neighbors

            right = y[0] if len(y) == 1 else np.hstack(y).astype(np.float64)
            left = x[0] if len(x) == 1 else np.hstack(x)
            return from_neighbors(left, right, k, self.dependence)

        key = (NEIGHBORS, self._of(*x), self._of(*y), self.dependence, k)
        return self.work.do(NEIGHBORS, key, make, records=(Estimate,))

    def neighbors_within(self, x: FloatArray, y: FloatArray, classes: IntArray) -> Estimate:
        """Estimate I(x; y | classes) by nearest neighbours on all columns."""
        k = self.estimators.of(KsgSettings).n_neighbors

        def make() -> Estimate:
            from cch_audit.estimators.neighbors import conditional_on_classes

            return conditional_on_classes(x, y, classes, k, self.dependence)

        key = ("within classes", self._of(x, y, classes), self.dependence, k)
        return self.work.do(NEIGHBORS, key, make, records=(Estimate,))

    def whole(self, purpose: str, name: str, x: FloatArray, y: Variable, *names: str) -> Estimate:
        """Estimate I(x; y) from all rows; the names are those of the random stream."""

        def make() -> Estimate:
            rng = stream(self.seed, *names)
            with sharing(self.work):
                if name == "ksg":  # what it begins with, companions and the floor need too
                    from cch_audit.estimators.ksg import larger

                    settings = self.estimators.of(KsgSettings)
                    raw = self.neighbors((x,), (y,))
                    return larger(raw, x, y, rng, settings, self.dependence)
                return estimate(name, x, y, rng, self.estimators, self.dependence)

        key = ("whole", *self._by(name, self.estimators), self._of(x, y), names)
        keep, beside = is_own(name), name != "ksg"
        return self.work.do(purpose, key, make, keep=keep, records=(Estimate,), beside=beside)

    def from_half(
        self, purpose: str, name: str, x: FloatArray, y: Variable, rows: IntArray, *names: str
    ) -> tuple[float, float]:
        """Estimate I(x; y) and its raw counterpart from some rows, with one seed."""
        settings = _single_seed(name, self.estimators)

        def make() -> tuple[float, float]:
            rng, inside = stream(self.seed, *names), among(self.dependence, rows)
            with sharing(self.work):
                sides = self._rows(x, rows), self._rows(y, rows)
                found = estimate(name, *sides, rng, settings, inside)
            return found.value, found.value if found.raw is None else found.raw

        key = ("half", *self._by(name, settings), self._of(x, y), digest(rows), names)
        return self.work.do(purpose, key, make, keep=is_own(name), beside=True)

    def surrogate_errors(
        self,
        purpose: str,
        name: str,
        x: FloatArray,
        y: Variable,
        n_most: int,
        drawing: tuple[str, ...],
        *names: str,
    ) -> list[tuple[float, float]]:
        """Return the errors, and those of the raw counterparts, on surrogates of x and y.

        Chance that is known is taken off the errors. If there is no other, a surrogate says more
        about the bias than a plain error would, and as many are drawn as say as much as `n_most`.

        Parameters
        ----------
        n_most : most surrogates; 0: none
        drawing : names of the streams that they are drawn from; all estimators share them
        names : those of the estimator's streams
        """
        errors: list[tuple[float, float, float]] = []
        for number in map(str, range(n_most)):
            made = self._surrogate_error(purpose, name, x, y, (*drawing, number), *names, number)
            errors.append(made)
            left = sum(share for *_, share in errors) / len(errors)
            if find(name).is_steady and left / len(errors) <= 1 / n_most:
                break
        return [(value, raw) for value, raw, _ in errors]

    def _surrogate_error(
        self,
        purpose: str,
        name: str,
        x: FloatArray,
        y: Variable,
        drawing: tuple[str, ...],
        *names: str,
    ) -> tuple[float, float, float]:
        """Return what `Surrogate.error` says of one surrogate."""
        settings = _single_seed(name, self.estimators)

        def make() -> tuple[float, float, float]:
            drawn = self._surrogate(x, y, drawing)
            sides = self.work.as_double(drawn.x), self.work.as_double(drawn.y)
            rng = stream(self.seed, *names)
            with sharing(self.work):
                found = estimate(name, *sides, rng, settings, self.dependence)
            return drawn.error(found)

        key = ("surrogate", *self._by(name, settings), self._of(x, y), drawing, names)
        return self.work.do(purpose, key, make, keep=is_own(name), beside=True)

    def head(self, x: FloatArray, y: Variable, role: str) -> FloatArray:
        """Return what a representation says about labels, by a head that never saw the row.

        The role is `teacher` or `student`.
        """
        settings = self.estimators.of(HeadSettings)

        def make() -> FloatArray:
            from cch_audit.auditing.heads import cross_fitted

            # All teachers are cut into the same folds: equal ones get equal predictions.
            rng = stream(self.seed, "head", role)
            return cross_fitted(x, y, self.dependence, rng, settings)

        return self.work.do(HEADS, self._key_of_head(x, y, role), make, beside=True)

    def keeps_head(self, x: FloatArray, y: Variable, role: str) -> bool:
        """Whether a head need not be fitted."""
        return self.work.keeps(self._key_of_head(x, y, role))

    def _key_of_head(self, x: FloatArray, y: Variable, role: str) -> tuple[Any, ...]:
        settings = self.estimators.of(HeadSettings)
        return (HEADS, self._of(x, y), self.dependence, settings, self.seed, role)

    def resampled(
        self, columns: FloatArray, variances: FloatArray, n_resamples: int, *names: str
    ) -> FloatArray:
        """Return `bootstrap_means` of columns of pseudo-values."""

        def make() -> FloatArray:
            rng = stream(self.seed, *names)
            return bootstrap_means(columns, self.dependence, variances, n_resamples, rng)

        key = (BOOTSTRAP, columns, variances, self.dependence, n_resamples, self.seed, names)
        return self.work.do(BOOTSTRAP, key, make)

    def interval(
        self, plus: Estimate, minus: Estimate | None, settings: AuditSettings, *names: str
    ) -> Interval:
        """Return an estimate without seeds, or the difference of two of the same rows, in nats."""
        parts = [plus] if minus is None else [plus, minus]
        columns = np.stack([part.pseudo_values for part in parts], axis=1)
        draws = self.resampled(columns, np.zeros(len(parts)), settings.resamples, *names)
        if minus is None:
            return Distribution(plus.value, draws[:, 0]).interval(settings.confidence)
        difference = Distribution(plus.value - minus.value, draws[:, 0] - draws[:, 1])
        return difference.interval(settings.confidence)

    def doubts(self, sample: Sample, teacher: str) -> tuple[Doubt, ...]:
        """Return why neither pass nor fail may be said of one teacher and the student."""
        k = self.estimators.of(KsgSettings).n_neighbors
        rows = self._of(sample.teachers[teacher], sample.student, sample.labels.values)
        names = (teacher, sample.student_name, sample.labels.class_names)
        given = (sample.places, sample.window, sample.independent, self.dependence, self.seed, k)
        return self.work.do(
            DOUBTS,
            (DOUBTS, rows, names, given),
            lambda: find_doubts(sample, teacher, k, self.seed),
            records=(Doubt,),
        )

    def _rows(self, x: Rows, rows: IntArray) -> Rows:
        """Return some rows; where they are large, the very same for all estimators."""
        if x.size <= MANY_VALUES:
            return x[rows]
        return self.work.of_array(digest(rows), x, lambda: x[rows])

    def _surrogate(self, x: FloatArray, y: Variable, names: tuple[str, ...]) -> "Surrogate":
        """Draw a surrogate, which the estimators that need it soon share.

        Where it is large it is held in float32, if that changes no value.
        """

        def make() -> "Surrogate":
            drawn = self._surrogates(x, y).draw(stream(self.seed, *names))
            if drawn.x.size <= MANY_VALUES:
                return drawn
            of_y = drawn.y if is_classes(drawn.y) else in_single(drawn.y)
            return replace(drawn, x=in_single(drawn.x), y=of_y)

        key = ("drawn", self._of(x, y), self.dependence, self.seed, names)
        return self.work.do(SURROGATES, key, make, keep=False)

    def _surrogates(self, x: FloatArray, y: Variable) -> "ClassSurrogates | ColumnSurrogates":
        """Fit what surrogates are drawn from; all teachers share the student's side."""

        from cch_audit.auditing.surrogates import ColumnSurrogates, Side, fit_classes

        def side(columns: FloatArray) -> "Side":
            whole = self.dependence is not None
            key = ("side", self._of(columns), whole)
            make = partial(Side.of, columns, whole=whole)
            return self.work.do(SURROGATES, key, make, keep=False)

        def make() -> "ClassSurrogates | ColumnSurrogates":
            if is_classes(y):
                return fit_classes(x, y, self.dependence)
            return ColumnSurrogates.fit(side(x), side(np.asarray(y)), self.dependence)

        key = ("fitted", self._of(x, y), self.dependence)
        return self.work.do(SURROGATES, key, make, keep=False)

    def _of(self, *arrays: Variable) -> tuple[str, ...]:
        return tuple(map(self.work.digest, arrays))

    def _by(self, name: str, estimators: EstimatorSettings) -> tuple[Any, ...]:
        return name, estimators.of(find(name).settings), self.dependence, self.seed


def is_own(name: str) -> bool:
    """Return whether an estimator is this package's: of others nobody knows when they change."""
    return any(entry.name == name for entry in OWN)


def _single_seed(name: str, estimators: EstimatorSettings) -> EstimatorSettings:
    """Return the settings of an estimator with one seed, for halves and surrogates."""
    settings = estimators.of(find(name).settings)
    changes = {"n_seeds": 1} if hasattr(settings, "n_seeds") else {}
    return EstimatorSettings((replace(settings, **changes),))
