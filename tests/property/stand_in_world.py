"""The small world of the merge beside the stand-in Immich: a real server, real tables, a real sidecar, real sinks.

People and programs are those of the small world; what they save is a file, and what a person does in Immich goes
through its API. Immich's queues stand still until their turn comes (`immich_jobs`, or while tagwright waits).
"""

from __future__ import annotations

import hashlib
import itertools
import os
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
from merge_world import PROGRAM, SUBJECT, WORDS, Sidecar, path
from mirror_world import MirrorWorld

from metadata import xmp
from metadata.mirror.bring import Mirror
from metadata.mirror.pace import Pace
from metadata.mirror.ports import Shown, Wait
from metadata.mirror.sources import ByApi, ByDatabase
from metadata.mirror.way import Way
from metadata.photo import Photo
from metadata.sinks import Seen
from metadata.sinks.immich import Home, ImmichSink
from metadata.sinks.sidecar import SidecarSink
from metadata.sinks.together import Together
from metadata.tags import HIERARCHICAL, TAGS_LIST, Word
from tests.immich_stand_in import Links

BOOKED: Word = tuple(PROGRAM.split("|"))
QUEUES = ("sidecar", "metadataExtraction")
EPOCH = datetime(2026, 1, 1, tzinfo=UTC)

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
META = "adobe:ns:meta/"
XMP = "http://ns.adobe.com/xap/1.0/"
DARKTABLE = "http://darktable.sf.net/"
NAMES = {
    TAGS_LIST: ("http://www.digikam.org/ns/1.0/", "TagsList", "Seq"),
    HIERARCHICAL: ("http://ns.adobe.com/lightroom/1.0/", "hierarchicalSubject", "Bag"),
    SUBJECT: ("http://purl.org/dc/elements/1.1/", "subject", "Bag"),
}
EMPTY = (
    f'<x:xmpmeta xmlns:x="{META}"><rdf:RDF xmlns:rdf="{RDF}"><rdf:Description rdf:about=""/></rdf:RDF></x:xmpmeta>'
)

for prefix, space in {"x": META, "rdf": RDF, "xmp": XMP, "darktable": DARKTABLE, "digiKam": NAMES[TAGS_LIST][0],
                      "lr": NAMES[HIERARCHICAL][0], "dc": NAMES[SUBJECT][0]}.items():  # fmt: skip
    ET.register_namespace(prefix, space)


@dataclass
class File(Sidecar):
    """A sidecar's content as this test's own reading has it, and the bytes that it was read from."""

    raw: bytes = b""

    def seen(self) -> Seen:
        """As tagwright reads it, for a file that a move left behind."""
        found = xmp.seen(xmp.parse(self.raw, b"left.xmp"))
        return Seen(True, self.digest(), found.lists, programs=found.programs, claimed=found.claimed)

    def words(self, name: str) -> set[Word]:
        """Without darktable's word of itself, which Immich reads, and writes into its own list."""
        return super().words(name) - {BOOKED}

    def digest(self) -> bytes:
        return hashlib.blake2b(self.raw, digest_size=16).digest()


def read(raw: bytes) -> File:
    """What stands in these bytes."""
    root = ET.fromstring(raw)
    made = File(raw=raw)
    for name, (space, local, _) in NAMES.items():
        for found in root.iter(f"{{{space}}}{local}"):
            items = [item.text or "" for item in found.iter(f"{{{RDF}}}li")]
            made.lists[name] = tuple(item for item in items if item)
    if any(element.tag.startswith(f"{{{DARKTABLE}}}") for element in root.iter()):
        made.programs = frozenset({"darktable"})
    return made


def written(car: Sidecar) -> bytes:
    """The bytes of a sidecar that a program saved, which keeps what it does not know."""
    raw = car.raw if isinstance(car, File) and car.raw else EMPTY.encode()
    was = read(raw)
    if isinstance(car, File) and (was.lists, was.programs) == (car.lists, car.programs) and not car.date:
        return raw
    root = ET.fromstring(raw)
    parts = list(root.iter(f"{{{RDF}}}Description"))
    for name, (space, local, kind) in NAMES.items():
        if was.lists.get(name) == car.lists.get(name):
            continue
        _drop(parts, f"{{{space}}}{local}")
        if name in car.lists:
            field = ET.SubElement(ET.SubElement(parts[0], f"{{{space}}}{local}"), f"{{{RDF}}}{kind}")
            for value in car.lists[name]:
                ET.SubElement(field, f"{{{RDF}}}li").text = value
    if "darktable" in car.programs - was.programs:
        ET.SubElement(parts[0], f"{{{DARKTABLE}}}xmp_version").text = "5"
    if car.date:
        _drop(parts, f"{{{XMP}}}MetadataDate")
        parts[0].set(f"{{{XMP}}}MetadataDate", (EPOCH + timedelta(minutes=car.date)).isoformat())
    return ET.tostring(root)


def _drop(parts: list[ET.Element], tag: str) -> None:
    for part in parts:
        part.attrib.pop(tag, None)
        for child in part.findall(tag):
            part.remove(child)


class Passing:
    """A sink or a client between whose steps others may act."""

    def __init__(self, inner: object, world: StandInWorld) -> None:
        self._inner, self._world = inner, world

    def __getattr__(self, name: str) -> object:
        return getattr(self._inner, name)

    def tag(self, tag_ids, asset_ids):
        self._world.pass_by()
        count = self._inner.tag(tag_ids, asset_ids)
        self._world.pass_by()
        return count

    def untag(self, tag_id, asset_ids):
        self._world.pass_by()
        answers = self._inner.untag(tag_id, asset_ids)
        self._world.pass_by()
        return answers

    def refresh(self, asset_ids):
        self._world.pass_by()
        return self._inner.refresh(asset_ids)

    def write(self, drafts):
        self._world.pass_by()
        answers = self._inner.write(drafts)
        self._world.pass_by()
        return answers


class StandInWorld(MirrorWorld):
    """One photo of the stand-in; `registered`: Immich is told to look for sidecars whenever it works."""

    def __init__(
        self, links: Links, door: psycopg.Connection, asset: str, *, exact: bool, registered: bool
    ) -> None:
        self.links, self.door, self.asset = links, door, asset
        self.place: Path | None = None
        self.minutes = itertools.count(1)
        super().__init__(exact=exact, registered=registered)
        self.raws: list[bytes] = []
        self.place = links.immich.original_of(asset)
        self._moved_to(self.place)
        owner = links.immich.admin.id
        wait = Wait(lambda: self.clock, self._sleep)
        source = ByDatabase(links.database.looks) if exact else ByApi({owner: links.client})
        mirror = Mirror({owner: Passing(links.client, self)}, source, pace=Pace(wait), wait=wait)
        self.immich_sink = ImmichSink(mirror=mirror, find=lambda photos: [Home(asset, owner) for _ in photos])
        self.files = self._sidecars()
        self.both = Together(
            Passing(self._sidecars(), self),
            self.immich_sink,
            way=lambda _: Way.SERVER_FIRST,
            host=lambda found: os.fsencode(links.immich.host(found)),
        )

    def _moved_to(self, place: Path) -> None:
        self.place = place
        self.photo = Photo(1, "r", os.fsencode(place.parent), os.fsencode(place.name))

    def _sidecars(self) -> SidecarSink:
        known = (lambda _: os.fsencode(self._where())) if self.exact else None
        return SidecarSink(clock=lambda: EPOCH + timedelta(minutes=next(self.minutes)), registered=known)

    def _one(self, query: str) -> object:
        row = self.door.execute(query, (self.asset,)).fetchone()
        return row[0] if row else None

    def _where(self) -> Path:
        known = self._one("SELECT path FROM asset_file WHERE \"assetId\" = %s AND type = 'sidecar'")
        return self.links.immich.host(known) if known else self.place.with_name(self.place.name + ".xmp")

    # What stands, in the file and in the tables

    @property
    def sidecar(self) -> Sidecar | None:
        if self.place is None or not (where := self._where()).exists():
            return None
        return read(where.read_bytes())

    @sidecar.setter
    def sidecar(self, car: Sidecar | None) -> None:
        if self.place is None:
            return
        where = self._where()
        if car is None:
            where.unlink(missing_ok=True)
        else:
            self._put(where, written(car))

    @staticmethod
    def _put(where: Path, raw: bytes) -> None:
        """As programs save: a new file in the place of the old."""
        beside = where.with_name(where.name + ".new")
        beside.write_bytes(raw)
        beside.replace(where)

    @property
    def server(self) -> list[str]:
        query = 'SELECT t.value FROM tag t JOIN tag_asset x ON x."tagId" = t.id WHERE x."assetId" = %s'
        return sorted(row[0] for row in self.door.execute(query, (self.asset,))) if self.place else []

    @server.setter
    def server(self, tags: list[str]) -> None:
        assert self.place is None or tags == self.server

    @property
    def dirty(self) -> bool:
        query = 'SELECT "lockedProperties" IS NOT NULL FROM asset_exif WHERE "assetId" = %s'
        return bool(self._one(query)) if self.place else False

    @dirty.setter
    def dirty(self, value: bool) -> None:
        pass

    def seen(self, name: str) -> Seen | None:
        if name == "left":
            return self.left.seen() if self.left is not None else None
        if name == "sidecar":
            return self.files.read([self.photo])[0]
        text = str(self._one('SELECT description FROM asset_exif WHERE "assetId" = %s') or "")
        return self.immich_sink.seen(self.asset, Shown(frozenset(self.server), text))

    def standing(self, name: str) -> set[Word]:
        return super().standing(name) - {BOOKED}

    # Immich

    def immich(self, word, present) -> None:
        """A person who waits until what they did before has been done: two changes at once lose each other."""
        if self.dirty:
            self.immich_jobs()
        if present == (path(word) in self.server):
            return
        self.act(word, present)
        if present:
            self.links.immich.tag([self.asset], [path(word)])
        else:
            (tag,) = [tag for tag in self.links.client.tags() if tag.value == path(word)]
            self.links.client.untag(tag.id, [self.asset])

    def immich_jobs(self) -> None:
        """What waits, and then everything is read again."""
        self._works(again=True)

    def _sleep(self, seconds: float) -> None:
        self.clock += seconds
        self._works(again=False)

    def _works(self, *, again: bool) -> None:
        if self.dirty:
            if self.unseen:
                self._like_darktable()
            self.free |= self.damaged
        before = {*self.server}
        for _ in self.watch():
            with working(self.links):
                pass
        if again:
            self._read_again()
        car, now = self.sidecar or Sidecar(), {*self.server}
        for word in self.unseen:
            if (path(word) in before) != (path(word) in now) and TAGS_LIST not in car.lists:
                self.free.add(word)

    def _read_again(self) -> None:
        with working(self.links):
            if self.registered:
                self.links.immich.ok("PUT", "/jobs/sidecar", {"command": "start", "force": True})
            else:
                self.links.client.refresh([self.asset])

    # Files come and go

    def back_up(self) -> None:
        if self.sidecar is not None:
            self.raws.append(self._where().read_bytes())

    def restore(self, number: int) -> None:
        if not self.raws:
            return
        for _ in self.watch():
            raw = self.raws[number % len(self.raws)]
            memory = self.ledger.memories.get("sidecar")
            where = self._where()
            self._put(where, raw)
            if memory is None or self.files.read([self.photo])[0].digest not in (*memory.history, memory.digest):
                self.free |= set(WORDS)
            self.fresh_copy = True
            self.free |= self.unseen

    def move_without_sidecar(self) -> None:
        """The storage template moves the photo, and the sidecar that Immich knows of; another stays behind."""
        if self.left is not None or self.dirty:
            return
        where, known = self._where(), self._one(_SIDECAR)
        new = self.place.with_name(f"moved{next(self.minutes)}.jpg")
        self.place.rename(new)
        self.links.immich.sql('UPDATE asset SET "originalPath" = %s WHERE id = %s', self._inside(new), self.asset)
        beside = new.with_name(new.name + ".xmp")
        if where.exists() and known:
            where.rename(beside)
            query = "UPDATE asset_file SET path = %s WHERE \"assetId\" = %s AND type = 'sidecar'"
            self.links.immich.sql(query, self._inside(beside), self.asset)
        elif known:  # as its job for all sidecars would, which finds none
            self.links.immich.sql("DELETE FROM asset_file WHERE \"assetId\" = %s AND type = 'sidecar'", self.asset)
        elif where.exists():
            self.left = read(where.read_bytes())
            where.unlink()
        self._moved_to(new)
        self.book = None
        self.books.clear()

    def _inside(self, place: Path) -> str:
        return "/data/" + str(place.relative_to(self.links.immich.upload))

    def _bring(self) -> None:
        """For Immich it is the same photo, wherever it lies."""
        memories = self.ledger.memories
        server = memories.get("server")
        super()._bring()
        if server is not None:
            memories["server"] = server

    def end(self) -> None:
        """The photo goes, with everything beside it."""
        with working(self.links):
            self.links.immich.ok("DELETE", "/assets", {"ids": [self.asset], "force": True})
        for path_ in self.place.parent.glob("*"):
            path_.unlink()


_SIDECAR = "SELECT path FROM asset_file WHERE \"assetId\" = %s AND type = 'sidecar'"


@contextmanager
def working(links: Links) -> Iterator[None]:
    """Immich's queues run until all that waits, and what is asked within, is done."""
    for queue in QUEUES:
        links.immich.resume(queue)
    yield
    links.immich.idle()
    for queue in QUEUES:
        links.immich.pause(queue)


@contextmanager
def standing(links: Links, *, exact: bool, registered: bool) -> Iterator[StandInWorld]:
    """A world with a new photo, taken down afterwards."""
    (asset,) = links.immich.assets(1)
    with working(links):
        links.client.refresh([asset])
    with psycopg.connect(links.immich.dsn, autocommit=True) as door:
        world = StandInWorld(links, door, asset, exact=exact, registered=registered)
        yield world
        world.end()
