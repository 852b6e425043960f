from __future__ import annotations

import pytest

from metadata.errors import UserError
from watcher import cli, granting, settings


def made(tmp_path, **flags):
    return settings.load(None, {"HOME": "/x"}, {"state": tmp_path, **flags})


def test_without_a_database_the_script_fits_what_was_published_and_says_so(tmp_path):
    script = granting.script(made(tmp_path), {}, role=None)
    assert 'GRANT SELECT ("id", "ownerId"' in script.sql
    assert "tagwright_ro" in script.sql
    assert ["2.7 to 3.1" in line for line in script.said] == [True]


def test_the_owner_of_the_tables_is_never_made_the_reader(tmp_path):
    script = granting.script(made(tmp_path, **{"immich.database.user": "postgres"}), {}, role=None)
    assert 'CREATE ROLE "tagwright_ro"' in script.sql
    assert "set `immich.database.user` to tagwright_ro" in script.said[0]


def test_another_role_and_no_people_can_be_asked_for(tmp_path):
    script = granting.script(made(tmp_path), {}, role="ann", people=False)
    assert 'TO "ann";' in script.sql
    assert "person" not in script.sql


def test_a_database_that_does_not_answer_is_said_and_the_script_is_there(tmp_path):
    away = {"immich.database.host": "127.0.0.1", "immich.database.port": 1}
    script = granting.script(made(tmp_path, **away), {}, role=None)
    assert "GRANT SELECT" in script.sql
    assert "postgres://tagwright_ro@127.0.0.1:1/immich" in script.said[0]


def test_a_password_file_that_is_not_there_is_told(tmp_path):
    gone = {"immich.database.host": "h", "immich.database.password_file": "/nowhere"}
    with pytest.raises(UserError, match="cannot read this secret"):
        granting.script(made(tmp_path, **gone), {}, role=None)


def test_the_command_prints_sql_alone_and_talks_beside_it(tmp_path, capsys):
    assert cli.main(["immich", "grants", "--state", str(tmp_path)]) == 0
    told = capsys.readouterr()
    assert told.out.startswith("-- Lets tagwright read")
    assert "tagwright: no database is set" in told.err
