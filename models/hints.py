"""What is known of a photo besides its pixels, as lines for a prompt. Hints, not truth: the picture decides."""

from __future__ import annotations

from metadata.photo import Facts
from metadata.tags import Word, show
from models.protocols import Hints

MOST = 10
"""Names, and keywords, that are told at most."""
_SAYS = "Known about this photo (hints only; what is seen counts):"


def lines(facts: Facts, hints: Hints) -> str:
    """Date, place, people and keywords, a line each; an empty text where nothing is known."""
    known = {
        "taken": facts.taken.strftime("%Y-%m-%d %H:%M") if facts.taken else "",
        "place": _place(facts),
        "people": ", ".join(_plain(name) for name in hints.people[:MOST]),
        "keywords": ", ".join(_shown(word) for word in hints.keywords[:MOST]),
    }
    told = [f"- {name}: {value}" for name, value in known.items() if value]
    return "\n".join([_SAYS, *told]) if told else ""


def _place(facts: Facts) -> str:
    if facts.latitude is None or facts.longitude is None:
        return ""
    from metadata import places  # noqa: PLC0415 - a list of all towns that hardly anybody needs here

    place = places.nearest(facts.latitude, facts.longitude)
    return ", ".join(part for part in (place.city, place.state, place.country) if part) if place else ""


def _shown(word: Word) -> str:
    return _plain(show(word))


def _plain(text: str) -> str:
    """One line, without signs that could end the hint."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())[:80]
