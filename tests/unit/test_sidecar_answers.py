"""What a write answers decides what the next comparison starts from."""

from __future__ import annotations

from metadata.sinks import Change
from tests.unit.keeper import Keeper, wanted
from tests.unit.triples import listed

SUBJECT = "{http://purl.org/dc/elements/1.1/}subject"
TREE = "{http://www.digikam.org/ns/1.0/}TagsList"


def test_what_somebody_writes_right_after_us_is_news_and_reaches_every_field(tmp_path, monkeypatch):
    """It once became the base unread: the word stood in one field for ever and in no other."""
    from metadata.sinks import sidecar

    keeper, put = Keeper(tmp_path, None), sidecar.put

    def then_theirs(wishes, **more):
        answers = put(wishes, **more)
        data = keeper.sidecar.read_bytes()
        keeper.sidecar.write_bytes(data.replace(b"<rdf:li>cat</rdf:li>\n    </rdf:Bag>\n   </dc:subject>",
            b"<rdf:li>cat</rdf:li><rdf:li>theirs</rdf:li></rdf:Bag></dc:subject>"))  # fmt: skip
        monkeypatch.setattr(sidecar, "put", put)
        return answers

    monkeypatch.setattr(sidecar, "put", then_theirs)
    keeper.keep(wanted(("cat",)))
    assert listed(keeper.sidecar.read_bytes(), SUBJECT) == ["cat", "theirs"] or listed(
        keeper.sidecar.read_bytes(), SUBJECT
    ) == ["theirs", "cat"]
    keeper.keep(wanted(("cat",)))
    assert set(listed(keeper.sidecar.read_bytes(), TREE)) == {"cat", "theirs"}


def test_the_answer_to_a_write_is_what_was_put_there(tmp_path):
    keeper = Keeper(tmp_path, None)
    (seen,) = keeper.sink.read([keeper.photo])
    draft = keeper.sink.draft(keeper.photo, seen, Change(add={"dc:subject": ("cat",)}))
    assert keeper.sink.write([draft]) == [draft.seen]
    assert keeper.sink.read([keeper.photo]) == [draft.seen]
