"""Immich in memory: its tags, locks, jobs and sidecars, as far as words can be lost by them.

A change locks the asset and queues the writing of its sidecar and after that an extraction, which replaces
tags and description by what photo and sidecar say. Jobs run when time passes (`wait`). No network, no
database; sidecars are real files, and `tests/immich` has the whole server.
"""

from __future__ import annotations

import os
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from metadata import xmp
from metadata.errors import PlaceClosed, TagwrightError
from metadata.immich.shapes import Tag
from metadata.mirror.ports import Shown, Wait
from metadata.sinks import Change
from metadata.sinks.immich import Home
from metadata.tags import HIERARCHICAL, SUBJECT, TAGS_LIST

EPOCH = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
DESCRIPTIONS = ("dc:description", "tiff:ImageDescription")


@dataclass
class Kept:
    """An asset. `path` is the photo's; `inside` are keywords that stand in the photo itself."""

    path: str = ""
    tags: set[str] = field(default_factory=set)
    description: str = ""
    inside: tuple[str, ...] = ()
    told: str = ""
    locked: dict[str, object] = field(default_factory=dict)
    extracted: datetime | None = EPOCH
    sidecar: str = ""


@dataclass
class MemoryImmich:
    """A `Server` and a `Source` in one. `exact` False: there is no database."""

    owner: str = "me"
    exact: bool = True
    assets: dict[str, Kept] = field(default_factory=dict)
    known: dict[str, Tag] = field(default_factory=dict)
    may_write: bool = True
    races: bool = False
    forgets: Counter[str] = field(default_factory=Counter)
    takes: bool = True
    template: str = ""
    down: bool = False
    busy: int = 0
    seconds: float = 0.0
    jobs: deque[tuple[str, str]] = field(default_factory=deque)
    calls: Counter[str] = field(default_factory=Counter)
    done: Counter[str] = field(default_factory=Counter)
    log: list[tuple[str, tuple[str, ...], tuple[str, ...]]] = field(default_factory=list)
    in_flight: list[str] = field(default_factory=list)

    # For tests

    def add(self, asset: str, *tags: str, **more: object) -> Kept:
        kept = Kept(**more)
        self.assets[asset] = kept
        for value in tags:
            self._tag(value)
        kept.tags |= {*tags}
        return kept

    @property
    def wait(self) -> Wait:
        return Wait(lambda: self.seconds, self._sleep)

    def _sleep(self, seconds: float) -> None:
        self.seconds += seconds
        self.work()

    def work(self, most: int = 1_000_000) -> None:
        """Immich works off its queues."""
        for _ in range(most):
            if not self.jobs:
                return
            name, asset = self.jobs.popleft()
            self.done[name] += 1
            (self._write if name == "write" else self._extract)(asset)
        self.busy = 0

    def home(self, asset: str) -> Home:
        return Home(asset, self.owner)

    # A user

    def user_tags(self, asset: str, *values: str) -> None:
        """The user tags a photo in the app."""
        self.tag([self._tag(value).id for value in values], [asset])

    def user_untags(self, asset: str, value: str) -> None:
        self.untag(self.known[value].id, [asset])

    # The server

    def _call(self, name: str) -> None:
        self.calls[name] += 1
        if self.down:
            raise PlaceClosed(b"Immich", "it does not answer")

    def _tag(self, value: str) -> Tag:
        parts = value.split("/")
        parent = self._tag("/".join(parts[:-1])).id if len(parts) > 1 else None
        return self.known.setdefault(value, Tag(f"tag-{len(self.known)}", value, parent))

    def tags(self) -> list[Tag]:
        self._call("tags")
        return [*self.known.values()]

    def upsert_tags(self, values: Sequence[str]) -> Mapping[str, Tag]:
        self._call("upsert")
        return {value: self._tag(value) for value in values} if self.takes else {}

    def _named(self, number: str) -> str | None:
        return next((value for value, tag in self.known.items() if tag.id == number), None)

    def tag(self, tag_ids: Sequence[str], asset_ids: Sequence[str]) -> int:
        self._call("tag")
        values = {value for number in tag_ids if (value := self._named(number))}
        self.log.append(("tag", tuple(sorted(values)), tuple(asset_ids)))
        new = {asset: values - self.assets[asset].tags for asset in asset_ids if asset in self.assets}
        for asset, fresh in new.items():
            if fresh:
                self._changed(asset, "tags")
                self.assets[asset].tags |= fresh
                if self.races and ("extract", asset) in self.jobs:
                    self.jobs.remove(("extract", asset))
                    self._extract(asset)
                self._lock(asset, "tags", frozenset(self.assets[asset].tags))
        return sum(map(len, new.values()))

    def untag(self, tag_id: str, asset_ids: Sequence[str]) -> Mapping[str, str]:
        self._call("untag")
        value = self._named(tag_id)
        self.log.append(("untag", (value or "",), tuple(asset_ids)))
        for asset in asset_ids:
            if value in self.assets[asset].tags:
                self._changed(asset, "tags")
                self.assets[asset].tags -= {value}
                self._lock(asset, "tags", frozenset(self.assets[asset].tags))
        return dict.fromkeys(asset_ids, "")

    def describe(self, asset_id: str, text: str) -> None:
        self._call("describe")
        self.log.append(("describe", (text,), (asset_id,)))
        self._changed(asset_id, "description")
        self.assets[asset_id].description = text
        self._lock(asset_id, "description", text)

    def refresh(self, asset_ids: Sequence[str]) -> None:
        self._call("refresh")
        self.log.append(("refresh", (), tuple(asset_ids)))
        self.jobs.extend(("extract", asset) for asset in asset_ids)

    def delete_tag(self, tag_id: str) -> None:
        self._call("delete")
        value = self._named(tag_id) or ""
        gone = {each for each in self.known if each == value or each.startswith(value + "/")}
        self.known = {each: tag for each, tag in self.known.items() if each not in gone}
        for kept in self.assets.values():
            kept.tags -= gone

    def queues(self) -> Mapping[str, int] | None:
        self._call("queues")
        return {"sidecar": self.busy, "metadataExtraction": len(self.jobs)}

    def unused(self, tag_ids: Sequence[str]) -> set[str]:
        above = {tag.parent for tag in self.known.values()}
        used = {value for kept in self.assets.values() for value in kept.tags}
        return {number for number in tag_ids if self._named(number) not in used and number not in above}

    def _changed(self, asset: str, what: str) -> None:
        if self.assets[asset].locked or any(one == asset for _, one in self.jobs):
            self.in_flight.append(asset)

    def _lock(self, asset: str, name: str, value: object) -> None:
        self.assets[asset].locked[name] = value
        self.jobs.append(("write", asset))

    # The source

    def shown(self, assets: Sequence[str]) -> dict[str, Shown]:
        self.calls["shown"] += 1
        if self.down:
            raise PlaceClosed(b"Immich", "it does not answer")
        return {asset: self._shown(self.assets[asset]) for asset in assets if asset in self.assets}

    def _shown(self, kept: Kept) -> Shown:
        tags = frozenset(kept.tags)
        if not self.exact:
            return Shown(tags, kept.description, ready=kept.extracted is not None)
        return Shown(
            tags, kept.description, kept.extracted is not None, bool(kept.locked), kept.extracted, kept.sidecar
        )

    # Jobs

    def _write(self, asset: str) -> None:
        kept = self.assets[asset]
        where = kept.sidecar or kept.path + ".xmp"
        locked, kept.locked = kept.locked, {}
        if self.may_write and kept.path and os.path.exists(kept.path):
            write_sidecar(where, locked)
        if kept.path:
            kept.sidecar = where
        self.jobs.append(("extract", asset))

    def _extract(self, asset: str) -> None:
        kept = self.assets[asset]
        if kept.path and os.path.exists(kept.path):
            said = read_sidecar(kept.sidecar) if kept.sidecar else {}
            if "tags" not in kept.locked:
                values = said.get("tags")
                kept.tags = set(kept.inside if values is None else values)
                for value in kept.tags:
                    self._tag(value)
            if "description" not in kept.locked:
                kept.description = str(said.get("description", kept.told)).strip()
        if self.forgets[asset]:
            self.forgets[asset] -= 1
            kept.tags.clear()
        kept.extracted = (kept.extracted or EPOCH) + timedelta(seconds=1)
        if self.template and kept.path:
            self._move(kept)

    def _move(self, kept: Kept) -> None:
        new = os.path.join(self.template, os.path.basename(kept.path))
        if new != kept.path:
            os.rename(kept.path, new)
            if kept.sidecar and os.path.exists(kept.sidecar):
                os.rename(kept.sidecar, new + ".xmp")
                kept.sidecar = new + ".xmp"
            kept.path = new


def write_sidecar(where: str, locked: Mapping[str, object]) -> None:
    """Merges the locked fields into the file, as Immich's exiftool does; what it cannot read it leaves."""
    change = Change()
    old = Path(where).read_bytes() if os.path.exists(where) else b""
    document = None
    if old:
        try:
            document = xmp.parse(old, where.encode())
        except TagwrightError:
            return
    lists = xmp.seen(document).lists if document else {}
    values = tuple(sorted(locked["tags"])) if "tags" in locked else lists.get(TAGS_LIST, ())
    texts = {name: str(locked["description"]) or None for name in DESCRIPTIONS} if "description" in locked else {}
    change = Change(
        add={TAGS_LIST: values},
        remove={TAGS_LIST: tuple(v for v in lists.get(TAGS_LIST, ()) if v not in values)},
        texts=texts,
    )
    data = xmp.edit(document, change, EPOCH) if document else xmp.new(change, EPOCH)
    if not values and "tags" in locked:
        data = _explicitly_none(data)
    Path(where + "_exiftool_tmp").write_bytes(data)
    os.replace(where + "_exiftool_tmp", where)


def _explicitly_none(data: bytes) -> bytes:
    none = (
        b'<rdf:Description rdf:about="" xmlns:digiKam="http://www.digikam.org/ns/1.0/">'
        b"<digiKam:TagsList><rdf:Seq><rdf:li/></rdf:Seq></digiKam:TagsList></rdf:Description>"
    )
    return data.replace(b"</rdf:RDF>", none + b"</rdf:RDF>")


def read_sidecar(where: str) -> dict[str, object]:
    """Tags by Immich's precedence (None: no field of them), and the description. Half a file says nothing."""
    try:
        seen = xmp.seen(xmp.parse(Path(where).read_bytes(), where.encode()))
    except (TagwrightError, FileNotFoundError):
        return {"tags": None}
    said: dict[str, object] = {"tags": None}
    for name, sign in ((TAGS_LIST, "/"), (HIERARCHICAL, "|"), (SUBJECT, "/")):
        if name in seen.lists:
            said["tags"] = {value.replace(sign, "/") for value in seen.lists[name]}
            break
    for name in reversed(DESCRIPTIONS):
        if seen.texts.get(name):
            said["description"] = seen.texts[name]
            break
    return said
