"""What the doctor found: one fact each, how bad it is, and what helps."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

Level = Literal["ok", "warn", "fail"]

_SIGNS = {"ok": "ok  ", "warn": "warn", "fail": "FAIL"}


@dataclass(frozen=True, slots=True)
class Finding:
    """One fact: `what` was looked at, the `text` says how it is, `remedy` what a person does about it.

    `fix` does it for them where that is safe; it raises UserError where it cannot.
    """

    level: Level
    what: str
    text: str
    remedy: str = ""
    fix: Callable[[], None] | None = None


def worst(findings: Sequence[Finding]) -> Level:
    """The worst level among them; ok where there are none."""
    levels = {finding.level for finding in findings}
    return "fail" if "fail" in levels else "warn" if "warn" in levels else "ok"


def report(findings: Sequence[Finding], *, json: bool) -> str:
    """All of them for a person, or as a JSON list; paths that are not UTF-8 show their odd bytes."""
    text = _as_json(findings) if json else "\n".join(_line(finding) for finding in findings)
    return text.encode("utf-8", "backslashreplace").decode()


def _line(finding: Finding) -> str:
    lines = [f"{_SIGNS[finding.level]}  {finding.what}: {finding.text}"]
    if finding.remedy:
        lines.append(f"      -> {finding.remedy}")
    if finding.fix is not None:
        lines.append("      -> tagwright doctor --fix does it")
    return "\n".join(lines)


def _as_json(findings: Sequence[Finding]) -> str:
    told = [
        {"level": f.level, "what": f.what, "text": f.text, "remedy": f.remedy, "fixable": f.fix is not None}
        for f in findings
    ]
    return json.dumps(told, indent=2)
