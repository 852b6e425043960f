-- Vectors of texts as a model made them, in half precision, so that a word is asked about once. `used` is when a model
-- was last asked for some (seconds since 1970): those of models that nobody asks any more are forgotten.
CREATE TABLE text_models (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    used REAL NOT NULL
);
CREATE TABLE texts (
    model INTEGER NOT NULL REFERENCES text_models (id) ON DELETE CASCADE,
    text TEXT NOT NULL,
    vector BLOB NOT NULL,
    UNIQUE (model, text)
);

-- Rows of more than a kilobyte take a page of their own each in a table without a rowid, and share pages in one with it.
ALTER TABLE vectors RENAME TO vectors_before;
CREATE TABLE vectors (
    digest BLOB NOT NULL,
    model TEXT NOT NULL,
    vector BLOB NOT NULL,
    UNIQUE (digest, model)
);
INSERT INTO vectors SELECT digest, model, vector FROM vectors_before;
DROP TABLE vectors_before;
