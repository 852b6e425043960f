"""What a change makes of a photo's content: XMP, IPTC and EXIF brought to say the same. Pure.

After the Metadata Working Group's guidelines 2.0: XMP always, IPTC only where the photo has it, EXIF's
caption where the format has EXIF. Windows' keywords where they stand, or everywhere on request.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from metadata import iptc_edit, xmp
from metadata.container import RAW
from metadata.embedded import CAPTION, Content
from metadata.errors import Refused
from metadata.exif_text import readable_comment
from metadata.inside import EXIF_FORMATS, MIRRORED, Inside, padded, read_block, said
from metadata.sinks import Change, Seen, Values
from metadata.tags import HIERARCHICAL, SUBJECT, TAGS_LIST, fold

_END: Final = re.compile(rb"(<\?xpacket end=['\"])[rw](?=['\"]\?>[\s\0]*\Z)")
_BARE: Final = (b"<x:xmpmeta", b"<x:xapmeta", b"<rdf:RDF")
_WRAPPER: Final = ("<?xpacket begin='\ufeff' id='W5M0MpCehiHzreSzNTczkc9d'?>\n".encode(), b"\n<?xpacket end='w'?>")
"""What exiftool puts around a packet that has nothing around it, as Google's cameras write it."""
_CONTROLS: Final = re.compile(r"[\0-\x08\x0b\x0c\x0e-\x1f]")
_UNFIT: Final = re.compile("[;\U00010000-\U0010ffff]")
"""What XPKeywords cannot hold: their separator, and signs for which exiftool 12.57 writes nonsense there."""
_STAMPED: Final = RAW - {"MRW"} | {"JPEG", "TIFF"}
"""Formats with room for Photoshop's digest of the IPTC block."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """What is written besides: XPKeywords also where there are none yet, and the caption as UserComment.

    With `keep_original` the first state of a photo stays beside it, as exiftool does it: `IMG.jpg_original`.
    """

    xp_keywords: bool = False
    user_comment: bool = False
    keep_original: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """What becomes of a photo: its content, and what it says."""

    content: Content
    seen: Seen


def changed(inside: Inside, change: Change, wishes: Wishes, now: datetime, path: bytes) -> Outcome:
    """The photo after `change`; what it was where nothing changes. Raises Refused, with `path`."""
    before = inside.seen
    work = _Work(inside, before, change, wishes, path)
    own, packet = work.packet(now)
    content = replace(inside.content, packet=packet, iptc=work.block())
    if inside.format in EXIF_FORMATS:
        content = replace(content, description=work.description(), xp=work.windows(), comment=work.comment())
    if content == inside.content:
        return Outcome(content, before)
    content = _stamped(inside, content, own)
    return Outcome(content, said(own, content, inside))


def _stamped(inside: Inside, content: Content, own: Seen) -> Content:
    """With the digest that says that XMP and IPTC were written together.

    It is only said where XMP holds every keyword of the block: whoever believes it reads XMP alone.
    """
    if content.iptc is None or inside.format not in _STAMPED:
        return content
    block = read_block(content, inside.format)
    have = own.lists.get(SUBJECT, ())
    folded = {fold(word) for word in have}
    words = [iptc_edit.whole(word, "keywords", have) for word in block.values.get("keywords", ())]
    if block.synced or not (inside.iptc.synced or all(fold(word) in folded for word in words)):
        return content
    stored = padded(content.iptc, inside.format)
    return replace(content, stamp=hashlib.md5(stored, usedforsecurity=False).digest())


@dataclass(frozen=True, slots=True)
class _Work:
    """One change to one photo. `before` is what the photo shows, of whatever field it comes from."""

    inside: Inside
    before: Seen
    change: Change
    wishes: Wishes
    path: bytes

    @property
    def subject(self) -> Values:
        """The flat keywords as they will be."""
        gone, new = self.change.remove.get(SUBJECT, ()), self.change.add.get(SUBJECT, ())
        kept = tuple(word for word in self.before.lists.get(SUBJECT, ()) if word not in gone)
        return kept + tuple(word for word in dict.fromkeys(new) if word and word not in kept)

    @property
    def touched(self) -> bool:
        """Whether the flat keywords change."""
        return self.subject != self.before.lists.get(SUBJECT, ())  # also by their order

    def packet(self, now: datetime) -> tuple[Seen, bytes | None]:
        """The packet, and what it alone says."""
        own, document = self.inside.own, self.inside.document
        change = self._for_packet()
        if document is None:
            if not any(change.add.values()) and not any(change.texts.values()):
                return own, None
            made = xmp.create(change, now, self.path)
            return made.seen, self._fitted(made.data)
        made = xmp.revise(document, own, change, now)
        return made.seen, self._fitted(made.data) if made.data != document.data else document.data

    def _for_packet(self) -> Change:
        """What only IPTC or EXIF holds comes into XMP's list when that is written: it would hide them."""
        gone = self.change.remove.get(SUBJECT, ())
        have = [word for word in self.inside.own.lists.get(SUBJECT, ()) if word not in gone]
        add, texts = dict(self.change.add), dict(self.change.texts)
        if self.touched:
            add[SUBJECT] = tuple(word for word in self.subject if word not in have)
        if self.inside.format in EXIF_FORMATS and CAPTION not in self.inside.own.texts:
            texts.pop(CAPTION, None)
        return replace(self.change, add=add, texts=texts)

    def _fitted(self, data: bytes) -> bytes:
        """With what exiftool changes by itself: a missing wrapper; the read-only mark, which a PNG alone has."""
        if data.startswith(_BARE) and self.inside.format != "JPEG":
            data = data.join(_WRAPPER)
        return _END.sub(rb"\1r" if self.inside.format == "PNG" else rb"\1w", data)

    def block(self) -> bytes | None:
        """The IPTC block, changed where there is one."""
        raw = self.inside.content.iptc
        if raw is None:
            return None
        standing = self.inside.iptc.values.get("keywords", ())
        add = self.change.add.get(SUBJECT, ()) if standing else self.subject if self.touched else ()
        texts = {MIRRORED[name]: text for name, text in self.change.texts.items() if name in MIRRORED}
        known = (*self.before.lists.get(SUBJECT, ()), *self._leaves())
        try:
            return iptc_edit.revised(raw, add, self.change.remove.get(SUBJECT, ()), texts, known)
        except (ValueError, IndexError) as error:
            raise Refused(self.path, str(error)) from error

    def _leaves(self) -> list[str]:
        lists = self.before.lists
        paths = [each.split("/") for each in lists.get(TAGS_LIST, ())]
        return [path[-1] for path in (*paths, *(each.split("|") for each in lists.get(HIERARCHICAL, ())))]

    def description(self) -> bytes | None:
        """EXIF's ImageDescription."""
        old = self.inside.content.description
        if CAPTION not in self.change.texts:
            return old
        text, said = self.change.texts[CAPTION], self.before.texts.get(CAPTION)
        if not text:
            return None if said is not None else old
        return old if text == said and old else self._plain(text)

    def comment(self) -> bytes | None:
        """EXIF's UserComment: the caption, where that is asked for and changes."""
        old = self.inside.content.comment
        if not self.wishes.user_comment or "dc:description" not in self.change.texts:
            return old
        text = (self.change.texts["dc:description"] or "").strip()
        if text and not readable_comment(text):
            return old
        return self._plain(text) if text else None

    def _plain(self, text: str) -> bytes:
        if _CONTROLS.search(text):
            raise Refused(self.path, "a text holds control characters, which no field can hold")
        return text.encode()

    def windows_words(self) -> Values:
        """XPKeywords as they will be read; words that they cannot hold are not written there."""
        old = self.inside.exif.keywords
        if self.inside.content.xp is None:
            new = self.subject if self.wishes.xp_keywords and self.touched else ()
        else:
            gone = self.change.remove.get(SUBJECT, ())
            kept = tuple(word for word in old if word not in gone)
            new = kept + tuple(word for word in self.change.add.get(SUBJECT, ()) if word and word not in kept)
        words = (word.strip() for word in new if word in old or not _UNFIT.search(word))
        return tuple(dict.fromkeys(word for word in words if word))

    def windows(self) -> bytes | None:
        """XPKeywords as stored."""
        words = self.windows_words()
        if words == self.inside.exif.keywords:
            return self.inside.content.xp
        return self._plain(";".join(words)).decode().encode("utf-16-le") or None
