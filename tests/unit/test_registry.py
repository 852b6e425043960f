"""Names in the settings and the modules that answer to them."""

import subprocess
import sys
import types
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from metadata.errors import UserError
from models import registry

HOUSE = Path(__file__).parents[2]


def test_a_module_is_imported_only_when_it_is_asked_for():
    code = (
        "import sys\nfrom models import registry\nregistry.names('taggers')\n"
        "assert not any(name.startswith('models.taggers.') for name in sys.modules)\n"
        "assert not {'numpy', 'PIL', 'astral'} & set(sys.modules)\n"
        "registry.tagger('panorama')\nassert not {'numpy', 'PIL', 'astral'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=HOUSE, check=True)


def test_settings_are_handed_on():
    (words,) = registry.tagger("panorama", aspect=9.0).tag([])[:1] or ([],)
    assert words == []
    assert registry.tagger("panorama", aspect=9.0)._aspect == 9.0


def test_a_setting_that_a_tagger_does_not_know_is_told():
    with pytest.raises(UserError, match=r"'night' does not take these settings: .*'moon'"):
        registry.tagger("night", moon=True)


@pytest.mark.parametrize("kind", ["tagger", "captioner", "embedder"])
def test_an_unknown_name_lists_the_known_ones(kind):
    with pytest.raises(UserError, match=f"no {kind} is called 'x'; there are: "):
        getattr(registry, kind)("x")


@pytest.mark.parametrize("name", ["../sky", "os", "", "__init__"])
def test_a_name_is_no_path(name):
    with pytest.raises(UserError, match="no tagger is called"):
        registry.tagger(name)


def entry(monkeypatch, make):
    module = types.ModuleType("tagwright_sky")
    module.make = make
    monkeypatch.setitem(sys.modules, "tagwright_sky", module)
    point = EntryPoint("sky", "tagwright_sky:make", "tagwright.taggers")
    monkeypatch.setattr("importlib.metadata.entry_points", lambda group: [point] if group == point.group else [])


def test_an_installed_package_brings_taggers(monkeypatch):
    entry(monkeypatch, lambda **settings: settings)
    assert registry.tagger("sky", a=1) == {"a": 1}
    assert "sky" in registry.names("taggers")
    assert "sky" not in registry.names("captioners")


def test_a_missing_library_says_what_to_install(monkeypatch):
    def make():
        raise ModuleNotFoundError("No module named 'torch'", name="torch.nn")

    entry(monkeypatch, make)
    with pytest.raises(UserError, match=r"tagger 'sky' needs 'torch': pip install tagwright\[models\]"):
        registry.tagger("sky")
