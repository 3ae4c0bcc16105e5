from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Lock

import numpy as np
import pytest

from cch_audit.work import doing
from cch_audit.work.doing import Work
from cch_audit.work.keeping import Folder


class Counted:
    """A part that says how often it was computed."""

    def __init__(self, value=1.0):
        self.value, self.times, self._lock = value, 0, Lock()

    def __call__(self):
        with self._lock:
            self.times += 1
        return self.value


def test_a_part_is_computed_once_though_many_threads_ask():
    part, work, together = Counted(), Work(), Barrier(8)

    def ask(_):
        together.wait()
        return work.do("part", ("key",), part)

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(ask, range(8))) == [1.0] * 8
    assert part.times == 1
    assert work.spent()["part"].done == 1


def test_another_key_is_another_part():
    part, work = Counted(), Work()
    for key in (1, 2, 1.0, "1"):
        work.do("part", (key,), part)
    assert part.times == 4


def test_a_kept_part_is_found_by_another_run(tmp_path):
    part = Counted(np.arange(3.0))
    for _ in range(2):
        work = Work(Folder(tmp_path))
        np.testing.assert_array_equal(work.do("part", (1,), part), np.arange(3.0))
    assert part.times == 1
    assert (work.spent()["part"].done, work.spent()["part"].found) == (0, 1)


def test_a_part_that_is_not_to_be_kept_is_computed_by_every_run(tmp_path):
    part = Counted()
    for _ in range(2):
        Work(Folder(tmp_path)).do("part", (1,), part, keep=False)
    assert part.times == 2
    assert Folder(tmp_path).size() == (0, 0)


def test_large_parts_are_held_as_long_as_there_is_room(monkeypatch):
    monkeypatch.setattr(doing, "MOST_HELD", 2000)
    work, first, others = Work(), Counted(np.zeros(100)), Counted()
    for number in range(6):
        work.do("part", ("first",), first, keep=False)
        others.value = np.zeros(100)
        work.do("part", (number,), others, keep=False)
    assert first.times == 1
    work.do("part", (0,), others, keep=False)
    assert others.times == 7


def test_an_array_of_several_parts_takes_its_room_once(monkeypatch):
    monkeypatch.setattr(doing, "MOST_HELD", 2000)
    work, part = Work(), Counted((np.zeros(200), {"other": (np.ones(10),)}))
    for _ in range(2):
        for number in range(6):
            work.do("part", (number,), part, keep=False)
    assert part.times == 6


def test_a_part_that_failed_is_tried_again():
    work = Work()

    def fail():
        raise ValueError("no")

    for _ in range(2):
        with pytest.raises(ValueError, match="no"):
            work.do("part", (1,), fail)
    assert work.do("part", (1,), Counted(2.0)) == 2.0


def test_seconds_inside_a_part_are_those_of_the_inner_purpose():
    work = Work()

    def busy():
        return float(np.sort(np.random.default_rng(0).random(300_000))[0])

    def outer():
        return work.do("inner", (2,), busy)

    work.do("outer", (1,), outer)
    spent = work.spent()
    assert 0 <= spent["outer"].seconds < spent["inner"].seconds
    assert list(spent) == ["inner", "outer"]


def test_an_array_is_digested_once():
    work, array = Work(), np.arange(3.0)
    before = work.digest(array)
    array[0] = 5.0  # nobody does so; it shows that the digest is the first one
    assert work.digest(array) == before != work.digest(array.copy())


def test_what_is_made_of_an_array_is_held_for_its_copy_in_float64():
    part, work = Counted(), Work()
    single = np.arange(6, dtype=np.float32)
    double = work.as_double(single)
    np.testing.assert_array_equal(double, single)
    assert double.dtype == np.float64
    assert work.as_double(double) is double
    for array in (single, double, work.as_double(single)):
        work.of_array("part", array, part)
    assert part.times == 1
    work.of_array("another part", single, part)
    work.of_array("part", single.copy(), part)
    assert part.times == 3


def test_what_was_made_of_an_array_that_is_gone_is_nothing_to_another():
    work = Work()
    for value in range(50):
        array = np.full(3, value)  # each at the place of the one before
        assert work.of_array("part", array, array.max) == value
