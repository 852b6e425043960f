from __future__ import annotations

from pathlib import Path

import pytest

from watcher import unit


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (b"/srv/photos", "-/srv/photos"),
        (b"/srv/my photos", '"-/srv/my\\x20photos"'),
        (b"/srv/100%", "-/srv/100%%"),
        (b'/srv/"a"\\', '"-/srv/\\x22a\\x22\\x5c"'),
        (b"/srv/\xc3\xa9\xff\n", '"-/srv/\\xc3\\xa9\\xff\\x0a"'),
        (b"/srv/$HOME", '"-/srv/\\x24HOME"'),
    ],
)
def test_any_folder_name_can_be_said_to_systemd(path, text):
    assert unit.quoted(path) == text


def test_the_drop_in_lets_the_service_write_each_folder_and_no_other():
    text = unit.folders([Path("/srv/a"), Path("/srv/b")])
    assert [line for line in text.splitlines() if not line.startswith("#")] == [
        "[Service]",
        "ReadWritePaths=-/srv/a",
        "ReadWritePaths=-/srv/b",
    ]


def test_the_drop_in_is_made_from_the_settings_even_while_a_folder_is_unplugged(tmp_path, capsys):
    file = tmp_path / "tagwright.toml"
    file.write_text("[[roots]]\nname = 'a'\npath = '/nowhere/at/all'\n")
    assert unit.main([str(file)]) == 0
    assert "ReadWritePaths=-/nowhere/at/all" in capsys.readouterr().out
    assert unit.main([str(file), "--roots"]) == 0
    assert capsys.readouterr().out == "1"


def test_wrong_settings_are_told_and_end_with_2(tmp_path, capsys):
    file = tmp_path / "tagwright.toml"
    file.write_text("root = 1")
    assert unit.main([str(file)]) == 2
    assert "did you mean roots?" in capsys.readouterr().err
