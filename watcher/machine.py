"""Whether this machine can run what we are made of, said in one line before a library says it in thirty."""

from __future__ import annotations

import platform
from pathlib import Path

CPUINFO = Path("/proc/cpuinfo")
V2 = frozenset({"cx16", "popcnt", "sse4_1", "sse4_2", "ssse3"})
"""What x86-64-v2 adds to x86-64, as Linux names it (x86-64 psABI); numpy's packages are built for it."""
WIDE = frozenset({"x86_64", "aarch64"})


def unsuited(kind: str | None = None, cpuinfo: Path = CPUINFO) -> str:
    """Why tagwright cannot run here, and what can be done; "" where it can. `kind` as `uname -m` says it."""
    kind = kind or platform.machine()
    if kind not in WIDE:
        return (
            f"tagwright needs a 64-bit processor and system (x86_64 or aarch64), and this is {kind}. "
            "Run it on another machine that mounts the photos (docs/nas.md)"
        )
    if kind != "x86_64":
        return ""
    lacking = sorted(V2 - flags) if (flags := _flags(cpuinfo)) else []
    if not lacking:
        return ""
    return (
        f"numpy needs x86-64-v2, which this processor has not ({', '.join(lacking)}). In a virtual machine set "
        "its CPU type to `host`; else run tagwright on another machine that mounts the photos (docs/nas.md)"
    )


def _flags(cpuinfo: Path) -> frozenset[str]:
    try:
        lines = cpuinfo.read_text("ascii", "replace").splitlines()
    except OSError:
        return frozenset()
    return next(
        (frozenset(line.partition(":")[2].split()) for line in lines if line.startswith("flags")), frozenset()
    )


def understood(error: RuntimeError) -> str:
    """A sentence for errors of other libraries that speak of the machine; "" for all else."""
    text = str(error)
    if "can't start new thread" in text:
        return (
            "no thread can be started. In a container this is a Docker older than 20.10.10, whose rules do not "
            "know what newer images ask: update Docker, or add `security_opt: [seccomp=unconfined]`; else raise "
            "`pids_limit`, or TasksMax of the unit"
        )
    if "X86_V2" in text or "baseline optimizations" in text:
        return unsuited() or f"this processor is too old for numpy: {text}"
    return ""
