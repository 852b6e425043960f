-- The tables of an Immich 3.1 database that an outside program meets, in our own words; names and types are Immich's.
CREATE EXTENSION IF NOT EXISTS vector;

CREATE TYPE asset_visibility_enum AS ENUM ('archive', 'timeline', 'hidden', 'locked');
CREATE TYPE assets_status_enum AS ENUM ('active', 'trashed', 'deleted');
CREATE TYPE asset_checksum_algorithm_enum AS ENUM ('sha1', 'sha1-path');
CREATE TYPE sourcetype AS ENUM ('machine-learning', 'exif', 'manual');

-- A UUID that grows with time: 48 bits of milliseconds, 12 bits of what is left of the millisecond, the rest random.
CREATE FUNCTION immich_uuid_v7(at timestamptz DEFAULT clock_timestamp()) RETURNS uuid LANGUAGE plpgsql AS $$
DECLARE micros bigint := floor(extract(epoch FROM at) * 1000000);
BEGIN
  RETURN (lpad(to_hex(micros / 1000), 12, '0') || '7' || lpad(to_hex((micros % 1000) * 4), 3, '0')
    || '8' || substr(replace(gen_random_uuid()::text, '-', ''), 1, 15))::uuid;
END $$;

CREATE FUNCTION updated_at() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE at timestamptz := clock_timestamp();
BEGIN
  NEW."updatedAt" := at;
  NEW."updateId" := immich_uuid_v7(at);
  RETURN NEW;
END $$;

CREATE TABLE "user" (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  email varchar NOT NULL UNIQUE,
  name varchar NOT NULL DEFAULT '',
  password varchar NOT NULL DEFAULT '',
  "isAdmin" boolean NOT NULL DEFAULT false,
  "storageLabel" varchar UNIQUE,
  "avatarColor" varchar,
  "profileImagePath" varchar NOT NULL DEFAULT '',
  "profileChangedAt" timestamptz NOT NULL DEFAULT now(),
  status varchar NOT NULL DEFAULT 'active',
  "createdAt" timestamptz NOT NULL DEFAULT now(),
  "updatedAt" timestamptz NOT NULL DEFAULT now(),
  "deletedAt" timestamptz,
  "updateId" uuid NOT NULL DEFAULT immich_uuid_v7()
);

CREATE TABLE api_key (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  name varchar NOT NULL,
  key bytea NOT NULL UNIQUE, -- the SHA-256 of the key
  "userId" uuid NOT NULL REFERENCES "user" (id) ON DELETE CASCADE,
  permissions varchar[] NOT NULL,
  "createdAt" timestamptz NOT NULL DEFAULT now(),
  "updatedAt" timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE library (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  name varchar NOT NULL,
  "ownerId" uuid NOT NULL REFERENCES "user" (id) ON DELETE CASCADE,
  "importPaths" text[] NOT NULL,
  "exclusionPatterns" text[] NOT NULL,
  "createdAt" timestamptz NOT NULL DEFAULT now(),
  "updatedAt" timestamptz NOT NULL DEFAULT now(),
  "deletedAt" timestamptz,
  "refreshedAt" timestamptz,
  "updateId" uuid NOT NULL DEFAULT immich_uuid_v7()
);

CREATE TABLE stack (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  "createdAt" timestamptz NOT NULL DEFAULT now(),
  "updatedAt" timestamptz NOT NULL DEFAULT now(),
  "updateId" uuid NOT NULL DEFAULT immich_uuid_v7(),
  "primaryAssetId" uuid NOT NULL UNIQUE,
  "ownerId" uuid NOT NULL REFERENCES "user" (id) ON DELETE CASCADE
);

CREATE TABLE asset (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  "ownerId" uuid NOT NULL REFERENCES "user" (id) ON DELETE CASCADE,
  "libraryId" uuid REFERENCES library (id) ON DELETE CASCADE,
  "stackId" uuid REFERENCES stack (id) ON DELETE SET NULL,
  "duplicateId" uuid,
  "livePhotoVideoId" uuid REFERENCES asset (id) ON DELETE SET NULL,
  type varchar NOT NULL,
  status assets_status_enum NOT NULL DEFAULT 'active',
  visibility asset_visibility_enum NOT NULL DEFAULT 'timeline',
  "originalPath" varchar NOT NULL,
  "originalFileName" varchar NOT NULL,
  checksum bytea NOT NULL,
  "checksumAlgorithm" asset_checksum_algorithm_enum NOT NULL,
  "fileCreatedAt" timestamptz NOT NULL,
  "fileModifiedAt" timestamptz NOT NULL,
  "localDateTime" timestamptz NOT NULL,
  "createdAt" timestamptz NOT NULL DEFAULT now(),
  "updatedAt" timestamptz NOT NULL DEFAULT now(),
  "deletedAt" timestamptz,
  "updateId" uuid NOT NULL DEFAULT immich_uuid_v7(),
  duration integer,
  thumbhash bytea,
  width integer,
  height integer,
  "isFavorite" boolean NOT NULL DEFAULT false,
  "isOffline" boolean NOT NULL DEFAULT false,
  "isExternal" boolean NOT NULL DEFAULT false,
  "isEdited" boolean NOT NULL DEFAULT false
);
CREATE UNIQUE INDEX "UQ_assets_owner_checksum" ON asset ("ownerId", checksum) WHERE "libraryId" IS NULL;
CREATE UNIQUE INDEX "asset_ownerId_libraryId_checksum_idx" ON asset ("ownerId", "libraryId", checksum)
  WHERE "libraryId" IS NOT NULL;
CREATE INDEX "asset_originalPath_libraryId_idx" ON asset ("originalPath", "libraryId");
CREATE INDEX asset_checksum_idx ON asset (checksum);

CREATE TABLE album (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  "ownerId" uuid NOT NULL REFERENCES "user" (id) ON DELETE CASCADE,
  "albumName" varchar NOT NULL DEFAULT 'Untitled Album',
  "createdAt" timestamptz NOT NULL DEFAULT now(),
  "updatedAt" timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE album_asset (
  "albumId" uuid NOT NULL REFERENCES album (id) ON DELETE CASCADE,
  "assetId" uuid NOT NULL REFERENCES asset (id) ON DELETE CASCADE,
  PRIMARY KEY ("albumId", "assetId")
);

CREATE TABLE asset_exif (
  "assetId" uuid PRIMARY KEY REFERENCES asset (id) ON DELETE CASCADE,
  make varchar,
  model varchar,
  "lensModel" varchar,
  "fNumber" double precision,
  "focalLength" double precision,
  iso integer,
  "exposureTime" varchar,
  "exifImageWidth" integer,
  "exifImageHeight" integer,
  "fileSizeInByte" bigint,
  orientation varchar,
  "dateTimeOriginal" timestamptz,
  "modifyDate" timestamptz,
  "timeZone" varchar,
  latitude double precision,
  longitude double precision,
  city varchar,
  state varchar,
  country varchar,
  description text NOT NULL DEFAULT '',
  rating integer,
  "projectionType" varchar,
  "profileDescription" varchar,
  colorspace varchar,
  "bitsPerSample" integer,
  "livePhotoCID" varchar,
  "autoStackId" varchar,
  fps double precision,
  tags varchar[],
  "lockedProperties" varchar[],
  "updatedAt" timestamptz NOT NULL DEFAULT clock_timestamp(),
  "updateId" uuid NOT NULL DEFAULT immich_uuid_v7()
);

CREATE TABLE asset_file (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  "assetId" uuid NOT NULL REFERENCES asset (id) ON DELETE CASCADE,
  type varchar NOT NULL,
  path varchar NOT NULL,
  "isEdited" boolean NOT NULL DEFAULT false,
  "isProgressive" boolean NOT NULL DEFAULT false,
  "isTransparent" boolean NOT NULL DEFAULT false,
  "createdAt" timestamptz NOT NULL DEFAULT now(),
  "updatedAt" timestamptz NOT NULL DEFAULT now(),
  "updateId" uuid NOT NULL DEFAULT immich_uuid_v7(),
  UNIQUE ("assetId", type, "isEdited")
);

CREATE TABLE asset_job_status (
  "assetId" uuid PRIMARY KEY REFERENCES asset (id) ON DELETE CASCADE,
  "metadataExtractedAt" timestamptz,
  "facesRecognizedAt" timestamptz,
  "duplicatesDetectedAt" timestamptz,
  "ocrAt" timestamptz
);

CREATE TABLE asset_metadata (
  "assetId" uuid NOT NULL REFERENCES asset (id) ON DELETE CASCADE,
  key varchar NOT NULL,
  value jsonb NOT NULL,
  "updatedAt" timestamptz NOT NULL DEFAULT now(),
  "updateId" uuid NOT NULL DEFAULT immich_uuid_v7(),
  PRIMARY KEY ("assetId", key)
);

CREATE TABLE asset_audit (
  id uuid PRIMARY KEY DEFAULT immich_uuid_v7(),
  "assetId" uuid NOT NULL,
  "ownerId" uuid NOT NULL,
  "deletedAt" timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE smart_search (
  "assetId" uuid PRIMARY KEY REFERENCES asset (id) ON DELETE CASCADE,
  embedding vector(512) NOT NULL
);
CREATE INDEX clip_index ON smart_search USING hnsw (embedding vector_cosine_ops);

CREATE TABLE tag (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  "userId" uuid NOT NULL REFERENCES "user" (id) ON DELETE CASCADE,
  "parentId" uuid REFERENCES tag (id) ON DELETE CASCADE,
  value varchar NOT NULL,
  color varchar,
  "createdAt" timestamptz NOT NULL DEFAULT clock_timestamp(),
  "updatedAt" timestamptz NOT NULL DEFAULT clock_timestamp(),
  "updateId" uuid NOT NULL DEFAULT immich_uuid_v7(),
  UNIQUE ("userId", value)
);

CREATE TABLE tag_asset (
  "assetId" uuid NOT NULL REFERENCES asset (id) ON DELETE CASCADE,
  "tagId" uuid NOT NULL REFERENCES tag (id) ON DELETE CASCADE,
  PRIMARY KEY ("assetId", "tagId")
);
CREATE INDEX "tag_asset_tagId_idx" ON tag_asset ("tagId");

CREATE TABLE tag_closure (
  id_ancestor uuid NOT NULL REFERENCES tag (id) ON DELETE CASCADE,
  id_descendant uuid NOT NULL REFERENCES tag (id) ON DELETE CASCADE,
  PRIMARY KEY (id_ancestor, id_descendant)
);
CREATE INDEX tag_closure_descendant_idx ON tag_closure (id_descendant);

CREATE TABLE person (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  "ownerId" uuid NOT NULL REFERENCES "user" (id) ON DELETE CASCADE,
  name varchar NOT NULL DEFAULT '',
  "thumbnailPath" varchar NOT NULL DEFAULT '',
  "isHidden" boolean NOT NULL DEFAULT false,
  "isFavorite" boolean NOT NULL DEFAULT false,
  "birthDate" date,
  color varchar,
  "faceAssetId" uuid,
  "createdAt" timestamptz NOT NULL DEFAULT now(),
  "updatedAt" timestamptz NOT NULL DEFAULT now(),
  "updateId" uuid NOT NULL DEFAULT immich_uuid_v7()
);

CREATE TABLE asset_face (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  "assetId" uuid NOT NULL REFERENCES asset (id) ON DELETE CASCADE,
  "personId" uuid REFERENCES person (id) ON DELETE SET NULL,
  "imageWidth" integer NOT NULL DEFAULT 0,
  "imageHeight" integer NOT NULL DEFAULT 0,
  "boundingBoxX1" integer NOT NULL DEFAULT 0,
  "boundingBoxY1" integer NOT NULL DEFAULT 0,
  "boundingBoxX2" integer NOT NULL DEFAULT 0,
  "boundingBoxY2" integer NOT NULL DEFAULT 0,
  "sourceType" sourcetype NOT NULL DEFAULT 'machine-learning',
  "isVisible" boolean NOT NULL DEFAULT true,
  "deletedAt" timestamptz,
  "updatedAt" timestamptz NOT NULL DEFAULT now(),
  "updateId" uuid NOT NULL DEFAULT immich_uuid_v7()
);
ALTER TABLE person ADD FOREIGN KEY ("faceAssetId") REFERENCES asset_face (id) ON DELETE SET NULL;

CREATE TABLE face_search (
  "faceId" uuid PRIMARY KEY REFERENCES asset_face (id) ON DELETE CASCADE,
  embedding vector(512) NOT NULL
);

CREATE TABLE move_history (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  "entityId" uuid NOT NULL,
  "pathType" varchar NOT NULL,
  "oldPath" varchar NOT NULL,
  "newPath" varchar NOT NULL UNIQUE,
  UNIQUE ("entityId", "pathType")
);

CREATE TABLE system_metadata (key varchar PRIMARY KEY, value jsonb NOT NULL);
CREATE TABLE kysely_migrations (name varchar(255) PRIMARY KEY, timestamp varchar(255) NOT NULL);

DO $$
DECLARE name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['user', 'library', 'stack', 'asset', 'asset_exif', 'asset_file', 'asset_metadata',
                              'tag', 'person', 'asset_face'] LOOP
    EXECUTE format('CREATE TRIGGER %I BEFORE UPDATE ON %I FOR EACH ROW EXECUTE FUNCTION updated_at()',
                   name || '_updatedAt', name);
  END LOOP;
END $$;

CREATE FUNCTION asset_delete_audit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO asset_audit ("assetId", "ownerId") VALUES (OLD.id, OLD."ownerId");
  RETURN NULL;
END $$;
CREATE TRIGGER asset_delete_audit AFTER DELETE ON asset FOR EACH ROW EXECUTE FUNCTION asset_delete_audit();
