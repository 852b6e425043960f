"""Bodies and queries held against what they should be; the complaints are Immich's, word for word."""

# ruff: noqa: E501 - SQL and recorded words read best on one line

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

Problem = dict[str, Any]
Check = Callable[[Any, list[Any]], list[Problem]]

UUID = r"^([0-9a-fA-F]{8}-[0-9a-fA-F]{4}-4[0-9a-fA-F]{3}-[89abAB][0-9a-fA-F]{3}-[0-9a-fA-F]{12})$"
VISIBILITIES = ("archive", "timeline", "hidden", "locked")


class Undefined:
    """What is not there."""


class Refused(Exception):
    """An answer other than success: its status and what the body holds."""

    def __init__(self, status: int, message: str, **more: Any) -> None:
        super().__init__(message)
        self.status, self.body = status, {"message": message, **more}


def _kind(value: Any) -> str:
    if value is Undefined:
        return "undefined"
    if value is None:
        return "null"
    kinds = ((bool, "boolean"), (str, "string"), (int, "number"), (float, "number"), (list, "array"))
    return next((name for kind, name in kinds if isinstance(value, kind)), "object")


def _type(expected: str, value: Any, path: list[Any], said: str | None = None) -> Problem:
    words = f"Invalid input: expected {said or expected}, received {_kind(value)}"
    return {"expected": expected, "code": "invalid_type", "path": path, "message": words}


def text(value: Any, path: list[Any]) -> list[Problem]:
    """A string."""
    return [] if isinstance(value, str) else [_type("string", value, path)]


def flag(value: Any, path: list[Any]) -> list[Problem]:
    """True or false."""
    return [] if isinstance(value, bool) else [_type("boolean", value, path)]


def identity(value: Any, path: list[Any]) -> list[Problem]:
    """A UUID of version 4."""
    if not isinstance(value, str):
        return [_type("string", value, path)]
    if re.match(UUID, value):
        return []
    about = {"origin": "string", "code": "invalid_format", "format": "uuid", "pattern": f"/{UUID}/"}
    return [{**about, "path": path, "message": "Invalid UUID"}]


def moment(value: Any, path: list[Any]) -> list[Problem]:
    """A time with its zone."""
    if not isinstance(value, str):
        return [_type("string", value, path, "ISO 8601 datetime string")]
    try:
        if "T" in value and datetime.fromisoformat(value).tzinfo:
            return []
    except ValueError:
        pass
    about = {"origin": "string", "code": "invalid_format", "format": "datetime"}
    return [
        {**about, "path": path, "message": "Invalid input: expected ISO 8601 datetime string, received string"}
    ]


def number(low: float | None = None, high: float | None = None) -> Check:
    """A number within limits."""

    def check(value: Any, path: list[Any]) -> list[Problem]:
        if isinstance(value, bool) or not isinstance(value, int | float):
            return [_type("number", value, path)]
        if low is not None and value < low:
            words = f"Too small: expected number to be >={low}"
            return [
                {
                    "origin": "number",
                    "code": "too_small",
                    "minimum": low,
                    "inclusive": True,
                    "path": path,
                    "message": words,
                }
            ]
        if high is not None and value > high:
            words = f"Too big: expected number to be <={high}"
            return [
                {
                    "origin": "number",
                    "code": "too_big",
                    "maximum": high,
                    "inclusive": True,
                    "path": path,
                    "message": words,
                }
            ]
        return []

    return check


def one_of(*values: str) -> Check:
    """One of these words."""

    def check(value: Any, path: list[Any]) -> list[Problem]:
        if value in values:
            return []
        listed = "|".join(f'"{each}"' for each in values)
        words = f"Invalid option: expected one of {listed}"
        return [{"code": "invalid_value", "values": list(values), "path": path, "message": words}]

    return check


def array(of: Check) -> Check:
    """A list of these."""

    def check(value: Any, path: list[Any]) -> list[Problem]:
        if not isinstance(value, list):
            return [_type("array", value, path)]
        return [problem for at, each in enumerate(value) for problem in of(each, [*path, at])]

    return check


def maybe(of: Check, *, null: bool = False) -> Check:
    """This, or nothing at all, or (where said) null."""

    def check(value: Any, path: list[Any]) -> list[Problem]:
        return [] if value is Undefined or (null and value is None) else of(value, path)

    return check


def stars(value: Any, path: list[Any]) -> list[Problem]:
    """A rating."""
    if value == 0 and not isinstance(value, bool):
        words = "Rating must be -1 (rejected), 1\u20135 (starred), or null (unrated); 0 is not valid"
        return [{"code": "custom", "path": path, "message": words}]
    return number(-1, 5)(value, path)


def hold(body: Any, **checks: Check) -> dict[str, Any]:
    """The body, if every field is as it should be; raises Refused (400) with all complaints. Unknown fields pass."""
    given = body if isinstance(body, dict) else {}
    problems = [problem for name, check in checks.items() for problem in check(given.get(name, Undefined), [name])]
    if problems:
        raise Refused(400, "Validation failed", errors=problems)
    return given
