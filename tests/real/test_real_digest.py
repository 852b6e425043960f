"""Real exiftool edits every format it writes: the digest stays, and we read the facts as it reads them."""

import io
import json
import shutil
import subprocess
from pathlib import Path

import pytest

from metadata.digest import digest
from metadata.facts import read_facts
from metadata.source import opened
from watcher.sample import make_sample

EXIFTOOL = shutil.which("exiftool")
pytestmark = [pytest.mark.real, pytest.mark.skipif(EXIFTOOL is None, reason="exiftool is not installed")]
EDITS = {
    "keywords": [
        "-XMP-dc:Subject=Münster, Domplatz",
        "-XMP-lr:HierarchicalSubject=animals|cat",
        "-XMP-digiKam:TagsList=animals/cat",
    ],
    "caption": ["-XMP-dc:Description=" + "A long caption. " * 200, "-XMP-tiff:ImageDescription=x"],
    "date": [
        "-EXIF:DateTimeOriginal=2001:02:03 04:05:06",
        "-EXIF:OffsetTimeOriginal=+05:45",
        "-EXIF:Make=Somebody",
    ],
    "place": ["-GPSLatitude=48.2", "-GPSLatitudeRef=N", "-GPSLongitude=16.4", "-GPSLongitudeRef=E"],
    "all gone": ["-XMP:all=", "-EXIF:DateTimeOriginal=", "-IPTC:all="],
}
WRITABLE = [".jpg", ".png", ".tif", ".gif", ".heic", ".avif", ".dng"]
NO_EXIF = {".gif"}


def exiftool(*words):
    done = subprocess.run([EXIFTOOL, *map(str, words)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def seen(path):
    with opened(bytes(path)) as file:
        return digest(file.source), read_facts(file.source)


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sample")
    make_sample(folder)
    return folder


def sample(library, ending):
    (found,) = (library / "formats").glob(f"*{ending}")
    return found


@pytest.mark.parametrize("ending", WRITABLE)
def test_no_edit_of_metadata_changes_the_digest(library, tmp_path, ending):
    path = tmp_path / f"photo{ending}"
    shutil.copy(sample(library, ending), path)
    before, _ = seen(path)
    for name, words in EDITS.items():
        if ending in NO_EXIF and name in ("date", "place"):
            continue
        data = path.read_bytes()
        exiftool("-overwrite_original", *words, path)
        assert path.read_bytes() != data, f"{name} changed nothing"
        assert seen(path)[0] == before, name


@pytest.mark.parametrize("ending", [ending for ending in WRITABLE if ending not in NO_EXIF])
def test_what_exiftool_wrote_is_what_we_read(library, tmp_path, ending):
    path = tmp_path / f"photo{ending}"
    shutil.copy(sample(library, ending), path)
    exiftool("-overwrite_original", *EDITS["date"], *EDITS["place"], path)
    _, facts = seen(path)
    assert facts.taken is not None
    assert (facts.taken.isoformat(), facts.offset, facts.make) == ("2001-02-03T04:05:06", 345, "Somebody")
    assert (facts.latitude, facts.longitude) == (pytest.approx(48.2), pytest.approx(16.4))


def test_we_read_the_whole_sample_library_as_exiftool_does(library):
    asked = (
        "FileType",
        "ImageWidth",
        "ImageHeight",
        "Make",
        "DateTimeOriginal",
        "OffsetTimeOriginal",
        "GPSLatitude",
        "GPSLongitude",
        "Orientation",
    )
    told = json.loads(exiftool("-r", "-j", "-n", *(f"-{name}" for name in asked), library))
    kinds = {"TIFF": "TIFF", "HEIC": "HEIF", "Extended WEBP": "WEBP"}
    assert len(told) > 35
    for photo in told:
        _, facts = seen(Path(photo["SourceFile"]))
        assert facts.format == kinds.get(photo["FileType"], photo["FileType"])
        assert facts.make == photo.get("Make")
        assert facts.latitude == (
            pytest.approx(photo["GPSLatitude"], abs=1e-7) if "GPSLatitude" in photo else None
        )
        taken = facts.taken.strftime("%Y:%m:%d %H:%M:%S") if facts.taken else None
        assert taken == photo.get("DateTimeOriginal")
        if facts.format not in ("HEIF", "AVIF"):  # there the coded size is told, before cutting and turning
            assert (facts.width, facts.height) == (photo["ImageWidth"], photo["ImageHeight"])
            assert facts.orientation == photo.get("Orientation", 1)


def test_a_jpeg_s_legacy_blocks_and_comment_do_not_change_the_digest(library, tmp_path):
    path = tmp_path / "photo.jpg"
    shutil.copy(sample(library, ".jpg"), path)
    before, _ = seen(path)
    exiftool("-overwrite_original", "-IPTC:Keywords=dog", "-Comment=hello", "-EXIF:XPKeywords=dog", path)
    assert seen(path)[0] == before
    thumb = tmp_path / "thumb.jpg"
    from PIL import Image

    file = io.BytesIO()
    Image.new("RGB", (160, 120), "red").save(file, "JPEG")
    thumb.write_bytes(file.getvalue())
    exiftool("-overwrite_original", f"-ThumbnailImage<={thumb}", path)
    assert seen(path)[0] == before
    exiftool("-overwrite_original", "-all=", path)
    assert seen(path)[0] == before


def test_pixels_written_by_another_program_change_it(library, tmp_path):
    from PIL import Image

    path = tmp_path / "photo.png"
    shutil.copy(sample(library, ".png"), path)
    before, _ = seen(path)
    image = Image.open(path).convert("RGB")
    image.putpixel((3, 3), (1, 2, 3))
    image.save(path)
    assert seen(path)[0] != before
