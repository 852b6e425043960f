"""What systemd has to be told about the settings: which folders the service may write, secrets, network."""

from __future__ import annotations

import ipaddress
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from metadata.errors import UserError

if TYPE_CHECKING:
    from watcher.settings import Settings

SECRETS = Path("/etc/tagwright")
"""Where a secret lies that the settings name without a folder."""

NETWORK = (
    "PrivateNetwork=no",
    "RestrictAddressFamilies=AF_INET AF_INET6",
    "IPAddressDeny=",
)
LOOPBACK = (*NETWORK[:2], "IPAddressDeny=any", "IPAddressAllow=localhost")


def folders(paths: Iterable[Path], *, network: str = "", loopback: str = "", secrets: Iterable[str] = ()) -> str:
    """A drop-in for tagwright.service; a folder that is not there when the service starts is passed over.

    The service reaches a network only where `network` says why, and this machine's own where `loopback` does.
    """
    lines = [f"ReadWritePaths={quoted(path)}" for path in paths]
    lines += [f"LoadCredential={name}:{SECRETS / name}" for name in secrets]
    if network:
        lines += [f"# {network}", *NETWORK]
    elif loopback:
        lines += [f"# {loopback}", *LOOPBACK]
    return "\n".join(["# Made by scripts/install-service from the settings.", "[Service]", *lines, ""])


def drop_in(settings: Settings) -> str:
    """The drop-in that fits these settings."""
    network, loopback = _network(settings)
    local = (root.path for root in settings.roots if not getattr(root, "immich", False))
    return folders(local, network=network, loopback=loopback, secrets=_secrets(settings))


def _network(settings: Settings) -> tuple[str, str]:
    """Why a network is needed, and why this machine's own."""
    listen = settings.health.listen
    if settings.immich.url:
        return "Immich is asked over the network (`immich.url`).", ""
    if settings.captioner in ("ollama", "openai_compatible"):
        return "A model is asked over the network (`captioner`).", ""
    if settings.notify.url:
        return "A webhook is told (`notify.url`).", ""
    machines = settings.cluster.address
    if machines and not _is_loopback(machines.rpartition("/")[2]):
        return "Other machines look at photos (`cluster`).", ""
    if listen and not _is_loopback(listen):
        return "Others look at the service (`health.listen`).", ""
    if machines:
        return "", "Photos are looked at by way of a scheduler on this machine (`cluster`)."
    return "", "The service is looked at from this machine (`health.listen`)." if listen else ""


def _is_loopback(listen: str) -> bool:
    host = listen.rpartition(":")[0].strip("[]")
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _secrets(settings: Settings) -> list[str]:
    """The secrets that are named without a folder, each once."""
    immich = settings.immich
    named: list[Path | None] = [*immich.keys, immich.database.password_file, settings.notify.token_file]
    for service in ("ollama", "openai_compatible"):
        hosts = getattr(getattr(settings, service, None), "hosts", ())
        named += [getattr(host, "key_file", None) for host in hosts]
    return list(dict.fromkeys(str(path) for path in named if path is not None and len(Path(path).parts) == 1))


def quoted(path: Path) -> str:
    """One path as systemd reads it in ReadWritePaths: `%` doubled, the rest between quotes.

    Raises UserError for a name that a unit file cannot hold: with a control character, or not UTF-8.
    """
    text = str(path)
    if not text.isprintable():
        raise UserError(f"{os.fsencode(path)!r}: a unit file cannot name this folder; mount it elsewhere")
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"-{escaped}"'


def main(arguments: Sequence[str]) -> int:
    """Prints the drop-in for a settings file; `--roots` how many folders, `--secrets` which files."""
    from watcher import settings  # noqa: PLC0415 - pydantic is needed here only

    try:
        made = settings.load(Path(arguments[0]), {}, {}, absent_ok=True)
        text = "".join(_answer(made, arguments[1:]))
    except UserError as error:
        print(error, file=sys.stderr)  # noqa: T201 - the installer shows it
        return 2
    print(text, end="")  # noqa: T201 - the installer takes it
    return 0


def _answer(made: Settings, wanted: Sequence[str]) -> Iterator[str]:
    if "--roots" in wanted:
        yield str(len(made.roots))
    elif "--secrets" in wanted:
        yield from (f"{SECRETS / name}\n" for name in _secrets(made))
    else:
        yield drop_in(made)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
