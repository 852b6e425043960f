"""What a setting is made of: its default, what it says, what is allowed, its unit."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from watcher import values

DURATION = 'seconds, or a text such as "10m" (ms, s, m, h, d, w)'
PATTERNS = 'a list of file name patterns, such as ["*.tmp", "Rejected"]'
FOLDER = "an absolute path"
SHARE = "a number from 0 to 1"


def key(default: Any, says: str, *, expected: str, unit: str = "", choice: bool = False, **more: Any) -> Any:
    """A setting: its default, one sentence, what is allowed, its unit, and whether it changes choice."""
    shown = more.pop("shown", None)
    extra = {"expected": expected, "unit": unit, "choice": choice, "shown": shown}
    return Field(default, description=says, json_schema_extra=extra, **more)


def period(default: float, says: str, *, least: str, most: str) -> Any:
    """A setting that is a length of time."""
    low, high = values.seconds(least), values.seconds(most)
    expected = f"{DURATION}, from {least} to {most}"
    return key(default, says, expected=expected, unit="s", shown=values.spoken(default), ge=low, le=high)


def plain_number(value: object) -> object:
    """What is no truth value; raises ValueError for one."""
    if isinstance(value, bool):
        raise ValueError("not a number")  # noqa: TRY004 - pydantic turns ValueError into a problem of the key
    return value


def absolute(path: Path) -> Path:
    """An absolute path; raises ValueError for another."""
    if not path.is_absolute():
        raise ValueError("not absolute")
    return path


Seconds = Annotated[float, BeforeValidator(values.seconds)]
Number = Annotated[float, BeforeValidator(plain_number)]
Share = Annotated[float, BeforeValidator(plain_number), Field(ge=0, le=1)]
Count = Annotated[int, BeforeValidator(plain_number)]
Folder = Annotated[Path, AfterValidator(absolute)]


class Part(BaseModel):
    """A group of settings: frozen, and nothing unknown is let in."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, hide_input_in_errors=True)
