from __future__ import annotations

import os
from pathlib import Path

import pytest

from metadata.errors import UserError
from watcher import overlay, settings, values

HOME = {"HOME": "/home/anna"}


def problems(file: Path | None = None, environment=None, flags=None) -> list[str]:
    with pytest.raises(UserError) as caught:
        settings.load(file, {**HOME, **(environment or {})}, flags or {})
    return [line.strip() for line in str(caught.value).splitlines()[1:]]


@pytest.fixture
def write(tmp_path):
    def written(text: str) -> Path:
        file = tmp_path / "tagwright.toml"
        file.write_text(text)
        return file

    return written


def test_without_a_file_everything_has_its_default():
    made = settings.load(None, HOME, {})
    assert made.state == Path("/home/anna/.local/state/tagwright")
    assert (made.settle, made.settle_max, made.forget_after) == (0.5, 600.0, 604800.0)
    assert made.facts == settings.FACTS


def test_a_flag_goes_before_a_variable_and_a_variable_before_the_file(write):
    file = write("settle = 3\nsettle_max = '4m'\nmost = 7\n[log]\nlevel = 'error'\n")
    environment = {"TAGWRIGHT_SETTLE_MAX": "5m", "TAGWRIGHT_MOST": "8", "TAGWRIGHT_LOG_LEVEL": "debug"}
    made = settings.load(file, {**HOME, **environment}, {"most": 9, "log.format": "json", "floor": None})
    assert (made.settle, made.settle_max, made.most) == (3.0, 300.0, 9)
    assert (made.log.level, made.log.format, made.floor) == ("debug", "json", 0.25)


def test_the_first_default_file_that_is_there_is_read(tmp_path):
    config = tmp_path / "tagwright" / "tagwright.toml"
    config.parent.mkdir()
    config.write_text("most = 3")
    places = [tmp_path / "nowhere.toml", overlay.files({"XDG_CONFIG_HOME": str(tmp_path)})[1]]
    assert overlay.found(places) == config
    assert overlay.found([]) is None


@pytest.mark.parametrize(
    ("environment", "folder"),
    [
        ({"STATE_DIRECTORY": "/var/lib/tagwright"}, "/var/lib/tagwright"),
        ({"STATE_DIRECTORY": "/var/lib/a:/var/lib/b"}, "/var/lib/a"),
        ({"XDG_STATE_HOME": "/x"}, "/x/tagwright"),
        ({}, "/home/anna/.local/state/tagwright"),
    ],
)
def test_the_state_folder_follows_systemd_then_xdg_then_the_home(environment, folder):
    assert overlay.state({**HOME, **environment}) == folder


def test_lists_tables_and_roots_can_stand_in_variables(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    environment = {
        "TAGWRIGHT_ROOTS": os.pathsep.join([f"one={tmp_path}/a", f"two={tmp_path}/b"]),
        "TAGWRIGHT_FACTS": "night, place",
        "TAGWRIGHT_THRESHOLDS": "night=0.8,animals/cat=0.4",
        "TAGWRIGHT_BLOCK": "",
        "TAGWRIGHT_IMMICH_WITHOUT_CONNECTION": "write",
    }
    made = settings.load(None, {**HOME, **environment}, {})
    assert [(root.name, root.path) for root in made.roots] == [("one", tmp_path / "a"), ("two", tmp_path / "b")]
    assert made.facts == ("night", "place")
    assert made.thresholds == {"night": 0.8, "animals/cat": 0.4}
    assert made.block == ()
    assert made.immich.without_connection == "write"


def test_a_variable_may_hold_a_list_or_a_table_as_the_file_would(tmp_path):
    environment = {
        "TAGWRIGHT_ROOTS": f'[{{name = "one", path = "{tmp_path}"}}]',
        "TAGWRIGHT_BLOCK": '["panorama", "a, b"]',
        "TAGWRIGHT_THRESHOLDS": '{"animals/cat" = 0.4}',
        "TAGWRIGHT_IGNORE": "[abc]*.jpg,x",
    }
    made = settings.load(None, {**HOME, **environment}, {})
    assert [(root.name, root.path) for root in made.roots] == [("one", tmp_path)]
    assert made.block == ("panorama", "a, b")
    assert made.thresholds == {"animals/cat": 0.4}
    assert made.ignore == ("[abc]*.jpg", "x"), "what is no TOML is a list with commas"


def test_all_problems_are_told_at_once_with_key_value_and_what_is_expected(write):
    file = write("settle = 'soon'\nworkers = 0\nthresholds = {a = 2}\n[log]\nlevel = 'loud'\n")
    told = problems(file, {"TAGWRIGHT_MOST": "-1"})
    assert sorted(told) == sorted(
        [
            f'settle: "soon" was given; expected {settings._DURATION}, from 0s to 1h',
            'workers: 0 was given; expected "auto" or a whole number from 1 to 256',
            "thresholds.a: 2 was given; expected a table of numbers from 0 to 1, such as {night = 0.8}",
            'log.level: "loud" was given; expected "debug", "info", "warning" or "error"',
            'most (from TAGWRIGHT_MOST): "-1" was given; expected a whole number from 0 to 256',
        ]
    )


def test_the_error_names_the_file_and_counts(write):
    file = write("mots = 3")
    with pytest.raises(UserError, match=rf"^{file}: 1 problem in the settings\n  mots: no such setting"):
        settings.load(file, HOME, {})


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("setle = 1", "setle: no such setting; did you mean settle?"),
        ("[log]\nlevl = 'info'", "log.levl: no such setting; did you mean level?"),
        ("xyzzy = 1", "xyzzy: no such setting"),
    ],
)
def test_an_unknown_key_is_refused_and_the_nearest_named(write, text, told):
    assert problems(write(text)) == [told]


def test_an_unknown_variable_of_ours_is_refused_and_others_are_nobodys_business():
    told = problems(environment={"TAGWRIGHT_SETLE": "1", "SETLE": "1"})
    assert told == ["TAGWRIGHT_SETLE: no such variable; did you mean TAGWRIGHT_SETTLE?"]


def test_two_folders_of_one_name_one_in_another_and_a_missing_one_are_told(tmp_path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    roots = [{"name": "x", "path": f"{tmp_path}/a"}, {"name": "x", "path": f"{tmp_path}/a/b"}]
    assert problems(flags={"roots": [*roots, {"name": "y", "path": f"{tmp_path}/c"}]}) == [
        "roots: the name 'x' is given 2 times",
        f"roots: {tmp_path}/a/b lies inside {tmp_path}/a; name one of them",
        f"roots: {tmp_path}/c is not a folder that can be reached",
    ]


def test_one_folder_given_twice_under_two_names_is_told_once(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path)
    roots = [{"name": "x", "path": str(tmp_path)}, {"name": "y", "path": f"{tmp_path}/link"}]
    assert problems(flags={"roots": roots}) == [f"roots: {tmp_path}/link lies inside {tmp_path}; name one of them"]


def test_folders_whose_names_begin_alike_do_not_lie_in_each_other(tmp_path):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos-old").mkdir()
    roots = [{"name": name, "path": f"{tmp_path}/{name}"} for name in ("photos", "photos-old")]
    assert len(settings.load(None, HOME, {"roots": roots}).roots) == 2


def test_a_folder_that_is_unplugged_can_be_let_through(tmp_path):
    roots = [{"name": "x", "path": f"{tmp_path}/gone"}]
    assert settings.load(None, HOME, {"roots": roots}, absent_ok=True).roots[0].path == tmp_path / "gone"


def test_a_place_that_cannot_be_written_yet_is_refused_in_a_clear_sentence(tmp_path):
    roots = [{"name": "x", "path": str(tmp_path), "places": ["sidecar", "embedded"]}]
    (told,) = problems(flags={"roots": roots})
    assert told.startswith('roots.x.places (from --roots): "embedded" was given; expected a list')
    assert told.endswith("(embedded is not there yet)")


@pytest.mark.parametrize(
    "root",
    [
        {"name": "../x", "path": "/tmp"},
        {"name": "", "path": "/tmp"},
        {"name": "x", "path": "relative"},
        {"name": "x"},
        {"path": "/tmp"},
        {"name": "x", "path": "/tmp", "polling": "maybe"},
        {"name": "x", "path": "/tmp", "places": []},
        "not a table",
    ],
)
def test_a_root_has_to_have_a_plain_name_and_an_absolute_path(root):
    assert any(line.startswith("roots.") for line in problems(flags={"roots": [root]}))


def test_a_folder_name_that_is_not_utf8_is_a_folder(tmp_path):
    odd = os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9")
    os.mkdir(odd)
    made = settings.load(None, {**HOME, "TAGWRIGHT_ROOTS": f"x={odd}"}, {})
    assert os.fsencode(made.roots[0].path).endswith(b"/caf\xe9")


def test_a_tilde_is_the_home_of_the_one_who_runs_it(write, tmp_path):
    (tmp_path / "Pictures").mkdir()
    file = write("state = '~/state'\n[[roots]]\nname = 'p'\npath = '~/Pictures'\n")
    made = settings.load(file, {"HOME": str(tmp_path)}, {})
    assert (made.state, made.roots[0].path) == (tmp_path / "state", tmp_path / "Pictures")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("threshold", float("nan")),
        ("threshold", True),
        ("most", True),
        ("settle", float("inf")),
        ("settle", True),
        ("settle", "-1s"),
        ("memory", "1k"),
        ("memory", "much"),
        ("workers", "many"),
        ("workers", True),
        ("facts", ["moon"]),
        ("facts", "place"),
        ("timezone", "Mars/Olympus"),
        ("timezone", "../../etc/passwd"),
        ("durability", "never"),
        ("provenance", "perhaps"),
        ("log", "info"),
    ],
)
def test_nonsense_is_refused(key, value):
    (told,) = problems(flags={key: value})
    assert told.startswith(f"{key} (from --")


def test_a_file_that_is_no_toml_is_told_with_its_line(write):
    file = write("a = 1\nb =\n")
    with pytest.raises(UserError, match=rf"{file}: not TOML: .*line 2"):
        settings.load(file, HOME, {})


def test_a_file_that_cannot_be_read_or_is_no_text_is_told(tmp_path):
    with pytest.raises(UserError, match="cannot read the settings: No such file"):
        settings.load(tmp_path / "none.toml", HOME, {})
    (tmp_path / "latin.toml").write_bytes(b"under = '\xe9'")
    with pytest.raises(UserError, match="UTF-8"):
        settings.load(tmp_path / "latin.toml", HOME, {})


def test_the_digest_of_the_rules_changes_with_choice_and_with_nothing_else():
    usual = settings.load(None, HOME, {})
    assert usual.rules() == settings.load(None, HOME, {"settle": 3, "log.level": "debug"}).rules()
    for key, value in [("threshold", 0.6), ("block", ["x"]), ("under", "auto"), ("facts", []), ("most", 3)]:
        assert settings.load(None, HOME, {key: value}).rules() != usual.rules(), key


def test_settings_cannot_be_changed_afterwards():
    with pytest.raises(ValueError, match="frozen"):
        settings.load(None, HOME, {}).settle = 1.0  # type: ignore[misc]


def test_times_of_day_are_in_the_zone_that_was_set():
    assert str(settings.load(None, HOME, {"timezone": "Europe/Berlin"}).zone()) == "Europe/Berlin"
    assert settings.load(None, HOME, {}).zone() is None


def test_a_secret_comes_from_its_file_and_hides(tmp_path):
    file = tmp_path / "key"
    file.write_text("s3cret\n")
    file.chmod(0o600)
    warnings: list[str] = []
    held = settings.secret(file, {}, warn=warnings.append)
    assert (held.get_secret_value(), warnings) == ("s3cret", [])
    assert "s3cret" not in repr(held)


def test_a_secret_that_everybody_may_read_is_told_without_its_content(tmp_path):
    file = tmp_path / "key"
    file.write_text("s3cret")
    file.chmod(0o644)
    warnings: list[str] = []
    settings.secret(Path("key"), {"CREDENTIALS_DIRECTORY": str(tmp_path)}, warn=warnings.append)
    assert len(warnings) == 1
    assert "chmod o-r" in warnings[0]
    assert "s3cret" not in warnings[0]


@pytest.mark.parametrize("content", [b"", b"\n", b"\xff\xfe", None])
def test_an_empty_unreadable_or_missing_secret_is_an_error_for_a_person(tmp_path, content):
    if content is not None:
        (tmp_path / "key").write_bytes(content)
    with pytest.raises(UserError, match="secret"):
        settings.secret(tmp_path / "key", {}, warn=lambda text: None)


@pytest.mark.parametrize(
    ("text", "length"),
    [("10m", 600), ("0.5", 0.5), ("250ms", 0.25), ("1 h", 3600), ("7D", 604800), ("2w", 1209600), (3, 3.0)],
)
def test_durations_are_read_as_a_person_writes_them(text, length):
    assert values.seconds(text) == length


@pytest.mark.parametrize("length", [0.5, 1, 60, 90, 600, 3600, 5400, 604800, 31536000])
def test_a_spoken_duration_is_read_back(length):
    assert values.seconds(values.spoken(length)) == length


@pytest.mark.parametrize(("text", "count"), [("512M", 1 << 29), ("1.5 GiB", 3 << 29), ("64", 64), (100, 100)])
def test_sizes_are_read_as_a_person_writes_them(text, count):
    assert values.size(text) == count


@pytest.mark.parametrize(("count", "text"), [(1, "1 bytes"), (1536, "1.5 KiB"), (3 << 40, "3 TiB")])
def test_sizes_are_spoken_in_powers_of_1024(count, text):
    assert values.spoken_size(count) == text


def immich(environment=None, file=None):
    return settings.load(file, {**HOME, **(environment or {})}, {}).immich


def test_immichs_own_names_fill_what_is_not_set():
    environment = {
        "IMMICH_URL": "http://immich:2283",
        "IMMICH_API_KEY": "k",
        "UPLOAD_LOCATION": "/srv/immich",
        "DB_HOSTNAME": "database",
        "DB_USERNAME": "postgres",
        "DB_PASSWORD": "p",
        "DB_DATABASE_NAME": "photos",
    }
    made = immich(environment)
    assert (made.url, made.upload_location) == ("http://immich:2283", Path("/srv/immich"))
    assert made.api_key.get_secret_value() == "k"
    database = made.database
    assert (database.host, database.port, database.user, database.name) == ("database", 5432, "postgres", "photos")
    assert database.password.get_secret_value() == "p"


def test_what_is_set_goes_before_immichs_own_names(write):
    file = write("[immich]\nurl = 'a'\n[immich.database]\nhost = 'b'\npassword_file = 'c'\n")
    environment = {"IMMICH_URL": "x", "DB_HOSTNAME": "y", "DB_PASSWORD": "z", "DB_PORT": "5433"}
    made = immich(environment, file)
    assert (made.url, made.database.host, made.database.port) == ("a", "b", 5433)
    assert made.database.password.get_secret_value() == ""


def test_without_an_address_of_immich_a_database_in_the_environment_is_another_programs():
    assert immich({"DB_HOSTNAME": "database", "UPLOAD_LOCATION": "/x"}) == settings.Immich()


def test_immichs_env_file_is_understood(tmp_path, write):
    (tmp_path / "env").write_text(
        "# a comment\nUPLOAD_LOCATION=./library\nexport DB_PASSWORD='p=1'\nDB_USERNAME=postgres # the default\n"
        'DB_HOSTNAME="db"\nIMMICH_VERSION=v3\n\nDB_DATABASE_NAME=\n'
    )
    made = immich({"DB_HOSTNAME": "other"}, write(f"[immich]\nurl = 'a'\nenv_file = '{tmp_path}/env'\n"))
    assert made.upload_location == tmp_path / "library"
    assert made.database.password.get_secret_value() == "p=1"
    assert (made.database.user, made.database.host, made.database.name) == ("postgres", "other", "immich")


def test_an_env_file_that_is_not_there_is_told(write):
    with pytest.raises(UserError, match=r"immich\.env_file: /nowhere/\.env: cannot be read"):
        immich(None, write("[immich]\nenv_file = '/nowhere/.env'\n"))


def test_lists_and_tables_of_immich_can_stand_in_variables():
    environment = {
        "TAGWRIGHT_IMMICH_KEYS": "anna.key,/etc/ben.key",
        "TAGWRIGHT_IMMICH_PATHS": "/data=/srv/immich,/mnt=/srv/mnt",
        "TAGWRIGHT_IMMICH_DATABASE_PORT": "5433",
    }
    made = immich(environment)
    assert made.keys == (Path("anna.key"), Path("/etc/ben.key"))
    assert made.paths == {"/data": Path("/srv/immich"), "/mnt": Path("/srv/mnt")}
    assert made.database.port == 5433


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("[immich]\npaths = {data = '/x'}", "immich.paths"),
        ("[immich]\npaths = {'/data' = 'x'}", "immich.paths"),
        ("[immich]\nvisibility = ['locked']", "immich.visibility"),
        ("[immich]\nvisibility = []", "immich.visibility"),
        ("[immich.database]\nport = 0", "immich.database.port"),
        ("[immich.database]\nuser = ''", "immich.database.user"),
        ("[immich]\nca_file = 'x.pem'", "immich.ca_file"),
    ],
)
def test_nonsense_about_immich_is_refused(write, text, place):
    (told,) = problems(write(text))
    assert told.startswith(f"{place}: ")


def test_a_secret_of_another_user_is_told_with_whom_to_give_it_to(tmp_path, monkeypatch):
    def shut(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("builtins.open", shut)
    with pytest.raises(UserError, match=rf"give it to user {os.geteuid()}"):
        settings.secret(tmp_path / "key", {}, warn=print)


def test_no_secret_of_immich_is_ever_shown(write):
    made = settings.load(
        None, {**HOME, "IMMICH_URL": "i", "IMMICH_API_KEY": "sesame", "DB_PASSWORD": "knock-knock"}, {}
    )
    for text in (repr(made), str(made), str(made.immich), repr(made.immich)):
        assert "sesame" not in text
        assert "knock-knock" not in text
    told = problems(write("[immich.database]\npassword = 5"))
    assert "sesame" not in told[0]
