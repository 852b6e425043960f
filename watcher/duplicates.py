"""`tagwright dedupe` over the library: search and report, apply; one report for each user of Immich."""

from __future__ import annotations

import json
import re
import shlex
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from metadata import tags
from metadata.errors import UserError
from watcher.asking import DONE, SOME_FAILED, Arguments, known_settings, say
from watcher.progress import Progress
from watcher.veil import REPORTS as FOLDER

if TYPE_CHECKING:
    from models.dedupe.find import Options, Result
    from watcher.census import Census
    from watcher.settings import Settings

Find = Callable[["Census", "Options"], "Result"]
PICTURES = 3
NO_USER = "no user"
"""What photos that belong to no user of Immich are called, where others do."""


def search(arguments: Arguments, find: Find) -> int:
    """Read all keywords, look for those that mean the same, and write report.json and report.html.

    Where photos belong to users of Immich, a report for each of them, and one for the photos of none.
    """
    from watcher.ledger import owners, store

    settings = known_settings(arguments)
    ledger = store.open_for_reading(settings.state)
    try:
        ledger.db.execute("BEGIN")
        whose = _asked(ledger.db, arguments)
        alone = len(owners.parts(ledger.db)) == 1
        made = [_searched(ledger, settings, arguments, find, owner, alone=alone) for owner in whose]
    finally:
        ledger.close()
    answers = [{**_summary(one), "report": [str(path) for path in paths]} for one, paths in made]
    lines = (line for one, paths in made for line in _lines(one, paths))
    return say(arguments, answers[0] if len(made) == 1 else {"reports": answers}, lines)


def _asked(db: Any, arguments: Arguments) -> list[str]:
    """The owners whose reports are meant."""
    from watcher.ledger import owners

    return owners.parts(db) if arguments.user is None else [owners.find(db, arguments.user)]


def _searched(
    ledger: Any, settings: Settings, arguments: Arguments, find: Find, owner: str, *, alone: bool
) -> tuple[dict[str, Any], list[Path]]:
    """One report, written."""
    from watcher import census, report, report_page, thumbs

    db, name = ledger.db, _called(ledger.db, owner)
    counted = _told(f"photos{name and f' of {name}'} read", lambda tell: census.take(db, tell, owner))
    options = _options(db, counted, arguments, owner)
    made = report.made(counted, find(counted, options), _about(settings, ledger, arguments, owner))
    made = judged(made, settings)
    wanted = report.examples(made, PICTURES)
    numbers = [number for ids in wanted.values() for number in ids]
    found = _told("example photos", lambda tell: thumbs.of(db, numbers, tell))
    pictures = {word: [found[number] for number in ids if number in found] for word, ids in wanted.items()}
    text = json.dumps(made, ensure_ascii=True, indent=1) + "\n"
    folder = arguments.out or settings.state / FOLDER
    folder = folder if alone else folder / _folder(db, owner)
    return made, report.written(folder, {"report.json": text, "report.html": report_page.page(made, pictures)})


def _called(db: Any, owner: str) -> str:
    """How a person knows whose photos these are; "" where they are everybody's."""
    from watcher.ledger import owners

    return NO_USER if owner == owners.NOBODY else owners.called(db, owner)


def _folder(db: Any, owner: str) -> str:
    """Where an owner's report lies, below those of all: by name, or by id where two names look alike."""
    from watcher.ledger import owners

    names = {each: re.sub(r"[^\w@.+-]", "_", _called(db, each)).strip(".") for each in owners.parts(db)}
    name = names.get(owner, owner)
    return name if name and list(names.values()).count(name) == 1 else owner


def _told(what: str, do: Callable[[Callable[[int, int], None]], Any]) -> Any:
    progress = Progress(what, sys.stderr)
    made = do(progress)
    progress.end()
    return made


def _options(db: Any, counted: Census, arguments: Arguments, owner: str) -> Options:
    from models.canonical import Wishes
    from models.dedupe.find import Options
    from watcher.ledger import aliases, categories

    used = aliases.used(db, owner)
    chosen = {part for to in (*used.paths.values(), *used.leaves.values()) for part in to[-1:]}
    chosen |= {part for row in categories.listed(db) for part in row["category"].split("/")}
    typed = {text for text, use in counted.uses.items() if use.persons}
    made = {text for text, use in counted.uses.items() if use.ours and not use.persons}
    held = aliases.protected(db, owner) | categories.persons(db)
    protected = {text for text in counted.uses if tags.key((text,)) in held} | counted.people
    return Options(
        threshold=arguments.threshold,
        min_size=arguments.min_size,
        method=arguments.method,
        wishes=Wishes(frozenset(chosen), frozenset(typed), frozenset(made)),
        protected=frozenset(protected),
        apart=frozenset(_spelled(aliases.pairs(db, owner), counted)),
    )


def _spelled(pairs: frozenset[tuple[str, str]], counted: Census) -> Iterator[frozenset[str]]:
    """Every two spellings of words that are kept apart."""
    by_key: dict[str, list[str]] = {}
    for text in counted.uses if pairs else ():
        by_key.setdefault(tags.key((text,)), []).append(text)
    for one, other in pairs:
        yield from (frozenset({a, b}) for a in by_key.get(one, ()) for b in by_key.get(other, ()))


def _about(settings: Settings, ledger: Any, arguments: Arguments, owner: str) -> dict[str, Any]:
    made = datetime.now(settings.zone()).astimezone().isoformat(" ", "minutes")
    names = ("threshold", "min_size", "method", "embedder", "url", "model")
    about = {"made": made, "ledger": ledger.id, "options": {name: getattr(arguments, name) for name in names}}
    return about | ({"user": owner, "photos_of": _called(ledger.db, owner)} if owner else {})


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
        **({"user": made["photos_of"]} if "user" in made else {}),
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
    of = f" of {made['photos_of']}" if "user" in made else ""
    yield (
        f"{len(made['groups'])} groups among {made['keywords']} keywords of {made['photos']} photos{of}; "
        f"{len(made['in_doubt'])} pairs in doubt. Nothing was changed."
    )
    yield f"look at {paths[1]}, then `tagwright dedupe --apply{_option(made)}`"


def _option(made: Mapping[str, Any]) -> str:
    """What names the user whose report this is."""
    from watcher.ledger.owners import NOBODY

    name = NOBODY if made.get("user") == NOBODY else made.get("photos_of", "")
    return f" --user {shlex.quote(name)}" if name else ""


# Apply


def apply(arguments: Arguments) -> int:
    """Do what a report says, as it was shown, or as it was decided about."""
    from watcher import handing, report, tell

    settings = known_settings(arguments)
    shown = report.read(arguments.report or _place(settings, arguments) / "report.json")
    _same_ledger(settings, shown)
    decided = report.decisions(arguments.decisions) if arguments.decisions else None
    progress = Progress("photos done", sys.stderr)
    answer, failed = handing.do(settings, "dedupe", values(shown, decided), SoFar(progress))
    if "handed_to" in answer:
        _wait(settings, answer["run"], progress)
    progress.end()
    answer["tags_left"] = _left(settings, answer["run"])
    say(arguments, answer, tell.merged(answer))
    return SOME_FAILED if failed else DONE


def values(shown: Mapping[str, Any], decided: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """What `merging.merge` is told to do of a report, as it was shown or as it was decided about."""
    from watcher import report

    wanted = report.approved(shown, decided)
    words = [_counted(shown, word, tags.text(to), to[-1]) for word, to in sorted(wanted.items())]
    made = {"report": _name(shown, decided), "words": words, "apart": decided["apart"] if decided else []}
    return made | ({"owner": shown["user"]} if "user" in shown else {})


def _place(settings: Settings, arguments: Arguments) -> Path:
    """The folder of the report that is meant. Raises UserError where there are several, and none is named."""
    from watcher.ledger import owners, store

    folder: Path = arguments.out or settings.state / FOLDER
    ledger = store.open_for_reading(settings.state)
    try:
        several, whose = owners.parts(ledger.db), _asked(ledger.db, arguments)
        if len(several) == 1:
            return folder
        if len(whose) == 1:
            return folder / _folder(ledger.db, whose[0])
        told = ", ".join(owners.called(ledger.db, owner) for owner in several)
        raise UserError(
            f"each user has a report of their own: name one with --user ({told}); - has photos of none"
        )
    finally:
        ledger.close()


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


class SoFar:
    """Tells how far the merging is, while it looks on at the ledger."""

    def __init__(self, tell: Progress) -> None:
        self._tell, self._all = tell, 0

    def __call__(self, db: Any) -> None:
        """So far."""
        from watcher.ledger import merges

        if not self._tell.due:
            return
        query = "SELECT id FROM runs WHERE why GLOB 'dedupe *' AND ended IS NULL ORDER BY id DESC LIMIT 1"
        row = db.execute(query).fetchone()
        if row is not None:
            self._all = self._all or sum(merges.progress(db, row[0]))
            self._tell(self._all - merges.left(db, row[0]), self._all)


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
