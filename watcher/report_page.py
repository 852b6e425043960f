"""report.html: a report as a page that needs nothing else, with small pictures, boxes and a file to take away."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from html import escape
from importlib import resources
from typing import Any

from watcher.report import MOST

Row = Mapping[str, Any]
FEW = 3
"""Pairs whose evidence is seen at once."""
PLACES = {"sidecar": "sidecars", "embedded": "the photos", "server": "Immich", "memory": "memory"}


def page(report: Row, pictures: Mapping[str, Sequence[str]]) -> str:
    """The page; `pictures` are `data:` addresses by word."""
    sections = [
        _groups(report, pictures),
        _doubt(report, pictures),
        _paths(report),
        _parents(report),
        _apart(report),
    ]
    shown = [(name, title, text) for name, title, text in sections if text]
    text = resources.files("watcher").joinpath("report.html").read_text("utf-8")
    parts = {
        "about": escape(_about(report)),
        "nav": "".join(f'<a href="#{name}">{escape(title)}</a>' for name, title, _ in shown),
        "sections": "\n".join(
            f'<section id="{name}"><h2>{escape(title)}</h2>{body}</section>' for name, title, body in shown
        ),
        "digest": escape(report["digest"]),
    }
    for name, value in parts.items():
        head, cut, tail = text.partition(f"${name}$")
        text = head + value + tail if cut else text
    return text


def _about(report: Row) -> str:
    merged = sum(len(group["words"]) - 1 for group in report["groups"])
    uses = sum(
        report["words"][word]["photos"]
        for group in report["groups"]
        for word in group["words"]
        if word != group["to"]
    )
    of = f" of {report['photos_of']}" if "user" in report else ""
    return (
        f"{report['photos']:,} photos{of} with {report['keywords']:,} keywords, looked at on {report['made']}. "
        f"{len(report['groups']):,} groups: {merged:,} words would become another, {uses:,} times. "
        "Nothing has been changed."
    )


Section = tuple[str, str, str]
"""Its name, its title and what it holds."""


def _section(section: Section) -> str:
    name, title, body = section
    return f'<section id="{name}"><h2>{escape(title)}</h2>{body}</section>'


def _groups(report: Row, pictures: Mapping[str, Sequence[str]]) -> Section:
    made = [_group(report, number, group, pictures) for number, group in enumerate(report["groups"])]
    says = "<p>Each group becomes one word. Pick another to stand for it, leave words out, or the whole group.</p>"
    none = "<p>No two keywords were found that surely mean the same.</p>"
    title = f"Would be merged ({len(made)})"
    return "groups", title, says + "".join(made) if made else none


def _group(report: Row, number: int, group: Row, pictures: Mapping[str, Sequence[str]]) -> str:
    order = sorted(group["words"], key=lambda word: (word != group["to"], -report["words"][word]["photos"], word))
    words = "".join(_word(report, number, group, word, pictures) for word in order)
    return (
        f'<article data-group="{number}"><header><label><input class="whole" type="checkbox" checked> '
        f"<strong>{escape(group['to'])}</strong></label><small>{escape(group['why'])}</small></header>"
        f'<div class="words">{words}</div>{_evidence(group["pairs"])}</article>'
    )


def _word(report: Row, number: int, group: Row, word: str, pictures: Mapping[str, Sequence[str]]) -> str:
    to = word == group["to"]
    value = escape(word)
    return (
        f'<div class="word{" to" if to else ""}" data-word="{value}">{_photos(pictures.get(word, ()))}<div>'
        f"<b>{value}</b> {_paths_of(report['words'][word], word)}"
        f'<div class="count">{escape(_used(report["words"][word]))}</div><div class="say">'
        f'<label><input type="radio" name="to{number}" value="{value}"{" checked" if to else ""}> stands for all'
        "</label>"
        f'<label><input class="member" type="checkbox" checked> merge</label></div></div></div>'
    )


def _photos(found: Sequence[str]) -> str:
    pictures = "".join(f'<img alt="" src="{one}">' for one in found)
    return f'<div class="photos">{pictures}</div>' if found else ""


def _paths_of(use: Row, word: str) -> str:
    paths = [path for path in use["as"] if path != word]
    shown = ", ".join(paths[:3]) + (" …" if len(paths) > 3 else "")
    return f"<small>in {escape(shown)}</small>" if paths else ""


def _used(use: Row) -> str:
    photos = f"{use['photos']:,} photo{'' if use['photos'] == 1 else 's'}"
    who = [f"{use['by_persons']:,} by people"] if use["by_persons"] else []
    who += [f"{use['by_models']:,} by models"] if use["by_models"] else []
    where = [f"{count:,} in {PLACES.get(place, place)}" for place, count in use["places"].items()]
    said = photos + (f", {', '.join(who)}" if who else "")
    return f"{said} · {', '.join(where)}" if where else said


def _evidence(pairs: Sequence[Row]) -> str:
    rows = "".join(_pair(pair) for pair in pairs)
    table = f"<table><tr><th>Pair<th>Sure<th>For<th>Against</tr>{rows}</table>"
    return (
        f"<details{' open' if len(pairs) <= FEW else ''}><summary>Evidence</summary>{table}</details>"
        if rows
        else ""
    )


def _pair(pair: Row) -> str:
    return (
        f"<tr><td>{escape(pair['a'])} = {escape(pair['b'])}<td>{pair['score']:.2f}<td>{_list(pair['for'])}"
        f'<td class="against">{_list(pair["against"])}</tr>'
    )


def _list(reasons: Iterable[str]) -> str:
    return escape("; ".join(reasons))


def _doubt(report: Row, pictures: Mapping[str, Sequence[str]]) -> Section:
    says = "<p>Perhaps the same, the likeliest first. Left as they are unless you decide otherwise.</p>"
    rows = "".join(_doubtful(report, pair, pictures) for pair in report["in_doubt"][:MOST])
    more = _more(report["in_doubt"])
    return "doubt", f"In doubt ({len(report['in_doubt'])})", f"{says}{rows}{more}" if rows else ""


def _doubtful(report: Row, pair: Row, pictures: Mapping[str, Sequence[str]]) -> str:
    a, b = pair["a"], pair["b"]
    sides = "".join(
        f'<div class="word">{_photos(pictures.get(word, ()))}<div><b>{escape(word)}</b>'
        f'<div class="count">{escape(_used(report["words"][word]))}</div></div></div>'
        for word in (a, b)
    )
    return (
        f'<article data-pair="{escape(json.dumps([a, b]))}"><header><strong>{escape(a)} = {escape(b)} ?</strong>'
        f"<small>{pair['score']:.2f}</small><select><option value=>leave as they are</option>"
        f'<option value="a">{escape(a)} becomes {escape(b)}</option>'
        f'<option value="b">{escape(b)} becomes {escape(a)}</option>'
        '<option value="never">two things: never offer again</option></select></header>'
        f'<div class="words">{sides}</div>'
        f'<div class="count">{_list(pair["for"])} <span class="against">{_list(pair["against"])}</span></div>'
        "</article>"
    )


def _paths(report: Row) -> Section:
    says = "<p>A plain word, and the one path that ends in it. No level is lost.</p>"
    rows = "".join(
        f'<article data-pair="{escape(json.dumps([one["word"], one["to"]]))}"><header>'
        f"<strong>{escape(one['word'])} = {escape(one['to'])} ?</strong>"
        "<select><option value=>leave as they are</option>"
        f'<option value="a">becomes {escape(one["to"])}</option></select></header>'
        f'<div class="count">{escape(_used(report["words"][one["word"]]))}</div></article>'
        for one in report["paths"]
    )
    return "paths", f"Plain words and paths ({len(report['paths'])})", says + rows if rows else ""


def _parents(report: Row) -> Section:
    says = (
        "<p>One may stand below the other, and never does by itself. What you tick becomes a path on its photos, "
        "dog for example animal/dog, and on tomorrow's.</p>"
    )
    head = "<tr><th>Word<th>Could stand below<th>Why</tr>"
    found = report["could_be_a_hierarchy"]
    rows = "".join(_child(report, one) for one in found[:MOST])
    body = f"{says}<article><table>{head}{rows}</table></article>{_more(found)}"
    return "hierarchy", f"Could be a hierarchy ({len(found)})", body if rows else ""


def _child(report: Row, one: Row) -> str:
    """A row, with a box where a plain word can go below the other, or below the one path that this ends."""
    child, parent = escape(one["child"]), escape(one["parent"])
    use, above = report["words"][one["child"]], report["words"][one["parent"]]["as"]
    at = escape(above[0]) if len(above) == 1 else parent
    box = f'<input type="checkbox" data-child="{child}" data-parent="{parent}" data-at="{at}"> '
    box = box if one["child"] in use["as"] and "/" not in child + parent else ""
    word = f"<label>{box}{child}</label> <small>{use['photos']:,}</small>"
    return f"<tr><td>{word}<td>{at}<td>{escape(one['why'])}</tr>"


def _apart(report: Row) -> Section:
    says = "<p>Something spoke for these pairs, and a veto held them apart.</p>"
    head = "<tr><th>Pair<th>For<th>Why not</tr>"
    found = report["held_apart"]
    rows = _rows(found, lambda one: (f"{one['a']} / {one['b']}", "; ".join(one["for"]), "; ".join(one["against"])))
    body = f"{says}<article><table>{head}{rows}</table></article>{_more(found)}"
    return "apart", f"Near misses ({len(found)})", body if rows else ""


def _rows(found: Sequence[Row], cells: Callable[[Row], Iterable[str]]) -> str:
    made = ("".join(f"<td>{escape(cell)}" for cell in cells(one)) for one in found[:MOST])
    return "".join(f"<tr>{row}</tr>" for row in made)


def _more(found: Sequence[Row]) -> str:
    return f"<p>{len(found) - MOST:,} more stand in report.json.</p>" if len(found) > MOST else ""
