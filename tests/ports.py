"""Ports of the loopback for programs that are told theirs, and open it some seconds later."""

from __future__ import annotations

import secrets
import socket
from pathlib import Path

_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")


def free_port() -> int:
    """A port that nobody has, and none that the kernel gives meanwhile to whoever asks for any."""
    below = int(_RANGE.read_text().split()[0]) if _RANGE.exists() else 32_768
    ports = range(max(1024, below - 20_000), below) or range(1024, 65_536)
    while True:
        port = secrets.choice(ports)
        with socket.socket() as door:
            try:
                door.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
