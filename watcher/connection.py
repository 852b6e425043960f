"""Out of the settings, what talks to Immich: a client a key, the database, and where its folders are here."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from metadata.errors import UserError
from metadata.immich import Asset, Keys, Login, PathMap, Paths, located
from metadata.immich.client import Immich
from metadata.immich.paths import from_settings
from watcher.immich_settings import Immich as ImmichSettings
from watcher.settings import Settings, secret

if TYPE_CHECKING:
    import httpx

Warn = Callable[[str], object]


def keys(
    settings: ImmichSettings,
    environment: Mapping[str, str],
    *,
    warn: Warn,
    wait: Callable[[float], None] = time.sleep,
    timeout: float = 60.0,
    transport: httpx.BaseTransport | None = None,
) -> Keys:
    """A client for each key; nothing is asked yet. Raises UserError for an address or key that is none."""
    ca_file = str(settings.ca_file) if settings.ca_file else None
    texts = [secret(path, environment, warn=warn).get_secret_value() for path in settings.keys]
    if given := settings.api_key.get_secret_value():
        texts.append(given)
    if not texts:
        raise UserError("Immich has an address and no key: name a file with one as `immich.keys`")
    if not all(text.isascii() and text.isprintable() for text in texts):
        raise UserError("a file of `immich.keys` holds something else than a key")
    return Keys(
        Immich(settings.url, text, ca_file=ca_file, transport=transport, timeout=timeout, wait=wait)
        for text in dict.fromkeys(texts)
    )


def login(settings: ImmichSettings, environment: Mapping[str, str], *, warn: Warn) -> Login | None:
    """How the database is reached; None where no host is set. Raises UserError for an unreadable secret."""
    given = settings.database
    if not given.host:
        return None
    password = given.password
    if given.password_file is not None:
        password = secret(given.password_file, environment, warn=warn)
    return Login(given.host, given.user, password.get_secret_value(), given.port, given.name)


def folders(settings: Settings) -> list[bytes]:
    """Where Immich's files may be here: its upload location, what was mapped, and the folders of photos."""
    immich = settings.immich
    named = [*immich.paths.values(), *((immich.upload_location,) if immich.upload_location else ())]
    return list(dict.fromkeys(os.fsencode(path) for path in (*named, *_here(settings))))


def _here(settings: Settings) -> list[Path]:
    return [root.path for root in settings.roots if not root.immich]


def mapped(settings: Settings, sample: Iterable[Asset]) -> Paths:
    """The maps that a person named, and those that a few assets' files show; named ones go first."""
    named = from_settings(
        {name: os.fsencode(path) for name, path in settings.immich.paths.items()},
        _bytes(settings.immich.upload_location),
    )
    known = {each.container for each in named}
    found = located(list(sample), folders(settings))
    return Paths(
        [*named, *(each for each in found if _says_more(each, Paths(named)) and each.container not in known)]
    )


def _says_more(found: PathMap, named: Paths) -> bool:
    return named.host(found.container) != found.host


def _bytes(path: Path | None) -> bytes | None:
    return None if path is None else os.fsencode(path)
