"""Whether the taggers and the captioner of the settings are there, with their files; none of them is loaded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from metadata.errors import UserError
from models import registry
from watcher.findings import Finding

if TYPE_CHECKING:
    from watcher.settings import Settings


def faults(settings: Settings) -> list[str]:
    """What is wrong with each, a line; nothing where all can begin."""
    folder, found = settings.models_folder or settings.state / "models", []
    asked = [("taggers", name) for name in settings.taggers]
    asked += [("captioners", settings.captioner)] if settings.captioner else []
    for kind, name in asked:
        try:
            registry.present(kind, name, folder)
        except UserError as error:
            found.append(str(error))
    return found


def findings(settings: Settings) -> list[Finding]:
    """For the doctor."""
    found = [
        Finding("fail", "models", text, "docs/models.md; `tagwright models` lists files")
        for text in faults(settings)
    ]
    names = [*settings.taggers, *([settings.captioner] if settings.captioner else [])]
    if found or not names:
        return found
    return [Finding("ok", "models", f"{', '.join(names)}; `tagwright try FILE` shows what they say of a photo")]
