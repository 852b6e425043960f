"""What a person may set about Immich: where it is, whose keys we have, its database, and how gently it is met."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, SecretStr

from watcher.keys import FOLDER, Count, Folder, Number, Part, Seconds, key, period

_SECRET_FILE = "the path of a file that holds it, or its name among systemd's credentials"  # noqa: S105 - says what is allowed
_SWITCH = "true or false"


def _container(paths: dict[str, Path]) -> dict[str, Path]:
    if not all(name.startswith("/") and path.is_absolute() for name, path in paths.items()):
        raise ValueError("not absolute")
    return paths


class ImmichDatabase(Part):
    """Immich's database, which is only read."""

    host: str = key(
        "", "Where Immich's Postgres is; without it there are no vectors.", expected="a name or address"
    )
    port: Count = key(5432, "Its port.", expected="a whole number from 1 to 65535", ge=1, le=65535)
    name: str = key("immich", "Its name.", expected="a name", min_length=1)
    user: str = key(
        "tagwright_ro",
        "A role that may only read: `tagwright immich grants` prints what makes it.",
        expected="a name",
        min_length=1,
    )
    password_file: Path | None = key(None, "Its password.", expected=_SECRET_FILE, shown="nothing")
    password: SecretStr = key(
        SecretStr(""), "The password itself, where it cannot be in a file.", expected="a text", shown="nothing"
    )


class ImmichUser(Part):
    """What one user of Immich wants otherwise than the others."""

    block: tuple[str, ...] = key(
        (),
        "Keywords that this user's photos never get, besides those that none gets.",
        expected='a list of keywords, such as ["blurry", "animals/dog"]',
    )


class Immich(Part):
    """The Immich beside us, and folders that it keeps."""

    url: str = key(
        "",
        "Where Immich is; without it nothing is asked or told there.",
        expected="an address such as immich:2283",
    )
    keys: tuple[Path, ...] = key(
        (), "An API key for each Immich user.", expected=f"a list; of each {_SECRET_FILE}"
    )
    api_key: SecretStr = key(
        SecretStr(""), "A key itself, where it cannot be in a file.", expected="a key", shown="nothing"
    )
    ca_file: Folder | None = key(
        None,
        "Whose certificates are trusted besides the system's.",
        expected=f"{FOLDER} of a file",
        shown="nothing",
    )
    env_file: Folder | None = key(
        None,
        "Immich's own `.env`: its names fill what is not set here (UPLOAD_LOCATION, DB_HOSTNAME, …).",
        expected=f"{FOLDER} of a file",
        shown="nothing",
    )
    upload_location: Folder | None = key(
        None, "The folder that Immich has as `/data`.", expected=f"{FOLDER} of a folder", shown="nothing"
    )
    paths: Annotated[dict[str, Path], AfterValidator(_container)] = key(
        {},
        "Folders as Immich's container names them, and where they are here; most are found without it.",
        expected='a table of absolute paths, such as {"/mnt/media" = "/srv/media"}',
    )
    visibility: tuple[Literal["timeline", "archive"], ...] = key(
        ("timeline", "archive"),
        "Which photos are looked at; hidden and locked ones never are.",
        expected='a list of "timeline" and "archive"',
        min_length=1,
    )
    poll: Seconds = period(10.0, "How often Immich is asked what changed.", least="1s", most="1d")
    rate: Number = key(
        20.0,
        "How many photos are changed in Immich at most; each costs it a sidecar and a reading.",
        expected="a number from 0 to 10000; 0 for no limit",
        unit="photos/s",
        ge=0,
        le=10000,
    )
    busy: Count = key(
        100,
        "How many jobs may wait in Immich's queues before it is left in peace, where the key may see them.",
        expected="a whole number from 0 up",
        unit="jobs",
        ge=0,
    )
    captions: bool = key(True, "Whether captions are written there.", expected=_SWITCH)  # noqa: FBT003 - a default
    fillers: tuple[str, ...] = key(
        ("OLYMPUS DIGITAL CAMERA", "SAMSUNG DIGITAL CAMERA", "SONY DSC", "DIGITAL CAMERA", "Exif_JPEG_PICTURE"),
        "Descriptions by a camera that count as none.",
        expected="a list of texts",
    )
    marker: str = key(
        "",
        "A tag that is put on photos that are done; one that has it and is unknown to us is passed over.",
        expected='a tag such as "auto:processed", or nothing',
    )
    model: str = key(
        "",
        "The model of Immich's smart search, where it cannot be seen.",
        expected="a name such as ViT-B-32__openai, or nothing",
    )
    without_connection: Literal["wait", "write"] = key(
        "wait",
        "What happens in Immich's own folders while no connection is set up: wait, or write sidecars anyway.",
        expected='"wait" or "write"',
    )
    users: dict[str, ImmichUser] = key(
        {},
        "What is special to a user, by name, mail address or id in Immich.",
        expected='a table of tables, such as {"anna@example.org" = {block = ["blurry"]}}',
    )
    database: ImmichDatabase = key(ImmichDatabase(), "Immich's database.", expected="an `[immich.database]` table")

    def __str__(self) -> str:
        """What was set, without secrets."""
        secret = {"api_key", "keys", "users"}
        names = sorted(self.model_fields_set - secret)
        return ", ".join(f"{name} {getattr(self, name)}" for name in names if name != "database") or "as it is"
