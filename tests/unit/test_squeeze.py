import zlib

import pytest

from metadata.squeeze import squeezed


@pytest.mark.parametrize("size", [0, 1, 700, 4096, 4097, 300_000])
@pytest.mark.parametrize("level", [1, 6])
def test_what_was_squeezed_is_read_by_every_zlib(size, level):
    data = bytes(range(256)) * (size // 256) + bytes(size % 256)
    assert zlib.decompress(squeezed(data, level)) == data


def test_a_short_text_becomes_as_small_as_with_the_large_window():
    data = b'{"ours":["Places/Germany/Muenster","Places/Germany/Hamburg"]}' * 12
    assert len(squeezed(data, 6)) == len(zlib.compress(data, 6))
