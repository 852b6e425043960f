-- Categories are paths; words and people's names are bound to them and written below them.
CREATE TABLE categories (
    key TEXT PRIMARY KEY,
    text TEXT NOT NULL
) WITHOUT ROWID;

-- `kind` is 'word' or 'person'.
CREATE TABLE bindings (
    kind TEXT NOT NULL,
    key TEXT NOT NULL,
    text TEXT NOT NULL,
    category TEXT NOT NULL REFERENCES categories (key) ON DELETE CASCADE,
    PRIMARY KEY (kind, key)
) WITHOUT ROWID;

-- Every path (key) under which a bound word may have been written, and the word that was bound.
CREATE TABLE filed (
    key TEXT PRIMARY KEY,
    word TEXT NOT NULL
) WITHOUT ROWID;
