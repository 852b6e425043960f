"""What is nobody's business: modes, places and secrets, looked for in everything that comes out."""

from __future__ import annotations

import os
import re
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tests.flow.house_world import paint, soon
from tests.patience import PATIENCE

HOUSE = Path(__file__).resolve().parents[2]
SECRETS = {
    "key": "Kq7-very-secret-key",
    "password": "Pw9-very-secret",
    "hook": "Hk3verysecretpath",
    "token": "Tk5-secret",
}


@pytest.fixture
def house(tmp_path):
    """Settings with every secret there is, at servers that are not there."""
    for name in ("key", "password", "token"):
        (tmp_path / name).write_text(SECRETS[name] + "\n")
        (tmp_path / name).chmod(0o600)
    paint(tmp_path / "photos/a.jpg")
    (tmp_path / "s.toml").write_text(
        f'state = "{tmp_path}/state"\nsettle = 0.05\ncaptioner = "ollama"\n'
        f'[log]\nlevel = "debug"\n[[roots]]\nname = "photos"\npath = "{tmp_path}/photos"\n'
        f'[immich]\nurl = "http://127.0.0.1:9"\nkeys = ["{tmp_path}/key"]\n'
        f'[immich.database]\nhost = "127.0.0.1"\nport = 9\npassword_file = "{tmp_path}/password"\n'
        f'[notify]\nurl = "http://127.0.0.1:9/{SECRETS["hook"]}"\ntoken_file = "{tmp_path}/token"\npause = 1\n'
        f'[[ollama.hosts]]\nurl = "http://127.0.0.1:9"\nkey_file = "{tmp_path}/token"\n'
    )
    return tmp_path


def called(house, *words):
    environment = {**os.environ, "PYTHONPATH": str(HOUSE), "HOME": str(house)}
    return [sys.executable, "-m", "watcher.cli", "--config", str(house / "s.toml"), *words], environment


def said(house, *words):
    command, environment = called(house, *words)
    done = subprocess.run(
        command, env=environment, cwd=house, capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    return done.stdout + done.stderr


def found(text):
    return [name for name, secret in SECRETS.items() if secret in text]


def test_no_secret_stands_in_a_log_a_report_an_export_or_what_ps_shows(house):
    command, environment = called(house, "run")
    with (
        open(house / "log", "w") as log,
        subprocess.Popen(command, env=environment, cwd=house, stdout=log, stderr=log) as process,
    ):
        try:
            soon((house / "state/health.sock").exists)
            soon(lambda: "Immich" in (house / "log").read_text())
            assert not found(Path(f"/proc/{process.pid}/cmdline").read_bytes().decode())
            out = [
                said(house, *words)
                for words in (("doctor",), ("status",), ("doctor", "--json"), ("status", "--health"))
            ]
            out.append(
                said(
                    house,
                    "export",
                    "--format",
                    "json",
                    "--gps",
                    "--people",
                    "--out",
                    str(house / "out"),
                    str(house / "photos"),
                )
            )
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(PATIENCE)
    everything = "\n".join([*out, (house / "log").read_text()])
    assert "settings" in everything
    assert found(everything) == []
    for path in (house / "state").rglob("*"):
        if path.is_file():
            assert found(path.read_bytes().decode("utf-8", "replace")) == [], path


def test_ledger_backups_and_exports_are_their_owners_alone_and_never_inside_a_library(house):
    os.umask(os.umask(0o022))
    (house / "s.toml").write_text(
        f'state = "{house}/state"\nsettle = 0.05\n[[roots]]\nname = "photos"\npath = "{house}/photos"\n'
    )
    said(house, "run", "--once")
    said(house, "backup", str(house / "saved.db"))
    said(house, "export", "--format", "csv", "--out", str(house / "out.csv"), str(house / "photos"))
    files = [*(house / "state").rglob("*"), house / "saved.db", house / "out.csv"]
    assert {path.name for path in files} >= {"ledger.db", "lock", "saved.db", "out.csv"}
    for path in files:
        wanted = 0o700 if path.is_dir() else 0o600
        assert stat.S_IMODE(path.stat().st_mode) == wanted, path
    for words in (("backup", "ledger.db"), ("export", "--format", "csv", str(house / "photos"), "--out", "x.csv")):
        text = said(house, *words[:-1], str(house / "photos" / words[-1]))
        assert "lies inside the folder of photos" in text
    left = {path.name for path in (house / "photos").iterdir()}
    assert left <= {"a.jpg", "a.jpg.xmp"}


def test_health_and_figures_are_on_no_port_unless_told_and_examples_name_loopback():
    from watcher.home_settings import Health

    assert Health().listen == ""
    for page in ("docs/nas.md", "docs/settings.md", "systemd/README.md", "compose.yaml"):
        named = re.findall(r'listen = "([^"]*)"', (HOUSE / page).read_text())
        assert all(address.startswith("127.0.0.1:") for address in named), page


def test_hub_telemetry_is_off_before_any_library_of_models_is_imported():
    code = (
        "import os; os.environ.pop('HF_HUB_DISABLE_TELEMETRY', None)\n"
        "from watcher import cli\n"
        "try: cli.main(['--help'])\nexcept SystemExit: pass\n"
        "import sys; print(os.environ['HF_HUB_DISABLE_TELEMETRY'], os.environ['DO_NOT_TRACK'], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=HOUSE, capture_output=True, text=True, check=True)
    assert done.stderr.split() == ["1", "1"]
