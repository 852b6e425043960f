-- Aliases get an owner ('' for everybody), say whether they hold for the last part of any path (`leaf`), which run
-- made them, and whether that run was undone (`off`). `text` is the word as it was typed.
ALTER TABLE aliases RENAME TO aliases_before;
CREATE TABLE aliases (
    owner TEXT NOT NULL DEFAULT '',
    key TEXT NOT NULL,
    leaf INTEGER NOT NULL DEFAULT 0,
    text TEXT NOT NULL,
    word TEXT NOT NULL,
    run INTEGER,
    off INTEGER NOT NULL DEFAULT 0,
    at REAL NOT NULL,
    PRIMARY KEY (owner, key, leaf)
) WITHOUT ROWID;
INSERT INTO aliases (key, text, word, at) SELECT key, key, word, at FROM aliases_before;
DROP TABLE aliases_before;

-- Words that are never merged (`other` is '') and pairs that are never merged with each other (`key` < `other`).
CREATE TABLE apart (
    owner TEXT NOT NULL DEFAULT '',
    key TEXT NOT NULL,
    other TEXT NOT NULL DEFAULT '',
    text TEXT NOT NULL,
    other_text TEXT NOT NULL DEFAULT '',
    at REAL NOT NULL,
    PRIMARY KEY (owner, key, other)
) WITHOUT ROWID;

-- Words that a person approved to become another on these photos, and what stood before, for undo.
-- `state` is 'waiting', 'booked' (the truth has it), 'done', 'back' (undone, places to follow) or 'undone'.
-- `was` is the word as it stood with its owner; `stood` the other, '' where it did not stand yet.
CREATE TABLE merges (
    run INTEGER NOT NULL REFERENCES runs (id),
    photo INTEGER NOT NULL,
    key TEXT NOT NULL,
    word TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'waiting',
    was TEXT NOT NULL DEFAULT '',
    was_ours INTEGER NOT NULL DEFAULT 0,
    source TEXT,
    score REAL,
    stood TEXT NOT NULL DEFAULT '',
    stood_ours INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (photo, run, key)
) WITHOUT ROWID;
CREATE INDEX merges_run ON merges (run);
CREATE INDEX merges_open ON merges (photo) WHERE state IN ('waiting', 'booked', 'back');

-- Tags of a server that a merge emptied: 'waiting', 'deleted' or 'stays', and why.
CREATE TABLE emptied (
    run INTEGER NOT NULL REFERENCES runs (id),
    tag TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'waiting',
    why TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (run, tag)
) WITHOUT ROWID;
