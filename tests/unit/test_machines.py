"""Many machines without any: who may listen, who is fit, where a photo is found elsewhere, and what comes back."""

from __future__ import annotations

import asyncio
import os
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path

import pytest

from metadata.errors import PhotoError, TryAgain, UserError
from metadata.photo import Stat
from models.look import Evidence, Item, Looked, LookJob, PlaceSpec, look
from tests.flow.house_world import BLUE, paint
from watcher.cluster import bench, errand, trust, versions
from watcher.cluster.bench import Bench
from watcher.cluster.crew import Able, Crew, Need, Unable
from watcher.cluster.ends import Unserved
from watcher.cluster.errand import Answer, Errand, Whence
from watcher.cluster.post import Post, need_of
from watcher.cluster_settings import Cluster
from watcher.far import Far
from watcher.settings import Settings

# Who may listen


@pytest.mark.parametrize("host", ["127.0.0.1", "127.3.2.1", "::1", "localhost"])
def test_loopback_needs_no_certificates(host):
    trust.guard(host, encrypted=False)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "nas", "localhost.example.org", ""])
def test_any_other_address_needs_them(host):
    with pytest.raises(UserError, match="Dask runs whatever its port is sent") as raised:
        trust.guard(host, encrypted=False)
    assert "\n" not in str(raised.value)
    trust.guard(host, encrypted=True)


def test_a_part_of_tls_is_none(tmp_path):
    with pytest.raises(UserError, match="cert_file and key_file are missing"):
        trust.encrypted(Cluster(address="tcp://127.0.0.1:1", ca_file=tmp_path / "ca"))
    with pytest.raises(UserError, match="tls:// address needs"):
        trust.encrypted(Cluster(address="tls://nas:8786"))


def test_files_that_are_no_certificates_are_told_by_name(tmp_path):
    pytest.importorskip("distributed")
    files = {name: tmp_path / name for name in ("ca_file", "cert_file", "key_file")}
    with pytest.raises(UserError, match="ca_file: cannot be read"):
        trust.security(Cluster(**files), warn=print)
    for file in files.values():
        file.write_text("none")
    told = []
    with pytest.raises(UserError, match="do not make TLS"):
        trust.security(Cluster(**files), warn=told.append)
    assert "chmod 600" in told[0]


@pytest.mark.parametrize("address", ["nas:8786", "http://nas:8786", "tcp://nas", "tcp://nas:0", "tcp://nas:99999"])
def test_an_address_is_one_of_dasks(address):
    with pytest.raises(ValueError, match="address"):
        Cluster(address=address)


def test_one_line_sets_the_address(tmp_path):
    settings = Settings.model_validate({"state": tmp_path, "cluster": "tcp://127.0.0.1:8786"})
    assert settings.cluster == Cluster(address="tcp://127.0.0.1:8786")
    assert trust.place(settings.cluster) == ("127.0.0.1", 8786)
    assert trust.address("::1", 1, encrypted=True) == "tls://[::1]:1"


# Who is fit


def test_versions_are_the_same_or_one_line_says_what_is_not():
    mine = {"tagwright": "1.2.3", "distributed": "2026.8.0", "python": "3.11"}
    assert versions.differ("it", dict(mine), mine) == ""
    assert versions.differ("it", {"distributed": "2026.8.0", "python": "3.11"}, mine) == ""
    line = versions.differ("worker a", {**mine, "python": "3.12", "tagwright": "1"}, mine)
    assert line.startswith(
        "worker a has tagwright 1 and python 3.12, this machine tagwright 1.2.3 and python 3.11"
    )
    told = {"host": {"python": "3.11.7.final.0"}, "packages": {"distributed": "2026.8.0"}}
    assert versions.of_scheduler(told, "1.2.3") == mine


def told(**more) -> dict:
    plain = {"versions": versions.ours(), "threads": 2, "roots": ["p"], "immich": False, "says": ["colour@1"]}
    return {**plain, "fault": "", **more}


def test_who_passes_the_exam_is_fit_for_what_it_reaches():
    pytest.importorskip("distributed")
    known = Crew(there=frozenset({"a", "b"}))
    assert known.judge("a", "A", told()) == ""
    assert known.judge("b", "B", told(roots=[], immich=True)) == ""
    assert known.meeting(Need(frozenset({"p"}))) == {"a"}
    assert known.meeting(Need(frozenset({"p"}), by_immich=True)) == {"a", "b"}
    assert known.meeting(Need(frozenset({"p", "q"}))) == frozenset()
    assert known.meeting(Need(frozenset({"r"}), by_folder=False, by_immich=True)) == {"b"}
    assert "reads the folder of q" in known.complaint(Need(frozenset({"q"})))
    assert known.fit["a"] == Able("A", 2, frozenset({"p"}))


def test_who_fails_the_exam_is_told_why_and_is_not_fit():
    pytest.importorskip("distributed")
    known = Crew()
    other = {**versions.ours(), "tagwright": "0.0.0"}
    assert "has tagwright 0.0.0" in known.judge("a", "A", told(versions=other))
    assert "no onnxruntime" in known.judge("a", "A", told(fault="no onnxruntime"))
    assert known.judge("a", "A", told()) == ""
    line = known.judge("b", "B", told(says=["colour@2"]))
    assert "has other models: colour@2 where others have colour@1" in line
    assert set(known.fit) == {"a"}


def test_who_is_gone_is_forgotten_and_who_rested_is_asked_again():
    pytest.importorskip("distributed")
    known = Crew()
    known.gone(["a", "b"])
    known.judge("a", "A", told())
    known.rests["b"] = 100.0
    assert known.strange(["a", "b"], 50.0) == []
    assert known.strange(["a", "b"], 100.0) == ["b"]
    assert known.gone(["b"])
    assert known.fit == {}
    assert known.strange(["a", "b"], 50.0) == ["a"]


# On the worker


class User:
    def __init__(self, picture: bytes) -> None:
        self.picture = picture

    def thumbnail(self, asset: str) -> bytes:
        return self.picture

    def exif(self, asset: str) -> dict[str, object]:
        return {"exifImageWidth": 24, "exifImageHeight": 16}


class Keys:
    def __init__(self, picture: bytes) -> None:
        self.picture = picture

    def of(self, owner: str) -> User | None:
        return User(self.picture) if owner == "anna" else None


def here(roots: dict[str, Path], far: Far | None = None, **more) -> Bench:
    places = {name: os.fsencode(path) for name, path in roots.items()}
    do = far.around(look) if far is not None else look
    own = {"": {"folder": "/mine", "threads": 3, "device": "cuda", "batch": 16}, "zero_shot": {"threads": 5}}
    return Bench("nas-1", "tcp://w", 1, places, more.pop("media", b""), own, far, 1 << 26, do)


@pytest.fixture
def photo(tmp_path) -> Path:
    return paint(tmp_path / "home" / "a" / "p.jpg", mark=7)


def sent(photo: Path, **more) -> Errand:
    job = LookJob((Item(1, os.fsencode(photo)),), (("colour", ()), ("monochrome", ())))
    whence = Whence("p", b"a/p.jpg", **{"size": photo.stat().st_size, **more})
    return Errand(job, (whence,), (("monochrome", ()),))


def test_a_worker_reads_the_same_file_from_where_it_has_the_folder(photo, tmp_path):
    (tmp_path / "there").symlink_to(tmp_path / "home")
    errand_ = sent(photo)
    (answer,) = errand.done(errand_, here({"p": tmp_path / "there"}))
    assert answer == Answer(look(errand_.job)[0])


def test_what_went_wrong_there_is_told_of_the_path_here(photo, tmp_path):
    photo.write_bytes(b"no picture")
    (tmp_path / "there").symlink_to(tmp_path / "home")
    (answer,) = errand.done(sent(photo), here({"p": tmp_path / "there"}))
    assert isinstance(answer.looked.error, PhotoError)
    assert answer.looked.error.path == os.fsencode(photo)


def test_a_worker_without_the_folder_or_with_another_can_do_nothing(photo, tmp_path):
    assert errand.done(sent(photo), here({})) == Unable(
        "tcp://w", "the folder of root p is not among its settings"
    )
    answer = errand.done(sent(photo), here({"p": tmp_path / "nowhere"}))
    assert isinstance(answer, Unable)
    assert "No such file" in answer.reason
    answer = errand.done(sent(photo, size=5), here({"p": tmp_path / "home"}))
    assert isinstance(answer, Unable)
    assert "5 on the first machine" in answer.reason


def test_one_file_that_is_missing_there_does_not_stop_the_others(photo, tmp_path):
    errand_ = sent(photo)
    job = replace(errand_.job, photos=(*errand_.job.photos, Item(2, b"/home/gone.jpg")))
    both = Errand(job, (*errand_.whences, Whence("p", b"gone.jpg", 4)))
    good, bad = errand.done(both, here({"p": tmp_path / "home"}))
    assert good.looked.error is None
    assert isinstance(bad.looked.error, TryAgain)
    assert bad.looked.error.path == b"/home/gone.jpg"
    assert "nas-1" in bad.looked.error.reason


def test_what_a_worker_lacks_is_no_fault_of_the_photo(photo, tmp_path):
    errand_ = replace(sent(photo), job=replace(sent(photo).job, taggers=(("nosuch", ()),)))
    answer = errand.done(errand_, here({"p": tmp_path / "home"}))
    assert isinstance(answer, Unable)
    assert "nosuch" in answer.reason


def test_a_worker_without_the_folder_looks_at_immichs_preview_with_models_alone(photo, tmp_path):
    far = Far(Keys(paint(tmp_path / "preview.jpg", BLUE, mark=3).read_bytes()))
    (answer,) = errand.done(sent(photo, asset="a1", owner="anna"), here({}, far))
    assert answer.by_preview
    assert [one.source for one in answer.looked.evidence] == ["colour"]
    assert answer.looked.evidence[0].words[0][0] == ("colour", "blue")


def test_previews_lie_below_the_workers_own_media_folder(tmp_path):
    (tmp_path / "thumbs").mkdir()
    (tmp_path / "thumbs" / "x.jpeg").touch()
    mine = here({}, media=os.fsencode(tmp_path))
    assert mine.preview(b"thumbs/x.jpeg") == os.fsencode(tmp_path / "thumbs" / "x.jpeg")
    assert mine.preview(b"thumbs/y.jpeg") == mine.preview(b"") == here({}).preview(b"thumbs/x.jpeg") == b""


def test_folders_threads_and_devices_are_the_workers_own_and_all_else_is_as_it_was_sent():
    pairs = (("batch", 8), ("categories", ()), ("device", "auto"), ("folder", "/home/models"), ("threads", 1))
    (spec,) = here({}).own([("ram_plus", pairs)])
    assert spec == (
        "ram_plus",
        (("batch", 16), ("categories", ()), ("device", "cuda"), ("folder", "/mine"), ("threads", 3)),
    )
    assert here({}).own([("zero_shot", (("threads", 1), ("words", ("a",))))]) == (
        ("zero_shot", (("threads", 5), ("words", ("a",)))),
    )


def test_a_bench_is_made_of_the_workers_own_settings(tmp_path):
    (tmp_path / "photos").mkdir()
    settings = Settings.model_validate(
        {
            "state": tmp_path,
            "roots": [{"name": "p", "path": tmp_path / "photos"}, {"name": "i", "immich": True}],
            "onnx": {"threads": 4},
        }
    )
    made = bench.made(settings, {}, threads=2, memory=64 << 20)
    assert made.budget == 2 << 20
    try:
        assert made.roots == {"p": os.fsencode(tmp_path / "photos")}
        assert made.folder("p") is None  # as empty as a folder whose disk is not mounted
        (tmp_path / "photos" / "x").touch()
        assert made.folder("p") == os.fsencode(tmp_path / "photos")
        assert made.far is None
        assert dict(made.own([("x", (("threads", 1), ("folder", "")))])[0][1]) == {
            "threads": 4,
            "folder": str(tmp_path / "models"),
        }
    finally:
        made.close()


def test_nothing_secret_travels(tmp_path):
    """The key of Immich is a path on the worker's machine; what is sent names neither it nor what it holds."""
    import pickle

    (tmp_path / "key").write_text("s3cret")
    errand_ = Errand(LookJob((Item(1, b"/p.jpg"),), (("colour", ()),)), (Whence("p", b"p.jpg", asset="a"),))
    packed = pickle.dumps((errand.run, (errand_,), {}))
    assert b"s3cret" not in packed
    assert os.fsencode(tmp_path) not in packed


# Back on the first machine


class Elsewhere:
    """A cluster that is this process."""

    def __init__(self, bench_: Bench, before=lambda: None, error: Exception | None = None) -> None:
        self._bench, self._before, self._error = bench_, before, error
        self.asked: list[Need] = []

    def spawn(self, make) -> Future:
        future: Future = Future()
        future.set_result(asyncio.run(make()))
        return future

    async def ask(self, need, do, sent):
        self.asked.append(need)
        if self._error is not None:
            raise self._error
        answer = errand.done(sent, self._bench)
        self._before()
        return answer


def posted(photo: Path, cluster: Elsewhere, *, place: PlaceSpec | None = None, **more) -> Looked:
    job = replace(sent(photo).job, place=place)
    post = Post(cluster, (("monochrome", ()),), look)
    (answer,) = post.send(job, [replace(sent(photo, **more).whences[0], size=-1)]).result()
    return answer


def test_what_comes_back_is_what_a_look_here_would_have_said(photo, tmp_path):
    there = tmp_path / "there"
    there.mkdir()
    (there / "a").mkdir()
    (there / "a" / "p.jpg").write_bytes(photo.read_bytes())  # another disk: other times, other numbers
    answer = posted(photo, Elsewhere(here({"p": there})))
    assert answer == look(sent(photo).job)[0]
    assert answer.stat == Stat.of(photo.stat())


def test_a_photo_that_changed_while_it_was_looked_at_is_looked_at_again(photo, tmp_path):
    def change() -> None:
        photo.write_bytes(photo.read_bytes() + b"x")

    answer = posted(photo, Elsewhere(here({"p": tmp_path / "home"}), change))
    assert isinstance(answer.error, TryAgain)
    assert answer.digest is None


def test_a_photo_that_is_gone_is_not_sent(photo, tmp_path):
    cluster = Elsewhere(here({"p": tmp_path / "home"}))
    job = sent(photo).job
    photo.unlink()
    (answer,) = Post(cluster, (), look).send(job, [Whence("p", b"a/p.jpg")]).result()
    assert isinstance(answer.error, TryAgain)
    assert cluster.asked == []


def test_what_only_the_file_tells_is_added_to_what_a_preview_showed(photo, tmp_path):
    far = Far(Keys(paint(tmp_path / "preview.jpg", BLUE, mark=3).read_bytes()))
    answer = posted(photo, Elsewhere(here({}, far)), place=PlaceSpec(), asset="a1", owner="anna")
    own = look(replace(sent(photo).job, taggers=(("monochrome", ()),), place=PlaceSpec()))[0]
    assert (answer.digest, answer.facts, answer.stat) == (own.digest, own.facts, own.stat)
    assert [one.source for one in answer.evidence] == ["place", "monochrome", "colour"]
    assert answer.evidence[-1].words[0][0] == ("colour", "blue")


def test_where_no_worker_can_the_photo_waits_and_says_why(photo, tmp_path):
    answer = posted(photo, Elsewhere(here({}), error=Unserved("no worker reads p")))
    assert answer == Looked(1, error=answer.error)
    assert isinstance(answer.error, TryAgain)
    assert answer.error.reason == "no worker reads p"


def test_a_photo_that_only_immich_has_needs_a_key_and_no_folder():
    job = LookJob((Item(1, b"/immich:i/anna/a1.jpeg", remote="a1"),))
    assert need_of(Errand(job, (Whence("i", b"anna/a1.jpeg", asset="a1", owner="anna"),))) == Need(
        frozenset({"i"}), by_folder=False, by_immich=True
    )
    plain = LookJob((Item(1, b"/p/x.jpg"), Item(2, b"/p/y.jpg")))
    both = (Whence("p", b"x.jpg", asset="a1"), Whence("p", b"y.jpg"))
    assert need_of(Errand(plain, both)) == Need(frozenset({"p"}))


def test_a_photo_that_only_immich_has_is_looked_at_wholly_by_its_preview(tmp_path):
    far = Far(Keys(paint(tmp_path / "preview.jpg", BLUE, mark=3).read_bytes()))
    job = LookJob((Item(1, b"/immich:i/anna/a1.jpeg", remote="a1"),), (("colour", ()), ("monochrome", ())))
    cluster = Elsewhere(here({}, far))
    (answer,) = Post(cluster, (("monochrome", ()),), look).send(job, [Whence("i", b"", -1, "a1", "anna")]).result()
    assert answer.error is None
    assert answer.digest is not None
    assert [one.source for one in answer.evidence] == ["colour", "monochrome"]
    assert isinstance(answer.evidence[0], Evidence)


def test_whatever_dask_gives_up_with_is_told_and_tried_again(monkeypatch):
    pytest.importorskip("distributed")
    from watcher.cluster import serving

    told, ends = [], iter([AssertionError("Status.starting"), OSError("no route"), None])
    crew = serving._Crew(Cluster(address="tcp://127.0.0.1:8786"), None, serving.Hand(), None, "", told.append)

    async def nothing():
        pass

    async def joined(stop):
        if (error := next(ends)) is not None:
            raise error
        stop.set_result(0)

    monkeypatch.setattr(serving, "AGAIN", 0.0)
    monkeypatch.setattr(crew, "_compare", nothing)
    monkeypatch.setattr(crew, "_joined", joined)
    assert asyncio.run(crew.run()) == 0
    assert told == [
        "the processes could not be started: Status.starting; it is tried again",
        "tcp://127.0.0.1:8786 does not answer: no route",
    ]
