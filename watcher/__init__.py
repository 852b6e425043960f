"""The door and the corridor: a file lands, comes to rest, is walked through the rooms, and is remembered.

`cli` holds the commands, `app` builds the real things, `events` and `walk` find paths, `stable` says when a
file has come to rest, `ledger` remembers, `rooms` is the walk itself (read it first), `worker` takes waiting
photos through it.
"""

__version__ = "0.1.0"
