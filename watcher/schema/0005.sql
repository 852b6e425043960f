-- What Immich said last of each asset of the users whose keys are set: `path` is Immich's own name of the file, which
-- may change at any time, `mark` the state that it was in, `photo` the photo that it is.
-- `verdict` is 'ready', 'wait', 'leave' or 'forget'; `marked` says that it carries our marker.
CREATE TABLE assets (
    id TEXT PRIMARY KEY,
    owner TEXT NOT NULL,
    path TEXT NOT NULL,
    mark TEXT NOT NULL,
    verdict TEXT NOT NULL,
    reason TEXT NOT NULL,
    marked INTEGER NOT NULL DEFAULT 0,
    photo INTEGER REFERENCES photos (id) ON DELETE SET NULL
) WITHOUT ROWID;
CREATE INDEX assets_path ON assets (path);
CREATE UNIQUE INDEX assets_photo ON assets (photo) WHERE photo IS NOT NULL;
