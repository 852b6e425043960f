-- What each photo said of itself when it was last looked at (keywords, texts, people), packed.
CREATE TABLE embedded (
    photo INTEGER PRIMARY KEY,
    digest BLOB NOT NULL,
    said BLOB NOT NULL
);
UPDATE photos SET look = 1 WHERE digest IS NOT NULL;
