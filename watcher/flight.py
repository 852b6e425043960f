"""One probe of the doctor's under way: what it goes through, how far it has come, what was told of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from metadata.errors import TagwrightError
from watcher.findings import Finding
from watcher.remains import Note, Remains

if TYPE_CHECKING:
    from metadata.exiftool import Exiftool
    from metadata.immich import Asset, Database, Immich, Keys
    from metadata.photo import Photo
    from watcher.settings import Settings

WHAT = "canary"


class Broken(Exception):
    """A link does not hold: which, how that shows, and what helps."""

    def __init__(self, link: str, text: str, remedy: str = "") -> None:
        self.link, self.text, self.remedy = link, text, remedy
        super().__init__(text)


@dataclass(slots=True)
class Flight:
    """One probe under way: what it goes through, and where it is."""

    settings: Settings
    keys: Keys
    database: Database | None
    environment: Mapping[str, str]
    note: Note
    told: list[Finding] = field(default_factory=list)
    left: Remains = field(default_factory=lambda: Remains("", ()))
    asset: Asset | None = None
    photo: Photo | None = None
    """Where the picture is here; None where no folder of Immich's is."""
    tool: Exiftool | None = None
    file_first: bool = False
    over: bool = False
    """What could not be taken away stays noted."""

    @property
    def client(self) -> Immich:
        """Whose picture it is."""
        client = self.keys.of(self.left.owner)
        assert client is not None
        return client

    @property
    def id(self) -> str:
        """The asset."""
        return self.left.asset

    @property
    def words(self) -> tuple[str, str]:
        """The word that goes by the API, and the one that goes by the file."""
        return self.left.words[0], self.left.words[1]

    def say(self, text: str, level: str = "ok", remedy: str = "") -> None:
        """One link is known."""
        self.told.append(Finding("warn" if level == "warn" else "ok", WHAT, text, remedy))

    def noting(self, **more: object) -> None:
        """Note what is about to be done."""
        self.left = replace(self.left, **more)  # type: ignore[arg-type]
        self.note.write(self.left)


def reason(error: TagwrightError) -> str:
    """An error without the place that it names."""
    return str(getattr(error, "reason", "") or error)
