"""In exiftool's place where only speed counts: the sidecar's few fields are written and read in this process.

What the photo itself says is made up, but for its size in pixels. A stand-in with it (`exiftool=False`) is several
times as quick as one with the real program, and must not be used to prove what Immich does to a file.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.immich_memory import read_sidecar, write_sidecar


class Quick:
    """The same calls as `tests.immich.program.Exiftool`."""

    async def write(self, path: str, values: Mapping[str, Any]) -> None:
        """Tags and description alone."""
        locked: dict[str, Any] = {}
        if "TagsList" in values:
            locked["tags"] = values["TagsList"]
        if "Description" in values:
            locked["description"] = values["Description"]
        write_sidecar(path, locked)

    async def read(self, *paths: str) -> list[dict[str, Any]]:
        """The photo first, then its sidecar if there is one."""
        found: list[dict[str, Any]] = [{"ImageWidth": 24, "ImageHeight": 16}]
        for path in paths[1:]:
            said = read_sidecar(path)
            tags = said.get("tags")
            read: dict[str, Any] = {} if tags is None else {"TagsList": sorted(tags) or [""]}  # type: ignore[call-overload]
            found.append(read | ({"Description": said["description"]} if "description" in said else {}))
        return found

    def close(self) -> None:
        """Nothing was started."""
