"""Words, and where they are written."""
