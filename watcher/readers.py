"""Which photo program sees a sidecar beside which kind of file, and which switch makes it see the rest.

Measured with digiKam 7.9, darktable 4.2, Geeqie 2.0 and Shotwell 0.30; Adobe, Capture One and Immich by
their documentation and sources.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Literal

from watcher.findings import Finding
from watcher.ignore import FILM_SUFFIXES

Sight = Literal["sees", "with a switch", "only IMG.xmp", "nothing"]

KINDS: Mapping[bytes, str] = {
    **dict.fromkeys((b".jpg", b".jpeg", b".jpe"), "JPEG"),
    **dict.fromkeys((b".tif", b".tiff"), "TIFF"),
    **dict.fromkeys((b".heic", b".heif", b".hif", b".avif"), "HEIC/AVIF"),
    **dict.fromkeys((b".png", b".webp", b".gif"), "PNG/WebP/GIF"),
    b".dng": "DNG",
    **dict.fromkeys(FILM_SUFFIXES, "film"),
}
"""Suffixes and what a person calls them; every other suffix of a photo is RAW."""

RAW = "RAW"
EMBEDDED_ONLY = frozenset({"JPEG", "TIFF", "HEIC/AVIF", "PNG/WebP/GIF", "DNG", "film"})
"""What Adobe's programs keep metadata inside of, or in their catalogue, so that they never look for a sidecar."""


@dataclass(frozen=True, slots=True)
class Program:
    """One program: what it sees by itself, after which switch, and what to know about it."""

    name: str
    beside_raw: Sight
    beside_others: Sight
    switch: str = ""
    note: str = ""


PROGRAMS = (
    Program(
        "digiKam",
        "with a switch",
        "with a switch",
        switch='Settings > Metadata: "Read from sidecar files", "Rescan file when files are modified" and '
        '"Clean up the metadata from the database when rescan files"',
        note="without the second switch later changes are never seen, without the third removed keywords stay",
    ),
    Program(
        "darktable",
        "sees",
        "sees",
        switch='Preferences > Storage: "look for updated XMP files on startup" (for changes after the import)',
        note="without it, darktable's next own write puts its hierarchical and flat keywords and its rating "
        "back from its database; tagwright notices and writes once more",
    ),
    Program(
        "Lightroom, Camera Raw, Bridge",
        "only IMG.xmp",
        "nothing",
        note="they keep metadata of JPEG, TIFF, PSD and DNG inside the file and ignore sidecars beside them: "
        "set `embed = true` for the root to have keywords there too; "
        "beside RAW an IMG.xmp that is there already is brought along; "
        "use Metadata > Read Metadata from Files after a change",
    ),
    Program(
        "Capture One",
        "only IMG.xmp",
        "nothing",
        switch='Preferences > Image: "Auto Sync Sidecar XMP" set to "Load" or "Full Sync"',
    ),
    Program(
        "Immich",
        "sees",
        "sees",
        note="a sidecar that came after its photo is found by Administration > Jobs > Sidecar Metadata > "
        "Discover, a later change by Sync",
    ),
    Program("Geeqie", "nothing", "nothing", note="it reads keywords inside the file only: `embed = true`"),
    Program("Shotwell", "nothing", "nothing", note="it reads keywords inside the file only: `embed = true`"),
)


def kind(suffix: bytes) -> str:
    """What a person calls files with this suffix (lower case, with its dot)."""
    return KINDS.get(suffix, RAW)


def sight(program: Program, what: str) -> Sight:
    """What the program sees beside this kind of file."""
    return program.beside_others if what in EMBEDDED_ONLY else program.beside_raw


def findings(kinds: Collection[str]) -> list[Finding]:
    """A line for each program about the kinds of file that are there; nothing where there are none."""
    return [_finding(program, sorted(kinds)) for program in PROGRAMS] if kinds else []


def _finding(program: Program, kinds: Collection[str]) -> Finding:
    parts = []
    for seen in ("sees", "with a switch", "only IMG.xmp", "nothing"):
        these = [what for what in kinds if sight(program, what) == seen]
        if these:
            parts.append(f"{_SAID[seen]} {', '.join(these)}")
    text = "; ".join(parts) + (f" ({program.note})" if program.note else "")
    used = any(sight(program, what) != "nothing" for what in kinds)
    return Finding("ok", program.name, text, program.switch if used else "")


_SAID: Mapping[str, str] = {
    "sees": "reads our sidecars beside",
    "with a switch": "reads our sidecars, once switched on, beside",
    "only IMG.xmp": "reads IMG.xmp, not IMG.ext.xmp, beside",
    "nothing": "sees nothing of sidecars beside",
}
