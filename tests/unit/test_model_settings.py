from pathlib import Path

import pytest

from metadata.errors import UserError
from models import registry
from models.hosts import Host
from watcher import settings
from watcher.furnishing import asked_of, looking

HOME = {"HOME": "/home/me"}


@pytest.fixture
def load(tmp_path):
    def loaded(text, **environment):
        file = tmp_path / "t.toml"
        file.write_text(text)
        return settings.load(file, {**HOME, **environment}, {})

    return loaded


def test_the_captioner_s_name_is_all_it_takes(load):
    name, values = asked_of(load('captioner = "ollama"'))
    assert name == "ollama"
    assert dict(values)["hosts"] == (Host("http://localhost:11434"),)
    assert dict(values)["model"] == "qwen3-vl:4b-thinking-q4_K_M"
    made = registry.captioner(name, **dict(values))
    assert (made.slots, made.away) == (4, False)


@pytest.mark.parametrize("name", ["ollama", "openai_compatible"])
def test_the_settings_defaults_are_those_of_the_backend(load, name):
    _, values = asked_of(load(f'captioner = "{name}"'))
    with_settings, without = registry.captioner(name, **dict(values)), registry.captioner(name)
    assert with_settings.version == without.version
    assert with_settings.hosts.hosts == without.hosts.hosts


def test_hosts_are_addresses_or_tables(load):
    text = '[ollama]\nhosts = ["http://a", {url = "http://b", slots = 8, hints = true}]'
    hosts = dict(asked_of(load(f'captioner = "ollama"\n{text}'))[1])["hosts"]
    assert hosts == (Host("http://a"), Host("http://b", 8, hints=True))


def test_hosts_may_stand_in_a_variable(load):
    made = load('captioner = "ollama"', TAGWRIGHT_OLLAMA_HOSTS="http://a, http://b:1")
    assert [host.url for host in made.ollama.hosts] == ["http://a", "http://b:1"]


def test_secrets_without_a_folder_are_systemd_s_credentials(load):
    text = """
[[openai_compatible.hosts]]
url = "https://a"
key_file = "key"
headers = {"X-Id" = "id", "X-Other" = "/etc/other"}
"""
    (host,) = load(text, CREDENTIALS_DIRECTORY="/run/c").openai_compatible.hosts
    assert host.key_file == Path("/run/c/key")
    assert host.headers == {"X-Id": Path("/run/c/id"), "X-Other": Path("/etc/other")}


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("[ollama]\nhosts = [{url = 'http://a', slot = 3}]", "ollama.hosts.1.slot"),
        ("[ollama]\nhosts = ['http://a', {url = 'http://b', slots = 0}]", "ollama.hosts.2.slots"),
        ("[ollama]\nhosts = [{slots = 3}]", "ollama.hosts.1.url"),
        ("[ollama]\nsize = 10", "ollama.size"),
        ("[ollama]\ntemperature = true", "ollama.temperature"),
        ("[ollama]\nprompt = 'prompt.txt'", "ollama.prompt"),
        ("[openai_compatible]\nmodel = ''", "openai_compatible.model"),
        ("[private]\nfolder = ['x']", "private.folder"),
    ],
)
def test_nonsense_is_told_by_its_place(load, text, place):
    with pytest.raises(UserError) as caught:
        load(text)
    assert str(caught.value).splitlines()[1].strip().startswith(f"{place}: ")


def test_a_captioner_that_needs_no_server_describes_as_part_of_the_look(load):
    made = looking(load('captioner = "plain"'))
    assert (made.captioner, made.asked) == (("plain", ()), None)
    made = looking(load('captioner = "ollama"'))
    assert made.captioner is None
    assert made.asked is not None
    assert hash(made.asked)


def test_a_vision_model_among_the_taggers_is_told_where_it_belongs():
    with pytest.raises(UserError, match="set `captioner = 'ollama'` instead"):
        registry.tagger("ollama")
