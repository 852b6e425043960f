from __future__ import annotations

import re

from metadata.immich.tables import PUBLISHED, Schema, grants


def test_the_script_names_each_column_and_never_all_of_a_table():
    script = grants(PUBLISHED, role="tagwright_ro", database="immich")
    granted = re.findall(r'^GRANT SELECT (.*) ON public\."(\w+)"', script, re.MULTILINE)
    assert {table for _, table in granted} == set(PUBLISHED.columns)
    assert all(columns.startswith("(") for columns, _ in granted)
    for word in ("*", "password", "system_metadata TO", "INSERT", "api_key"):
        assert word not in script.replace("\\password", "").replace("password_file", "").replace("A password", "")


def test_the_script_names_only_what_the_live_schema_has():
    schema = Schema({"asset": frozenset({"id", "ownerId", "secret"}), "user": frozenset({"id"})})
    script = grants(schema, role="r", database="d")
    assert 'GRANT SELECT ("id", "ownerId") ON public."asset" TO "r";' in script
    assert "secret" not in script
    assert 'public."user"' not in script
    assert "checksumAlgorithm" not in script


def test_people_can_be_left_out():
    script = grants(PUBLISHED, role="r", database="d", people=False)
    assert "person" not in script
    assert "asset_face" not in script


def test_names_are_quoted():
    script = grants(PUBLISHED, role='ev"il', database="my db")
    assert 'TO "ev""il";' in script
    assert 'ON DATABASE "my db"' in script
    assert "rolname = 'ev\"il'" in script
    assert "rolname = 'o''brien'" in grants(PUBLISHED, role="o'brien", database="d")


def test_the_role_can_be_made_to_hold_up_nobody():
    script = grants(PUBLISHED, role="r", database="d")
    for limit in ("default_transaction_read_only = on", "lock_timeout = '5s'", "statement_timeout = '60s'"):
        assert f'ALTER ROLE "r" SET {limit};' in script


def test_what_is_needed_and_missing_is_named():
    columns = dict(PUBLISHED.columns)
    columns["tag"] = frozenset({"id", "userId", "parentId"})
    del columns["asset_face"]
    assert Schema(columns).lacks() == ["tag.value"]
    assert Schema().has("tag") is False
