from __future__ import annotations

from pathlib import Path

import pytest

from metadata.errors import UserError
from watcher import unit


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("/srv/photos", '"-/srv/photos"'),
        ("/srv/my photos", '"-/srv/my photos"'),
        ("/srv/100%", '"-/srv/100%%"'),
        ('/srv/"a"\\', '"-/srv/\\"a\\"\\\\"'),
        ("/srv/Bücher", '"-/srv/Bücher"'),
    ],
)
def test_a_folder_is_named_as_systemd_reads_it(path, text):
    assert unit.quoted(Path(path)) == text


@pytest.mark.parametrize("path", ["/srv/a\nb", "/srv/\udcff", "/srv/\t"])
def test_a_folder_that_a_unit_file_cannot_name_is_told(path):
    with pytest.raises(UserError, match="mount it elsewhere"):
        unit.quoted(Path(path))


def test_the_drop_in_lets_the_service_write_each_folder_and_no_other():
    text = unit.folders([Path("/srv/a"), Path("/srv/b")])
    assert [line for line in text.splitlines() if not line.startswith("#")] == [
        "[Service]",
        'ReadWritePaths="-/srv/a"',
        'ReadWritePaths="-/srv/b"',
    ]


def test_the_drop_in_is_made_from_the_settings_even_while_a_folder_is_unplugged(tmp_path, capsys):
    file = tmp_path / "tagwright.toml"
    file.write_text("[[roots]]\nname = 'a'\npath = '/nowhere/at/all'\n")
    assert unit.main([str(file)]) == 0
    assert 'ReadWritePaths="-/nowhere/at/all"' in capsys.readouterr().out
    assert unit.main([str(file), "--roots"]) == 0
    assert capsys.readouterr().out == "1"


def test_the_service_reaches_a_network_only_where_an_immich_is_named(tmp_path, capsys):
    file = tmp_path / "tagwright.toml"
    for text, reaches in (("", False), ("[immich]\nurl = 'http://immich:2283'\n", True)):
        file.write_text(text)
        assert unit.main([str(file)]) == 0
        lines = capsys.readouterr().out.splitlines()
        assert ("PrivateNetwork=no" in lines, "IPAddressDeny=" in lines) == (reaches, reaches)


def test_wrong_settings_are_told_and_end_with_2(tmp_path, capsys):
    file = tmp_path / "tagwright.toml"
    file.write_text("root = 1")
    assert unit.main([str(file)]) == 2
    assert "did you mean roots?" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "opened"),
    [
        ("", "nothing"),
        ("[health]\nlisten = '127.0.0.1:9465'\n", "loopback"),
        ("[health]\nlisten = '[::1]:9465'\n", "loopback"),
        ("[health]\nlisten = '0.0.0.0:9465'\n", "all"),
        ("[notify]\nurl = 'https://ntfy.example.org/x'\n", "all"),
        ("cluster = 'tcp://127.0.0.1:8786'\n", "loopback"),
        ("cluster = 'tls://nas:8786'\n", "all"),
    ],
)
def test_no_more_of_the_network_is_opened_than_the_settings_need(tmp_path, capsys, text, opened):
    file = tmp_path / "tagwright.toml"
    file.write_text(text)
    assert unit.main([str(file)]) == 0
    lines = capsys.readouterr().out.splitlines()
    seen = (
        "nothing"
        if "PrivateNetwork=no" not in lines
        else "loopback"
        if "IPAddressAllow=localhost" in lines
        else "all"
    )
    assert seen == opened
    assert ("IPAddressDeny=" in lines) == (opened == "all")


def test_a_secret_without_a_folder_is_loaded_by_systemd_and_one_with_a_folder_is_not(tmp_path, capsys):
    file = tmp_path / "tagwright.toml"
    file.write_text(
        "[immich]\nurl = 'immich:2283'\nkeys = ['anna.key', '/run/secrets/ben.key']\n"
        "[immich.database]\npassword_file = 'db.password'\n[notify]\ntoken_file = 'ntfy.token'\n"
    )
    assert unit.main([str(file)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if line.startswith("LoadCredential")] == [
        "LoadCredential=anna.key:/etc/tagwright/anna.key",
        "LoadCredential=db.password:/etc/tagwright/db.password",
        "LoadCredential=ntfy.token:/etc/tagwright/ntfy.token",
    ]
    assert unit.main([str(file), "--secrets"]) == 0
    assert capsys.readouterr().out.split() == [
        f"/etc/tagwright/{name}" for name in ("anna.key", "db.password", "ntfy.token")
    ]
