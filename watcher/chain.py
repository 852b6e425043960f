"""The links that a probe word goes through, one after the other; the first that does not hold is raised.

Tag by the API -> Immich keeps it -> Immich writes the sidecar -> the file is here, and exiftool reads it ->
we write another word into it -> Immich reads that -> the API shows it -> both go again (see `watcher.canary`).
"""

from __future__ import annotations

import hashlib
import os
import secrets
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from io import BytesIO
from itertools import islice
from typing import TYPE_CHECKING

from metadata import xmp
from metadata.errors import PlaceClosed, Refused, TagwrightError, TryAgain, UserError
from metadata.immich import Asset, Paths
from metadata.immich.paths import find
from metadata.mirror.bring import Mirror
from metadata.mirror.pace import Pace
from metadata.mirror.plan import Wish
from metadata.mirror.ports import Source, Wait
from metadata.mirror.sources import ByApi, ByDatabase
from metadata.photo import Photo
from metadata.sinks import Change, Seen
from metadata.sinks.sidecar import SidecarSink
from metadata.tags import HIERARCHICAL, SUBJECT, TAGS_LIST, to_hierarchical
from watcher import connection
from watcher.flight import WHAT, Broken, Flight, reason
from watcher.ledger.assets import NAME
from watcher.link import one_medium
from watcher.remains import FAMILY, Remains

if TYPE_CHECKING:
    from metadata.exiftool import Exiftool
    from metadata.immich import Immich

PATIENCE = 60.0
"""Seconds that each link has."""
WRITTEN = 15.0
"""Seconds until a file shows what was written into it."""
TURN = 0.25
"""Seconds between two looks."""
RIGHTS = {"asset.upload": "uploading the picture", "asset.delete": "deleting it again"}
"""Permissions that only a picture of ours needs."""


def way(flight: Flight, photo: str) -> None:
    """All links in their order. Raises Broken at the first that does not hold, and what Immich raises."""
    (_named if photo else _uploaded)(flight, photo)
    _read(flight)
    _here(flight)
    mirror = _mirror(flight)
    _tagged(flight, mirror)
    if flight.photo is not None:
        _in_file(flight, flight.words[0], "Immich")
        _written(flight)
        _reread(flight)
    _back(flight, mirror)


def _uploaded(flight: Flight, _: str) -> None:
    client = flight.keys.clients[0]
    _allowed(client, RIGHTS)
    data, now = picture(), datetime.now(UTC)
    mark = secrets.token_hex(4)
    words = (f"{FAMILY}/{mark}", f"{FAMILY}/{mark}-file")
    flight.left = Remains(client.me().id, words, checksum=hashlib.sha1(data, usedforsecurity=False).hexdigest())
    flight.noting()
    try:
        name = client.upload(data, f"{FAMILY}-{mark}.jpg", now)
    except (PlaceClosed, Refused) as error:
        flight.note.write(None)
        raise Broken(
            "upload", f"Immich takes no picture: {reason(error)}", "see Immich's log, and its disk"
        ) from error
    flight.noting(asset=name)
    flight.say(f"a picture is uploaded ({name})")


def _allowed(client: Immich, rights: Mapping[str, str]) -> None:
    held = client.permissions()
    missing = [] if "all" in held else [name for name in rights if name not in held]
    if missing:
        text = "the key lacks " + ", ".join(f"{name} ({rights[name]})" for name in missing)
        remedy = "give it these permissions in Immich, or name a photo: `tagwright doctor --canary PHOTO`"
        raise Broken("key", text, remedy)


def picture() -> bytes:
    """A small JPEG that nobody else has."""
    from PIL import Image  # noqa: PLC0415 - only here

    data = BytesIO()
    Image.frombytes("RGB", (16, 12), secrets.token_bytes(16 * 12 * 3)).resize((320, 240)).save(data, "JPEG")
    return data.getvalue()


def _named(flight: Flight, photo: str) -> None:
    """A photo of the user's: none whose tags stand in no file, since Immich loses those where it cannot write."""
    asset = _asset(flight, photo)
    mark = secrets.token_hex(4)
    flight.asset = asset
    flight.left = Remains(asset.owner, (f"{FAMILY}/{mark}", f"{FAMILY}/{mark}-file"), asset=asset.id)
    _here(flight)
    had = {tag.value for tag in asset.tags or ()}
    inside = _words(flight)[1] if flight.photo is not None and flight.left.sidecar else set()
    if not had <= inside:
        text = "this photo has tags in Immich that its sidecar does not hold; Immich could lose them in the probe"
        raise Broken("photo", text, "name another photo, or none: then a picture is uploaded for it")
    flight.note.write(flight.left)
    flight.say(f"the photo is Immich's asset {asset.id}")


def _asset(flight: Flight, photo: str) -> Asset:
    names = NAME.findall(photo)
    for client in flight.keys.clients if names and not os.path.exists(photo) else ():
        asset = client.asset(names[-1])
        if asset is not None and asset.owner == client.me().id:
            return asset
    file = os.fsencode(os.path.abspath(photo))
    sample = _sample(flight)
    paths = Paths(one_medium(connection.mapped(flight.settings, sample).maps, sample))
    for client in flight.keys.clients:
        asset = find(file, paths, client.by_checksum, sha1=_sha1) if os.path.isfile(file) else None
        found = client.asset(asset.id) if asset is not None else None
        if found is not None and found.owner == client.me().id:
            return found
    raise Broken("photo", f"Immich does not know {photo}", "see where its folders are here: `immich.paths`")


def _sha1(file: bytes) -> bytes:
    with open(file, "rb") as stream:
        return hashlib.file_digest(stream, "sha1").digest()


def _sample(flight: Flight) -> list[Asset]:
    return [asset for client in flight.keys.clients for asset in islice(client.assets(), 0, 1000, 125)]


def _read(flight: Flight) -> None:
    """Immich has read the picture, and shows it."""

    def done() -> bool:
        asset = flight.client.asset(flight.id)
        flight.asset = asset or flight.asset
        return asset is not None and asset.extracted is True and asset.preview is True

    if not _within(done):
        extracted = flight.asset is not None and flight.asset.extracted
        what = "made no preview of it" if extracted else "not read it"
        queue = "Generate Thumbnails" if extracted else "Extract Metadata"
        text = f"Immich has {what} for {PATIENCE:.0f} s"
        raise Broken(
            "Immich reads the photo", text, f"see Administration > Jobs > {queue} in Immich: is it paused?"
        )
    flight.say("Immich has read it and made its preview")


def _here(flight: Flight) -> None:
    """The file that Immich speaks of is here, and we know where its sidecar is."""
    assert flight.asset is not None
    if flight.photo is not None:
        return
    if not connection.folders(flight.settings):
        flight.say("no folder of Immich's is mounted here: the rest goes by the API alone")
        return
    paths = connection.mapped(flight.settings, [flight.asset])
    file = paths.host(flight.asset.path)
    if file is None or not os.path.isfile(file):
        where = f", which should be {os.fsdecode(file)} here" if file else ""
        text = f"Immich has it as {flight.asset.path}{where}: there is no such file"
        remedy = (
            "mount Immich's folder here as it is, or say where it is: `immich.upload_location`, `immich.paths`"
        )
        raise Broken("folder", text, remedy)
    flight.photo = Photo(0, WHAT, os.path.dirname(file), os.path.basename(file))
    flight.left = replace(flight.left, original=os.fsdecode(file), sidecar=os.fsdecode(_sidecar(flight, paths)))
    flight.note.write(flight.left) if flight.note.read() else None
    flight.say(f"its file is here: {os.fsdecode(file)}")


def _sidecar(flight: Flight, paths: Paths) -> bytes:
    """Where the sidecar is, or will be: as the database has it registered, else beside the photo."""
    assert flight.photo is not None
    known = flight.database.looks([flight.id]).get(flight.id) if flight.database is not None else None
    here = paths.host(known.sidecar) if known is not None and known.sidecar else None
    return here or flight.photo.file + b".xmp"


def _mirror(flight: Flight) -> Mirror:
    servers = flight.keys.by_owner()
    source: Source = ByDatabase(flight.database.looks) if flight.database is not None else ByApi(servers)
    return Mirror(servers, source, pace=Pace(Wait()), patience=PATIENCE)


def _tagged(flight: Flight, mirror: Mirror) -> None:
    """The tag goes by the API, and Immich keeps it."""
    wish = Wish(flight.id, flight.left.owner, add=(flight.words[0],))
    fault = mirror.bring([wish], mirror.source.shown([flight.id]), tries=2)[flight.id]
    if fault is None:
        flight.say("a tag that is given by the API stays")
        return
    if isinstance(fault, PlaceClosed):
        raise Broken("API", f"a tag cannot be given: {reason(fault)}", "give the key this permission in Immich")
    if isinstance(fault, TryAgain):
        text = f"Immich took the tag and has not finished with it for {PATIENCE:.0f} s ({reason(fault)})"
        raise Broken(
            "Immich writes the sidecar", text, "see Administration > Jobs > Sidecar Metadata: is it paused?"
        )
    _by_file_first(flight, mirror, wish)


def _by_file_first(flight: Flight, mirror: Mirror, wish: Wish) -> None:
    """Immich loses what it cannot write into the sidecar; what already stands there it keeps."""
    remedy = "take `:ro` from this folder in Immich's compose file, or give Immich's user the right to write there"
    text = "Immich loses the tag again: it cannot write the sidecar beside the photo"
    if flight.photo is None:
        raise Broken("Immich writes the sidecar", text, remedy)
    why = _put(flight, flight.words[0])
    if why:
        raise Broken("Immich writes the sidecar", f"{text}; nor can we ({why})", remedy)
    fault = mirror.bring([wish], mirror.source.shown([flight.id]), tries=2)[flight.id]
    if fault is not None:
        raise Broken("Immich reads the sidecar", f"{text}, and does not read ours ({reason(fault)})", remedy)
    flight.file_first = True
    flight.say(f"{text}; so tagwright writes first, and Immich reads it: that holds", "warn", remedy)


def _in_file(flight: Flight, word: str, who: str) -> None:
    """The sidecar here has the word, as exiftool reads it."""
    if not _within(lambda: word in _words(flight)[1], WRITTEN):
        program, found = _words(flight)
        there = (
            f"which has {len(found)} other tags" if os.path.exists(flight.left.sidecar) else "which is not there"
        )
        text = f"{program} does not find the tag in {flight.left.sidecar}, {there}"
        unsure = (
            " (an upload may have brought one along that only the database knows)" if not flight.database else ""
        )
        remedy = "is this folder the one that Immich writes to? See its mounts" + unsure
        raise Broken(f"{who} writes the sidecar", text, remedy)
    program = _words(flight)[0]
    flight.say(f"{program} reads the tag in the sidecar that {who} wrote: {flight.left.sidecar}")
    if program != "exiftool":
        flight.say(
            "exiftool is not there; our own reader looked", "warn", "apt-get install libimage-exiftool-perl"
        )


def _words(flight: Flight) -> tuple[str, set[str]]:
    """Who looked, and the tag list of the sidecar as it stands."""
    path = os.fsencode(flight.left.sidecar)
    if not os.path.exists(path):
        return "exiftool", set()
    try:
        flight.tool = flight.tool or _exiftool(flight.environment)
        values = flight.tool.read([path], ["XMP-digiKam:TagsList"])[0].get("XMP-digiKam:TagsList", ())
        return "exiftool", {str(value) for value in (values if isinstance(values, list) else [values])} - {""}
    except (UserError, TryAgain):
        with suppress(OSError, TagwrightError), open(path, "rb") as file:
            return "our own reader", {*xmp.seen(xmp.parse(file.read(), path)).lists.get(TAGS_LIST, ())} - {""}
        return "our own reader", set()
    except TagwrightError:
        return "exiftool", set()  # it is being replaced


def _exiftool(environment: Mapping[str, str]) -> Exiftool:
    import shutil  # noqa: PLC0415 - as above

    from metadata.exiftool import MISSING, Exiftool  # noqa: PLC0415 - as above

    program = shutil.which("exiftool", path=environment.get("PATH"))
    if program is None:
        raise UserError(MISSING)
    return Exiftool(timeout=15.0, executable=program)


def _written(flight: Flight) -> None:
    """We write another word into the sidecar."""
    if why := _put(flight, flight.words[1]):
        folder = os.path.dirname(flight.left.sidecar)
        remedy = f"let this user write in {folder}; until then keywords go by Immich alone, which is fine"
        raise Broken("tagwright writes the sidecar", f"we cannot write {flight.left.sidecar}: {why}", remedy)
    _in_file(flight, flight.words[1], "tagwright")


def _put(flight: Flight, word: str) -> str:
    """Add a word to the sidecar as the service does; why not, or ""."""
    assert flight.photo is not None
    path = tuple(word.split("/"))
    fields = {TAGS_LIST: (word,), HIERARCHICAL: (to_hierarchical(path),), SUBJECT: (path[-1],)}
    where = os.fsencode(flight.left.sidecar)
    sink = SidecarSink(clock=lambda: datetime.now().astimezone(), provenance=False)
    answer: object = None
    for _ in range(5):  # Immich, or the service, may write it at the same moment
        try:
            draft = sink.draft_at(flight.photo, where, Change(add=fields))
        except (PlaceClosed, Refused, TryAgain) as error:
            return reason(error)
        (answer,) = sink.write([draft])
        if isinstance(answer, Seen):
            return ""
    return reason(answer) if isinstance(answer, TagwrightError) else "somebody else writes it all the time"


def _reread(flight: Flight) -> None:
    """Immich reads what we wrote."""
    try:
        flight.client.refresh([flight.id])
    except PlaceClosed as error:
        raise Broken(
            "Immich reads the sidecar", reason(error), "give the key this permission in Immich"
        ) from error
    if not _within(lambda: flight.words[1] in _shown(flight)):
        text = f"Immich was told to read the sidecar again, and does not show our word after {PATIENCE:.0f} s"
        remedy = "see Administration > Jobs > Extract Metadata in Immich, and whether Immich may read our files"
        raise Broken("Immich reads the sidecar", text, remedy)
    flight.say("Immich reads what we write: the API shows it")


def _shown(flight: Flight) -> set[str]:
    asset = flight.client.asset(flight.id)
    return {tag.value for tag in asset.tags or ()} if asset is not None else set()


def _back(flight: Flight, mirror: Mirror) -> None:
    """Both words are taken away by the API, and from the sidecar by Immich."""
    words = tuple(word for word in flight.words if word in _shown(flight))
    if flight.file_first:
        return  # Immich would read them in the file again: they go from there first
    for word in words:
        wish = Wish(flight.id, flight.left.owner, remove=(word,))
        fault = mirror.bring([wish], mirror.source.shown([flight.id]), tries=2)[flight.id]
        if fault is not None:
            raise Broken("the way back", f"the tag cannot be taken away: {reason(fault)}", "see Immich's log")
    if flight.photo is not None and not _within(lambda: not {*words} & _words(flight)[1], WRITTEN):
        raise Broken(
            "the way back", f"the tag stays in {flight.left.sidecar}", "is it the file that Immich writes?"
        )
    flight.say("taken away by the API, it goes from the sidecar as well")


def _within(done: Callable[[], bool], seconds: float | None = None) -> bool:
    until = time.monotonic() + (PATIENCE if seconds is None else seconds)
    while not done():
        if time.monotonic() >= until:
            return False
        time.sleep(TURN)
    return True
