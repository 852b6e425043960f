"""How each mount of Immich's is written: tried by a tag that comes and goes, and anew when that may have changed.

A mount becomes read-only, or writable again, for us or for Immich, while we run. That shows in a write of ours
that is refused, in words that Immich loses, in our own right to write; and Immich's may have changed whenever it
was away, since a container gets its mounts at its start. What was found else is looked at again a few times a day.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from metadata.errors import PlaceClosed, Refused, TryAgain
from metadata.immich import Asset, PathMap, ready
from metadata.mirror.way import PROBE, Way
from metadata.photo import Photo
from metadata.sinks.immich import Home
from watcher.mirrored import Mirrored, Ways, probe

if TYPE_CHECKING:
    from metadata.immich import Immich

log = logging.getLogger(__name__)

AGAIN = 600.0
"""Seconds after a try in which nothing makes us doubt what it found."""
BUSY = 10.0
"""Seconds until photos are looked for again where all have something to be done to."""
LOOKED_OVER = 6 * 3600.0
"""Seconds between two tries of a mount that somebody cannot write."""
WE, IMMICH = (Way.SERVER_FIRST, Way.FILE_FIRST), (Way.SERVER_FIRST, Way.SERVER_ONLY)
"""The ways in which we, and in which Immich, can write."""


@dataclass(slots=True)
class Tries:
    """Belongs to the thread that asks Immich, but for `doubt`, `wanted` and `offer`."""

    mirrored: Mirrored
    ways: Ways
    visible: Collection[str]
    photo: Callable[[Asset], Photo | None]
    changed: list[tuple[PathMap, Way, Way]] = field(default_factory=list)
    """Mounts that are written in another way since, for the ledger's thread to take."""
    _tried: dict[bytes, float] = field(default_factory=dict)
    _doubts: set[bytes] = field(default_factory=set)
    _offered: dict[bytes, tuple[str, ...]] = field(default_factory=dict)
    _quiet: dict[bytes, float] = field(default_factory=dict)
    _open: dict[bytes, bool] = field(default_factory=dict)
    _swept: bool = False

    # Asked by the ledger's thread

    def mount(self, photo: Photo) -> PathMap | None:
        """The mount in which a photo lies; None where Immich does not see it."""
        inside = [one for one in self.ways.paths.maps if photo.file.startswith(one.host.rstrip(b"/") + b"/")]
        return max(inside, key=lambda one: len(one.host), default=None)

    def doubt(self, photo: Photo) -> bool:
        """A write went wrong as if the mount had changed; whether it is to be tried anew."""
        mount = self.mount(photo)
        if mount is None or time.monotonic() < self._tried.get(mount.host, -AGAIN) + AGAIN:
            return False
        self._doubts.add(mount.host)
        return True

    def doubt_immich(self) -> None:
        """Immich was away: where it could not write it may be able to, and the other way round."""
        self._doubts |= {host for host, way in self.ways.found.items() if way not in IMMICH}

    def wanted(self) -> list[PathMap]:
        """Mounts that are to be tried anew, and for which photos are needed."""
        now = time.monotonic()
        for mount in self.ways.paths.maps:
            way, was = self.ways.found.get(mount.host), self._tried.get(mount.host)
            late = way is not Way.SERVER_FIRST and (was is None or now >= was + LOOKED_OVER)
            if way is not None and (late or self._turned(mount.host, way)):
                self._doubts.add(mount.host)
        doubted = [each for each in self.ways.paths.maps if each.host in self._doubts]
        return [each for each in doubted if now >= self._quiet.get(each.host, 0.0)]

    def _turned(self, host: bytes, way: Way) -> bool:
        """Whether we may write there by now, or no longer."""
        here = os.access(host, os.W_OK)
        before, self._open[host] = self._open.get(host), here
        if before is None:
            return (not here and way in WE and _read_only(host)) or (here and way not in WE)
        return before != here

    def offer(self, mount: PathMap, assets: Sequence[str]) -> None:
        """Assets in this mount on which it may be tried: nothing is to be done to them now."""
        if assets:
            self._offered[mount.host] = tuple(assets)
        else:
            self._quiet[mount.host] = time.monotonic() + BUSY

    # Asked where Immich is

    def look(self, assets: Iterable[Asset], owners: Mapping[str, Immich]) -> None:
        """Try what is not known, by photos just told of, and what is doubted, by those that were offered."""
        if not self._swept:
            self._sweep(owners)
        for mount in self.ways.paths.maps:
            if mount.host not in self.ways.found:
                self._first(mount, assets, owners)
            elif mount.host in self._doubts and mount.host in self._offered:
                self._doubts.discard(mount.host)
                self._anew(mount, self._offered.pop(mount.host), owners)

    def _first(self, mount: PathMap, assets: Iterable[Asset], owners: Mapping[str, Immich]) -> None:
        for asset in assets:
            if not asset.path.startswith(mount.container) or asset.tags:
                continue
            photo = self._good(asset, owners)
            if photo is None:
                continue
            whole = asset if asset.tags is not None else owners[asset.owner].asset(asset.id)
            if whole is not None and not whole.tags:
                self._try(mount, photo, asset)
                return

    def _anew(self, mount: PathMap, offered: Sequence[str], owners: Mapping[str, Immich]) -> None:
        for name in offered:
            asset = next((found for one in owners.values() if (found := one.asset(name)) is not None), None)
            photo = self._good(asset, owners) if asset is not None else None
            if asset is None or photo is None:
                continue
            tags = {tag.value for tag in asset.tags or ()}
            if tags <= {*probe(self.mirrored, photo, Home(asset.id, asset.owner)).words()}:
                self._try(mount, photo, asset)
                return
        self._tried[mount.host] = time.monotonic()
        log.info("%s has no photo on which it could be tried", os.fsdecode(mount.host))

    def _good(self, asset: Asset, owners: Mapping[str, Immich]) -> Photo | None:
        """The photo, where the asset may be touched and its file is here."""
        if ready(asset, owners, visible=self.visible).verdict != "ready":
            return None
        photo = self.photo(asset)
        return photo if photo is not None and os.path.isfile(photo.file) else None

    def _try(self, mount: PathMap, photo: Photo, asset: Asset) -> None:
        name = os.fsdecode(mount.host)
        self._tried[mount.host] = time.monotonic()
        try:
            finding = probe(self.mirrored, photo, Home(asset.id, asset.owner)).find()
        except (PlaceClosed, Refused, TryAgain, KeyError) as error:
            log.warning("how %s is written could not be tried: %s", name, error)
            self._swept = False
            return
        before = self.ways.found.get(mount.host)
        self.ways.found[mount.host] = finding.way
        self._open[mount.host] = os.access(mount.host, os.W_OK)
        log.log(
            logging.WARNING if before not in (None, finding.way) else logging.INFO, "%s: %s", name, finding.seen
        )
        if before not in (None, finding.way):
            assert before is not None
            self.changed.append((mount, before, finding.way))
        if finding.left:
            self._swept = False
            log.warning("left behind by the try of %s: %s", name, finding.left)

    def _sweep(self, owners: Mapping[str, Immich]) -> None:
        """Take away the tag of a try that was ended in the middle."""
        for client in owners.values():
            for tag in client.tags():
                if tag.value == PROBE:
                    client.untag(tag.id, [asset.id for asset in client.tagged(tag.id)])
                    client.delete_tag(tag.id)
        self._swept = True


def _read_only(host: bytes) -> bool:
    try:
        return bool(os.statvfs(host).f_flag & os.ST_RDONLY)
    except OSError:
        return False
