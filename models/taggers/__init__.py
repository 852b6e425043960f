"""Taggers: one backend a file, the file name is the name in the settings."""
