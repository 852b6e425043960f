"""The reference sink: a place in a dict that keeps every promise of `metadata.sinks.Sink`, for tests and plans.

What other programs do to it is done by its plain methods `put`, `delete` and `close`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace

from metadata.errors import ChangedMeanwhile, PlaceClosed, Refused, TryAgain
from metadata.photo import Photo
from metadata.sinks import Change, Claim, Draft, Seen, Values

Fault = TryAgain | PlaceClosed | Refused

NOTHING = Seen(exists=False, digest=b"")


def identify(seen: Seen) -> Seen:
    """The same with the digest of what it says; of two equal contents the digests are equal."""
    if not seen.exists:
        return replace(NOTHING, where=seen.where)
    return replace(seen, digest=hashlib.sha256(_text(seen).encode()).digest()[:16])


def changed(seen: Seen, change: Change) -> Seen:
    """What stands after `change`, by the rules that every sink keeps; `seen` itself where nothing changes."""
    lists = {
        name: values for name in {**seen.lists, **change.add} if (values := _list(seen, change, name)) is not None
    }
    texts = {name: text for name, text in {**seen.texts, **change.texts}.items() if text}
    same = dict(seen.lists) == lists and dict(seen.texts) == texts
    claimed = _claim(seen.claimed, change.claim, same=same)
    if same and claimed == seen.claimed:
        return seen
    if not seen.exists and not lists and not texts:
        return seen
    return identify(replace(seen, exists=True, lists=lists, texts=texts, claimed=claimed))


def _list(seen: Seen, change: Change, name: str) -> Values | None:
    """A list that became empty by the change is gone; one that was empty before says so still."""
    standing = seen.lists.get(name)
    kept = tuple(value for value in standing or () if value not in change.remove.get(name, ()))
    new = tuple(dict.fromkeys(value for value in change.add.get(name, ()) if value and value not in kept))
    return kept + new or (standing if standing == () else None)


def _claim(old: Claim | None, new: Claim | None, *, same: bool) -> Claim | None:
    """A new run alone is no change."""
    if new is None:
        return old
    if not new.words and not new.texts:
        return None
    return old if same and old and replace(old, run=new.run) == new else new


def _text(seen: Seen) -> str:
    claimed = seen.claimed and [seen.claimed.ledger, seen.claimed.run, seen.claimed.words, seen.claimed.texts]
    lists = {name: list(values) for name, values in seen.lists.items()}
    content = [lists, dict(seen.texts), sorted(seen.programs), sorted(seen.people), claimed]
    return json.dumps(content, sort_keys=True)


def _parsed(text: str, where: bytes) -> Seen:
    lists, texts, programs, people, claimed = json.loads(text)
    claim = Claim(claimed[0], claimed[1], tuple(claimed[2]), tuple(claimed[3])) if claimed else None
    listed = {name: tuple(values) for name, values in lists.items()}
    seen = Seen(
        exists=True,
        digest=b"",
        lists=listed,
        texts=texts,
        programs=frozenset(programs),
        people=frozenset(people),
        claimed=claim,
        where=where,
    )
    return identify(seen)


class MemorySink:
    """Words in a dict, by the photo's root and path; `history` lists what was written, in order."""

    def __init__(self, name: str = "memory") -> None:
        """`name` is what the ledger knows the place by."""
        self.name = name
        self.history: list[tuple[Photo, Seen]] = []
        self._held: dict[bytes, Seen] = {}
        self._faults: dict[bytes, Fault] = {}
        self._closed: PlaceClosed | None = None

    # What others do to the place.

    def put(
        self,
        photo: Photo,
        *,
        lists: Mapping[str, Values] | None = None,
        texts: Mapping[str, str] | None = None,
        programs: frozenset[str] = frozenset(),
        people: frozenset[str] = frozenset(),
        claimed: Claim | None = None,
    ) -> Seen:
        """Somebody wrote the whole of it."""
        seen = Seen(
            exists=True,
            digest=b"",
            lists=dict(lists or {}),
            texts=dict(texts or {}),
            programs=programs,
            people=people,
            claimed=claimed,
            where=_where(photo),
        )
        return self.restore(photo, seen)

    def restore(self, photo: Photo, seen: Seen) -> Seen:
        """Somebody put an earlier state back; returns it with its digest."""
        self._held[_where(photo)] = identify(replace(seen, where=_where(photo)))
        return self._held[_where(photo)]

    def delete(self, photo: Photo) -> None:
        """Somebody deleted it."""
        self._held.pop(_where(photo), None)

    def fail(self, photo: Photo, fault: Fault | None) -> None:
        """From now on this photo's place answers with `fault`; None ends that."""
        self._faults.pop(_where(photo), None)
        if fault is not None:
            self._faults[_where(photo)] = fault

    def close(self, fault: PlaceClosed | None) -> None:
        """From now on the whole place answers with `fault`; None ends that."""
        self._closed = fault

    # The sink.

    def read(self, photos: Sequence[Photo]) -> list[Seen | TryAgain | PlaceClosed | Refused]:
        """What stands there."""
        return [self._fault(photo) or self._seen(photo) for photo in photos]

    def draft(self, photo: Photo, seen: Seen, change: Change) -> Draft | Refused:
        """Worked out on `seen` as it is given; a state that is not there any more is found out by `write`."""
        fault = self._faults.get(_where(photo))
        if isinstance(fault, Refused):
            return fault
        return _draft(photo, seen, changed(seen, change))

    def write(self, drafts: Sequence[Draft]) -> list[Seen | ChangedMeanwhile | TryAgain | PlaceClosed | Refused]:
        """Each draft for itself, in order."""
        return [self._write(draft) for draft in drafts]

    def _write(self, draft: Draft) -> Seen | ChangedMeanwhile | TryAgain | PlaceClosed | Refused:
        fault = self._fault(draft.photo)
        if fault is not None:
            return fault
        if self._seen(draft.photo).digest != draft.before:
            return ChangedMeanwhile(draft.where, "it is no longer what was read")
        if draft.before != draft.after:
            self._keep(draft)
        return draft.seen

    def _keep(self, draft: Draft) -> None:
        if draft.seen.exists:
            self._held[_where(draft.photo)] = draft.seen
        else:
            self._held.pop(_where(draft.photo), None)
        self.history.append((draft.photo, draft.seen))

    def revert(
        self, photo: Photo, where: bytes, after: bytes, inverse: bytes
    ) -> Draft | ChangedMeanwhile | Refused:
        """The draft that gives the state before that write back."""
        seen = self._seen(photo)
        if seen.digest != after:
            return ChangedMeanwhile(where, "it is no longer what we wrote")
        text = inverse.decode()
        old = _parsed(text, where) if text else replace(NOTHING, where=where)
        return _draft(photo, seen, old)

    def _fault(self, photo: Photo) -> Fault | None:
        return self._closed or self._faults.get(_where(photo))

    def _seen(self, photo: Photo) -> Seen:
        return self._held.get(_where(photo)) or replace(NOTHING, where=_where(photo))


def _where(photo: Photo) -> bytes:
    return photo.root.encode() + b":" + photo.path


def _draft(photo: Photo, seen: Seen, after: Seen) -> Draft:
    inverse = _text(seen).encode() if seen.exists else b""
    return Draft(photo, seen.where, seen.digest, after.digest, inverse, after, payload=None)
