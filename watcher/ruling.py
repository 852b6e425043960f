"""What turns evidence into keywords: the rules of all, and of users of a server who want something otherwise.

Out of the settings, and of what the ledger has learned.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace

from metadata import tags
from metadata.choose import Rules, named
from metadata.tags import Word
from watcher.ledger import aliases, categories, evidence, owners
from watcher.ledger.owners import NOBODY
from watcher.ledger.store import Ledger
from watcher.settings import Settings

LEAST = 100
"""Pictures a source must have seen before a word can be said of too many of them."""


def rules(settings: Settings, ledger: Ledger) -> Rules:
    """The rules of all photos."""
    sources = frozenset(
        (*settings.facts, *settings.taggers, *((settings.captioner,) if settings.captioner else ()))
    )
    renamed = aliases.used(ledger.db)
    made = Rules(
        threshold=settings.threshold,
        thresholds=dict(settings.thresholds),
        block=frozenset(tags.key(tags.typed(word)) for word in settings.block),
        overused=frozenset(overused(settings, ledger)),
        most=settings.most,
        under=tags.typed(settings.under),
        aliases=renamed.paths,
        leaves=renamed.leaves,
        sources=sources,
        categories=categories.bound(ledger.db, categories.WORD),
        people=categories.bound(ledger.db, categories.PERSON),
    )
    return replace(made, filed=_filed(categories.before(ledger.db), made))


def own(settings: Settings, ledger: Ledger, base: Rules) -> dict[str, Rules]:
    """The rules of each owner who has some of their own, by the owner that a page bears ("" for none).

    `base` are those of all.
    """
    blocks, special = _blocks(settings, ledger), aliases.special(ledger.db)
    filed = categories.before(ledger.db) if special else {}
    made: dict[str, Rules] = {}
    for owner in sorted({*blocks, *special}):
        mine = replace(base, block=frozenset(base.block) | blocks.get(owner, frozenset()))
        if owner in special:
            used = aliases.used(ledger.db, owner)
            mine = replace(mine, aliases=used.paths, leaves=used.leaves)
            mine = replace(mine, filed=_filed(filed, mine))
        made["" if owner == NOBODY else owner] = mine
    return made


def overused(settings: Settings, ledger: Ledger) -> Mapping[str, tuple[int, int]]:
    """Words that one of our rules said of too many pictures to be of use: of how many, of all."""
    rule_names = [fact for fact in settings.facts if fact != "place"]  # a place may well be the same everywhere
    return evidence.overused(ledger.db, rule_names, settings.fact_limit, LEAST)


def _filed(before: Mapping[str, Word], made: Rules) -> dict[str, str]:
    """Where words stand today that were bound to a category at any time: a refusal holds for all their paths."""
    today = {old: named(word, made) for old, word in before.items()}
    return {old: tags.key(word) for old, word in today.items() if word is not None}


def _blocks(settings: Settings, ledger: Ledger) -> dict[str, frozenset[str]]:
    """Keywords that users' photos never get, by the users' ids."""
    users = {name: user.block for name, user in settings.immich.users.items() if user.block}
    known = owners.named(ledger.db) if users else {}
    return {
        owner: frozenset(tags.key(tags.typed(word)) for word in block)
        for name, block in users.items()
        for owner, names in known.items()
        if name in names
    }


def stamp(settings: Settings, made: Rules, own: Mapping[str, Rules]) -> str:
    """A digest of all that influences choice; a photo whose stamp differs is chosen anew."""
    parts: list[object] = [sorted(made.overused), sorted(made.aliases.items())]
    if made.categories or made.people:  # who has none keeps the stamp of before there were any
        parts += [sorted(made.categories.items()), sorted(made.people.items())]
    parts += [sorted(made.leaves.items())] if made.leaves else []
    special = [
        (owner, sorted(mine.aliases.items()), sorted(mine.leaves.items()))
        for owner, mine in sorted(own.items())
        if (mine.aliases, mine.leaves) != (made.aliases, made.leaves)
    ]
    parts += [special] if special else []
    learned = json.dumps(parts)
    return hashlib.sha256(f"{settings.rules()} {learned}".encode()).hexdigest()[:12]
