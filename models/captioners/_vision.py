"""A vision model behind one or several hosts: keywords, title, caption and kind of a photo by one question.

What differs between servers is a `Talk`: where to ask, how the question is put, where the answer stands. A bad
answer is asked for once more and then is the photo's fault; an unreachable host never is.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from typing import Any, Protocol

from metadata.errors import PhotoError, UserError
from metadata.tags import Word, clean
from models import answers, hints, hosts, prompts
from models.answers import KIND, BadAnswer, Limits, Reply, Said
from models.hosts import Body, Endless, Host, Hosts, Rejected
from models.prints import Print
from models.protocols import Scored, Titled, View

SURE, KIND_SURE, STEP = 0.8, 0.85, 0.001
"""Scores: such a model gives none, so a keyword has 0.8 and each later one a little less; the kind has 0.85."""
TRIES = 2
"""How often one photo is asked about while the answers are of no use."""
WARMER = 0.3
"""Temperature that is added for the second try: the first one would say the same again."""


NO_SCHEMA = frozenset({400, 422, 501})
"""How a server refuses a schema that it cannot hold a model to."""


@dataclass(frozen=True, slots=True)
class Wish:
    """How is asked; `size` is the longest edge in pixels, `tokens` the most of an answer with its thoughts.

    1000 pixels, because a camera's 4000 are decoded at a quarter then, in two thirds of the time that 1024 take.
    """

    model: str
    language: str = "English"
    temperature: float = 0.0
    tokens: int = 4096
    size: int = 1000
    quality: int = 85
    keywords: int = 20
    prompt: str = ""


@dataclass(frozen=True, slots=True)
class Question:
    """One question, as a `Talk` puts it; `image` is a JPEG in base64, `schema` None where none is sent."""

    model: str
    prompt: str
    image: str
    temperature: float
    tokens: int
    schema: Mapping[str, Any] | None


class Talk(Protocol):
    """How one kind of server is spoken to."""

    path: str
    models: str
    """Where the server lists what it has."""

    def body(self, question: Question) -> dict[str, Any]:
        """The question as the server takes it."""
        ...

    def reply(self, answer: Any) -> Reply | None:
        """The model's message; None where the answer is of another shape."""
        ...


class Vision:
    """A tagger and a captioner at once; one question gives all."""

    def __init__(self, name: str, wish: Wish, asked: Hosts, talk: Talk) -> None:
        """Raises UserError where the prompt cannot be read."""
        self.name = name
        self.edge = wish.size
        self.print = Print(wish.size, wish.quality)
        self._wish, self._hosts, self._talk = wish, asked, talk
        self._limits = Limits(keywords=wish.keywords)
        self._prompt = prompts.load(wish.prompt)
        self._plain: set[str] = set()
        self.version = self._version()

    def _version(self) -> str:
        """The model, and a digest of what else decides about the answer."""
        wish = self._wish
        asked = repr((self._prompt, wish.language, wish.temperature, wish.size, wish.quality, wish.keywords))
        digest = hashlib.sha256(asked.encode()).hexdigest()[:8]
        return f"{wish.model}-{digest}".replace("@", "-")

    def standing(self) -> list[tuple[str, bool, int, int]]:
        """How its hosts do, as `Hosts.standing` says."""
        return self._hosts.standing()

    @property
    def slots(self) -> int:
        """How many photos may be asked about side by side."""
        return self._hosts.slots

    @property
    def away(self) -> bool:
        """Whether all hosts are other machines."""
        return self._hosts.away

    @property
    def hosts(self) -> Hosts:
        """Who is asked."""
        return self._hosts

    def installed(self) -> list[tuple[str, str]]:
        """Of each host its address, and whether it has the model, or why it cannot be told."""
        return [(host.url, self._state(answer)) for host, answer in self._hosts.each(self._talk.models)]

    def _state(self, answer: Any) -> str:
        if isinstance(answer, str):
            return answer
        rows = (answer.get("models") or answer.get("data") or []) if isinstance(answer, dict) else []
        names = {str(row.get("name") or row.get("id")) for row in rows if isinstance(row, dict)}
        there = self._wish.model in names or f"{self._wish.model}:latest" in names
        return "installed there" if there else f"not installed there; it has {', '.join(sorted(names)) or 'none'}"

    def close(self) -> None:
        """End what is under way."""
        self._hosts.close()

    def tag(self, views: Sequence[View]) -> list[list[Scored]]:
        """Keywords, and the kind of picture below `kind`."""
        return [list(each.words) for each in self.caption(views)]

    def caption(self, views: Sequence[View]) -> list[Titled]:
        """Caption, title and keywords; of several photos as many side by side as the hosts take.

        Raises PhotoError for an answer that is of no use, TryAgain where no host answers.
        """
        if len(views) < 2:
            return [_titled(self._one(view)) for view in views]
        with ThreadPoolExecutor(min(len(views), self.slots), thread_name_prefix=self.name) as threads:
            return [_titled(said) for said in threads.map(self._one, views)]

    def _one(self, view: View) -> Said:
        image = base64.b64encode(view.jpeg(self._wish.size, self._wish.quality)).decode("ascii")
        reason = ""
        for attempt in range(TRIES):
            temperature = self._wish.temperature + WARMER * attempt
            try:
                return self._asked(view, image, temperature)
            except (BadAnswer, Endless) as error:
                reason = str(error)
        raise PhotoError(view.path, f"{self.name}: {reason}")

    def _asked(self, view: View, image: str, temperature: float) -> Said:
        known = hints.lines(view.facts, view.hints)
        strict: dict[str, bool] = {}

        @cache
        def made(schema: bool, told: bool) -> bytes:  # noqa: FBT001 - a key
            wish = self._wish
            prompt = self._filled(known if told else "")
            asked = answers.schema(self._limits) if schema else None
            question = Question(wish.model, prompt, image, temperature, wish.tokens, asked)
            return json.dumps(self._talk.body(question)).encode()

        def body(host: Host) -> bytes:
            strict[host.url] = host.url not in self._plain
            return made(strict[host.url], bool(known) and hinted(host))

        body(self._hosts.hosts[0])  # before a slot is taken
        reply = self._talk.reply(self._answer(view, body, strict))
        if reply is None:
            raise BadAnswer("the answer has another shape than this kind of server gives")
        return answers.read(reply, self._filled(""), self._limits)

    def _answer(self, view: View, body: Body, strict: Mapping[str, bool]) -> Any:
        """A host that takes no schema is asked without; what it refuses then too is the photo's fault."""
        tried: set[str] = set()
        while True:
            try:
                return self._hosts.ask(view.path, self._talk.path, body, here=view.private)
            except Rejected as error:
                if error.status not in NO_SCHEMA or not strict[error.url] or error.url in tried:
                    self._plain -= tried  # it was not the schema
                    raise PhotoError(view.path, f"{self.name}: the server refuses it: {error}") from error
                tried.add(error.url)
                self._plain.add(error.url)

    def _filled(self, known: str) -> str:
        wish = self._wish
        values = {"language": wish.language, "keywords": str(wish.keywords), "kinds": ", ".join(answers.KINDS)}
        return prompts.filled(self._prompt, {**values, "hints": known})


def hinted(host: Host) -> bool:
    """Whether a host may be told what is known of a photo: as set, else where it is near."""
    return hosts.reach(host.url) != "far" if host.hints is None else host.hints


def _titled(said: Said) -> Titled:
    words: dict[Word, float] = {}
    if said.kind and (kind := clean((KIND, said.kind))):
        words[kind] = KIND_SURE
    for place, keyword in enumerate(said.keywords):
        if word := clean((keyword,)):
            words.setdefault(word, SURE - STEP * place)
    return Titled(said.caption, said.title, tuple(words.items()))


def named(given: Sequence[Host | str], default: str) -> tuple[Host, ...]:
    """Hosts, of which some may be only addresses; the default where none is named."""
    return tuple(Host(each) if isinstance(each, str) else each for each in given or (default,))


def wished(model: str, settings: Mapping[str, Any]) -> Wish:
    """The wish of these settings. Raises UserError for what no model could do."""
    made = Wish(**{"model": model, **settings})
    if not made.model.strip():
        raise UserError("`model` is empty: name the model that the server has")
    return made
