-- What tells that photos belong together, of those few that say so: the burst that a photo is of, and Apple's name for the
-- moment that a still and its film share (`film` is 1 for the film).
CREATE TABLE kin (
    photo INTEGER PRIMARY KEY REFERENCES photos (id) ON DELETE CASCADE,
    burst TEXT NOT NULL DEFAULT '',
    moment TEXT NOT NULL DEFAULT '',
    film INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX kin_burst ON kin (burst) WHERE burst != '';
CREATE INDEX kin_moment ON kin (moment) WHERE moment != '';

-- `kin` is the stack that an asset is in, else the Live Photo. All are told anew: films were left alone before.
ALTER TABLE assets ADD COLUMN kin TEXT NOT NULL DEFAULT '';
CREATE INDEX assets_kin ON assets (kin) WHERE kin != '';
UPDATE assets SET mark = '';

-- Photos that get one set of words and share refusals, besides those of one folder and stem.
CREATE VIEW sets (photo, other) AS
SELECT mine.photo, others.photo FROM assets AS mine
JOIN assets AS others ON others.kin = mine.kin AND others.id != mine.id AND others.kin != ''
WHERE mine.kin != '' AND mine.photo IS NOT NULL AND others.photo IS NOT NULL
UNION ALL
SELECT mine.photo, others.photo FROM kin AS mine
JOIN kin AS others ON others.moment = mine.moment AND others.film != mine.film AND others.moment != ''
JOIN photos AS one ON one.id = mine.photo JOIN photos AS two ON two.id = others.photo
WHERE mine.moment != '' AND one.folder = two.folder;

-- Assets that are in an album whose photos no other machine may see.
CREATE TABLE barred (
    asset TEXT PRIMARY KEY
) WITHOUT ROWID;
