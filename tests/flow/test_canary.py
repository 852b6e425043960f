"""The doctor's canary: which link does not hold is said in words, and the probe word is gone whatever happens."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from metadata.errors import PlaceClosed
from metadata.immich import Database, Immich
from metadata.sinks.sidecar import SidecarSink
from tests.flow.house_world import soon
from tests.flow.immich_world import ImmichWorld
from tests.flow.test_immich_poll import photo
from tests.immich import missing
from tests.patience import PATIENCE
from tests.relay import Relay
from watcher import canary, chain, findings, remains

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing() or "-")
HOUSE = Path(__file__).resolve().parents[2]


@pytest.fixture
def world(tmp_path, immich):
    return ImmichWorld(tmp_path, immich)


@pytest.fixture(params=[True, False], ids=["database", "no database"])
def either(request, tmp_path, immich):
    return ImmichWorld(tmp_path, immich, database=request.param)


@pytest.fixture(autouse=True)
def _soon(monkeypatch):
    """What is looked at again and again is looked at sooner, and has the time of a full machine."""
    monkeypatch.setattr(chain, "PATIENCE", PATIENCE)
    monkeypatch.setattr(chain, "WRITTEN", PATIENCE)
    monkeypatch.setattr(remains, "GONE", PATIENCE)
    monkeypatch.setattr(chain, "TURN", 0.05)
    monkeypatch.setattr(remains, "TURN", 0.05)
    monkeypatch.setattr("metadata.mirror.settle.APART", 0.3)


@pytest.fixture
def quick(monkeypatch):
    """In the link that is broken Immich's time is short; in all others it has what a busy machine needs."""

    def short(link):
        step = getattr(chain, link)

        def hasty(*words):
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(chain, "PATIENCE", 3.0)
                return step(*words)

        monkeypatch.setattr(chain, link, hasty)

    return short


def flown(world, name="", **environment):
    return canary.fly(world.settings(), {**os.environ, **environment}, name)


def told(found):
    return findings.report(found, json=False)


def broken(found):
    return [each.what for each in found if each.level == "fail"]


def traces(immich):
    """What a probe may leave: tags, assets, files that hold its word."""
    tags = [tag["value"] for tag in immich.ok("GET", "/tags") if tag["value"].startswith(remains.FAMILY)]
    assets = immich.sql("SELECT id FROM asset WHERE \"originalFileName\" LIKE 'tagwright-canary%'")
    files = [
        str(path)
        for folder in (immich.upload, immich.external)
        for path in folder.rglob("*.xmp")
        if b"tagwright-canary" in path.read_bytes()
    ]
    return tags + [each["id"] for each in assets] + files


def left(world):
    """The same, and the note, once Immich has done all it had to."""
    world.immich.idle()
    note = world.state / remains.NOTE
    return traces(world.immich) + ([note.read_text()] if note.exists() else [])


def test_a_chain_that_holds_is_told_link_by_link_and_nothing_is_left(either):
    world = either
    before = sorted(world.immich.upload.rglob("*.*"))
    found = flown(world)
    assert not broken(found), told(found)
    text = told(found)
    for part in ("is uploaded", "made its preview", "its file is here", "by the API stays", "exiftool reads",
                 "the API shows it", "goes from the sidecar as well", "so is the picture"):  # fmt: skip
        assert part in text, text
    assert not left(world)
    assert sorted(world.immich.upload.rglob("*.*")) == before


def test_a_photo_of_the_users_is_as_it_was(either):
    world = either
    asset = world.immich.upload_photo(photo(mark=301 + world.database))
    world.immich.idle()
    world.immich.tag([asset], ["Oma"])
    world.immich.idle()
    before = world.immich.original_of(asset).read_bytes()
    names = [str(world.immich.original_of(asset)), asset, f"{world.immich.url}/photos/{asset}"]
    for name in names if world.database else names[:1]:
        found = flown(world, name)
        assert not broken(found), told(found)
        assert not left(world)
        assert world.tags(asset) == {"Oma"}
        assert world.immich.original_of(asset).read_bytes() == before
    assert world.immich.sql("SELECT status FROM asset WHERE id = %s", asset)[0]["status"] == "active"


def test_a_photo_whose_tags_stand_in_no_file_is_not_tried(world):
    asset = world.immich.upload_photo(photo(mark=311 + world.database))
    world.immich.idle()
    world.immich.tag([asset], ["Oma"])
    world.immich.idle()
    world.immich.sidecar_of(asset).unlink()
    found = flown(world, asset)
    assert broken(found) == ["canary: photo"]
    assert world.tags(asset) == {"Oma"}
    assert not left(world)


@pytest.mark.parametrize(
    ("lacks", "link", "word"),
    [
        ("asset.upload", "key", "asset.upload"),
        ("tag.asset", "API", "tag.asset"),
        ("job.create", "Immich reads the sidecar", "job.create"),
    ],
)
def test_a_missing_permission_is_named(tmp_path, immich, lacks, link, word):
    rights = [
        "asset.read", "asset.view", "asset.upload", "asset.delete", "tag.read", "tag.create", "tag.asset",
        "tag.delete", "user.read", "job.create",
    ]  # fmt: skip
    key = immich.key_for(immich.admin.id, [name for name in rights if name != lacks])
    world = ImmichWorld(tmp_path, immich, keys=(key,))
    found = flown(world)
    assert broken(found) == [f"canary: {link}"], told(found)
    assert word in told(found)
    assert not left(world)


def test_an_immich_that_reads_no_photos_is_named(world, quick):
    quick("_read")
    world.immich.pause("metadataExtraction")
    try:
        found = flown(world)
    finally:
        world.immich.resume("metadataExtraction")
    assert broken(found) == ["canary: Immich reads the photo"], told(found)
    assert "Extract Metadata" in told(found)
    assert not left(world)


def test_a_folder_that_is_another_one_is_named(tmp_path, immich):
    (tmp_path / "other").mkdir()
    world = ImmichWorld(tmp_path, immich, immich={"upload_location": str(tmp_path / "other")})
    world.photos = world.root["path"] = tmp_path / "other"
    found = flown(world)
    assert broken(found) == ["canary: folder"], told(found)
    assert "upload_location" in told(found)
    assert not left(world)


def test_an_immich_that_cannot_write_beside_its_photos_is_named_and_the_other_order_is_tried(tmp_path, immich):
    world = ImmichWorld(tmp_path, immich)
    immich.read_only("/data/upload")
    try:
        found = flown(world)
        assert not broken(found), told(found)
        assert any(each.level == "warn" and ":ro" in each.remedy for each in found), told(found)
        assert not left(world)
    finally:
        immich.read_only()


def test_where_nobody_can_write_both_are_named(tmp_path, immich, monkeypatch):
    world = ImmichWorld(tmp_path, immich)
    _shut(monkeypatch)
    immich.read_only("/data/upload")
    try:
        found = flown(world)
    finally:
        immich.read_only()
    assert broken(found) == ["canary: Immich writes the sidecar"], told(found)
    assert "nor can we (Read-only file system)" in told(found)
    assert not left(world)


def _shut(monkeypatch):
    def write(_sink, drafts):
        return [PlaceClosed(draft.where, "Read-only file system") for draft in drafts]

    monkeypatch.setattr(SidecarSink, "write", write)


def test_a_sidecar_that_immich_does_not_get_round_to_write_is_named(world, quick, monkeypatch):
    quick("_mirror")
    monkeypatch.setattr(remains, "UNDER_WAY", 1.0)
    world.immich.pause("sidecar")
    try:
        found = flown(world)
    finally:
        world.immich.resume("sidecar")
    assert broken(found) == ["canary: Immich writes the sidecar"], told(found)
    assert not left(world)


def test_that_we_cannot_write_is_named(world, monkeypatch):
    _shut(monkeypatch)
    found = flown(world)
    assert broken(found) == ["canary: tagwright writes the sidecar"], told(found)
    assert "Read-only file system" in told(found)
    assert not left(world)


def test_that_immich_does_not_read_our_sidecar_is_named(world, quick, monkeypatch):
    quick("_reread")
    monkeypatch.setattr(Immich, "refresh", lambda *_: None)
    found = flown(world)
    assert broken(found) == ["canary: Immich reads the sidecar"], told(found)
    assert not left(world)


def test_without_exiftool_our_own_reader_looks_and_it_is_said(world, tmp_path):
    found = flown(world, PATH=str(tmp_path))
    assert not broken(found), told(found)
    assert "our own reader" in told(found)
    assert not left(world)


def test_without_folders_it_goes_by_the_api_alone(tmp_path, immich):
    world = ImmichWorld(tmp_path, immich, database=False, api=True)
    found = flown(world)
    assert not broken(found), told(found)
    assert "by the API alone" in told(found)
    assert not left(world)


# Whatever ends it


@pytest.fixture
def wire(immich):
    """A way to Immich that can be cut."""
    made = Relay(immich.port)
    yield made
    made.close()


@pytest.mark.parametrize("named", [False, True], ids=["our picture", "a photo of the user's"])
@pytest.mark.parametrize("comes_back", [True, False])
def test_a_server_that_dies_in_the_middle(tmp_path, immich, wire, monkeypatch, named, comes_back):
    world = ImmichWorld(tmp_path, immich, immich={"url": f"http://127.0.0.1:{wire.port}"})
    asset = immich.upload_photo(photo(mark=321 + comes_back))
    immich.idle()
    put, waited = chain._put, []

    def dies(flight, word):
        wire.cut()
        return put(flight, word)

    monkeypatch.setattr(chain, "_put", dies)
    monkeypatch.setattr("metadata.immich.wire.pause", lambda *_: 0.0)
    monkeypatch.setattr(canary, "AWAY", PATIENCE if comes_back else 2.0)
    if comes_back:
        monkeypatch.setattr(canary.time, "sleep", lambda _: (waited.append(1), wire.mend()))
    found = flown(world, asset if named else "")
    if not comes_back:
        assert broken(found)[-1] == "canary: afterwards", told(found)
        assert "it is noted" in told(found)
        assert (world.state / remains.NOTE).exists()
        assert not [each for each in traces(immich) if each.endswith(".xmp") and named]
        wire.mend()
        monkeypatch.undo()
        again = flown(world)
        assert "what an earlier probe had left is gone" in told(again)
    assert not left(world)
    assert immich.original_of(asset).exists()
    assert world.tags(asset) == set()


def test_the_service_takes_away_what_a_killed_probe_left(tmp_path, immich):
    world = ImmichWorld(tmp_path, immich)
    with _held(world, "sidecar-write") as process:
        process.kill()
        process.communicate()
    assert left(world)
    with world.serving():
        soon(lambda: not left(world))


@pytest.mark.parametrize(("number", "named"), [(signal.SIGINT, False), (signal.SIGTERM, True)])
def test_a_signal_ends_it_and_nothing_is_left(tmp_path, immich, number, named):
    world = ImmichWorld(tmp_path, immich)
    asset = immich.upload_photo(photo(mark=331 + number))
    immich.idle()
    with _held(world, "sidecar-write", *((asset,) if named else ())) as process:
        process.send_signal(number)
        process.send_signal(number)
    _, said = process.communicate(timeout=2 * PATIENCE)
    assert process.returncode == 130, said
    assert not left(world), said
    assert world.tags(asset) == set()
    assert immich.original_of(asset).exists()


def _signalled(monkeypatch, room, name, *, before=False):
    """This step is interrupted, twice, when it is done, or when it begins."""
    step, came = getattr(room, name), []

    def interrupted(*words, **more):
        again, answer = bool(came), None if before and not came else step(*words, **more)
        came.append(1)
        if not again:
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)
        return step(*words, **more) if before and not again else answer

    monkeypatch.setattr(room, name, interrupted)
    return came


@pytest.mark.parametrize(
    ("room", "step", "before"),
    [(Immich, "upload", False), (chain, "_put", False), (Database, "looks", True), (canary, "_home", True)],
    ids=["uploaded, and not heard of", "our sidecar is written", "in a question", "when all is done"],
)
def test_wherever_a_signal_comes_nothing_is_left(world, monkeypatch, room, step, before):
    came = _signalled(monkeypatch, room, step, before=before)
    with pytest.raises(KeyboardInterrupt):
        flown(world)
    assert came
    assert not left(world)


@contextlib.contextmanager
def _held(world, point, *photo):
    """A doctor under way whose tag Immich is about to write; none that fails stays behind."""
    world.immich.hold(point)
    process = subprocess.Popen(
        _command(world, "doctor", "--canary", *photo, "--json"),
        cwd=HOUSE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        world.immich.held(point)
        yield process
    except BaseException:
        process.kill()
        process.communicate()
        raise
    finally:
        world.immich.release(point)


def _command(world, *words):
    settings = world.settings()
    config = world.state.parent / "settings.toml"
    database = settings.immich.database
    config.write_text(
        f'state = "{world.state}"\n[[roots]]\nname = "p"\npath = "{world.photos}"\n[immich]\n'
        f'url = "{settings.immich.url}"\nkeys = ["{world.keys[0]}"]\nupload_location = "{world.immich.upload}"\n'
        f'[immich.database]\nhost = "{database.host}"\nport = {database.port}\nuser = "{database.user}"\n'
        f'name = "{database.name}"\npassword = "{database.password.get_secret_value()}"\n'
    )
    return [sys.executable, "-m", "watcher.cli", "--config", str(config), *words]


def test_the_command_tells_it_as_json(tmp_path, immich):
    world = ImmichWorld(tmp_path, immich)
    done = subprocess.run(
        _command(world, "doctor", "--canary", "--json"), cwd=HOUSE, capture_output=True, text=True, check=False
    )
    found = [each for each in json.loads(done.stdout) if each["what"] == "canary"]
    assert len(found) >= 8
    assert all(each["level"] == "ok" for each in found), found
    assert "through Immich and back" in done.stderr
    assert not left(world)


def test_two_probes_at_once_are_one_too_many(world):
    began = time.monotonic()
    with remains.Note(world.state).held(), pytest.raises(Exception, match="another process"):
        flown(world)
    assert time.monotonic() - began < canary.AWAY / 2
