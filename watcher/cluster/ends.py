"""How work that was sent to other machines ends without an answer."""

from __future__ import annotations


class Lost(Exception):
    """The work came back undone, and nothing is known against it: the scheduler or all workers went away."""


class Died(Exception):
    """One worker after the other died over this work."""


class Unserved(Exception):
    """There are workers, and for a while none that can do this work; the text says why."""
