"""Immich as the service is connected with it: what is asked in the poll's own thread, and what that brings.

Nothing is asked before the first look, since Immich may be down when we start. Where its folders are here is
found out by the first photos that it tells of, and how each mount is written by a try on one of them.
"""

from __future__ import annotations

import json
import logging
import os
import random
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from metadata.errors import PlaceClosed, Refused, TryAgain, UserError
from metadata.immich import Asset, ByApi, ByDatabase, Face, PathMap, Paths
from metadata.immich.paths import MEDIA, from_settings
from metadata.mirror.way import Way
from metadata.photo import Photo
from watcher import connection, remains
from watcher.albums import Albums
from watcher.faces import EVERY, Faces
from watcher.homes import Finder
from watcher.immich_settings import Immich as ImmichSettings
from watcher.mirrored import Mirrored, Ways, connected
from watcher.settings import Settings
from watcher.tries import Tries

if TYPE_CHECKING:
    from metadata.immich import Database, Immich, Keys

log = logging.getLogger(__name__)

SAMPLE = 8
"""Photos of each part of Immich's folders by which these are found here."""
IMPORTS = "importFaces"
"""What Immich calls it among its features that it reads faces out of files."""
MARKED = 200
"""Photos that get the marker in one call."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
PREVIEWS = ("_preview.jpeg", "_preview.webp", "-preview.jpeg", "-preview.webp", ".jpeg")


class Learned(Paths):
    """Maps that may be learned while they are in use."""

    def take(self, maps: Iterable[PathMap]) -> None:
        """These from now on."""
        Paths.__init__(self, maps)


@dataclass(frozen=True, slots=True)
class Report:
    """What one look at Immich brought. `faces` by asset; `marked` are assets that carry the marker."""

    owners: Mapping[str, frozenset[str]]
    """The users whose keys are set, by id, each with its names: id, name and mail."""
    changed: tuple[Asset, ...] = ()
    gone: frozenset[str] = frozenset()
    faces: Mapping[str, Sequence[Face]] = field(default_factory=dict)
    marked: frozenset[str] = frozenset()
    imports: bool | None = None
    """Whether Immich imports faces from files; None where it was not asked."""
    barred: frozenset[str] = frozenset()
    """Assets that are in an album whose photos no other machine may see."""


class Link:
    """The connection. `look`, `mark` and `fetch` ask Immich; the rest knows."""

    def __init__(
        self, settings: Settings, keys: Keys, database: Database | None, ends: threading.Event, find: Finder
    ) -> None:
        """`ends` ends all waiting, `find` knows the assets of photos by the ledger."""
        self.settings: ImmichSettings = settings.immich
        self.roots = tuple(root for root in settings.roots if "immich" in root.places and not root.immich)
        self._only = frozenset(root.name for root in self.roots if "sidecar" not in root.places)
        self.remote = next((root for root in settings.roots if root.immich), None)
        self.keys, self.database, self._ends, self._find = keys, database, ends, find
        named = from_settings(
            {name: os.fsencode(path) for name, path in settings.immich.paths.items()},
            os.fsencode(settings.immich.upload_location) if settings.immich.upload_location else None,
        )
        self.paths, self._all = Learned(one_medium(named, ())), settings
        self.named = json.dumps([(each.container, os.fsdecode(each.host)) for each in named])
        """The maps that a person named, as a text: what was learned holds as long as they stay the same."""
        self.ways = Ways(self.paths)
        made = connected(settings, keys, database, self.paths, self._way, ends=ends, around=find.around)
        named_roots = frozenset(root.name for root in self.roots)
        self.mirrored: Mirrored = replace(made, roots=named_roots | made.alone, ending=self.abort)
        self.tries = Tries(self.mirrored, self.ways, settings.immich.visibility, self.photo)
        self._census: list[ByApi | ByDatabase] = []
        self._faces = Faces(database, keys) if any(root.people != "none" for root in settings.roots) else None
        self.albums = settings.private.albums
        """Albums whose photos no other machine may see."""
        self._regions, self._imports_due = any(root.people == "regions" for root in settings.roots), 0.0
        self._albums = Albums(self.albums)
        self._told = ""
        self.contact = False
        self.contact_before = False
        """Whether Immich has told us ever, in this process or one before."""

    def recall(self, text: str) -> None:
        """What an earlier process found out (`assets.FOUND`): where the folders are, and how they are written."""
        told = json.loads(text or "{}")
        if told.get("paths") and told.get("named") == self.named:
            self.paths.take(PathMap(name, os.fsencode(host)) for name, host in told["paths"])
        self.ways.found |= {os.fsencode(host): Way[way] for host, way in told.get("ways", {}).items()}
        self.contact_before = bool(told)

    def end(self) -> None:
        """Ends all waiting; what is under way comes to its end by itself."""
        self._ends.set()

    def abort(self) -> None:
        """Ends all waiting, and what is under way as well."""
        self._ends.set()
        self.keys.abort()
        if self.database is not None:
            self.database.abort()

    def close(self) -> None:
        """Ends all waiting, and the connections."""
        self.mirrored.ending()
        self.keys.close()
        if self.database is not None:
            self.database.close()
        self._find.close()

    def places(self) -> frozenset[bytes]:
        """What errors call Immich and its database when these are away."""
        named = {client.place for client in self.keys.clients} | {b"Immich"}
        return frozenset(named | ({self.database.login.place} if self.database else set()))

    def heard(self) -> bool:
        """Whether Immich has answered anything since we started."""
        return any(client.calls["answered"] for client in self.keys.clients)

    def silent(self) -> float:
        """Seconds for which Immich, or its database, owes an answer; 0 where they owe none."""
        waits = [client.silent for client in self.keys.clients]
        return max([*waits, self.database.silent if self.database is not None else 0.0])

    # What is asked

    def look(self, known: Mapping[str, tuple[str, str]]) -> Report:
        """All news since the last look; at the first one, since what is `known` (owner and mark by asset).

        Raises TryAgain while Immich is away, PlaceClosed and UserError where a person has to act.
        """
        imports = self._imports()
        owners = {client.me().id: client for client in self.keys.clients}
        self._clear_up()
        if not self._census:
            self._census = list(self._counted(owners, known))
        changed: list[Asset] = []
        gone: set[str] = set()
        for census in self._census:
            news = census.look()
            changed += news.changed
            gone |= news.gone
        first, self.contact = not self.contact, True
        if changed and (first or not self.paths):
            self._learn(changed)
        self.tries.look(changed, owners)
        faces = self._looked_at(changed, owners)
        users = {owner: _names(client) for owner, client in owners.items()}
        marked, barred = self._marked(changed, owners), self._albums.look(owners)
        return Report(users, self._stacked(changed, owners), frozenset(gone), faces, marked, imports, barred)

    def _stacked(self, changed: Sequence[Asset], owners: Mapping[str, Immich]) -> tuple[Asset, ...]:
        """With the stacks that they are in; the listing of the API does not tell."""
        if self.database is not None or not changed:
            return tuple(changed)
        stacks: dict[str, str] = {}
        for client in owners.values():
            stacks |= client.stacks() or {}
        return tuple(replace(each, stack=stacks.get(each.id)) for each in changed)

    def _imports(self) -> bool | None:
        """Whether Immich reads faces out of sidecars, where that is of interest; asked now and then."""
        if not self._regions or time.monotonic() < self._imports_due:
            return None
        self._imports_due = time.monotonic() + EVERY
        return IMPORTS in self.keys.clients[0].features()

    def _clear_up(self) -> None:
        """Take away what a probe left that was ended, if there is any."""
        try:
            if done := remains.swept(self._all.state, self.keys, self.database):
                log.info("%s", done)
        except (UserError, Refused, PlaceClosed) as error:
            log.debug("what a probe left stays for now: %s", error)

    def _looked_at(self, changed: Sequence[Asset], owners: Mapping[str, Immich]) -> dict[str, list[Face]]:
        """Who is in photos; without the right to know, keywords go on all the same."""
        try:
            return self._faces.look([each.id for each in changed], owners) if self._faces is not None else {}
        except (PlaceClosed, Refused) as error:
            if self._told != str(error):
                log.warning("people are not known: %s", error)
            self._told = str(error)
            return {}

    def _counted(
        self, owners: Mapping[str, Immich], known: Mapping[str, tuple[str, str]]
    ) -> Iterable[ByApi | ByDatabase]:
        if self.database is not None:
            marks = {
                each: mark if "T" not in mark else "" for each, (owner, mark) in known.items() if owner in owners
            }
            yield ByDatabase(self.database, frozenset(owners), self.database.login.place, known=marks)
            return
        for user, client in owners.items():
            times = {each: _time(mark) for each, (owner, mark) in known.items() if owner == user}
            yield ByApi(client, visible=self.settings.visibility, known=times)

    def _learn(self, assets: Sequence[Asset]) -> None:
        """Where Immich's folders are here, by a few photos of each of them."""
        parts: dict[tuple[str, ...], list[Asset]] = {}
        for asset in assets:
            parts.setdefault(tuple(asset.path.split("/")[1:3]), []).append(asset)
        chance = random.Random(len(assets))  # noqa: S311 - a choice of photos
        sample = [each for some in parts.values() for each in chance.sample(some, min(SAMPLE, len(some)))]
        maps = one_medium(connection.mapped(self._all, sample).maps, sample)
        if maps and maps != list(self.paths.maps):
            self.paths.take(maps)
            told = (f"{each.container} = {os.fsdecode(each.host)}" for each in maps)
            log.info("Immich's folders are here: %s", ", ".join(told))

    def _marked(self, changed: Sequence[Asset], owners: Mapping[str, Immich]) -> frozenset[str]:
        """Assets that carry the marker; the listing of the API does not tell."""
        marker = self.settings.marker
        if not marker or not changed:
            return frozenset()
        if all(asset.tags is not None for asset in changed):
            return frozenset(each.id for each in changed if marker in {tag.value for tag in each.tags or ()})
        found: set[str] = set()
        for client in owners.values():
            for tag in client.tags():
                if tag.value == marker:
                    found |= {asset.id for asset in client.tagged(tag.id)}
        return frozenset(found)

    def mark(self, homes: Sequence[tuple[str, str]]) -> list[str]:
        """Put the marker on these assets (id and owner); those that got it."""
        done: list[str] = []
        for owner, client in self.keys.by_owner().items():
            mine = [asset for asset, whose in homes if whose == owner]
            if mine:
                tag = client.upsert_tags([self.settings.marker]).get(self.settings.marker)
                if tag is not None:
                    client.tag([tag.id], mine)
                    done += mine
        return done

    # What is known

    def _way(self, photo: Photo) -> Way | None:
        """How a photo's mount is written; where sidecars are not wished for, through Immich alone."""
        way = self.ways(photo)
        return Way.SERVER_ONLY if way is not None and photo.root in self._only else way

    def photo(self, asset: Asset) -> Photo | None:
        """Where an asset's file is below a root of ours, as a photo without a number; None where it is not."""
        file = self.paths.host(asset.path)
        for root in self.roots if file is not None else ():
            base = os.fsencode(os.path.abspath(root.path))
            if file is not None and file.startswith(base.rstrip(b"/") + b"/"):
                return Photo(0, root.name, base, file[len(base.rstrip(b"/")) + 1 :])
        return None

    def preview(self, asset: str, owner: str) -> bytes:
        """The file that Immich made to show an asset, unedited; b"" where there is none here."""
        for media in MEDIA:
            folder = self.paths.host(f"{media}/thumbs/{owner}/{asset[:2]}/{asset[2:4]}")
            for ending in PREVIEWS if folder is not None else ():
                file = os.path.join(folder or b"", asset.encode() + ending.encode())
                if os.path.isfile(file):
                    return file
        return b""


def one_medium(maps: Iterable[PathMap], sample: Sequence[Asset]) -> list[PathMap]:
    """The maps with one name for Immich's media location: the one that these assets have, else today's."""
    given = list(maps)
    named = [each for each in given if each.container in MEDIA]
    used = [each for each in named if any(asset.path.startswith(each.container + "/") for asset in sample)]
    kept = (used or sorted(named, key=lambda each: MEDIA.index(each.container)))[:1]
    return [each for each in given if each.container not in MEDIA or each in kept]


def _names(client: Immich) -> frozenset[str]:
    user = client.me()
    return frozenset(name for name in (user.id, user.name, user.email) if name)


def _time(mark: str) -> datetime:
    try:
        return datetime.fromisoformat(mark)
    except ValueError:
        return EPOCH


def mark_of(asset: Asset) -> str:
    """The state an asset is in: the database's own order of changes, or the time of the last one."""
    return asset.change or asset.updated.isoformat()


def linked(
    settings: Settings, environment: Mapping[str, str], *, warn: Callable[[str], object] = log.warning
) -> Link:
    """The connection that the settings name. Asks nothing yet. Raises UserError for what cannot be one."""
    ends = threading.Event()
    keys = connection.keys(settings.immich, environment, warn=warn, wait=partial(_pause, ends))
    login = connection.login(settings.immich, environment, warn=warn)
    database = None
    if login is not None:
        from metadata.immich import Database  # noqa: PLC0415 - only where there is one

        database = Database(login)
    return Link(settings, keys, database, ends, Finder(settings.state))


def _pause(ends: threading.Event, seconds: float) -> None:
    if ends.wait(seconds):
        raise TryAgain(b"Immich", "tagwright is ending")
