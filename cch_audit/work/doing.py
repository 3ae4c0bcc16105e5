"""Doing a part of a run once, whoever asks for it, and counting what it costs."""

import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, partial
from itertools import count
from threading import Lock, local
from typing import Any, TypeVar
from weakref import ref

import numpy as np
import numpy.typing as npt

from cch_audit.work.keeping import Folder, Shelf
from cch_audit.work.keys import digest, program
from cch_audit.work.packing import arrays_in
from cch_audit.work.processes import Processes

Result = TypeVar("Result")
MOST_HELD = 3 * 2**26
"""Bytes of results that are held for a while, because what needs them next is not far away."""
SHARED = "what estimators share of many columns"
"""Purpose of what is made of an array by whoever needs it first."""


@dataclass(frozen=True)
class Spent:
    """What one purpose took."""

    seconds: float = 0.0
    """Of processor time, without those of purposes inside it."""
    done: int = 0
    """Parts that were computed."""
    found: int = 0
    """Parts that were there already, in the folder."""

    def __add__(self, other: "Spent") -> "Spent":
        """Return both together."""
        pairs = zip(vars(self).values(), vars(other).values())
        return Spent(*(one + another for one, another in pairs))


class Work:
    """The parts of one run: each is computed once, by one of its threads, unless it was kept."""

    def __init__(self, folder: Folder | Shelf | None = None) -> None:
        """Begin with what is in a folder, or without one with nothing."""
        self.folder = folder
        self.processes: Processes | None = None
        """What may compute parts beside this process."""
        self.elsewhere = 0.0
        """Seconds that others spent for this run."""
        self._lock = Lock()
        self._parts: dict[str, Future[Any]] = {}
        self._held: OrderedDict[str, dict[int, int]] = OrderedDict()
        self._digests: dict[int, tuple[Any, str]] = {}
        self._numbers: dict[int, tuple[ref[Any], int]] = {}
        self._next = count()
        self._spent: dict[str, Spent] = {}
        self._inside = local()

    def __reduce__(self) -> tuple[Callable[[], "Work"], tuple[()]]:
        """Let another process have the work that is its own in the place of this one."""
        return _of_process, ()

    def do(
        self,
        purpose: str,
        key: tuple[Any, ...],
        make: Callable[[], Result],
        *,
        keep: bool = True,
        records: Iterable[type] = (),
        beside: bool = False,
    ) -> Result:
        """Return what `make` returns, computed now, before, or in another run.

        Parameters
        ----------
        purpose : what the time is spent on, for a reader
        key : all that the result depends on beside the program, as `digest` takes it
        make : computes it; what it returns is changed by nobody
        keep : whether it is small enough for the folder; others are held for a while only
        records : the dataclasses that it is made of, if it is kept
        beside : whether a process beside this one may compute it, if there is one
        """
        name = digest(program(), key)
        with self._lock:
            future = self._parts.get(name)
            is_ours = future is None
            if future is None:
                future = self._parts[name] = Future()
            elif name in self._held:
                self._held.move_to_end(name)
        if not is_ours:
            known: Result = future.result()
            return known
        try:
            result = self._made(purpose, name, make, keep, records, beside)
        except BaseException as err:
            with self._lock:
                del self._parts[name]
            future.set_exception(err)
            raise
        future.set_result(result)
        if not keep:
            self._hold(name, arrays_in(result))
        return result

    def keeps(self, key: tuple[Any, ...]) -> bool:
        """Whether a part is in the folder, so that nothing has to be computed for it."""
        return self.folder is not None and self.folder.has(digest(program(), key))

    def of_array(self, name: str, array: npt.NDArray[Any], make: Callable[[], Result]) -> Result:
        """Return what `make` returns, which is held for a while, for others with the same array.

        Parameters
        ----------
        name : what is made of the array, and of nothing else
        array : the very array, which is changed by nobody; an equal one is another
        make : computes it
        """
        return self.do(SHARED, (SHARED, name, self._number(array)), make, keep=False)

    def as_double(self, array: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Return an array, or a copy in float64, for which the same things are held."""
        if array.dtype != np.float32:
            return array
        double, number = array.astype(np.float64), self._number(array)
        with self._lock:
            self._numbers[id(double)] = ref(double), number
        return double

    def digest(self, array: npt.NDArray[Any]) -> str:
        """Return the digest of an array that lives as long as the run, computed once."""
        with self._lock:
            known = self._digests.get(id(array))
        if known is None:
            known = array, digest(array)  # with the array itself, so that its id stays its own
            with self._lock:
                self._digests[id(array)] = known
        return known[1]

    @contextmanager
    def spending(self, purpose: str) -> Iterator[None]:
        """Count the seconds of this thread for a purpose, less those of purposes inside it."""
        outer = getattr(self._inside, "seconds", 0.0)
        self._inside.seconds, started = 0.0, time.thread_time()
        try:
            yield
        finally:
            taken = time.thread_time() - started
            self._count(purpose, Spent(taken - self._inside.seconds))
            self._inside.seconds = outer + taken

    def spent(self) -> dict[str, Spent]:
        """Return what was spent by purpose, the dearest first."""
        with self._lock:
            return dict(sorted(self._spent.items(), key=lambda item: -item[1].seconds))

    def take_spent(self) -> dict[str, Spent]:
        """Return what was spent since the last time, and begin at nothing again."""
        with self._lock:
            spent, self._spent = self._spent, {}
        return spent

    def add_spent(self, spent: Mapping[str, Spent]) -> None:
        """Count what others spent for this run."""
        for purpose, found in spent.items():
            self._count(purpose, found)
        with self._lock:
            self.elsewhere += sum(one.seconds for one in spent.values())

    def let_go(self) -> None:
        """Forget arrays, and results that are kept in the folder, where they are found again."""
        with self._lock:
            self._digests.clear()
            for name in [name for name, one in self._parts.items() if one.done()]:
                if name not in self._held and self.folder is not None:
                    del self._parts[name]

    def _number(self, array: npt.NDArray[Any]) -> int:
        """Return a number that is this array's own."""
        with self._lock:
            known = self._numbers.get(id(array))
            if known is None or known[0]() is not array:  # the place of one that is gone
                known = self._numbers[id(array)] = ref(array), next(self._next)
            return known[1]

    def _made(
        self,
        purpose: str,
        name: str,
        make: Callable[[], Result],
        keep: bool,
        records: Iterable[type],
        beside: bool,
    ) -> Result:
        """Return a result from the folder, or compute and keep it."""
        folder = self.folder if keep else None
        kept = None if folder is None else folder.find(name, records)
        if kept is not None:
            self._count(purpose, Spent(found=1))
            result: Result = kept[0]
            return result
        result = self._computed(purpose, make, beside)
        self._count(purpose, Spent(done=1))
        if folder is not None:
            folder.keep(name, result)
        return result

    def _computed(self, purpose: str, make: Callable[[], Result], beside: bool) -> Result:
        """Return what `make` returns, from a process beside this one or from here."""
        if beside and self.processes is not None:
            made = self.processes.do(partial(_do, purpose, make))
            if made is not None:
                result, spent = made
                self.add_spent(spent)
                return result
        with self.spending(purpose):
            return make()

    def _hold(self, name: str, arrays: dict[int, int]) -> None:
        """Hold a result; let go of those that nobody asked for since long, where it is too much.

        An array that several results are made of takes its bytes once.
        """
        with self._lock:
            self._held[name] = arrays
            while len(self._held) > 1 and self._held_bytes() > MOST_HELD:
                self._parts.pop(self._held.popitem(last=False)[0], None)

    def _held_bytes(self) -> int:
        together: dict[int, int] = {}
        for arrays in self._held.values():
            together |= arrays
        return sum(together.values())

    def _count(self, purpose: str, spent: Spent) -> None:
        with self._lock:
            self._spent[purpose] = self._spent.get(purpose, Spent()) + spent


@cache
def _of_process() -> Work:
    """Return the work of a process that computes for others."""
    return Work()


def _do(purpose: str, make: Callable[[], Result]) -> tuple[Result, dict[str, Spent]]:
    """Compute a part for another process; what is soon needed again is held here too."""
    work = _of_process()
    with work.spending(purpose):
        result = make()
    work.let_go()
    return result, work.take_spent()
