"""Container paths and ours: Immich's container sees its folders under names that are not the host's.

A map is a pair of prefixes; of several that fit the longest counts. Never keep a container path as a key:
Immich rewrites all of them when its media location moves, and the storage template moves files at any time.
"""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from metadata.immich.shapes import Asset

MEDIA = ("/data", "/usr/src/app/upload")
"""Immich's media location in its container, since 1.137 and before."""


@dataclass(frozen=True, slots=True)
class PathMap:
    """`container` is a folder as Immich names it, `host` the same folder here."""

    container: str
    host: bytes


class Paths:
    """Maps in both directions, longest prefix first."""

    def __init__(self, maps: Iterable[PathMap]) -> None:
        clean = {(_stripped(each.container), each.host.rstrip(b"/") or b"/") for each in maps}
        self._inward = sorted(clean, key=lambda pair: len(pair[0]), reverse=True)
        self._outward = sorted(clean, key=lambda pair: len(pair[1]), reverse=True)

    def __bool__(self) -> bool:
        return bool(self._inward)

    @property
    def maps(self) -> tuple[PathMap, ...]:
        """All of them, longest container prefix first."""
        return tuple(PathMap(container, host) for container, host in self._inward)

    def host(self, path: str) -> bytes | None:
        """The file here that Immich calls `path`; None where no map holds it."""
        for container, host in self._inward:
            if _within(path, container):
                below = os.fsencode(path[len(container) :].lstrip("/"))
                return os.path.join(host, below) if below else host
        return None

    def container(self, file: bytes) -> str | None:
        """What Immich calls this file; None where no map holds it, or its name is no UTF-8."""
        for container, host in self._outward:
            if file == host or file.startswith(host.rstrip(b"/") + b"/"):
                try:
                    below = file[len(host.rstrip(b"/")) + 1 :].decode()
                except UnicodeDecodeError:
                    return None
                return f"{container.rstrip('/')}/{below}" if below else container
        return None


def path_checksum(path: str) -> bytes:
    """The checksum of an asset of an external library: SHA-1 of `path:` and its container path."""
    return hashlib.sha1(b"path:" + path.encode(), usedforsecurity=False).digest()


def located(assets: Sequence[Asset], folders: Sequence[bytes], *, least: int = 3) -> list[PathMap]:
    """The maps that put these assets' files into these folders, found by looking for the files.

    A map counts when an upload's content has the asset's SHA-1, or when `least` assets (or all that
    share its container prefix, where they are fewer) are found by it with the size that Immich knows.
    Reads one file a map at most; raises nothing, what cannot be read was not found.
    """
    votes: Counter[tuple[str, bytes]] = Counter()
    proofs: dict[tuple[str, bytes], Asset] = {}
    for asset in assets:
        for pair in _fits(asset, folders):
            votes[pair] += 1
            proofs.setdefault(pair, asset)
    found = [pair for pair in votes if _holds(pair, votes[pair], assets, least) or _proven(pair, proofs[pair])]
    return [PathMap(*pair) for pair in _widest(found)]


def from_settings(paths: Mapping[str, bytes], upload_location: bytes | None) -> list[PathMap]:
    """The maps that a person named; `upload_location` stands for both media locations of Immich."""
    maps = [PathMap(container, host) for container, host in paths.items()]
    given = {each.container for each in maps}
    if upload_location is not None:
        maps += [PathMap(media, upload_location) for media in MEDIA if media not in given]
    return maps


def find(
    file: bytes,
    paths: Paths,
    by_checksum: Callable[[bytes], Sequence[Asset]],
    *,
    sha1: Callable[[bytes], bytes],
) -> Asset | None:
    """The asset of an original, by indexed look-ups alone: its path's checksum, else its content's.

    `sha1` reads a file of ours. Of several with one content the one at this very path counts.
    """
    path = paths.container(file)
    if path is None:
        return None
    here = _at(path, by_checksum(path_checksum(path)))
    return here if here is not None else _at(path, by_checksum(sha1(file)))


def _at(path: str, assets: Sequence[Asset]) -> Asset | None:
    return next((asset for asset in assets if asset.path == path), None)


def _stripped(path: str) -> str:
    return path.rstrip("/") or "/"


def _within(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def _fits(asset: Asset, folders: Sequence[bytes]) -> Iterable[tuple[str, bytes]]:
    """The pairs by which this asset's file is in one of the folders; the longest tail that is there counts."""
    parts = asset.path.split("/")
    for folder in folders:
        for cut in range(1, len(parts)):
            file = os.path.join(folder, os.fsencode("/".join(parts[cut:])))
            if _same_size(file, asset.size):
                yield _stripped("/".join(parts[:cut]) or "/"), folder.rstrip(b"/") or b"/"
                break


def _same_size(file: bytes, size: int | None) -> bool:
    try:
        there = os.stat(file).st_size
    except (OSError, ValueError):
        return False
    return size is None or there == size


def _holds(pair: tuple[str, bytes], votes: int, assets: Sequence[Asset], least: int) -> bool:
    among = [asset for asset in assets if _within(asset.path, pair[0])]
    sized = all(asset.size is not None for asset in among)
    return votes >= least or (sized and votes == len(among) and votes > 1)


def _proven(pair: tuple[str, bytes], asset: Asset) -> bool:
    if asset.checksum == path_checksum(asset.path):
        return False
    file = Paths([PathMap(*pair)]).host(asset.path)
    try:
        with open(file or b"", "rb") as stream:
            return hashlib.file_digest(stream, "sha1").digest() == asset.checksum
    except OSError:
        return False


def _widest(pairs: Sequence[tuple[str, bytes]]) -> list[tuple[str, bytes]]:
    """Without those that say again what another one says for a folder above."""
    kept: list[tuple[str, bytes]] = []
    for container, host in sorted(pairs, key=lambda pair: len(pair[0])):
        if Paths([PathMap(*pair) for pair in kept]).host(container) != host:
            kept.append((container, host))
    return kept
