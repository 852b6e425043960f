"""Sidecar and Immich as one: the order in which a photo's two places are written, so that no word is lost.

Immich keeps its tags in the sidecar, writes its own list over `digiKam:TagsList`, and reads the file back. So
where both can be written, Immich is told first and the file follows when Immich has settled; where Immich has
only leave to read, the file goes first, or Immich would read its words away. What Immich does to the file
meanwhile is merged anew. docs/immich.md tells the ways in words.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence

from metadata.errors import AtWork, ChangedMeanwhile, PlaceClosed, Refused, TryAgain
from metadata.mirror.plan import keys
from metadata.mirror.ports import Shown
from metadata.mirror.way import Way
from metadata.photo import Photo
from metadata.sinks import Draft, Seen, Sink
from metadata.sinks.immich import TAGS, TEXT, Home, ImmichSink
from metadata.sinks.pairs import SERVER, SIDECAR, Answer, Pair
from metadata.tags import TAGS_LIST

Look = tuple[Seen, Home | None, Shown | None]

CAPTION = "dc:description"


class Together:
    """The sidecars and Immich of one house; both stay sinks of their own for reading and drafting."""

    def __init__(
        self,
        files: Sink,
        server: ImmichSink,
        *,
        way: Callable[[Photo], Way | None],
        host: Callable[[str], bytes | None] = lambda _: None,
        there: Callable[[Photo], bool] = lambda photo: os.path.lexists(photo.file),
    ) -> None:
        """`files` is a sink of sidecars of its own, since this may run beside the reading of others.

        `way` says how a photo's mount is written, None for one outside Immich; `host` turns a path of
        Immich's into ours; `there` says whether a photo is still where it was.
        """
        self._files, self._server, self._way, self._host, self._there = files, server, way, host, there

    def mine(self, photo: Photo) -> bool:
        """Whether this photo is written in Immich's order."""
        return self._way(photo) is not None

    def write(self, pairs: Sequence[Pair]) -> list[dict[str, Answer]]:
        """All of them together; a place whose turn did not come is read and merged again."""
        batch = _Batch(pairs)
        self._look(batch)
        rest = [number for number in batch.open() if batch.pairs[number].drafts]
        first = [number for number in rest if self._way(batch.pairs[number].photo) is Way.FILE_FIRST]
        other = [number for number in rest if number not in set(first)]
        self._register(batch, other)
        again = {number for number in batch.open(other) if self._by_file(batch, number)}
        self._file_then(batch, first, self._server.write)
        self._file_then(batch, [number for number in other if number in again], self._server.reread)
        self._server_then(batch, [number for number in other if number not in again])
        return batch.answers

    def _look(self, batch: _Batch) -> None:
        """Both places again, just before: nothing is done to one while the other cannot be read, or has changed.

        A sidecar that somebody is still writing says nothing to Immich, which then takes all its words away.
        """
        photos = [pair.photo for pair in batch.pairs]
        looks = self._server.look(photos)  # first: it tells which sidecars are registered
        sides = self._files.read(photos)
        for number, (pair, side, look) in enumerate(zip(batch.pairs, sides, looks, strict=True)):
            if not isinstance(side, Seen):
                batch.end(number, side)
            elif SIDECAR not in pair.stood or side.digest != pair.stood[SIDECAR]:
                batch.end(number, ChangedMeanwhile(side.where, "the sidecar is no longer what was read"))
            elif not isinstance(look, tuple):
                batch.end(number, look)
            elif look[1] is not None and look[0].digest != pair.stood.get(SERVER):
                batch.end(number, ChangedMeanwhile(look[0].where, "Immich shows no longer what was read"))
            else:
                batch.sides[number], batch.looks[number] = side, look

    def _registered(self, batch: _Batch, number: int) -> bool | None:
        """Whether Immich reads this photo's sidecar; None where nobody knows."""
        shown = batch.looks[number][2]
        if shown is None or shown.sidecar is None:
            return None
        return bool(shown.sidecar) and self._host(shown.sidecar) == batch.sides[number].where

    # A sidecar that Immich does not know yet

    def _register(self, batch: _Batch, numbers: Sequence[int]) -> None:
        """Have Immich take in sidecars that it never read: it would write its own list over theirs.

        Setting a description, be it the one that stands, makes it merge into the file, register and read it.
        """
        foreign = {
            number: text for number in batch.open(numbers) if (text := self._text(batch, number)) is not None
        }
        texts, before, named = {}, {}, {}
        for number, text in foreign.items():
            _, home, shown = batch.looks[number]
            assert home is not None
            assert shown is not None
            texts[home.asset], before[home.asset], named[home.asset] = (home.owner, text), shown, number
        for asset, fault in (self._server.mirror.describe(texts, before) if texts else {}).items():
            where = batch.sides[named[asset]].where
            batch.end(named[asset], fault or ChangedMeanwhile(where, "Immich has taken the sidecar in"))

    def _text(self, batch: _Batch, number: int) -> str | None:
        """The description with which a sidecar can be registered without a loss, where that is to be done."""
        pair, side = batch.pairs[number], batch.sides[number]
        seen, home, shown = batch.looks[number]
        unknown = shown is not None and shown.sidecar == "" and side.where == pair.photo.file + b".xmp"
        if home is None or not unknown or not side.exists or SERVER not in pair.drafts:
            return None
        if not keys(side.lists.get(TAGS_LIST, ())) - keys(seen.lists.get(TAGS, ())):
            return None
        here, there = side.texts.get(CAPTION, "").strip(), seen.texts.get(TEXT, "")
        if shown is None or shown.description.strip() != there:
            return None  # a camera's, or one that is not ours to tell: it must not come into the file
        if here and here != there and (there or not self._server.captions):
            return None
        return there or here

    # The orders

    def _by_file(self, batch: _Batch, number: int) -> bool:
        """Whether Immich comes to hold what is wanted by reading the sidecar, and by that alone.

        Then one reading replaces a call, a write and a reading; and any number of tags goes at once.
        """
        pair, (_, home, _shown) = batch.pairs[number], batch.looks[number]
        if home is None or SERVER not in pair.drafts or not self._registered(batch, number):
            return False
        if self._way(pair.photo) is not Way.SERVER_FIRST:
            return False
        return bool(pair.drafts[SERVER].seen.lists) and _says(batch, number)

    def _file_then(
        self, batch: _Batch, numbers: Sequence[int], then: Callable[[Sequence[Draft]], Sequence[Answer]]
    ) -> None:
        """The sidecars, and Immich for those whose sidecar says all that Immich is to show."""
        for number in batch.open(numbers):
            if SERVER in batch.pairs[number].drafts and not _says(batch, number):
                reason = "its sidecar says less than Immich is to show, and Immich cannot write it"
                batch.put(number, SERVER, Refused(batch.sides[number].where, reason))
        self._write_files(batch, batch.open(numbers))
        for number in numbers:
            answer = batch.answers[number].get(SIDECAR)
            if answer is not None and not isinstance(answer, Seen):
                batch.put(number, SERVER, answer)
        self._write_server(batch, batch.open(numbers), then)

    def _server_then(self, batch: _Batch, numbers: Sequence[int]) -> None:
        """Immich, and when it has settled the sidecars that it has not written; the others are merged anew."""
        numbers = batch.open(numbers)
        self._write_server(batch, numbers, self._server.write)
        for number in batch.open(numbers):
            answer = batch.answers[number].get(SERVER)
            if isinstance(answer, TryAgain | PlaceClosed | ChangedMeanwhile):
                batch.put(number, SIDECAR, answer)
        self._write_files(batch, batch.open(numbers))
        self._make_known(batch, numbers)

    def _make_known(self, batch: _Batch, numbers: Sequence[int]) -> None:
        """Have Immich take in new sidecars of ours, so that they move with their photos; else a later time."""
        new = {number: batch.looks[number] for number in numbers if self._unknown_to_immich(batch, number)}
        texts, before = {}, {}
        for seen, home, shown in new.values():
            if home is not None and shown is not None:
                texts[home.asset], before[home.asset] = (home.owner, seen.texts.get(TEXT, "")), shown
        if texts:
            self._server.mirror.describe(texts, before)

    def _unknown_to_immich(self, batch: _Batch, number: int) -> bool:
        """Whether we have just made a sidecar where Immich would look for it, and gave Immich no reason to.

        Where nobody can tell which sidecars Immich knows, it may be one that it does not: with the next reading of
        the photo all its tags would go.
        """
        pair, (seen, _, shown) = batch.pairs[number], batch.looks[number]
        made = batch.answers[number].get(SIDECAR)
        if SERVER in pair.drafts or batch.sides[number].exists or not isinstance(made, Seen) or not made.exists:
            return False
        if shown is None or shown.sidecar or made.where != pair.photo.file + b".xmp":
            return False
        return made.texts.get(CAPTION, "").strip() == seen.texts.get(TEXT, "") == shown.description.strip()

    def _write_files(self, batch: _Batch, numbers: Sequence[int]) -> None:
        here = [number for number in numbers if SIDECAR in batch.open_drafts(number)]
        gone = [number for number in here if not self._there(batch.pairs[number].photo)]
        for number in gone:
            batch.put(number, SIDECAR, AtWork(batch.pairs[number].photo.file, "the photo has just been moved"))
        here = [number for number in here if number not in gone]
        drafts = [batch.pairs[number].drafts[SIDECAR] for number in here]
        for number, answer in zip(here, self._files.write(drafts) if drafts else (), strict=True):
            batch.put(number, SIDECAR, self._beside_its_photo(batch.pairs[number], answer))

    def _beside_its_photo(self, pair: Pair, answer: Answer) -> Answer:
        """Immich moves a photo whenever it has read it; a sidecar that then came too late is taken back."""
        if not isinstance(answer, Seen) or self._there(pair.photo):
            return answer
        draft = pair.drafts[SIDECAR]
        back = self._files.revert(pair.photo, draft.where, draft.after, draft.inverse)
        if isinstance(back, Draft):
            self._files.write([back])
        return AtWork(pair.photo.file, "the photo has just been moved")

    def _write_server(
        self, batch: _Batch, numbers: Sequence[int], then: Callable[[Sequence[Draft]], Sequence[Answer]]
    ) -> None:
        here = [number for number in numbers if SERVER in batch.open_drafts(number)]
        drafts = [batch.pairs[number].drafts[SERVER] for number in here]
        for number, answer in zip(here, then(drafts) if drafts else (), strict=True):
            batch.put(number, SERVER, answer)


class _Batch:
    """Pairs under way, what their places showed just now, and the answers so far."""

    def __init__(self, pairs: Sequence[Pair]) -> None:
        self.pairs = pairs
        self.answers: list[dict[str, Answer]] = [{} for _ in pairs]
        self.sides: dict[int, Seen] = {}
        self.looks: dict[int, Look] = {}

    def open(self, numbers: Sequence[int] | None = None) -> list[int]:
        """Those of whose drafts some have no answer yet."""
        among = range(len(self.pairs)) if numbers is None else numbers
        return [number for number in among if self.open_drafts(number)]

    def open_drafts(self, number: int) -> set[str]:
        """The places of one photo whose drafts have no answer yet."""
        return self.pairs[number].drafts.keys() - self.answers[number].keys()

    def put(self, number: int, place: str, answer: Answer) -> None:
        """The answer of one draft, if there is such a draft without one."""
        if place in self.pairs[number].drafts:
            self.answers[number].setdefault(place, answer)

    def end(self, number: int, answer: Answer) -> None:
        """The same answer for everything that is still open."""
        for place in self.pairs[number].drafts:
            self.put(number, place, answer)


def _says(batch: _Batch, number: int) -> bool:
    """Whether Immich comes to show what it is to show by reading the sidecar, written as drafted."""
    drafts, (now, _, _) = batch.pairs[number].drafts, batch.looks[number]
    side = drafts[SIDECAR].seen if SIDECAR in drafts else batch.sides[number]
    wanted = drafts[SERVER].seen
    here, words = keys(side.lists.get(TAGS_LIST, ())), keys(wanted.lists.get(TAGS, ()))
    gone = keys(now.lists.get(TAGS, ())) - words
    text = side.texts.get("tiff:ImageDescription", side.texts.get(CAPTION, "")).strip()
    return words <= here and not here & gone and wanted.texts.get(TEXT, "") in ("", text)
