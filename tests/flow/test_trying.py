import json

import pytest

from tests.flow.house_world import BLUE, RED, paint
from tests.vision_server import GOOD, Act, serving
from watcher import cli


@pytest.fixture
def house(tmp_path, monkeypatch):
    """The command line with a small library and one server; `house(words…)` gives code, out and err."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for name, colour in (("a.jpg", RED), ("b.jpg", BLUE)):
        paint(tmp_path / "photos" / name, colour)
    with serving() as server:
        (tmp_path / "t.toml").write_text(
            f'state = "{tmp_path}/state"\ntaggers = ["colour"]\ncaptioner = "ollama"\n'
            f'[ollama]\nhosts = ["{server.url}"]\nmodel = "a"\n[[roots]]\nname = "p"\npath = "{tmp_path}/photos"\n'
        )
        yield server


def run(tmp_path, capsys, *words):
    code = cli.main(["--config", str(tmp_path / "t.toml"), *words])
    told = capsys.readouterr()
    return code, told.out, told.err


def files(folder):
    return sorted(path.relative_to(folder) for path in folder.rglob("*"))


def test_try_shows_what_each_backend_says_and_writes_nothing(house, tmp_path, capsys):
    before = files(tmp_path)
    code, out, _ = run(tmp_path, capsys, "try", str(tmp_path / "photos" / "a.jpg"))
    assert code == 0
    assert "colour/red" in out
    assert f"caption: {GOOD['caption']}" in out
    assert "0.850  kind/photo" in out
    assert " ms" in out
    assert files(tmp_path) == before


def test_try_as_json_and_with_a_model_that_answers_nonsense(house, tmp_path, capsys):
    house.behave = lambda number, asked: Act("no")
    code, out, _ = run(
        tmp_path, capsys, "try", "--json", str(tmp_path / "photos" / "a.jpg"), str(tmp_path / "x.jpg")
    )
    first, second = json.loads(out)
    assert code == 1
    by_name = {said["name"]: said for said in first["said"]}
    assert by_name["colour"]["words"]
    assert "no JSON object" in by_name["ollama"]["error"]
    assert "No such file" in second["error"]


def test_a_private_folder_is_not_sent_away_by_try_either(house, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("models.hosts.reach", lambda url: "far")
    with (tmp_path / "t.toml").open("a") as file:
        file.write('[private]\nfolders = ["a.*"]\n')
    code, out, _ = run(tmp_path, capsys, "try", str(tmp_path / "photos" / "a.jpg"))
    assert code == 1
    assert "the photo is private" in out
    assert house.asked == []


SIDECAR = """<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:subject><rdf:Bag>
<rdf:li>family</rdf:li></rdf:Bag></dc:subject></rdf:Description></rdf:RDF></x:xmpmeta>"""


def test_what_the_ledger_knows_to_be_private_is_not_sent_away(house, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("models.hosts.reach", lambda url: "far")
    with (tmp_path / "t.toml").open("a") as file:
        file.write('[private]\nkeywords = ["family"]\n')
    (tmp_path / "photos" / "a.jpg.xmp").write_text(SIDECAR)
    run(tmp_path, capsys, "run", "--once", "--yes", "--ask")
    assert len(house.asked) == 1
    private = str(tmp_path / "photos" / "a.jpg")
    assert "the photo is private" in run(tmp_path, capsys, "try", private)[1]
    run(tmp_path, capsys, "estimate", private)
    assert len(house.asked) == 1
    run(tmp_path, capsys, "estimate")
    assert len(house.asked) == 2


def test_estimate_says_how_long_all_will_take_before_and_after_the_first_run(house, tmp_path, capsys):
    _, out, _ = run(tmp_path, capsys, "estimate", "--json")
    before = {row["name"]: row for row in json.loads(out)["backends"]}
    assert before["ollama"]["photos"] == before["colour"]["photos"] == 2
    assert before["ollama"]["a_photo"] > 0
    run(tmp_path, capsys, "run", "--once", "--yes", "--ask")
    code, out, _ = run(tmp_path, capsys, "estimate")
    assert code == 0
    assert "2 photos; timed on 2 of them" in out
    assert "0 to do" in out


def test_estimate_with_a_server_that_is_not_there_says_so(house, tmp_path, capsys):
    house.behave = lambda number, asked: Act("x", status=404)
    code, out, _ = run(tmp_path, capsys, "estimate")
    assert code == 0
    assert "cannot be said" in out
    assert "answers 404" in out


def test_models_lists_what_is_known_there_and_on_the_server(house, tmp_path, capsys):
    code, out, _ = run(tmp_path, capsys, "models")
    assert code == 0
    assert "Apache-2.0" in out
    assert str(tmp_path / "state" / "models" / "wd_vit_v3") in out
    assert "installed there" in out
    rows = json.loads(run(tmp_path, capsys, "models", "--json")[1])
    assert {row["name"] for row in rows} >= {"wd_vit_v3", "ram_plus", "a"}


def test_a_model_that_cannot_be_fetched_is_one_line(house, tmp_path, capsys):
    code, _, err = run(tmp_path, capsys, "models", "fetch", "camie")
    assert code == 2
    assert err.count("\n") == 1
    assert "camie is not handed out anywhere we know" in err


def test_what_is_made_of_a_checkpoint_is_fetched_as_far_as_it_goes_and_then_says_how(
    house, tmp_path, capsys, monkeypatch
):
    from models import fetching

    def came(url, target, given, progress):
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(b"12345")
        return "0" * 64

    monkeypatch.setattr(fetching, "fetch", came)
    code, out, _ = run(tmp_path, capsys, "models", "fetch", "ram_plus")
    assert code == 1
    assert "ram_plus still lacks model.onnx" in out
    assert "`tagwright models export ram_plus FILE.pth` makes it of https://" in out


def test_fetch_shows_progress_and_the_sum(house, tmp_path, capsys, monkeypatch):
    from models import fetching

    def came(url, target, given, progress):
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(b"12345")
        progress(5, 5)
        return given or "0" * 64

    monkeypatch.setattr(fetching, "fetch", came)
    code, out, err = run(tmp_path, capsys, "models", "fetch", "wd_vit_v3")
    assert code == 0
    assert "model.onnx: 5 bytes" in err
    assert "wd_vit_v3 is there (Apache-2.0)" in out
    code, out, _ = run(tmp_path, capsys, "models", "--check")
    assert code == 1
    assert "damaged: model.onnx, selected_tags.csv" in out
