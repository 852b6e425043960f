"""`tagwright try` and `estimate`: what backends say, and how long all will take."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from metadata import tags
from metadata.errors import TagwrightError, UserError
from watcher.asking import DONE, SOME_FAILED, Arguments, command, count, known_settings, say

if TYPE_CHECKING:
    from models.look import Spec
    from models.taggers.zero_shot import ZeroShot
    from models.trial import Said, Trial, Who
    from watcher.cluster.trials import Asker
    from watcher.settings import Settings


def add(commands: Any) -> None:
    """The commands, as argparse has them."""
    tried = command(commands, "try", _try, "Show what each backend says about photos, with scores and times.")
    tried.add_argument("files", metavar="FILE", nargs="+", type=Path, help="photos; nothing is written or kept")
    tried.add_argument("--all", action="store_true", help="scores below the threshold too")
    says = "Say how long each backend will take for what it was not asked yet, from a timed sample."
    guess = command(commands, "estimate", _estimate, says)
    guess.add_argument("--sample", metavar="N", type=count, default=12, help="how many photos are timed")
    guess.add_argument(
        "paths", metavar="FILE", nargs="*", type=Path, help="these photos, instead of some by chance"
    )


# try


def _try(arguments: Arguments) -> int:
    from models import look
    from watcher.cluster import trials

    settings = known_settings(arguments)
    _hush()
    _shelve(settings)
    paths = [os.fsencode(path.absolute()) for path in arguments.files]
    private = _private(settings, paths)
    try:
        with trials.asker(settings) as ask:
            found = [_tried(path, settings, ask, private=path in private) for path in paths]
    finally:
        look.forget()
    answer = [{**asdict(each), "path": os.fsdecode(each.path)} for each in found]
    say(arguments, answer, (line for each in found for line in _lines(each, settings, every=arguments.all)))
    return SOME_FAILED if any(each.error or any(one.error for one in each.said) for each in found) else DONE


def _by_nearness(settings: Settings) -> tuple[Spec, ...]:
    """Zero shot, where it works on vectors that are there already: of a single photo it makes one."""
    from watcher.furnishing import fed, made_here, zero_shot

    return (zero_shot(settings),) if fed(settings) or made_here(settings) else ()


def _shelve(settings: Settings) -> None:
    """Vectors of words are those of the ledger, where there is one, and are kept there."""
    from models.look import tagger_of
    from watcher import handing
    from watcher.ledger import store
    from watcher.texts import Texts

    if not (settings.state / store.NAME).is_file():
        return
    for spec in _by_nearness(settings):
        with suppress(TagwrightError):  # that it cannot be made is told where it is asked
            tagger = cast("ZeroShot", tagger_of(spec))
            tagger.shelf = Texts(settings.state, partial(handing.keep_texts, settings), tagger.files())


def _hush() -> None:
    """What a host lacks stands in the answer; a line in the log would say it twice."""
    logging.getLogger("models.hosts").setLevel(logging.ERROR)


def _tried(path: bytes, settings: Settings, ask: Asker, *, private: bool) -> Trial:
    """Taggers say something where they look at the library; a server is asked by this machine."""
    from models.trial import Who, trial
    from watcher.cluster.trials import besides
    from watcher.furnishing import looking

    made = looking(settings)
    taggers = (*made.taggers, *_by_nearness(settings))
    if not ask.elsewhere:
        return trial(path, Who(taggers, made.asked or made.captioner, made.place), private=private)
    found = ask(path, Who(taggers, made.captioner, made.place), private=private)
    if made.asked is None:
        return found
    return besides(found, lambda: trial(path, Who((), made.asked), private=private))


def _private(settings: Settings, paths: Sequence[bytes]) -> set[bytes]:
    """Those of these photos that stay here: by their folder, and by what the ledger knows of them."""
    from watcher import privacy
    from watcher.ignore import Ignore
    from watcher.ledger import files, store, work

    rules = privacy.of(settings.private)
    ignore, below = Ignore(rules.folders), {path: _below(settings, path) for path in paths}
    by_folder = {path for path, (_, inner) in below.items() if rules.folders and ignore.skips_path(inner)}
    try:
        ledger = store.open_for_reading(settings.state)
    except UserError:
        return by_folder
    try:
        bases = {root.name: os.fsencode(os.path.abspath(root.path)) for root in settings.roots}
        found = {p: files.find(ledger.db, name, bases[name], inner) for p, (name, inner) in below.items() if name}
        numbers = {photo.id: path for path, photo in found.items() if photo is not None}
        known = privacy.known(ledger.db, work.jobs(ledger.db, [*numbers]), rules)
        return by_folder | {numbers[number] for number in known.private}
    finally:
        ledger.close()


def _below(settings: Settings, path: bytes) -> tuple[str, bytes]:
    """The root that a path lies in, and the path below it; outside of all "" and its name."""
    for root in settings.roots:
        base = os.fsencode(os.path.abspath(root.path))
        if path.startswith(base + b"/"):
            return root.name, path[len(base) + 1 :]
    return "", os.path.basename(path)


def _lines(found: Trial, settings: Settings, *, every: bool) -> Iterator[str]:
    yield os.fsdecode(found.path)
    for said in found.said:
        took = f"{1000 * said.seconds:9.1f} ms" if said.seconds else " " * 12
        yield f"  {said.name:<20}{took}  {said.version and f'version {said.version}'}".rstrip()
        yield from (f"      {line}" for line in _answer(said, settings, every=every))
    if found.error:
        yield f"  error: {found.error}"


def _answer(said: Said, settings: Settings, *, every: bool) -> Iterator[str]:
    threshold = settings.thresholds.get(said.name, settings.threshold)
    for name, text in (("title", said.title), ("caption", said.caption), ("error", said.error)):
        if text:
            yield f"{name}: {text}"
    for word, score in said.words:
        if every or score >= threshold:
            yield f"{score:.3f}  {tags.show(word)}{'' if score >= threshold else '  (below the threshold)'}"
    below = sum(score < threshold for _, score in said.words)
    if below and not every:
        yield f"{below} below the threshold of {threshold:g}; --all shows them"
    elif said.version and not (said.words or said.title or said.caption or said.error):
        yield "nothing"


# estimate


def _estimate(arguments: Arguments) -> int:
    from models import look
    from watcher.cluster import trials

    settings = known_settings(arguments)
    _hush()
    _shelve(settings)
    paths, todo, total = _sample(settings, arguments)
    try:
        with trials.asker(settings) as ask:
            private = _private(settings, paths)
            rows = _timed(settings, {path: path in private for path in paths}, todo, ask)
            asked = _paced(settings, [path for path in paths if path not in private], todo)
    finally:
        look.forget()
    answer = {
        "photos": total,
        "sample": len(paths),
        "backends": rows + asked,
        "seconds": max(_sum(rows), _sum(asked)),  # one after the other; servers are asked beside all that
        "workers": ask.slots if ask.elsewhere else 0,
    }
    return say(arguments, answer, _told(answer))


def _sum(rows: Sequence[Mapping[str, Any]]) -> float:
    return sum(row["seconds"] or 0.0 for row in rows)


def _sample(settings: Settings, arguments: Arguments) -> tuple[list[bytes], dict[str, int], int]:
    """Photos to time, how many each source was not asked about, and how many there are."""
    from watcher.ledger import store

    given = [os.fsencode(path.absolute()) for path in arguments.paths]
    try:
        ledger = store.open_for_reading(settings.state)
    except UserError:
        return _sample_of(given, _walked(settings), settings, arguments.sample)
    try:
        ids = [row[0] for row in ledger.db.execute("SELECT id FROM photos WHERE gone IS NULL ORDER BY id")]
        todo = {name: _open(ledger.db, name) for name in _names(settings)}
        paths = given or _some(ledger.db, ids, arguments.sample)
    finally:
        ledger.close()
    return (paths, todo, len(ids)) if paths else _sample_of(given, _walked(settings), settings, arguments.sample)


def _sample_of(
    given: list[bytes], found: list[bytes], settings: Settings, most: int
) -> tuple[list[bytes], dict[str, int], int]:
    """The same where no ledger knows these photos yet."""
    import random

    chosen = random.Random(1)  # noqa: S311 - keeps no secret
    paths = given or chosen.sample(found, min(most, len(found)))
    if not paths:
        raise UserError("there is no photo that could be timed: set `[[roots]]`, or name some files")
    return paths, dict.fromkeys(_names(settings), len(found)), len(found)


def _walked(settings: Settings) -> list[bytes]:
    """All photos below the roots."""
    from watcher.ignore import Ignore, is_photo

    found: list[bytes] = []
    for root in settings.roots:
        ignore, base = Ignore((*settings.ignore, *root.ignore)), os.fsencode(root.path)
        for folder, inner, names in os.walk(base):
            below = os.path.relpath(folder, base) if folder != base else b""
            inner[:] = [name for name in inner if not ignore.skips(below, name)]
            found += [os.path.join(folder, n) for n in names if is_photo(n) and not ignore.skips(below, n)]
    return sorted(found)


def _names(settings: Settings) -> list[str]:
    rules = [name for name in settings.facts if name != "place"]
    return [*rules, *settings.taggers, *([settings.captioner] if settings.captioner else [])]


def _open(db: Any, source: str) -> int:
    query = (
        "SELECT count(DISTINCT coalesce(digest, id)) FROM photos WHERE gone IS NULL AND NOT EXISTS (SELECT 1 "
        "FROM evidence WHERE evidence.digest IN (photos.digest, CAST('#' || photos.id AS BLOB)) "
        "AND evidence.source = ?)"
    )
    return int(db.execute(query, (source,)).fetchone()[0])


def _some(db: Any, ids: Sequence[int], most: int) -> list[bytes]:
    import random

    from watcher.ledger import files

    chosen = random.Random(1).sample([*ids], min(len(ids), 4 * most))  # noqa: S311 - keeps no secret
    found = (photo.file for photo in files.photos_of(db, chosen).values())
    return [path for path in found if os.path.isfile(path)][:most]


def _timed(
    settings: Settings, paths: Mapping[bytes, bool], todo: Mapping[str, int], ask: Asker
) -> list[dict[str, Any]]:
    """Reading and decoding, then every backend of a look: seconds a photo, photos to do, seconds in all.

    `paths` says of each photo whether it is private.
    """
    from models.trial import Who
    from watcher.furnishing import fed, looking

    made = looking(settings)
    who = Who((*made.taggers, *(() if fed(settings) else _by_nearness(settings))), made.captioner)
    each: dict[str, list[float]] = {}
    failed: dict[str, str] = {}
    for path, private in paths.items():
        for said in ask(path, _without(who, failed), private=private).said:
            if said.error:
                failed[said.name] = said.error
            else:
                each.setdefault(said.name, []).append(said.seconds)
    most = max(todo.values(), default=0)
    means = {name: sum(seconds) / len(seconds) for name, seconds in each.items()}
    rows = [_row(name, one, todo.get(name, most), one / ask.slots) for name, one in means.items()]
    return rows + [
        {**_row(name, 0.0, todo.get(name, most), None), "error": failed[name]}
        for name in failed.keys() - each.keys()
    ]


def _paced(settings: Settings, paths: Sequence[bytes], todo: Mapping[str, int]) -> list[dict[str, Any]]:
    """The same of a captioner behind HTTP, as many photos side by side as it takes."""
    from models import trial
    from watcher.furnishing import asked_of

    asked = asked_of(settings)
    if asked is None:
        return []
    rate, reason = trial.pace(paths, asked)
    one = 1 / rate if rate else None
    return [{**_row(asked[0], one or 0.0, todo.get(asked[0], 0), one), "error": reason}]


def _without(who: Who, failed: Mapping[str, str]) -> Who:
    """All but those that could not answer once: the next photo would wait for them, too."""
    left = tuple(spec for spec in who.taggers if spec[0] not in failed)
    captioner = None if who.captioner is not None and who.captioner[0] in failed else who.captioner
    return replace(who, taggers=left, captioner=captioner)


def _row(name: str, one: float, todo: int, share: float | None) -> dict[str, Any]:
    return {
        "name": name,
        "a_photo": one,
        "photos": todo,
        "seconds": None if share is None else share * todo,
        "error": "",
    }


def _told(answer: Mapping[str, Any]) -> Iterator[str]:
    where = f", by workers that look at {answer['workers']} at once" if answer["workers"] else ""
    yield f"{answer['photos']} photos; timed on {answer['sample']} of them{where}"
    for row in answer["backends"]:
        took = "cannot be said" if row["seconds"] is None else _spoken(row["seconds"])
        each = f"{1000 * row['a_photo']:10.1f} ms a photo" if row["a_photo"] else " " * 21
        yield f"  {row['name']:<20}{each} {row['photos']:>9} to do   {took}"
        if row["error"]:
            yield f"      {row['error']}"
    if any(row["seconds"] is None for row in answer["backends"]):
        return
    yield f"about {_spoken(answer['seconds'])} until all is done; servers are asked beside all other work"


def _spoken(seconds: float) -> str:
    """A length of time as a person says it."""
    for unit, length in (("days", 86400.0), ("h", 3600.0), ("min", 60.0)):
        if seconds >= 1.5 * length:
            return f"{seconds / length:.1f} {unit}"
    return f"{seconds:.0f} s"
