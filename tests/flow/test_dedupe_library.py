"""`tagwright dedupe` over a library of real files: the report, applying it, undo, crashes, aliases."""

from __future__ import annotations

import json
import shutil
import stat
import subprocess
from contextlib import nullcontext
from datetime import UTC, datetime

import pytest

from metadata import replace, tags, xmp
from metadata.errors import UserError
from metadata.sinks import Change
from metadata.tags import HIERARCHICAL, SUBJECT, TAGS_LIST
from tests.flow import killing
from tests.flow.house_world import BLUE, GREEN, RED, World, paint
from watcher import cli, report


def sidecar(path, *words):
    """A person's sidecar, all three fields."""
    paths = [tags.typed(word) for word in words]
    fields = {
        TAGS_LIST: tuple("/".join(path) for path in paths),
        HIERARCHICAL: tuple("|".join(path) for path in paths),
        SUBJECT: tuple(path[-1] for path in paths),
    }
    path.write_bytes(xmp.create(Change(add=fields), datetime(2020, 1, 2, tzinfo=UTC), b"x").data)


class Library(World):
    def photo_with(self, name, *words, colour=RED, mark=0):
        paint(self.photos / name, colour, mark=mark)
        if words:
            sidecar(self.photos / f"{name}.xmp", *words)

    def dedupe(self, *flags):
        """The command line, on this library."""
        config = self.state.parent / "t.toml"
        roots = "".join(
            f'[[roots]]\nname="{root.name}"\npath="{root.path}"\nembed={str(root.embed).lower()}\n'
            for root in self.settings().roots
        )
        config.write_text(f'state = "{self.state}"\ntaggers = ["colour"]\nfacts = []\nsettle = 0.02\n{roots}')
        embedder = [] if flags and flags[0] in ("alias", "protect", "block", "apart") else ["--embedder", "none"]
        return cli.main(["--config", str(config), "dedupe", *map(str, embedder), *map(str, flags)])

    def report(self):
        return json.loads((self.state / "dedupe/report.json").read_text())

    def fields(self, name):
        """The three fields of a sidecar, as words, each as a set."""
        lists = xmp.seen(xmp.parse((self.photos / f"{name}.xmp").read_bytes(), b"x")).lists
        return [
            set(lists.get(TAGS_LIST, ())),
            {value.replace("|", "/") for value in lists.get(HIERARCHICAL, ())},
            set(lists.get(SUBJECT, ())),
        ]

    def sidecars(self):
        return {path.name: path.read_bytes() for path in self.photos.rglob("*.xmp")}

    def last_run(self):
        return self.ask("SELECT max(id) FROM runs WHERE why GLOB 'dedupe *'")[0][0]


@pytest.fixture
def world(tmp_path):
    world = Library(tmp_path, real=True)
    for number in range(3):
        world.photo_with(f"s{number}.jpg", "sofa", mark=number)
    world.photo_with("c.jpg", "couch", "Oma", colour=BLUE)
    world.photo_with("f.jpg", "furniture/couch", colour=GREEN)
    world.photo_with("d0.jpg", "DSLR", "cat", colour=BLUE, mark=1)
    world.photo_with("d1.jpg", "DSLR", "dog", colour=BLUE, mark=2)
    world.photo_with("d2.jpg", "Dslr", colour=BLUE, mark=3)
    world.run()
    return world


def test_a_report_is_written_for_its_owner_alone_and_nothing_is_changed(world, capsys):
    before = world.sidecars()
    assert world.dedupe() == 0
    made = world.report()
    assert {(*sorted(group["words"]), group["to"]) for group in made["groups"]} == {
        ("couch", "sofa", "sofa"),
        ("DSLR", "Dslr", "DSLR"),
    }
    assert made["words"]["couch"]["by_persons"] == 2
    assert made["words"]["sofa"]["places"] == {"sidecar": 3}
    page = (world.state / "dedupe/report.html").read_text()
    assert page.count("data:image/jpeg;base64,") >= 6
    assert "http" not in page.replace("http-equiv", "")
    for name in ("report.json", "report.html"):
        assert stat.S_IMODE((world.state / "dedupe" / name).stat().st_mode) == 0o600
    assert world.sidecars() == before
    assert "Nothing was changed" in capsys.readouterr().out


def test_what_is_approved_stands_in_all_three_fields_and_persons_words_stay_theirs(world):
    world.dedupe()
    assert world.dedupe("--apply") == 0
    assert world.fields("c.jpg") == [
        {"sofa", "Oma", "colour/blue"},
        {"sofa", "Oma", "colour/blue"},
        {"sofa", "Oma", "blue"},
    ]
    assert world.fields("f.jpg")[0] == {"furniture/sofa", "colour/green"}
    assert world.fields("d2.jpg") == [{"DSLR", "colour/blue"}, {"DSLR", "colour/blue"}, {"DSLR", "blue"}]
    assert world.truth("c.jpg")["sofa"] is False
    assert world.refusals() == 0


@pytest.mark.skipif(shutil.which("exiftool") is None, reason="exiftool is not installed")
def test_exiftool_reads_the_merged_word_in_all_three_fields(world):
    world.dedupe()
    world.dedupe("--apply")
    file = str(world.photos / "c.jpg.xmp")
    names = ["-XMP:TagsList", "-XMP:HierarchicalSubject", "-XMP:Subject"]
    done = subprocess.run(["exiftool", "-j", *names, file], capture_output=True, text=True, check=True)
    (row,) = json.loads(done.stdout)
    for name in ("TagsList", "HierarchicalSubject", "Subject"):
        assert "sofa" in row[name]
        assert "couch" not in row[name]


def test_undo_of_the_run_brings_back_every_byte_and_what_was_whose(world):
    before = world.sidecars(), {name: world.truth(name) for name in ("c.jpg", "f.jpg", "d2.jpg")}
    world.dedupe()
    world.dedupe("--apply")
    assert world.sidecars() != before[0]
    world.do("undo", run=world.last_run())
    world.run()
    assert (world.sidecars(), {name: world.truth(name) for name in ("c.jpg", "f.jpg", "d2.jpg")}) == before
    world.do("redo", run=world.last_run())
    assert world.fields("c.jpg")[2] == {"sofa", "Oma", "blue"}


def test_undo_after_a_persons_edit_gives_the_words_back_and_keeps_the_edit(world):
    world.dedupe()
    world.dedupe("--apply")
    file = world.photos / "c.jpg.xmp"
    file.write_bytes(file.read_bytes().replace(b"Oma", b"Opa"))
    world.do("scan", paths=[str(world.photos)])
    world.do("undo", run=world.last_run())
    assert world.truth("c.jpg") == {"couch": False, "Opa": False, "colour/blue": True}
    assert world.fields("c.jpg") == [{"couch", "Opa", "colour/blue"}] * 2 + [{"couch", "Opa", "blue"}]


def test_undo_of_everything_brings_persons_words_back_as_well(world):
    before = {name: set(world.truth(name)) for name in ("c.jpg", "f.jpg")}
    world.dedupe()
    world.dedupe("--apply")
    world.do("undo")
    for name, words in before.items():
        assert set(world.truth(name)) == {word for word in words if not word.startswith("colour")}
    assert world.refusals() == 0


def test_who_later_types_the_old_word_keeps_it_and_it_is_proposed_again(world):
    world.dedupe()
    world.dedupe("--apply")
    sidecar(world.photos / "s0.jpg.xmp", "couch", "sofa")
    world.do("scan", paths=[str(world.photos / "s0.jpg")])
    assert world.truth("s0.jpg")["couch"] is False
    world.run()
    assert "couch" in world.fields("s0.jpg")[0]
    world.dedupe()
    assert any("couch" in group["words"] for group in world.report()["groups"])


def test_a_photo_that_was_not_counted_keeps_its_persons_word(world):
    for number in range(20):
        world.photo_with(f"m{number}.jpg", "couch", "sofa", mark=100 + number)
    world.run()
    world.dedupe()
    world.photo_with("late.jpg", "couch", colour=BLUE, mark=77)
    world.run()
    world.dedupe("--apply")
    assert "sofa" in world.truth("c.jpg")
    assert world.truth("late.jpg") == {"couch": False, "colour/blue": True}


def test_a_pair_whose_counts_have_moved_is_left_out_and_told(world, capsys):
    world.dedupe()
    world.photo_with("more.jpg", "sofa", mark=55)
    world.run()
    world.dedupe("--apply")
    assert "left out: couch -> sofa: sofa stood on 3 photos and stands on 4 now" in capsys.readouterr().out
    assert "couch" in world.truth("c.jpg")
    assert "DSLR" in world.truth("d2.jpg")


def test_tomorrows_photo_gets_the_word_in_use(world):
    world.do("dedupe alias add", word="red", to="crimson")
    world.photo_with("tomorrow.jpg", mark=9)
    world.run()
    assert world.truth("tomorrow.jpg") == {"colour/crimson": True}
    assert world.truth("s0.jpg") == {"sofa": False, "colour/crimson": True}
    world.do("dedupe alias rm", word="red")
    assert world.truth("tomorrow.jpg") == {"colour/red": True}
    assert world.truth("s0.jpg")["sofa"] is False


def test_a_model_that_says_a_merged_word_is_heard_as_the_word_in_use(world):
    world.photo_with("r.jpg", "red", colour=BLUE, mark=8)
    world.photo_with("r2.jpg", "Red", colour=BLUE, mark=9)
    world.run()
    world.dedupe()
    (group,) = (group for group in world.report()["groups"] if "red" in group["words"])
    assert group["to"] == "red"
    world.dedupe("--apply")
    assert world.truth("s0.jpg") == {"sofa": False, "colour/red": True}
    assert world.fields("r2.jpg")[0] == {"red", "colour/blue"}


def test_decisions_win_over_the_report(world, tmp_path):
    world.dedupe()
    digest = world.report()["digest"]
    file = tmp_path / "decisions.json"
    file.write_text(json.dumps({"report": digest, "merge": {"sofa": "couch"}, "apart": [["cat", "dog"]]}))
    assert world.dedupe("--apply", "--decisions", file) == 0
    assert "couch" in world.truth("s0.jpg")
    assert "Dslr" in world.truth("d2.jpg")
    world.dedupe()
    assert "DSLR" in {group["to"] for group in world.report()["groups"]}


def test_a_word_that_a_person_puts_below_another_takes_those_that_become_it_along(world, tmp_path):
    before = world.sidecars()
    world.dedupe()
    merges = {"couch": "sofa", "sofa": "furniture/sofa"}
    file = tmp_path / "decisions.json"
    file.write_text(json.dumps({"report": world.report()["digest"], "merge": merges}))
    assert world.dedupe("--apply", "--decisions", file) == 0
    for name in ("s0.jpg", "c.jpg", "f.jpg"):
        assert "furniture/sofa" in world.fields(name)[0]
        assert not {"sofa", "couch"} & (world.fields(name)[0] | world.fields(name)[1])
    world.do("undo", run=world.last_run())
    assert {name: data for name, data in world.sidecars().items() if name in before} == before


def test_a_report_that_was_edited_is_refused(world, capsys):
    world.dedupe()
    file = world.state / "dedupe/report.json"
    file.write_text(file.read_text().replace('"to": "sofa"', '"to": "cat"'))
    assert world.dedupe("--apply") == 2
    assert "edited" in capsys.readouterr().err
    assert "couch" in world.truth("c.jpg")


def test_decisions_about_another_report_or_other_words_are_refused(world, tmp_path, capsys):
    world.dedupe()
    file = tmp_path / "decisions.json"
    file.write_text(json.dumps({"report": "another", "merge": {}}))
    assert world.dedupe("--apply", "--decisions", file) == 2
    file.write_text(json.dumps({"report": world.report()["digest"], "merge": {"Oma": "Opa"}}))
    assert world.dedupe("--apply", "--decisions", file) == 2
    assert "does not offer to merge: Oma" in capsys.readouterr().err


def test_protected_words_and_blocked_pairs_are_not_merged(world):
    assert world.dedupe("protect", "Dslr") == 0
    assert world.dedupe("block", "couch", "sofa") == 0
    world.dedupe()
    assert world.report()["groups"] == []
    assert world.dedupe("apart", "--json") == 0


def test_aliases_are_exported_and_imported_and_a_circle_is_refused(world, tmp_path, capsys):
    assert world.dedupe("alias", "add", "red", "crimson") == 0
    assert world.dedupe("alias", "add", "crimson", "red") == 2
    assert "circle" in capsys.readouterr().err
    file = tmp_path / "aliases.json"
    assert world.dedupe("alias", "export", file) == 0
    assert json.loads(file.read_text()) == [{"word": "red", "to": "crimson", "matches": "last part"}]
    assert world.dedupe("alias", "rm", "red") == 0
    assert world.dedupe("alias", "import", file) == 0
    capsys.readouterr()
    world.dedupe("alias", "list")
    assert "red -> crimson (last part)" in capsys.readouterr().out


def test_a_service_that_runs_does_it(world):
    world.dedupe()
    shown = report.read(world.state / "dedupe/report.json")
    assert shown["groups"]
    with world.serving():
        assert world.dedupe("--apply") == 0
    assert world.fields("c.jpg")[2] == {"sofa", "Oma", "blue"}


def test_words_inside_the_photos_are_merged_where_these_are_written(tmp_path):
    class Inside(Library):
        def settings(self, **more):
            return super().settings(roots=[{"name": "p", "path": self.photos, "embed": True}], **more)

    world = Inside(tmp_path, real=True)
    for number in range(2):
        world.photo_with(f"s{number}.jpg", "sofa", mark=number)
    world.photo_with("c.jpg", "couch", colour=BLUE)
    world.run()
    before = (world.photos / "c.jpg").read_bytes()
    world.dedupe()
    world.dedupe("--apply")
    done = subprocess.run(
        ["exiftool", "-s3", "-XMP:Subject", str(world.photos / "c.jpg")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "sofa" in done.stdout
    assert "couch" not in done.stdout
    world.do("undo", run=world.last_run())
    assert (world.photos / "c.jpg").read_bytes() == before


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_a_kill_at_any_step_of_applying_is_finished_by_the_next_try(world, tmp_path):
    world.dedupe()
    wanted = ({"sofa", "Oma", "blue"}, {"DSLR", "blue"})
    before = world.sidecars()
    model = tmp_path / "model"
    shutil.copytree(world.photos, model / "photos")
    shutil.copytree(world.state, model / "state")
    killed = 0
    for step in range(1, 200, 3):
        for name in ("photos", "state"):
            shutil.rmtree(world.photos.parent / name)
            shutil.copytree(model / name, world.photos.parent / name)

        def work(step=step):
            replace.own.cache_clear()  # another process has other names
            with killing.stepping(step):
                world.dedupe("--apply")

        code = killing.ended(killing.forked(work), 60)
        killed += code == -9
        assert world.dedupe("--apply") == 0
        assert (world.fields("c.jpg")[2], world.fields("d2.jpg")[2]) == wanted, f"killed before step {step}"
        assert world.fields("f.jpg")[0] == {"furniture/sofa", "colour/green"}, f"killed before step {step}"
        world.do("undo", run=world.last_run())
        assert world.sidecars() == before, f"killed before step {step}"
        assert world.refusals() == 0
        if code == 0:
            break
    assert killed > 8


def test_aliases_that_would_lose_a_level_are_refused(world):
    with pytest.raises(UserError, match="levels"):
        world.do("dedupe alias add", word="animals/dog", to="dog")


# The text model


@pytest.mark.parametrize("service", [False, True], ids=["alone", "beside a service"])
def test_vectors_of_keywords_are_kept_in_the_ledger_by_whoever_holds_it(world, tmp_path, monkeypatch, service):
    pytest.importorskip("onnxruntime")
    from models.embedders.onnx import Onnx
    from tests.contract.test_embedders import tiny_model

    embedded, do = [], Onnx.embed
    monkeypatch.setattr(Onnx, "embed", lambda self, texts: embedded.extend(texts) or do(self, texts))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folders = [tmp_path / name / "m" for name in ("one", "other")]
    for folder in folders:
        folder.mkdir(parents=True)
        tiny_model(folder)
    with world.serving() if service else nullcontext():
        for folder in (folders[0], folders[0], folders[1]):
            assert world.dedupe("--embedder", "onnx", "--model", folder) == 0
    assert len(embedded) == 2 * len(set(embedded)) > 6
    assert world.ask("SELECT count(*) FROM texts") == [(len(embedded),)]
    assert world.ask("SELECT count(*) FROM text_models") == [(2,)]
    assert not list(tmp_path.rglob("vectors-*.npz"))
    assert not list(world.state.glob("texts-*"))
