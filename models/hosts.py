"""Several hosts that answer the same questions: the least busy first; one that fails rests, and the next is asked.

    the host's  no connection, cut off, too slow, 408, 425, 429, 5xx, no JSON, 401, 403, 404, a redirect
    the photo's 400 and all other refusals (`Rejected`), an answer without end (`Endless`)

A host that cannot be reached or does not know us rests at once, one that stumbles at the third time in a row,
one that asks for peace (`Retry-After`) as long as it says. After its rest it is asked one question; a good answer
opens it again. Nothing is sent to any other host: no redirect is followed, no proxy is used.
"""

from __future__ import annotations

import contextlib
import ipaddress
import json
import logging
import re
import socket
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import httpx

from metadata import web
from metadata.errors import TagwrightError, TryAgain, UserError

log = logging.getLogger(__name__)

SHORTEST, LONGEST = 5.0, 300.0
"""Seconds that a host rests for the first time, and at most; each time twice as long."""
PATIENT = 3600.0
"""The longest `Retry-After` that is believed, in seconds."""
STUMBLES = 3
"""Failures one after the other after which a host rests that can be reached."""
CONNECT = 5.0
"""Seconds in which a host has to take a connection."""
MOST = 1 << 20
"""Bytes of one answer; longer ones never end."""

Reach = Literal["here", "near", "far"]
Body = Callable[["Host"], bytes]
"""The question as JSON; asked for when a slot is taken already, so it had better be made before."""


@dataclass(frozen=True, slots=True)
class Host:
    """One server: its address, how many questions it takes at once, and the files that hold its secrets.

    `hints` says whether it may be told what is known of a photo; None: where it is near.
    """

    url: str
    slots: int = 4
    hints: bool | None = None
    key_file: str = ""
    headers: tuple[tuple[str, str], ...] = ()


class Unreachable(TryAgain):
    """No host answers now; `wait` are the seconds until one is tried again."""

    def __init__(self, path: bytes, reason: str, wait: float = SHORTEST) -> None:
        super().__init__(path, reason)
        self.wait = wait


class Rejected(TagwrightError):
    """A host in good health refuses this one question."""

    def __init__(self, status: int, said: str, url: str = "") -> None:
        self.status, self.said, self.url = status, said, url
        super().__init__(f"{status} {said}".strip())


class Endless(TagwrightError):
    """An answer that went on and on."""


class _Down(Exception):
    """The host failed; `rest` in seconds where it is known, `hard` where asking at once again is of no use."""

    def __init__(self, why: str, *, hard: bool = False, rest: float | None = None) -> None:
        super().__init__(why)
        self.why, self.hard, self.rest = why, hard, rest


@dataclass(slots=True)
class State:
    """How a host does; `until` in the clock's seconds."""

    host: Host
    secrets: Mapping[str, str] = field(repr=False)
    busy: int = 0
    served: int = 0
    failures: int = 0
    rests: int = 0
    until: float = 0.0
    shut: bool = False
    why: str = ""

    def room(self, now: float) -> bool:
        """Whether a question may be asked now; after a rest one alone."""
        return self.until <= now and self.busy < (1 if self.shut else self.host.slots)


class Hosts:
    """All hosts of one backend. Safe to use from many threads; opens nothing before the first question."""

    def __init__(
        self,
        hosts: Sequence[Host],
        *,
        timeout: float = 300.0,
        ca_file: str | None = None,
        clock: Callable[[], float] = time.monotonic,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        """Raises UserError for an address that is none, and a secret that cannot be read."""
        if not hosts:
            raise UserError("no host to ask: name one as `hosts`")
        self._timeout, self._ca_file, self._clock, self._transport = timeout, ca_file, clock, transport
        self._states = [State(replace(host, url=_address(host.url)), _secrets(host)) for host in hosts]
        self._free = threading.Condition()
        self._sockets: set[socket.socket] = set()
        self._closed = False
        self._made: httpx.Client | None = None

    @property
    def slots(self) -> int:
        """How many questions may be under way at once."""
        return sum(state.host.slots for state in self._states)

    @property
    def hosts(self) -> list[Host]:
        """Those that were named, with their addresses in full."""
        return [state.host for state in self._states]

    def standing(self) -> list[tuple[str, bool, int, int]]:
        """Of each host: its address, whether it is asked at present, its answers, and its failures in a row."""
        now = self._clock()
        return [(each.host.url, each.until <= now, each.served, each.failures) for each in self._states]

    @property
    def away(self) -> bool:
        """Whether none of them is this machine."""
        return all(reach(host.url) != "here" for host in self.hosts)

    def ask(self, about: bytes, path: str, body: Body, *, here: bool = False) -> Any:
        """The JSON that the first healthy host answers with; `here`: only this machine may be asked.

        Raises Unreachable or TryAgain where none can, Rejected and Endless as the module says. `about` names the
        photo in errors.
        """
        failed: list[State] = []
        while True:
            state = self._take(about, failed, here=here)
            try:
                answer = self._once("POST", state, path, body(state.host))
            except _Down as down:
                self._failed(state, down)
                failed.append(state)
            except (Rejected, Endless) as error:
                self._good(state)
                if isinstance(error, Rejected):
                    error.url = state.host.url
                raise
            except BaseException:
                self._give(state)
                raise
            else:
                self._good(state)
                return answer

    def each(self, path: str) -> list[tuple[Host, Any]]:
        """What every host says to a GET, or the reason as a text where it says nothing."""
        found: list[tuple[Host, Any]] = []
        for state in self._states:
            try:
                found.append((state.host, self._once("GET", state, path, None)))
            except (_Down, Rejected, Endless) as error:
                found.append((state.host, str(error)))
        return found

    def close(self) -> None:
        """End what is under way, which then fails with TryAgain, and close all connections."""
        with self._free:
            self._closed = True
            self._free.notify_all()
            sockets, self._sockets = self._sockets, set()
        for each in sockets:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)  # wakes who reads; closing alone would not
        if self._made is not None:
            self._made.close()

    # Which host

    def _take(self, about: bytes, failed: Sequence[State], *, here: bool) -> State:
        """A slot of the host with the largest share free; waits while all that could answer are busy."""
        able = [state for state in self._states if not here or reach(state.host.url) == "here"]
        with self._free:
            while True:
                if self._closed:
                    raise TryAgain(about, "stopped before it was answered")
                open_ = [state for state in able if state not in failed]
                now = self._clock()
                ready = [state for state in open_ if state.room(now)]
                if ready:
                    best = min(ready, key=lambda s: (s.shut, s.busy / s.host.slots, s.served))
                    best.busy += 1
                    return best
                if not any(state.until <= now for state in open_):
                    raise self._nobody(about, able, now)
                self._free.wait(1.0)

    def _nobody(self, about: bytes, able: Sequence[State], now: float) -> TryAgain:
        reason = (
            "; ".join(f"{state.host.url} {state.why}" for state in able) or "no host on this machine may see it"
        )
        waits = [state.until - now for state in able if state.until > now]
        if able and len(waits) == len(able):
            return Unreachable(about, reason, min(waits))
        return TryAgain(about, reason)

    def _give(self, state: State) -> None:
        with self._free:
            state.busy -= 1
            state.served += 1
            self._free.notify_all()

    def _good(self, state: State) -> None:
        if state.shut:
            log.info("%s answers again", state.host.url)
        state.failures = state.rests = 0
        state.shut = False
        self._give(state)

    def _failed(self, state: State, down: _Down) -> None:
        """Count a failure, and let the host rest if that is due; one that rests already is not punished twice."""
        with self._free:
            now = self._clock()
            state.why = down.why
            state.failures += 1
            rests = down.hard or down.rest is not None or state.shut or state.failures >= STUMBLES
            if rests and state.until <= now and not self._closed:
                pause = down.rest
                if pause is None:
                    pause = min(SHORTEST * 2.0**state.rests, LONGEST)
                    state.rests += 1
                state.until, state.shut = now + min(pause, PATIENT), True
                log.warning("%s rests for %.0f s: %s", state.host.url, min(pause, PATIENT), down.why)
        self._give(state)

    # One question

    def _once(self, method: str, state: State, path: str, body: bytes | None) -> Any:
        headers = (
            {**state.secrets, "content-type": "application/json"} if body is not None else dict(state.secrets)
        )
        url, trace = state.host.url + path, {"trace": self._traced}
        request = self._client.build_request(method, url, content=body, headers=headers, extensions=trace)
        try:
            response = self._client.send(request, stream=True)
            try:
                content = self._content(response)
            finally:
                response.close()
                response.stream = httpx.ByteStream(
                    b""
                )  # it holds the answer, which holds the picture that was sent
        except httpx.TimeoutException as error:
            hard = isinstance(error, httpx.ConnectTimeout)
            raise _Down(f"does not answer in time ({type(error).__name__})", hard=hard) from error
        except (httpx.TransportError, httpx.DecodingError, RuntimeError) as error:
            if isinstance(error, RuntimeError) and not self._closed:  # httpx's own word for a closed client
                raise
            hard = isinstance(error, httpx.ConnectError | httpx.UnsupportedProtocol)
            raise _Down(f"does not answer: {error or type(error).__name__}", hard=hard) from error
        _judge(response, content)
        return _parsed(response, content)

    def _content(self, response: httpx.Response) -> bytes:
        """The whole answer, if it comes to its end by bytes and by time."""
        until = time.monotonic() + self._timeout
        found = bytearray()
        for part in response.iter_bytes():
            found += part
            if len(found) > MOST:
                raise Endless("the answer does not end")
            if time.monotonic() > until:
                raise _Down(f"did not come to an end within {self._timeout:g} s")
        return bytes(found)

    @property
    def _client(self) -> httpx.Client:
        with self._free:  # many may ask at once; a second client would be closed by nobody
            self._made = self._made or self._new_client()
            return self._made

    def _new_client(self) -> httpx.Client:
        encrypted = any(host.url.startswith("https") for host in self.hosts)
        return httpx.Client(
            headers={"accept": "application/json"},
            verify=web.trust(self._ca_file, encrypted=encrypted, setting="ca_file"),
            trust_env=False,
            transport=self._transport,
            timeout=httpx.Timeout(self._timeout, connect=min(CONNECT, self._timeout), pool=None),
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=self.slots),
            follow_redirects=False,
        )

    def _traced(self, event: str, info: Mapping[str, Any]) -> None:
        if event in ("connection.connect_tcp.complete", "connection.start_tls.complete"):
            made = info["return_value"].get_extra_info("socket")
            with self._free:
                self._sockets = {each for each in self._sockets if each.fileno() >= 0}
                if made is not None:
                    self._sockets.add(made)


_NO_MODEL = re.compile(
    r"pinned to|no models? (is )?loaded|\bmodel\b.{0,80}(not found|not loaded|does not exist|unknown)",
    re.IGNORECASE,
)
"""How servers say that they do not have the model, some of them with a 400: no photo can help that."""


def _judge(response: httpx.Response, content: bytes) -> None:
    """Raises _Down for what is the host's doing, Rejected for what is the question's."""
    status = response.status_code
    if response.is_success:
        return
    said = f"{status} {_message(content) or response.reason_phrase}".strip()
    if status in web.PASSES:
        raise _Down(f"answers {said}", rest=web.retry_after(response) or (SHORTEST if status == 429 else None))
    if response.has_redirect_location:
        raise _Down(f"sends on to {response.headers['location']}; name that address in `hosts`", hard=True)
    if status in (401, 403, 404, 405, 407) or _NO_MODEL.search(said):
        raise _Down(f"answers {said}", hard=True)
    raise Rejected(status, _message(content) or response.reason_phrase)


def _parsed(response: httpx.Response, content: bytes) -> Any:
    try:
        return json.loads(content)
    except ValueError:
        kind = response.headers.get("content-type", "nothing").partition(";")[0]
        raise _Down(f"answers with something that is no JSON ({kind})", hard=True) from None


def _message(content: bytes) -> str:
    """What a server says of an error: `error` (Ollama), `error.message` (OpenAI), `detail`, `message`."""
    try:
        told = json.loads(content)
    except ValueError:
        return ""
    if isinstance(told, dict):
        said = told.get("error") or told.get("detail") or told.get("message") or ""
        told = said.get("message", "") if isinstance(said, dict) else said
    return " ".join(str(told).split())[:300]


# Addresses and secrets


def reach(url: str) -> Reach:
    """Where an address leads: to this machine, into a private network, or to anywhere else.

    By its number, or by all numbers that its name has now; a name that has none is far.
    """
    name = httpx.URL(url).host
    try:
        numbers = [ipaddress.ip_address(name)]
    except ValueError:
        numbers = _resolved(name)
    if numbers and all(number.is_loopback for number in numbers):
        return "here"
    near = (number.is_private or number.is_loopback or number.is_link_local for number in numbers)
    return "near" if numbers and all(near) else "far"


def _resolved(name: str) -> list[ipaddress.IPv4Address | ipaddress.IPv6Address]:
    if name == "localhost" or name.endswith(".localhost"):
        return [ipaddress.IPv4Address("127.0.0.1")]  # RFC 6761 section 6.3
    try:
        found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return []
    return [ipaddress.ip_address(str(row[4][0]).partition("%")[0]) for row in found]


def _address(url: str) -> str:
    """`http://host:port` without a slash or `/v1` at the end. Raises UserError where it is no address."""
    text = url.strip()
    text = text if "://" in text else f"http://{text}"
    try:
        parsed = httpx.URL(text)
    except httpx.InvalidURL as error:
        raise UserError(f"hosts: {url!r} is no address: {error}") from None
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise UserError(f"hosts: {url!r} is no address such as http://localhost:11434")
    return text.rstrip("/").removesuffix("/v1").removesuffix("/api").rstrip("/")


def _secrets(host: Host) -> dict[str, str]:
    """The headers of a host with what their files hold."""
    found = {name: _secret(file) for name, file in host.headers}
    if host.key_file:
        found["authorization"] = f"Bearer {_secret(host.key_file)}"
    return found


def _secret(file: str) -> str:
    try:
        text = Path(file).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise UserError(f"{file}: cannot read this secret: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UserError(f"{file}: cannot read this secret: not UTF-8 text") from None
    if not text or not text.isascii() or not text.isprintable():
        raise UserError(f"{file}: this secret is {'empty' if not text else 'no single line of plain signs'}")
    return text
