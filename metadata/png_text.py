"""The text chunks of a PNG: what they are called and what they hold, unpacked (PNG 3rd edition, 11.3.3)."""

from __future__ import annotations

import binascii
import zlib

_MOST = 16 * 2**20


def unpacked(kind: bytes, chunk: bytes) -> tuple[bytes, bytes]:
    """Keyword and content of an iTXt, tEXt or zTXt chunk; the content is empty where it cannot be unpacked."""
    keyword, _, rest = chunk.partition(b"\0")
    if kind == b"zTXt":
        return keyword, _inflated(rest[1:])
    if kind == b"tEXt":
        return keyword, rest
    packed, rest = rest[:1], rest[2:]
    _, _, rest = rest.partition(b"\0")  # language
    _, _, rest = rest.partition(b"\0")  # keyword in that language
    return keyword, rest if packed != b"\1" else _inflated(rest)


def _inflated(data: bytes) -> bytes:
    try:
        return zlib.decompressobj().decompress(data, _MOST)
    except zlib.error:
        return b""


def profile(text: bytes) -> bytes:
    """The bytes of a "Raw profile type …" (ImageMagick): a line with a name, a length, then hexadecimal digits."""
    _, _, rest = text.lstrip().partition(b"\n")
    digits = rest.split()[1:]
    try:
        return binascii.unhexlify(b"".join(digits))
    except binascii.Error:
        return b""
