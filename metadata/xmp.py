"""The sidecar as a document: parse it, change what is ours, keep the rest as it was.

`parse` and `seen` read, `edit` changes by splicing (`metadata.xmp_edit`), `new` starts from nothing.
"""

from __future__ import annotations

from metadata.xmp_bare import bare
from metadata.xmp_document import Document
from metadata.xmp_edit import Revised, create, edit, revise
from metadata.xmp_new import new
from metadata.xmp_read import LIMIT, parse
from metadata.xmp_seen import seen
from metadata.xmp_splice import difference

__all__ = [
    "LIMIT",
    "Document",
    "Revised",
    "bare",
    "create",
    "difference",
    "edit",
    "new",
    "parse",
    "revise",
    "seen",
]
