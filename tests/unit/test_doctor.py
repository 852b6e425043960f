from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import pytest

from metadata.errors import UserError
from watcher import doctor, findings, mounts, premises, readers, settings
from watcher.findings import Finding

NOW = 1_800_000_000.0


@pytest.fixture
def house(tmp_path):
    """A small library, a state folder and the kernel's limits, as files."""
    for name in ("state", "photos/2024", "inotify", "bin"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "photos/2024/a.jpg").write_bytes(b"x")
    (tmp_path / "photos/b.NEF").write_bytes(b"x")
    exiftool(tmp_path, "echo 12.57")
    limit(tmp_path, 8192)
    return tmp_path


def exiftool(house: Path, does: str) -> None:
    program = house / "bin" / "exiftool"
    program.write_text(f"#!/bin/sh\n{does}\n")
    program.chmod(0o755)


def limit(house: Path, watches: int) -> None:
    (house / "inotify/max_user_watches").write_text(f"{watches}\n")


def examine(house: Path, environment=None, **flags) -> list[Finding]:
    roots = [{"name": "photos", "path": house / "photos"}]
    given = {"roots": roots, "state": house / "state", **flags}
    made = settings.load(None, {"HOME": str(house)}, given, absent_ok=True)
    return doctor.examine(
        made,
        environment={"PATH": str(house / "bin"), **(environment or {})},
        now=NOW,
        inotify=house / "inotify",
    )


def about(found: list[Finding], what: str) -> list[Finding]:
    return [finding for finding in found if finding.what == what]


def test_a_house_in_order_has_nothing_that_fails(house):
    found = examine(house)
    assert findings.worst([f for f in found if f.what != "disk"]) == "ok", findings.report(found, json=False)
    assert sorted(path.name for path in (house / "photos").iterdir()) == ["2024", "b.NEF"]


def test_the_doctor_says_what_was_understood(house):
    (told,) = about(examine(house, settle=3), "settings")
    assert "photos" in told.text
    assert "settle = 3.0" in told.text


def test_without_a_folder_the_settings_fail(house):
    (told,) = about(examine(house, roots=[]), "settings")
    assert (told.level, "[[roots]]" in told.remedy) == ("fail", True)


@pytest.mark.parametrize(
    ("does", "level"),
    [
        ("echo 12.57", "ok"),
        ("echo 13.10", "ok"),
        ("echo 11.88", "warn"),
        ("exit 3", "fail"),
        ("echo what", "fail"),
    ],
)
def test_exiftool_has_to_answer_and_to_be_new_enough(house, does, level):
    exiftool(house, does)
    (told,) = about(examine(house), "exiftool")
    assert told.level == level
    assert (told.remedy != "") == (level != "ok")


@pytest.mark.parametrize(("embed", "level"), [(False, "warn"), (True, "fail")])
def test_a_missing_exiftool_comes_with_the_command_that_installs_it(house, embed, level):
    (house / "bin/exiftool").unlink()
    roots = [{"name": "photos", "path": house / "photos", "embed": embed}]
    found = about(examine(house, roots=roots), "exiftool")[0]
    assert (found.level, found.remedy) == (level, "apt-get install libimage-exiftool-perl")


def test_every_python_package_is_there():
    (told,) = doctor._packages()
    assert told.level == "ok"


def test_a_folder_that_is_gone_fails_with_what_to_look_at(house):
    (house / "photos").rename(house / "elsewhere")
    (told,) = about(examine(house), "folder photos")
    assert told.level == "fail"
    assert f"ls -ld {house}/photos" in told.remedy


@pytest.mark.parametrize(
    ("number", "helps"),
    [
        (errno.EACCES, "setfacl -R -m u:"),
        (errno.EROFS, "remount,rw"),
        (errno.ENOSPC, "df -h"),
        (errno.EDQUOT, "df -h"),
    ],
)
def test_the_remedy_for_a_folder_that_takes_nothing_fits_the_reason(house, monkeypatch, number, helps):
    monkeypatch.setattr(mounts, "in_image", lambda: False)
    monkeypatch.setattr(mounts, "fstype", lambda path: "ext4")
    error = OSError(number, os.strerror(number))
    assert helps in premises._write_remedy(error, os.fsencode(house))


@pytest.mark.parametrize(
    ("kind", "container", "number", "helps"),
    [
        ("nfs4", False, errno.EACCES, "no_root_squash"),
        ("cifs", False, errno.EACCES, f"uid={os.geteuid()}"),
        ("ext4", True, errno.EACCES, 'user: "'),
        ("ext4", True, errno.EROFS, ":ro"),
        ("ext4", False, errno.EPERM, "setfacl -R"),
    ],
)
def test_who_decides_about_rights_is_who_is_asked(house, monkeypatch, kind, container, number, helps):
    monkeypatch.setattr(mounts, "fstype", lambda path: kind)
    monkeypatch.setattr(mounts, "in_image", lambda: container)
    monkeypatch.setattr(premises, "probe", lambda folder: OSError(number, os.strerror(number)))
    failed = [f for f in about(examine(house), "folder photos") if f.level == "fail"]
    assert failed
    assert all(helps in finding.remedy for finding in failed)


def test_a_ledger_in_a_containers_own_layer_is_told(house, monkeypatch):
    monkeypatch.setattr(mounts, "fstype", lambda path: "overlay")
    monkeypatch.setattr(mounts, "in_image", lambda: True)
    assert any("mount a volume" in f.remedy for f in about(examine(house), "ledger's folder"))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_one_folder_of_each_kind_is_tried_and_the_kind_that_refuses_is_told(house):
    for year in range(2000, 2010):
        (house / "photos" / str(year)).mkdir()
        (house / "photos" / str(year)).chmod(0o555)
    failed = [finding for finding in about(examine(house), "folder photos") if finding.level == "fail"]
    assert len(failed) == 1
    assert premises.me() in failed[0].text


def test_a_probe_leaves_nothing_behind(tmp_path):
    assert premises.probe(os.fsencode(tmp_path)) is None
    assert list(tmp_path.iterdir()) == []


def test_a_probe_says_why_a_folder_takes_nothing(tmp_path):
    error = premises.probe(os.fsencode(tmp_path / "gone"))
    assert error is not None
    assert error.errno == errno.ENOENT


def test_a_probe_does_not_follow_a_link_that_stands_in_its_place(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / os.fsdecode(premises.PROBE)).symlink_to(tmp_path / "victim")
    premises.probe(os.fsencode(tmp_path / "folder"))
    assert not (tmp_path / "victim").exists()


@pytest.mark.parametrize(("watches", "level"), [(1, "fail"), (2, "warn"), (3, "ok")])
def test_more_folders_than_watches_name_the_sysctl(house, watches, level):
    limit(house, watches)  # the library has two folders
    told = about(examine(house), "inotify")
    assert findings.worst(told) == level
    if level != "ok":
        assert "fs.inotify.max_user_watches=524288" in told[0].remedy


def test_in_a_container_the_sysctl_is_for_the_host(house, monkeypatch):
    limit(house, 1)
    monkeypatch.setattr(mounts, "in_container", lambda: True)
    assert "on the host" in about(examine(house), "inotify")[0].remedy


def test_a_ledger_on_a_network_file_system_fails(house, monkeypatch):
    monkeypatch.setattr(mounts, "fstype", lambda path: "nfs4")
    monkeypatch.setattr(mounts, "in_image", lambda: False)
    told = about(examine(house), "ledger's folder")
    assert told[0].level == "fail"
    assert "set `state` to a folder on a disk of this machine" in told[0].remedy


def test_a_file_system_that_does_not_report_is_polled_unless_that_is_switched_off(house, monkeypatch):
    monkeypatch.setattr(mounts, "fstype", lambda path: "fuse.sshfs")
    root = {"name": "photos", "path": house / "photos"}
    polled = about(examine(house), "folder photos")
    assert any("again and again" in finding.text and finding.level == "ok" for finding in polled)
    silent = about(examine(house, roots=[{**root, "polling": False}]), "folder photos")
    assert any(finding.level == "warn" and "polling" in finding.remedy for finding in silent)


def test_fix_makes_the_ledgers_folder(house):
    found = examine(house, state=house / "deep" / "state")
    assert len(doctor.mend(found)) == 1
    assert (house / "deep/state").stat().st_mode & 0o777 == 0o700


def test_fix_sets_old_temporaries_aside_and_leaves_young_ones(house):
    left = house / "photos/2024/.tagwright-abc"
    left.write_text("somebody's edit")
    later = left.stat().st_ctime + 2 * premises.OLD
    made = settings.load(None, {"HOME": "/"}, {"roots": [{"name": "p", "path": house / "photos"}]})
    young = premises.survey(made.roots[0], made, now=left.stat().st_ctime + 60)
    old = premises.survey(made.roots[0], made, now=later)
    assert (young.leftovers, old.leftovers) == ([], [os.fsencode(left)])
    doctor.mend(list(premises.about_root(made.roots[0], old, state=house / "state")))
    assert not left.exists()
    assert [file.read_text() for file in (house / "state/left-over").iterdir()] == ["somebody's edit"]


def test_a_fix_that_cannot_be_done_is_told_to_the_person(house):
    (house / "file").write_text("in the way")
    with pytest.raises(UserError, match="file"):
        doctor.mend(examine(house, state=house / "file" / "state"))


def test_a_time_zone_that_does_not_exist_is_told(house):
    (told,) = about(examine(house, {"TZ": "Mars/Olympus"}), "time")
    assert (told.level, "UTC" in told.text) == ("warn", True)
    assert about(examine(house, {"TZ": "Europe/Berlin"}), "time")[0].level == "ok"
    assert "2027-01-15 09:00 CET" in about(examine(house, timezone="Europe/Berlin"), "time")[0].text


def test_each_program_says_what_it_will_see_of_the_files_that_are_there(house):
    found = examine(house)
    assert "beside JPEG, RAW" in about(found, "digiKam")[0].text
    assert "Read from sidecar files" in about(found, "digiKam")[0].remedy
    assert "reads IMG.xmp, not IMG.ext.xmp, beside RAW; sees nothing of sidecars beside JPEG" in (
        about(found, "Lightroom, Camera Raw, Bridge")[0].text
    )
    assert "updated XMP files" in about(found, "darktable")[0].remedy
    assert "nothing" in about(found, "Shotwell")[0].text


def test_every_kind_of_file_has_an_answer_from_every_program():
    kinds = {readers.kind(suffix) for suffix in (b".jpg", b".tif", b".heic", b".gif", b".dng", b".cr3")}
    assert kinds == {"JPEG", "TIFF", "HEIC/AVIF", "PNG/WebP/GIF", "DNG", "RAW"}
    assert len(readers.findings(kinds)) == len(readers.PROGRAMS)
    assert readers.findings(set()) == []


def test_the_report_can_be_read_by_a_person_and_by_a_script():
    found = [Finding("fail", "folder \udcff", "gone", "plug it in"), Finding("ok", "disk", "room", fix=print)]
    text = findings.report(found, json=False)
    assert text.startswith("FAIL  folder \\udcff: gone\n      -> plug it in\nok    disk: room")
    told = json.loads(findings.report(found, json=True))
    assert [(one["level"], one["fixable"]) for one in told] == [("fail", False), ("ok", True)]
    assert findings.worst(found) == "fail"
    assert findings.worst([]) == "ok"
