"""Photos of every format that we write, changed by the real exiftool: pixels, foreign metadata and bytes."""

from __future__ import annotations

import errno
import hashlib
import importlib.util
import io
import os
import shutil
import signal
import struct
import tempfile
import threading
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from metadata import inside
from metadata.embed import Wishes
from metadata.errors import ChangedMeanwhile, PlaceClosed, Refused, TryAgain
from metadata.exiftool import Exiftool
from metadata.photo import Photo
from metadata.sinks import Change, Claim, Draft, Seen
from metadata.sinks.embedded import EmbeddedSink
from tests.with_metadata import box, exif_block, extension, gif, jpeg, listed, packet, png, saved
from tests.with_metadata import photo as with_packet

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(shutil.which("exiftool") is None, reason="exiftool is missing"),
]

SHARED = Path(__file__).parents[2].parent / "shared"
CORPUS = SHARED / "xmp-corpus" / "img"
NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
CAPTION = "Ein Käfer & <mehr>\n-XMP-dc:Creator=nobody"
WORDS = Change(
    add={
        "digiKam:TagsList": ("animals/Käfer",),
        "lr:hierarchicalSubject": ("animals|Käfer",),
        "dc:subject": ("Käfer",),
    },
    texts={"dc:description": CAPTION, "tiff:ImageDescription": CAPTION, "photoshop:City": "Zürich"},
    claim=Claim("f3a9", 1, ("animals\x1fKäfer",), ("dc:description",)),
)
ENDINGS = ["jpg", "png", "tif", "webp", "heic", "avif", "dng"]


@pytest.fixture(scope="module")
def exiftool():
    with Exiftool() as tool:
        yield tool


@pytest.fixture
def sink(exiftool):
    return EmbeddedSink(exiftool=exiftool, clock=lambda: NOW)


@pytest.fixture(scope="module")
def pictures():
    from PIL import Image
    from pillow_heif import register_heif_opener

    from watcher.sample import SHOTS, dng

    register_heif_opener()
    image = Image.merge(
        "RGB", [Image.linear_gradient("L"), Image.radial_gradient("L"), Image.linear_gradient("L")]
    )
    made = {"dng": dng(image, SHOTS["lisbon"])}
    for ending in ENDINGS[:-1]:
        file = io.BytesIO()
        kind = {"jpg": "JPEG", "tif": "TIFF", "heic": "HEIF"}.get(ending, ending.upper())
        image.save(file, kind)
        made[ending] = file.getvalue()
    return made


@pytest.fixture
def photo(tmp_path, pictures):
    def put(name: str, *options: str) -> Photo:
        path = tmp_path / name
        path.write_bytes(pictures[name.rpartition(".")[2]])
        if options:
            _exiftool("-overwrite_original", *options, path)
        return Photo(1, "r", os.fsencode(tmp_path), name.encode())

    return put


def _exiftool(*words) -> str:
    import subprocess

    done = subprocess.run(["exiftool", *map(str, words)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def data(photo: Photo) -> bytes:
    return Path(os.fsdecode(photo.file)).read_bytes()


def read(sink, photo) -> Seen:
    (seen,) = sink.read([photo])
    assert isinstance(seen, Seen), seen
    return seen


def write(sink, photo, change=WORDS) -> tuple[Draft, Seen]:
    drafted = sink.draft(photo, read(sink, photo), change)
    assert isinstance(drafted, Draft), drafted
    (answer,) = sink.write([drafted])
    assert isinstance(answer, Seen), answer
    assert read(sink, photo) == answer == drafted.seen
    alone(photo)
    return drafted, answer


def alone(photo: Photo) -> None:
    """Nothing of ours lies beside the photo."""
    assert not [name for name in os.listdir(photo.base) if name.startswith((b".tagwright", b".tag"))]


def pixels(photo: Photo) -> bytes:
    if photo.file.endswith(b".dng"):
        import rawpy

        with rawpy.imread(os.fsdecode(photo.file)) as raw:
            return hashlib.sha256(raw.raw_image.tobytes()).digest()
    from PIL import Image

    with Image.open(os.fsdecode(photo.file)) as image:
        return hashlib.sha256(image.convert("RGB").tobytes()).digest()


@pytest.mark.parametrize("ending", ENDINGS)
def test_words_come_in_and_no_pixel_changes(photo, sink, exiftool, ending):
    one = photo(f"a.{ending}")
    before = pixels(one)
    write(sink, one)
    assert pixels(one) == before
    names = ["XMP-digiKam:TagsList", "XMP-lr:HierarchicalSubject", "XMP-dc:Subject", "XMP-dc:Description"]
    (found,) = exiftool.read([one.file], [*names, "XMP-dc:Creator", "IFD0:ImageDescription", "XMP-photoshop:City"])
    assert [found[name] for name in names] == [["animals/Käfer"], ["animals|Käfer"], ["Käfer"], CAPTION]
    assert found["IFD0:ImageDescription"] == CAPTION
    assert found["XMP-photoshop:City"] == "Zürich"
    assert "XMP-dc:Creator" not in found


@pytest.mark.parametrize("ending", ENDINGS)
def test_taken_back_every_byte_is_what_it_was_and_again_what_it_became(photo, sink, ending):
    one = photo(f"a.{ending}")
    old = data(one)
    drafted, answer = write(sink, one)
    new = data(one)
    back = sink.revert(one, drafted.where, drafted.after, answer.recipe)
    (again,) = sink.write([back])
    assert isinstance(again, Seen), again
    assert data(one) == old
    (third,) = sink.write([sink.revert(one, back.where, back.after, again.recipe)])
    assert isinstance(third, Seen), third
    assert data(one) == new
    assert len(answer.recipe) < 2000


def test_where_somebody_changed_the_file_since_only_our_words_are_taken_back(photo, sink, exiftool):
    one = photo("a.jpg", "-EXIF:Make=Somebody", "-XMP-dc:Subject=old")
    before = read(sink, one)
    drafted, answer = write(sink, one)
    _exiftool("-overwrite_original", "-EXIF:Make=Somebody else", one.file.decode())
    (again,) = sink.write([sink.revert(one, drafted.where, drafted.after, answer.recipe)])
    assert again == before
    assert exiftool.read([one.file], ["IFD0:Make"]) == [{"IFD0:Make": "Somebody else"}]


def test_other_languages_of_a_caption_stay(photo, sink):
    one = photo("a.jpg", "-XMP-dc:Description=old", "-XMP-dc:Description-de=alt")
    write(sink, one)
    assert _exiftool("-s3", "-XMP-dc:Description-de", one.file.decode()).strip() == "alt"


def made(kind: str) -> bytes:
    """Photos in which exiftool alone would leave something undone, or of rarer formats."""
    old, exif = packet(listed("dc:subject", "old")), exif_block({271: (2, b"FUJIFILM\0")})
    bare = old.split(b"?>\n", 1)[1].rsplit(b"</x:xmpmeta>", 1)[0] + b"</x:xmpmeta>"
    guid, parts = extension(packet("<crs:Exposure2012>1</crs:Exposure2012>", padding=0))
    named = packet(listed("dc:subject", "old"), f'xmpNote:HasExtendedXMP="{guid}"')
    plain = listed("dc:subject", "old")
    return {
        "gif with XMP behind the picture": lambda: gif(old),
        "gif": lambda: saved("GIF"),
        "png with XMP behind the picture": lambda: png(old),
        "png with XMP in a profile": lambda: png(old, "PNG profile"),
        "jpg with extended XMP": lambda: jpeg(named, extended=parts),
        "jpg with a bare packet": lambda: jpeg(bare),
        "jpg with a read-only packet": lambda: jpeg(packet(plain, end="r")),
        **{
            f"{name} read-only": lambda kind=kind: with_packet(kind, packet(plain, end="r"))
            for name, kind in (
                ("webp", "WEBP"),
                ("tiff", "TIFF"),
                ("heic", "HEIF"),
                ("avif", "AVIF"),
                ("cr3", "CR3"),
            )
        },
        "raf": lambda: fuji(jpeg(old, exif=exif)),
        "raf without XMP": lambda: fuji(jpeg(exif=exif)),
        "mrw": minolta,
        "mrw with IPTC and XMP": lambda: minolta("-XMP-dc:Subject=old", "-IPTC:Keywords=old", "-XMP-xmp:Rating=3"),
        "mov": lambda: film(b"qt  ", box(b"udta", box(b"XMP_", old))),
        "mov from before ftyp": lambda: film(b"", box(b"udta", box(b"XMP_", old))),
        "mp4": lambda: film(b"isom") + box(b"uuid", bytes.fromhex("be7acfcb97a942e89c71999491e3afac") + old),
        "mp4 without XMP": lambda: film(b"isom"),
    }[kind]()


def fuji(inner: bytes) -> bytes:
    """A RAF as far as programs look into one: a header, its JPEG, a directory, the sensor's data."""
    preview = inner + bytes(4 - len(inner) % 4)
    following = 0x94 + len(preview)
    head = b"FUJIFILMCCD-RAW 0201FF383501X-T1".ljust(0x3C, b"\0") + b"0201"
    directory = struct.pack(">IHH4s", 1, 0x100, 4, b"abcd")
    places = struct.pack(">6I", 0x94, len(inner), following, len(directory), following + len(directory), 4096)
    return (head.ljust(84, b"\0") + places).ljust(0x94, b"\0") + preview + directory + bytes(range(256)) * 16


def minolta(*options: str) -> bytes:
    """An MRW: blocks, of which one is a TIFF, and the sensor's data; exiftool puts words into it on request."""
    entries = struct.pack(">HHII", 271, 2, 8, 38) + struct.pack(">HHII", 272, 2, 8, 46)
    tags = b"MM\0*\0\0\0\x08" + struct.pack(">H", 2) + entries + bytes(4) + b"Minolta\0DiMAGE7\0"
    size = struct.pack(">8s4H8B", b"27730001", 48, 64, 48, 64, 12, 12, 0x52, 0, 0, 0, 0, 1)
    parts = ((b"PRD", size), (b"TTW", tags), (b"WBG", bytes(range(12))), (b"RIF", bytes(64)))
    blocks = b"".join(b"\0" + name + struct.pack(">I", len(data)) + data for name, data in parts)
    raw = b"\0MRM" + struct.pack(">I", len(blocks)) + blocks + bytes(range(256)) * 18
    if not options:
        return raw
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a.mrw")
        path.write_bytes(raw)
        _exiftool("-overwrite_original", *options, path)
        return path.read_bytes()


def film(brand: bytes, more: bytes = b"") -> bytes:
    """A film of no frames, its data behind its index so that nothing in that names a place."""
    head = box(b"ftyp", brand + bytes(4) + brand) if brand else box(b"wide", b"")
    times = struct.pack(">5IH10x9I24xI", 0, 0, 0, 600, 600, 256, 65536, 0, 0, 0, 65536, 0, 0, 0, 0x40000000, 2)
    return head + box(b"moov", box(b"mvhd", times) + more) + box(b"mdat", b"frames" * 99)


KINDS = ["gif with XMP behind the picture", "gif", "png with XMP behind the picture", "png with XMP in a profile"]
KINDS += ["jpg with extended XMP", "jpg with a bare packet", "jpg with a read-only packet", "raf"]
KINDS += [f"{kind} read-only" for kind in ("webp", "tiff", "heic", "avif", "cr3")]
KINDS += [
    "mrw",
    "mrw with IPTC and XMP",
    "raf without XMP",
    "mov",
    "mov from before ftyp",
    "mp4",
    "mp4 without XMP",
]


@pytest.mark.parametrize("kind", KINDS)
def test_one_packet_stands_there_nothing_else_changes_and_all_can_be_taken_back(tmp_path, sink, exiftool, kind):
    name = f"a.{kind.split()[0]}"
    path = tmp_path / name
    path.write_bytes(made(kind))
    one = Photo(1, "r", os.fsencode(tmp_path), name.encode())
    before, began = inside.look(one.file, image=True), read(sink, one)
    drafted, answer = write(sink, one)
    after = inside.look(one.file, image=True)
    assert (after.image, after.extended, after.content.rest) == (
        before.image,
        before.extended,
        before.content.rest,
    )
    assert answer.lists["dc:subject"] == (*began.lists.get("dc:subject", ()), "Käfer")
    assert answer.programs == began.programs
    (found,) = exiftool.read([one.file], ["XMP-dc:Subject", "XMP-digiKam:TagsList"])
    assert found["XMP-dc:Subject"] == list(answer.lists["dc:subject"])
    assert found["XMP-digiKam:TagsList"] == ["animals/Käfer"]
    assert data(one).count(b">animals/K\xc3\xa4fer<") == 1
    (back,) = sink.write([sink.revert(one, drafted.where, drafted.after, answer.recipe)])
    assert isinstance(back, Seen), back
    assert data(one) == made(kind)


def test_words_in_a_further_segment_are_no_reason_to_write_a_second_list(photo, sink):
    one = photo("a.jpg")
    guid, parts = extension(packet(listed("dc:subject", "old"), padding=0))
    Path(os.fsdecode(one.file)).write_bytes(jpeg(packet("", f'xmpNote:HasExtendedXMP="{guid}"'), extended=parts))
    assert read(sink, one).lists == {"dc:subject": ("old",)}
    answer = sink.draft(one, read(sink, one), WORDS)
    assert isinstance(answer, Refused)
    assert "further segment" in answer.reason


def test_a_packet_for_which_a_jpeg_has_no_room_is_refused(photo, sink):
    one = photo("a.jpg", "-XMP-dc:Rights=" + "x" * 65_000)
    answer = sink.draft(one, read(sink, one), WORDS)
    assert isinstance(answer, Refused)
    assert "has room for" in answer.reason


# IPTC and Windows' keywords


def test_a_photo_without_iptc_gets_none(photo, sink, exiftool):
    one = photo("a.jpg")
    write(sink, one)
    assert exiftool.read([one.file], ["IPTC:all", "IFD0:XPKeywords", "ExifIFD:UserComment"]) == [{}]


def test_iptc_in_latin_1_survives_the_words_that_need_utf_8(photo, sink, exiftool):
    one = photo("a.jpg", "-charset", "iptc=latin", "-IPTC:Keywords=Müller", "-IPTC:By-line=Jürgen")
    assert b"M\xfcller" in data(one)
    change = replace(WORDS, add={**WORDS.add, "dc:subject": ("東京", "Käfer")})
    _, answer = write(sink, one, change)
    assert answer.lists["dc:subject"] == ("Müller", "東京", "Käfer")
    (found,) = exiftool.read([one.file], ["IPTC:all", "XMP-dc:Subject"])
    assert found["IPTC:Keywords"] == ["Müller", "東京", "Käfer"] == found["XMP-dc:Subject"]
    assert (found["IPTC:By-line"], found["IPTC:City"]) == ("Jürgen", "Zürich")
    assert found["IPTC:Caption-Abstract"] == CAPTION
    assert _exiftool("-s3", "-CodedCharacterSet", one.file.decode()).strip() == "UTF8"


AHEAD = {
    "xmp and iptc in step": (("-XMP-dc:Subject=a", "-IPTC:Keywords=a"), True, {"a"}),
    "iptc written alone since": (("-XMP-dc:Subject=a", "-IPTC:Keywords=a", "-IPTC:Keywords=b"), False, {"a", "b"}),
    "iptc holds what xmp lost": (("-XMP-dc:Subject=a", "-IPTC:Keywords=a", "-IPTC:Keywords=b"), True, {"a"}),
    "only iptc": (("-IPTC:Keywords=b",), False, {"b"}),
    "only windows": (("-EXIF:XPKeywords=c",), False, {"c"}),
}


@pytest.mark.parametrize("who", AHEAD)
def test_after_a_write_xmp_iptc_and_exif_say_the_same_whoever_was_ahead(photo, sink, exiftool, who):
    """Metadata Working Group 2.0, chapter 5: read in the order of trust, write what is there in step."""
    options, synced, words = AHEAD[who]
    one = photo("a.jpg", *options, "-EXIF:ImageDescription=exif's", "-IPTC:Caption-Abstract=iptc's")
    _exiftool("-overwrite_original", f"-Photoshop:IPTCDigest={'new' if synced else '0' * 32}", one.file.decode())
    before = read(sink, one)
    assert {*before.lists["dc:subject"]} == words
    assert before.texts["dc:description"] == "exif's"
    write(sink, one)
    tags = ["XMP-dc:Subject", "IPTC:Keywords", "IFD0:XPKeywords", "XMP-dc:Description", "IPTC:Caption-Abstract"]
    (found,) = exiftool.read([one.file], [*tags, "IFD0:ImageDescription"])
    assert {*found["XMP-dc:Subject"]} == words | {"Käfer"}
    assert {*found["IPTC:Keywords"]} >= words | {"Käfer"}
    assert {*found.get("IFD0:XPKeywords", "").split(";")} <= {"", *words, "Käfer"}
    assert (
        found["XMP-dc:Description"] == found["IPTC:Caption-Abstract"] == found["IFD0:ImageDescription"] == CAPTION
    )
    stored, now = _exiftool("-s3", "-Photoshop:IPTCDigest", "-File:CurrentIPTCDigest", one.file.decode()).split()
    assert stored == now, "whoever believes the digest reads XMP alone, which now holds every word"
    assert read(sink, one).lists["dc:subject"] == tuple(found["XMP-dc:Subject"])


def test_the_digest_of_iptc_is_right_after_a_write(photo, sink):
    one = photo("a.jpg", "-IPTC:Keywords=old", "-XMP-dc:Subject=old", "-Photoshop:IPTCDigest=new")
    write(sink, one)
    stored, now = _exiftool("-s3", "-Photoshop:IPTCDigest", "-File:CurrentIPTCDigest", one.file.decode()).split()
    assert stored == now


def test_a_keyword_that_iptc_had_to_cut_is_the_same_word_and_goes_with_it(photo, sink, exiftool):
    one = photo("a.jpg", "-IPTC:Keywords=old", "-XMP-dc:Subject=old")
    long = "é" * 40
    change = Change(add={"dc:subject": (long,)}, texts={"dc:description": "ü" * 1500})
    _, answer = write(sink, one, change)
    assert answer.lists["dc:subject"] == ("old", long)
    (found,) = exiftool.read([one.file], ["IPTC:all"])
    assert found["IPTC:Keywords"] == ["old", "é" * 32]
    assert found["IPTC:Caption-Abstract"] == "ü" * 1000
    _, answer = write(sink, one, Change(remove={"dc:subject": (long,)}))
    (found,) = exiftool.read([one.file], ["IPTC:Keywords"])
    assert (found["IPTC:Keywords"], answer.lists["dc:subject"]) == (["old"], ("old",))


def test_keywords_of_windows_are_kept_in_step_where_there_are_some(photo, sink, exiftool):
    one = photo("a.jpg", "-EXIF:XPKeywords=sea;boat")
    _, answer = write(sink, one, replace(WORDS, remove={"dc:subject": ("boat",)}))
    assert answer.lists["dc:subject"] == ("sea", "Käfer")
    assert exiftool.read([one.file], ["IFD0:XPKeywords"]) == [{"IFD0:XPKeywords": "sea;Käfer"}]


def test_windows_keywords_and_the_comment_are_written_on_request(photo, exiftool):
    one = photo("a.jpg", "-XMP-dc:Subject=a;b", "-XMP-dc:Subject=sea")
    sink = EmbeddedSink(exiftool=exiftool, clock=lambda: NOW, wishes=lambda _: Wishes(True, True))
    write(sink, one)
    (found,) = exiftool.read([one.file], ["IFD0:XPKeywords", "ExifIFD:UserComment"])
    assert found == {"IFD0:XPKeywords": "sea;Käfer", "ExifIFD:UserComment": CAPTION}
    assert b"UNICODE\0" in data(one)


def test_texts_of_a_camera_give_way(photo, sink, exiftool):
    one = photo("a.jpg", "-EXIF:ImageDescription=OLYMPUS DIGITAL CAMERA")
    assert dict(read(sink, one).texts) == {}
    write(sink, one)
    assert exiftool.read([one.file], ["IFD0:ImageDescription"]) == [{"IFD0:ImageDescription": CAPTION}]


# Refusals


def test_immich_s_own_photos_are_read_and_never_written(photo, exiftool):
    one = photo("a.jpg", "-XMP-dc:Subject=old")
    old = data(one)
    sink = EmbeddedSink(exiftool=exiftool, clock=lambda: NOW, closed=lambda _: True)
    answer = sink.draft(one, read(sink, one), WORDS)
    assert isinstance(answer, Refused)
    assert "Immich" in answer.reason
    assert data(one) == old


def test_a_jpeg_with_two_packets_is_refused_and_left(photo, sink):
    one = photo("a.jpg", "-XMP-dc:Subject=old")
    jpeg = data(one)
    place = jpeg.index(b"http://ns.adobe.com/xap/1.0/\0") - 4
    length = int.from_bytes(jpeg[place + 2 : place + 4], "big") + 2
    two = jpeg[: place + length] + jpeg[place : place + length] + jpeg[place + length :]
    Path(os.fsdecode(one.file)).write_bytes(two)
    (answer,) = sink.read([one])
    assert isinstance(answer, Refused)
    assert isinstance(sink.draft(one, Seen(exists=False, digest=b""), WORDS), Refused)
    assert data(one) == two


@pytest.mark.parametrize("what", ["x3f", "txt", "wrong ending", "read-only"])
def test_what_cannot_be_changed_safely_is_refused_with_a_reason(tmp_path, pictures, photo, sink, what):
    one = photo("a.jpg")
    path = tmp_path / "a.jpg"
    if what == "x3f":
        path.write_bytes(b"FOVb" + bytes(400))
    elif what == "txt":
        path.write_bytes(b"no picture at all")
    elif what == "wrong ending":
        path.write_bytes(pictures["png"])
    else:
        path.chmod(0o444)
    old = data(one)
    drafted = sink.draft(one, read(sink, one), WORDS)
    (answer,) = sink.write([drafted]) if isinstance(drafted, Draft) else (drafted,)
    assert isinstance(answer, Refused)
    assert answer.path == one.file
    assert ".tagwright" not in answer.reason
    assert data(one) == old
    alone(one)


def test_a_picture_that_would_change_is_refused(photo, sink, monkeypatch):
    one = photo("a.jpg")
    old = data(one)

    def edit(source, name, values):
        changed = bytearray(old)
        changed[-40] ^= 0x10
        Path(os.fsdecode(os.path.join(os.path.dirname(source), name))).write_bytes(changed)

    monkeypatch.setattr(sink._copies._exiftool, "edit", edit)
    (answer,) = sink.write([sink.draft(one, read(sink, one), WORDS)])
    assert isinstance(answer, Refused)
    assert "picture itself" in answer.reason
    assert data(one) == old
    alone(one)


# Whoever else writes, and exiftool's own troubles


def test_who_wrote_while_the_copy_was_made_is_not_overwritten(photo, sink, monkeypatch):
    one = photo("a.jpg")
    drafted = sink.draft(one, read(sink, one), WORDS)
    checked = sink._copies._exiftool.checked

    def slow(paths, tags, **options):
        found = checked(paths, tags, **options)
        _exiftool("-overwrite_original", "-XMP-dc:Title=theirs", one.file.decode())
        return found

    monkeypatch.setattr(sink._copies._exiftool, "checked", slow)
    (answer,) = sink.write([drafted])
    assert isinstance(answer, ChangedMeanwhile)
    assert read(sink, one).texts == {"dc:title": "theirs"}
    alone(one)


def test_exiftool_killed_at_work_leaves_the_photo_and_nothing_beside_it(photo):
    one = photo("a.jpg")
    old = data(one)
    with Exiftool() as tool:
        sink = EmbeddedSink(exiftool=tool, clock=lambda: NOW)
        drafted = sink.draft(one, read(sink, one), WORDS)
        tool.version()
        process = tool._tool._process
        os.kill(process.pid, signal.SIGSTOP)  # it holds still in the middle of its work, then dies
        threading.Timer(0.05, os.kill, (process.pid, signal.SIGKILL)).start()
        (answer,) = sink.write([drafted])
        assert isinstance(answer, TryAgain)
        assert data(one) == old
        alone(one)
        (answer,) = sink.write([drafted])
        assert answer == drafted.seen


def test_exiftool_that_hangs_is_ended_and_started_again(photo):
    one = photo("a.jpg")
    old = data(one)
    with Exiftool(timeout=120) as tool:
        sink = EmbeddedSink(exiftool=tool, clock=lambda: NOW)
        drafted = sink.draft(one, read(sink, one), WORDS)
        tool.version()
        os.kill(tool._tool._process.pid, signal.SIGSTOP)
        tool._timeout = 0.2
        (answer,) = sink.write([drafted])
        assert isinstance(answer, TryAgain)
        assert data(one) == old
        alone(one)
        tool._timeout = 120
        (answer,) = sink.write([drafted])
        assert answer == drafted.seen


def test_without_exiftool_a_person_is_told_and_photos_are_still_read(photo):
    one = photo("a.jpg", "-XMP-dc:Subject=old")
    old = data(one)
    sink = EmbeddedSink(exiftool=Exiftool(executable="exiftool-that-is-nowhere"), clock=lambda: NOW)
    drafted = sink.draft(one, read(sink, one), WORDS)
    (answer,) = sink.write([drafted])
    assert isinstance(answer, PlaceClosed)
    assert "apt install" in answer.reason
    assert data(one) == old
    alone(one)


@pytest.mark.parametrize("script", ["exit 3", "exec sleep 60"])
def test_an_exiftool_that_dies_or_hangs_at_its_start_closes_the_place(tmp_path, photo, monkeypatch, script):
    monkeypatch.setattr("metadata.exiftool.START", 0.5)
    broken = tmp_path / "broken"
    broken.write_text(f"#!/bin/sh\n{script}\n")
    broken.chmod(0o755)
    one = photo("a.jpg", "-XMP-dc:Subject=old")
    old = data(one)
    sink = EmbeddedSink(exiftool=Exiftool(executable=str(broken)), clock=lambda: NOW)
    (answer,) = sink.write([sink.draft(one, read(sink, one), WORDS)])
    assert isinstance(answer, PlaceClosed)
    assert answer.reason.startswith("nothing can be written into photos: exiftool does not")
    assert "apt install" in answer.reason
    assert data(one) == old


def test_a_full_disk_closes_the_place_and_sets_no_photo_aside(photo, sink, monkeypatch):
    one = photo("a.jpg")
    old = data(one)
    drafted = sink.draft(one, read(sink, one), WORDS)

    def edit(source, name, values):
        raise Refused(source, "exiftool does not write it: Error writing")

    def full(handle, offset, size):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(sink._copies._exiftool, "edit", edit)
    (answer,) = sink.write([drafted])
    assert isinstance(answer, Refused)
    monkeypatch.setattr(os, "posix_fallocate", full)
    (answer,) = sink.write([drafted])
    assert isinstance(answer, PlaceClosed)
    assert data(one) == old
    alone(one)


def test_who_wrote_between_our_two_looks_is_not_overwritten(photo, sink, monkeypatch):
    one = photo("a.jpg")
    drafted = sink.draft(one, read(sink, one), WORDS)
    looked = inside.look

    def slow(path, **options):
        found = looked(path, **options)
        if options.get("image") and b".tagwright" not in path:
            _exiftool("-overwrite_original", "-XMP-dc:Title=theirs", one.file.decode())
        return found

    monkeypatch.setattr(inside, "look", slow)
    (answer,) = sink.write([drafted])
    assert isinstance(answer, ChangedMeanwhile)
    monkeypatch.undo()
    assert read(sink, one).texts == {"dc:title": "theirs"}


def test_the_original_is_kept_once_on_request(photo, exiftool):
    one = photo("a.jpg")
    old = data(one)
    sink = EmbeddedSink(exiftool=exiftool, clock=lambda: NOW, wishes=lambda _: Wishes(keep_original=True))
    write(sink, one)
    write(sink, one, Change(add={"dc:subject": ("more",)}))
    assert Path(os.fsdecode(one.file) + "_original").read_bytes() == old


def test_mode_and_links_are_kept(tmp_path, photo, sink):
    one = photo("a.jpg")
    os.chmod(one.file, 0o640)
    (tmp_path / "link.jpg").symlink_to("a.jpg")
    link = replace(one, path=b"link.jpg")
    write(sink, link)
    assert os.path.islink(link.file)
    assert os.stat(one.file).st_mode & 0o777 == 0o640
    assert read(sink, one).lists["dc:subject"] == ("Käfer",)


@pytest.mark.parametrize(
    "name", [b"-b.jpg", b"@x.jpg", b"%d$x #.jpg", b" a\nb.jpg", b"bad\xff.jpg", "ü.jpg".encode()]
)
def test_any_name_is_a_name(tmp_path, pictures, sink, name):
    folder = tmp_path / "100%d & more"
    folder.mkdir()
    one = Photo(1, "r", os.fsencode(folder), name)
    Path(os.fsdecode(one.file)).write_bytes(pictures["jpg"])
    write(sink, one)
    assert os.listdir(folder) == [os.fsdecode(name)]


def test_a_name_that_exiftool_cannot_be_told_of_is_refused(tmp_path, pictures, sink):
    one = Photo(1, "r", os.fsencode(tmp_path), b"a\n$HOME.jpg")
    Path(os.fsdecode(one.file)).write_bytes(pictures["jpg"])
    (answer,) = sink.write([sink.draft(one, read(sink, one), WORDS)])
    assert isinstance(answer, Refused)
    assert "rename it" in answer.reason
    alone(one)


SIGNS = ["-", "@", "#[CSTR]", "-execute", "-o", "/etc/passwd", "=", "<=", "$x", "@ARGV", "&#xa;", "&amp;", "%d"]
SIGNS += ["\\n", "\\", '"', "'", ";", "/", ",", "é", "😀", "{ready1}"]
SIGNS += ["\n", "\r", "\t", " ", "|", "-XMP-dc:Creator=evil"]
NASTY = st.one_of(
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=80),
    st.lists(
        st.sampled_from(SIGNS),
        min_size=1,
        max_size=8,
    ).map("".join),
)


TEXTS = ("dc:Description", "dc:Title", "photoshop:City", "photoshop:State", "photoshop:Country")
WRITTEN = {f"XMP-{name}" for name in (*TEXTS, "dc:Subject", "digiKam:TagsList", "lr:HierarchicalSubject")}
WRITTEN |= {
    "XMP-tagwright:Ours",
    "XMP-x:XMPToolkit",
    "XMP-xmp:MetadataDate",
    "XMP-iptcCore:Location",
    "XMP-iptcCore:CountryCode",
}
WRITTEN |= {f"IPTC:{name}" for name in ("Keywords", "Caption-Abstract", "ObjectName", "City", "Sub-location")}
WRITTEN |= {f"IPTC:{name}" for name in ("Province-State", "Country-PrimaryLocationName", "CodedCharacterSet")}
WRITTEN |= {"IPTC:Country-PrimaryLocationCode", "IPTC:ApplicationRecordVersion"}
WRITTEN |= {f"IFD0:{name}" for name in ("ImageDescription", "XPKeywords", "XResolution", "YResolution")}
WRITTEN |= {"IFD0:ResolutionUnit", "IFD0:YCbCrPositioning", "ExifIFD:UserComment", "ExifIFD:ExifVersion"}
WRITTEN |= {f"ExifIFD:{name}" for name in ("ComponentsConfiguration", "FlashpixVersion", "ColorSpace")}


@pytest.fixture(scope="module")
def with_old_words(tmp_path_factory, pictures):
    """A JPEG that has IPTC and Windows' keywords: exiftool is not started again for each that is written."""
    path = tmp_path_factory.mktemp("old") / "a.jpg"
    path.write_bytes(pictures["jpg"])
    _exiftool("-overwrite_original", "-IPTC:Keywords=old", "-EXIF:XPKeywords=old", path)
    return path


@pytest.mark.timeout(900)  # 60 photos through exiftool, however many others want the machine
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(words=st.lists(NASTY, min_size=1, max_size=4), caption=NASTY)
@example(words=["True", "FALSE", "1e5", "-0.50"], caption="true")
@example(words=["[;\U00010000-\U0010ffff]"], caption="[;\U00010000-\U0010ffff]")
def test_no_value_becomes_an_option_and_every_one_is_read_back(tmp_path, with_old_words, exiftool, words, caption):
    """In every field that is ever written: three lists, every text, IPTC, and what EXIF has."""
    shutil.copyfile(with_old_words, tmp_path / "a.jpg")
    one = Photo(1, "r", os.fsencode(tmp_path), b"a.jpg")
    sink = EmbeddedSink(exiftool=exiftool, clock=lambda: NOW, wishes=lambda _: Wishes(True, True))
    change = Change(
        add={name: tuple(words) for name in ("dc:subject", "digiKam:TagsList", "lr:hierarchicalSubject")},
        texts=dict.fromkeys((*inside.MIRRORED, "tiff:ImageDescription"), caption),
        claim=Claim("f3a9", 1, tuple(words)),
    )
    old = data(one)
    drafted = sink.draft(one, read(sink, one), change)
    (answer,) = sink.write([drafted]) if isinstance(drafted, Draft) else (drafted,)
    alone(one)
    if not isinstance(answer, Seen):
        assert isinstance(answer, Refused), answer
        assert "cannot be written in XML" in answer.reason or "control characters" in answer.reason, answer
        assert data(one) == old
        return
    (found,) = exiftool.read([one.file], ["XMP:all", "IPTC:all", "EXIF:all"])
    assert set(found) <= WRITTEN
    assert found["XMP-dc:Subject"] == list(dict.fromkeys(("old", *words)))
    assert found["XMP-digiKam:TagsList"] == found["XMP-lr:HierarchicalSubject"] == list(dict.fromkeys(words))
    for name in TEXTS:
        assert found[f"XMP-{name}"] == caption
    if caption.strip():
        assert found["IFD0:ImageDescription"].rstrip(" ") == caption.rstrip(" ")
        assert found.get("ExifIFD:UserComment", caption).strip() == caption.strip()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::ResourceWarning")  # the checker leaves its files to the collector
@pytest.mark.skipif(not CORPUS.is_dir(), reason="no corpus of other programs' files here")
def test_other_programs_photos_lose_nothing_or_stay_as_they_are(tmp_path, sink):
    check = checker()
    written = 0
    for original in sorted(CORPUS.iterdir()):
        one = Photo(1, "r", os.fsencode(tmp_path), os.fsencode(original.name))
        target = tmp_path / original.name
        shutil.copyfile(original, target)
        (seen,) = sink.read([one])
        drafted = sink.draft(one, seen, WORDS) if isinstance(seen, Seen) else seen
        (answer,) = sink.write([drafted]) if isinstance(drafted, Draft) else (drafted,)
        alone(one)
        if not isinstance(answer, Seen):
            assert isinstance(answer, Refused), answer
            assert data(one) == original.read_bytes()
            continue
        written += 1
        assert read(sink, one) == answer
        assert not check(original, target), original.name
        (back,) = sink.write([sink.revert(one, drafted.where, drafted.after, answer.recipe)])
        assert isinstance(back, Seen), (original.name, back)
        assert data(one) == original.read_bytes(), original.name
    assert written >= 30 or len(list(CORPUS.iterdir())) < 31


def checker():
    path = SHARED / "tools" / "xmp_preserve_check.py"
    spec = importlib.util.spec_from_file_location("preserve", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    ours = ["dc:description", "tiff:ImageDescription", "photoshop:City", "IFD0:ImageDescription"]
    ours += [
        "IPTC:Caption-Abstract",
        "IPTC:City",
        "IPTC:CodedCharacterSet",
        "IPTC2:Caption-Abstract",
        "IPTC2:City",
    ]

    def check(before: Path, after: Path) -> list[object]:
        lists, others = module.SETS["keywords"]
        found = module.check(str(before), str(after), add=[*lists, "IPTC2:Keywords"], allow=[*others, *ours])
        return [fault for fault in found.faults if "LastKeywordXMP" not in str(fault)]  # followed on purpose

    return check
