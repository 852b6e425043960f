"""Takes tags away that nobody uses any more: those of ours that stand on nothing and have none below them.

Immich deletes with a tag all below it, and takes no word out of a sidecar: it would come back. So a tag is
deleted last, and only if the database shows no asset with it, in the trash and the locked folder as well.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from metadata.immich.shapes import Tag
from metadata.mirror.ports import Server


def sweep(
    server: Server, values: Collection[str], unused: Callable[[Sequence[str]], Collection[str]]
) -> list[str]:
    """Delete those of a user's tags of these names that are not used; their names, in the order of deletion.

    `unused` is `Database.unused`: which ids have no tag below them and no asset. A tag above one that was
    deleted may then be unused too; it goes only if it is named as well.
    """
    gone: list[str] = []
    while found := _idle(server.tags(), set(values) - set(gone), unused):
        for tag in found:
            server.delete_tag(tag.id)
            gone.append(tag.value)
    return gone


def _idle(tags: Sequence[Tag], values: set[str], unused: Callable[[Sequence[str]], Collection[str]]) -> list[Tag]:
    above = {tag.parent for tag in tags}
    leaves = [tag for tag in tags if tag.value in values and tag.id not in above]
    idle = unused([tag.id for tag in leaves]) if leaves else ()
    return [tag for tag in leaves if tag.id in idle]
