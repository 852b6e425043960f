-- What stands for all files of a folder as the book has them: a listing with the same seal needs no look at each.
-- Whatever the book changes of a file's state breaks it.
ALTER TABLE folders ADD COLUMN seal BLOB;

CREATE TRIGGER photos_new AFTER INSERT ON photos BEGIN
    UPDATE folders SET seal = NULL WHERE id = new.folder AND seal IS NOT NULL;
END;
CREATE TRIGGER photos_forgotten AFTER DELETE ON photos BEGIN
    UPDATE folders SET seal = NULL WHERE id = old.folder AND seal IS NOT NULL;
END;
CREATE TRIGGER photos_changed AFTER UPDATE OF folder, name, size, mtime_ns, ctime_ns, inode, gone ON photos
WHEN (old.folder, old.name, old.size, old.mtime_ns, old.ctime_ns, old.inode, old.gone)
    IS NOT (new.folder, new.name, new.size, new.mtime_ns, new.ctime_ns, new.inode, new.gone)
BEGIN
    UPDATE folders SET seal = NULL WHERE id IN (old.folder, new.folder) AND seal IS NOT NULL;
END;
CREATE TRIGGER sidecars_new AFTER INSERT ON sidecars BEGIN
    UPDATE folders SET seal = NULL WHERE id = new.folder AND seal IS NOT NULL;
END;
CREATE TRIGGER sidecars_gone AFTER DELETE ON sidecars BEGIN
    UPDATE folders SET seal = NULL WHERE id = old.folder AND seal IS NOT NULL;
END;
CREATE TRIGGER sidecars_changed AFTER UPDATE ON sidecars BEGIN
    UPDATE folders SET seal = NULL WHERE id IN (old.folder, new.folder) AND seal IS NOT NULL;
END;
