from __future__ import annotations

import uuid

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from metadata.immich.vectors import BLOCK, parse

HEAD = b"PGCOPY\n\xff\r\n\0" + bytes(8)
END = b"\xff\xff"


def row(ident: uuid.UUID, values) -> bytes:
    numbers = np.asarray(values, ">f4")
    body = len(numbers).to_bytes(2, "big") + b"\0\0" + numbers.tobytes()
    return b"\0\x02\0\0\0\x10" + ident.bytes + len(body).to_bytes(4, "big") + body


def some(count: int, dim: int = 3):
    return [(uuid.UUID(int=n), np.arange(dim) + n / 4) for n in range(count)]


@given(count=st.integers(0, 2 * BLOCK + 3), cut=st.integers(1, 700), expected=st.integers(0, 2 * BLOCK))
def test_however_the_stream_is_cut_all_vectors_arrive_in_order(count, cut, expected):
    rows = some(count)
    stream = HEAD + b"".join(row(*each) for each in rows) + END
    found = parse((stream[at : at + cut] for at in range(0, len(stream), cut)), expected=expected)
    assert found.ids == [str(ident) for ident, _ in rows]
    assert found.values.dtype == np.float32
    assert np.array_equal(
        found.values, np.array([values for _, values in rows], np.float32).reshape(count, found.dim)
    )


@pytest.mark.parametrize(
    "stream",
    [
        b"",
        b"PGCOPY",
        b"something else entirely, and longer than that" + END,
        HEAD,
        HEAD + row(uuid.UUID(int=1), [1.0, 2.0]),
        HEAD + row(uuid.UUID(int=1), [1.0, 2.0]) + row(uuid.UUID(int=2), [1.0]) + END,
        HEAD + row(uuid.UUID(int=1), [1.0])[:-5] + END,
        HEAD + row(uuid.UUID(int=1), []) + END,
        HEAD + row(uuid.UUID(int=1), [1.0, 2.0]).replace(b"\0\x02\0\0\0\x10", b"\0\x03\0\0\0\x10") + END,
    ],
)
def test_what_is_cut_off_or_no_vectors_of_one_dimension_is_refused(stream):
    with pytest.raises(ValueError, match=r"binary COPY|one dimension"):
        parse([stream])
