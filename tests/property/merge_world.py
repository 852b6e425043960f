"""A small world for the merge: one photo, its sidecar, a server like Immich, programs, people, and a ledger.

Nothing here uses the code under test to say what anybody wished: `wish` and `free` are kept by the acts
alone. A word is free where two acts, or an act and a program, met unseen, so that nobody could tell.
"""

from __future__ import annotations

import contextlib
import copy
import hashlib
import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace

from metadata import merge as merging
from metadata.fields import SERVER, SIDECAR, Layout
from metadata.memory import Context, Memory, Place, Truth, Wanted
from metadata.sinks import Change, Claim, Seen
from metadata.tags import HIERARCHICAL, SUBJECT, TAGS_LIST, Word, key

WORDS: tuple[Word, ...] = (
    ("ant",),
    ("animals", "bee"),
    ("animals", "cow"),
    ("dove",),
    ("plants", "elm"),
    ("fir",),
)
FIELDS = (TAGS_LIST, HIERARCHICAL, SUBJECT)
LAYOUTS: dict[str, Layout] = {"sidecar": SIDECAR, "left": SIDECAR, "server": SERVER}
OVERHEAD = frozenset({"animals", "plants"})
"""Ancestors: programs list them as they like, so that nobody is asked about them."""
PROGRAM = "darktable|changed"


class KilledError(Exception):
    """The process died here."""


def path(word: Word) -> str:
    return "/".join(word)


def bar(word: Word) -> str:
    return "|".join(word)


def with_ancestors(words: Iterable[Word]) -> list[Word]:
    return sorted({word[:length] for word in words for length in range(1, len(word) + 1)})


@dataclass
class Sidecar:
    """A sidecar's content; `date` counts saves, as xmp:MetadataDate does."""

    lists: dict[str, tuple[str, ...]] = field(default_factory=dict)
    claim: Claim | None = None
    programs: frozenset[str] = frozenset()
    date: int = 0

    def digest(self) -> bytes:
        said = (sorted(self.lists.items()), self.claim, sorted(self.programs), self.date)
        return hashlib.blake2b(repr(said).encode(), digest_size=8).digest()

    def seen(self) -> Seen:
        return Seen(True, self.digest(), dict(self.lists), programs=self.programs, claimed=self.claim)

    def put(self, name: str, values: Iterable[str]) -> None:
        """Set a list; an empty one is deleted, as by exiftool and exiv2."""
        kept = tuple(values)
        self.lists = {n: v for n, v in self.lists.items() if n != name} | ({name: kept} if kept else {})

    def words(self, name: str) -> set[Word]:
        """Whole words in a field of paths, without ancestors in lr, by this test's own reading."""
        sign = "/" if name == TAGS_LIST else "|"
        here = {tuple(v.split(sign)) for v in self.lists.get(name, ()) if not v.startswith("darktable|")}
        above = {w[:n] for w in here for n in range(1, len(w))}
        return here - above if name == HIERARCHICAL else here

    def shows(self, word: Word) -> frozenset[str]:
        """The fields in which a word stands."""
        paths = {name for name in (TAGS_LIST, HIERARCHICAL) if word in self.words(name)}
        return frozenset(paths | ({SUBJECT} if word[-1] in self.lists.get(SUBJECT, ()) else set()))


@dataclass
class Ledger:
    """What tagwright keeps: truth, memories, booked writes; the ledger's file, so to say."""

    truth: Truth = field(default_factory=Truth)
    memories: dict[str, Memory] = field(default_factory=dict)
    intents: dict[str, tuple[bytes, bytes]] = field(default_factory=dict)
    run: int = 1


@dataclass
class World:
    """Everything there is, and (from `wish` on) what is known of people's wishes."""

    sidecar: Sidecar | None = None
    left: Sidecar | None = None
    server: list[str] | None = field(default_factory=list)
    dirty: bool = False
    book: set[Word] | None = None
    ledger: Ledger = field(default_factory=Ledger)
    wanted: set[Word] = field(default_factory=set)
    ever: set[Word] = field(default_factory=set)
    undone: set[Word] = field(default_factory=set)
    now: float = 1_000_000.0
    dates: int = 0
    wish: dict[Word, bool] = field(default_factory=dict)
    free: set[Word] = field(default_factory=set)
    unseen: set[Word] = field(default_factory=set)
    mixed: bool = False
    doubtful: set[Word] = field(default_factory=set)
    fresh_copy: bool = False
    damaged: set[Word] = field(default_factory=set)
    accidents: Counter[Word] = field(default_factory=Counter)
    backups: list[Sidecar] = field(default_factory=list)
    books: list[tuple[Ledger, dict[Word, bool], set[Word]]] = field(default_factory=list)
    merge: Callable[..., object] = merging.merge
    writes: int = 0

    # People and programs at the sidecar

    def save(self, lists: dict[str, Iterable[str]], *, program: str = "", dated: bool = True) -> None:
        """Somebody writes these fields of the sidecar."""
        self.dates += 1
        if self.fresh_copy:
            self.free |= set(WORDS)  # somebody saved over old words before anybody had read them
        car = copy.deepcopy(self.sidecar) or Sidecar()
        for name, values in lists.items():
            car.put(name, values)
        car.programs |= {program} if program else set()
        car.date = self.dates if dated else car.date
        self.sidecar = car

    def act(self, word: Word, present: bool) -> None:
        """A person says that a word is to be there, or not.

        Where it meets another act or accident before anybody read, or a write of ours that a kill left
        open, the two cannot be told apart.
        """
        chosen = key(word) in self.ledger.truth.words or (self.server is not None and word in self.wanted)
        chosen = present and chosen  # it stays tagwright's, who said it first
        leaving = any(key(word) in memory.dropping for memory in self.ledger.memories.values())
        if chosen or leaving or word in self.unseen | self.damaged or self.any_aside() or self.ledger.intents:
            self.free.add(word)
        else:
            self.free.discard(word)
        self.unseen.add(word)
        told = self.wish.get(word) is not None or word in self.ever
        if present and told and self.sidecar and "darktable" in self.sidecar.programs:
            self.doubtful.add(word)  # added back where darktable's database may have put it: nobody can tell
        self.wish[word] = present

    def watch(self, *, word: Word | None = None) -> Iterator[None]:
        """Around an edit: note which other words it changed by accident.

        Where a person saves what an accident left, nobody can tell the two apart afterwards.
        """
        if word is not None:
            self.free |= self.damaged
        before = {w: self.sidecar.shows(w) if self.sidecar else frozenset() for w in WORDS}
        yield
        for other in WORDS:
            if other == word:
                continue
            after = self.sidecar.shows(other) if self.sidecar else frozenset()
            if before[other] != after:
                self.accidents[other] += bool(before[other] - after)
                self.damaged |= {other} if before[other] - after else set()
                if other in self.unseen:
                    self.free.add(other)

    def digikam(self, word: Word, present: bool) -> None:
        """Reads TagsList first, then lr, then dc; writes all three."""
        for _ in self.watch(word=word):
            view = self._view((TAGS_LIST, HIERARCHICAL))
            if present == (word in view):
                return
            self.free |= {
                w for w in WORDS if self.sidecar and self.sidecar.shows(w)
            } - view  # it sees none of these
            self.act(word, present)
            view = view | {word} if present else view - {word}
            every = sorted(view)
            self.save(
                {TAGS_LIST: map(path, every), HIERARCHICAL: map(bar, every), SUBJECT: {w[-1]: 0 for w in every}}
            )

    def lightroom(self, word: Word, present: bool) -> None:
        """Knows lr and dc alone, and lists ancestors in both."""
        for _ in self.watch(word=word):
            flat = self._view(()) - {(w[-1],) for w in WORDS if len(w) > 1}
            view = self._view((HIERARCHICAL,)) | flat
            if present == (word in view):
                return
            self.act(word, present)
            self._like_darktable()
            view = view | {word} if present else view - {word}
            self.save(
                {HIERARCHICAL: map(bar, with_ancestors(view)), SUBJECT: {w[-1]: 0 for w in with_ancestors(view)}}
            )

    def rename(self, old: Word, new: Word) -> None:
        self.digikam(old, False)
        self.digikam(new, True)

    def exiftool(self, word: Word, present: bool, name: str) -> None:
        """One field, and no date."""
        for _ in self.watch(word=word):
            value = {TAGS_LIST: path, HIERARCHICAL: bar, SUBJECT: lambda w: w[-1]}[name](word)
            values = self.sidecar.lists.get(name, ()) if self.sidecar else ()
            if present == (value in values):
                return
            if present and name == SUBJECT and len(word) > 1:
                return  # a bare leaf names another word
            if present and self.sidecar and self.sidecar.shows(word):
                return  # it stands already: nothing is said
            self.act(word, present)
            if name != TAGS_LIST:
                self._like_darktable()
            self.save({name: (*values, value) if present else (v for v in values if v != value)}, dated=False)

    def _like_darktable(self) -> None:
        """Another program saves just the fields that darktable writes: nobody can tell whose save it was."""
        self.mixed |= self.sidecar is not None and "darktable" in self.sidecar.programs

    def _view(self, names: tuple[str, ...]) -> set[Word]:
        car = self.sidecar or Sidecar()
        for name in names:
            if name in car.lists:
                return car.words(name) - {(w,) for w in OVERHEAD}
        return {w for w in WORDS if len(w) == 1 and w[0] in car.lists.get(SUBJECT, ())}

    # darktable

    def darktable_import(self) -> None:
        self.book = self._view((HIERARCHICAL,))
        self.darktable_save()

    def slider(self) -> None:
        """A mere edit of the picture."""
        if self.book is not None:
            self.darktable_save()

    def darktable_save(self, word: Word | None = None) -> None:
        """Writes lr and dc out of its database; what it does not know is gone from them."""
        for _ in self.watch(word=word):
            assert self.book is not None
            every = with_ancestors(self.book)
            lr = [*map(bar, sorted(self.book)), PROGRAM]
            self.save({HIERARCHICAL: lr, SUBJECT: {w[-1]: 0 for w in every}}, program="darktable")
            self.free |= self.damaged | (self.unseen - {word})
            self.free |= set(WORDS) if self.mixed else set()
        self.fresh_copy = True

    def darktable(self, word: Word, present: bool) -> None:
        """A person in darktable; what they change back there is told from an old copy by nobody."""
        if self.book is None or present == (word in self.book):
            return
        shown = self.sidecar is not None and HIERARCHICAL in self.sidecar.shows(word)
        if present and (shown or word in self.ever) and self.sidecar:
            self.free |= {w for w in WORDS if self.sidecar.shows(w)}  # looks as if it had been read from there
        doubtful = word in self.wish or word in self.ever or shown == present or self._known(word)
        self.book = self.book | {word} if present else self.book - {word}
        self.act(word, present)
        self.darktable_save(word)
        if doubtful:
            self.free.add(word)

    def _known(self, word: Word) -> bool:
        return key(word) in self.ledger.truth.ours or word in self.wanted

    # The server

    def immich(self, word: Word, present: bool) -> None:
        if self.server is None or present == (path(word) in self.server):
            return
        self.act(word, present)
        tags = [t for t in self.server if t != path(word)]
        self.server = [*tags, path(word)] if present else tags
        self.dirty = True

    def immich_jobs(self) -> None:
        """SidecarWrite, where something was changed on the server; then extraction from the sidecar."""
        if self.server is None:
            return
        if self.dirty:
            if self.unseen:
                self._like_darktable()  # without its TagsList anybody's save looks like that
            self.free |= self.damaged  # Immich writes over what an accident left: it looks like an edit
            for _ in self.watch():
                self.save({TAGS_LIST: self.server})
                if not self.server:
                    assert self.sidecar is not None
                    self.sidecar.lists[TAGS_LIST] = ()
        self.dirty = False
        car = self.sidecar or Sidecar()
        if TAGS_LIST in car.lists:
            new = list(car.lists[TAGS_LIST])
        elif HIERARCHICAL in car.lists:
            new = [v.replace("|", "/") for v in car.lists[HIERARCHICAL] if v != PROGRAM]
        else:
            new = list(car.lists.get(SUBJECT, ()))
        for word in WORDS:
            if (
                (path(word) in new) != (path(word) in self.server)
                and word in self.unseen
                and TAGS_LIST not in car.lists
            ):
                self.free.add(word)
        self.server = new

    # Accidents

    def delete(self) -> None:
        self.mixed |= self.book is not None  # darktable's database now holds words of a file that is no more
        for _ in self.watch():
            self.sidecar = None

    def back_up(self) -> None:
        if self.sidecar is not None:
            self.backups.append(copy.deepcopy(self.sidecar))

    def restore(self, number: int) -> None:
        if not self.backups:
            return
        for _ in self.watch():
            old = self.backups[number % len(self.backups)]
            memory = self.ledger.memories.get("sidecar")
            known = memory is not None and old.digest() in (*memory.history, memory.digest)
            if not known:
                # an older file that tagwright never saw: its words may be anybody's
                self.free |= set(WORDS)
            self.sidecar = copy.deepcopy(old)
            self.fresh_copy = True
            self.free |= self.unseen

    def move_without_sidecar(self) -> None:
        if self.left is None and self.sidecar is not None:
            self.left, self.sidecar = self.sidecar, None
            self.book = None
            self.books.clear()  # an older ledger would know the photo by its old path alone

    def copy_ledger(self) -> None:
        self.books.append(copy.deepcopy((self.ledger, self.wish, self.wanted)))

    def old_ledger(self, number: int) -> None:
        """An older book: what happened since is known from the places alone, so little is asked of it."""
        if not self.books:
            return
        old, wish, wanted = self.books[number % len(self.books)]
        self.free |= {w for w in WORDS if self.wish.get(w) != wish.get(w)} | self.unseen
        self.free |= self.wanted ^ wanted
        self.free |= {w for w in WORDS if (key(w) in old.truth.words) != (key(w) in self.ledger.truth.words)}
        self.free |= {w for w in WORDS if (key(w) in old.truth.withheld) != (key(w) in self.ledger.truth.withheld)}
        self.free |= {w for w in WORDS if (key(w) in old.truth.refused) != (key(w) in self.ledger.truth.refused)}
        if self.book is not None:
            self.doubtful |= self.ever  # whether darktable's database is older, nobody remembers now
        car = self.sidecar or Sidecar()
        self.free |= {w for w in WORDS if key(w) in old.truth.words and not car.shows(w)}
        self.ledger = copy.deepcopy(old)
        self.undone = {w for w in WORDS if key(w) in old.truth.withheld}
        self.unseen |= set(WORDS)

    # tagwright

    def aside(self, name: str) -> str:
        memory = self.ledger.memories.get(name)
        return memory.aside if memory else ""

    def seen(self, name: str) -> Seen | None:
        if name == "server":
            if self.server is None:
                return None
            said = hashlib.blake2b(repr(sorted(self.server)).encode(), digest_size=8).digest()
            return Seen(True, said, {"tags": tuple(self.server)} if self.server else {})
        car = self.sidecar if name == "sidecar" else self.left
        if car is None:
            return Seen(False, b"") if name == "sidecar" else None
        return car.seen()

    def restart(self) -> None:
        """Settle what was booked, by the places' digests."""
        book = self.ledger
        for name, (before, after) in list(book.intents.items()):
            seen, memory = self.seen(name), book.memories[name]
            if seen is not None and seen.digest == after:
                book.memories[name] = merging.confirmed(memory, LAYOUTS[name], seen, book.truth, self.context())
            elif seen is not None and seen.digest == before:
                book.memories[name] = merging.unwritten(memory)
            del book.intents[name]

    def context(self) -> Context:
        return Context("book", self.ledger.run, self.now)

    def tagwright(self, pause: Callable[[int], None] = lambda _: None) -> bool:
        """One pass: read, merge, commit, then place by place write and confirm. Whether anything was written.

        `pause` is called between any two steps with the step's number; what it raises kills the pass.
        """
        if self.dirty:
            return False  # Immich is about to write the sidecar: its lock says so
        self.now += 1
        self.restart()
        self._bring()
        pause(0)
        book, context = self.ledger, self.context()
        places = {}
        for name in ("server", "sidecar", "left"):
            seen = self.seen(name)
            if seen is not None:
                memory = book.memories.get(name)
                places[name] = Place(LAYOUTS[name], seen, memory)
        self.ever |= self.wanted
        wanted = Wanted({key(w): w for w in sorted(self.wanted)})
        outcome = self.merge(book.truth, wanted, places, context)
        read = (set(self.unseen), set(self.damaged), self.fresh_copy)
        pause(1)
        if not self.any_aside():
            self.unseen -= read[0]
            self.damaged -= read[1]
            self.fresh_copy &= not read[2]
        book.truth = outcome.truth
        drafts = {}
        for name, step in outcome.steps.items():
            if step.change and name != "left":
                after, content = self._draft(name, step.change)
                drafts[name] = content
                book.memories[name] = merging.intended(step, context)
                book.intents[name] = (places[name].seen.digest, after)
            else:
                book.memories[name] = step.memory
        pause(2)
        for number, (name, content) in enumerate(drafts.items()):
            self._write(name, content, outcome.steps[name])
            back = self.seen(name) or Seen(False, b"")
            pause(3 + 2 * number)
            if name in book.intents:
                memory = merging.confirmed(book.memories[name], LAYOUTS[name], back, book.truth, context)
                book.memories[name] = memory
                del book.intents[name]
            pause(4 + 2 * number)
        if self.left is not None and "left" in places:
            self.left = None
            book.memories.pop("left", None)
        return bool(drafts)

    def _bring(self) -> None:
        """A sidecar that a move left behind comes along; where there is a new one, both are merged."""
        if self.left is not None:
            self.ledger.memories.pop("server", None)  # for the server this is another photo
        if self.left is not None and self.sidecar is None:
            self.sidecar, self.left = self.left, None
            if "left" in self.ledger.memories:
                self.ledger.memories["sidecar"] = self.ledger.memories.pop("left")
        elif self.left is not None and "left" not in self.ledger.memories:
            memory = self.ledger.memories.pop("sidecar", None)
            self.ledger.memories |= {"left": memory, "sidecar": Memory()} if memory else {}

    def _draft(self, name: str, change: Change) -> tuple[bytes, Sidecar | list[str]]:
        seen = self.seen(name)
        assert seen is not None
        lists = {
            n: tuple(v for v in values if v not in change.remove.get(n, ())) for n, values in seen.lists.items()
        }
        for n, values in change.add.items():
            lists[n] = (*lists.get(n, ()), *values)
        if name == "server":
            tags = list(lists.get("tags", ()))
            return hashlib.blake2b(repr(sorted(tags)).encode(), digest_size=8).digest(), tags
        self.dates += 1
        car = copy.deepcopy(self.sidecar) or Sidecar()
        car.lists = {n: v for n, v in lists.items() if v or not seen.lists.get(n)}
        car.claim = change.claim or car.claim
        car.date = self.dates
        return car.digest(), car

    def _write(self, name: str, content: Sidecar | list[str], step: object) -> None:
        before, _ = self.ledger.intents[name]
        seen = self.seen(name)
        if seen is None or seen.digest != before:
            self.ledger.memories[name] = step.memory
            del self.ledger.intents[name]
            return
        self.writes += 1
        if name == "server":
            assert isinstance(content, list)
            self.server, self.dirty = content, True
        else:
            assert isinstance(content, Sidecar)
            self.sidecar = content

    def kill(self, at: int) -> None:
        """A pass of tagwright that dies at this step."""

        def die(step: int) -> None:
            if step == at:
                raise KilledError

        with contextlib.suppress(KilledError):
            self.tagwright(die)

    def meddle(self, at: int, word: Word, present: bool) -> None:
        """A person in digiKam saves between two steps of tagwright."""
        self.tagwright(lambda step: self.digikam(word, present) if step == at else None)

    def want(self, wanted: set[Word]) -> None:
        """Choice changes: other rules, other evidence."""
        self.wanted = set(wanted)

    def run(self) -> None:
        """A new day."""
        self.ledger.run += 1

    def wait(self, seconds: float) -> None:
        self.now += seconds

    def rest(self) -> None:
        self.quiet()
        self.check()

    def undo(self) -> None:
        truth = self.ledger.truth
        ours = {k: truth.words[k] for k in truth.ours}
        self.ledger.truth = replace(truth, withheld={**truth.withheld, **ours})
        self.undone |= {w for w in WORDS if key(w) in ours}

    def redo(self) -> None:
        self.ledger.truth = replace(self.ledger.truth, withheld={})
        self.undone.clear()

    def retry(self) -> None:
        """A person has dealt with the reasons."""
        self.quiet()
        if self.any_aside() and self.server is not None:
            self.free |= self.ever  # the server went on writing our words into the file meanwhile
        for name, memory in self.ledger.memories.items():
            if memory.aside:
                fresh = replace(memory, aside="", tries={}, writes=(), again=frozenset())
                self.ledger.memories[name] = fresh

    def quiet(self, rounds: int = 8) -> None:
        """tagwright and Immich work until nothing changes any more."""
        for _ in range(rounds):
            before = (copy.deepcopy(self.sidecar), list(self.server or ()), self.dirty, self.left)
            self.now += 1
            self.tagwright()
            self.immich_jobs()
            if before == (self.sidecar, list(self.server or ()), self.dirty, self.left):
                return
        msg = "tagwright and Immich never came to rest"
        raise AssertionError(msg)

    # What must hold

    def standing(self, name: str) -> set[Word]:
        """Words that a place shows, by this test's own reading."""
        if name == "server":
            return {tuple(t.split("/")) for t in self.server or ()}
        car = self.sidecar or Sidecar()
        here = car.words(TAGS_LIST) | car.words(HIERARCHICAL)
        parts = {part for word in here for part in word}
        return here | {(leaf,) for leaf in car.lists.get(SUBJECT, ()) if leaf not in parts}

    def loose(self) -> set[Word]:
        """Words of which nothing is asked."""
        pending = {w for w, present in self.wish.items() if not present} if self.any_aside() else set()
        return self.free | self.doubtful | pending

    def any_aside(self) -> bool:
        return bool(self.aside("sidecar") or self.aside("server"))

    def expected(self) -> set[Word]:
        """Exactly what should stand everywhere, free words left out."""
        persons = {w for w, present in self.wish.items() if present}
        ours = {w for w in self.wanted if self.wish.get(w) is None and w not in self.undone}
        return (persons | ours) - self.loose()

    def places(self) -> list[str]:
        """Places that are not set aside."""
        names = ["sidecar"] if self.server is None else ["sidecar", "server"]
        return [name for name in names if not self.aside(name)]

    def check(self) -> None:
        """MERGE's five invariants at rest."""
        self.insist()
        expected = self.expected()
        for name in self.places():
            here = self.standing(name)
            loose = {w[-1] for w in WORDS if len(w) > 1 or w in self.loose()} | OVERHEAD
            asked = {w for w in here if w not in self.loose() and not (len(w) == 1 and w[0] in loose)}
            lost = expected - here
            assert not {w for w in lost if self.wish.get(w)}, ("1: a person's word is lost", name, lost, self)
            assert not lost, ("3: a wanted word does not stand", name, lost, self)
            wrong = asked - expected
            assert not {w for w in wrong if self.wish.get(w) is False}, (
                "2: a removed word stands",
                name,
                wrong,
                self,
            )
            assert not wrong, ("4: something else stands", name, wrong, self)
        refused = {w for w in WORDS if key(w) in self.ledger.truth.refused}
        uttered = {w for w in WORDS if self.wish.get(w) is False or w in self.loose() or self.accidents[w] > 1}
        assert refused <= uttered, ("5: a refusal that no person uttered", refused - uttered, self)
        self.settle_doubts(refused)
        if "sidecar" in self.places() and self.ledger.truth.ours:
            car = self.sidecar
            for word in expected:
                assert car is not None
                assert car.shows(word) == set(FIELDS), ("1: a field was not brought along", word, self)
        before = self.writes
        self.tagwright()
        assert self.writes == before, ("a second merge wrote", self)

    def settle_doubts(self, refused: set[Word]) -> None:
        """A word that a program lost alone twice counts as refused by the rules: nobody's wish is known."""
        self.free |= {w for w in refused if self.wish.get(w) is not False}

    def insist(self) -> None:
        """A person who sees that a word they removed was written once more removes it again, alone."""
        for word in [w for w, present in self.wish.items() if not present and w not in self.free] * 2:
            if self.aside("sidecar") or self.aside("server"):
                return
            if self.sidecar is not None and word in self.standing("sidecar"):
                self.now += 3600
                self.digikam(word, False)
                self.quiet()


# A random life, for when no shrinking is wanted

Act = tuple[str, tuple[object, ...]]

ACTS: dict[str, float] = {
    "digikam": 4, "lightroom": 4, "exiftool": 4, "immich": 4, "rename": 2, "immich_jobs": 4,
    "darktable_import": 1, "slider": 2, "darktable": 2, "delete": 1, "back_up": 2, "restore": 1.5,
    "move_without_sidecar": 1, "copy_ledger": 1, "old_ledger": 0.7, "want": 4, "undo": 0.5, "redo": 0.5,
    "run": 0.5, "wait": 5, "tagwright": 5, "kill": 4, "meddle": 2, "rest": 4, "retry": 1,
}  # fmt: skip
"""What may happen next, and how often in proportion."""


def life(seed: int) -> list[Act]:
    """A sequence of acts; the same for the same seed."""
    chance = random.Random(seed)
    names = chance.choices(list(ACTS), list(ACTS.values()), k=chance.choice([8, 15, 30, 50]))
    return [(name, _arguments(name, chance)) for name in names]


def _arguments(name: str, chance: random.Random) -> tuple[object, ...]:
    word, present = chance.choice(WORDS), chance.random() < 0.5
    return {
        "digikam": (word, present),
        "lightroom": (word, present),
        "immich": (word, present),
        "darktable": (word, present),
        "exiftool": (word, present, chance.choice(FIELDS)),
        "rename": (word, chance.choice(WORDS)),
        "restore": (chance.randrange(50),),
        "old_ledger": (chance.randrange(50),),
        "want": (set(chance.sample(WORDS, chance.randrange(5))),),
        "wait": (chance.choice([1, 60, 700, 7200, 200_000]),),
        "kill": (chance.randrange(7),),
        "meddle": (chance.randrange(1, 5), word, present),
    }.get(name, ())


def live(world: World, acts: Iterable[Act]) -> World:
    """Let it all happen; at the end everything comes to rest, and the invariants are checked."""
    for name, arguments in (*acts, ("wait", (100_000,)), ("rest", ())):
        getattr(world, name)(*arguments)
        truth = world.ledger.truth
        assert not truth.ours & truth.refused.keys(), ("0: ours and refused", world)
        assert truth.ours <= truth.words.keys(), ("0: ours and not there", world)
    return world
