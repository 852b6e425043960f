"""The doctor: looks at everything the service leans on, says what is wrong and what helps."""

from __future__ import annotations

import errno
import importlib.metadata
import importlib.util
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from watcher import backends, machine, mounts, premises, readers
from watcher.findings import Finding, report, worst
from watcher.inotify import Inotify
from watcher.settings import Settings

__all__ = ["Finding", "examine", "mend", "report", "worst"]

EXIFTOOL = (12, 57)
"""The oldest exiftool that the tests run with (Debian 12)."""

INOTIFY = Path("/proc/sys/fs/inotify")

PACKAGES = {
    "astral": "night",
    "exiftool": "reading what a photo says about itself",
    "httpx": "talking to Immich",
    "numpy": "looking at pictures",
    "PIL": "JPEG, PNG, WebP, TIFF and GIF",
    "pillow_heif": "HEIC and AVIF",
    "psycopg": "reading Immich's database",
    "rawpy": "RAW",
    "reverse_geocoder": "places",
    "scipy": "the other methods of dedupe",
    "watchdog": "noticing new photos",
}
"""Python packages by the name they are imported with, and what each is for."""


def examine(
    settings: Settings,
    *,
    environment: Mapping[str, str],
    now: float,
    file: Path | None = None,
    inotify: Path = INOTIFY,
) -> list[Finding]:
    """Everything that was found, in the order in which it should be put right.

    `now` is in seconds since 1970; `file` is where the settings came from. Each root is walked once, and
    one small file is written to and removed from a folder of each kind. Raises nothing.
    """
    embeds = any(root.embed for root in settings.roots)
    findings = [
        _settings(settings, file),
        _exiftool(environment, embeds=embeds),
        *_packages(),
        _zone(settings, environment, now),
    ]
    findings += [Finding("fail", "machine", text) for text in (machine.unsuited(),) if text]
    findings += premises.about_state(settings.state)
    findings += [Finding("fail", "folders", text) for text in premises.twins(settings.roots, mounts.table())]
    watched = 0
    kinds: set[str] = set()
    for root in settings.roots:
        if root.immich:
            continue  # it has no folder
        found = premises.survey(root, settings, now=now)
        findings += premises.about_root(root, found, state=settings.state)
        watched += found.folders
        kinds |= found.files
    findings += _watches(inotify, watched)
    findings += readers.findings(kinds)
    findings += backends.findings(settings)
    if settings.immich.url:
        from watcher import links  # noqa: PLC0415 - needs httpx and psycopg, which nobody else does

        findings += links.findings(settings, environment=environment)
    if settings.cluster.address:
        from watcher.cluster import checkup  # noqa: PLC0415 - few have more than one machine

        findings += checkup.findings(settings.cluster)
    return findings


def mend(findings: Sequence[Finding]) -> list[str]:
    """Does what can be done safely, and says what was done. Raises UserError at the first that fails."""
    done = []
    for finding in findings:
        if finding.fix is not None:
            finding.fix()
            done.append(f"mended: {finding.what}: {finding.text}")
    return done


def _settings(settings: Settings, file: Path | None) -> Finding:
    source = str(file) if file else "no settings file"
    if not settings.roots:
        return Finding(
            "fail", "settings", f"{source}; no folder is named", "add a [[roots]] table (docs/settings.md)"
        )
    roots = ", ".join(f"{root.name} = {root.path} -> {'+'.join(root.places)}" for root in settings.roots)
    others = sorted(settings.model_fields_set - {"roots", "state"})
    changed = ", ".join(f"{name} = {getattr(settings, name)}" for name in others) or "nothing else"
    return Finding("ok", "settings", f"{source}; folders: {roots}; set: {changed}")


def _exiftool(environment: Mapping[str, str], *, embeds: bool) -> Finding:
    remedy = "apt-get install libimage-exiftool-perl"
    program = shutil.which("exiftool", path=environment.get("PATH"))
    if program is None and not embeds:
        text = "not found: two rare formats (X3F, CRW) say little of themselves; all else goes on without it"
        return Finding("warn", "exiftool", text, remedy)
    if program is None:
        return Finding("fail", "exiftool", "not found, and `embed` writes with it; sidecars go on", remedy)
    try:
        run = subprocess.run([program, "-ver"], capture_output=True, text=True, timeout=30, check=True)  # noqa: S603 - found above
        version = tuple(int(part) for part in run.stdout.strip().split("."))
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        return Finding("fail", "exiftool", f"{program} does not answer: {error}", remedy)
    text = f"{run.stdout.strip()} ({program})"
    if version < EXIFTOOL:
        oldest = ".".join(map(str, EXIFTOOL))
        return Finding("warn", "exiftool", f"{text}; tested with {oldest} and newer", remedy)
    return Finding("ok", "exiftool", text)


def _packages() -> Iterator[Finding]:
    missing = [name for name in PACKAGES if importlib.util.find_spec(name) is None]
    for name in missing:
        yield Finding("fail", "packages", f"{name} is missing ({PACKAGES[name]})", "install tagwright again")
    if not missing:
        versions = ", ".join(
            f"{name} {importlib.metadata.version(name)}" for name in ("pillow", "rawpy", "watchdog")
        )
        yield Finding("ok", "packages", f"all {len(PACKAGES)} are there ({versions})")


def _zone(settings: Settings, environment: Mapping[str, str], now: float) -> Finding:
    local = datetime.fromtimestamp(now, UTC).astimezone(settings.zone())
    text = f"{local:%Y-%m-%d %H:%M %Z} ({settings.timezone or environment.get('TZ') or 'from the system'})"
    given = environment.get("TZ", "").removeprefix(":")
    if not settings.timezone and given and not given.startswith("/") and "/" in given and not _is_zone(given):
        return Finding("warn", "time", f"{text}; no such zone, so UTC counts", 'set timezone = "Area/City"')
    return Finding("ok", "time", text)


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (OSError, LookupError, ValueError):
        return False
    return True


def _watches(inotify: Path, needed: int) -> Iterator[Finding]:
    """inotify(7): each folder takes one watch of its user's, and each service one instance."""
    limit = _number(inotify / "max_user_watches")
    if limit is not None and needed > limit * 0.9:
        wanted = max(524288, 2 * needed)
        yield Finding(
            "fail" if needed > limit else "warn",
            "inotify",
            f"{needed:,} folders, and {limit:,} can be watched",
            _sysctl("max_user_watches", wanted),
        )
    elif limit is not None:
        yield Finding("ok", "inotify", f"{limit:,} folders can be watched, {needed:,} are there")
    try:
        Inotify().close()
    except OSError as error:
        remedy = _sysctl("max_user_instances", 1024)
        full = error.errno == errno.EMFILE
        text = "no instance is left" if full else f"not to be had: {os.strerror(error.errno or 0)}"
        yield Finding("fail", "inotify", text, remedy if full else "")


def _sysctl(name: str, value: int) -> str:
    where = " on the host, not in this container" if mounts.in_container() else ""
    return f"echo fs.inotify.{name}={value} >> /etc/sysctl.d/60-tagwright.conf && sysctl --system{where}"


def _number(file: Path) -> int | None:
    try:
        return int(file.read_text())
    except (OSError, ValueError):
        return None
