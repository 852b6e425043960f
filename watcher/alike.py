"""Photos of one batch of which the same is known come out the same: such a decision is made once.

An import of a day's photos is mostly that, where no model tells them apart: nothing stands in any place, and
the same was said of each. What is about the photo and its files is still worked out for each.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping

from metadata.errors import TagwrightError
from metadata.sinks import Seen
from watcher.pages import Page


def likeness(page: Page, seen: Mapping[str, Seen | TagwrightError], settled: Hashable) -> Hashable | None:
    """All that the decision about a new photo rests on (`Page.is_new`); None for one with words in some place.

    `settled` is what the settings say of this photo.
    """
    if any(not isinstance(answer, Seen) or _says(answer) for answer in seen.values()):
        return None
    job = page.job
    places = tuple((name, answer.exists, answer.of) for name, answer in seen.items() if isinstance(answer, Seen))
    return job.photo.root, job.gate, job.digest is None, page.owner, tuple(page.said), places, settled


def _says(seen: Seen) -> bool:
    """Whether anything at all stands in a place."""
    texts = seen.lists or seen.texts or seen.people or seen.regions or seen.claimed or seen.programs
    return bool(seen.digest or seen.more or texts)
