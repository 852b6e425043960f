"""The page for those who come from another program, held to our settings, our commands and their own pages."""

from __future__ import annotations

import re
import stat
import tomllib
from pathlib import Path

import pytest

from metadata.errors import UserError
from watcher import cli, former, importing, manual
from watcher.settings import load

HOUSE = Path(__file__).resolve().parents[2]
PAGES = HOUSE.parent / "shared" / "seeds"
ROWS = [(program, row) for program, rows in former.PROGRAMS.items() for row in rows]


def test_the_page_is_what_the_code_says():
    assert (HOUSE / "docs/coming-from.md").read_text() == former.page(), (
        "python -m watcher.former > docs/coming-from.md"
    )


@pytest.mark.parametrize("key", sorted({row.setting for _, row in ROWS if row.setting}))
def test_every_setting_that_is_named_is_one_of_ours_and_its_default_stands_there(key):
    assert former.shown(key)
    settings = (HOUSE / "docs/settings.md").read_text()
    assert f"`{key.rpartition('.')[2]}`" in settings


@pytest.mark.parametrize("words", sorted({row.command for _, row in ROWS if row.command}))
def test_every_command_that_is_named_is_one_of_ours(words):
    parser = cli.parser()
    known = dict(manual.subcommands(parser))
    name = max((name for name in known if f"{words} ".startswith(f"{name} ")), key=len, default="")
    flags = {flag for action in (known.get(name) or parser)._actions for flag in action.option_strings}
    assert set(words.removeprefix(name).split()) <= flags


def test_every_row_says_something():
    for program, row in ROWS:
        assert row.setting or row.command or row.note, f"{program}: {row.name}"


def page_of(beginning):
    found = list(PAGES.glob(f"{beginning}*.txt")) if PAGES.is_dir() else []
    if not found:
        pytest.skip("their own pages are not here")
    return found[0].read_text()


def told(rows):
    return {row.name: row.default for row in rows}


@pytest.mark.parametrize(
    ("page", "rows", "default_at"),
    [("S0", former.IMMICH_ML_TAG, 0), ("S1", former.IMMICH_ANALYZE, 1), ("S3", former.PHOTOTAG, 0)],
)
def test_every_variable_of_their_tables_is_told_with_its_default(page, rows, default_at):
    ours = told(rows)
    lines = [line for line in page_of(page).splitlines() if line.count("|") >= 3]
    if page == "S3":  # this table stands with a name, a default and a text on lines of their own
        text = page_of(page)
        table = re.findall(r"^(APP_[A-Z_]+)\s*\|\n(.*?)\s*\|", text, re.MULTILINE)
        found = {name: default.strip("` ") for name, default in table}
    else:
        cells = [[cell.strip().strip("`").strip() for cell in line.strip("|").split("|")] for line in lines]
        found = {row[0]: row[1 + default_at] for row in cells if re.fullmatch(r"[A-Z][A-Z_]+", row[0])}
    assert len(found) >= 7
    for name, default in found.items():
        assert name in ours, name
        plain = {"-": "", "Required": "", "(empty)": "", "` (empty)": ""}.get(default, default)
        assert ours[name] in (plain, "a sentence"), name


def test_every_flag_of_their_pages_is_told():
    page, ours = page_of("S1"), told(former.IMMICH_ANALYZE)
    flags = set(re.findall(r"^ +(?:-\w, +)?(--[a-z-]+)", page, re.MULTILINE)) - {"--help", "--version"}
    assert len(flags) >= 14
    assert flags <= set(ours)
    for flag, default in re.findall(r"(--[a-z-]+) <[A-Z_]+>[^\n]*?\[default: ?([^\]\n]*)\]", page):
        assert ours[flag] == default or ours[flag] in ("a sentence", "host=localhost …"), flag
    page, ours = page_of("S4"), told(former.LOCAL_AI)
    flags = set(re.findall(r"`(--[a-z-]+)`", page)) | set(re.findall(r" (--[a-z-]+)", page))
    assert flags
    assert flags <= set(ours)
    for flag, default in re.findall(r"`(--[a-z-]+)`[^\n]*\(default: `?([^`)\s]+)", page):
        assert ours[flag] == default, flag
    page, ours = page_of("S2"), told(former.AUTO_TAGGER)
    assert "0.35" in page
    assert ours["threshold"] == "0.35"
    assert set(re.findall(r"IMMICH_[A-Z_]+", page)) <= set(ours)


ML_TAG = """\
# a comment
      - DB_HOST=database
DB_PORT=5433
DB_USERNAME=postgres
DB_PASSWORD="pa ss"
API_KEY=very-secret-key # ours
URL=http://immich-server:2283
TRAIN_TIME=02:00
INFERENCE_INTERVAL=5
THRESHOLD=0.6
OTHER=thing
"""


def imported(tmp_path, text, *more, code=0):
    (tmp_path / "env").write_text(text)
    out = tmp_path / "tagwright.toml"
    assert cli.main(["import-settings", "--env", str(tmp_path / "env"), "--out", str(out), *more]) == code
    return out


def test_the_variables_of_immich_ml_tag_become_settings_with_secrets_in_files_of_their_own(tmp_path, capsys):
    out = imported(tmp_path, ML_TAG, "--root", f"photos={tmp_path}")
    made = load(out, {}, {})
    assert (made.immich.url, made.threshold, made.immich.poll) == ("http://immich-server:2283", 0.6, 300.0)
    database = made.immich.database
    assert (database.host, database.port, database.user) == ("database", 5433, "postgres")
    assert [path.read_text() for path in made.immich.keys] == ["very-secret-key\n"]
    assert database.password_file.read_text() == "pa ss\n"
    assert [(root.name, root.path) for root in made.roots] == [("photos", tmp_path)]
    said = capsys.readouterr().out
    assert "left out: TRAIN_TIME: nothing is trained by the clock" in said
    for secret in ("very-secret-key", "pa ss"):
        assert secret not in out.read_text() + said
    for path in (out, *made.immich.keys, database.password_file):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_variables_of_immich_analyze_become_settings(tmp_path, capsys):
    out = imported(
        tmp_path,
        "DB_USERNAME=postgres\nDB_PASSWORD=x1y2\nDB_DATABASE_NAME=immich\nDB_HOSTNAME=database\n"
        "IMMICH_ANALYZE_OLLAMA_HOSTS=http://a:11434, http://b:11434\nIMMICH_ANALYZE_OLLAMA_JWT_TOKEN=ey.secret\n"
        'IMMICH_ANALYZE_PROMPT="Say \\"what\\" is there"\nIMMICH_ANALYZE_MAX_CONCURRENT=2\n'
        "IMMICH_ANALYZE_TIMEOUT=120\nIMMICH_ANALYZE_LANG=ru\nIMMICH_ANALYZE_MODEL_NAME=llava\n",
    )
    data = tomllib.loads(out.read_text())
    assert data["captioner"] == "ollama"
    token = str(tmp_path / "ollama.token")
    assert data["ollama"]["hosts"] == [
        {"url": f"http://{name}:11434", "key_file": token, "slots": 2} for name in ("a", "b")
    ]
    made = load(out, {}, {})
    assert (made.ollama.model, made.ollama.timeout) == ("llava", 120.0)
    assert "ey.secret" not in out.read_text()
    assert "immich.url" in capsys.readouterr().out


def test_nothing_that_is_there_is_overwritten(tmp_path, capsys):
    (tmp_path / "immich.key").write_text("mine")
    imported(tmp_path, ML_TAG, code=2)
    assert "there already" in capsys.readouterr().err
    assert (tmp_path / "immich.key").read_text() == "mine"
    assert not (tmp_path / "tagwright.toml").exists()


@pytest.mark.parametrize("environment", [{}, {"HOME": "/x"}, {"THRESHOLD": "high"}])
def test_what_cannot_be_imported_is_told(environment):
    with pytest.raises(UserError, match=r"no variable|is no number"):
        importing.made(environment, {}, Path("/x"))


def test_every_variable_is_taken_or_left_out_with_a_reason():
    everything = dict.fromkeys(former.variables(), "1")
    result = importing.made(everything, {}, Path("/x"))
    taken = {*importing.PLAIN, *importing.NUMBERS, *importing.FILES, *importing.LENGTHS, *importing.HOSTS}
    assert taken | set(result.left) == set(everything)
    assert all(result.left.values())
