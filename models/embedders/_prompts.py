"""What a text model expects before the text when meanings are to be compared; without it some do half as well."""

from __future__ import annotations

_PROMPTS = (
    ("nomic-embed", "clustering: "),
    ("embeddinggemma", "task: clustering | query: "),
    ("e5-mistral", ""),
    ("multilingual-e5", "query: "),
    ("e5-", "query: "),
    ("bge-m3", ""),
    ("stella", ""),
)
"""Part of a model's name and its prompt, from the models' own cards; the first that fits counts."""


def prompt_for(model: str) -> str:
    """The prompt for a model of this name; most have none."""
    name = model.lower()
    return next((prompt for part, prompt in _PROMPTS if part in name), "")
