"""Who keeps a ledger where it cannot be is told where it can."""

from __future__ import annotations

from pathlib import Path

import pytest

from watcher import lodging, mounts

GIGA = 1 << 30
UNRAID = mounts.parse(
    b"""1 0 0:1 / / rw - rootfs rootfs rw
2 1 9:1 / /mnt/disk1 rw - xfs /dev/md1p1 rw
3 1 0:40 / /mnt/cache rw - btrfs /dev/nvme0n1p1 rw
4 1 0:50 / /mnt/user rw - fuse.shfs shfs rw
5 1 0:60 / /mnt/remotes/nas rw - cifs //nas/photos rw
"""
)
DEBIAN = mounts.parse(b"1 0 8:1 / / rw - ext4 /dev/sda1 rw\n2 1 0:60 / /srv/photos rw - nfs4 nas:/photos rw\n")


def test_on_an_ordinary_machine_it_is_where_such_things_are():
    assert lodging.better(DEBIAN, lambda _: 20 * GIGA) == "/var/lib/tagwright"


@pytest.mark.parametrize(
    ("cache", "found"), [(200, "/mnt/cache/tagwright"), (2, "/mnt/disk1/tagwright"), (0, "/mnt/disk1/tagwright")]
)
def test_where_the_system_lives_in_memory_it_is_the_disk_with_most_room_and_never_a_share(cache, found):
    room = {b"/mnt/disk1": 90 * GIGA, b"/mnt/cache": cache * GIGA}
    assert lodging.better(UNRAID, lambda folder: room.get(folder, 900 * GIGA)) == found


def test_where_no_disk_has_room_none_is_named():
    assert lodging.better(UNRAID, lambda _: GIGA - 1) == ""
    assert lodging.better([], lambda _: GIGA) == ""


def test_what_cannot_be_written_or_is_no_folder_has_no_room(tmp_path):
    (tmp_path / "file").write_bytes(b"x")
    assert lodging.free(bytes(tmp_path)) > 0
    assert lodging.free(bytes(tmp_path / "file")) == 0
    assert lodging.free(bytes(tmp_path / "none")) == 0
    assert lodging.free(b"/proc/self/nothing") == 0


def test_in_a_container_it_is_a_volume_of_the_host(monkeypatch):
    monkeypatch.setattr(mounts, "in_image", lambda: True)
    assert lodging.remedy(Path("/state")) == "mount a volume on a disk of the host itself at /state"
