"""What can go wrong, as one tree: the type says whether trying again can help, and who has to act.

    TagwrightError
    ├── UserError           a person has to change something; shown without a traceback
    ├── PhotoError          these bytes never will: the photo goes to quarantine with the reason
    ├── TryAgain            later, with growing patience
    │   └── AtWork          somebody is at work on this one, and it is soon over: asked again within a minute
    ├── PlaceClosed         a place takes nothing from anybody now (read-only, full, gone): a state of the root
    ├── Refused             this one file must stay as it is (not understood, not ours): set aside for the place
    └── ChangedMeanwhile    somebody else wrote between our read and our write: read again

Anything else that is raised is a bug, and is treated as one.
"""

from __future__ import annotations

import os


class TagwrightError(Exception):
    """The root of our own errors; never raised itself."""


class UserError(TagwrightError):
    """Something that only a person can put right; the text says what to do."""


class _AboutFile(TagwrightError):
    """An error about one file; carries the path as bytes and the reason without it."""

    def __init__(self, path: bytes, reason: str) -> None:
        self.path = path
        self.reason = reason
        super().__init__(f"{os.fsdecode(path)}: {reason}")

    def __reduce__(self) -> tuple[type[_AboutFile], tuple[bytes, str]]:
        return type(self), (self.path, self.reason)  # two arguments: the default would not unpickle


class PhotoError(_AboutFile):
    """The photo itself is at fault; asking again gives the same answer."""


class TryAgain(_AboutFile):
    """Nothing is wrong with the photo; the same request may work later."""


class AtWork(TryAgain):
    """The server or program that keeps this photo is at work on it: no failure, however often it is met."""


class PlaceClosed(_AboutFile):
    """No photo can be written to this place now: read-only, full, or not there."""


class Refused(_AboutFile):
    """This file is left byte for byte as it is, because changing it could lose something."""


class ChangedMeanwhile(_AboutFile):
    """The file is no longer what was read; nothing was replaced."""
