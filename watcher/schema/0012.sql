-- Photos that need no look are taken first, by the same index.
DROP INDEX photos_due;
CREATE INDEX photos_due ON photos (look, due) WHERE due IS NOT NULL;
