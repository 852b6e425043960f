"""Asks real programs what they read beside photos: exiftool, exiv2, darktable and digiKam, each without a screen.

Every function takes a folder of photos with sidecars and a scratch folder, and gives for each photo's name
the words (as paths) and texts that the program took. Raises Failed, which names the command.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from tests.patience import PATIENCE


class Failed(Exception):
    """A program that is not there, or did not do what it was asked."""


@dataclass
class Read:
    """What a program took of one photo."""

    words: set[str] = field(default_factory=set)
    texts: dict[str, str] = field(default_factory=dict)


Found = dict[str, Read]


def _run(command: Sequence[str], **environment: str) -> bytes:
    if shutil.which(command[0]) is None:
        raise Failed(f"{command[0]}: not installed")
    done = subprocess.run(
        command, capture_output=True, check=False, timeout=PATIENCE, env={**os.environ, **environment}
    )
    if done.returncode < 0 or (done.returncode and not done.stdout):
        said = (done.stderr.decode(errors="replace").strip().splitlines() or ["no message"])[-1]
        raise Failed(f"{' '.join(command[:4])} …: exit status {done.returncode}: {said}")
    return done.stdout


def _sidecars(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.xmp"))


def exiftool(folder: Path, scratch: Path) -> Found:
    """Words as in lr:hierarchicalSubject."""
    out = _run(["exiftool", "-j", "-G1", "-struct", "-n", "-XMP:all", *map(str, _sidecars(folder))])
    found = {}
    for each in json.loads(out, parse_int=str, parse_float=str):
        words = each.get("XMP-lr:HierarchicalSubject", [])
        texts = {
            "caption": each.get("XMP-dc:Description"),
            "title": each.get("XMP-dc:Title"),
            "city": each.get("XMP-photoshop:City"),
        }
        name = Path(each["SourceFile"]).name.removesuffix(".xmp")
        said = {key: value for key, value in texts.items() if value}
        found[name] = Read(set(words if isinstance(words, list) else [words]), said)
    return found


def exiv2(folder: Path, scratch: Path) -> Found:
    """Words as in lr:hierarchicalSubject; exiv2 joins them, so none may hold a comma."""
    names = {"Xmp.dc.description": "caption", "Xmp.dc.title": "title", "Xmp.photoshop.City": "city"}
    found = {}
    for path in _sidecars(folder):
        read = found[path.name.removesuffix(".xmp")] = Read()
        for line in _run(["exiv2", "-q", "-PXkv", str(path)]).decode(errors="replace").splitlines():
            key, _, value = line.partition(" ")
            if key == "Xmp.lr.hierarchicalSubject":
                read.words |= set(value.strip().split(", "))
            elif key in names:
                read.texts[names[key]] = value.strip().removeprefix('lang="x-default" ')
    return found


def darktable(folder: Path, scratch: Path) -> Found:
    """Words of darktable's own library after an import."""
    home = {"HOME": str(scratch), "XDG_CONFIG_HOME": str(scratch), "XDG_CACHE_HOME": str(scratch)}
    core = ["--core", "--library", f"{scratch}/library.db", "--configdir", f"{scratch}/cfg"]
    core += ["--cachedir", f"{scratch}/cache", "--disable-opencl", "--conf", "write_sidecar_files=never"]
    small = ["--width", "16", "--out-ext", "png"]
    _run(["darktable-cli", "--import", str(folder), f"{scratch}/out/", *small, *core], **home)
    found: Found = {}
    with closing(sqlite3.connect(scratch / "library.db")) as library:
        library.execute("attach ? as d", (f"{scratch}/cfg/data.db",))
        for number, name in library.execute("select id, filename from images").fetchall():
            tags = library.execute(
                "select name from tagged_images i join d.tags t on t.id = i.tagid where imgid = ?", (number,)
            )
            texts = dict(library.execute("select key, value from meta_data where id = ?", (number,)))
            said = {name: texts[key] for key, name in ((3, "caption"), (2, "title")) if texts.get(key)}
            found[name] = Read({tag for (tag,) in tags}, said)
    return found


RC = """[General Settings]
Version=7.9.0
[Album Settings]
Scan At Start=true
[Metadata Settings]
Use XMP Sidecar For Reading=true
Metadata Writing Mode=1
"""
TREE = """with recursive p(id, path) as (select id, name from Tags where pid = 0
 union all select t.id, p.path || '|' || t.name from Tags t join p on t.pid = p.id)
 select path from ImageTags i join p on p.id = i.tagid where i.imageid = ?"""


def digikam(folder: Path, scratch: Path) -> Found:
    """Words of digiKam's own database: one start makes it, the next scans, with sidecars switched on."""
    for program in ("digikam", "Xvfb", "dbus-run-session"):
        if shutil.which(program) is None:
            raise Failed(f"{program}: not installed")
    base = scratch / "db" / "digikam4.db"
    for part in ("db", ".config", "run"):
        (scratch / part).mkdir(mode=0o700)
    (scratch / ".config" / "digikamrc").write_text(RC)
    _digikam_until(scratch, lambda: _rows(base, "select 1 from Settings where keyword = 'Locale'"))
    insert = "insert into AlbumRoots(label, status, type, identifier, specificPath) values('p', 0, 1, ?, '/')"
    _rows(base, insert, f"volumeid:?path={folder}")
    wanted, before, since = len(_sidecars(folder)), None, 0.0

    def complete() -> bool:
        nonlocal before, since
        counts = "(select count(*) from ImageInformation), (select count(*) from ImageTags)"
        now = _rows(base, f"select (select count(*) from Images), {counts}, (select count(*) from ImageComments)")[
            0
        ]
        if now != before:
            before, since = now, time.monotonic()
        return now[1] >= wanted and time.monotonic() - since > 1.5

    _digikam_until(scratch, complete)
    found: Found = {}
    for number, name in _rows(base, "select id, name from Images"):
        words = {path for (path,) in _rows(base, TREE, number) if not path.startswith("_Digikam")}
        comments = dict(_rows(base, "select type, comment from ImageComments where imageid = ?", number))
        city = _rows(base, "select value from ImageProperties where imageid = ? and property = 'city'", number)
        texts = {"caption": comments.get(1), "title": comments.get(3), "city": city[0][0] if city else None}
        found[name] = Read(words, {key: value for key, value in texts.items() if value})
    return found


def _rows(base: Path, query: str, *values: object) -> list[tuple]:
    with closing(sqlite3.connect(base, timeout=5)) as database, database:
        return database.execute(query, values).fetchall()


def _digikam_until(scratch: Path, ready: Callable[[], object]) -> None:
    """Run digiKam on a screen of its own until its database says so; ends both by their own numbers."""
    out, into = os.pipe()
    screen = subprocess.Popen(
        ["Xvfb", "-displayfd", str(into), "-screen", "0", "1280x800x24", "-nolisten", "tcp"],
        pass_fds=(into,), start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    os.close(into)
    with os.fdopen(out) as said:
        display = said.readline().strip()
    home = {"HOME": str(scratch), "XDG_CONFIG_HOME": f"{scratch}/.config", "XDG_DATA_HOME": f"{scratch}/share"}
    home |= {"XDG_CACHE_HOME": f"{scratch}/cache", "XDG_RUNTIME_DIR": f"{scratch}/run", "DISPLAY": f":{display}"}
    home |= {"QTWEBENGINE_DISABLE_SANDBOX": "1", "LC_ALL": "C.UTF-8"}
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "LANG")}
    command = ["dbus-run-session", "--", "digikam", "--config", f"{scratch}/.config/digikamrc"]
    program = subprocess.Popen(
        [*command, "--database-directory", f"{scratch}/db"], env={**kept, **home},
        start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until and program.poll() is None:
            try:
                if ready():
                    return
            except sqlite3.Error:
                pass
            time.sleep(0.2)
        raise Failed(f"{' '.join(command[2:3])} --database-directory …: its database was not complete in time")
    finally:
        _end(program)
        _end(screen)


def _end(process: subprocess.Popen) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
            process.wait(5)
        except ProcessLookupError:
            break
        except subprocess.TimeoutExpired:
            continue
    process.wait()


PROGRAMS: dict[str, Callable[[Path, Path], Found]] = {
    "exiftool": exiftool,
    "exiv2": exiv2,
    "darktable": darktable,
    "digiKam": digikam,
}
VERSIONS = {
    "exiftool": ["exiftool", "-ver"],
    "exiv2": ["exiv2", "--version"],
    "darktable": ["darktable-cli", "--version"],
    "digiKam": ["digikam", "--version"],
}
