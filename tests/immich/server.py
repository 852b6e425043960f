"""The process that a stand-in is: python -m tests.immich.server with its settings on standard input.

It answers one line of JSON ({"port": N}) when it serves, and ends when its standard input closes.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from aiohttp import web

from tests.immich import (
    web_albums,  # noqa: F401 - it fills the table of routes
    web_assets,  # noqa: F401
    web_people,  # noqa: F401
    web_search,  # noqa: F401
    web_server,  # noqa: F401
    web_tags,  # noqa: F401
    web_upload,  # noqa: F401
)
from tests.immich.control import Control
from tests.immich.database import Database
from tests.immich.extraction import Extraction
from tests.immich.libraries import Libraries
from tests.immich.sidecars import Sidecars
from tests.immich.storage import Storage
from tests.immich.web import Site
from tests.immich.world import Options, World


async def serve(told: dict[str, Any]) -> None:
    """Serve until standard input ends."""
    world = World(Database(told["dsn"]), Path(told["media"]), Path(told["external"]), Options(**told["options"]))
    world.prepare()
    await world.db.open()
    for jobs in (Sidecars, Extraction, Storage, Libraries):
        jobs(world)
    site = Site(world)
    Control(world, site).add_to(site.app)
    runner = web.AppRunner(site.app, access_log=None, shutdown_timeout=0.1, handle_signals=False)
    await runner.setup()
    door = web.TCPSite(runner, "127.0.0.1", told.get("port", 0))
    await door.start()
    print(json.dumps({"port": runner.addresses[0][1]}), flush=True)
    await _until_told()
    await runner.cleanup()
    await world.jobs.stop()
    await world.db.close()
    world.exiftool.close()
    world.threads.shutdown()


async def _until_told() -> None:
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    await reader.read()


if __name__ == "__main__":
    asyncio.run(serve(json.loads(sys.stdin.readline())))
