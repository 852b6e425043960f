-- Vectors of pictures as a model of pictures and texts made them, in half precision: compared with other words, or
-- measured anew, no picture is looked at again.
CREATE TABLE vectors (
    digest BLOB NOT NULL,
    model TEXT NOT NULL,
    vector BLOB NOT NULL,
    PRIMARY KEY (digest, model)
) WITHOUT ROWID;
