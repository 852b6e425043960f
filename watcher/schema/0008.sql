-- What a merge emptied and what was renamed is a matter of one user of a server, where there are users ('' for all).
ALTER TABLE emptied ADD COLUMN owner TEXT NOT NULL DEFAULT '';

ALTER TABLE offers RENAME TO offers_before;
CREATE TABLE offers (
    owner TEXT NOT NULL DEFAULT '',
    key TEXT NOT NULL,
    text TEXT NOT NULL,
    word TEXT NOT NULL,
    photos INTEGER NOT NULL,
    at REAL NOT NULL,
    state TEXT NOT NULL DEFAULT 'open',
    PRIMARY KEY (owner, key)
) WITHOUT ROWID;
INSERT INTO offers (key, text, word, photos, at, state) SELECT key, text, word, photos, at, state FROM offers_before;
DROP TABLE offers_before;
