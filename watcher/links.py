"""The links of the chain between us and Immich: server, keys, tags, folders, sidecars, database."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from metadata.errors import PlaceClosed, Refused, TagwrightError, TryAgain
from metadata.immich import Asset, Paths
from metadata.immich.client import Immich
from metadata.immich.database import AGAIN, Database
from metadata.immich.paths import path_checksum
from watcher import connection, premises
from watcher.findings import Finding
from watcher.settings import Settings

if TYPE_CHECKING:
    import httpx

NEEDED = {
    "asset.read": "finding photos",
    "asset.view": "looking at previews",
    "tag.read": "reading tags",
    "tag.create": "making tags",
    "tag.asset": "giving and taking tags",
    "user.read": "knowing whose photos they are",
    "job.create": "having a changed sidecar read",
}
"""Permissions of a key without which the mirror does not work, and what each is for."""

WANTED = {
    "asset.update": "captions",
    "tag.delete": "deleting tags of ours that no photo has",
    "asset.statistics": "noticing early that photos were locked",
}
PEOPLE = {"person.read": "names of people", "face.read": "where faces are"}
ALBUMS = {"album.read": "knowing which photos stay on this machine"}
STACKS = {"stack.read": "what is stacked gets one set of keywords"}

SAMPLE = 8
"""Photos of each user that are looked for in our folders."""

TESTED = ((2, 7), (3, 1))


@dataclass(slots=True)
class _Sample:
    """What was learned on the way: a few photos of each user."""

    assets: list[Asset] = field(default_factory=list)


def findings(
    settings: Settings, *, environment: Mapping[str, str], transport: httpx.BaseTransport | None = None
) -> Iterator[Finding]:
    """Each link in the order in which it should be put right; nothing where no Immich is set. Raises nothing.

    Changes nothing in Immich; one small file is written beside a photo and taken away again.
    """
    if not settings.immich.url:
        return
    told: list[str] = []
    try:
        keys = connection.keys(
            settings.immich, environment, warn=told.append, wait=_at_once, timeout=15.0, transport=transport
        )
    except TagwrightError as error:
        yield Finding("fail", "Immich", str(error))
        return
    try:
        yield from (Finding("warn", "Immich's keys", text) for text in told)
        server = _server(keys.clients[0])
        yield server
        if server.level != "fail":
            yield from _faces(settings, keys.clients[0])
            yield from _after(settings, keys.clients)
    finally:
        keys.close()
    yield from _database(settings, environment)


def _after(settings: Settings, clients: Sequence[Immich]) -> Iterator[Finding]:
    sample = _Sample()
    for number, client in enumerate(clients, 1):
        yield from _key(client, number, settings, sample)
    yield from _folders(settings, sample.assets)


def _at_once(_: float) -> None:
    """A person waits for the answer."""


def _server(client: Immich) -> Finding:
    try:
        version = client.version()
        features = client.features()
    except TagwrightError as error:
        return Finding(
            "fail", "Immich", _reason(error), "see that Immich runs, and set `immich.url` to its address"
        )
    text = f"{version} at {client.place.decode()}"
    if not version.known:
        return Finding("fail", "Immich", f"{text} is too old", "update Immich to 2.5 or newer")
    if "sidecar" not in features:
        return Finding("warn", "Immich", f"{text}; it reads no sidecars", "see Immich's own settings")
    newer = (version.major, version.minor) > TESTED[-1]
    return Finding("ok", "Immich", f"{text}{'; newer than what was tested' if newer else ''}")


def _faces(settings: Settings, client: Immich) -> Iterator[Finding]:
    """Regions of ours would come back as faces where Immich imports these from files."""
    if any(root.people == "regions" for root in settings.roots) and "importFaces" in client.features():
        text = (
            "it imports faces from files, and would take regions of ours for more of them: only names are written"
        )
        yield Finding(
            "warn", "Immich: people", text, "switch it off in Immich: Administration > Settings > Metadata"
        )


def _key(client: Immich, number: int, settings: Settings, sample: _Sample) -> Iterator[Finding]:
    what = f"Immich's key {number}"
    try:
        held = client.permissions()
        yield from _permissions(what, held, settings)
        user = client.me()
        yield Finding("ok", what, f"of {user.name} ({user.email})" if user.email else f"of {user.name}")
        yield from _tags(what, client, held)
        sample.assets += _some(client)
    except TagwrightError as error:
        yield Finding("fail", what, _reason(error), "make a new key in Immich: Account settings > API keys")


def _permissions(what: str, held: frozenset[str], settings: Settings) -> Iterator[Finding]:
    wanted = WANTED | PEOPLE if _people(settings) else WANTED
    wanted = wanted if settings.immich.database else wanted | STACKS
    needed = NEEDED | ALBUMS if settings.private.albums else NEEDED
    for level, names in (("fail", needed), ("warn", wanted)):
        missing = [] if "all" in held else [name for name in names if name not in held]
        if missing:
            text = "lacks " + ", ".join(f"{name} ({names[name]})" for name in missing)
            remedy = "give it these permissions in Immich: Account settings > API keys"
            yield Finding("fail" if level == "fail" else "warn", what, text, remedy)


def _tags(what: str, client: Immich, held: frozenset[str]) -> Iterator[Finding]:
    switch = "Account settings > Features > Tags"
    shown = client.tags_shown() if held & {"all", "userPreference.read"} else None
    if shown is None:
        yield Finding(
            "ok", f"{what}: tags", f"whether they are shown cannot be seen (userPreference.read): {switch}"
        )
    elif shown:
        yield Finding("ok", f"{what}: tags", "are shown")
    else:
        yield Finding("warn", f"{what}: tags", "are kept, and this user has them hidden", f"switch on {switch}")


def _some(client: Immich) -> list[Asset]:
    """A few photos from all over the first page of the listing."""
    page: list[Asset] = []
    for asset in client.assets():
        page.append(asset)
        if len(page) == 1000:
            break
    return page[:: max(1, len(page) // SAMPLE)][:SAMPLE]


# Folders and sidecars


def _folders(settings: Settings, sample: Sequence[Asset]) -> Iterator[Finding]:
    what = "Immich's folders"
    if not sample:
        yield Finding("ok", what, "there is no photo yet to compare paths with")
        return
    if not connection.folders(settings):
        yield Finding(
            "ok", what, "none is mounted here: previews, tags and captions go by the API, without sidecars"
        )
        return
    paths = connection.mapped(settings, sample)
    found = [(asset, file) for asset in sample if (file := paths.host(asset.path)) and os.path.isfile(file)]
    yield from _maps(what, paths, sample, {asset.id for asset, _ in found})
    places = {os.path.dirname(file): asset for asset, file in found}
    yield from _sidecars(places)


def _maps(what: str, paths: Paths, sample: Sequence[Asset], found: set[str]) -> Iterator[Finding]:
    told = ", ".join(f"{each.container} = {os.fsdecode(each.host)}" for each in paths.maps) or "no path is known"
    missing = sorted({asset.path for asset in sample if asset.id not in found})
    if not missing:
        yield Finding("ok", what, f"{told}; all of {len(sample)} photos were found")
        return
    remedy = "mount the folder here, or say where it is: `immich.paths` (docs/settings.md)"
    text = f"{told}; {len(missing)} of {len(sample)} photos were not found, such as {missing[0]}"
    yield Finding("warn" if found else "fail", what, text, remedy)


def _sidecars(places: Mapping[bytes, Asset]) -> Iterator[Finding]:
    what = "sidecars of Immich"
    closed = [(folder, error) for folder in places if (error := premises.probe(folder)) is not None]
    for folder, error in closed[:3]:
        text = f"we cannot write in {os.fsdecode(folder)}: {error.strerror}"
        yield Finding("warn", what, text, "let this user write there; until then keywords go by the API alone")
    shut = [folder for folder, asset in places.items() if not _its_own(folder, asset)]
    for folder in shut[:3]:
        text = f"the owner of Immich's files may not write in {os.fsdecode(folder)}"
        yield Finding("warn", what, text, "Immich loses tags where it cannot write sidecars: see its mounts")
    if places and not closed and not shut:
        text = "we can write beside Immich's photos"
        yield Finding("ok", what, f"{text}; whether Immich can (its mount may be `:ro`) shows when a tag is given")


def _its_own(folder: bytes, asset: Asset) -> bool:
    """Whether the owner of an upload may write in its folder; of external libraries nothing can be told."""
    if asset.checksum == path_checksum(asset.path):
        return True
    try:
        mode = os.stat(folder).st_mode
    except OSError:
        return False
    return bool(mode & stat.S_IWUSR)


# The database


def _database(settings: Settings, environment: Mapping[str, str]) -> Iterator[Finding]:
    what = "Immich's database"
    told: list[str] = []
    try:
        login = connection.login(settings.immich, environment, warn=told.append)
    except TagwrightError as error:
        yield Finding("fail", what, str(error))
        return
    yield from (Finding("warn", what, text) for text in told)
    if login is None:
        text = "not set: no vectors, and an upload whose sidecar is elsewhere is told to Immich by the API alone"
        yield Finding("ok", what, text)
        return
    with Database(login, patience=15.0) as database:
        try:
            yield from _standing(what, database, settings)
        except TagwrightError as error:
            yield Finding("fail", what, _reason(error), "see `immich.database`, and `tagwright immich grants`")


def _standing(what: str, database: Database, settings: Settings) -> Iterator[Finding]:
    if lacks := database.schema().lacks():
        yield Finding("fail", what, f"this is not what Immich 2.5 to 3.1 has; missing: {', '.join(lacks)}")
        return
    standing = database.standing()
    needless = ("person.", "asset_face.")
    unreadable = [name for name in standing.unreadable if _people(settings) or not name.startswith(needless)]
    if unreadable:
        yield Finding("fail", what, f"may not be read: {', '.join(unreadable[:5])}", AGAIN)
        return
    if standing.writes:
        text = f"{database.login.user} may write in it, which we never do"
        yield Finding("warn", what, text, "make a role that only reads: `tagwright immich grants`")
    space = database.space(model=settings.immich.model)
    vectors = f"{space.count:,} vectors of {space.dim} numbers by {space.model or 'an unknown model'}"
    yield Finding("ok", what, f"{database.login.place.decode()}; {vectors}")


def _people(settings: Settings) -> bool:
    """Whether people are to be known in any folder."""
    return any(root.people != "none" for root in settings.roots)


def _reason(error: TagwrightError) -> str:
    if isinstance(error, TryAgain | PlaceClosed | Refused):
        return f"{os.fsdecode(error.path)}: {error.reason}"
    return str(error)
