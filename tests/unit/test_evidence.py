"""What is remembered of pictures, and when it is forgotten."""

from __future__ import annotations

from pathlib import Path

from metadata.choose import Evidence
from metadata.photo import Stat
from metadata.tags import parse
from watcher.ledger import evidence, files, store
from watcher.ledger.evidence import own_key

DIGEST, LOST = b"#" + b"d" * 15, b"x" * 16


def said(word: str) -> list[Evidence]:
    return [Evidence("place", "1", [(parse(word), 1.0)], {})]


def test_sweeping_forgets_what_no_photo_shows_and_keeps_what_hangs_on_a_photo_that_is_known(
    tmp_path: Path,
) -> None:
    ledger = store.open_for_writing(tmp_path)
    try:
        with ledger.transaction() as db:
            files.root(db, "photos", b"/photos", agreed=1.0)
            folder = files.folder(db, "photos", b"")
            files.photo(db, folder, b"a.jpg", Stat(1, 1, 1, 1), now=1.0)
            (number,) = db.execute("SELECT id FROM photos").fetchone()
            db.execute("UPDATE photos SET digest = ?", (DIGEST,))
            for key in (DIGEST, LOST, own_key(number), own_key(number + 1)):
                evidence.keep(db, key, said("night"), 1.0)
            assert evidence.sweep(db) == 2
            left = {row[0] for row in db.execute("SELECT digest FROM evidence")}
        assert left == {DIGEST, own_key(number)}
    finally:
        ledger.close()
