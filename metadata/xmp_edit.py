"""Changes a sidecar by splicing: our elements are replaced where they stand, every other byte stays.

What comes out is read again before anybody gets it: our fields must say what was wanted, everything else
must be what it was, and the way back must give the old bytes. On any doubt the file is refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import datetime
from operator import itemgetter
from typing import Final

from metadata import xmp_structs
from metadata.errors import Refused
from metadata.files import digest
from metadata.sinks import Change, Claim, Seen, Values
from metadata.tags import PERSONS, TAGS_LIST
from metadata.xmp_document import Document, Element, Place
from metadata.xmp_follow import Following, following, values
from metadata.xmp_names import CLAIM, DATE, GLUE, LISTS, RDF, STRUCTS, TEXTS, WRITTEN, Field
from metadata.xmp_new import fresh_lists, new
from metadata.xmp_read import parse
from metadata.xmp_seen import (
    claim_text,
    container,
    default,
    items,
    list_values,
    ours,
    people,
    plain,
    seen,
    text,
)
from metadata.xmp_splice import Layout, Plan, Splice, Tags, apply, back, content, contents, difference, gives

_ME: Final = (f"{RDF}{GLUE}about", "")
_DEFAULT: Final = b' xml:lang="x-default"'
_SAID: Final = TEXTS.keys() | {xmp_structs.LOCATION}


@dataclass(frozen=True, slots=True)
class Revised:
    """The outcome of an edit: the new content, what it says, and the splices that lead back."""

    data: bytes
    seen: Seen
    back: tuple[Splice, ...]


def edit(document: Document, change: Change, now: datetime) -> bytes:
    """The document's bytes after `change`; the same bytes where nothing changes. Raises Refused."""
    return revise(document, seen(document), change, now).data


def revise(document: Document, before: Seen, change: Change, now: datetime) -> Revised:
    """As `edit`, with what it takes to book the change and to take it back; `before` is `seen(document)`.

    `now` must know its zone: it becomes xmp:MetadataDate where anything else changes. Raises Refused where
    the result would not be exactly what was wanted.
    """
    shown, change, before = before, *_with_those_below(document, before, change)
    plan = Plan(document)
    _plan(plan, before, change)
    gone = TAGS_LIST in before.lists and change.remove.get(TAGS_LIST)
    followed = _follow(plan, before, change) if plan or gone else []
    if not plan:
        return Revised(document.data, shown, ())
    _set(plan, DATE, now.isoformat(timespec="seconds"))
    splices = plan.splices()
    said = _proved(document, splices, before, change, followed)
    work = apply(document.work, splices, document.path)
    data = document.encoded(work)
    undo = back(document.work, splices) if document.work is document.data else difference(document.data, data)
    if not gives(data, undo, document.data):
        raise Refused(document.path, "the change could not be taken back byte for byte")
    lists = said.lists
    if TAGS_LIST in shown.lists and TAGS_LIST not in before.lists:
        lists = {TAGS_LIST: shown.lists[TAGS_LIST], **lists}
    kept = replace(said, digest=digest(data), programs=before.programs, lists=lists)
    return Revised(data, kept, undo)


def _with_those_below(document: Document, before: Seen, change: Change) -> tuple[Change, Seen]:
    """A TagsList that is made holds all words of the fields that programs read where there is none."""
    below = before.lists.get(TAGS_LIST)
    if not below or document.places(LISTS[TAGS_LIST]):
        return change, before
    add, remove = change.add.get(TAGS_LIST, ()), change.remove.get(TAGS_LIST, ())
    if not add and not remove:
        return change, replace(before, lists={n: v for n, v in before.lists.items() if n != TAGS_LIST})
    kept = tuple(value for value in below if value not in remove)
    return replace(change, add={**change.add, TAGS_LIST: (*kept, *add)}), before


def create(change: Change, now: datetime, path: bytes) -> Revised:
    """A new sidecar and what it says; raises Refused. There is nothing foreign in it that could be lost."""
    structs = {name: text for name, text in change.texts.items() if text and name.startswith(xmp_structs.REGION)}
    if structs:
        rest = {name: text for name, text in change.texts.items() if name not in structs}
        begun = create(replace(change, texts=rest), now, path)
        return replace(revise(parse(begun.data, path), begun.seen, Change(texts=structs), now), back=())
    listed = fresh_lists(change)
    data = new(change, now, path, listed)
    claim = change.claim if change.claim and (change.claim.words or change.claim.texts) else None
    said = Seen(
        exists=True,
        digest=digest(data),
        lists=listed,
        texts={name: text for name, text in change.texts.items() if text and name in _SAID},
        claimed=claim,
        where=path,
        people=frozenset(listed.get(PERSONS, ())),
    )
    return Revised(data, said, ())


def _plan(plan: Plan, before: Seen, change: Change) -> None:
    for name, field in LISTS.items():
        _change_list(plan, field, change.remove.get(name, ()), change.add.get(name, ()))
    for name, value in change.texts.items():
        if (value or None) != before.texts.get(name) and not xmp_structs.is_struct(name):
            _set(plan, TEXTS[name], value) if value else _unset(plan, TEXTS[name])
    xmp_structs.plan(plan, before.texts, change.texts)
    _change_claim(plan, before.claimed, change.claim)


def _follow(plan: Plan, before: Seen, change: Change) -> list[Following]:
    """Bring other programs' keyword fields along; they alone are no reason to write a file."""
    standing = before.lists.get(TAGS_LIST, ())
    kept, fresh = _wanted(standing, change.remove.get(TAGS_LIST, ()), change.add.get(TAGS_LIST, ()))
    staying = set(kept)
    found = following(plan.document, [*kept, *fresh], [value for value in standing if value not in staying])
    for each in found:
        if each.text is None:
            _change_list(plan, each.field, each.remove, each.add)
        else:
            _set(plan, each.field, each.text)
    return found


def _change_claim(plan: Plan, old: Claim | None, new: Claim | None) -> None:
    """A new run alone is no reason to write a file again."""
    if new is None:
        return
    if not new.words and not new.texts:
        _unset(plan, CLAIM)
    elif plan or old is None or replace(old, run=new.run) != new:
        _set(plan, CLAIM, claim_text(new))


# Lists


def _wanted(standing: Sequence[str], remove: Values, add: Values) -> tuple[list[str], list[str]]:
    """What stays of a list, and what is new in it."""
    going = set(remove)
    kept = [value for value in standing if value not in going]
    stays = {"", *kept}
    return kept, [value for value in dict.fromkeys(add) if value not in stays]


def _change_list(plan: Plan, field: Field, remove: Values, add: Values) -> None:
    found = plan.document.places(field)
    standing = [value for place in found for value in list_values(plan.document, place)]
    kept, fresh = _wanted(standing, remove, add)
    if len(kept) == len(standing) and not fresh:
        return
    raw = contents(fresh, plan.path)
    if not found:
        _add_list(plan, field, raw)
    if len(found) > 1 and all(_simple(plan, place) for place in found):
        _join(plan, field, found, remove, fresh)
        return
    for place in found:  # of several the last is the one that exiftool shows, and with it Immich
        _change_place(plan, field, place, remove, raw if place is found[-1] else [])


def _simple(plan: Plan, place: Place) -> bool:
    """Whether nothing but the values would go if the place went."""
    inner = place.element and container(place.element)
    return not inner or (plan.bare(inner) and all(plain(kid) and not kid.attributes for kid in inner.kids))


def _join(plan: Plan, field: Field, found: Sequence[Place], remove: Values, fresh: Sequence[str]) -> None:
    """One field that stands several times is made one: exiv2 reads nothing at all of a file with two."""
    first, *others = found
    more = [value for place in others for value in list_values(plan.document, place)]
    new = [value for value in (*more, *fresh) if value and value not in remove]
    _change_place(plan, field, first, remove, [content(value, plan.path) for value in new])
    for place in others:
        if place.element is None:
            plan.attribute(place.node, place.name, None)
        else:
            plan.drop(place.element)


def _add_list(plan: Plan, field: Field, raw: Sequence[bytes]) -> None:
    plan.add(field, lambda tags, layout: _listed(tags, layout, field.kind, raw))


def _listed(tags: Tags, layout: Layout, kind: str, raw: Sequence[bytes], language: bytes = b"") -> bytes:
    """A container with its items, set one level deeper than the property that holds it."""
    inner = layout.deeper()
    box, item = tags.in_rdf(kind), tags.in_rdf("li")
    opening = b"".join((inner.deeper().gap, b"<", item, language, b">"))
    closing = b"".join((b"</", item, b">"))
    lines = (closing + opening).join(raw)
    return b"".join((inner.gap, b"<", box, b">", opening, lines, closing, inner.gap, b"</", box, b">", layout.gap))


def _change_place(plan: Plan, field: Field, place: Place, remove: Values, raw: Sequence[bytes]) -> None:
    if place.element is None:
        _change_attribute(plan, field, place, remove, raw)
    elif (inner := container(place.element)) is not None:
        _change_container(plan, place, inner, remove, raw)
    else:
        _change_plain(plan, field, place.element, remove, raw)


def _change_attribute(plan: Plan, field: Field, place: Place, remove: Values, raw: Sequence[bytes]) -> None:
    value = place.node.attributes[place.name]
    gone = value in remove
    if not raw and not gone:
        return
    old = [] if gone or not value else [content(value, plan.path)]
    plan.attribute(place.node, place.name, None)
    if old or raw:
        _add_list(plan, field, [*old, *raw])


def _change_plain(plan: Plan, field: Field, element: Element, remove: Values, raw: Sequence[bytes]) -> None:
    gone = element.text in remove
    if not raw:
        if gone:
            plan.drop(element)
        return
    old = [] if gone or not element.text.strip() else [content(element.text, plan.path)]
    tags, layout = plan.around(element)
    plan.fill(element, _listed(tags, layout, field.kind, [*old, *raw]))


def _change_container(plan: Plan, place: Place, inner: Element, remove: Values, raw: Sequence[bytes]) -> None:
    assert place.element is not None
    inside = items(place) or []
    marker = bool(raw) and not any(value for _, value in inside)  # Immich's explicit "no tags"
    gone = [item for item, value in inside if value in remove or (marker and not value)]
    if not raw and gone and len(gone) == len(inner.kids) and plan.bare(inner):
        plan.drop(place.element)
        return
    for item in gone:
        plan.drop(item)
    if raw:
        _append(plan, place.element, inner, raw)


def _append(plan: Plan, element: Element, inner: Element, raw: Sequence[bytes]) -> None:
    tags, layout = plan.around(element, inner)
    name = tags.in_rdf("li")
    opening, closing = b"<" + name + b">", b"</" + name + b">"
    if inner.kids:
        plan.follow(inner.kids[-1], opening, raw, closing)
    else:
        deep = layout.deeper()
        gap = deep.deeper().gap + opening
        plan.fill(inner, gap + (closing + gap).join(raw) + closing + deep.gap)


# Texts


def _set(plan: Plan, field: Field, value: str) -> None:
    """Set the first place of a field of one value, or make one."""
    raw = content(value, plan.path)
    place = next(iter(plan.document.places(field)), None)
    if place is None:
        if field.kind == "text":
            plan.add(field, lambda _tags, _layout: raw)
        else:
            plan.add(field, lambda tags, layout: _listed(tags, layout, field.kind, [raw], _DEFAULT))
    elif place.element is None:
        plan.attribute(place.node, place.name, value)
    elif (inner := container(place.element)) is not None:
        _set_default(plan, field, place.element, inner, raw)
    elif plain(place.element):
        plan.fill(place.element, raw)
    else:
        raise _odd(plan, field)


def _set_default(plan: Plan, field: Field, element: Element, inner: Element, raw: bytes) -> None:
    """The item that speaks for all languages; where there is none it comes first (XMP part 1, 8.2.2.4)."""
    shown = default(inner)
    if shown is not None:
        if not plain(shown):
            raise _odd(plan, field)
        plan.fill(shown, raw)
        return
    tags, layout = plan.around(element, inner)
    name = tags.in_rdf("li")
    item = b"".join((b"<", name, _DEFAULT, b">", raw, b"</", name, b">"))
    if inner.kids:
        plan.precede(inner.kids[0], item)
    else:
        deep = layout.deeper()
        plan.fill(inner, deep.deeper().gap + item + deep.gap)


def _unset(plan: Plan, field: Field) -> None:
    """Take a field of one value out; other languages stay."""
    for place in plan.document.places(field):
        if place.element is None:
            plan.attribute(place.node, place.name, None)
        elif (inner := container(place.element)) is not None:
            shown = default(inner)
            if shown is not None and len(inner.kids) > 1:
                plan.drop(shown)
            elif shown is not None or not inner.kids:
                plan.drop(place.element)
        elif plain(place.element):
            plan.drop(place.element)
        else:
            raise _odd(plan, field)


def _odd(plan: Plan, field: Field) -> Refused:
    return Refused(plan.path, f"its {field.name} has a form that cannot be changed without losing something")


# Proof


def _proved(
    document: Document, splices: Sequence[Splice], before: Seen, change: Change, followed: Sequence[Following]
) -> Seen:
    """What the new content says, read from it with the inside of foreign properties left out.

    Those stay as the bytes they were: no splice may touch them, and what stands around them is parsed.
    """
    own = WRITTEN.keys() | STRUCTS | {each.field.expanded for each in followed}
    cuts = [
        Splice(kid.start, document.end(kid), b"")
        for node in document.nodes
        for kid in node.kids
        if kid.name not in own
    ]
    together = sorted([*splices, *cuts], key=itemgetter(0, 1))
    trial = parse(_as_utf8(document, apply(document.work, together, document.path)), document.path, whole=False)
    if _foreign(trial, own) != _foreign(document, own) or any(
        kid.name not in own for node in trial.nodes for kid in node.kids
    ):
        raise Refused(document.path, "something that is not ours would have changed")
    after = ours(trial)
    _compare(document.path, before, after, change)
    if not xmp_structs.untouched(document, trial, change.texts):
        raise Refused(document.path, "a region or place that is not ours would have changed")
    if named := people(trial, after.lists):
        after = replace(after, people=named)
    for each in followed:
        _compare_followed(document, trial, each)
    return after


def _compare_followed(document: Document, trial: Document, each: Following) -> None:
    if each.text is not None:
        fits = [text(place) for place in trial.places(each.field)] == [each.text]
    else:
        kept, fresh = _wanted(values(document, each.field) or (), each.remove, each.add)
        fits = sorted(values(trial, each.field) or ()) == sorted([*kept, *fresh])
    if not fits:
        raise Refused(document.path, f"its {each.field.name} would not have become what was wanted")


def _as_utf8(document: Document, work: bytes) -> bytes:
    """A declaration that names the file's own encoding would mislead the parser about `work`."""
    return work if document.work is document.data else document.encoded(work)


def _foreign(document: Document, own: AbstractSet[str]) -> list[dict[str, str]]:
    """Each node's attributes that are not ours."""
    nodes = [
        {name: value for name, value in node.attributes.items() if name not in own and (name, value) != _ME}
        for node in document.nodes
    ]
    return nodes if any(nodes) else []


def _compare(path: bytes, before: Seen, after: Seen, change: Change) -> None:
    for name in LISTS:
        standing, found = before.lists.get(name, ()), after.lists.get(name, ())
        kept, fresh = _wanted(standing, change.remove.get(name, ()), change.add.get(name, ()))
        wanted = (*kept, *fresh)
        if found != wanted and sorted(found) != sorted(wanted):
            raise Refused(path, f"its {name} would not have become what was wanted")
    for name in {*before.texts, *after.texts, *change.texts}:
        if not _text_fits(before.texts, after.texts, change.texts, name):
            raise Refused(path, f"its {name} would not have become what was wanted")
    if not _claim_fits(before.claimed, after.claimed, change.claim):
        raise Refused(path, "its provenance would not have become what was wanted")


def _claim_fits(before: Claim | None, after: Claim | None, change: Claim | None) -> bool:
    if change is None:
        return after == before
    if not change.words and not change.texts:
        return after is None
    return after is not None and after in (change, before)


def _text_fits(
    before: Mapping[str, str], after: Mapping[str, str], change: Mapping[str, str | None], name: str
) -> bool:
    if name not in change:
        return after.get(name) == before.get(name)
    said, wanted = after.get(name), change[name]
    return not wanted or said == wanted or xmp_structs.same(said or "", wanted)
