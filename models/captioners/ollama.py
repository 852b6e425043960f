"""Ollama (`/api/chat`): keywords, title and caption from a vision model that runs at home."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from models.answers import Reply
from models.captioners._vision import Question, Vision, named, wished
from models.hosts import Host, Hosts

HOST = "http://localhost:11434"
MODEL = "qwen3-vl:4b-thinking-q4_K_M"
ROOM = 8192
"""Tokens of question, picture and answer together; Ollama's own default cuts long thoughts off."""


class Talk:
    """Ollama's own way, which holds a model to a schema (docs/api.md of the Ollama project)."""

    path = "/api/chat"
    models = "/api/tags"

    def body(self, question: Question) -> dict[str, Any]:
        """One message with the picture; answered in one piece."""
        options = {"temperature": question.temperature, "num_predict": question.tokens, "num_ctx": ROOM, "seed": 1}
        made: dict[str, Any] = {
            "model": question.model,
            "messages": [{"role": "user", "content": question.prompt, "images": [question.image]}],
            "stream": False,
            "options": options,
        }
        return made if question.schema is None else {**made, "format": dict(question.schema)}

    def reply(self, answer: Any) -> Reply | None:
        """`message.content`; what was thought stands in `message.thinking`."""
        message = answer.get("message") if isinstance(answer, dict) else None
        if not isinstance(message, dict) or not isinstance(message.get("content"), str):
            return None
        return Reply(
            message["content"],
            thought=str(message.get("thinking") or ""),
            cut=answer.get("done_reason") == "length",
        )


def make(
    hosts: Sequence[Host | str] = (),
    model: str = MODEL,
    timeout: float = 300.0,
    ca_file: str | None = None,
    **more: Any,
) -> Vision:
    """Ollama on this machine, or on those that are named; `more` as in `Wish`."""
    asked = Hosts(named(hosts, HOST), timeout=timeout, ca_file=ca_file)
    return Vision("ollama", wished(model, more), asked, Talk())
