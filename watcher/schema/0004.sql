-- Photos that are only read though their root embeds, and why: what stood inside when that was found out.
CREATE TABLE only_read (
    photo INTEGER PRIMARY KEY REFERENCES photos (id) ON DELETE CASCADE,
    digest BLOB NOT NULL,
    reason TEXT NOT NULL
);
