"""One Immich server with one user's key: only the calls we use, in words of ours.

Every call may raise TryAgain (the server is away or busy, after several tries), PlaceClosed (the key or the
address: a person has to act; a missing permission is named) and Refused (400: an unknown, foreign or locked
id). HTTP 200 is not success: what was written has to be read back after it has settled.
"""

from __future__ import annotations

import base64
import random
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal, Self

from metadata.errors import PlaceClosed
from metadata.immich import answers
from metadata.immich.ready import VISIBLE
from metadata.immich.shapes import Album, Asset, Face, Person, Tag, User, Version
from metadata.immich.wire import Wire, server_time

if TYPE_CHECKING:
    import httpx

PAGE = 1000
"""Items a page of a search; the most that Immich allows."""
BULK = 200
"""Assets a call: each of them costs Immich two queries, a sidecar write and an extraction."""
PAIRS = 20_000
"""Pairs of tag and asset a call; Immich's insert fails above about 32,000."""

_GONE = frozenset({400, 404})
_CLOSED = frozenset({403, 404})

Size = Literal["preview", "thumbnail", "fullsize"]


class Immich:
    """Talks to one server as one user. Opens nothing before the first call; safe from several threads."""

    def __init__(
        self,
        url: str,
        key: str,
        *,
        ca_file: str | None = None,
        transport: httpx.BaseTransport | None = None,
        timeout: float = 60.0,
        wait: Callable[[float], None] = time.sleep,
        rng: random.Random | None = None,
    ) -> None:
        """`url` goes with or without scheme and `/api`; `timeout` in seconds. Raises UserError for no address."""
        self._wire = Wire(url, key, ca_file=ca_file, transport=transport, timeout=timeout, wait=wait, rng=rng)
        self._version: tuple[int, Version] | None = None
        self._me: User | None = None
        self._sees_queues: tuple[str, ...] = ("/queues", "/jobs")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def calls(self) -> dict[str, int]:
        """Questions so far: `answered` and `failed`."""
        return dict(self._wire.calls)

    @property
    def silent(self) -> float:
        """Seconds for which the oldest question that is under way has had no answer; 0 where none is."""
        return self._wire.silent()

    def abort(self) -> None:
        """Ends what is under way in other threads, which raises TryAgain there; nothing is asked any more."""
        self._wire.abort()

    def close(self) -> None:
        """Closes the connections."""
        self._wire.close()

    @property
    def place(self) -> bytes:
        """The server's address, as errors name it."""
        return self._wire.place

    # The server and the key

    def version(self) -> Version:
        """The server's version; asked again after each new connection, since an update restarts the server."""
        if self._version is None or self._version[0] != self._wire.connections:
            told = answers.version(self._object("GET", "/server/version"))
            self._version = (self._wire.connections, told)
        return self._version[1]

    def features(self) -> frozenset[str]:
        """What is switched on, by Immich's names: `sidecar`, `smartSearch`, `importFaces` and more."""
        return frozenset(name for name, on in self._object("GET", "/server/features").items() if on is True)

    def me(self) -> User:
        """Whose key this is; asked once."""
        if self._me is None:
            self._me = answers.user(self._object("GET", "/users/me"))
        return self._me

    def permissions(self) -> frozenset[str]:
        """The key's permissions by Immich's names; `all` stands for every one."""
        return frozenset(self._object("GET", "/api-keys/me").get("permissions", ()))

    def tags_shown(self) -> bool | None:
        """Whether the user has switched tags on in their account; None when the key may not see it."""
        told = self._wire.json("GET", "/users/me/preferences", among=_CLOSED)
        return None if told is None else bool(told.get("tags", {}).get("enabled"))

    def queues(self) -> Mapping[str, int] | None:
        """Jobs that wait or run, by queue (`sidecar`, `metadataExtraction`); None where the key sees none."""
        while self._sees_queues:
            told = self._wire.json("GET", self._sees_queues[0], among=_CLOSED)
            if told is not None:
                return answers.queues(told)
            self._sees_queues = self._sees_queues[1:]
        return None

    # Assets

    def asset(self, id: str) -> Asset | None:  # noqa: A002 - Immich's own word
        """One asset with its tags; None where it is unknown, another user's, or locked."""
        told = self._wire.json("GET", f"/assets/{id}", among=_GONE)
        return None if told is None else answers.asset(told)

    def assets(
        self, *, updated_after: datetime | None = None, visibilities: Sequence[str] = VISIBLE
    ) -> Iterator[Asset]:
        """All of the user's assets, each once and without tags, or those changed since (inclusive).

        Pages shift while photos arrive, so what changed since the beginning is asked for once more.
        """
        seen: set[str] = set()
        began: datetime | None = None
        paged = updated_after is None
        where = {} if updated_after is None else {"updatedAfter": _text(updated_after)}
        for visibility in visibilities:
            for page, (items, at) in enumerate(self._search({**where, "visibility": visibility})):
                began, paged = began or at, paged or page > 0
                yield from _new(items, seen)
        if paged and seen and began is not None:
            since = _text(max(began, updated_after or began))
            for visibility in visibilities:
                for items, _ in self._search({"visibility": visibility, "updatedAfter": since}):
                    yield from _new(items, seen)

    def by_checksum(self, sha1: bytes) -> list[Asset]:
        """The assets with this SHA-1: of an upload's content, or for external ones of `path:` and their path."""
        return self._found({"checksum": base64.b64encode(sha1).decode()})

    def tagged(self, tag_id: str) -> Iterator[Asset]:
        """The assets with this tag or one below it, without their tags."""
        seen: set[str] = set()
        for visibility in VISIBLE:
            for items, _ in self._search({"tagIds": [tag_id], "visibility": visibility}):
                yield from _new(items, seen)

    def count(self, visibility: str = "timeline") -> int | None:
        """How many assets have this visibility; None when the key may not ask (`asset.statistics`)."""
        told = self._wire.json("POST", "/search/statistics", {"visibility": visibility}, among=_CLOSED)
        return None if told is None else int(told["total"])

    def stacks(self) -> dict[str, str] | None:
        """The stack that each stacked asset is in; None where the key may not ask (`stack.read`)."""
        told = self._wire.json("GET", "/stacks", among=_CLOSED)
        return None if told is None else answers.stacks(told)

    def albums(self) -> list[Album]:
        """The user's albums, and those that others share with them. Needs `album.read`."""
        told = [*(self._wire.json("GET", "/albums") or ())]
        if self.version().major < 3:  # 3.0 tells of both at once, and refuses what it does not know
            told += self._wire.json("GET", "/albums?shared=true") or ()
        return list({each["id"]: answers.album(each) for each in told}.values())

    def in_album(self, album_id: str) -> Iterator[str]:
        """The ids of the user's own assets in an album."""
        for visibility in (*VISIBLE, "hidden"):
            for items, _ in self._search({"albumIds": [album_id], "visibility": visibility}):
                yield from (asset.id for asset in items)

    def exif(self, id: str) -> Mapping[str, Any]:  # noqa: A002
        """What Immich has read from an asset's file, by Immich's names; nothing where there is no such asset."""
        told = self._wire.json("GET", f"/assets/{id}", among=_GONE)
        return (told or {}).get("exifInfo") or {}

    def thumbnail(self, id: str, size: Size = "preview") -> bytes | None:  # noqa: A002
        """The picture that Immich made of an asset, unedited; None where there is none yet, or no such asset."""
        response = self._wire.ask("GET", f"/assets/{id}/thumbnail", params={"size": size}, among=_GONE)
        return response.content if response.is_success else None

    # A picture of our own, for the doctor

    def upload(self, picture: bytes, name: str, when: datetime) -> str:
        """Uploads a picture; its asset's id. Needs `asset.upload`.

        An answer that was lost is asked for again: the same bytes are the same asset.
        """
        fields = {"fileCreatedAt": _text(when), "fileModifiedAt": _text(when)}
        if self.version().major < 3:
            fields |= {"deviceAssetId": name, "deviceId": "tagwright"}
        response = self._wire.ask("POST", "/assets", form=(fields, {"assetData": (name, picture)}))
        told = self._checked("an upload", self._wire.parsed("POST", "/assets", response))
        return str(told["id"])

    def delete(self, id: str) -> None:  # noqa: A002
        """Deletes this one asset for good, with its file, and not into the trash. Needs `asset.delete`."""
        self._wire.json("DELETE", "/assets", {"ids": [id], "force": True}, among=_GONE)

    # Tags and captions

    def tags(self) -> list[Tag]:
        """All tags of the user."""
        return [answers.tag(each) for each in self._wire.json("GET", "/tags") or ()]

    def upsert_tags(self, values: Sequence[str]) -> dict[str, Tag]:
        """The tags of these paths, made where they are missing, by value; one that has no name left is not in it.

        Immich answers without duplicates and drops empty parts (`a//b` is `a/b`), so nothing goes by index.
        """
        wanted = {value: "/".join(part for part in value.split("/") if part) for value in values}
        names = list(dict.fromkeys(name for name in wanted.values() if name))
        found: dict[str, Tag] = {}
        for start in range(0, len(names), 500):
            told = self._wire.json("PUT", "/tags", {"tags": names[start : start + 500]})
            found |= answers.by_value(answers.tag(each) for each in told or ())
        return {value: found[name] for value, name in wanted.items() if name in found}

    def tag(self, tag_ids: Sequence[str], asset_ids: Sequence[str]) -> int:
        """Gives all these tags to all these assets, at most 200 a call; how many pairs were new.

        Ids that the user may not touch are dropped by Immich without a word. Each asset that gets something
        new costs a sidecar write and an extraction there: give all of an asset's tags in one call.
        """
        if not tag_ids:
            return 0
        size = max(1, min(BULK, PAIRS // len(tag_ids)))
        bodies = ({"tagIds": list(tag_ids), "assetIds": some} for some in _parts(asset_ids, size))
        return sum(int(self._object("PUT", "/tags/assets", body).get("count", 0)) for body in bodies)

    def untag(self, tag_id: str, asset_ids: Sequence[str]) -> dict[str, str]:
        """Takes the tag from these assets; by id "" where it was done, else Immich's word (`not_found`, …)."""
        done: dict[str, str] = {}
        for some in _parts(asset_ids, BULK):
            told = self._wire.json("DELETE", f"/tags/{tag_id}/assets", {"ids": some})
            for each in told or ():
                done[each["id"]] = "" if each.get("success") else str(each.get("error") or "unknown")
        return done

    def delete_tag(self, id: str) -> None:  # noqa: A002
        """Deletes a tag with all below it; one that is gone is fine. A sidecar that has it brings it back."""
        self._wire.json("DELETE", f"/tags/{id}", among=_GONE)

    def describe(self, asset_id: str, text: str) -> None:
        """Sets the caption; costs a sidecar write and an extraction even where it is the same."""
        self._wire.json("PUT", f"/assets/{asset_id}", {"description": text})

    def refresh(self, asset_ids: Sequence[str]) -> None:
        """Has file and registered sidecar read anew; one id that is not the user's fails the whole call."""
        for some in _parts(asset_ids, PAGE):
            self._wire.json("POST", "/assets/jobs", {"assetIds": some, "name": "refresh-metadata"})

    # People, and what we keep there

    def people(self, asset_id: str) -> list[Person]:
        """Who is on it by name or without, hidden ones marked."""
        told = self._wire.json("GET", f"/assets/{asset_id}", among=_GONE) or {}
        return [answers.person(each) for each in told.get("people", ())]

    def everybody(self) -> Iterator[Person]:
        """All people of this user, hidden ones marked. Needs `person.read`."""
        page = 1
        while True:
            told = self._object("GET", f"/people?page={page}&size=1000&withHidden=true")
            people = told.get("people") or ()
            yield from (answers.person(each) for each in people)
            if not people or not told.get("hasNextPage"):
                return
            page += 1

    def with_person(self, person_id: str) -> Iterator[Asset]:
        """The assets on which this person is, without their tags."""
        seen: set[str] = set()
        for visibility in VISIBLE:
            for items, _ in self._search({"personIds": [person_id], "visibility": visibility}):
                yield from _new(items, seen)

    def faces(self, asset_id: str) -> list[Face]:
        """The faces with their boxes; none where there is no such asset."""
        told = self._wire.json("GET", f"/faces?id={asset_id}", among=_GONE)
        return [answers.face(each) for each in told or ()]

    def metadata(self, id: str, key: str) -> Mapping[str, Any] | None:  # noqa: A002
        """What was kept with an asset under a key (2.5 and newer); None where nothing was."""
        told = self._wire.json("GET", f"/assets/{id}/metadata/{key}", among=_GONE)
        return None if told is None else told.get("value")

    def put_metadata(self, id: str, key: str, value: Mapping[str, Any]) -> None:  # noqa: A002
        """Keeps something small with an asset; extraction leaves it alone and no job is made."""
        self._wire.json("PUT", f"/assets/{id}/metadata", {"items": [{"key": key, "value": dict(value)}]})

    # What they share

    def _object(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        return self._checked(f"{method} {path}", self._wire.json(method, path, body))

    def _checked(self, question: str, told: object) -> dict[str, Any]:
        if not isinstance(told, dict):
            raise PlaceClosed(self.place, f"{question} was answered otherwise than Immich would")
        return told

    def _found(self, where: Mapping[str, object]) -> list[Asset]:
        seen: set[str] = set()
        pages = (self._search({**where, "visibility": visibility}) for visibility in VISIBLE)
        return [asset for page in pages for items, _ in page for asset in _new(items, seen)]

    def _search(self, where: Mapping[str, object]) -> Iterator[tuple[list[Asset], datetime]]:
        """Page by page what fits, and when by the server's clock nothing of it could have changed yet."""
        page: int | None = 1
        while page is not None:
            body = {**where, "page": page, "size": PAGE, "order": "asc", "withExif": True}
            response = self._wire.ask("POST", "/search/metadata", body=body)
            whole = self._checked("a search", self._wire.parsed("POST", "/search/metadata", response))
            told = self._checked("a search", whole.get("assets"))
            items = [answers.asset(each) for each in told["items"]]
            at = server_time(response)
            yield items, at - timedelta(seconds=60) if at else min((a.updated for a in items), default=_START)
            page = int(told["nextPage"]) if told.get("nextPage") and items else None


class Keys:
    """One client a user of one server; the asset's owner says which is asked."""

    def __init__(self, clients: Iterable[Immich]) -> None:
        self.clients = tuple(clients)

    def by_owner(self) -> dict[str, Immich]:
        """The clients by their user's id. Raises as `Immich.me` does."""
        return {client.me().id: client for client in self.clients}

    def of(self, owner: str) -> Immich | None:
        """The client of an asset's owner; None where we have no key of theirs."""
        return self.by_owner().get(owner)

    def abort(self) -> None:
        """Ends what is under way with any of them."""
        for client in self.clients:
            client.abort()

    def close(self) -> None:
        """Closes all of them."""
        for client in self.clients:
            client.close()


_START = datetime(1970, 1, 1, tzinfo=UTC)


def _new(items: Iterable[Asset], seen: set[str]) -> Iterator[Asset]:
    for asset in items:
        if asset.id not in seen:
            seen.add(asset.id)
            yield asset


def _parts(ids: Sequence[str], size: int) -> Iterator[list[str]]:
    for start in range(0, len(ids), size):
        yield list(ids[start : start + size])


def _text(moment: datetime) -> str:
    """With milliseconds and Z, rounded down: what both versions' descriptions take."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"
