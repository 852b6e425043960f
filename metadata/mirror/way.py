"""How the photos of one mount are written, and the probe that finds it out.

What Immich may write is not to be seen in its API. So one asset is tagged, and it is looked at what became of
the tag and of the sidecar: where Immich cannot write, it forgets the tag a moment later.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Collection
from dataclasses import dataclass
from enum import Enum

from metadata.mirror.bring import Fault, Mirror
from metadata.mirror.plan import Wish
from metadata.mirror.ports import Shown

PROBE = "tagwright-probe"
"""The tag that comes and goes; the merge looks past it."""

TRIES = 2
"""What is lost once may have been lost to another change at the same moment."""


class Way(Enum):
    """How a mount is written."""

    SERVER_FIRST = "Immich and tagwright can write: Immich first, then the sidecar"
    SERVER_ONLY = "only Immich can write: keywords go through Immich alone"
    FILE_FIRST = "only tagwright can write: the sidecar first, then Immich"
    NONE = "neither can write: keywords stay in the ledger"


@dataclass(frozen=True, slots=True)
class Finding:
    """The way of a mount, and in words what was seen; `left` is what could not be taken away again."""

    way: Way
    seen: str
    left: str = ""


def writable(folder: bytes) -> str:
    """Why no file can be made in this folder, or "". It is tried, since rights and mounts say only half."""
    probe = os.path.join(folder, b".tagwright-" + secrets.token_hex(8).encode())
    try:
        os.close(os.open(probe, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        os.unlink(probe)
    except OSError as error:
        return error.strerror or "no right"
    return ""


@dataclass(frozen=True, slots=True)
class Probe:
    """One asset on which a mount is tried. `words` reads the keywords of its sidecar as we see it.

    It should carry no tags: where Immich cannot write, it forgets all tags that stand in no file.
    """

    mirror: Mirror
    asset: str
    owner: str
    folder: bytes
    words: Callable[[], Collection[str]]
    tag: str = PROBE

    def find(self) -> Finding:
        """Tags the asset, looks, and takes the tag away again. Raises what the source and the server raise."""
        before = self.mirror.source.shown([self.asset])[self.asset]
        ours = writable(self.folder)
        if ours and not before.sidecar and before.tags:
            return Finding(
                Way.SERVER_ONLY, "not tried: this photo's tags stand in no file, and we cannot write one"
            )
        made = self.tag not in {tag.value for tag in self.mirror.servers[self.owner].tags()}
        try:
            fault = self._bring(Wish(self.asset, self.owner, add=(self.tag,)), before)
            here = self.tag in self.words()
        finally:
            left = self._clean(made=made)
        return Finding(_way(ours, fault, here=here), _told(ours, fault, here=here), left)

    def _bring(self, wish: Wish, before: Shown) -> Fault | None:
        return self.mirror.bring([wish], {self.asset: before}, tries=TRIES)[self.asset]

    def _clean(self, *, made: bool) -> str:
        """Take the tag from the asset and, if it was made for this, delete it."""
        now = self.mirror.source.shown([self.asset]).get(self.asset)
        fault = None
        if now is not None:
            fault = self.mirror.bring([Wish(self.asset, self.owner, remove=(self.tag,))], {self.asset: now})[
                self.asset
            ]
        server = self.mirror.servers[self.owner]
        if fault is None and made:
            for tag in server.tags():
                if tag.value == self.tag:
                    server.delete_tag(tag.id)
        return f"the tag {self.tag}: {fault.reason}" if fault is not None else ""


def _way(ours: str, fault: Fault | None, *, here: bool) -> Way:
    if fault is None and here:
        return Way.SERVER_ONLY if ours else Way.SERVER_FIRST
    return Way.NONE if ours else Way.FILE_FIRST


def _told(ours: str, fault: Fault | None, *, here: bool) -> str:
    us = f"we cannot write beside the photos ({ours})" if ours else "we can write beside the photos"
    if fault is not None:
        return f"Immich lost the tag again ({fault.reason}); {us}"
    if not here:
        return f"Immich kept the tag, and the sidecar that we see does not have it; {us}"
    return f"Immich wrote the tag into the sidecar; {us}"
