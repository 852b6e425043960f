"""The XMP sidecar beside a photo as a place for words.

`metadata.which` says which file that is. Where a second sidecar belongs to the photo too, both are read
and one is written: of lists the values of both, the written file's first; of texts the written file's
where it has one; programs and people of both; the digest and the claim of the written file alone.

A new sidecar hides the photo's own metadata, so it begins as a copy of that (`metadata.seed`). One that we
made and that says nothing more than such a copy is removed with our last word.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType
from typing import NamedTuple

from metadata import files, inverse, which, xmp
from metadata.errors import ChangedMeanwhile, PlaceClosed, Refused, TagwrightError, TryAgain
from metadata.photo import Photo
from metadata.replace import Durability, Wish, put
from metadata.sinks import Change, Draft, Seen, Values
from metadata.turns import Turn

Registered = Callable[[Photo], bytes | None]
"""The absolute path of the sidecar that somebody else keeps for a photo (Immich), or None."""

Steer = Callable[[Photo], bool]
"""Whether a new sidecar may hold what steers Immich: dates, rating, orientation, GPS (`metadata.steering`)."""

_NOTHING = Seen(exists=False, digest=b"")


class _Loaded(NamedTuple):
    """One sidecar as it was read."""

    document: xmp.Document
    seen: Seen
    content: files.Content


@dataclass(frozen=True, slots=True)
class _Standing:
    """A photo's sidecars as they were read: the one to write, and what the others say."""

    seen: Seen
    own: Seen
    loaded: _Loaded | None
    others: tuple[Seen, ...] = ()


@dataclass(frozen=True, slots=True)
class _Payload:
    """A draft's contents before and after (None: no file), and what is read with it."""

    before: bytes | None
    after: bytes | None
    others: tuple[Seen, ...] = ()
    known: files.Content | None = None


class SidecarSink:
    """Keeps words in XMP sidecars; see `metadata.sinks.Sink` for what its methods promise."""

    name = "sidecar"

    def __init__(
        self,
        *,
        durability: Durability = "batch",
        clock: Callable[[], datetime],
        provenance: bool = True,
        registered: Registered | None = None,
        steer: Steer = lambda _: False,
        embeds: Callable[[Photo], bool] = lambda _: False,
        styles: Mapping[str, which.Style] = MappingProxyType({}),
    ) -> None:
        """`clock` gives the time with its zone; without `provenance` no claim is written. `styles` by root.

        `embeds` says into which photos the same changes are written as beside them.
        """
        self._styles = styles
        self._steer = steer
        self._embeds = embeds
        self._durability: Durability = durability
        self._clock = clock
        self._provenance = provenance
        self._registered = registered
        self._known: dict[bytes, _Standing] = {}
        self._turn = Turn()
        self._made: dict[int, tuple[Change, datetime, xmp.Revised]] = {}

    def read(self, photos: Sequence[Photo]) -> list[Seen | TryAgain | PlaceClosed | Refused]:
        """What stands there. A photo that is gone itself is TryAgain, so that its words are not missed."""
        self._turn.give_way()
        self._known, self._made = {}, {}
        paths = [os.path.dirname(photo.file) for photo in photos]
        folders: dict[bytes, which.Folder] = {}
        for path, count in Counter(paths).items():
            folders[path] = which.Folder(path)
            folders[path].expect(count)
        return [self._read(photo, folders[path]) for photo, path in zip(photos, paths, strict=True)]

    def _read(self, photo: Photo, folder: which.Folder) -> Seen | TryAgain | PlaceClosed | Refused:
        try:
            standing = self._look(photo, folder)
        except (TryAgain, PlaceClosed, Refused) as error:
            return error
        self._known[photo.file] = standing
        return standing.seen

    def _look(self, photo: Photo, folder: which.Folder) -> _Standing:
        found = self._found(photo, folder)
        if not found:
            if not folder.has(os.path.basename(photo.file)):
                raise TryAgain(photo.file, "the photo is not there")
            where = (self._registered and self._registered(photo)) or self.place(photo, folder)
            nothing = Seen(exists=False, digest=b"", where=where)
            return _Standing(nothing, nothing, None)
        first, *others = found
        rest = tuple(each.seen for each in others)
        return _Standing(_union(first.seen, rest), first.seen, first, rest)

    def _found(self, photo: Photo, folder: which.Folder, but: bytes = b"") -> list[_Loaded]:
        """The photo's sidecars that are there, the one to write first; `but` is not read."""
        stem, extension = which.parts(photo)
        name = photo.path[photo.path.rfind(b"/") + 1 :]
        paths = [self._registered(photo) if self._registered else None, folder.first(name)]
        found = [_load(path, photo) for path in dict.fromkeys(paths) if path and path != but]
        common = folder.first(stem) if extension else None
        if common and common not in (*paths, but):
            first = paths[0] is None and which.shares(photo, folder, self._style(photo))
            found.insert(0 if first else len(found), _common(common, photo, folder))
        return [each for each in found if each]

    def _style(self, photo: Photo) -> which.Style:
        return self._styles.get(photo.root, "immich")

    def place(self, photo: Photo, folder: which.Folder | None = None) -> bytes:
        """Where a sidecar would be made for this photo; raises Refused where its name would be too long."""
        return which.new(photo, folder or which.Folder(os.path.dirname(photo.file)), self._style(photo))

    def draft(self, photo: Photo, seen: Seen, change: Change) -> Draft | Refused:
        """Worked out on what `seen` was read from; where that has changed, `write` will say so."""
        self._turn.give_way()
        try:
            standing = self._standing(photo, seen)
            if standing is None:
                return Draft(photo, seen.where, seen.digest, seen.digest, b"", seen)
            change = change if self._provenance else replace(change, claim=None)
            if standing.loaded is None:
                return self._begin(photo, standing, seen, change)
            return self._revise(photo, standing, standing.loaded, change)
        except Refused as error:
            return error
        except (TryAgain, PlaceClosed):
            return Draft(photo, seen.where, seen.digest, seen.digest, b"", seen)

    def _standing(self, photo: Photo, seen: Seen) -> _Standing | None:
        known = self._known.get(photo.file)
        if known is None or (known.seen != seen and (known.seen.exists or seen.exists)):
            try:
                known = self._look(photo, which.Folder(os.path.dirname(photo.file)))
            except (TryAgain, PlaceClosed):
                return None
        return known if (known.own.digest, known.own.where) == (seen.digest, seen.where) else None

    def _begin(self, photo: Photo, standing: _Standing, seen: Seen, change: Change) -> Draft:
        """A new sidecar, where there is something to say: the photo's own metadata first, then the change."""
        where, now = standing.own.where, self._clock()
        if not _matters(change, seen):
            return Draft(photo, where, b"", b"", b"", seen, _Payload(None, None))
        from metadata import seeding  # noqa: PLC0415 - with all that reads photos, which no start waits for

        begun = None if seen.hides_nothing else seeding.inside(photo, where, now, steer=self._steer(photo)).seed
        change = change if begun is None else seeding.fitted(change, seen, begun.seen)
        if not _matters(change, _NOTHING if begun is None else begun.seen):
            return Draft(photo, where, b"", b"", b"", seen, _Payload(None, None))
        if marks := which.marked(photo, where):
            change = replace(change, texts={**change.texts, **marks})
        if begun is None:
            revised = self._created(change, now, where)
        else:
            revised = xmp.revise(xmp.parse(begun.data, where), begun.seen, change, now)
        after = replace(revised.seen, where=where, seeded=begun.packet.hex()) if begun else revised.seen
        return Draft(photo, where, b"", after.digest, inverse.created(), after, _Payload(None, revised.data))

    def _created(self, change: Change, now: datetime, where: bytes) -> xmp.Revised:
        """A new sidecar; the same for every photo of which the same is to be said in the same second."""
        made = self._made.get(id(change))
        if made is None or made[0] is not change or made[1] != now.replace(microsecond=0):
            fresh = xmp.create(change, now, where)
            self._made[id(change)] = change, now.replace(microsecond=0), fresh
            return fresh
        return replace(made[2], seen=replace(made[2].seen, where=where))

    def _revise(self, photo: Photo, standing: _Standing, loaded: _Loaded, change: Change) -> Draft:
        own, others, document = standing.own, standing.others, loaded.document
        revised = xmp.revise(document, own, change, self._clock())
        after = revised.seen
        if own.claimed is not None and after.claimed is None and not others:
            left = self._left(photo, own.where, revised.data, change)
            if left is not None:
                back = inverse.deleted(document.data)
                return Draft(photo, own.where, own.digest, b"", back, left, _Payload(document.data, None))
        recipe = inverse.spliced(revised.back)
        payload = _Payload(document.data, revised.data, others, loaded.content)
        return Draft(photo, own.where, own.digest, after.digest, recipe, _union(after, others), payload)

    def _left(self, photo: Photo, where: bytes, data: bytes, change: Change) -> Seen | None:
        """What is shown without a sidecar that says nothing of its own any more; None where this one does."""
        from metadata import seeding  # noqa: PLC0415 - as above

        try:
            found = seeding.inside(photo, where, self._clock(), steer=self._steer(photo))
            if self._embeds(photo):  # the same goes from the photo in a moment
                found = seeding.without(found, change, where, self._clock())
        except (Refused, TryAgain, PlaceClosed):
            return None
        if not seeding.says_no_more(xmp.parse(data, where), found.seed, where):
            return None
        shown = found.seen or _NOTHING
        return replace(_NOTHING, where=where, lists=shown.lists, texts=shown.texts, people=shown.people)

    def write(self, drafts: Sequence[Draft]) -> list[Seen | ChangedMeanwhile | TryAgain | PlaceClosed | Refused]:
        """All drafts as one batch on the disk; a draft that changes nothing is only looked at."""
        busy = [number for number, draft in enumerate(drafts) if draft.before != draft.after]
        wishes = [_wish(drafts[number]) for number in busy]
        known = [number for number, wish in zip(busy, wishes, strict=True) if wish]
        answers = put([wish for wish in wishes if wish], durability=self._durability, turn=self._turn)
        faults: Mapping[int, TagwrightError | None] = dict(zip(known, answers, strict=True))
        return [_answer(draft, faults.get(number)) for number, draft in enumerate(drafts)]

    def revert(
        self, photo: Photo, where: bytes, after: bytes, inverse: bytes
    ) -> Draft | ChangedMeanwhile | Refused:
        """The draft that gives the bytes back which stood there before that write."""
        try:
            return self._revert(photo, where, after, inverse)
        except (ChangedMeanwhile, Refused) as error:
            return error
        except (TryAgain, PlaceClosed) as error:
            return Refused(error.path, error.reason)

    def _revert(self, photo: Photo, where: bytes, after: bytes, recipe: bytes) -> Draft:
        content = files.read(where, base=photo.base, limit=xmp.LIMIT)
        data = content.data if content else None
        if _digest(data) != after:
            raise ChangedMeanwhile(where, "it is no longer what we wrote")
        try:
            old = inverse.undo(recipe, data)
        except ValueError as error:
            raise Refused(where, f"the way back is not usable: {error}") from error
        others = self._others(photo, where)
        own = replace(_NOTHING, where=where) if old is None else xmp.seen(xmp.parse(old, where))
        again = _recipe(old, data)
        return Draft(photo, where, after, _digest(old), again, _union(own, others), _Payload(data, old, others))

    def draft_at(self, photo: Photo, where: bytes, change: Change) -> Draft:
        """A change of one of the photo's sidecars, or a new one there, whatever the rule says.

        What is read with it is left out of the draft. Raises what `read` answers.
        """
        change = change if self._provenance else replace(change, claim=None)
        loaded = _load(where, photo)
        own = loaded.seen if loaded else replace(_NOTHING, where=where)
        standing = _Standing(own, own, loaded)
        if loaded is None:
            return self._begin(photo, standing, own, change)
        return self._revise(photo, standing, loaded, change)

    def files(self, photo: Photo) -> list[Seen]:
        """What each of the photo's sidecars says by itself, the written one first. Raises what `read` answers."""
        return [each.seen for each in self._found(photo, which.Folder(os.path.dirname(photo.file)))]

    def without_shell(self, draft: Draft) -> Draft:
        """The same draft, or one that removes the sidecar where it would leave nothing of anybody's in it."""
        payload = draft.payload
        if not isinstance(payload, _Payload) or payload.before is None or payload.after is None:
            return draft
        if not xmp.bare(xmp.parse(payload.after, draft.where)):
            return draft
        gone = replace(payload, after=None)
        seen = _union(replace(_NOTHING, where=draft.where), self._others(draft.photo, draft.where))
        return replace(draft, after=b"", inverse=inverse.deleted(payload.before), seen=seen, payload=gone)

    def _others(self, photo: Photo, where: bytes) -> tuple[Seen, ...]:
        found = self._found(photo, which.Folder(os.path.dirname(photo.file)), but=where)
        return tuple(each.seen for each in found)


def _load(path: bytes, photo: Photo) -> _Loaded | None:
    content = files.read(path, base=photo.base, limit=xmp.LIMIT)
    if content is None:
        return None
    document = xmp.parse(content.data, path)
    return _Loaded(document, xmp.seen(document), content)


def _common(path: bytes, photo: Photo, folder: which.Folder) -> _Loaded | None:
    """`IMG.xmp`, if it is this photo's; one that cannot be read is nobody's where several may have it."""
    alone = which.alone(photo, folder)
    try:
        found = _load(path, photo)
    except Refused:
        if alone:
            raise
        return None
    extension = found.seen.texts.get(which.EXTENSION) if found else None
    return found if (which.names(extension, photo) if extension else alone) else None


def _union(own: Seen, others: Sequence[Seen]) -> Seen:
    if not others:
        return own
    lists: dict[str, Values] = {}
    texts: dict[str, str] = {}
    for seen in (own, *others):
        for name, values in seen.lists.items():
            had = lists.get(name, ())
            lists[name] = had + tuple(value for value in values if value not in had)
        texts = {**seen.texts, **texts}
    return replace(
        own,
        lists=lists,
        texts=texts,
        more=True,
        programs=own.programs.union(*(seen.programs for seen in others)),
        people=own.people.union(*(seen.people for seen in others)),
    )


def _matters(change: Change, shown: Seen) -> bool:
    """Whether a file has to be made for this: it adds something, or takes away what is shown without one."""
    if any(change.add.values()) or any(change.texts.values()):
        return True
    gone = any({*values} & {*shown.lists.get(name, ())} for name, values in change.remove.items())
    return gone or any(shown.texts.get(name) for name, text in change.texts.items() if text is None)


def _digest(data: bytes | None) -> bytes:
    return b"" if data is None else files.digest(data)


def _recipe(old: bytes | None, data: bytes | None) -> bytes:
    """The way from `old` to `data` again, so that taking back can be taken back."""
    if data is None:
        return inverse.created()
    if old is None:
        return inverse.deleted(data)
    return inverse.spliced(xmp.difference(data, old))


def _wish(draft: Draft) -> Wish | None:
    payload = draft.payload
    if not isinstance(payload, _Payload):
        return None
    photo, known = draft.photo, payload.known
    return Wish(draft.where, payload.before, payload.after, like=photo.file, base=photo.base, known=known)


def _answer(
    draft: Draft, fault: TagwrightError | None
) -> Seen | ChangedMeanwhile | TryAgain | PlaceClosed | Refused:
    """What we put there; of what was not to change only if it still stands there.

    Where somebody wrote over it since, that is the next reading's news: taken as read back it would become
    the base of the next comparison, and nobody would ever learn what they did.
    """
    if isinstance(fault, ChangedMeanwhile | TryAgain | PlaceClosed | Refused):
        return fault
    payload = draft.payload
    if not isinstance(payload, _Payload):
        return ChangedMeanwhile(draft.where, "it is no longer what was read")
    try:
        if draft.before != draft.after:
            return draft.seen
        content = files.read(draft.where, base=draft.photo.base, limit=xmp.LIMIT)
    except (TryAgain, PlaceClosed, Refused) as error:
        return error
    if (content.data if content else None) != payload.after:
        return ChangedMeanwhile(draft.where, "it is no longer what was read")
    return draft.seen
