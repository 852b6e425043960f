"""`tagwright category`: under which path words and people's names are written. A change is a change of rules."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from metadata import tags
from metadata.errors import UserError
from metadata.tags import Word
from watcher.app import App
from watcher.ledger import categories as book

Answer = dict[str, Any]


def add(app: App, *, category: str) -> Answer:
    """Make a category."""
    path = _path(category)
    with app.ledger.transaction() as db:
        if not book.add(db, path):
            raise UserError(f"the category {tags.show(path)} is there already")
    return {"category": tags.show(path)}


def remove(app: App, *, category: str) -> Answer:
    """Take a category away; what was bound to it is written as it was said."""
    path = _path(category)
    with app.ledger.transaction() as db:
        if not book.remove(db, path):
            raise _unknown(app, path)
    app.refresh_rules()
    return {"category": tags.show(path)}


def bind(app: App, *, category: str, words: Sequence[str], person: bool = False) -> Answer:
    """Bind words, or people's names, to a category."""
    path, kind = _path(category), book.PERSON if person else book.WORD
    these = [_bound(word, person=person) for word in words]
    with app.ledger.transaction() as db:
        if not book.known(db, path):
            raise _unknown(app, path)
        for word in these:
            book.bind(db, kind, word, path, app.worker.house.rules.under)
    app.refresh_rules()
    return {"category": tags.show(path), "bound": [tags.show(word) for word in these]}


def loosen(app: App, *, words: Sequence[str], person: bool = False) -> Answer:
    """Bind words, or people's names, no longer."""
    kind = book.PERSON if person else book.WORD
    these = [_bound(word, person=person) for word in words]
    with app.ledger.transaction() as db:
        for word in these:
            if not book.loosen(db, kind, word):
                raise UserError(
                    f"{tags.show(word)} is bound to no category; `tagwright category list` shows what is"
                )
    app.refresh_rules()
    return {"loosened": [tags.show(word) for word in these]}


def _bound(typed: str, *, person: bool) -> Word:
    """A word as it was typed; of a person the name alone counts, wherever it stands."""
    word = _path(typed)
    return word[-1:] if person else word


def _path(typed: str) -> Word:
    word = tags.clean(tags.typed(typed))
    if not word:
        raise UserError(f"{typed!r} is no keyword")
    return word


def _unknown(app: App, path: Word) -> UserError:
    known = ", ".join(row["category"] for row in book.listed(app.ledger.db)) or "none"
    return UserError(
        f"there is no category {tags.show(path)}; known ones: {known}; `tagwright category add` makes one"
    )
