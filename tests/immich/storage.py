"""Moving by the storage template, thumbnails, vectors, and the files of what is deleted."""

# ruff: noqa: ASYNC230 - files are small, and the real one blocks too
# ruff: noqa: E501 - SQL and recorded words read best on one line

from __future__ import annotations

import hashlib
import io
import os
import random
from pathlib import Path
from typing import Any

from tests.immich.jobs import Job
from tests.immich.shapes import VIDEOS
from tests.immich.world import World

_TIDY = {
    "jpeg": "jpg",
    "jpe": "jpg",
    "tif": "tiff",
    "3gpp": "3gp",
    "mpeg": "mpg",
    "mpe": "mpg",
    "m2ts": "mts",
    "m2t": "mts",
}
_BLOCK = 8192


class Storage:
    """The jobs about files other than sidecars."""

    def __init__(self, world: World) -> None:
        self.world = world
        world.jobs.handlers.update(
            StorageTemplateMigrationSingle=self.move, StorageTemplateMigration=self.move_all, FileDelete=self.forget_files,
            AssetGenerateThumbnails=self.thumbnails, AssetDelete=self.delete, AssetEmptyTrash=self.empty_trash, PersonGenerateThumbnail=self.person, SmartSearch=self.vector,
            AssetDetectFaces=_nothing, Ocr=_nothing, AssetDetectDuplicates=_nothing,
        )  # fmt: skip

    async def move_all(self, job: Job) -> None:
        """The template for every asset."""
        for row in await self.world.db.rows("SELECT id FROM asset ORDER BY id"):
            await self._move(row["id"])

    async def move(self, job: Job) -> None:
        """The template for one asset, then its thumbnails where it is new."""
        await self._move(job.data["id"])
        if job.data.get("source") == "upload":
            data = {"source": "upload", "id": job.data["id"]}
            self.world.jobs.add("thumbnailGeneration", "AssetGenerateThumbnails", data)

    async def _move(self, asset: str) -> None:
        row = await self._for_move(asset)
        if not self.world.options.template or row is None or row["isExternal"]:
            return
        wanted = _by_template(row)
        if row["originalPath"] == wanted or _numbered(row["originalPath"], wanted):
            return
        target = self._free(wanted)
        place = self.world.folder_for(target)
        os.rename(self.world.host(row["originalPath"]), place)
        await self.world.db.run('UPDATE asset SET "originalPath" = %s WHERE id = %s', target, asset)
        if row["sidecar"] and self.world.host(row["sidecar"]).exists():
            os.rename(self.world.host(row["sidecar"]), self.world.folder_for(f"{target}.xmp"))
            await self.world.db.run(
                "UPDATE asset_file SET path = %s WHERE \"assetId\" = %s AND type = 'sidecar'",
                f"{target}.xmp",
                asset,
            )

    async def _for_move(self, asset: str) -> dict[str, Any] | None:
        return await self.world.db.row(
            'SELECT a.*, coalesce(u."storageLabel", u.id::text) AS label, (SELECT path FROM asset_file f'
            " WHERE f.\"assetId\" = a.id AND f.type = 'sidecar') AS sidecar"
            ' FROM asset a JOIN "user" u ON u.id = a."ownerId" WHERE a.id = %s', asset,
        )  # fmt: skip

    def _free(self, wanted: str) -> str:
        stem, ending = os.path.splitext(wanted)
        number, target = 0, wanted
        while self.world.host(target).exists():
            number += 1
            target = f"{stem}+{number}{ending}"
        return target

    async def thumbnails(self, job: Job) -> None:
        """Thumbnail, then preview, each written at its final name in small blocks; their rows come after."""
        asset = job.data["id"]
        row = await self.world.db.row("SELECT * FROM asset WHERE id = %s", asset)
        if row is None:
            return
        await self.world.jobs.point("thumbnails", asset=asset)
        try:
            pictures = await self.world.aside(_small, self.world.host(row["originalPath"]))
        except (OSError, ValueError):  # no picture: never a thumbnail
            return
        for kind, data in pictures.items():
            await self._picture(row, asset, kind, data)
        print_of = hashlib.sha1(pictures["thumbnail"]).digest() + b"."
        await self.world.db.run(
            "UPDATE asset SET thumbhash = %s WHERE id = %s AND thumbhash IS DISTINCT FROM %s",
            print_of,
            asset,
            print_of,
        )
        if job.data.get("source") == "upload":
            self._learn(asset)

    async def _picture(self, row: dict[str, Any], asset: str, kind: str, data: bytes) -> None:
        path = self.world.thumb_path(row["ownerId"], asset, kind)
        with open(self.world.folder_for(path), "wb") as file:
            for start in range(0, len(data), _BLOCK):
                file.write(data[start : start + _BLOCK])
                file.flush()
        await self.world.jobs.point(f"{kind}-written", asset=asset)
        await self.world.db.run(
            'INSERT INTO asset_file ("assetId", type, path) VALUES (%s, %s, %s) ON CONFLICT ("assetId", type, "isEdited")'
            " DO UPDATE SET path = excluded.path",
            asset, kind, path,
        )  # fmt: skip

    def _learn(self, asset: str) -> None:
        data = {"source": "upload", "id": asset}
        for queue, name in (("smartSearch", "SmartSearch"), ("faceDetection", "AssetDetectFaces"), ("ocr", "Ocr")):
            self.world.jobs.add(queue, name, data)

    async def vector(self, job: Job) -> None:
        """With smart search on: a vector that hangs on the asset's checksum alone."""
        asset = job.data["id"]
        await self.world.jobs.point("vector", asset=asset)
        if self.world.options.vectors:
            checksum = await self.world.db.value("SELECT checksum FROM asset WHERE id = %s", asset)
            if checksum is not None:
                await self.world.db.run(
                    "INSERT INTO smart_search VALUES (%s, %s::vector) ON CONFLICT DO NOTHING",
                    asset,
                    _vector(bytes(checksum)),
                )
        self.world.jobs.add("duplicateDetection", "AssetDetectDuplicates", job.data)

    async def empty_trash(self, job: Job) -> None:
        """A job for every asset that is to be deleted for ever."""
        for row in await self.world.db.rows("SELECT id FROM asset WHERE status = 'deleted'"):
            self.world.jobs.add("backgroundTask", "AssetDelete", {"id": row["id"], "deleteOnDisk": True})

    async def person(self, job: Job) -> None:
        """A person's picture: a name of its own among the thumbnails."""
        row = await self.world.db.row(
            'SELECT p."ownerId", a."originalPath" FROM person p JOIN asset_face f ON f.id = p."faceAssetId"'
            ' JOIN asset a ON a.id = f."assetId" WHERE p.id = %s', job.data["id"],
        )  # fmt: skip
        if row is None:
            return
        name = job.data["id"]
        path = f"/data/thumbs/{row['ownerId']}/{name[:2]}/{name[2:4]}/{name}.jpeg"
        pictures = await self.world.aside(_small, self.world.host(row["originalPath"]))
        self.world.folder_for(path).write_bytes(pictures["preview"])
        await self.world.db.run('UPDATE person SET "thumbnailPath" = %s WHERE id = %s', path, name)

    async def delete(self, job: Job) -> None:
        """The row goes, then its files by a job of their own (an external original stays)."""
        asset = job.data["id"]
        row = await self.world.db.row("SELECT * FROM asset WHERE id = %s", asset)
        if row is None:
            return
        files = await self.world.db.rows('SELECT type, path FROM asset_file WHERE "assetId" = %s', asset)
        await self.world.jobs.point("asset-delete", asset=asset)
        await self.world.db.run("DELETE FROM asset WHERE id = %s", asset)
        paths = [file["path"] for file in files if file["type"] != "sidecar" or not row["isOffline"]]
        if not row["isExternal"] or job.data.get("deleteOnDisk"):
            paths.append(row["originalPath"])
        self.world.jobs.add("backgroundTask", "FileDelete", {"files": paths})

    async def forget_files(self, job: Job) -> None:
        """Unlink what is still there."""
        for path in job.data["files"]:
            if self.world.writable(path):
                self.world.host(path).unlink(missing_ok=True)


async def _nothing(job: Job) -> None:
    return


def _by_template(row: dict[str, Any]) -> str:
    stem, ending = os.path.splitext(row["originalFileName"])
    ending = ending[1:].lower()
    when = row["localDateTime"]
    return f"/data/library/{row['label']}/{when:%Y}/{when:%Y-%m-%d}/{stem}.{_TIDY.get(ending, ending)}"


def _numbered(path: str, wanted: str) -> bool:
    stem, ending = os.path.splitext(wanted)
    return path.startswith(f"{stem}+") and path.endswith(ending) and path[len(stem) + 1 : -len(ending)].isdigit()


def _small(path: Path) -> dict[str, bytes]:
    from PIL import Image, ImageOps

    found = {}
    if path.suffix.lower() in VIDEOS:
        upright = _frame(path)
    else:
        with Image.open(path) as image:
            upright = ImageOps.exif_transpose(image).convert("RGB")
    for kind, side, format_ in (("thumbnail", 250, "WEBP"), ("preview", 1440, "JPEG")):
        small = upright.copy()
        small.thumbnail((side, side))
        data = io.BytesIO()
        small.save(data, format_, quality=80)
        found[kind] = data.getvalue()
    return found


def _frame(path: Path) -> Any:
    """A picture of a film, as its thumbnail."""
    try:
        import av
    except ImportError as error:
        raise ValueError("no FFmpeg") from error
    with av.open(str(path)) as film:
        return next(film.decode(video=0)).to_image()


def _vector(seed: bytes) -> str:
    die = random.Random(seed)
    values = [die.gauss(0, 1) for _ in range(512)]
    length = sum(value * value for value in values) ** 0.5
    return "[" + ",".join(f"{value / length:.6f}" for value in values) + "]"
