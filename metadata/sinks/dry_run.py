"""A wrapper that lets everything happen except the writing: what would be written is kept to be shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from metadata.errors import ChangedMeanwhile, PlaceClosed, Refused, TryAgain
from metadata.photo import Photo
from metadata.sinks import Change, Draft, Seen, Sink
from metadata.sinks.memory import changed


class DryRun:
    """Wraps any sink; `drafts` are what would have been written, in order.

    Once a photo's draft was "written" the photo reads as if it stood there. Drafts on top of that are
    worked out by the rules alone, since there is no content to work them out against.
    """

    def __init__(self, sink: Sink) -> None:
        """`sink` is asked, never told."""
        self.name = sink.name
        self.drafts: list[Draft] = []
        self._sink = sink
        self._last: dict[tuple[str, bytes], Draft] = {}

    def read(self, photos: Sequence[Photo]) -> list[Seen | TryAgain | PlaceClosed | Refused]:
        """What stands there, or would."""
        answers = self._sink.read(photos)
        return [self._seen(photo, answer) for photo, answer in zip(photos, answers, strict=True)]

    def _seen(
        self, photo: Photo, answer: Seen | TryAgain | PlaceClosed | Refused
    ) -> Seen | TryAgain | PlaceClosed | Refused:
        last = self._last.get(_key(photo))
        return last.seen if last and isinstance(answer, Seen) else answer

    def draft(self, photo: Photo, seen: Seen, change: Change) -> Draft | Refused:
        """As the sink would."""
        last = self._last.get(_key(photo))
        if last is None or last.after != seen.digest:
            return self._sink.draft(photo, seen, change)
        after = changed(seen, change)
        return Draft(photo, seen.where, seen.digest, after.digest, b"", after)

    def write(self, drafts: Sequence[Draft]) -> list[Seen | ChangedMeanwhile | TryAgain | PlaceClosed | Refused]:
        """Keeps the drafts; answers what would stand there, or ChangedMeanwhile as the sink would."""
        return [self._keep(draft) for draft in drafts]

    def _keep(self, draft: Draft) -> Seen | ChangedMeanwhile | TryAgain | PlaceClosed | Refused:
        (now,) = self.read([draft.photo])
        if not isinstance(now, Seen):
            return now
        if now.digest != draft.before:
            return ChangedMeanwhile(draft.where, "it is no longer what was read")
        if draft.before != draft.after:
            self.drafts.append(draft)
            self._last[_key(draft.photo)] = replace(draft, before=now.digest)
        return draft.seen

    def revert(
        self, photo: Photo, where: bytes, after: bytes, inverse: bytes
    ) -> Draft | ChangedMeanwhile | Refused:
        """What taking back would give; a write that only would have been is taken back to what was there."""
        last = self._last.get(_key(photo))
        if last is None or last.after != after:
            return self._sink.revert(photo, where, after, inverse)
        (before,) = self._sink.read([photo])
        if not isinstance(before, Seen) or before.digest != last.before:
            return ChangedMeanwhile(where, "it is no longer what was read")
        return Draft(photo, where, after, before.digest, b"", before)


def _key(photo: Photo) -> tuple[str, bytes]:
    return photo.root, photo.path
