"""A library beside the stand-in Immich as a person sets it up: by settings alone, with the look at Immich."""

from __future__ import annotations

import os
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from psycopg.conninfo import conninfo_to_dict

from metadata import xmp
from metadata.tags import HIERARCHICAL, TAGS_LIST
from tests.flow.house_world import World
from tests.immich import Immich
from tests.patience import PATIENCE
from watcher.app import opened


class ImmichWorld(World):
    """Root `p` is Immich's upload location; with `api` there is no folder, and Immich's photos are root `far`."""

    def __init__(
        self,
        folder: Path,
        immich: Immich,
        /,
        *,
        database: bool = True,
        api: bool = False,
        keys: tuple[str, ...] = (),
        **more: Any,
    ) -> None:
        super().__init__(folder, real=True)
        self.immich, self.database, self.api = immich, database, api
        self.photos = immich.upload
        self.keys = []
        for number, key in enumerate(keys or (immich.key,)):
            file = folder / f"key{number}"
            file.write_text(key)
            file.chmod(0o600)
            self.keys.append(str(file))
        self.more = more
        self.root: dict[str, Any] = {"name": "far", "immich": True} if api else {"name": "p", "path": self.photos}

    def settings(self, **more: Any) -> Any:
        told = conninfo_to_dict(self.immich.dsn)
        database = {
            "host": told["host"], "port": int(told["port"]), "user": told["user"],
            "name": told["dbname"], "password": str(told.get("password", "")),
        }  # fmt: skip
        made: dict[str, Any] = {
            "url": self.immich.url,
            "keys": self.keys,
            "rate": 0,
            "poll": 1.0,
            **self.more.get("immich", {}),
        }
        if self.database:
            made["database"] = database
        if not self.api and "upload_location" not in made:
            made["upload_location"] = str(self.immich.upload)
        others = {name: value for name, value in self.more.items() if name not in ("immich", "root")}
        root = {**self.root, **self.more.get("root", {})}
        return super().settings(immich=made, roots=[root], **others, **more)

    @contextmanager
    def open(self, **more: Any):
        ways = {name: more.pop(name) for name in ("backlog", "probe") if name in more}
        settings = self.settings(**more)
        agreed = [root.name for root in settings.roots] if self.agreed else []
        with opened(settings, agreed=agreed, now=self.now, **ways) as app:
            yield app

    def rest(self, rounds: int = 8) -> None:
        """Passes of the service, and Immich's own work between, until all is as it was."""
        still = 0
        for _ in range(rounds):
            before = self.all()
            self.ahead += 15
            self.run()
            self.immich.idle()
            still = still + 1 if self.all() == before else 0
            if still == 2:  # the first may have been too early for what Immich had still to say
                return
        raise AssertionError("it never came to rest")

    def all(self) -> Any:
        files = {str(path): path.read_bytes() for path in self.immich.upload.rglob("*.xmp")}
        files |= {str(path): path.read_bytes() for path in self.immich.external.rglob("*.xmp")}
        return files, self.immich.sql('SELECT "assetId", "tagId" FROM tag_asset ORDER BY 1, 2')

    def tags(self, asset: str) -> set[str]:
        return set(self.immich.tags_of(asset))

    def sidecar(self, asset: str) -> Path | None:
        registered = self.immich.sidecar_of(asset)
        if registered is not None and registered.exists():
            return registered
        beside = self.immich.original_of(asset)
        beside = beside.with_name(beside.name + ".xmp")
        return beside if beside.exists() else None

    def fields(self, asset: str) -> set[str] | None:
        """The words of the sidecar's lists; None where these say different things."""
        file = self.sidecar(asset)
        if file is None:
            return set()
        lists = xmp.seen(xmp.parse(file.read_bytes(), b"x")).lists
        full = {value for value in lists.get(TAGS_LIST, ()) if value}
        return full if {value.replace("|", "/") for value in lists.get(HIERARCHICAL, ())} == full else None

    def known(self, asset: str) -> Any:
        """State, reason and digest of the photo that an asset is."""
        rows = self.ask(
            "SELECT photos.state, photos.reason, photos.digest, photos.id FROM photos "
            "JOIN assets ON assets.photo = photos.id WHERE assets.id = ?",
            asset,
        )
        return rows[0] if rows else None

    def words_of(self, asset: str) -> dict[str, bool]:
        from metadata import tags
        from watcher.ledger import words

        number = self.known(asset)[3]
        with self.book() as db:
            truth = words.truths(db, [number])[number]
        return {tags.show(word): key in truth.ours for key, word in truth.words.items()}

    def refused_of(self, asset: str) -> set[str]:
        from metadata import tags
        from watcher.ledger import words

        number = self.known(asset)[3]
        with self.book() as db:
            return {tags.show(word) for word in words.truths(db, [number])[number].refused.values()}

    def wait(self, what, seconds: float = PATIENCE) -> Any:
        until = time.monotonic() + seconds
        while not (found := what()):
            assert time.monotonic() < until, "it did not happen in time"
            os.sched_yield()
        return found
