"""The photo itself as a place for words: XMP, IPTC where the photo has it, and EXIF's caption.

Reading is done here; one long-lived exiftool writes, and only ever a copy beside the photo. The copy takes
the photo's place when everything is as it should be: the picture's digest the same, our own reader and
exiftool both finding exactly what was wanted, and exiftool finding nothing wrong that was not wrong before.
On any doubt the photo stays byte for byte what it was.
"""

from __future__ import annotations

import itertools
import mmap
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from metadata import delta, embed, exchange, inside, way_back
from metadata.container import RAW, UNREAD
from metadata.embed import Wishes
from metadata.embedded import Content
from metadata.errors import ChangedMeanwhile, PhotoError, PlaceClosed, Refused, TagwrightError, TryAgain, UserError
from metadata.exchange import Made
from metadata.exiftool import Exiftool
from metadata.files import regular, translate
from metadata.inside import Inside
from metadata.photo import Photo, Stat
from metadata.photo_copy import Copies
from metadata.replace import Durability, own
from metadata.sinks import Change, Draft, Seen
from metadata.xmp_names import LISTS, TEXTS

Fault = TryAgain | PlaceClosed | Refused

WRITABLE: Final = RAW - UNREAD | {"JPEG", "TIFF", "PNG", "WEBP", "GIF", "HEIF", "AVIF", "MP4"}
"""Formats that exiftool changes and whose metadata we find ourselves, so that the copy can be proved."""

MOST_PACKET: Final = 65_502
"""Bytes of XMP in a JPEG's segment (XMP part 3, 1.1.3)."""

MOST_BYTES: Final = 2**31
"""Larger files (long videos) are not copied for a keyword."""

MOST_RECIPE: Final = 2**15
"""Bytes of a way back that gives the whole file again; beyond that only its words come back."""

MOST_GIVEN_BACK: Final = 2**28
"""Bytes of a file that is put together in memory from its recipe."""

_TOGETHER: Final = 2**28
"""Bytes of copies that may lie beside photos at once."""

_OURS: Final = tuple(f":{name.partition(':')[2]}".encode() for name in (*LISTS, *TEXTS))
_PRESENT: Final = "the photo is not there"
_count = itertools.count()


@dataclass(frozen=True, slots=True)
class _Payload:
    """A draft's contents before and after.

    `back` says that an earlier state returns, which exiftool may find worse than ours; `whole` is then the
    recipe of the whole file, if it can be used.
    """

    before: Content
    after: Content
    back: bool = False
    whole: bytes = b""


@dataclass(frozen=True, slots=True)
class _Copy:
    """A checked copy that is ready to take its photo's place, and the way back from it."""

    made: Made
    recipe: bytes


class EmbeddedSink:
    """Keeps words inside photos; see `metadata.sinks.Sink` for what its methods promise."""

    def __init__(
        self,
        *,
        exiftool: Exiftool,
        clock: Callable[[], datetime],
        name: str = "embedded",
        durability: Durability = "batch",
        provenance: bool = True,
        closed: Callable[[Photo], bool] = lambda _: False,
        wishes: Callable[[Photo], Wishes] = lambda _: Wishes(),
    ) -> None:
        """`exiftool` belongs to the caller, who closes it; `clock` gives the time with its zone.

        Photos that are `closed` (Immich's own) are read and never written.
        """
        self.name = name
        self._copies = Copies(exiftool)
        self._clock = clock
        self._durability = durability
        self._provenance = provenance
        self._closed = closed
        self._wishes = wishes
        self._known: dict[bytes, tuple[Inside, Seen]] = {}

    def read(self, photos: Sequence[Photo]) -> list[Seen | TryAgain | PlaceClosed | Refused]:
        """What stands inside. A photo that is gone is TryAgain, so that its words are not missed."""
        self._known = {}
        return [self._read(photo) for photo in photos]

    def _read(self, photo: Photo) -> Seen | Fault:
        try:
            found = self._look(photo)
        except (TryAgain, PlaceClosed, Refused) as error:
            return error
        self._known[photo.file] = found
        return found[1]

    def _look(self, photo: Photo) -> tuple[Inside, Seen]:
        found = _looked(photo)
        return found, replace(found.seen, where=photo.file)

    def draft(self, photo: Photo, seen: Seen, change: Change) -> Draft | Refused:
        """Worked out on what `seen` was read from; where that has changed, `write` will say so."""
        try:
            known = self._known.get(photo.file)
            if known is None or known[1] != seen:
                known = self._look(photo)
            if known[1] != seen:
                return Draft(photo, seen.where, seen.digest, seen.digest, b"", seen)
            return self._draft(photo, known[0], seen, change)
        except Refused as error:
            return error
        except (TryAgain, PlaceClosed):
            return Draft(photo, seen.where, seen.digest, seen.digest, b"", seen)

    def _draft(self, photo: Photo, found: Inside, seen: Seen, change: Change) -> Draft:
        change = change if self._provenance else replace(change, claim=None)
        outcome = embed.changed(found, change, self._wishes(photo), self._clock(), photo.file)
        before, after = found.content, outcome.content
        if before != after:
            self._allowed(photo, found)
        if found.format in ("JPEG", "RAF") and len(after.packet or b"") > MOST_PACKET:
            raise Refused(
                photo.file, f"its XMP would have more than the {MOST_PACKET} bytes that a JPEG has room for"
            )
        recipe = way_back.recipe(before, after) if before != after else b""
        said = replace(outcome.seen, where=photo.file)
        return Draft(photo, photo.file, seen.digest, after.digest, recipe, said, _Payload(before, after))

    def _allowed(self, photo: Photo, found: Inside) -> None:
        """Raises Refused where this photo may not be written, or cannot be without loss."""
        if self._closed(photo):
            raise Refused(photo.file, "it is in a folder of Immich's own, whose files are never changed")
        reason = _unfit(found)
        if reason:
            raise Refused(photo.file, reason)

    def write(self, drafts: Sequence[Draft]) -> list[Seen | ChangedMeanwhile | TryAgain | PlaceClosed | Refused]:
        """All copies are made and checked, then put in place as one batch; answers carry a `recipe`."""
        answers: dict[int, Seen | ChangedMeanwhile | TryAgain | PlaceClosed | Refused] = {}
        ready: dict[int, _Copy] = {}
        size = 0
        try:
            for number, draft in enumerate(drafts):
                made = self._attempt(draft)
                if not isinstance(made, _Copy):
                    answers[number] = made
                    continue
                ready[number] = made
                size += os.path.getsize(made.made.temporary)
                if size > _TOGETHER or self._durability == "file":
                    answers |= _placed(drafts, ready)
                    ready, size = {}, 0
            answers |= _placed(drafts, ready)
        finally:
            for copy in ready.values():
                exchange.discard(copy.made.temporary)
        return [answers[number] for number in range(len(drafts))]

    def _attempt(self, draft: Draft) -> _Copy | Seen | ChangedMeanwhile | TryAgain | PlaceClosed | Refused:
        payload = draft.payload
        if not isinstance(payload, _Payload):
            return ChangedMeanwhile(draft.where, "it is no longer what was read")
        try:
            if draft.before == draft.after:
                return self._unchanged(draft, payload)
            return self._copied(draft, payload)
        except TryAgain as error:
            return self._closed_to_all(draft) or error
        except (ChangedMeanwhile, PlaceClosed, Refused) as error:
            return error
        except PhotoError as error:
            return Refused(error.path, error.reason)
        except ValueError:  # the recipe was for what stood there a moment ago
            return ChangedMeanwhile(draft.where, "it is no longer what was read")
        except UserError as error:
            return _closed_by(draft, error)
        except FileNotFoundError:
            return TryAgain(draft.photo.file, _PRESENT)
        except OSError as error:
            return _fault(error, draft.photo.file)

    def _closed_to_all(self, draft: Draft) -> PlaceClosed | None:
        """Whether it is not this photo, over which exiftool died or hung, but exiftool itself."""
        try:
            self._copies.sound()
        except UserError as error:
            return _closed_by(draft, error)
        return None

    def _unchanged(self, draft: Draft, payload: _Payload) -> Seen:
        if _looked(draft.photo).content != payload.before:
            raise ChangedMeanwhile(draft.where, "it is no longer what was read")
        return draft.seen

    def _copied(self, draft: Draft, payload: _Payload) -> _Copy:
        """A copy as it is wanted, checked; what is left of a failed one is removed."""
        target, status = regular(draft.photo.file, base=draft.photo.base)
        _fit(target, status)
        found = inside.look(target, image=True)
        before = exchange.digest(target)
        if found.content != payload.before or Stat.of(os.stat(target)) != Stat.of(status):
            raise ChangedMeanwhile(draft.where, "it is no longer what was read")
        self._allowed(draft.photo, found)
        name = b"%s%d" % (own(), next(_count))
        temporary = os.path.join(os.path.dirname(target), name)
        try:
            if payload.whole:
                _given_back(target, temporary, payload.whole)
            else:
                self._copies.make(target, name, found, payload.after)
            self._copies.prove(target, temporary, found, payload.after, back=payload.back)
            recipe = way_back.recipe(payload.before, payload.after, _whole(target, temporary))
        except BaseException:
            exchange.discard(temporary)
            raise
        kept = target + b"_original" if self._wishes(draft.photo).keep_original else b""
        return _Copy(Made(target, temporary, before, kept), recipe)

    def revert(
        self, photo: Photo, where: bytes, after: bytes, inverse: bytes
    ) -> Draft | ChangedMeanwhile | Refused:
        """The draft that gives the bytes back which stood there, or at least everything they said.

        The bytes, if `inverse` is the `recipe` of the answer and nobody changed the file since.
        """
        try:
            return self._revert(photo, where, after, inverse)
        except (ChangedMeanwhile, Refused) as error:
            return error
        except (TryAgain, PlaceClosed) as error:
            return Refused(error.path, error.reason)

    def _revert(self, photo: Photo, where: bytes, after: bytes, recipe: bytes) -> Draft:
        found, _ = self._look(photo)
        if found.content.digest != after:
            raise ChangedMeanwhile(where, "it is no longer what we wrote")
        self._allowed(photo, found)
        try:
            old, whole = way_back.undone(recipe, found.content)
        except ValueError as error:
            raise Refused(where, f"the way back is not usable: {error}") from error
        whole = whole if whole and _fits(whole, photo) else b""
        seen = replace(inside.told(old, found, photo.file), where=photo.file)
        again = way_back.recipe(found.content, old)
        return Draft(
            photo, where, after, old.digest, again, seen, _Payload(found.content, old, back=True, whole=whole)
        )


def _looked(photo: Photo) -> Inside:
    try:
        path, _ = regular(photo.file, base=photo.base)
        return inside.look(path)
    except FileNotFoundError as error:
        raise TryAgain(photo.file, _PRESENT) from error
    except PermissionError as error:
        raise Refused(photo.file, "may not be read; give the service's user the right to") from error
    except OSError as error:
        raise translate(error, photo.file) from error
    except PhotoError as error:
        raise Refused(error.path, error.reason) from error


def _closed_by(draft: Draft, error: UserError) -> PlaceClosed:
    return PlaceClosed(os.path.dirname(draft.photo.file), f"nothing can be written into photos: {error}")


def _unfit(found: Inside) -> str:
    """Why a file like this is never written, or ""."""
    if found.format in UNREAD:
        return f"the metadata of {found.format} cannot be found by tagwright, so no change of it could be proved"
    if found.format not in WRITABLE:
        return "its format is not known"
    if found.extended and found.format != "JPEG":
        return "its XMP goes on in further segments"
    if any(name in part for part in found.extended for name in _OURS):
        return "some of its words stand in a further segment of XMP, which most programs do not read"
    return ""


def _fault(error: OSError, path: bytes) -> Fault:
    fault = translate(error, path)
    assert isinstance(fault, TryAgain | PlaceClosed | Refused)
    return fault


def _fit(target: bytes, status: os.stat_result) -> None:
    if not status.st_mode & 0o222:
        raise Refused(target, "is marked read-only; take the mark away if it may be changed")
    if status.st_size > MOST_BYTES:
        raise Refused(target, f"has {status.st_size} bytes; {MOST_BYTES} are the most that is copied for a change")


def _placed(
    drafts: Sequence[Draft], ready: dict[int, _Copy]
) -> dict[int, Seen | ChangedMeanwhile | TryAgain | PlaceClosed | Refused]:
    faults = exchange.place([copy.made for copy in ready.values()])
    return {
        number: _answer(drafts[number], copy, fault)
        for (number, copy), fault in zip(ready.items(), faults, strict=True)
    }


def _answer(
    draft: Draft, copy: _Copy, fault: TagwrightError | None
) -> Seen | ChangedMeanwhile | TryAgain | PlaceClosed | Refused:
    if isinstance(fault, ChangedMeanwhile | TryAgain | PlaceClosed | Refused):
        return fault
    return replace(draft.seen, recipe=copy.recipe)


def _given_back(target: bytes, temporary: bytes, whole: bytes) -> None:
    with open(target, "rb") as file:
        data = delta.patch(whole, file.read())
    with open(temporary, "xb") as copy:
        copy.write(data)


def _whole(target: bytes, temporary: bytes) -> bytes:
    """The way from the copy's bytes to the photo's, where it is small."""
    if os.path.getsize(target) > MOST_GIVEN_BACK:
        return b""
    with (
        open(target, "rb") as one,
        open(temporary, "rb") as other,
        mmap.mmap(one.fileno(), 0, access=mmap.ACCESS_READ) as old,
        mmap.mmap(other.fileno(), 0, access=mmap.ACCESS_READ) as new,
    ):
        return delta.between(old, new, most=MOST_RECIPE) or b""


def _fits(whole: bytes, photo: Photo) -> bool:
    """Whether the file is still the very one that was written, and its old bytes can be given back."""
    try:
        with open(photo.file, "rb") as file:
            delta.patch(whole, file.read())
    except (ValueError, OSError):
        return False
    return True
