"""Immich as a place: a photo's tags and its description, as Immich shows them.

Its calls answer before anything was done, so `write` waits until Immich has settled and reads back (see
`metadata.mirror`). Which words and captions are whose, the merge knows; here only a caption that a camera
made up counts as none.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from fnmatch import translate
from typing import Final

from metadata.errors import AtWork, ChangedMeanwhile, PlaceClosed, Refused, TryAgain, UserError
from metadata.mirror.bring import Mirror
from metadata.mirror.plan import Wish
from metadata.mirror.ports import Shown
from metadata.photo import Photo
from metadata.sinks import Change, Draft, Seen, Values

TAGS: Final = "tags"
TEXT: Final = "description"

FILLERS: Final = (
    *("OLYMPUS DIGITAL CAMERA", "MINOLTA DIGITAL CAMERA", "KONICA MINOLTA DIGITAL CAMERA", "DIGITAL CAMERA"),
    *("SAMSUNG DIGITAL CAMERA", "SAMSUNG CAMERA PICTURES", "MEDION DIGITAL CAMERA", "SONY DSC", "DCIM*"),
    *("Exif_JPEG_PICTURE", "charset=*", "binary comment", "default", "YCbCr", "<KENOX*", "Jenoptik"),
    *("User comment", "User comments", "Created with GIMP", "screenshot"),
)
"""Descriptions that cameras and programs write by themselves; they count as empty. `*` stands for anything."""

MOST_NOTED: Final = 4096
"""Photos whose registered sidecar is remembered from one look to the next: some batches' worth."""

Fault = TryAgain | PlaceClosed | Refused


@dataclass(frozen=True, slots=True)
class Home:
    """Where a photo is kept in Immich: the asset's id, and the user it belongs to."""

    asset: str
    owner: str


Find = Callable[[Sequence[Photo]], Sequence[Home | Fault | None]]
"""The assets of photos; None for a photo that is not Immich's (no asset, no key of its owner, in the trash)."""


@dataclass(frozen=True, slots=True)
class _Payload:
    """A draft's asset, and what its tags and description are to be."""

    home: Home
    tags: frozenset[str]
    text: str


class ImmichSink:
    """Keeps words in Immich; see `metadata.sinks.Sink` for what its methods promise.

    A photo that Immich does not hold does not exist here: it has no such place.
    """

    def __init__(
        self,
        *,
        mirror: Mirror,
        find: Find,
        name: str = "server",
        fillers: Collection[str] = FILLERS,
        captions: bool = True,
    ) -> None:
        """Without `captions` descriptions are neither read nor written.

        `fillers` are descriptions that count as empty, in any case of letters (`*` stands for anything).
        """
        self.name = name
        self.mirror = mirror
        self._find = find
        self.captions = captions
        self._known: dict[bytes, Home] = {}
        self._sidecars: dict[bytes, str] = {}
        self._filler = re.compile("|".join(translate(each.strip().casefold()) for each in fillers) or r"(?!)")

    def read(self, photos: Sequence[Photo]) -> list[Seen | TryAgain | PlaceClosed | Refused]:
        """What Immich shows. One that it is still reading, or about to write, is TryAgain."""
        looks = self.look(photos)
        pairs = [(photo, look) for photo, look in zip(photos, looks, strict=True) if isinstance(look, tuple)]
        self._known = {photo.file: look[1] for photo, look in pairs if look[1] is not None}
        return [look[0] if isinstance(look, tuple) else look for look in looks]

    def look(self, photos: Sequence[Photo]) -> list[tuple[Seen, Home | None, Shown | None] | Fault]:
        """The same with the asset and what Immich itself says of it."""
        try:
            homes = self._find(photos)
            shown = self.mirror.source.shown([home.asset for home in homes if isinstance(home, Home)])
            calm = self.mirror.calm.stable(shown)
        except (TryAgain, PlaceClosed, Refused) as error:
            return [error] * len(photos)
        except UserError as error:
            return [PlaceClosed(b"Immich", str(error))] * len(photos)
        shown = {asset: state if asset in calm else replace(state, locked=True) for asset, state in shown.items()}
        return [self._seen(photo, home, shown) for photo, home in zip(photos, homes, strict=True)]

    def _seen(
        self, photo: Photo, home: Home | Fault | None, shown: Mapping[str, Shown]
    ) -> tuple[Seen, Home | None, Shown | None] | Fault:
        if isinstance(home, TryAgain | PlaceClosed | Refused):
            return home
        if home is None or home.asset not in shown:
            return NOWHERE, None, None
        state = shown[home.asset]
        self._note(photo, state)
        if not state.ready:
            return AtWork(photo.file, "Immich has not read this photo yet")
        if state.locked:
            return AtWork(photo.file, "Immich is about to write what was changed there")
        return self.seen(home.asset, state), home, state

    def _note(self, photo: Photo, state: Shown) -> None:
        if len(self._sidecars) >= MOST_NOTED:
            self._sidecars.pop(next(iter(self._sidecars)), None)
        self._sidecars[photo.file] = state.sidecar or ""

    def registered(self, photo: Photo) -> str | None:
        """Immich's path of the photo's sidecar, as the last look at it told; None where there is none."""
        if photo.file not in self._sidecars:
            with suppress(TryAgain, PlaceClosed, Refused, UserError):
                self._learn(photo)
        return self._sidecars.get(photo.file) or None

    def _learn(self, photo: Photo) -> None:
        """Note the registered sidecar alone, for which nobody has to wait until Immich is at rest."""
        (home,) = self._find([photo])
        if isinstance(home, Home):
            for state in self.mirror.source.shown([home.asset]).values():
                self._note(photo, state)

    def seen(self, asset: str, shown: Shown) -> Seen:
        """One asset's tags and description in the house's form."""
        return _seen(asset, shown.tags, self._said(shown.description))

    def _said(self, text: str) -> str:
        return "" if not self.captions or self._filler.match(text.strip().casefold()) else text.strip()

    def draft(self, photo: Photo, seen: Seen, change: Change) -> Draft | Refused:
        """Worked out on `seen` as it is given; a state that is not there any more is found out by `write`."""
        home = self._home(photo, seen)
        if home is None:
            return Draft(photo, seen.where, seen.digest, seen.digest, b"", seen)
        gone = change.remove.get(TAGS, ())
        kept = tuple(value for value in seen.lists.get(TAGS, ()) if value not in gone)
        values = tuple(dict.fromkeys((*kept, *(value for value in change.add.get(TAGS, ()) if value))))
        texts = change.texts if self.captions else {}
        text = (texts.get(TEXT, seen.texts.get(TEXT, "")) or "").strip()
        return self._draft(photo, home, seen, values, text)

    def _home(self, photo: Photo, seen: Seen) -> Home | None:
        """The asset that was read; None where the photo has another one by now."""
        home = self._known.get(photo.file) or self._find([photo])[0]
        return home if isinstance(home, Home) and home.asset == seen.of else None

    @staticmethod
    def _draft(photo: Photo, home: Home, seen: Seen, values: Values, text: str) -> Draft:
        after = _seen(home.asset, values, text)
        before = {TAGS: sorted(seen.lists.get(TAGS, ())), TEXT: seen.texts.get(TEXT, "")}
        inverse = json.dumps(before, ensure_ascii=False).encode(errors="surrogatepass")
        payload = _Payload(home, frozenset(values), text)
        return Draft(photo, seen.where, seen.digest, after.digest, inverse, after, payload)

    def write(self, drafts: Sequence[Draft]) -> list[Seen | ChangedMeanwhile | TryAgain | PlaceClosed | Refused]:
        """All drafts together. What Immich loses is repaired a few times, then Refused.

        What others changed meanwhile stays as they left it, and is the next reading's news.
        """
        return self._done(drafts, refreshed=False)

    def reread(self, drafts: Sequence[Draft]) -> list[Seen | ChangedMeanwhile | TryAgain | PlaceClosed | Refused]:
        """The same for assets whose registered sidecars hold all of it already: Immich is told to read them."""
        return self._done(drafts, refreshed=True)

    def _done(
        self, drafts: Sequence[Draft], *, refreshed: bool
    ) -> list[Seen | ChangedMeanwhile | TryAgain | PlaceClosed | Refused]:
        looks = self.look([draft.photo for draft in drafts])
        wishes: list[Wish] = []
        before: dict[str, Shown] = {}
        early: list[Seen | ChangedMeanwhile | Fault | None] = []
        for draft, look in zip(drafts, looks, strict=True):
            answer = _early(draft, look)
            early.append(answer)
            if answer is None and isinstance(look, tuple) and look[2] is not None:
                before[draft.seen.of] = look[2]
                wishes.append(_wish(draft, look[2], self._said(look[2].description)))
        faults = (self.mirror.reread if refreshed else self.mirror.bring)(wishes, before) if wishes else {}
        return [
            answer or faults.get(draft.seen.of) or draft.seen for draft, answer in zip(drafts, early, strict=True)
        ]

    def revert(
        self, photo: Photo, where: bytes, after: bytes, inverse: bytes
    ) -> Draft | ChangedMeanwhile | Refused:
        """The draft that gives the list and the description before that write back."""
        (look,) = self.look([photo])
        if not isinstance(look, tuple):
            return (
                look
                if isinstance(look, Refused)
                else ChangedMeanwhile(where, "it cannot be told what stands there")
            )
        seen, home, _ = look
        if home is None or seen.digest != after or seen.where != where:
            return ChangedMeanwhile(where, "it is no longer what we wrote")
        try:
            old = json.loads(inverse.decode(errors="surrogatepass"))
            return self._draft(photo, home, seen, tuple(old[TAGS]), old[TEXT])
        except (ValueError, KeyError, TypeError) as error:
            return Refused(where, f"the way back is not usable: {error}")


NOWHERE: Final = Seen(exists=False, digest=b"")
"""What is seen of a photo that Immich does not hold."""


def _seen(asset: str, tags: Collection[str], text: str) -> Seen:
    """The digest is of what is said, in whatever order."""
    values = tuple(sorted(tags))
    said = "\x00".join((*values, "", text)).encode(errors="surrogatepass")
    return Seen(
        exists=True,
        digest=hashlib.blake2b(said, digest_size=16).digest(),
        lists={TAGS: values} if values else {},
        texts={TEXT: text} if text else {},
        where=asset.encode(),
        of=asset,
    )


def _early(
    draft: Draft, look: tuple[Seen, Home | None, Shown | None] | Fault
) -> Seen | ChangedMeanwhile | Fault | None:
    """The answer that needs no call, or None."""
    if not isinstance(look, tuple):
        return look
    if look[0].digest != draft.before or look[0].of != draft.seen.of:
        return ChangedMeanwhile(draft.where, "it is no longer what was read")
    if draft.before == draft.after:
        return draft.seen
    return None if isinstance(draft.payload, _Payload) else ChangedMeanwhile(draft.where, "it was never read")


def _wish(draft: Draft, shown: Shown, said: str) -> Wish:
    payload = draft.payload
    assert isinstance(payload, _Payload)
    text = payload.text if payload.text != said else None
    add, remove = payload.tags - shown.tags, shown.tags - payload.tags
    return Wish(payload.home.asset, payload.home.owner, tuple(sorted(add)), tuple(sorted(remove)), text)
