"""Plain data for another process of ours: pickled, but dataclasses by their values and not field by field.

What dataclasses bring along for that asks each for its fields again, which took longer than all else of it.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from operator import attrgetter
from typing import Any

Reduced = tuple[type, tuple[Any, ...]]


class _Ways(dict[type, Callable[[Any], Reduced]]):
    """How objects of each type are taken apart; found out when one is first met."""

    def __missing__(self, kind: type) -> Callable[[Any], Reduced]:
        parts = fields(kind) if is_dataclass(kind) else ()
        names = [part.name for part in parts if part.init]
        if len(names) < 2 or len(names) < len(parts):
            raise KeyError(kind)  # as pickle does it
        values = attrgetter(*names)
        self[kind] = lambda one: (kind, values(one))
        return self[kind]


_WAYS = _Ways()


def packed(value: object) -> bytes:
    """The bytes that `unpacked` makes an equal value of."""
    file = io.BytesIO()
    pickler = pickle.Pickler(file, pickle.HIGHEST_PROTOCOL)
    pickler.dispatch_table = _WAYS
    pickler.dump(value)
    return file.getvalue()


def unpacked(data: bytes) -> Any:
    """The value; only of bytes that a process of ours has packed."""
    return pickle.loads(data)  # noqa: S301 - from our own process
