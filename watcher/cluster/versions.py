"""What has to be the same on all machines, because what one packs the other unpacks; compared at the start."""

from __future__ import annotations

import importlib.metadata
import sys
from collections.abc import Mapping
from typing import Any

from watcher import __version__

Versions = Mapping[str, str]
"""tagwright and distributed to the last number, Python without it."""


def ours() -> dict[str, str]:
    """Of this process."""
    python = ".".join(map(str, sys.version_info[:2]))
    return {
        "tagwright": __version__,
        "distributed": importlib.metadata.version("distributed"),
        "python": python,
    }


def of_scheduler(told: Mapping[str, Any], tagwright: str | None) -> dict[str, str]:
    """What a scheduler's `versions` says; `tagwright` is None of one that was not started by ours."""
    found = {"python": ".".join(str(told["host"]["python"]).split(".")[:2])}
    found["distributed"] = str(told["packages"]["distributed"])
    return found | ({"tagwright": tagwright} if tagwright else {})


def differ(who: str, theirs: Versions, mine: Versions) -> str:
    """One line on what is not the same, or ""; what one of them does not tell is not compared."""
    wrong = [name for name in mine if theirs.get(name, mine[name]) != mine[name]]
    if not wrong:
        return ""
    there = " and ".join(f"{name} {theirs[name]}" for name in wrong)
    here = " and ".join(f"{name} {mine[name]}" for name in wrong)
    return f"{who} has {there}, this machine {here}: install the same on both"
