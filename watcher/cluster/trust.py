"""Who may reach a port that runs whatever it is sent: this machine, or whoever holds a certificate of ours."""

from __future__ import annotations

import ipaddress
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from metadata.errors import UserError

if TYPE_CHECKING:
    from distributed.security import Security

    from watcher.cluster_settings import Cluster

PORT = 8786
"""Where a scheduler listens unless it is told otherwise, as Dask's own does."""
HERE = "127.0.0.1"

EXTRA = "many machines need Dask: pip install 'tagwright[cluster]'"
LOCAL = (
    "other machines can reach {host}, and Dask runs whatever its port is sent: use 127.0.0.1, or set `ca_file`, "
    "`cert_file` and `key_file` in [cluster] (docs/many-machines.md)"
)


def needed() -> None:
    """Raises UserError where Dask is not installed."""
    try:
        import distributed  # noqa: F401, PLC0415 - an extra
    except ImportError:
        raise UserError(EXTRA) from None


def encrypted(cluster: Cluster) -> bool:
    """Whether these machines show each other certificates. Raises UserError where a part is missing."""
    files = {"ca_file": cluster.ca_file, "cert_file": cluster.cert_file, "key_file": cluster.key_file}
    missing = [name for name, file in files.items() if file is None]
    if not missing:
        return True
    if len(missing) < len(files):
        raise UserError(
            f"[cluster]: {' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing for TLS"
        )
    if cluster.address.startswith("tls:"):
        raise UserError("[cluster]: a tls:// address needs `ca_file`, `cert_file` and `key_file`")
    return False


def place(cluster: Cluster) -> tuple[str, int]:
    """Host and port of the scheduler; loopback and Dask's port where none is set."""
    parts = urlsplit(cluster.address)
    return parts.hostname or HERE, parts.port or PORT


def guard(host: str, *, encrypted: bool) -> None:
    """Without TLS nobody listens where other machines reach, nor talks to one. Raises UserError."""
    if not encrypted and not is_here(host):
        raise UserError(LOCAL.format(host=host or "every address of this machine"))


def is_here(host: str) -> bool:
    """Whether only this machine reaches an address; of names, only `localhost` is known to be such."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def address(host: str, port: int, *, encrypted: bool) -> str:
    """As Dask spells it."""
    shown = f"[{host}]" if ":" in host else host
    return f"{'tls' if encrypted else 'tcp'}://{shown}:{port}"


def security(cluster: Cluster, *, warn: Callable[[str], object]) -> Security | None:
    """What Dask is given for TLS: certificates are asked of both sides; None without.

    Raises UserError for a file that cannot be used. A key that others may read is told to `warn`.
    """
    if not encrypted(cluster):
        return None
    assert cluster.ca_file is not None
    assert cluster.cert_file is not None
    assert cluster.key_file is not None
    for file in (cluster.ca_file, cluster.cert_file, cluster.key_file):
        _readable(file)
    if os.stat(cluster.key_file).st_mode & (stat.S_IROTH | stat.S_IRGRP):
        warn(f"{cluster.key_file}: others may read this key; chmod 600 it")
    from distributed.security import Security  # noqa: PLC0415 - an extra

    ca, cert, key = str(cluster.ca_file), str(cluster.cert_file), str(cluster.key_file)
    _usable(cert, key, ca)
    parts = {f"tls_{role}_cert": cert for role in ("client", "scheduler", "worker")}
    parts |= {f"tls_{role}_key": key for role in ("client", "scheduler", "worker")}
    return Security(require_encryption=True, tls_ca_file=ca, **parts)


def _readable(file: Path) -> None:
    try:
        with open(file, "rb"):
            pass
    except OSError as error:
        raise UserError(f"{file}: cannot be read: {error.strerror}") from None


def _usable(cert: str, key: str, ca: str) -> None:
    import ssl  # noqa: PLC0415 - only with TLS

    try:
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        made.load_cert_chain(cert, key)
        made.load_verify_locations(ca)
    except ssl.SSLError as error:
        raise UserError(f"[cluster]: {cert}, {key} and {ca} do not make TLS: {error.reason or error}") from None
