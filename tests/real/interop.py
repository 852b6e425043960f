"""Prints docs/interop.md: what each real program here reads of what we write.

Run as `scripts/interop`. A program that cannot be had leaves a column that names the command that failed.
"""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from pathlib import Path

from PIL import Image

from metadata.sinks import Change
from tests.patience import PATIENCE
from tests.real.readers import PROGRAMS, VERSIONS, Failed, Found
from tests.unit.keeper import Keeper, wanted
from tests.unit.sidecar_set import SIDECARS

WORDS = {
    "a flat word": ("boat",),
    "a path": ("animals", "cat"),
    "three levels": ("Places", "Norway", "Oslo"),
    "umlaut, accent": ("Küste", "Zoé"),
    "emoji, Chinese, Arabic": ("\U0001f408", "東京", "بحر"),
    "`&`, `<`, quotes": ('Tom & "Jerry" <3>',),
    "full stop and semicolon": ("no. 1; two",),
    "digits, true, exponent": ("007", "True", "1e5"),
}
TEXTS = {"caption": "A cat & a boat", "title": "Harbour", "city": "Oslo"}
FIELDS = {
    "caption": ["dc:description", "tiff:ImageDescription"],
    "title": ["dc:title"],
    "city": ["photoshop:City"],
}
STYLES = [
    "darktable, empty history",
    "digiKam 5",
    "digiKam 8, every field",
    "digiKam with faces",
    "Lightroom 6",
    "Lightroom Classic",
    "Camera Raw",
    "Capture One",
    "Immich",
    "Photini",
    "ACDSee",
    "Windows",
    "Photo Mechanic",
    "Photo Supreme",
    "Apple",
]
OURS = [("animals", "cat"), ("boat",)]


INTRODUCTION = """\
Made by `scripts/interop`, which writes sidecars with tagwright and asks the programs: exiftool and exiv2
for what stands in the file, darktable and digiKam for what they took into their own databases. digiKam was told to
read sidecars, which it does not do by itself (see [digikam.md](digikam.md)). ACDSee leaves zero bytes behind the
document; what cannot read such a file could not before us either."""


def photo(folder: Path, number: int) -> str:
    name = f"{number:02}.png"
    Image.new("RGB", (16, 16), (number * 9 % 256, 90, 30)).save(folder / name)
    return name


def build(folder: Path) -> dict[str, str]:
    """One new sidecar with everything, one merged sidecar a style; name of the style to name of the photo."""
    keeper = Keeper(folder, None, photo(folder, 0))
    keeper.keep(wanted(*WORDS.values()))
    (seen,) = keeper.sink.read([keeper.photo])
    texts = {name: TEXTS[text] for text, names in FIELDS.items() for name in names}
    keeper.sink.write([keeper.sink.draft(keeper.photo, seen, Change(texts=texts))])
    names = {}
    for number, style in enumerate(STYLES, 1):
        names[style] = photo(folder, number)
        Keeper(folder, SIDECARS[style], names[style]).keep(wanted(*OURS))
    return names


def version(program: str) -> str:
    try:
        done = subprocess.run(VERSIONS[program], capture_output=True, check=False, timeout=PATIENCE)
    except (OSError, subprocess.TimeoutExpired):
        return program
    number = re.search(r"\d+(\.\d+)+", done.stdout.decode())
    return f"{program} {number[0]}" if number else program


def table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(row)} |" for row in lines)


def page(names: dict[str, str], found: dict[str, Found | str]) -> str:
    head = [version(program) for program in PROGRAMS]
    first = [
        [_cell(title, word), *(_word(found[p], "00.png", "|".join(word)) for p in PROGRAMS)]
        for title, word in WORDS.items()
    ]
    first += [
        [f"{name}: `{text}`", *(_text(found[p], name, text) for p in PROGRAMS)] for name, text in TEXTS.items()
    ]
    second = [
        [style, *(_all(found[p], name, ["|".join(word) for word in OURS]) for p in PROGRAMS)]
        for style, name in names.items()
    ]
    faults = [f"- {program}: `{fault}`" for program, fault in found.items() if isinstance(fault, str)]
    return "\n\n".join(
        [
            "# What other programs read",
            INTRODUCTION,
            "## A new sidecar",
            table(["what stands in it", *head], first),
            "## Words of ours after a merge into another program's sidecar",
            table(["written by", *head], second),
            *(["## Programs that could not be asked", "\n".join(faults)] if faults else []),
        ]
    )


def _cell(title: str, word: tuple[str, ...]) -> str:
    shown = "\\|".join(word)
    return f"{title}: `{shown}`"


def _word(found: Found | str, name: str, word: str) -> str:
    return _said(found, name, lambda read: word in read.words)


def _text(found: Found | str, field: str, text: str) -> str:
    return _said(found, "00.png", lambda read: read.texts.get(field) == text)


def _all(found: Found | str, name: str, words: list[str]) -> str:
    return _said(found, name, lambda read: read.words.issuperset(words))


def _said(found: Found | str, name: str, holds) -> str:
    if isinstance(found, str):
        return "not asked"
    return "read" if name in found and holds(found[name]) else "not read"


def main() -> None:
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "photos"
        folder.mkdir()
        names = build(folder)
        found: dict[str, Found | str] = {}
        for program, ask in PROGRAMS.items():
            (own := Path(scratch) / program).mkdir()
            try:
                found[program] = ask(folder, own)
            except (Failed, OSError, subprocess.TimeoutExpired) as error:
                found[program] = str(error).replace(str(scratch), "…").replace(os.fsdecode(folder), "…")
        print(page(names, found))


if __name__ == "__main__":
    main()
