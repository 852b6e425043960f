"""One photo in the stand-in Immich, with the real client and database, the real sinks and sidecars."""

from __future__ import annotations

import io
import os
import random
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

from psycopg.conninfo import conninfo_to_dict

from metadata.immich import Database, Login
from metadata.immich import Immich as Client
from metadata.mirror.bring import Mirror
from metadata.mirror.sources import ByApi, ByDatabase
from metadata.mirror.way import Way
from metadata.sinks.immich import Home
from tests.immich import Immich
from tests.immich_house import House


def jpeg(seed: int) -> bytes:
    from PIL import Image

    data = io.BytesIO()
    picture = Image.frombytes("RGB", (8, 8), random.Random(seed).randbytes(192)).resize((400, 300))
    picture.save(data, "JPEG")
    return data.getvalue()


@dataclass
class Links:
    """The connections to one stand-in."""

    immich: Immich
    client: Client
    database: Database

    @classmethod
    def of(cls, immich: Immich) -> Links:
        told = conninfo_to_dict(immich.dsn)
        login = Login(
            host=str(told["host"]),
            port=int(told["port"]),
            user=str(told["user"]),
            password=str(told.get("password", "")),
            name=str(told["dbname"]),
        )
        return cls(immich, Client(immich.url, immich.key), Database(login))

    def close(self) -> None:
        self.client.close()
        self.database.close()

    def mirror(self, *, exact: bool = True) -> Mirror:
        owner = self.immich.admin.id
        source = ByDatabase(self.database.looks) if exact else ByApi({owner: self.client})
        return Mirror({owner: self.client}, source)


class StandInHouse(House):
    """As the house in memory; `asset` is the photo's id."""

    def __init__(self, links: Links, asset: str, *, way: Way = Way.SERVER_FIRST, exact: bool = True) -> None:
        self.links, self.asset = links, asset
        self.furnish(Path(self.kept.path).parent, way, links.mirror(exact=exact), self._home, self._host)

    def _home(self, photos):
        return [Home(self.asset, self.links.immich.admin.id) for _ in photos]

    def _host(self, path):
        return os.fsencode(self.links.immich.host(path))

    @property
    def kept(self):
        immich = self.links.immich
        sidecar = immich.sidecar_of(self.asset)
        described = immich.sql('SELECT description FROM asset_exif WHERE "assetId" = %s', self.asset)
        return SimpleNamespace(
            path=str(immich.original_of(self.asset)),
            sidecar=str(sidecar) if sidecar else "",
            tags=set(immich.tags_of(self.asset)),
            description=described[0]["description"],
        )

    def works(self) -> None:
        self.links.immich.idle()

    def reads_again(self) -> None:
        self.links.client.refresh([self.asset])
        self.works()
