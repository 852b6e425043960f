"""Whatever answers `/v1/chat/completions`: LM Studio, llama.cpp, vLLM, `transformers serve`, paid services."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from models.answers import Reply
from models.captioners._vision import Question, Vision, named, wished
from models.hosts import Host, Hosts

HOST = "http://localhost:1234"
"""Where LM Studio listens."""
MODEL = "google/gemma-3-4b"


class Talk:
    """OpenAI's chat completions, as far as all of them go."""

    path = "/v1/chat/completions"
    models = "/v1/models"

    def body(self, question: Question) -> dict[str, Any]:
        """One message of text and picture; answered in one piece."""
        content = [
            {"type": "text", "text": question.prompt},
            {"type": "image_url", "image_url": {"url": f"data:image/jpeg;base64,{question.image}"}},
        ]
        made: dict[str, Any] = {
            "model": question.model,
            "messages": [{"role": "user", "content": content}],
            "stream": False,
            "temperature": question.temperature,
            "max_tokens": question.tokens,
        }
        if question.schema is None:
            return made
        schema = {"name": "photo", "strict": True, "schema": dict(question.schema)}
        return {**made, "response_format": {"type": "json_schema", "json_schema": schema}}

    def reply(self, answer: Any) -> Reply | None:
        """`choices[0].message`; servers differ in where they put what was thought."""
        try:
            choice = answer["choices"][0]
            message = choice["message"]
            text, refusal = message.get("content"), message.get("refusal")
            thought = message.get("reasoning_content") or message.get("reasoning") or ""
        except (KeyError, IndexError, TypeError, AttributeError):
            return None
        filtered = choice.get("finish_reason") == "content_filter"
        return Reply(
            _text(text),
            thought=str(thought),
            refusal=str(refusal or ("filtered by the server" if filtered else "")),
            cut=choice.get("finish_reason") == "length",
        )


def _text(content: object) -> str:
    """The text of a message, which some servers give in parts."""
    if isinstance(content, list):
        return "".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
    return content if isinstance(content, str) else ""


def make(
    hosts: Sequence[Host | str] = (),
    model: str = MODEL,
    timeout: float = 300.0,
    ca_file: str | None = None,
    **more: Any,
) -> Vision:
    """LM Studio on this machine, or the hosts that are named; `more` as in `Wish`."""
    asked = Hosts(named(hosts, HOST), timeout=timeout, ca_file=ca_file)
    return Vision("openai_compatible", wished(model, more), asked, Talk())
