"""How long a test waits for what has to happen, on a machine that does much else meanwhile."""

from __future__ import annotations

PATIENCE = 240.0
"""Seconds. Nobody who gets what they wait for waits so long; a test's own limit (pyproject.toml) is beyond it."""
