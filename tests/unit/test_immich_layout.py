import pytest

from watcher.immich_layout import AssetPreview, ImmichLayout, preview_of

USER = "11111111-2222-4333-8444-555555555555"
ASSET = "ab12cd34-2222-4333-8444-666666666666"
LEAF = f"{USER}/ab/12"


@pytest.mark.parametrize(
    ("name", "kind", "edited", "certain"),
    [
        ("{}_preview.jpeg", "preview", False, True),
        ("{}_thumbnail.webp", "thumbnail", False, True),
        ("{}_fullsize.jpeg", "fullsize", False, True),
        ("{}_preview_edited.webp", "preview", True, True),
        ("{}_thumbnail_edited.webp", "thumbnail", True, True),
        ("{}-preview.jpeg", "preview", False, True),
        ("{}-thumbnail.webp", "thumbnail", False, True),
        ("{}-fullsize.webp", "fullsize", False, True),
        ("{}.webp", "thumbnail", False, True),
        ("{}.jpeg", "preview", False, False),
    ],
)
def test_every_form_of_a_previews_name_is_read(name, kind, edited, certain):
    path = f"{LEAF}/{name.format(ASSET)}".encode()
    assert preview_of(path) == AssetPreview(ASSET, kind, edited=edited, certain=certain)


@pytest.mark.parametrize(
    "path",
    [
        f"{LEAF}/IMG_1.jpeg",
        f"{LEAF}/{ASSET}_poster.jpeg",
        f"{LEAF}/{ASSET}_preview.jpeg.xmp",
        f"{LEAF}/{ASSET[:-1]}_preview.jpeg",
        f"{USER}/{ASSET}_preview.jpeg",
        f"{ASSET}_preview.jpeg",
        f"{LEAF}/x{ASSET}_preview.jpeg",
    ],
)
def test_other_names_are_no_previews(path):
    assert preview_of(path.encode()) is None


@pytest.fixture
def media(tmp_path):
    for name in ("thumbs", "upload", "library", "profile", "backups", "encoded-video"):
        (tmp_path / "media" / name).mkdir(parents=True)
        (tmp_path / "media" / name / ".immich").touch()
    return tmp_path / "media"


def at(path):
    return str(path).encode()


def test_a_file_under_thumbs_is_a_preview_and_never_a_photo(media):
    place = ImmichLayout().place(at(media / "thumbs" / LEAF / f"{ASSET}_preview.jpeg"), now=0.0)
    assert place.role == "thumbs"
    assert not place.holds_photos
    assert place.preview.asset_id == ASSET


def test_a_name_without_any_meaning_under_thumbs_is_no_photo_either(media):
    place = ImmichLayout().place(at(media / "thumbs" / "x.jpg"), now=0.0)
    assert not place.holds_photos
    assert place.preview is None


@pytest.mark.parametrize(
    ("folder", "holds"),
    [("upload", True), ("library", True), ("profile", False), ("backups", False), ("encoded-video", False)],
)
def test_only_upload_and_library_hold_photos(media, folder, holds):
    place = ImmichLayout().place(at(media / folder / LEAF / f"{ASSET}.jpeg"), now=0.0)
    assert place.holds_photos is holds
    assert place.preview is None
    assert place.below == f"{LEAF}/{ASSET}.jpeg".encode()


def test_a_folder_without_a_marker_is_not_immichs_whatever_its_name(tmp_path):
    (tmp_path / "thumbs").mkdir()
    assert ImmichLayout().place(at(tmp_path / "thumbs" / "a.jpg"), now=0.0) is None


def test_a_marker_that_comes_later_is_found_after_a_while(tmp_path):
    layout = ImmichLayout(recheck=60.0)
    folder = tmp_path / "thumbs"
    folder.mkdir()
    assert layout.place(at(folder / "a.jpg"), now=0.0) is None
    (folder / ".immich").touch()
    assert layout.place(at(folder / "a.jpg"), now=59.0) is None
    assert layout.place(at(folder / "a.jpg"), now=61.0).role == "thumbs"


def test_a_marker_that_was_seen_counts_on(media):
    layout = ImmichLayout()
    file = at(media / "thumbs" / "a.jpg")
    assert layout.place(file, now=0.0)
    (media / "thumbs" / ".immich").unlink()
    assert not layout.place(file, now=1e9).holds_photos


def test_thumbs_mounted_under_another_name_are_known_by_what_is_in_them(media):
    leaf = media.parent / "fast-disk" / LEAF
    leaf.mkdir(parents=True)
    (media.parent / "fast-disk" / ".immich").touch()
    (leaf / f"{ASSET}-preview.jpeg").touch()
    place = ImmichLayout().place(at(leaf / "other.jpeg"), now=0.0)
    assert place.role == "thumbs"


def test_thumbs_under_another_name_that_were_empty_at_first_are_known_by_their_first_preview(media):
    folder = media.parent / "fast-disk"
    folder.mkdir()
    (folder / ".immich").touch()
    layout = ImmichLayout()
    assert layout.place(at(folder / "x"), now=0.0).role == "upload"
    assert layout.place(at(folder / LEAF / f"{ASSET}_preview.jpeg"), now=0.0).preview.asset_id == ASSET
    assert not layout.place(at(folder / "x.jpg"), now=0.0).holds_photos


def test_memory_for_folders_without_a_marker_is_bounded(tmp_path):
    layout = ImmichLayout(most=4)
    for number in range(50):
        assert layout.place(at(tmp_path / str(number) / "a.jpg"), now=0.0) is None
    assert len(layout._plain) <= 4
