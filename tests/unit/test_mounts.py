from watcher import mounts

TABLE = rb"""22 1 254:0 / / rw,relatime - ext4 /dev/vda rw
30 22 0:25 / /mnt/my\040photos rw shared:12 - nfs4 nas:/export/my\040photos rw,vers=4.2
31 22 0:26 / /mnt rw - tmpfs tmpfs rw
32 22 0:27 / /mnt/my\040photos/odd\134name rw - fuse.mergerfs a:b rw
33 22 0:28 / /mnt rw master:1 propagate_from:2 - xfs /dev/sdb1 rw
a line that is not understood
"""


def find(path):
    found = mounts.mount_of(path, mounts.parse(TABLE))
    return found and (found.fstype, found.source)


def test_the_longest_mount_holds_a_path():
    assert find(b"/home/x") == ("ext4", b"/dev/vda")
    assert find(b"/mnt/my photos/2024/a.jpg") == ("nfs4", b"nas:/export/my photos")
    assert find(b"/mnt/my photos/odd\\name") == ("fuse.mergerfs", b"a:b")


def test_a_name_that_only_begins_alike_is_another_folder():
    assert find(b"/mnt/my photos 2") == ("xfs", b"/dev/sdb1")


def test_of_two_mounts_at_one_place_the_later_is_on_top():
    assert find(b"/mnt/x") == ("xfs", b"/dev/sdb1")


def test_the_mounts_inside_a_folder_are_found():
    inside = mounts.below(b"/mnt/my photos", mounts.parse(TABLE))
    assert [mount.number for mount in inside] == [32]


def test_only_file_systems_known_to_report_are_trusted():
    for kind in ("ext4", "xfs", "btrfs", "zfs", "tmpfs", "overlay", "ntfs3", "vfat", "bcachefs"):
        assert mounts.reports_events(kind)
        assert not mounts.is_network(kind)
    for kind in ("nfs", "nfs4", "cifs", "smb3", "fuse.sshfs", "fuseblk", "9p", "virtiofs", "vboxsf", "prl_fs"):
        assert not mounts.reports_events(kind)
        assert mounts.is_network(kind)
    assert not mounts.reports_events("a type of tomorrow")
    assert not mounts.reports_events("")


def test_this_machine_knows_its_own_file_systems():
    assert mounts.fstype(b"/proc/self") == "proc"
    assert mounts.fstype(b"/proc/none/such") == "proc"


def test_where_the_mount_table_lacks_the_root_the_kernels_number_tells(tmp_path, monkeypatch):
    here = mounts.fstype(bytes(tmp_path))
    monkeypatch.setattr(mounts, "table", list)
    assert mounts.fstype(bytes(tmp_path / "none" / "there")) == here


def test_a_file_system_of_no_known_number_is_not_known():
    assert mounts.fstype_by_number(b"/proc/self") == ""
