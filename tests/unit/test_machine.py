from __future__ import annotations

import pytest

from tests.flow.house_world import World, paint
from watcher import cli, machine, mounts, premises
from watcher.mounts import Mount

MODERN = "flags\t\t: fpu cx16 popcnt sse4_1 sse4_2 ssse3 avx2\n"


@pytest.mark.parametrize("kind", ["armv7l", "armv6l", "i686", "riscv64"])
def test_a_machine_without_packages_is_told_in_one_line(kind):
    said = machine.unsuited(kind)
    assert kind in said
    assert "another machine" in said
    assert "\n" not in said


def test_a_processor_of_before_x86_64_v2_is_told_with_what_it_lacks(tmp_path):
    (tmp_path / "old").write_text("processor : 0\nflags : fpu cx16 sse2 ssse3\n")
    (tmp_path / "new").write_text(MODERN)
    said = machine.unsuited("x86_64", tmp_path / "old")
    assert "popcnt, sse4_1, sse4_2" in said
    assert "`host`" in said
    for fine in (tmp_path / "new", tmp_path / "absent"):
        assert machine.unsuited("x86_64", fine) == ""
    assert machine.unsuited("aarch64", tmp_path / "old") == ""


def test_a_run_on_such_a_machine_ends_before_numpy_is_asked(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr("platform.machine", lambda: "armv7l")
    assert cli.main(["--state", str(tmp_path / "s"), "run", str(tmp_path)]) == 2
    assert "64-bit" in capsys.readouterr().err


def test_a_docker_that_forbids_threads_is_told(monkeypatch, capsys, tmp_path):
    def refused(*_, **__):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr("watcher.service.run", refused)
    assert cli.main(["--state", str(tmp_path / "s"), "run", "--once", str(tmp_path)]) == 2
    said = capsys.readouterr().err
    assert "20.10.10" in said
    assert "Traceback" not in said


def test_an_error_that_says_nothing_of_the_machine_is_a_bug_of_ours(monkeypatch, tmp_path):
    def wrong(*_, **__):
        raise RuntimeError("something else")

    monkeypatch.setattr("watcher.service.run", wrong)
    with pytest.raises(RuntimeError):
        cli.main(["--state", str(tmp_path / "s"), "run", "--once", str(tmp_path)])


def test_a_machine_of_two_gigabytes_takes_few_photos_at_once(tmp_path):
    from watcher.furnishing import looking
    from watcher.settings import Settings

    def made(memory):
        return looking(Settings.model_validate({"state": tmp_path, "memory": memory}))

    small, large = made("1900M"), made("8G")
    assert (small.batch, small.workers) == (8, 1), (
        "2 GB are 1.9 to a container that the kernel took its share from"
    )
    assert large.batch == 32
    assert small.budget <= (1900 << 20) // 16 < large.budget * 16


def root(name, path):
    from watcher.settings import Root

    return Root(name=name, path=path)


BIND = [
    Mount(1, b"/", "ext4", b"/dev/sda1", "8:1", b"/"),
    Mount(2, b"/photos", "ext4", b"/dev/sda1", "8:1", b"/srv/photos"),
    Mount(3, b"/mnt/tank", "btrfs", b"/dev/sdb", "0:40", b"/@tank"),
]
UNRAID = [
    Mount(1, b"/", "rootfs", b"rootfs", "0:2", b"/"),
    Mount(2, b"/mnt/cache", "btrfs", b"/dev/nvme0n1p1", "0:41", b"/"),
    Mount(3, b"/mnt/disk1", "xfs", b"/dev/md1", "9:1", b"/"),
    Mount(4, b"/mnt/user", "fuse.shfs", b"shfs", "0:50", b"/"),
]
MERGED = [
    Mount(1, b"/", "ext4", b"/dev/sda1", "8:1", b"/"),
    Mount(2, b"/data/a", "ext4", b"/dev/sdb1", "8:17", b"/"),
    Mount(3, b"/pool", "fuse.mergerfs", b"/data/a=RW:/data/b", "0:51", b"/"),
]


@pytest.mark.parametrize(
    ("table", "one", "other", "same"),
    [
        (BIND, "/srv/photos", "/photos", True),
        (BIND, "/srv/photos", "/photos/2024", True),
        (BIND, "/srv/photos2", "/photos", False),
        (BIND, "/mnt/tank/srv", "/srv", False),
        (UNRAID, "/mnt/user/photos", "/mnt/cache/photos", True),
        (UNRAID, "/mnt/user/photos", "/mnt/disk1/photos/2024", True),
        (UNRAID, "/mnt/user/photos", "/mnt/disk1/backup", False),
        (UNRAID, "/mnt/cache/photos", "/mnt/disk1/photos", False),
        (MERGED, "/pool/photos", "/data/a/photos", True),
        (MERGED, "/pool/photos", "/data/a/other", False),
    ],
)
def test_two_mounts_of_one_disk_are_known_by_the_device(table, one, other, same):
    found = premises.twins([root("a", one), root("b", other)], table)
    assert len(found) == same
    assert all("roots a and b are one folder" in text for text in found)


def test_the_mount_table_of_this_machine_tells_the_disk(tmp_path):
    found = mounts.on_disk(bytes(tmp_path.resolve()), mounts.table())
    assert found is None or found[1].endswith(bytes(tmp_path.name, "utf-8"))


def test_a_root_whose_walks_twice_find_what_events_missed_is_polled_from_then_on(tmp_path):
    world = World(tmp_path)
    told = []
    with world.open() as app:
        app.intake.missed = lambda name, photos: told.append((name, photos))
        world.work(app)
        door = app.intake.doors["p"]
        for number in range(3):
            path = paint(world.photos / f"{number}.jpg", mark=number)
            _let_rest(path, app)
            door.gated_due = 0.0
            world.work(app, take_up=False)
            assert world.state_of(path.name)[0] == "delivered"
    assert told == [("p", 1), ("p", 1)], "the first is an accident"


def test_what_a_walk_finds_after_events_were_lost_is_no_doubt_about_events(tmp_path):
    from watcher.arrival import Arrival, Kind

    world = World(tmp_path)
    told = []
    with world.open() as app:
        app.intake.missed = lambda name, photos: told.append(name)
        world.work(app)
        for number in range(3):
            _let_rest(paint(world.photos / f"{number}.jpg", mark=number), app)
            app.intake.arrived(Arrival("p", b"", Kind.LOOK))
            world.work(app, take_up=False)
    assert told == []


def _let_rest(path, app):
    """The file is older than any event that could still be on its way."""
    from tests.flow.house_world import soon

    soon(lambda: app.now() - path.stat().st_ctime > 0.2)


def test_a_root_that_was_found_out_is_polled_and_stays_so(tmp_path, caplog):
    from watcher import service

    world = World(tmp_path)
    with world.open() as app:
        arrivals = service._watch(app, app.settings)
        try:
            assert not arrivals.polls("p")
            service._switch(app, arrivals, "p", 7)
            assert arrivals.polls("p")
            assert "7 photos that no event told of" in caplog.text
            caplog.clear()
            service._switch(app, arrivals, "p", 7)
            assert not caplog.text
        finally:
            arrivals.stop()
    with world.open() as app:
        arrivals = service._watch(app, app.settings)
        arrivals.stop()
        assert app.ledger.get("polled p") == "yes"
        assert service._watched(app, app.settings.roots[0]).polling is True
