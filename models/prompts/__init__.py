"""The prompts as files, which a person can replace: text with names in braces that are filled in.

{language}  the language of the words     {keywords}  how many keywords at most
{kinds}     the kinds of pictures         {hints}     what is known of the photo, or nothing
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from metadata.errors import UserError

NAMES = frozenset({"language", "keywords", "kinds", "hints"})
DEFAULT = Path(__file__).parent / "photo.txt"


def load(file: str | Path = "") -> str:
    """A prompt's text, ours where no file is named. Raises UserError where it cannot be read or is empty."""
    path = Path(file) if file else DEFAULT
    try:
        text = path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise UserError(f"{path}: cannot read this prompt: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UserError(f"{path}: a prompt has to be UTF-8 text") from None
    if not text:
        raise UserError(f"{path}: this prompt is empty")
    return text


def filled(text: str, values: Mapping[str, str]) -> str:
    """The prompt with its names filled in; other braces, as in JSON, stay. Blank lines at the end fall away."""
    for name in sorted(NAMES & values.keys() - {"hints"}):
        text = text.replace("{%s}" % name, values[name])  # noqa: UP031 - braces in an f-string hide the name
    hints = values.get("hints", "")
    return text.replace("{hints}", hints).rstrip()  # last: what they hold is filled in nowhere
