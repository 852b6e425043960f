"""A place for tests of the merge: what stands there, read, merged, written and read back, without any disk."""

from __future__ import annotations

import hashlib
from dataclasses import replace

from metadata.fields import SERVER, SIDECAR
from metadata.memory import Context, Losses, Memory, Outcome, Place, Truth, Wanted
from metadata.merge import confirmed, intended, merge
from metadata.sinks import Change, Seen
from metadata.tags import HIERARCHICAL, SUBJECT, TAGS_LIST, key, typed

DAY = 86_400.0
LONG_AGO = 1_000_000.0


def wanted(*words, caption="", **texts):
    return Wanted({key(typed(w)): typed(w) for w in words}, caption, texts)


def keys(*words):
    return {key(typed(word)) for word in words}


def full(*words):
    """The three fields of a sidecar with these words, as every careful program writes them."""
    every = [typed(word) for word in words]
    return {
        TAGS_LIST: tuple("/".join(w) for w in every),
        HIERARCHICAL: tuple("|".join(w) for w in every),
        SUBJECT: tuple(dict.fromkeys(w[-1] for w in every)),
    }


def seen(lists=None, *, exists=True, **more):
    content = repr(
        (sorted((lists or {}).items()), sorted(more.get("texts", {}).items()), more.get("claimed"), more)
    )
    digest = hashlib.blake2b(content.encode(), digest_size=8).digest() if exists else b""
    return Seen(exists, digest, {n: tuple(v) for n, v in (lists or {}).items()}, **more)


def after(before, change: Change, name="sidecar"):
    """What a place shows once a change was made."""
    lists = {
        n: tuple(v for v in values if v not in change.remove.get(n, ())) for n, values in before.lists.items()
    }
    for n, values in change.add.items():
        lists[n] = (*lists.get(n, ()), *values)
    texts = {n: v for n, v in {**before.texts, **change.texts}.items() if v is not None}
    claim = change.claim if change.claim is not None else before.claimed
    lists = {n: v for n, v in lists.items() if v}
    return seen(lists, texts=texts, claimed=claim, programs=before.programs, people=before.people)


class House:
    """One photo: the truth, its places and what is remembered of them."""

    def __init__(self, *names, ledger="book") -> None:
        self.layouts = {name: SERVER if name == "server" else SIDECAR for name in names or ("sidecar",)}
        self.truth = Truth()
        self.memories: dict[str, Memory] = {}
        self.shows = {name: seen(exists=name == "server") for name in self.layouts}
        self.want = wanted()
        self.now = LONG_AGO
        self.run = 1
        self.ledger = ledger
        self.losses = Losses.JUDGE
        self.saves = 0
        self.aliases = {}
        self.renamed = frozenset()
        self.outcome: Outcome | None = None

    def context(self):
        return Context(self.ledger, self.run, self.now, renamed=self.renamed, aliases=self.aliases)

    def decide(self):
        """Read and merge; nothing is written."""
        places = {
            name: Place(layout, self.shows[name], self.memories.get(name), self.losses)
            for name, layout in self.layouts.items()
            if self.shows[name] is not None
        }
        self.outcome = merge(self.truth, self.want, places, self.context())
        return self.outcome

    def work(self, *, deaf=(), kill=False):
        """One pass; places in `deaf` take a write and show nothing of it; `kill` dies before any write."""
        outcome = self.decide()
        self.truth = outcome.truth
        for name, step in outcome.steps.items():
            if not step.change:
                self.memories[name] = step.memory
                continue
            self.memories[name] = intended(step, self.context())
            if kill:
                continue
            if name not in deaf:
                self.shows[name] = after(self.shows[name], step.change)
            self.memories[name] = confirmed(
                self.memories[name], self.layouts[name], self.shows[name], self.truth, self.context()
            )
        return outcome

    def settled(self, *words):
        """Choice wants these, and they were written a day ago."""
        self.want = wanted(*words)
        self.work()
        self.work()
        self.now += DAY
        return self

    def edit(self, lists, name="sidecar", **more):
        """Somebody saves these fields; the others stay."""
        old = self.shows[name]
        merged = {n: tuple(v) for n, v in {**old.lists, **lists}.items() if v is not None}
        more = {
            "texts": dict(old.texts),
            "claimed": old.claimed,
            "programs": old.programs,
            "people": old.people,
        } | more
        self.saves += 1
        self.shows[name] = replace(seen(merged, **more), digest=b"save %d" % self.saves)

    def tag(self, *words):
        """The server shows just these."""
        self.shows["server"] = seen({"tags": words} if words else {})

    def stands(self, word, name="sidecar"):
        lists = self.shows[name].lists
        if name == "server":
            return word in lists.get("tags", ())
        path = typed(word)
        return ("/".join(path) in lists.get(TAGS_LIST, ()), "|".join(path) in lists.get(HIERARCHICAL, ())) == (
            True,
            True,
        ) and path[-1] in lists.get(SUBJECT, ())

    def gone(self, word, name="sidecar"):
        lists = self.shows[name].lists
        path = typed(word)
        spelled = {"/".join(path), "|".join(path)}
        return not any(spelled & set(values) for values in lists.values())

    @property
    def refused(self):
        return set(self.truth.refused)

    def aside(self, name="sidecar"):
        return self.memories[name].aside

    def retry(self):
        for name, memory in self.memories.items():
            self.memories[name] = replace(memory, aside="", tries={}, writes=(), again=frozenset())
