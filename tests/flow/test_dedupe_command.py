"""`tagwright dedupe --tags`: from a file of words to a file of what stands for what."""

import json

import pytest

from tests.contract.test_embedders import tiny_model
from watcher import cli


@pytest.fixture
def words(tmp_path):
    path = tmp_path / "in.json"
    tags = {"sofa": 9, "couch": 3, "Sofas": 1, "dog": 5, "beagle": 2, "tusk": 2, "ivory": 4}
    path.write_text(json.dumps({"tags": tags, "images": [["sofa", "dog"]]}))
    return path


def run(*arguments):
    return cli.main(["dedupe", *map(str, arguments), "--embedder", "none"])


def test_the_mapping_the_suggestions_and_the_parents_are_written(words, tmp_path, capsys):
    files = {flag: tmp_path / f"{flag}.json" for flag in ("out", "suggest", "hierarchy")}
    flags = [part for flag, path in files.items() for part in (f"--{flag}", path)]
    assert run("--tags", words, *flags) == 0
    assert json.loads(files["out"].read_text()) == {"couch": "sofa", "Sofas": "sofa"}
    assert ["beagle", "dog"] in json.loads(files["hierarchy"].read_text())
    assert {"tusk", "ivory"} in [{a, b} for a, b, _ in json.loads(files["suggest"].read_text())]
    assert "merged  2" in capsys.readouterr().out


def test_a_dry_run_writes_nothing(words, tmp_path):
    assert run("--tags", words, "--out", tmp_path / "out.json", "--dry-run") == 0
    assert [path.name for path in tmp_path.iterdir()] == ["in.json"]


def test_without_photos_it_works_as_well(tmp_path, capsys):
    (tmp_path / "in.json").write_text('{"tags": {"sofa": 1, "couch": 1}}')
    assert run("--tags", tmp_path / "in.json", "--json") == 0
    assert json.loads(capsys.readouterr().out)["merged"] == 1


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"tags": [1]}', '{"tags": {"a": "b"}}', '{"tags": {" ": 1}}'])
def test_a_file_of_something_else_is_refused_and_nothing_is_written(tmp_path, capsys, text):
    (tmp_path / "in.json").write_text(text)
    assert run("--tags", tmp_path / "in.json", "--out", tmp_path / "out.json") == 2
    assert "in.json" in capsys.readouterr().err
    assert not (tmp_path / "out.json").exists()


def test_a_missing_file_is_told(tmp_path, capsys):
    assert run("--tags", tmp_path / "none.json") == 2
    assert "none.json" in capsys.readouterr().err


def test_a_model_in_a_folder_is_asked_by_its_path_and_its_vectors_are_kept(words, tmp_path, capsys, monkeypatch):
    pytest.importorskip("onnxruntime")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = tmp_path / "tiny"
    folder.mkdir()
    tiny_model(folder)
    flags = ["--embedder", "onnx", "--model", str(folder), "--batch", "2", "--threshold", "0.5", "--json"]
    for method in ("agree", "dbscan"):
        assert cli.main(["dedupe", "--tags", str(words), "--method", method, *flags]) == 0
    told = capsys.readouterr()
    assert '"words": 7' in told.out
    assert told.err == ""
    assert len(list((tmp_path / "cache/tagwright").glob("vectors-*.npz"))) == 1


def test_a_folder_without_a_model_is_told(words, tmp_path, capsys):
    pytest.importorskip("onnxruntime")
    assert cli.main(["dedupe", "--tags", str(words), "--embedder", "onnx", "--model", str(tmp_path)]) == 0
    assert f"{tmp_path} has no model.onnx" in capsys.readouterr().err


def test_a_method_of_vectors_needs_a_text_model(words, capsys):
    assert run("--tags", words, "--method", "dbscan") == 2
    assert "--embedder" in capsys.readouterr().err


def test_a_server_that_does_not_answer_leaves_spelling_and_dictionaries(words, tmp_path, capsys):
    flags = [
        "--embedder",
        "server",
        "--url",
        "http://127.0.0.1:9",
        "--model",
        "m",
        "--out",
        str(tmp_path / "o.json"),
    ]
    assert cli.main(["dedupe", "--tags", str(words), *flags]) == 0
    assert "spelling and dictionaries speak alone" in capsys.readouterr().err
    assert json.loads((tmp_path / "o.json").read_text())["couch"] == "sofa"


def test_a_threshold_that_is_no_cosine_is_refused(words):
    with pytest.raises(SystemExit):
        run("--tags", words, "--threshold", "1.5")
