"""What is said when something may have landed: the words between the emitters and those who listen."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field

from watcher.ignore import Ignore


class Kind(enum.Enum):
    """How much is known of a path."""

    CLOSED = "closed"
    """A writer closed it, or it was moved here whole."""
    SEEN = "seen"
    """It is there; whether its writer is done is not known."""
    GONE = "gone"
    """It was moved away or deleted, as far as that is cheaply known; a folder stands for all that was in it.

    A reason to look, never a proof: a root that was unmounted looks the same.
    """
    LOOK = "look"
    """Something may have been missed: this folder, with all below it, has to be walked again."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """A path below a root (b"" = the root itself) and what is known of it."""

    root: str
    path: bytes
    kind: Kind


@dataclass(frozen=True, slots=True)
class WatchedRoot:
    """A root to watch; `polling` None lets the type of its file system decide."""

    name: str
    base: bytes
    ignore: Ignore = field(default_factory=Ignore)
    polling: bool | None = None


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds between looks of the emitters.

    `poll`: at least between two looks at polled folders. `check`: between two looks whether the root is
    still the folder that is watched. `hold`: how long a file that was created waits for its close before
    it is told as SEEN. `limbo`: how long a folder moved away may take to turn up again below the root.
    """

    poll: float = 10.0
    check: float = 5.0
    hold: float = 60.0
    limbo: float = 1.0
