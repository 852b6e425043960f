"""One photo with its sidecar and its asset in Immich, merged and written by the real sinks, pass by pass."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from metadata import merge as merging
from metadata import xmp
from metadata.fields import SERVER, SIDECAR
from metadata.memory import Context, Memory, Place, Truth, Wanted
from metadata.mirror.bring import Mirror
from metadata.mirror.pace import Pace
from metadata.mirror.way import Way
from metadata.photo import Photo
from metadata.sinks import Change, Seen
from metadata.sinks.immich import ImmichSink
from metadata.sinks.pairs import Pair
from metadata.sinks.sidecar import SidecarSink
from metadata.sinks.together import Together
from metadata.tags import HIERARCHICAL, TAGS_LIST, key, typed
from tests.immich_memory import MemoryImmich

LAYOUTS = {"sidecar": SIDECAR, "server": SERVER}
NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)


class House:
    """`wanted` are the words that tagwright would have; `truth` and `memories` are its ledger.

    `kept` is the asset: its path, registered sidecar, tags and description.
    """

    def __init__(self, folder: Path, *, way: Way = Way.SERVER_FIRST, **more) -> None:
        (folder / "a.jpg").write_bytes(b"picture")
        self.immich = MemoryImmich(**more)
        self.kept = self.immich.add("a", path=str(folder / "a.jpg"))
        wait = self.immich.wait
        self.furnish(folder, way, Mirror({"me": self.immich}, self.immich, pace=Pace(wait), wait=wait), self._find)

    def furnish(self, folder: Path, way: Way, mirror: Mirror, find, host=os.fsencode) -> None:
        self.folder, self.way, self.mirror = folder, way, mirror
        self.server = ImmichSink(mirror=self.mirror, find=find)
        self.files = self.sidecars()
        self.both = Together(self.sidecars(), self.server, way=lambda _: self.way, host=host)
        self.truth, self.memories, self.now = Truth(), dict[str, Memory](), 1_000_000.0
        self.wanted: tuple[str, ...] = ()
        self.caption = ""
        self.writes = 0

    # Immich

    def works(self) -> None:
        """Immich does all that it has to do."""
        self.immich.work()

    def reads_again(self) -> None:
        """Immich reads photo and sidecar once more."""
        self.immich.refresh(["a"])
        self.works()

    def sidecars(self) -> SidecarSink:
        return SidecarSink(clock=lambda: NOW, registered=self._registered)

    def _find(self, photos):
        here = {os.path.basename(kept.path): asset for asset, kept in self.immich.assets.items()}
        names = [os.path.basename(photo.path).decode() for photo in photos]
        return [self.immich.home(here[name]) if name in here else None for name in names]

    def _registered(self, _photo):
        return os.fsencode(self.kept.sidecar) if self.kept.sidecar and self.mirror.source.exact else None

    @property
    def photo(self) -> Photo:
        base = os.path.dirname(self.kept.path)
        return Photo(1, "r", os.fsencode(base), os.path.basename(self.kept.path).encode())

    @property
    def sidecar(self) -> Path:
        return Path(self.kept.sidecar or self.kept.path + ".xmp")

    # People

    def someone_writes(self, *words: str, beside: str = "", text: str = "") -> None:
        """Another program writes these words into all fields of a sidecar."""
        paths = [typed(word) for word in words]
        lists = {name: tuple(SIDECAR.paths[name].write(w) for w in paths) for name in (TAGS_LIST, HIERARCHICAL)}
        change = Change(add={**lists, "dc:subject": tuple(w[-1] for w in paths)})
        change = replace(change, texts={"dc:description": text} if text else {})
        path = self.folder / beside if beside else Path(self.kept.path + ".xmp")
        path.write_bytes(xmp.new(change, NOW))

    # tagwright

    def context(self) -> Context:
        return Context("book", 1, self.now)

    def step(self) -> list[object]:
        """One pass; the answers of the places that were written, or that could not be read."""
        self.now += 1
        photo = self.photo
        sinks = {"sidecar": self.files, "server": self.server}
        seen = {name: sink.read([photo])[0] for name, sink in sinks.items()}
        errors = [answer for answer in seen.values() if not isinstance(answer, Seen)]
        writes = {"sidecar": self.way in (Way.SERVER_FIRST, Way.FILE_FIRST), "server": self.way is not Way.NONE}
        places = {
            name: Place(LAYOUTS[name], answer, self.memories.get(name), writable=writes[name], counts=True)
            for name, answer in seen.items()
            if isinstance(answer, Seen) and (answer.exists or name == "sidecar")
        }
        wanted = Wanted({key(typed(word)): typed(word) for word in self.wanted}, self.caption)
        outcome = merging.merge(self.truth, wanted, places, self.context())
        self.truth = outcome.truth
        drafts = {}
        for name, step in outcome.steps.items():
            draft = sinks[name].draft(photo, places[name].seen, step.change) if step.change else None
            if draft is not None and draft.before != draft.after:
                drafts[name] = draft
                self.memories[name] = merging.intended(step, self.context())
            else:
                self.memories[name] = step.memory
        if not drafts:
            return errors
        read = {name: place.seen.digest for name, place in places.items()}
        (answers,) = self.both.write([Pair(photo, drafts, read)])
        assert answers.keys() == drafts.keys()
        for name, answer in answers.items():
            if isinstance(answer, Seen):
                self.writes += 1
                memory = self.memories[name]
                self.memories[name] = merging.confirmed(memory, LAYOUTS[name], answer, self.truth, self.context())
            else:
                self.memories[name] = outcome.steps[name].memory
        return [*errors, *(answer for answer in answers.values() if not isinstance(answer, Seen))]

    def rest(self, most: int = 8) -> list[object]:
        """Passes and Immich's work until nothing is left to do; the last pass's faults."""
        for _ in range(most):
            before = self.state()
            faults = self.step()
            self.works()
            if before == self.state():
                return faults
        raise AssertionError("it never came to rest")

    def state(self) -> object:
        files = {
            name: (self.folder / name).read_bytes() for name in os.listdir(self.folder) if name.endswith("xmp")
        }
        return sorted(self.kept.tags), self.kept.description, self.kept.sidecar, files, self.kept.path

    # What stands

    def tags(self) -> set[str]:
        return set(self.kept.tags)

    def lists(self, where: Path | None = None) -> dict[str, tuple[str, ...]]:
        data = (where or self.sidecar).read_bytes()
        return dict(xmp.seen(xmp.parse(data, b"x")).lists)

    def agrees(self, *words: str) -> bool:
        """Whether Immich, which reads once more, and every field of the sidecar show exactly these words."""
        self.reads_again()
        paths = {typed(word) for word in words}
        lists = self.lists()
        full = {tuple(value.split("/")) for value in lists.get(TAGS_LIST, ())}
        bars = {tuple(value.split("|")) for value in lists.get("lr:hierarchicalSubject", ())}
        leaves = set(lists.get("dc:subject", ()))
        return {typed(tag) for tag in self.tags()} == full == bars == paths and leaves == {p[-1] for p in paths}
