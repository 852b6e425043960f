"""The house as a whole: its layers, what is shipped, pages that are made from the code, scripts and the unit."""

from __future__ import annotations

import ast
import os
import re
import shutil
import statistics
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

HOUSE = Path(__file__).parent.parent
PACKAGES = ("watcher", "models", "metadata")
PROJECT = tomllib.loads((HOUSE / "pyproject.toml").read_text())
SCRIPTS = [path for path in sorted((HOUSE / "scripts").iterdir()) if path.is_file() and path.suffix != ".py"]
SOURCES = sorted(path for package in PACKAGES for path in (HOUSE / package).rglob("*.py"))


def run(*words: str | Path, **more) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(HOUSE), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        [str(word) for word in words],
        cwd=more.pop("cwd", HOUSE),
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        **more,
    )


def python(code: str) -> str:
    done = run(sys.executable, "-W", "error", "-c", code)
    assert done.returncode == 0, done.stderr
    return done.stdout


def tracked() -> list[Path]:
    """The files under version control; where git does not answer, all that are no build output."""
    listed = run("git", "ls-files", "-z") if shutil.which("git") else None
    if listed is not None and listed.returncode == 0:
        names = [HOUSE / name for name in listed.stdout.split("\0") if name]
        return [path for path in names if path.is_file()]
    folders = [*PACKAGES, "tests", "scripts", "systemd", "docs", "benchmarks"]
    return [path for folder in folders for path in (HOUSE / folder).rglob("*") if _written(path)]


def _written(path: Path) -> bool:
    return path.is_file() and "__pycache__" not in path.parts


def test_the_arrows_run_one_way_and_pure_rooms_do_no_io():
    done = run(Path(sys.executable).with_name("lint-imports"), "--no-cache")
    assert done.returncode == 0, done.stdout


def test_every_package_is_listed_and_no_other():
    found = {
        str(path.relative_to(HOUSE)).replace("/", ".")
        for package in PACKAGES
        for path in [HOUSE / package, *(HOUSE / package).rglob("*")]
        if path.is_dir() and path.name != "__pycache__"
    }
    assert set(PROJECT["tool"]["setuptools"]["packages"]) == found


def test_the_wheel_holds_our_packages_their_data_and_licences_and_no_test(tmp_path):
    pytest.importorskip("setuptools", minversion="80")
    for name in ("pyproject.toml", "README.md", "LICENSE", "NOTICE"):
        shutil.copy(HOUSE / name, tmp_path)
    for package in PACKAGES:
        shutil.copytree(HOUSE / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    build = "import setuptools.build_meta as b; print(b.build_wheel('.'))"
    done = run(sys.executable, "-c", build, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as wheel:
        names = {name for name in wheel.namelist() if ".dist-info/" not in name}
        about = {name.split(".dist-info/")[1] for name in wheel.namelist() if ".dist-info/" in name}
    ours = {
        str(path.relative_to(HOUSE))
        for package in PACKAGES
        for path in (HOUSE / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert names == ours
    assert {"licenses/LICENSE", "licenses/NOTICE", "entry_points.txt"} <= about


def test_the_version_stands_in_one_place():
    assert PROJECT["project"]["dynamic"] == ["version"]
    assert PROJECT["tool"]["setuptools"]["dynamic"]["version"] == {"attr": "watcher.__version__"}
    assert re.fullmatch(r"\d+\.\d+\.\d+", python("import watcher; print(watcher.__version__)").strip())


def test_every_dependency_has_one_tested_version_and_no_host():
    lines = [line for line in (HOUSE / "constraints.txt").read_text().splitlines() if not line.startswith("#")]
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.!+-]+", line) for line in lines)
    pinned = {_plain(line) for line in lines}
    wanted = PROJECT["project"]["dependencies"] + PROJECT["dependency-groups"]["dev"]
    assert {_plain(line) for line in wanted} - pinned == set()


def _plain(requirement: str) -> str:
    return re.split(r"[=<>!~;\[ ]", requirement)[0].lower().replace("_", "-")


@pytest.mark.parametrize(
    ("page", "module"), [("settings.md", "watcher.settings"), ("commands.md", "watcher.manual")]
)
def test_the_page_is_what_the_code_says(page, module):
    done = run(sys.executable, "-m", module)
    assert done.returncode == 0, done.stderr
    assert (HOUSE / "docs" / page).read_text() == done.stdout, f"make it anew: python -m {module} > docs/{page}"


def test_every_command_says_what_it_does_and_stands_in_the_page():
    from watcher import manual
    from watcher.cli import parser

    page = (HOUSE / "docs" / "commands.md").read_text()
    commands = dict(manual.subcommands(parser()))
    assert commands
    for name, command in commands.items():
        assert f"## `tagwright {name}`" in page
        assert command.description, name


def test_help_needs_no_heavy_import():
    code = (
        "import sys; sys.argv = ['tagwright', '--help']\n"
        "from watcher import cli\n"
        "try: cli.main()\n"
        "except SystemExit: pass\n"
        "print('loaded:', *sys.modules)"
    )
    loaded = set(python(code).rpartition("loaded:")[2].split())
    heavy = {"numpy", "scipy", "sklearn", "PIL", "pydantic", "rawpy", "pillow_heif", "watchdog", "exiftool"}
    assert loaded & heavy == set()


def test_importing_any_module_of_ours_does_nothing():
    names = [".".join(path.relative_to(HOUSE).with_suffix("").parts) for path in SOURCES]
    modules = [name.removesuffix(".__init__") for name in names]
    code = f"""
import importlib, logging, os, sys, threading
did = []
def hook(event, args):
    writes = event == "open" and isinstance(args[2], int) and args[2] & (os.O_WRONLY | os.O_RDWR)
    if writes or event in ("os.mkdir", "os.remove", "os.rename", "socket.bind", "socket.connect",
                           "subprocess.Popen", "sqlite3.connect", "os.putenv"):
        frame = sys._getframe(1)
        while frame and "site-packages" not in frame.f_code.co_filename:  # what a library does is its own
            if frame.f_code.co_filename.startswith({str(HOUSE)!r}):
                did.append((event, args, frame.f_code.co_filename))
                break
            frame = frame.f_back
sys.addaudithook(hook)
for name in {modules!r}:
    try:
        importlib.import_module(name)
    except ImportError as error:
        if error.name != "torch":  # wanted by `models export` alone, and too large for every machine
            raise
assert not did, did
assert threading.active_count() == 1, threading.enumerate()
assert not logging.getLogger().handlers
"""
    python(code)


FORBIDDEN = {
    "a path of one machine": r"/(?:work|opt/pypi)/|/tmp/venv|/home/(?!anna|you)\w+/|/root/",
    "a package registry": r"pypi\.org|pythonhosted|/simple/",
    "an address in a private network": r"\b(?:10|192\.168)\.\d+\.\d+(?:\.\d+)?:\d+",
}


@pytest.mark.parametrize("what", FORBIDDEN)
def test_no_file_names(what):
    found = []
    for path in tracked():
        if path == Path(__file__) or path.suffix in {".png", ".jpg"}:
            continue
        text = path.read_bytes().decode("utf-8", "replace")
        found += [f"{path.relative_to(HOUSE)}: {hit[0]}" for hit in re.finditer(FORBIDDEN[what], text)]
    assert found == []


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_scripts_are_posix_shell_that_can_be_run(script):
    assert os.access(script, os.X_OK)
    assert script.read_text().startswith("#!/bin/sh\n")
    shell = shutil.which("dash") or "/bin/sh"
    done = run(shell, "-n", script)
    assert done.returncode == 0, done.stderr


@pytest.mark.real
def test_shellcheck_has_nothing_to_say():
    tool = shutil.which("shellcheck")
    if tool is None:
        pytest.skip("shellcheck is not installed")
    done = run(tool, *SCRIPTS, HOUSE / ".ci" / "run")
    assert done.returncode == 0, done.stdout


def test_wrong_use_of_a_script_is_told_before_anything_is_done():
    for script, word in [("run", "--what"), ("setup", "what"), ("install-service", "what")]:
        done = run(HOUSE / "scripts" / script, word)
        assert (done.returncode, done.stdout) == (2, ""), script
        assert "what" in done.stderr or "scripts/" in done.stderr


@pytest.fixture
def unit(tmp_path):
    """The unit with a program that is there, and a drop-in as the installer makes it."""
    from watcher.unit import folders

    text = (HOUSE / "systemd" / "tagwright.service").read_text()
    made = tmp_path / "tagwright.service"
    made.write_text(text.replace("/opt/tagwright/bin/tagwright", "/bin/true"))
    (tmp_path / "tagwright.service.d").mkdir()
    dropin = folders([Path("/srv/my photos"), Path("/srv/100%")])
    (tmp_path / "tagwright.service.d" / "folders.conf").write_text(dropin)
    return made


@pytest.mark.real
def test_systemd_understands_the_unit(unit):
    done = run(_analyze(), "verify", "--man=no", unit)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.real
@pytest.mark.parametrize("name", ["my photos", "100% %h", 'a "b" c\\', "Bücher", "x'y", "$HOME", "a;b #c"])
def test_systemd_reads_a_folders_name_as_it_is(unit, name):
    from watcher.unit import folders

    dropin = folders([Path(name)])  # a path that is not absolute is the one that systemd quotes back
    (unit.parent / "tagwright.service.d" / "folders.conf").write_text(dropin)
    done = run(_analyze(), "verify", "--man=no", unit)
    assert done.stderr.endswith(f"path is not absolute, ignoring: {name}\n")


@pytest.mark.real
def test_systemd_finds_the_unit_safe(unit):
    done = run(_analyze(), "security", "--offline=true", "--no-pager", unit)
    found = re.search(r"Overall exposure level for \S+: ([\d.]+)", done.stdout)
    assert found, done.stdout + done.stderr
    assert float(found[1]) <= 2.5


def _analyze() -> str:
    tool = shutil.which("systemd-analyze")
    if tool is None:
        pytest.skip("systemd-analyze is not installed")
    return tool


def test_the_unit_restarts_what_is_stuck_and_not_what_a_person_has_to_change():
    text = (HOUSE / "systemd" / "tagwright.service").read_text()
    for line in ("Type=notify", "Restart=on-failure", "RestartPreventExitStatus=2", "ProtectSystem=strict"):
        assert line in text
    assert re.search(r"^WatchdogSec=", text, re.MULTILINE)
    assert not re.search(r"^MemoryDenyWriteExecute=yes", text, re.MULTILINE)


def test_files_and_functions_stay_small():
    trees = [(path, path.read_text()) for path in SOURCES]
    functions = [
        node.end_lineno - node.lineno + 1
        for _, text in trees
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno
    ]
    assert statistics.quantiles(functions, n=10)[-1] <= 35
    assert statistics.quantiles([text.count("\n") for _, text in trees], n=10)[-1] <= 400
