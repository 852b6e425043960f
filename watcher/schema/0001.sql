-- The book: what is known of each photo, what was said about it, what stands where, and what waits.
-- Times are seconds since 1970 in UTC. Paths and names are bytes as the file system gives them.

CREATE TABLE meta (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE runs (
    id INTEGER PRIMARY KEY,
    started REAL NOT NULL,
    ended REAL,
    why TEXT NOT NULL
);

-- `waits` is the reason why nothing of the root is touched (not mounted, another disk), or ''.
-- `agreed` is when a person agreed to the first look; before, what it would change is held.
CREATE TABLE roots (
    name TEXT PRIMARY KEY,
    base BLOB NOT NULL,
    identity TEXT NOT NULL DEFAULT '',
    waits TEXT NOT NULL DEFAULT '',
    agreed REAL,
    walked REAL
);

CREATE TABLE stops (
    root TEXT NOT NULL,
    place TEXT NOT NULL,
    reason TEXT NOT NULL,
    at REAL NOT NULL,
    PRIMARY KEY (root, place)
) WITHOUT ROWID;

CREATE TABLE folders (
    id INTEGER PRIMARY KEY,
    root TEXT NOT NULL,
    path BLOB NOT NULL,
    mtime_ns INTEGER NOT NULL DEFAULT 0,
    UNIQUE (root, path)
);

-- `look` is 1 while the file itself has to be read; `gate` holds what was decided until a person or the
-- next walk releases it ('first look', 'rules', 'loss', 'move'); `booked` is set while an attempt runs.
CREATE TABLE photos (
    id INTEGER PRIMARY KEY,
    folder INTEGER NOT NULL REFERENCES folders (id),
    name BLOB NOT NULL,
    stem BLOB NOT NULL,
    size INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    ctime_ns INTEGER NOT NULL,
    inode INTEGER NOT NULL,
    digest BLOB,
    state TEXT NOT NULL DEFAULT 'seen',
    reason TEXT NOT NULL DEFAULT '',
    gate TEXT NOT NULL DEFAULT '',
    look INTEGER NOT NULL DEFAULT 1,
    due REAL,
    attempts INTEGER NOT NULL DEFAULT 0,
    booked REAL,
    rules TEXT NOT NULL DEFAULT '',
    seen REAL NOT NULL,
    delivered REAL,
    gone REAL,
    format TEXT,
    width INTEGER,
    height INTEGER,
    orientation INTEGER,
    taken TEXT,
    utc_offset INTEGER,
    make TEXT,
    model TEXT,
    lens TEXT,
    exposure REAL,
    aperture REAL,
    iso INTEGER,
    focal REAL,
    latitude REAL,
    longitude REAL,
    UNIQUE (folder, name)
);
CREATE INDEX photos_due ON photos (due) WHERE due IS NOT NULL;
CREATE INDEX photos_digest ON photos (digest);
CREATE INDEX photos_stem ON photos (folder, stem);
CREATE INDEX photos_gone ON photos (gone) WHERE gone IS NOT NULL;
CREATE INDEX photos_gate ON photos (gate) WHERE gate != '';
CREATE INDEX photos_suspect ON photos (due) WHERE reason = 'suspect';

-- Every sidecar file the last walk or our last write saw.
CREATE TABLE sidecars (
    folder INTEGER NOT NULL REFERENCES folders (id),
    name BLOB NOT NULL,
    size INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    ctime_ns INTEGER NOT NULL,
    inode INTEGER NOT NULL,
    PRIMARY KEY (folder, name)
) WITHOUT ROWID;

-- What one version of a source said about one picture (its image data), packed.
CREATE TABLE evidence (
    digest BLOB NOT NULL,
    source TEXT NOT NULL,
    version TEXT NOT NULL,
    at REAL NOT NULL,
    said BLOB NOT NULL,
    PRIMARY KEY (digest, source, version)
) WITHOUT ROWID;

-- How many pictures a word was said of, by source: a rule that fits everything says nothing.
CREATE TABLE tallies (
    source TEXT NOT NULL,
    key TEXT NOT NULL,
    pictures INTEGER NOT NULL,
    PRIMARY KEY (source, key)
) WITHOUT ROWID;

CREATE TABLE words (
    id INTEGER PRIMARY KEY,
    text TEXT NOT NULL UNIQUE,
    key TEXT NOT NULL
);
CREATE INDEX words_key ON words (key);

-- The words all agreed on: a person's, or (ours = 1) tagwright's with the source that said it.
CREATE TABLE standing (
    photo INTEGER NOT NULL REFERENCES photos (id),
    word INTEGER NOT NULL REFERENCES words (id),
    ours INTEGER NOT NULL,
    source TEXT,
    score REAL,
    PRIMARY KEY (photo, word)
) WITHOUT ROWID;
CREATE INDEX standing_word ON standing (word);

CREATE TABLE captions (
    photo INTEGER PRIMARY KEY REFERENCES photos (id),
    caption TEXT NOT NULL,
    ours INTEGER NOT NULL,
    conflict INTEGER NOT NULL,
    texts_refused TEXT NOT NULL
);

-- A person's no holds for all photos of one name in a folder (RAW and JPEG, Live Photo).
CREATE TABLE refusals (
    folder INTEGER NOT NULL REFERENCES folders (id),
    stem BLOB NOT NULL,
    key TEXT NOT NULL,
    text TEXT NOT NULL,
    why TEXT NOT NULL,
    ours INTEGER NOT NULL,
    run INTEGER,
    at REAL NOT NULL,
    PRIMARY KEY (folder, stem, key)
) WITHOUT ROWID;

-- Words that were undone: kept back until `redo`, a person adds them, or new evidence names them.
CREATE TABLE withheld (
    photo INTEGER NOT NULL REFERENCES photos (id),
    key TEXT NOT NULL,
    text TEXT NOT NULL,
    why TEXT NOT NULL,
    run INTEGER,
    at REAL NOT NULL,
    PRIMARY KEY (photo, key)
) WITHOUT ROWID;

CREATE TABLE memory (
    photo INTEGER NOT NULL REFERENCES photos (id),
    place TEXT NOT NULL,
    digest BLOB NOT NULL,
    aside TEXT NOT NULL DEFAULT '',
    said BLOB NOT NULL,
    seal BLOB NOT NULL DEFAULT x'',
    PRIMARY KEY (photo, place)
) WITHOUT ROWID;
CREATE INDEX memory_aside ON memory (place) WHERE aside != '';

-- Every write, from its intent on: state 'intent', 'done', 'undone' or 'void' (it never took place).
CREATE TABLE writes (
    id INTEGER PRIMARY KEY,
    run INTEGER NOT NULL REFERENCES runs (id),
    photo INTEGER NOT NULL,
    place TEXT NOT NULL,
    path BLOB NOT NULL,
    before BLOB NOT NULL,
    after BLOB NOT NULL,
    inverse BLOB NOT NULL,
    words TEXT NOT NULL,
    carried INTEGER NOT NULL,
    at REAL NOT NULL,
    state TEXT NOT NULL
);
CREATE INDEX writes_photo ON writes (photo);
CREATE INDEX writes_run ON writes (run);
CREATE INDEX writes_intent ON writes (state) WHERE state = 'intent';

CREATE TABLE events (
    id INTEGER PRIMARY KEY,
    photo INTEGER NOT NULL,
    run INTEGER,
    place TEXT NOT NULL,
    what TEXT NOT NULL,
    word TEXT NOT NULL,
    at REAL NOT NULL
);
CREATE INDEX events_photo ON events (photo);

CREATE TABLE aliases (
    key TEXT PRIMARY KEY,
    word TEXT NOT NULL,
    at REAL NOT NULL
) WITHOUT ROWID;

-- Renames that were understood and are offered as aliases.
CREATE TABLE offers (
    key TEXT PRIMARY KEY,
    text TEXT NOT NULL,
    word TEXT NOT NULL,
    photos INTEGER NOT NULL,
    at REAL NOT NULL,
    state TEXT NOT NULL DEFAULT 'open'
) WITHOUT ROWID;

-- Commands handed to the service that holds the book.
CREATE TABLE requests (
    id INTEGER PRIMARY KEY,
    command TEXT NOT NULL,
    arguments TEXT NOT NULL,
    at REAL NOT NULL,
    state TEXT NOT NULL DEFAULT 'waiting',
    answer TEXT NOT NULL DEFAULT ''
);
CREATE INDEX requests_waiting ON requests (state) WHERE state = 'waiting';
