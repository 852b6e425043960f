"""Lists and texts in their usual form are read at once, whoever wrote them, and documents share no meaning."""

import pytest

from metadata import xmp, xmp_read
from metadata.xmp_document import Scope

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
DC = "http://purl.org/dc/elements/1.1/"


def packet(inside: str, *, quote: str = "'", bound: str = DC) -> bytes:
    text = (
        f"<x:xmpmeta xmlns:x='adobe:ns:meta/'><rdf:RDF xmlns:rdf='{RDF}'>"
        f"<rdf:Description rdf:about='' xmlns:dc='{bound}'>{inside}</rdf:Description></rdf:RDF></x:xmpmeta>"
    )
    return text.replace("'", quote).encode()


CAPTION = (
    "<dc:description><rdf:Alt><rdf:li xml:lang='x-default'>Ein Hut &amp; Katze</rdf:li>"
    "<rdf:li xml:lang='en'>A hat</rdf:li></rdf:Alt></dc:description>"
)


@pytest.mark.parametrize("quote", ["'", '"'])
def test_a_caption_in_several_languages_is_read_in_one_pass_whichever_quotes_its_writer_likes(
    quote: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    passes = []

    class Counted(xmp_read._Reader):
        def run(self, *, whole: bool) -> xmp_read._Reader:
            passes.append(self.flat)
            return super().run(whole=whole)

    monkeypatch.setattr(xmp_read, "_Reader", Counted)
    said = xmp.seen(xmp.parse(packet(CAPTION, quote=quote), b"x"))
    assert said.texts["dc:description"] == "Ein Hut & Katze"
    assert len(passes) == 1


@pytest.mark.parametrize("language", ["'x\ny'", "'x&#45;default'"])
def test_another_form_of_a_language_is_read_as_the_parser_reads_it(language: str) -> None:
    caption = f"<dc:description><rdf:Alt><rdf:li xml:lang={language}>A hat</rdf:li></rdf:Alt></dc:description>"
    assert xmp.seen(xmp.parse(packet(caption), b"x")).texts["dc:description"] == "A hat"


def test_a_prefix_means_in_each_document_what_that_one_says() -> None:
    words = "<dc:subject><rdf:Bag><rdf:li>cat</rdf:li></rdf:Bag></dc:subject>"
    for _ in range(2):
        assert xmp.seen(xmp.parse(packet(words), b"x")).lists == {"dc:subject": ("cat",)}
        assert not xmp.seen(xmp.parse(packet(words, bound="https://example.org/other/"), b"x")).lists


def test_what_documents_share_of_names_is_bounded() -> None:
    scope = Scope({"a": "https://example.org/"}, {})
    for number in range(10_000):
        assert scope.element(f"a:n{number}").endswith(f"n{number}")
    assert len(scope.names) <= 4096
