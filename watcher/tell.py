"""What a person reads: answers of the commands as lines of text."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from string import Formatter
from typing import Any, TextIO

from metadata import tags
from metadata.tags import Word

Row = Mapping[str, Any]

REASONS = {
    "first look": "were looked at for the first time: `tagwright plan` shows it, `tagwright apply` writes it",
    "rules": "would change by the new rules: `tagwright plan`, then `tagwright apply`",
    "loss": "lost words of ours and are held until that is decided",
    "closed": "wait for a place that cannot be written",
    "move": "may have been moved and wait for the next walk",
}


STATES = {
    "seen": "not looked at yet",
    "looked": "looked at, not written yet",
    "delivered": "done",
    "aside": "set aside",
    "waits": "waiting for a setting or for Immich",
    "left": "left alone",
}
"""What the ledger calls a photo's state -> what a person reads."""

CHANGED = {
    "scan": "{photos} photos taken up, {due} due",
    "xmp write": "{photos} photos taken up, {due} due",
    "adopt": "{words} keywords and {texts} texts on {photos} photos are ours again",
    "category add": "{category} is a category now",
    "category rm": "{category} is no category any more",
    "category map": "written below {category} from now on",
    "dedupe alias add": "{to} is written instead of {word} from now on ({matches})",
    "dedupe alias rm": "{word} is written again where it is said",
    "dedupe alias import": "{aliases} aliases are in force",
    "dedupe block": "{word} is never merged with {other}",
    "dedupe unblock": "{word} may be merged with {other} again",
    "retry": "{photos} photos are tried again",
    "apply": "{photos} photos are let go, {renames} renames are done",
    "undo": "run {run}: {words} keywords taken back on {photos} photos, and kept back until `tagwright redo`",
    "redo": "{photos} photos get back what was undone",
    "keep": "{words} keywords are yours now",
    "accept": "{root}: what is seen is right; {photos} photos go on",
    "restore": "{root}: what is missing is written again on {photos} photos",
    "pause": "paused until {until}; `tagwright resume` ends it sooner",
    "resume": "goes on (it was {was})",
    "forget": "{photos} photos forgotten; their files stay as they are",
    "backup": "{file}: {bytes} bytes",
}
"""What a command that changed something says, by its name."""


_CONTROL = {number: f"\\x{number:02x}" for number in (*range(32), *range(127, 160))}


def visible(line: str) -> str:
    """A line with control characters spelled out: a file name may hold any, and a terminal obeys some."""
    return line.translate(_CONTROL)


def say(lines: Iterable[str], out: TextIO) -> None:
    """Print lines, each on one line."""
    for line in lines:
        print(visible(line), file=out)


def duration(seconds: float | None) -> str:
    """`3 h 20 min`."""
    if seconds is None:
        return "unknown"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def moment(seconds: float | None, zone: tzinfo | None) -> str:
    """A time of day where the person is."""
    if seconds is None:
        return "-"
    return datetime.fromtimestamp(seconds, UTC).astimezone(zone).strftime("%Y-%m-%d %H:%M:%S")


def status(answer: Row, zone: tzinfo | None) -> Iterator[str]:
    """By state, rate and estimate; what waits and why."""
    states = ", ".join(f"{n} {STATES.get(name, name)}" for name, n in sorted(answer["states"].items()))
    yield f"{answer['photos']} photos: {states}" if states else "no photos are known yet"
    if answer["gone"]:
        yield f"{answer['gone']} gone"
    if answer["due"]:
        rate = f"{answer['per_second']} a second" if answer["per_second"] else "no rate yet"
        yield f"{answer['due']} are due ({rate}, estimate {duration(answer['estimate_s'])})"
    yield from (f"{row['root']}: {row['photos']} {REASONS[row['gate']]}" for row in answer["held"])
    yield from (row["waits"] for row in answer["roots"] if row["waits"])
    yield from (row["reason"] for row in answer["stops"])
    yield from (f"{row['photos']} set aside: {row['reason']}" for row in answer["aside"])
    yield from (f"{row['photos']} wait: {row['reason']}" for row in answer["waits"])
    for row in answer["only_read"]:
        yield f"{row['photos']} are not written into, their words stand in the sidecar: {row['reason']}"
    for row in answer["later"]:
        yield f"{row['photos']} are tried again from {moment(row['next'], zone)} on: {row['reason']}"
    for row in answer["renames"]:
        renamed, of = f"{row['from']} was renamed to {row['to']}", f" of {row['user']}" if "user" in row else ""
        yield f"{renamed} on {row['photos']} photos{of}; `tagwright apply` does it for all"
    if answer["growing"]:
        yield f"still growing: {answer['growing']}"
    yield from answer["overused"]
    yield from answer["problems"]
    if answer.get("rests"):
        yield f"rests: {answer['rests']}"


def health(answer: Row) -> Iterator[str]:
    """Each part with the age of its last progress; what is not well comes first."""
    yield "well" if answer["ok"] else f"not well: {answer['reason']}"
    for name, part in answer["parts"].items():
        age = "has done nothing yet" if part["age_s"] is None else f"last active {duration(part['age_s'])} ago"
        yield f"  {name}: {part['reason'] or 'well'}; {age}"


def again(lines: Iterable[str], title: str, out: TextIO) -> None:
    """The same lines anew, in place on a terminal."""
    out.write("\x1b[H\x1b[J" if out.isatty() else "")
    say([title, *lines], out)
    out.flush()


def show(answer: Row, zone: tzinfo | None) -> Iterator[str]:
    """Everything about one photo."""
    yield answer["file"]
    reason = f": {answer['reason']}" if answer["reason"] else ""
    yield f"  {STATES.get(answer['state'], answer['state'])}{reason}{_gate(answer)}"
    facts = ", ".join(f"{name} {value}" for name, value in answer["facts"].items())
    yield f"  facts: {facts or 'none'}"
    yield "  keywords:"
    for row in answer["keywords"]:
        whose = f"ours, {row['source']} {row['score']}" if row["ours"] else "a person's"
        yield f"    {row['word']} ({whose})"
    for said in answer.get("evidence", ()):
        words = ", ".join(f"{word} {score:.2f}" for word, score in said["words"][:20])
        names = ", ".join(f"{name} (a person)" for name in said.get("people", ()))
        heard = ", ".join(filter(None, (words, names))) or "nothing"
        yield f"  {said['source']} {said['version']} said: {heard}"
        texts = said.get("texts", {})
        spoken = {"dc:title": "title", "caption": "caption", "fault": "no answer of use"}
        yield from (f"    {what}: {texts[name]}" for name, what in spoken.items() if name in texts)
        yield from (f"    not written: {word[:60]}: {why}" for word, why in said.get("unwritable", {}).items())
    for place in answer.get("places", ()):
        yield from _place(place)
    if answer.get("only_read"):
        yield f"  not written into: {answer['only_read']} (`tagwright retry` tries again)"
    for name, what in (("refused", answer["refused"]), ("kept back", answer["withheld"])):
        for row in what:
            yield f"  {name}: {row['word']} ({row['why']}, run {row['run']}, {moment(row['at'], zone)})"
    for row in answer["events"]:
        yield f"  {moment(row['at'], zone)} {row['place']}: {row['what']} {row['word']}".rstrip()


def _gate(answer: Row) -> str:
    return f" (held: {REASONS[answer['gate']]})" if answer["gate"] in REASONS else ""


def _place(place: Row) -> Iterator[str]:
    if place.get("error"):
        yield f"  {place['place']}: {place['error']}"
        return
    yield f"  {place['place']}: {place['where']}{'' if place['exists'] else ' (not there)'}"
    for name, values in {**place["lists"], **place["texts"]}.items():
        yield f"    {name}: {', '.join(values) if isinstance(values, (list, tuple)) else values}"
    if place["aside"]:
        yield f"    set aside: {place['aside']}"


def plan(rows: Iterable[Row], photos: int, unasked: int, most: int | None = None) -> Iterator[str]:
    """One line a file and place (the first `most` of them), then the counts."""
    changed = 0
    for row in rows:
        if row.get("error"):
            yield f"{row['file']}: {row['error']}"
            continue
        changed += 1
        if most is not None and changed > most:
            continue
        signs = [*(f"+{word}" for word in row["add"]), *(f"-{word}" for word in row["remove"])]
        signs += [f"{name}={value}" if value else f"-{name}" for name, value in row["texts"].items()]
        signs = signs or [f"{name} brought along" for name in row["fields"]]
        copied = ", with all that the photo says itself" if row.get("copied") else ""
        yield f"{'new ' if row['new'] else ''}{row['where']}: {', '.join(signs)}{copied}"
    if most is not None and changed > most:
        yield f"… and {changed - most} more like these"
    yield f"{changed} of {photos} photos would change"
    if unasked:
        yield f"{unasked} were not looked at yet; `tagwright plan --look` looks at them and writes nothing"


def diff(rows: Iterable[Row], photos: int, unasked: int) -> Iterator[str]:
    """What would be written, file by file and field by field, as a unified diff says it; then the counts."""
    changed: set[str] = set()
    for row in rows:
        yield from diff_of(row)
        if not row.get("error"):
            changed.add(row["file"])
    yield f"{len(changed)} of {photos} photos would change"
    if unasked:
        yield f"{unasked} were not looked at yet; `tagwright plan --look` looks at them and writes nothing"


def _hunks(row: Row) -> Iterator[str]:
    for name, field in row["fields"].items():
        yield f"@@ {name} @@"
        yield from (f"-{value}" for value in field["remove"])
        yield from (f"+{value}" for value in field["add"])
    for name, value in row["texts"].items():
        yield f"@@ {name} @@"
        if row["texts_before"][name]:
            yield f"-{row['texts_before'][name]}"
        if value:
            yield f"+{value}"


def cleaned(answer: Row) -> Iterator[str]:
    """What `xmp clean` takes away, or would."""
    gone = set(answer["sidecars_removed"])
    for row in answer["changes"]:
        yield from diff_of(row, removed=row.get("where") in gone)
    yield from answer["waits"]
    what = f"{answer['words']} keywords of ours on {answer['photos']} photos, {len(gone)} sidecars whole"
    if answer["applied"]:
        redo = " and ".join(f"`tagwright redo {run}`" for run in answer["redo"]) or "`redo`"
        yield f"run {answer['run']}: taken away: {what}; kept back until {redo}"
    else:
        yield f"would be taken away: {what}; `--apply` does it"


def diff_of(row: Row, *, removed: bool = False) -> Iterator[str]:
    """One place's change as a unified diff says it."""
    if row.get("error"):
        yield f"{row['file']}: {row['error']}"
        return
    yield f"--- {'/dev/null' if row['new'] else row['where']}"
    yield f"+++ {'/dev/null' if removed else row['where']}"
    yield from _hunks(row)
    yield from _copied(row.get("copied") or {})


def _copied(copied: Row) -> Iterator[str]:
    """What a new sidecar begins with."""
    for name, values in (
        *copied.get("fields", {}).items(),
        *((n, [t]) for n, t in copied.get("texts", {}).items()),
    ):
        yield f"@@ {name}, copied from the photo @@"
        yield from (f"+{value}" for value in values)
    if copied.get("packet"):
        yield "@@ all else in the photo's own XMP, copied as it is @@"


def categories(rows: Iterable[Row]) -> Iterator[str]:
    """Each category with what is bound to it."""
    for row in rows:
        yield row["category"]
        yield from (f"    {word}" for word in row["words"])
        yield from (f"    {name} (a person)" for name in row["people"])


def sidecars(rows: Iterable[Row]) -> Iterator[str]:
    """What stands in sidecars, field by field, and whose it is."""
    for row in rows:
        yield row["where"] or f"{row['file']}: no sidecar"
        if row.get("error"):
            yield f"  {row['error']}"
        for name, values in row.get("fields", {}).items():
            yield f"  {name}:"
            yield from (f"    {each['value']} ({each['whose']})" for each in values)
        if row.get("claim"):
            yield "  our provenance: ledger {ledger}, run {run}{note}".format_map(row["claim"])


def runs(rows: Sequence[Row], zone: tzinfo | None) -> Iterator[str]:
    """One line a run that wrote something."""
    for row in rows:
        if row["writes"]:
            undone = f", {row['undone']} undone" if row["undone"] else ""
            yield (
                f"{row['run']}: {moment(row['started'], zone)} {row['why']}: {row['writes']} writes on "
                f"{row['photos']} photos{undone}"
            )


def stats(answer: Row) -> Iterator[str]:
    """Counts over the library, the most frequent first."""
    yield f"{answer['photos']} photos"
    for name in ("formats", "cameras", "years"):
        counts = ", ".join(f"{row['name']} {row['photos']}" for row in answer[name][:20])
        yield f"{name}: {counts or 'none'}"
    sources = ", ".join(f"{row['source']} {row['keywords']}" for row in answer["sources"])
    yield f"keywords by source: {sources or 'none'}"
    yield "keywords (photos, of them ours):"
    yield from (f"  {row['word']} {row['photos']}, {row['ours']}" for row in answer["keywords"])


def written(rows: Sequence[Mapping[str, object]], paths: Sequence[bytes]) -> Iterator[str]:
    """What exiftool reads back from files that were written."""
    for path, row in zip(paths, rows, strict=True):
        yield os.fsdecode(path)
        for name, value in row.items():
            if name != "SourceFile":
                yield f"    {name}: {', '.join(map(str, value)) if isinstance(value, list) else value}"


def wrote(path: bytes, ours: Mapping[str, Word], drops: Mapping[str, Word]) -> str:
    """One sidecar that was written, with our words that came and went."""
    signs = [
        *(f"+{tags.show(word)}" for word in ours.values()),
        *(f"-{tags.show(word)}" for word in drops.values()),
    ]
    return f"written: {os.fsdecode(path)}{': ' if signs else ''}{', '.join(signs)}"


def counted(answer: Row) -> str:
    """How many keywords of ours stand, by source; of `stats`."""
    sources = ", ".join(f"{row['source']} {row['keywords']}" for row in answer["sources"])
    total = sum(row["keywords"] for row in answer["sources"])
    return f"{total} keywords of tagwright stand ({sources})" if sources else "no keywords of tagwright stand"


def changed(name: str, answer: Row) -> Iterator[str]:
    """What a command did, in a sentence where it has one."""
    if name not in CHANGED:
        yield from plain(answer)
        return
    yield CHANGED[name].format_map(answer)
    told = {field for _, field, _, _ in Formatter().parse(CHANGED[name])}
    yield from plain({key: value for key, value in answer.items() if key not in told and value})


def merged(answer: Row) -> Iterator[str]:
    """What `dedupe --apply` did, what it left out, and which tags stayed."""
    if answer["continued"]:
        yield f"run {answer['run']}: went on with {answer['photos']} photos"
    else:
        yield f"run {answer['run']}: {answer['words']} words became others on {answer['photos']} photos"
    yield from (f"left out: {line}" for line in answer["left_out"])
    yield from (f"the tag {row['tag']} stays: {row['why']}" for row in answer["tags_left"])
    shown = ("run", "photos", "words", "left_out", "tags_left", "continued")
    yield from plain({name: value for name, value in answer.items() if name not in shown and value})
    if answer["photos"]:
        yield f"`tagwright undo --run {answer['run']}` brings back what stood"


def plain(answer: Row) -> Iterator[str]:
    """An answer without a form of its own, one line a value."""
    for name, value in answer.items():
        shown = value if not isinstance(value, (list, tuple)) else ", ".join(map(str, value)) or "none"
        yield f"{name.replace('_', ' ')}: {shown}"
