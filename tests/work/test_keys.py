from dataclasses import dataclass

import numpy as np
import pytest

from cch_audit.work.keys import digest, program


@dataclass(frozen=True)
class One:
    value: int


@dataclass(frozen=True)
class Other:
    value: int


ROWS = np.arange(6.0)
DIFFERENT = [
    ROWS,
    ROWS.reshape(2, 3),
    ROWS.reshape(3, 2),
    ROWS.astype(np.float32),
    ROWS.astype(np.int64),
    -ROWS,
    0,
    False,
    0.0,
    -0.0,
    "0",
    None,
    (),
    ("",),
    ("a", "bc"),
    ("ab", "c"),
    (("a", "b"), "c"),
    {"a": 1},
    One(1),
    One(2),
    Other(1),
]


def test_different_values_have_different_digests():
    found = {digest(value) for value in DIFFERENT}
    assert len(found) == len(DIFFERENT)


def test_equal_values_have_equal_digests():
    strided = np.repeat(ROWS, 2)[::2]
    assert digest(strided, One(1), ("a", 1)) == digest(ROWS.copy(), One(1), ("a", 1))


def test_a_value_of_an_unknown_kind_is_refused():
    with pytest.raises(TypeError, match="a object has no digest"):
        digest(object())


def test_the_program_has_one_digest():
    assert program() == program()
    assert set(program()) <= set("0123456789abcdef")
