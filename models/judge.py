"""A language model's word on pairs in doubt: whether two keywords mean the same. Evidence, and nothing more.

Any server that answers `/v1/chat/completions` (LM Studio, Ollama, llama.cpp, vLLM); pairs go in batches, and an
answer is kept, so that no pair is asked twice of one model.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from metadata.errors import TagwrightError
from models.hosts import Host, Hosts

BATCH = 20
PATH = "/v1/chat/completions"
PROMPT = """\
Below are numbered pairs of keywords from a photo library. Say for each whether both mean the same thing, so that
a photo with one could as well bear the other: other spellings, singular and plural, translations, true synonyms.
A kind and its parent, a part and a whole, opposites, siblings, two people or two places are not the same.
Answer with a JSON array alone: [{"n": 1, "same": true, "why": "a few words"}, ...]

"""

Pair = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a model said of one pair."""

    same: bool
    why: str
    model: str

    @property
    def told(self) -> str:
        """As evidence."""
        return f"{self.model} says {'the same' if self.same else 'two things'}" + (
            f": {self.why}" if self.why else ""
        )


class Asked(Protocol):
    """Whoever answers a question in JSON; `models.hosts.Hosts` does."""

    def ask(self, about: bytes, path: str, body: Callable[[Host], bytes]) -> Any:
        """The answer. Raises one of our errors where there is none."""
        ...


class Judge:
    """Asks one model, and keeps what it said in a file."""

    def __init__(
        self, hosts: Sequence[Host], model: str, timeout: float, kept: Path, *, asked: Asked | None = None
    ) -> None:
        """`kept` is the file of answers, `timeout` in seconds. Nothing is asked yet."""
        self._asked = asked or Hosts(hosts, timeout=timeout)
        self._model, self._kept = model, kept

    def say(
        self, pairs: Sequence[Pair], tell: Callable[[int, int], None] = lambda *_: None
    ) -> dict[Pair, Verdict]:
        """What the model says of these pairs; those of which it says nothing of use are left out.

        Answers that came before a server failed are kept. Raises what the hosts raise.
        """
        known = self._read()
        new = [pair for pair in pairs if self._key(pair) not in known]
        for start in range(0, len(new), BATCH):
            part = new[start : start + BATCH]
            known |= {self._key(pair): said for pair, said in self._ask(part).items()}
            self._write(known)
            tell(min(start + BATCH, len(new)), len(new))
        found = {pair: known[self._key(pair)] for pair in pairs if self._key(pair) in known}
        return {pair: Verdict(bool(same), str(why), self._model) for pair, (same, why) in found.items()}

    def _key(self, pair: Pair) -> str:
        return json.dumps([self._model, *sorted(pair)])

    def _ask(self, pairs: Sequence[Pair]) -> dict[Pair, list[Any]]:
        lines = "\n".join(
            f"{number}. {json.dumps(a)} and {json.dumps(b)}" for number, (a, b) in enumerate(pairs, 1)
        )
        body = {
            "model": self._model,
            "messages": [{"role": "user", "content": PROMPT + lines}],
            "stream": False,
            "temperature": 0,
        }
        return read(self._asked.ask(b"pairs of keywords", PATH, lambda _: json.dumps(body).encode()), pairs)

    def _read(self) -> dict[str, list[Any]]:
        try:
            known = json.loads(self._kept.read_bytes())
        except (OSError, ValueError):
            return {}
        return known if isinstance(known, dict) else {}

    def _write(self, known: Mapping[str, Sequence[Any]]) -> None:
        self._kept.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=self._kept.parent, prefix=f".{self._kept.name}.")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump(known, file)
            os.replace(name, self._kept)
        except OSError as error:
            raise TagwrightError(f"{self._kept}: {error.strerror}") from error


def read(answer: Any, pairs: Sequence[Pair]) -> dict[Pair, list[Any]]:
    """Verdicts out of a server's answer, however the model wrapped them; what is no verdict is left out."""
    try:
        text = str(answer["choices"][0]["message"]["content"])
    except (KeyError, IndexError, TypeError):
        return {}
    found: dict[Pair, list[Any]] = {}
    for row in _array(text):
        number = row.get("n") if isinstance(row, dict) else None
        if isinstance(number, int) and 1 <= number <= len(pairs) and isinstance(row.get("same"), bool):
            found[pairs[number - 1]] = [row["same"], str(row.get("why", ""))[:120]]
    return found


def _array(text: str) -> list[Any]:
    """The last JSON array in a text; a model may think aloud first."""
    end = text.rfind("]") + 1
    start = text.find("[{")
    while 0 <= start < end:
        try:
            found = json.loads(text[start:end])
        except ValueError:
            start = text.find("[{", start + 1)
        else:
            return found if isinstance(found, list) else []
    return []
