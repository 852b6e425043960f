"""What a person may set about models that answer over HTTP, and about photos that no other machine may see."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator

from watcher import values
from watcher.keys import FOLDER, PATTERNS, Count, Folder, Number, Part, Seconds, key, period

_SECRET = "the path of a file that holds it, or its name among systemd's credentials"  # noqa: S105 - what is allowed


class Host(Part):
    """One server."""

    url: str = key(..., "Its address.", expected="an address such as http://nas:11434", min_length=1)
    slots: Count = key(
        4,
        "How many questions it is asked at once.",
        expected="a whole number from 1 to 256",
        unit="questions",
        ge=1,
        le=256,
    )
    hints: bool | None = key(
        None,
        "Whether it is told date, place, people and keywords of a photo; without, where it is here or in a "
        "private network.",
        expected="true or false",
        shown="by where it is",
    )
    key_file: Path | None = key(None, "Its bearer token.", expected=_SECRET, shown="nothing")
    headers: dict[str, Path] = key(
        {}, "More headers, each from a file.", expected='a table such as {"X-Api-Key" = "/run/secrets/key"}'
    )


def _host(value: object) -> object:
    return {"url": value} if isinstance(value, str) else value


def _prompt(path: Path | None) -> Path | None:
    if path is not None and not path.is_absolute():
        raise ValueError("not absolute")
    return path


class VisionModel(Part):
    """A vision model on one or several hosts."""

    hosts: tuple[Annotated[Host, BeforeValidator(_host)], ...] = key(
        (), "Who is asked, the least busy first.", expected="a list of addresses, or a table for each"
    )
    model: str = key("", "What the server calls the model.", expected="a name")
    prompt: Annotated[Path | None, AfterValidator(_prompt)] = key(
        None, "A prompt of your own (docs/models.md).", expected=f"{FOLDER} of a file", shown="ours"
    )
    language: str = key("English", "The language of words and sentences.", expected="a name", min_length=1)
    keywords: Count = key(
        20, "The most keywords of one photo.", expected="a whole number from 1 to 100", ge=1, le=100
    )
    size: Count = key(
        1000,
        "The longest edge of the picture that is sent.",
        expected="a whole number from 64 to 4096",
        unit="pixels",
        ge=64,
        le=4096,
    )
    quality: Count = key(85, "Its JPEG quality.", expected="a whole number from 40 to 100", ge=40, le=100)
    temperature: Number = key(
        0.0, "How freely the model chooses words.", expected="a number from 0 to 2", ge=0, le=2
    )
    tokens: Count = key(
        4096,
        "How long an answer may be, with what the model thinks.",
        expected="a whole number from 64 to 100000",
        unit="tokens",
        ge=64,
        le=100000,
    )
    timeout: Seconds = period(300.0, "How long one answer may take.", least="1s", most="1h")
    spool: Annotated[int, BeforeValidator(values.size)] = key(
        4 << 30,
        "How much disk pictures of photos may take that wait for it, in `prints` below `state`; never more than a "
        "quarter of what would be free without them. 0 keeps none there, and photos are decoded again.",
        expected='bytes, or a text such as "10G"',
        unit="bytes",
        shown='"4G"',
        ge=0,
    )
    ca_file: Folder | None = key(
        None,
        "Whose certificates are trusted besides the system's.",
        expected=f"{FOLDER} of a file",
        shown="nothing",
    )


class Ollama(VisionModel):
    """Ollama."""

    hosts: tuple[Annotated[Host, BeforeValidator(_host)], ...] = key(
        (Host(url="http://localhost:11434"),),
        "Who is asked, the least busy first.",
        expected="a list of addresses, or a table for each",
        shown='["http://localhost:11434"]',
    )
    model: str = key(
        "qwen3-vl:4b-thinking-q4_K_M", "What Ollama calls the model.", expected="a name", min_length=1
    )


class OpenAICompatible(VisionModel):
    """Whatever answers `/v1/chat/completions`."""

    hosts: tuple[Annotated[Host, BeforeValidator(_host)], ...] = key(
        (Host(url="http://localhost:1234"),),
        "Who is asked, the least busy first.",
        expected="a list of addresses, or a table for each",
        shown='["http://localhost:1234"]',
    )
    model: str = key("google/gemma-3-4b", "What the server calls the model.", expected="a name", min_length=1)


class Private(Part):
    """Photos that no model on another machine is shown."""

    folders: tuple[str, ...] = key((), "Folders and files that stay here.", expected=PATTERNS)
    people: tuple[str, ...] = key(
        (), "People whose photos stay here, as far as the ledger knows who is in them.", expected="a list of names"
    )
    keywords: tuple[str, ...] = key(
        (),
        "Keywords whose photos stay here, with all that stand below.",
        expected='a list of keywords, such as ["family/children"]',
    )
    albums: tuple[str, ...] = key(
        (), "Immich's albums whose photos stay here; their keys need `album.read`.", expected="a list of names"
    )


def spec(name: str, given: VisionModel) -> tuple[str, tuple[tuple[str, Any], ...]]:
    """The backend as data: what its `make` takes, without what is not set."""
    from models.hosts import Host as Asked  # noqa: PLC0415 - settings are read without httpx

    hosts = tuple(
        Asked(
            each.url,
            each.slots,
            each.hints,
            str(each.key_file or ""),
            tuple((header, str(file)) for header, file in each.headers.items()),
        )
        for each in given.hosts
    )
    values: dict[str, Any] = given.model_dump(exclude={"hosts", "prompt", "ca_file", "spool"})
    values |= {"hosts": hosts, "prompt": str(given.prompt or "")}
    if given.ca_file is not None:
        values["ca_file"] = str(given.ca_file)
    return name, tuple(sorted(values.items()))
