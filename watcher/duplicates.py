"""`tagwright dedupe` over the library: search and report, apply, aliases, words kept apart."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from metadata import tags
from metadata.errors import UserError
from watcher.asking import DONE, SOME_FAILED, Arguments, command, known_settings, perform, reading, say
from watcher.progress import Progress

if TYPE_CHECKING:
    from models.dedupe.find import Options, Result
    from watcher.census import Census
    from watcher.settings import Settings

Find = Callable[["Census", "Options"], "Result"]
FOLDER = "dedupe"
"""Where the report lies, in the folder of the ledger."""
PICTURES = 3


def search(arguments: Arguments, find: Find) -> int:
    """Read all keywords, look for those that mean the same, and write report.json and report.html."""
    from watcher import census, report, report_page, thumbs
    from watcher.ledger import store

    settings = known_settings(arguments)
    ledger = store.open_for_reading(settings.state)
    try:
        ledger.db.execute("BEGIN")
        counted = _told("photos read", lambda tell: census.take(ledger.db, tell))
        options = _options(ledger.db, counted, arguments)
        result = find(counted, options)
        made = report.made(counted, result, _about(settings, ledger.id, arguments))
        made = judged(made, settings)
        wanted = report.examples(made, PICTURES)
        numbers = [number for ids in wanted.values() for number in ids]
        found = _told("example photos", lambda tell: thumbs.of(ledger.db, numbers, tell))
    finally:
        ledger.close()
    pictures = {word: [found[number] for number in ids if number in found] for word, ids in wanted.items()}
    text = json.dumps(made, ensure_ascii=True, indent=1) + "\n"
    folder = arguments.out or settings.state / FOLDER
    paths = report.written(folder, {"report.json": text, "report.html": report_page.page(made, pictures)})
    return say(arguments, {**_summary(made), "report": [str(path) for path in paths]}, _lines(made, paths))


def _told(what: str, do: Callable[[Callable[[int, int], None]], Any]) -> Any:
    progress = Progress(what, sys.stderr)
    made = do(progress)
    progress.end()
    return made


def _options(db: Any, counted: Census, arguments: Arguments) -> Options:
    from models.canonical import Wishes
    from models.dedupe.find import Options
    from watcher.ledger import aliases, categories

    used = aliases.used(db)
    chosen = {part for to in (*used.paths.values(), *used.leaves.values()) for part in to[-1:]}
    chosen |= {part for row in categories.listed(db) for part in row["category"].split("/")}
    typed = {text for text, use in counted.uses.items() if use.persons}
    made = {text for text, use in counted.uses.items() if use.ours and not use.persons}
    held = aliases.protected(db) | categories.persons(db)
    protected = {text for text in counted.uses if tags.key((text,)) in held} | counted.people
    return Options(
        threshold=arguments.threshold,
        min_size=arguments.min_size,
        method=arguments.method,
        wishes=Wishes(frozenset(chosen), frozenset(typed), frozenset(made)),
        protected=frozenset(protected),
        apart=frozenset(_spelled(aliases.pairs(db), counted)),
    )


def _spelled(pairs: frozenset[tuple[str, str]], counted: Census) -> Iterator[frozenset[str]]:
    """Every two spellings of words that are kept apart."""
    by_key: dict[str, list[str]] = {}
    for text in counted.uses if pairs else ():
        by_key.setdefault(tags.key((text,)), []).append(text)
    for one, other in pairs:
        yield from (frozenset({a, b}) for a in by_key.get(one, ()) for b in by_key.get(other, ()))


def _about(settings: Settings, ledger: str, arguments: Arguments) -> dict[str, Any]:
    made = datetime.now(settings.zone()).astimezone().isoformat(" ", "minutes")
    names = ("threshold", "min_size", "method", "embedder", "url", "model")
    return {"made": made, "ledger": ledger, "options": {name: getattr(arguments, name) for name in names}}


def judged(made: dict[str, Any], settings: Settings) -> dict[str, Any]:
    """The report with what a language model says of the pairs in doubt, where one is to be asked."""
    if not settings.judge or not made["in_doubt"]:
        return made
    from models import judge
    from watcher import model_settings, report

    name = settings.captioner if settings.captioner in ("ollama", "openai_compatible") else "openai_compatible"
    _, given = model_settings.spec(name, getattr(settings, name))
    values = dict(given)
    progress = Progress("pairs judged", sys.stderr)
    try:
        asked = judge.Judge(
            values["hosts"], values["model"], values["timeout"], settings.state / FOLDER / "judged.json"
        )
        said = asked.say([(pair["a"], pair["b"]) for pair in made["in_doubt"]], progress)
    except Exception as error:  # noqa: BLE001 - whatever a server does, the report stands without it
        print(f"tagwright: no language model judged the pairs in doubt: {error}", file=sys.stderr)
        return made
    progress.end()
    for pair in made["in_doubt"]:
        verdict = said.get((pair["a"], pair["b"]))
        if verdict is not None:
            pair["for" if verdict.same else "against"].append(verdict.told)
    return {**made, "digest": report.digest(made)}


def _summary(made: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "digest": made["digest"],
        "photos": made["photos"],
        "keywords": made["keywords"],
        "groups": len(made["groups"]),
        "merged": sum(len(group["words"]) - 1 for group in made["groups"]),
        "in_doubt": len(made["in_doubt"]),
        "held_apart": len(made["held_apart"]),
        "possible_parents": len(made["could_be_a_hierarchy"]),
    }


def _lines(made: Mapping[str, Any], paths: Sequence[Path]) -> Iterator[str]:
    words = made["words"]
    for group in made["groups"][:20]:
        others = [f"{word} ({words[word]['photos']})" for word in group["words"] if word != group["to"]]
        yield f"{group['to']} ({words[group['to']]['photos']}) <- {', '.join(others)}"
    if len(made["groups"]) > 20:
        yield f"… and {len(made['groups']) - 20} groups more"
    yield (
        f"{len(made['groups'])} groups among {made['keywords']} keywords of {made['photos']} photos; "
        f"{len(made['in_doubt'])} pairs in doubt. Nothing was changed."
    )
    yield f"look at {paths[1]}, then `tagwright dedupe --apply`"


# Apply


def apply(arguments: Arguments) -> int:
    """Do what a report says, as it was shown, or as it was decided about."""
    from watcher import handing, report, tell

    settings = known_settings(arguments)
    shown = report.read(arguments.report or (arguments.out or settings.state / FOLDER) / "report.json")
    _same_ledger(settings, shown)
    decided = report.decisions(arguments.decisions) if arguments.decisions else None
    wanted = report.approved(shown, decided)
    words = [_counted(shown, word, tags.show(to), to[-1]) for word, to in sorted(wanted.items())]
    values = {"report": _name(shown, decided), "words": words, "apart": decided["apart"] if decided else []}
    progress = Progress("photos done", sys.stderr)
    answer, failed = handing.do(settings, "dedupe", values, lambda db: _so_far(db, progress))
    if "handed_to" in answer:
        _wait(settings, answer["run"], progress)
    progress.end()
    answer["tags_left"] = _left(settings, answer["run"])
    say(arguments, answer, tell.merged(answer))
    return SOME_FAILED if failed else DONE


def _same_ledger(settings: Settings, shown: Mapping[str, Any]) -> None:
    from watcher.ledger import store

    ledger = store.open_for_reading(settings.state)
    ledger.close()
    if ledger.id != shown["ledger"]:
        raise UserError("this report is about another library; `tagwright dedupe` makes one of this")


def _counted(shown: Mapping[str, Any], word: str, to: str, last: str) -> dict[str, Any]:
    used = shown["words"]
    there = used[last]["agreed"] if last in used else None
    return {"word": word, "to": to, "ids": used[word]["ids"], "agreed": used[word]["agreed"], "to_agreed": there}


def _name(shown: Mapping[str, Any], decided: Mapping[str, Any] | None) -> str:
    """The digest of what is applied: other decisions about one report are another run."""
    from watcher import report

    return str(shown["digest"] if decided is None else report.digest(decided))


def _so_far(db: Any, progress: Progress) -> None:
    from watcher.ledger import merges

    if not progress.due:
        return
    row = db.execute(
        "SELECT id FROM runs WHERE why GLOB 'dedupe *' AND ended IS NULL ORDER BY id DESC LIMIT 1"
    ).fetchone()
    if row is not None:
        done, left = merges.progress(db, row[0])
        progress(done, done + left)


def _wait(settings: Settings, run: int, progress: Progress) -> None:
    """The service works on it: tell how far it is until all is done, or nothing moves any more."""
    from watcher.ledger import merges, store

    ledger = store.open_for_reading(settings.state)
    try:
        last, since = -1, time.monotonic()
        while True:
            done, left = merges.progress(ledger.db, run)
            progress(done, done + left)
            if done != last:
                last, since = done, time.monotonic()
            if not left or time.monotonic() - since > QUIET:
                return
            time.sleep(0.2)  # another process works; there is nothing to wait on but the ledger
    finally:
        ledger.close()


QUIET = 60.0
"""Seconds without a photo after which nobody waits for the service; it goes on by itself."""


def _left(settings: Settings, run: int) -> list[dict[str, str]]:
    from watcher import sweeping
    from watcher.ledger import store

    ledger = store.open_for_reading(settings.state)
    try:
        return sweeping.left(ledger.db, run)
    finally:
        ledger.close()


# Aliases and words kept apart


def add(commands: Any) -> None:
    """`dedupe alias …`, `protect`, `unprotect`, `block`, `unblock`, `apart`."""
    says = "Words that stand for others, from the next photo on."
    group = commands.add_parser("alias", help=says, description=says)
    _aliases(group.add_subparsers(title="commands", metavar="COMMAND", required=True))
    for name, does in (("protect", "Never merge these words."), ("unprotect", "Let these words be merged again.")):
        made = command(commands, name, _changed(f"dedupe {name}", "words"), does)
        made.add_argument("words", metavar="WORD", nargs="+", help="keywords")
    for name, does in (
        ("block", "Never merge these two words with each other, nor offer it."),
        ("unblock", "Let these two words be merged again."),
    ):
        made = command(commands, name, _changed(f"dedupe {name}", "word", "other"), does)
        made.add_argument("word", metavar="WORD", help="a keyword")
        made.add_argument("other", metavar="OTHER", help="another")
    command(commands, "apart", _apart, "List protected words, and pairs that are never merged.")


def _aliases(commands: Any) -> None:
    says = "Write one word instead of another. A plain word counts wherever it ends a path."
    made = command(commands, "add", _changed("dedupe alias add", "word", "to", "path"), says)
    made.add_argument("word", metavar="WORD", help="a keyword, such as couch or animals/dogs")
    made.add_argument("to", metavar="TO", help="what is written instead")
    made.add_argument("--path", action="store_true", help="only where it is the whole keyword")
    made = command(commands, "rm", _changed("dedupe alias rm", "word"), "Write what is said again.")
    made.add_argument("word", metavar="WORD", help="an alias")
    command(commands, "list", _listed, "The aliases, and what each matches.")
    made = command(commands, "export", _exported, "Write all aliases to a file, as JSON.", machine=False)
    made.add_argument("file", metavar="FILE", type=Path, help="a file; - writes here")
    made = command(commands, "import", _imported, "Take aliases from such a file, all of them or none.")
    made.add_argument("file", metavar="FILE", type=Path, help="a file")


def _changed(name: str, *wanted: str) -> Callable[[Arguments], int]:
    return lambda arguments: perform(arguments, name, {each: getattr(arguments, each) for each in wanted})


def _listed(arguments: Arguments) -> int:
    from watcher.ledger import aliases

    def lines(rows: Any, _: Any) -> Iterator[str]:
        for row in rows:
            run = f", by run {row['run']}" if row["run"] else ""
            yield f"{row['word']} -> {row['to']} ({row['matches']}{run})"

    return reading(arguments, lambda db, _: aliases.listed(db), lines)


def _apart(arguments: Arguments) -> int:
    from watcher.ledger import aliases

    def lines(rows: Any, _: Any) -> Iterator[str]:
        for row in rows:
            yield (
                f"{row['word']} is never {row['not_with']}"
                if row["not_with"]
                else f"{row['word']} is never merged"
            )

    return reading(arguments, lambda db, _: aliases.apart(db), lines)


def _exported(arguments: Arguments) -> int:
    from watcher import report
    from watcher.ledger import aliases, store

    ledger = store.open_for_reading(known_settings(arguments).state)
    try:
        rows = aliases.listed(ledger.db)
    finally:
        ledger.close()
    text = json.dumps([{name: row[name] for name in ("word", "to", "matches")} for row in rows], indent=1) + "\n"
    if str(arguments.file) == "-":
        print(text, end="")
    else:
        report.written(arguments.file.absolute().parent, {arguments.file.name: text})
    return DONE


def _imported(arguments: Arguments) -> int:
    try:
        rows = json.loads(arguments.file.read_bytes())
        these = [{"word": str(r["word"]), "to": str(r["to"]), "matches": str(r.get("matches", ""))} for r in rows]
    except OSError as error:
        raise UserError(f"{arguments.file}: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(f'{arguments.file} does not hold [{{"word": …, "to": …}}, …]') from error
    return perform(arguments, "dedupe alias import", {"aliases": these})
