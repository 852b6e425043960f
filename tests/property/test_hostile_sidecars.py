"""Sidecars made to break a reader: refused or worked through, in bounded time and memory, without a connection."""

from __future__ import annotations

import socket
import subprocess
import sys
import textwrap
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from metadata import xmp
from metadata.errors import Refused
from metadata.sinks import Change
from tests.unit.sidecar_set import RDF, SIDECARS, bag, plain

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
ADD = Change(add={"dc:subject": ("sun",), "digiKam:TagsList": ("sun",)}, texts={"dc:title": "t"})
MOST = 20.0
"""Seconds of the processor, which do not grow with what else it does; a quadratic reader takes minutes."""


def edited(data: bytes) -> bytes:
    return xmp.edit(xmp.parse(data, b"x.xmp"), ADD, NOW)


def doctype(inside: str, use: str = "&a;") -> bytes:
    return (f"<!DOCTYPE x [{inside}]>" + plain(bag("dc:subject", use), "dc")).encode()


BOMB = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10 if n else "ha"}">' for n in range(12))


@pytest.mark.parametrize(
    "data",
    [
        doctype(BOMB, "&a11;"),
        doctype('<!ENTITY a SYSTEM "file:///etc/passwd">'),
        doctype('<!ENTITY % p SYSTEM "http://127.0.0.1:9/x.dtd"> %p;'),
        doctype('<!ENTITY a "quiet">'),
        plain("", "dc").replace("<x:xmpmeta", '<!DOCTYPE x SYSTEM "http://127.0.0.1:9/x.dtd"><x:xmpmeta').encode(),
        doctype(BOMB, "&a11;").decode().encode("utf-16"),
    ],
    ids=["bomb", "file", "parameter entity", "harmless", "external DTD", "UTF-16 bomb"],
)
def test_a_document_type_is_refused_before_anything_is_resolved(data, monkeypatch):
    monkeypatch.setattr(socket.socket, "connect", lambda *_: pytest.fail("connects"))
    start = time.process_time()
    with pytest.raises(Refused, match="DOCTYPE"):
        edited(data)
    assert time.process_time() - start < MOST


FLOOD = "".join(f' my:a{number}="{number}"' for number in range(20_000))
NESTED = '<my:s rdf:parseType="Resource">' * 5_000 + "</my:s>" * 5_000
LARGE = {
    "attributes": plain("", "my", "dc", attributes=FLOOD),
    "structs in structs": plain(NESTED, "my", "dc"),
    "structs in a field of ours": plain(f"<dc:title>{NESTED}</dc:title>", "my", "dc"),
    "10,000 keywords": plain(bag("dc:subject", *(f"word {n}" for n in range(10_000))), "dc"),
    "10,000 twice the same": plain(bag("dc:subject", *["word"] * 10_000), "dc"),
    "10,000 properties": plain("".join(f"<my:p{n}>{n}</my:p{n}>" for n in range(10_000)), "my", "dc"),
    "10,000 Descriptions": f"<rdf:RDF {RDF}>" + "<rdf:Description/>" * 10_000 + "</rdf:RDF>",
    "10,000 namespaces": plain("", "dc", attributes="".join(f' xmlns:n{n}="u:{n}"' for n in range(10_000))),
    "1 MB in one keyword": plain(bag("dc:subject", "x" * 1_000_000), "dc"),
    "nearly a list": plain(
        bag("dc:subject", *["word"] * 10_000).replace("</rdf:Bag>", "<my:x/></rdf:Bag>"), "dc", "my"
    ),
}


@pytest.mark.parametrize("name", LARGE)
def test_what_is_large_or_deep_is_worked_through_in_little_time(name):
    data, start = LARGE[name].encode(), time.process_time()
    try:
        after = edited(data)
    except Refused:
        assert name == "structs in a field of ours"
    else:
        assert "sun" in xmp.seen(xmp.parse(after, b"x")).lists["dc:subject"]
    assert time.process_time() - start < MOST


@pytest.mark.slow
def test_fifty_megabytes_take_bounded_time_and_less_than_ten_times_their_memory():
    script = f"""
        import resource, sys, time
        sys.path.insert(0, {str(Path(__file__).parents[2])!r})
        from tests.property.test_hostile_sidecars import edited
        from tests.unit.sidecar_set import plain
        data = plain("<my:x>" + "y" * 50_000_000 + "</my:x>", "my", "dc").encode()
        before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
        assert len(edited(data)) > len(data)
        print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024, time.process_time() - start)
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], capture_output=True, check=True)
    memory, spent = done.stdout.split()
    assert int(memory) < 10 * 50_000_000
    assert float(spent) < MOST


SMALL = {name: SIDECARS[name] for name in ("attributes only", "Capture One", "UTF-16 LE with mark", "CRLF")}


@pytest.mark.parametrize("name", SMALL)
def test_a_file_cut_anywhere_is_refused_or_whole(name):
    data = SMALL[name]
    whole = xmp.seen(xmp.parse(data, b"x"))
    for size in range(len(data)):
        try:
            found = xmp.seen(xmp.parse(data[:size], b"x"))
        except Refused:
            continue
        assert (found.lists, found.texts) == (whole.lists, whole.texts), size
