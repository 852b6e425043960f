"""Immich's database, read-only."""


class Database:
    """Reads Immich's tables."""


class Login:
    """How to reach the database."""
