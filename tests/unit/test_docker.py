"""The image and the compose files, as far as they can be judged without Docker."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

HOUSE = Path(__file__).resolve().parents[2]
DOCKERFILE = (HOUSE / "Dockerfile").read_text()
COMPOSE = {name: (HOUSE / name).read_text() for name in ("compose.yaml", "docker/compose.photos.yaml")}


def instructions():
    """Each instruction of the Dockerfile with its words; lines that go on are one."""
    lines = DOCKERFILE.replace("\\\n", " ").splitlines()
    return [line.split(None, 1) for line in lines if line and not line.startswith("#")]


def last_stage():
    every = instructions()
    start = max(index for index, (word, _) in enumerate(every) if word == "FROM")
    return every[start:]


def test_the_image_is_made_in_two_stages_and_only_the_program_goes_over():
    assert [word for word, _ in instructions()].count("FROM") == 2
    copied = [rest for word, rest in last_stage() if word == "COPY"]
    assert copied == [
        "docker/steps docker/entrypoint /usr/local/lib/tagwright/docker/",
        "--from=build /opt/tagwright /opt/tagwright",
    ]


def test_the_image_runs_as_nobody_special_and_says_how_it_is():
    stage = dict(last_stage())
    assert stage["USER"] == "1000:1000"
    assert stage["VOLUME"] == "/state"
    assert '["tagwright", "status", "--health"]' in stage["HEALTHCHECK"]
    assert stage["STOPSIGNAL"] == "SIGTERM"
    assert stage["ENTRYPOINT"].startswith("["), "no shell stands between the signal and the service"


def test_everything_that_is_copied_is_there_and_let_in():
    ignored = (HOUSE / ".dockerignore").read_text().splitlines()
    for word, rest in instructions():
        if word == "COPY" and not rest.startswith("--from"):
            for name in rest.split()[:-1]:
                assert (HOUSE / name).exists(), name
                assert f"!{name.split('/')[0]}" in ignored, name


def test_no_model_library_is_in_the_default_image():
    assert re.search(r'^ARG EXTRAS=""$', DOCKERFILE, re.MULTILINE)
    assert "torch" not in (HOUSE / "constraints.txt").read_text()


def test_hub_telemetry_is_off():
    assert "HF_HUB_DISABLE_TELEMETRY=1" in DOCKERFILE
    assert "HF_HUB_DISABLE_TELEMETRY=1" in (HOUSE / "systemd/tagwright.service").read_text()


@pytest.mark.parametrize("name", COMPOSE)
def test_the_container_is_closed_ends_in_peace_and_belongs_to_whom_it_should(name):
    text = COMPOSE[name]
    for line in (
        'user: "${PUID:-1000}:${PGID:-1000}"',
        "UMASK: ${UMASK:-0022}",
        "TZ: ${TZ:-Etc/UTC}",
        "read_only: true",
        "- no-new-privileges:true",
        "init: true",
        "tagwright-state:/state",
    ):
        assert line in text, line
    assert "/var/run/docker.sock" not in text
    assert not re.search(r"^\s*ports:", text, re.MULTILINE)
    grace = re.search(r"stop_grace_period: (\d+)s", text)
    assert int(grace[1]) >= 90, "as long as systemd gives it"


def test_secrets_are_files_in_compose():
    text = COMPOSE["compose.yaml"]
    assert "TAGWRIGHT_IMMICH_KEYS: /run/secrets/immich_key" in text
    assert not re.search(r"(KEY|PASSWORD|TOKEN): *[^/\s]", text)


@pytest.mark.parametrize("name", COMPOSE)
def test_every_variable_of_ours_in_compose_is_a_setting(name):
    from watcher.overlay import keys, variable
    from watcher.settings import Settings

    known = {variable(key) for key in keys(Settings)}
    named = set(re.findall(r"^\s+(TAGWRIGHT_\w+):", COMPOSE[name], re.MULTILINE))
    assert named
    assert named <= known
    assert set(re.findall(r"(TAGWRIGHT_\w+)=", DOCKERFILE)) <= known


@pytest.mark.parametrize("name", COMPOSE)
def test_docker_understands_the_compose_file(name, tmp_path):
    tool = shutil.which("docker")
    if tool is None or subprocess.run([tool, "compose", "version"], capture_output=True, check=False).returncode:
        pytest.skip("docker compose is not installed")
    (tmp_path / "immich.key").write_text("key")
    (tmp_path / "compose.yaml").write_text(COMPOSE[name])
    (tmp_path / "immich.yaml").write_text("services:\n  immich-server:\n    image: immich\n")
    files = ["-f", "immich.yaml"] * (name == "compose.yaml") + ["-f", "compose.yaml"]
    environment = {**os.environ, "UPLOAD_LOCATION": "/srv/immich", "PHOTOS": "/srv/photos"}
    done = subprocess.run(
        [tool, "compose", *files, "config", "--quiet"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_hadolint_has_nothing_to_say():
    tool = shutil.which("hadolint")
    if tool is None:
        pytest.skip("hadolint is not installed")
    done = subprocess.run([tool, HOUSE / "Dockerfile"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("script", ["steps", "entrypoint", "measure"])
def test_the_images_scripts_are_sound(script):
    path = HOUSE / "docker" / script
    assert os.access(path, os.X_OK)
    assert path.read_text().startswith("#!/bin/sh\n")
    checker = [shutil.which("shellcheck")] if shutil.which("shellcheck") else ["sh", "-n"]
    done = subprocess.run([*checker, path], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_entrypoint_sets_the_umask_that_was_asked_for(tmp_path):
    text = (HOUSE / "docker/entrypoint").read_text().replace("/opt/tagwright/bin/tagwright", "sh -c umask")
    for wanted, is_ in (({}, "0022"), ({"UMASK": "0002"}, "0002")):
        done = subprocess.run(
            ["sh", "-c", text],
            env={"PATH": os.environ["PATH"], **wanted},
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout.strip() == is_


def test_every_trap_of_the_page_is_held_by_a_test_that_is_there():
    rows = [
        line
        for line in (HOUSE / "docs/nas.md").read_text().splitlines()
        if line.startswith("| ") and "`test_" in line
    ]
    named = [name for line in rows for name in re.findall(r"`(test_\w+)`", line)]
    there = {
        name
        for path in (HOUSE / "tests").rglob("test_*.py")
        for name in re.findall(r"^def (test_\w+)", path.read_text(), re.MULTILINE)
    }
    assert len(rows) >= 30
    assert set(named) <= there
