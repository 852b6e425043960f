"""What a person may set: one TOML file, overridden by TAGWRIGHT_* variables, overridden by flags, made once."""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Callable, Mapping
from datetime import tzinfo
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    BeforeValidator,
    SecretStr,
    ValidationError,
    model_validator,
)

from metadata.errors import UserError
from watcher import cluster_settings, complaints, overlay, values
from watcher.cluster_settings import Cluster
from watcher.home_settings import Health, Notify
from watcher.immich_settings import Immich
from watcher.keys import DURATION as _DURATION  # noqa: F401 - what the tests expect to be told
from watcher.keys import FOLDER as _FOLDER
from watcher.keys import PATTERNS as _PATTERNS
from watcher.keys import SHARE as _SHARE
from watcher.keys import Count, Folder, Number, Seconds, Share
from watcher.keys import Part as _Part
from watcher.keys import key as _key
from watcher.keys import period as _period
from watcher.model_settings import Ollama, OpenAICompatible, Private
from watcher.zero_shot_settings import Onnx, ZeroShot

FACTS = ("place", "monochrome", "panorama", "screenshot", "night")
"""The rules that look at a photo with nothing downloaded."""


def _auto_or_size(value: object) -> object:
    if value == "auto":
        return value
    size = values.size(value)
    if size < 64 << 20:
        raise ValueError("too small")
    return size


def _auto_or_count(value: object) -> object:
    if value == "auto":
        return value
    if isinstance(value, bool) or not 1 <= int(str(value)) <= 256:
        raise ValueError("not a count")
    return int(str(value))


def _auto_or_switch(value: object) -> object:
    if value == "auto" or isinstance(value, bool):
        return value
    words = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
    if not isinstance(value, str) or value.lower() not in words:
        raise ValueError("neither")
    return words[value.lower()]


def _hours(text: str) -> str:
    from watcher.rest import hours  # noqa: PLC0415 - only where some are set

    hours(text)
    return text


def _known_zone(name: str) -> str:
    if name:
        try:
            ZoneInfo(name)
        except (OSError, LookupError) as error:
            raise ValueError("unknown zone") from error
    return name


class Root(_Part):
    """A folder of photos."""

    name: str = _key(
        ...,
        "What the ledger calls this folder; keep it when the folder is mounted elsewhere.",
        expected="1 to 64 letters, digits, `.`, `_` or `-`, starting with a letter or digit",
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$",
    )
    path: Folder = _key(
        ...,
        "Where the folder is today; not with `immich`.",
        expected=f"{_FOLDER} of a folder",
        shown="(must be given)",
    )
    immich: bool = _key(
        False,  # noqa: FBT003 - a default, not a switch
        "Whether these are Immich's photos that lie in no folder here: previews, tags and captions go by its API.",
        expected="true or false",
    )
    places: tuple[Literal["sidecar", "immich"], ...] = _key(
        ("sidecar", "immich"),
        "Where keywords are written; Immich where one is connected that has the photo.",
        expected='a list of "sidecar" and "immich"; `embed` is for the photos themselves',
        min_length=1,
    )
    embed: bool = _key(
        False,  # noqa: FBT003 - a default, not a switch
        "Whether keywords are written into the photos themselves too; never inside Immich's own folders.",
        expected="true or false",
    )
    exif_keywords: bool = _key(
        False,  # noqa: FBT003 - as above
        "With `embed`: whether EXIF's XPKeywords, which Windows reads, are written where a photo has none yet.",
        expected="true or false",
    )
    exif_comment: bool = _key(
        False,  # noqa: FBT003 - as above
        "With `embed`: whether captions are written as EXIF's UserComment too.",
        expected="true or false",
    )
    keep_original: bool = _key(
        False,  # noqa: FBT003 - as above
        "With `embed`: whether the first state of a photo that is written stays beside it, as `IMG.jpg_original`.",
        expected="true or false",
    )
    people: Literal["none", "names", "regions"] = _key(
        "none",
        "What is written of the people that a server knows in a photo: nothing, their names, or names and face "
        "regions (docs/people.md).",
        expected='"none", "names" or "regions"',
    )
    ignore: tuple[str, ...] = _key((), "More names that are passed over in this folder.", expected=_PATTERNS)
    sidecar_style: Literal["immich", "lightroom", "captureone", "digikam", "darktable"] = _key(
        "immich",
        "Whose way of naming a new sidecar follows: `IMG.ext.xmp`, or beside a RAW `IMG.xmp` for Lightroom and "
        "Capture One (docs/sidecars.md).",
        expected='"immich", "lightroom", "captureone", "digikam" or "darktable"',
    )
    polling: Annotated[Literal["auto"] | bool, BeforeValidator(_auto_or_switch)] = _key(
        "auto",
        "Whether to look again and again, where the file system reports no events; auto knows by its type.",
        expected='"auto", true or false',
    )
    sample: Count = _key(
        20,
        "How many known files are looked at before a folder is believed to be the one the ledger knows.",
        expected="a whole number from 0 to 1000; 0 compares the file system alone",
        unit="files",
        ge=0,
        le=1000,
    )

    @model_validator(mode="before")
    @classmethod
    def _without_a_path(cls, raw: Any) -> Any:
        """Photos that only Immich has stand below a path that is none."""
        if not isinstance(raw, Mapping):
            return raw
        if str(raw.get("path", "")).startswith(REMOTE):  # as the ledger calls it
            return {**raw, "immich": True}
        return {**raw, "path": f"{REMOTE}{raw.get('name', '')}"} if raw.get("immich") is True else raw


REMOTE = "/immich:"
"""How the path of a root begins whose photos only Immich has."""


class Log(_Part):
    """What is told while it runs."""

    level: Literal["debug", "info", "warning", "error"] = _key(
        "info", "The least serious message that is shown.", expected='"debug", "info", "warning" or "error"'
    )
    format: Literal["auto", "text", "journal", "json"] = _key(
        "auto",
        "How messages look; auto takes journal under systemd and text elsewhere.",
        expected='"auto", "text", "journal" or "json"',
    )


class Settings(_Part):
    """Everything that may be set; `load` makes the only one of a process."""

    state: Folder = _key(
        ...,
        "The folder of the ledger, on a local file system.",
        expected=_FOLDER,
        shown="`$STATE_DIRECTORY`, else `$XDG_STATE_HOME/tagwright`, else `~/.local/state/tagwright`",
    )
    timezone: Annotated[str, AfterValidator(_known_zone)] = _key(
        "",
        "The time zone of times of day.",
        expected='a name such as "Europe/Berlin"',
        shown="`TZ`, else the system's",
    )
    roots: tuple[Root, ...] = _key(
        (), "The folders of photos.", expected="`[[roots]]` tables, each with a name and a path"
    )
    ignore: tuple[str, ...] = _key((), "More names that are passed over in every folder.", expected=_PATTERNS)

    settle: Seconds = _period(0.5, "How long a file has to rest before it is read.", least="0s", most="1h")
    settle_max: Seconds = _period(
        600.0,
        "How long a file that keeps changing is waited for before `status` tells of it.",
        least="1s",
        most="7d",
    )
    cooldown: Seconds = _period(
        2.0, "How long a file that was just written by us or others is left alone.", least="0s", most="1h"
    )
    cache_time: Seconds = _period(
        5.0, "How old a network file system's answer about a file may be.", least="0s", most="10m"
    )
    rescan: Seconds = _period(
        3600.0, "How often every photo and every known sidecar is looked at.", least="1m", most="30d"
    )
    rescan_folders: Seconds = _period(
        60.0, "How often the folders' own times are looked at.", least="1s", most="1d"
    )
    poll: Seconds = _period(10.0, "How often a folder that reports no events is looked at.", least="1s", most="1d")

    facts: tuple[Literal["place", "monochrome", "panorama", "screenshot", "night"], ...] = _key(
        FACTS,
        "The facts that are looked for with nothing downloaded (docs/facts.md).",
        expected="a list of " + ", ".join(f'"{fact}"' for fact in FACTS),
        choice=True,
    )
    fact_limit: Share = _key(
        0.3,
        "A fact that holds for a larger share of the library is told and not written.",
        expected=_SHARE,
        choice=True,
    )
    place_distance: Number = _key(
        50.0,
        "How far the nearest known town may be from the photo.",
        expected="a number from 0 to 1000",
        unit="km",
        choice=True,
        ge=0,
        le=1000,
    )
    place_root: str = _key(
        "Places", "The keyword under which places stand.", expected="a keyword, or nothing", choice=True
    )
    taggers: tuple[str, ...] = _key(
        (), "The models that say keywords, by the name of their file.", expected="a list of names"
    )
    captioner: str = _key("", "The model that says captions.", expected='a name such as "ollama", or nothing')
    judge: bool = _key(
        False,  # noqa: FBT003 - a default, not a switch
        "Whether `dedupe` asks the captioner's server, else `[openai_compatible]`, about pairs in doubt.",
        expected="true or false",
    )
    models_folder: Folder | None = _key(
        None,
        "Where the files of models lie, a folder for each (docs/models.md).",
        expected=f"{_FOLDER} of a folder",
        shown="`models` in the folder of the ledger",
    )
    threshold: Share = _key(0.5, "The score from which a keyword is written.", expected=_SHARE, choice=True)
    thresholds: dict[str, Share] = _key(
        {},
        "A threshold of its own for a source of keywords.",
        expected="a table of numbers from 0 to 1, such as {night = 0.8}",
        choice=True,
    )
    floor: Share = _key(0.25, "The share of its threshold from which a score is remembered.", expected=_SHARE)
    block: tuple[str, ...] = _key(
        (),
        "Keywords that are never written, nor those that stand below them.",
        expected='a list of keywords, such as ["blurry", "animals/dog"]',
        choice=True,
    )
    most: Count = _key(
        30,
        "The most keywords that one photo is given.",
        expected="a whole number from 0 to 256",
        unit="keywords",
        choice=True,
        ge=0,
        le=256,
    )
    under: str = _key(
        "", "The keyword under which ours stand.", expected='a keyword such as "auto", or nothing', choice=True
    )

    auto_apply: Count = _key(
        100,
        "How many photos a change of rules may change before it waits for `tagwright apply`.",
        expected="a whole number from 0 up",
        unit="photos",
        ge=0,
    )
    forget_after: Seconds = _period(
        604800.0, "How long a photo may be gone before it is forgotten.", least="0s", most="3650d"
    )
    undo_for: Seconds = _period(31536000.0, "How long a write can be undone.", least="0s", most="36500d")
    provenance: bool = _key(
        True,  # noqa: FBT003 - a default, not a switch
        "Whether the sidecar names tagwright as the one who wrote.",
        expected="true or false",
    )
    durability: Literal["batch", "file"] = _key(
        "batch",
        "Whether writes are made safe against a power cut together or one by one.",
        expected='"batch" or "file"',
    )
    workers: Annotated[Literal["auto"] | int, BeforeValidator(_auto_or_count)] = _key(
        "auto",
        "How many photos are looked at side by side; auto takes one a processor.",
        expected='"auto" or a whole number from 1 to 256',
    )
    memory: Annotated[Literal["auto"] | int, BeforeValidator(_auto_or_size)] = _key(
        "auto",
        "How much memory the batches may take; auto goes by the machine.",
        expected='"auto", or bytes, or a text such as "512M", from 64M up',
        unit="bytes",
    )

    quiet_hours: tuple[Annotated[str, AfterValidator(_hours)], ...] = _key(
        (),
        "Times of day at which no photo is looked at or written; what lands is noted, and waits.",
        expected='a list such as ["07:00-09:00", "18:30-23:00"]',
    )
    nice: Count = _key(
        10,
        "How far the service stands back from other programs for the processor.",
        expected="a whole number from 0 to 19; 0 leaves it as it was started",
        ge=0,
        le=19,
    )
    disk: Literal["low", "idle", "normal"] = _key(
        "low",
        "The same for the disk: `idle` waits for everybody else, `normal` leaves it as it was started.",
        expected='"low", "idle" or "normal"',
    )

    log: Log = _key(Log(), "What is told while it runs.", expected="a `[log]` table")
    health: Health = _key(Health(), "Where the service shows how it is.", expected="a `[health]` table")
    notify: Notify = _key(Notify(), "Whom the service tells.", expected="a `[notify]` table")
    immich: Immich = _key(Immich(), "Folders that Immich keeps.", expected="an `[immich]` table")
    cluster: Annotated[Cluster, BeforeValidator(cluster_settings.given)] = _key(
        Cluster(),
        "Other machines that look at photos.",
        expected='an address such as "tcp://127.0.0.1:8786", or a `[cluster]` table',
    )
    ollama: Ollama = _key(Ollama(), 'What `captioner = "ollama"` asks.', expected="an `[ollama]` table")
    openai_compatible: OpenAICompatible = _key(
        OpenAICompatible(),
        'What `captioner = "openai_compatible"` asks.',
        expected="an `[openai_compatible]` table",
    )
    onnx: Onnx = _key(Onnx(), "How taggers in ONNX files are asked.", expected="an `[onnx]` table")
    zero_shot: ZeroShot = _key(
        ZeroShot(), 'What `taggers = ["zero_shot"]` asks.', expected="a `[zero_shot]` table"
    )
    private: Private = _key(
        Private(), "Photos that no model on another machine is shown.", expected="a `[private]` table"
    )

    def rules(self) -> str:
        """A digest of everything that influences which keywords a photo should have, and whether inside it.

        It stays the same across releases that add no such setting.
        """
        chosen = {name: getattr(self, name) for name, field in type(self).model_fields.items() if _chooses(field)}
        if embedding := sorted(root.name for root in self.roots if root.embed):
            chosen["embed"] = embedding
        if wishes := {root.name: root.people for root in self.roots if root.people != "none"}:
            chosen["people"] = wishes
        if users := {name: sorted(user.block) for name, user in self.immich.users.items() if user.block}:
            chosen["users"] = users
        return hashlib.sha256(json.dumps(chosen, sort_keys=True).encode()).hexdigest()[:16]

    def zone(self) -> tzinfo | None:
        """The zone for times of day; None stands for the system's, which follows `TZ`."""
        return ZoneInfo(self.timezone) if self.timezone else None


def _chooses(field: Any) -> bool:
    return bool(field.json_schema_extra["choice"])


def load(
    file: Path | None,
    environment: Mapping[str, str],
    flags: Mapping[str, object],
    *,
    absent_ok: bool = False,
) -> Settings:
    """The settings of this process.

    `file` None takes the first of the default files that is there, or none. `flags` has dotted keys
    (`log.level`); None means not given. A root's folder that is missing is a problem unless `absent_ok`
    (a folder that the ledger already knows may be unplugged, and then waits). Raises UserError with all
    problems at once.
    """
    path = file or overlay.found(overlay.files(environment))
    given = overlay.gather(path, environment, flags, Settings)
    given.raw.setdefault("state", overlay.state(environment))
    problems = [*given.problems, *complaints.about_roots(given.raw.get("roots"), absent_ok=absent_ok)]
    settings: Settings | None = None
    try:
        settings = Settings.model_validate(given.raw)
    except ValidationError as error:
        problems += complaints.about(error, Settings, given)
    if problems or settings is None:
        raise UserError(complaints.told(problems, path))
    return settings


def outside(settings: Settings, file: Path) -> None:
    """What tells of a whole library is never laid into it, where others see it: raises UserError."""
    real = os.path.realpath(file)
    for root in settings.roots:
        if real.startswith(os.path.realpath(root.path).rstrip("/") + "/"):
            raise UserError(f"{file} lies inside the folder of photos {root.path}; name a place outside of it")


def secret(path: Path, environment: Mapping[str, str], *, warn: Callable[[str], object]) -> SecretStr:
    """What a secret file holds, without the line end; never shown by repr or in a log.

    A name without a folder is looked up in systemd's `$CREDENTIALS_DIRECTORY`. A file that everybody may
    read is told to `warn`. Raises UserError when the file cannot be read or is empty.
    """
    folder = environment.get("CREDENTIALS_DIRECTORY")
    place = Path(folder) / path if folder and len(path.parts) == 1 else path
    try:
        with open(place, encoding="utf-8") as stream:
            mode = os.fstat(stream.fileno()).st_mode
            text = stream.read().strip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{place}: cannot read this secret: {_reason(error)}") from None
    if not text:
        raise UserError(f"{place}: this secret is empty")
    if mode & stat.S_IROTH:
        warn(f"{place}: everybody may read this secret; chmod o-r it")
    return SecretStr(text)


def _reason(error: OSError | UnicodeDecodeError) -> str:
    """Why, without a byte of the content."""
    if isinstance(error, PermissionError):
        return f"{error.strerror}; give it to user {os.geteuid()} (a container's: on the host)"
    return error.strerror or "no text" if isinstance(error, OSError) else "not UTF-8 text"


if __name__ == "__main__":
    from watcher import manual

    print(manual.settings(), end="")  # noqa: T201 - `python -m watcher.settings > docs/settings.md`
