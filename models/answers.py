"""What a vision model answered -> keywords, title, caption and the kind of picture; all else is refused. Pure.

A model may think aloud first, wrap its JSON in fences, repeat the prompt, loop, refuse, or answer something else
altogether. What does not hold to the schema is no answer, whatever the server promised.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

KIND = "kind"
"""The keyword below which the kind of picture stands."""
KINDS = (
    "photo",
    "selfie",
    "portrait",
    "screenshot",
    "document",
    "drawing",
    "painting",
    "wallpaper",
    "map",
    "meme",
    "scan",
)


class BadAnswer(ValueError):
    """The model's answer is of no use; the text says why, without quoting more than a few words."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The most that is taken of one answer: keywords, and signs of each text."""

    keywords: int = 20
    keyword: int = 60
    words: int = 5
    title: int = 120
    caption: int = 600


@dataclass(frozen=True, slots=True)
class Reply:
    """A model's message as a server hands it on."""

    text: str
    thought: str = ""
    refusal: str = ""
    cut: bool = False


@dataclass(frozen=True, slots=True)
class Said:
    """What was taken of an answer."""

    keywords: tuple[str, ...] = ()
    title: str = ""
    caption: str = ""
    kind: str = ""


def schema(limits: Limits) -> dict[str, Any]:
    """The same as JSON Schema (draft 2020-12), for servers that hold a model to one."""
    return {
        "type": "object",
        "properties": {
            KIND: {"type": "string", "enum": list(KINDS)},
            "title": {"type": "string", "maxLength": limits.title},
            "caption": {"type": "string", "maxLength": limits.caption},
            "keywords": {
                "type": "array",
                "items": {"type": "string", "maxLength": limits.keyword},
                "maxItems": limits.keywords,
            },
        },
        "required": [KIND, "title", "caption", "keywords"],
        "additionalProperties": False,
    }


def read(reply: Reply, prompt: str, limits: Limits) -> Said:
    """What the answer holds. Raises BadAnswer."""
    if reply.refusal.strip():
        raise BadAnswer(f"the model refused: {_few(reply.refusal)}")
    text = _spoken(reply.text)
    found = _object(text)
    if found is None and not text:
        found = _object(_spoken(reply.thought))  # some servers file the whole answer under what was thought
    if found is None:
        raise BadAnswer(_why_none(text, reply))
    said = _said(found, limits)
    _check(said, prompt)
    return said


_THOUGHT = re.compile(r"<(think|thinking|thought|reasoning)>.*?(</\1>|\Z)", re.DOTALL | re.IGNORECASE)
_LATE = re.compile(r"\A.*</(think|thinking|thought|reasoning)>", re.DOTALL | re.IGNORECASE)
_CHANNEL = re.compile(r"\A.*<\|channel\|>final<\|message\|>", re.DOTALL)
"""How gpt-oss marks what it says aloud."""


def _spoken(text: str) -> str:
    """The text without what was only thought, be it closed or not, and though it began before the text."""
    text = _CHANNEL.sub("", text)
    return _LATE.sub("", _THOUGHT.sub("", text)).strip()


def _object(text: str) -> Mapping[str, Any] | None:
    """The JSON object in a text: the last that has one of our names, behind whatever was said or fenced before."""
    decoder, found, at = json.JSONDecoder(strict=False), None, text.find("{")  # llama.cpp lets raw tabs through
    while at >= 0:
        try:
            value, end = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            end = at + 1
        else:
            if isinstance(value, dict) and value.keys() & {"keywords", "caption", "title", "tags"}:
                found = value
        at = text.find("{", end)
    return found


_NO = re.compile(
    r"\b(i'?m (very |really )?sorry|i (can(no|')?t|am (not able|unable)|won'?t|must decline)|as an ai|"
    r"(cannot|can't|unable to) (assist|help|comply|fulfil|describe|identify|analy[sz]e)|"
    r"against my (guidelines|policy)|content policy)\b",
    re.IGNORECASE,
)


def _refuses(text: str) -> bool:
    return _NO.search(text[:200].replace("’", "'")) is not None


def _why_none(text: str, reply: Reply) -> str:
    if reply.cut:
        return "the answer was cut off at its longest; raise `tokens`, or choose a model that comes to an end"
    if text and _refuses(text):
        return f"the model refused: {_few(text)}"
    if not text:
        return (
            "the model thought and said nothing" if (reply.thought + reply.text).strip() else "the answer is empty"
        )
    return f"the answer is no JSON object: {_few(text)}"


def _said(found: Mapping[str, Any], limits: Limits) -> Said:
    keywords = found.get("keywords", found.get("tags", []))
    if not isinstance(keywords, list) or not all(isinstance(each, str) for each in keywords):
        raise BadAnswer("`keywords` is no list of texts")
    texts = {name: "" if found.get(name) is None else found[name] for name in ("title", "caption", KIND)}
    for name, value in texts.items():
        if not isinstance(value, str):
            raise BadAnswer(f"`{name}` is no text")
    kind = _line(texts[KIND]).casefold()
    return Said(
        tuple(_keywords(keywords, limits)),
        _text(texts["title"], limits.title),
        _text(texts["caption"], limits.caption),
        kind if kind in KINDS else "",
    )


_MARK = re.compile(r"^(?:[-*•#]+|\d{1,2}[.)])\s*")
_ENDS = " \t.,;:\"'`"


def _keywords(given: Iterable[str], limits: Limits) -> list[str]:
    """Single words and short terms, each once, as many as may be; sentences and what is no word fall away."""
    found: dict[str, str] = {}
    for part in (part for text in given for part in _line(text).split(",")):
        word = _MARK.sub("", part.strip(_ENDS)).strip(_ENDS)
        short = len(word) <= limits.keyword and len(word.split()) <= limits.words
        if short and any(sign.isalpha() for sign in word):
            found.setdefault(word.casefold(), word)
    return list(found.values())[: limits.keywords]


def _line(text: str) -> str:
    """One line in NFC without control, format and unassigned signs."""
    kept = (
        sign if unicodedata.category(sign) not in _UNSEEN else " " for sign in unicodedata.normalize("NFC", text)
    )
    return " ".join("".join(kept).split())


_UNSEEN = frozenset({"Cc", "Cs", "Cn", "Co"})


def _text(text: str, most: int) -> str:
    line = _line(text)
    return _shortened(line, most) if any(sign.isalpha() for sign in line) else ""


def _shortened(text: str, most: int) -> str:
    """The text up to the last sentence, else the last word, that fits."""
    if len(text) <= most:
        return text
    kept = text[: most + 1]
    sentence = max(kept.rfind(end) for end in (". ", "! ", "? ", "。"))
    if sentence > most // 3:
        return kept[: sentence + 1]
    return kept[:most].rsplit(" ", 1)[0].rstrip(_ENDS) + "…" if " " in kept else kept[:most]


ECHO = 40
"""Signs in one piece that no honest answer shares with the prompt."""


def _check(said: Said, prompt: str) -> None:
    """Refuse what says nothing, repeats the prompt, loops, or is a refusal dressed as a caption."""
    if not said.keywords and not said.caption:
        raise BadAnswer("the answer says nothing about the picture")
    if _NO.match(said.caption.replace("’", "'")):  # at its beginning: a sign in a picture may say anything
        raise BadAnswer(f"the model refused: {_few(said.caption)}")
    asked = _folded(prompt)
    for text in (said.title, said.caption, *said.keywords):
        if any(piece in asked for piece in _pieces(_folded(text))):
            raise BadAnswer(f"the answer repeats the question: {_few(text)}")
    if _loops(said.caption):
        raise BadAnswer(f"the answer goes round in circles: {_few(said.caption)}")


def _pieces(text: str) -> list[str]:
    return (
        [text[at : at + ECHO] for at in range(0, max(1, len(text) - ECHO + 1), ECHO // 2)]
        if len(text) >= ECHO
        else []
    )


def _folded(text: str) -> str:
    return " ".join(text.casefold().split())


def _loops(text: str) -> bool:
    """Whether a few words make up most of a long text."""
    words = _folded(text).split()
    return len(words) >= 30 and len(set(words)) * 4 < len(words)


def _few(text: str) -> str:
    line = _line(text)
    return f"“{line[:60]}…”" if len(line) > 60 else f"“{line}”"
