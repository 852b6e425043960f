"""What other programs for the same library are set with, and what says the same here.

`python -m watcher.former > docs/coming-from.md` makes the page; tests hold it to the settings and commands.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Row:
    """A variable or flag of a program, its default there, and ours: a setting, a command, or neither (`note`)."""

    name: str
    default: str = ""
    setting: str = ""
    command: str = ""
    note: str = ""


_ROLE = "better a role that may only read: `tagwright immich grants` prints the SQL that makes it"
_ALWAYS = "is always so"

IMMICH_ML_TAG = (
    Row("DB_HOST", "localhost", "immich.database.host", note="without it words and captions go by Immich's API"),
    Row("DB_PORT", "5433", "immich.database.port", note="5432 is Postgres' own and that of Immich's container"),
    Row("DB_USERNAME", "postgres", "immich.database.user", note=_ROLE),
    Row("DB_PASSWORD", "", "immich.database.password_file", note="a file that only its owner reads"),
    Row("DB_DATABASE_NAME", "immich", "immich.database.name"),
    Row("API_KEY", "", "immich.keys", note="a file for each user's key; docs/immich.md lists its permissions"),
    Row("URL", "https://immich.example.com", "immich.url"),
    Row("ML_RESOURCE_PATH", "./ml_resources", "state", note="the ledger's folder; nothing of theirs is read"),
    Row("TRAIN_TIME", "02:00", note="nothing is trained by the clock"),
    Row("INFERENCE_INTERVAL", "5", "immich.poll", note="theirs in minutes; a photo is looked at when it lands"),
    Row("THRESHOLD", "0.5", "threshold"),
    Row("MIN_SAMPLES", "10", note="nothing is trained on few photos"),
    Row(
        "ML_TAG_SUFFIX",
        "_predicted",
        "under",
        note="ours stand below a keyword of their own, where that is wanted",
    ),
    Row("serve", "", command="run"),
    Row("--train-on-start", "off", note="nothing is trained"),
    Row("train", "", note="as above"),
    Row("train --force", "", command="scan --again"),
    Row("inference", "", command="scan"),
    Row("inference --full", "", command="scan --again", note="with the folders of all photos"),
    Row("z_ml_negative_examples/…", "", note="a word of ours that you take away is refused, and stays away"),
)
IMMICH_ANALYZE = (
    Row("DB_USERNAME", "", "immich.database.user", note=_ROLE),
    Row("DB_PASSWORD", "", "immich.database.password_file", note="a file that only its owner reads"),
    Row("DB_DATABASE_NAME", "", "immich.database.name"),
    Row("DB_HOSTNAME", "database", "immich.database.host"),
    Row("DB_PORT", "5432", "immich.database.port"),
    Row(
        "IMMICH_ANALYZE_OLLAMA_HOSTS", "http://localhost:11434", "ollama.hosts", note='with `captioner = "ollama"`'
    ),
    Row("IMMICH_ANALYZE_OLLAMA_JWT_TOKEN", "", "ollama.hosts", note="`key_file` of a host: a file with the token"),
    Row("IMMICH_ANALYZE_MODEL_NAME", "qwen3-vl:4b-thinking-q4_K_M", "ollama.model"),
    Row(
        "IMMICH_ANALYZE_PROMPT", "a sentence", "ollama.prompt", note="a file; ours asks for keywords and a caption"
    ),
    Row("IMMICH_ANALYZE_IGNORE_EXISTING", "false", note="a description that a person wrote is never overwritten"),
    Row("IMMICH_ANALYZE_LANG", "en", note="the program speaks English; `ollama.language` is that of captions"),
    Row("IMMICH_ANALYZE_MAX_CONCURRENT", "4", "ollama.hosts", note="`slots` of a host"),
    Row(
        "IMMICH_ANALYZE_UNAVAILABLE_DURATION", "60", note="a host that is away is tried again with growing pauses"
    ),
    Row("IMMICH_ANALYZE_TIMEOUT", "300", "ollama.timeout"),
    Row("--monitor", "off", command="run --new-only"),
    Row("--combined", "off", command="run"),
    Row("--ignore-existing", "off", note="as IMMICH_ANALYZE_IGNORE_EXISTING"),
    Row("--immich-root", "/var/lib/immich", "immich.upload_location"),
    Row("--postgres-url", "host=localhost …", "immich.database.host", note="and its neighbours"),
    Row("--model-name", "qwen3-vl:4b-thinking-q4_K_M", "ollama.model"),
    Row("--ollama-hosts", "http://localhost:11434", "ollama.hosts"),
    Row("--ollama-jwt-token", "", "ollama.hosts", note="`key_file` of a host"),
    Row("--max-concurrent", "4", "ollama.hosts", note="`slots` of a host"),
    Row("--unavailable-duration", "60", note="growing pauses"),
    Row("--timeout", "300", "ollama.timeout"),
    Row(
        "--file-write-timeout", "30", "settle_max", note="longer, and then only told of: a slow copy is waited for"
    ),
    Row("--file-check-interval", "500", "settle", note="theirs in milliseconds"),
    Row("--event-cooldown", "2", "cooldown"),
    Row("--prompt", "a sentence", "ollama.prompt"),
    Row("--lang", "", note="as IMMICH_ANALYZE_LANG"),
)
AUTO_TAGGER = (
    Row("IMMICH_BASE_URL", "", "immich.url"),
    Row("IMMICH_API_KEY", "", "immich.api_key", note="or better a file, `immich.keys`"),
    Row("threshold", "0.35", "threshold", note="`thresholds` has one for each source"),
    Row("blacklist", "", "block"),
    Row("batch size", "25", "memory", note="batches go by the memory there is"),
    Row("marker tag", "auto:processed", "immich.marker", note="not needed to know what is done: the ledger does"),
    Row("/health", "optional", "health.listen"),
    Row("one full run", "", command="run --once"),
)
PHOTOTAG = (
    Row("APP_LOG_LEVEL", "INFO", "log.level"),
    Row("APP_JSON_LOGS", "auto", "log.format"),
    Row("APP_DB_PATH", "phototag.db", "state", note="a folder"),
    Row(
        "APP_MODELS_DIR",
        "$XDG_CACHE_HOME/phototag/models",
        "state",
        note="models lie in the folder `models` in it",
    ),
    Row("APP_DEVICE", "auto", note="what runs here takes the processor; other machines answer over HTTP"),
    Row("APP_API_TOKEN", "(unset)", note="there is no page to protect"),
    Row("APP_API_TOKEN_FILE", "(unset)", note="as above"),
    Row("scan PATH", "", command="scan"),
    Row("list --tag", "", command="list --tag"),
    Row("stats", "", command="stats"),
    Row("export --format", "", command="export --format"),
    Row("info IMAGE_PATH", "", command="show"),
    Row("xmp write --apply", "dry", command="xmp write", note="`xmp diff` shows it first"),
    Row("xmp clean --apply", "dry", command="xmp clean --apply", note="takes away only what we wrote"),
    Row("category add, rm, list, map, unmap", "", command="category map"),
    Row("--include-people", "off", "roots.people", note="`none`, `names` or `regions`"),
    Row("exif-backfill", "", note="what a photo says of itself is read with it"),
    Row("geo-tag", "", "facts", note="`place`"),
    Row("prune", "", command="prune"),
    Row("doctor", "", command="doctor"),
    Row("backup", "", command="backup"),
    Row("version", "", command="--version"),
    Row("faces …", "", note="people are taken over from Immich (`roots.people`), none are found here"),
    Row("serve --port", "8000", note="there is no page; look at the photos in Immich or digiKam"),
)
LOCAL_AI = (
    Row(
        "--api-url",
        "http://127.0.0.1:1234",
        "openai_compatible.hosts",
        note='with `captioner = "openai_compatible"`',
    ),
    Row("--model", "google/gemma-3-4b", "openai_compatible.model"),
    Row("--verbose", "off", command="run --verbose"),
    Row("--append-tags", "off", note=f"{_ALWAYS}: a person's words are never replaced"),
    Row("--dry-run", "off", command="plan", note="for duplicates `dedupe --dry-run`"),
    Row("--similarity-threshold", "0.85", command="dedupe --threshold"),
    Row("--min-cluster-size", "2", command="dedupe --min-size"),
    Row("--batch-size", "100", command="dedupe --batch"),
    Row("--embedding-url", "http://localhost:1234", command="dedupe --url"),
    Row("--embedding-model", "text-embedding-nomic-embed-text-v1.5", command="dedupe --model"),
)

PROGRAMS: Mapping[str, tuple[Row, ...]] = {
    "Immich-ML-Tag": IMMICH_ML_TAG,
    "immich-analyze": IMMICH_ANALYZE,
    "A list of wishes: the Immich auto-tag processor": AUTO_TAGGER,
    "phototag": PHOTOTAG,
    "LocalAIPhotoTagger": LOCAL_AI,
}

_HEAD = """\
# Coming from another program

What each of these programs is set with, and what says the same here; [settings.md](settings.md) and
[commands.md](commands.md) have all of ours. This page is made by `python -m watcher.former > docs/coming-from.md`.

The variables of Immich-ML-Tag and immich-analyze are turned into a settings file:

```
tagwright import-settings --env .env --out tagwright.toml --root photos=/srv/photos
```

It writes keys, passwords and tokens into files of their own beside it (mode 0600), and says what it left out and
why. Without `--env` this shell's variables count. Nothing is asked over the network, and none of their data is
touched.

Keywords that they wrote count as a person's: they are kept and carried to every place. Immich-ML-Tag's own
are found by `tagwright list --tag`; take them away in Immich or digiKam where you do not want them, and they stay
away.
"""


def page() -> str:
    """docs/coming-from.md."""
    return "\n".join([_HEAD, *(_table(name, rows) for name, rows in PROGRAMS.items())])


def _table(program: str, rows: tuple[Row, ...]) -> str:
    head = f"## {program}\n\n| There | Default there | Here | Default here | |\n| --- | --- | --- | --- | --- |\n"
    return head + "".join(_line(row) for row in rows)


def _line(row: Row) -> str:
    here = f"`{row.setting}`" if row.setting else ""
    if row.command:
        here = f"`tagwright {row.command}`"
    default = f"`{row.default}`" if row.default and " " not in row.default else row.default
    ours = shown(row.setting) if row.setting else ""
    return f"| `{row.name}` | {default} | {here or '-'} | {ours} | {row.note} |\n"


def shown(key: str) -> str:
    """Our default of a setting, as the page of settings shows it. Raises KeyError where there is none."""
    from watcher import manual  # noqa: PLC0415 - pydantic is needed here only
    from watcher.settings import Root, Settings  # noqa: PLC0415 - as above

    model: Any = Settings
    *tables, name = key.split(".")
    for table in tables:
        if table == "roots":
            model = Root
        else:
            inner = model.model_fields[table].annotation
            model = inner if isinstance(inner, type) else model
    text: str = manual.default(model.model_fields[name])
    return text if text.startswith(("`", "(")) or not text.startswith("[") else f"`{text}`"


def variables() -> Iterator[str]:
    """The variables that `import-settings` understands."""
    for rows in (IMMICH_ML_TAG, IMMICH_ANALYZE):
        yield from (row.name for row in rows if row.name.isupper() and " " not in row.name)


if __name__ == "__main__":
    print(page(), end="")  # noqa: T201 - this is what the page is made with
