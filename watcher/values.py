"""Durations and sizes as a person writes them, and back. Pure."""

from __future__ import annotations

import math
import re

_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_BYTES = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d|w)?")
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgt]?)(?:i?b)?")


def seconds(value: object) -> float:
    """Seconds from a number or from `"10m"` (ms, s, m, h, d, w). Raises ValueError."""
    if isinstance(value, str):
        found = _DURATION.fullmatch(value.strip().lower())
        if found is None:
            raise ValueError("not a duration")
        return float(found[1]) * _SECONDS[found[2] or "s"]
    return _number(value)


def size(value: object) -> int:
    """Bytes from a number or from `"512M"` (K, M, G, T: powers of 1024). Raises ValueError."""
    if isinstance(value, str):
        found = _SIZE.fullmatch(value.strip().lower())
        if found is None:
            raise ValueError("not a size")
        return int(float(found[1]) * _BYTES[found[2]])
    return int(_number(value))


def spoken(duration: float) -> str:
    """The shortest text that `seconds` reads back: 600 is `10m`, 0.5 is `0.5s`."""
    for unit in ("d", "h", "m"):
        if duration and duration % _SECONDS[unit] == 0:
            return f"{duration / _SECONDS[unit]:.0f}{unit}"
    return f"{duration:g}s"


def spoken_size(count: float) -> str:
    """Bytes for a person: 1536 is `1.5 KiB`."""
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if count < 1024:
            return f"{count:.4g} {unit}"
        count /= 1024
    return f"{count:.4g} TiB"


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise ValueError("not a number")
    return float(value)
