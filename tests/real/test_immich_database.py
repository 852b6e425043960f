"""Immich's database as its tables are in 3.1 and 2.7, in a real Postgres with pgvector."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from metadata.errors import PlaceClosed, TryAgain
from metadata.immich import Person, Space, Tag, settled

pytest.importorskip("psycopg")
import numpy as np
import psycopg

from metadata.immich import tables
from metadata.immich.database import Database, Login
from tests.immich import postgres
from tests.ports import free_port

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(bool(postgres.missing()), reason=postgres.missing() or "-"),
]

SCHEMA = (Path(__file__).parents[1] / "immich" / "schema.sql").read_text()
OLD = "ALTER TABLE asset ADD \"deviceAssetId\" varchar NOT NULL DEFAULT 'x', ALTER duration TYPE varchar"
OLDER = 'ALTER TABLE asset DROP "checksumAlgorithm"'
SECRET = "read-only"
NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)


class House:
    """A database of its own, its owner's connection, and a role that has run our script."""

    def __init__(self, *changes: str) -> None:
        self.server = postgres.running()
        self.name = self.server.database(SCHEMA)
        self.role = f"reader_{self.name}"
        self.admin = psycopg.connect(self.server.dsn(self.name), autocommit=True)
        for change in changes:
            self.admin.execute(change)
        self.anna = self.user("anna")

    def login(self, **more) -> Login:
        return replace(Login("127.0.0.1", self.role, SECRET, self.server.port, self.name), **more)

    def superuser(self) -> Database:
        return Database(self.login(user="postgres", password=postgres.PASSWORD))

    def grant(self, **more) -> None:
        """What the owner does with the script: run all of it but the question for a password."""
        with self.superuser() as database:
            script = tables.grants(database.schema(), role=self.role, database=self.name, **more)
        lines = [line for line in script.splitlines() if not line.startswith(("--", "\\"))]
        self.admin.execute("\n".join(lines))
        self.admin.execute(f"ALTER ROLE {self.role} PASSWORD '{SECRET}'")

    def user(self, name: str) -> str:
        return self._id(
            'INSERT INTO "user" (email, name) VALUES (%s, %s) RETURNING id::text', f"{name}@x.org", name
        )

    def asset(self, path: str = "", *, owner: str = "", **columns) -> str:
        times = dict.fromkeys(("fileCreatedAt", "fileModifiedAt", "localDateTime"), NOW)
        names = {"originalPath": path or f"/data/{uuid.uuid4()}.jpg", "originalFileName": "a.jpg"}
        about = {"ownerId": owner or self.anna, "type": "IMAGE", "checksum": uuid.uuid4().bytes}
        values = {**about, **names, **times, **columns}
        if self._has("asset", "checksumAlgorithm"):
            values.setdefault("checksumAlgorithm", "sha1")
        names = ", ".join(f'"{name}"' for name in values)
        marks = ", ".join(["%s"] * len(values))
        made = self._id(f"INSERT INTO asset ({names}) VALUES ({marks}) RETURNING id::text", *values.values())
        self.admin.execute('INSERT INTO asset_exif ("assetId", description) VALUES (%s, %s)', [made, "a cat"])
        self.admin.execute(
            'INSERT INTO asset_job_status ("assetId", "metadataExtractedAt") VALUES (%s, %s)', [made, NOW]
        )
        return made

    def tag(self, value: str, *assets: str, parent: str | None = None) -> str:
        query = 'INSERT INTO tag ("userId", value, "parentId") VALUES (%s, %s, %s) RETURNING id::text'
        made = self._id(query, self.anna, value, parent)
        self.admin.execute("INSERT INTO tag_closure VALUES (%s, %s)", [made, made])
        if parent:
            self.admin.execute("INSERT INTO tag_closure VALUES (%s, %s)", [parent, made])
        for asset in assets:
            self.admin.execute('INSERT INTO tag_asset ("assetId", "tagId") VALUES (%s, %s)', [asset, made])
        return made

    def file(self, asset: str, kind: str, path: str, *, edited: bool = False) -> None:
        query = 'INSERT INTO asset_file ("assetId", type, path, "isEdited") VALUES (%s, %s, %s, %s)'
        self.admin.execute(query, [asset, kind, path, edited])

    def vector(self, asset: str, numbers) -> None:
        self.admin.execute("INSERT INTO smart_search VALUES (%s, %s)", [asset, str(list(map(float, numbers)))])

    def _has(self, table: str, column: str) -> bool:
        query = "SELECT 1 FROM information_schema.columns WHERE table_name = %s AND column_name = %s"
        return self.admin.execute(query, [table, column]).fetchone() is not None

    def _id(self, query: str, *values) -> str:
        return str(self.admin.execute(query, values).fetchone()[0])

    def drop(self) -> None:
        self.admin.execute(f"DROP OWNED BY {self.role}" if self._role() else "SELECT 1")
        self.admin.close()
        self.server.drop(self.name)

    def _role(self) -> bool:
        return self.admin.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [self.role]).fetchone() is not None


@pytest.fixture(params=[(), (OLD,), (OLD, OLDER)], ids=["3.1", "2.7", "2.5"])
def every(request):
    made = House(*request.param)
    made.grant()
    yield made
    made.drop()


@pytest.fixture
def bare():
    made = House()
    yield made
    made.drop()


@pytest.fixture
def house(bare):
    bare.grant()
    return bare


@pytest.fixture
def database(house):
    with Database(house.login()) as made:
        yield made


def test_an_asset_is_read_whole_in_every_version(every):
    photo = every.asset("/data/upload/a.jpg", checksum=b"12345678901234567890", libraryId=None)
    above = every.tag("animals")
    tag = every.tag("animals/cat", photo, parent=above)
    every.file(photo, "preview", "/data/thumbs/p.jpeg")
    every.file(photo, "sidecar", "/data/upload/other.xmp")
    with Database(every.login()) as database:
        asset = database.assets([photo])[photo]
    assert (asset.owner, asset.path, asset.checksum) == (every.anna, "/data/upload/a.jpg", b"12345678901234567890")
    assert asset.tags == (Tag(tag, "animals/cat", above),)
    assert (asset.visibility, asset.trashed, asset.offline, asset.type) == ("timeline", False, False, "IMAGE")
    assert (asset.extracted, asset.preview, asset.sidecar) == (True, True, "/data/upload/other.xmp")
    assert asset.description == "a cat"


def test_locked_trashed_and_offline_assets_are_told_as_what_they_are(house, database):
    locked = house.asset(visibility="locked")
    trashed = house.asset(deletedAt=NOW, status="trashed")
    offline = house.asset(isOffline=True)
    found = database.assets([locked, trashed, offline])
    assert found[locked].visibility == "locked"
    assert found[trashed].trashed
    assert found[offline].offline


def test_an_edited_preview_alone_is_no_preview(house, database):
    photo = house.asset()
    house.file(photo, "preview", "/data/p_edited.jpeg", edited=True)
    assert not database.assets([photo])[photo].preview


def test_what_was_never_extracted_is_told(house, database):
    photo = house.asset()
    house.admin.execute('UPDATE asset_job_status SET "metadataExtractedAt" = NULL')
    assert database.assets([photo])[photo].extracted is False
    house.admin.execute("DELETE FROM asset_job_status")
    assert database.assets([photo])[photo].extracted is False


def test_an_asset_without_tags_has_none_and_one_that_is_not_there_is_missing(house, database):
    photo = house.asset()
    found = database.assets([photo, str(uuid.uuid4())])
    assert {ident: asset.tags for ident, asset in found.items()} == {photo: ()}


def test_assets_are_found_by_path_and_by_their_sidecar(house, database):
    photo = house.asset("/mnt/media/100%_it's.jpg")
    house.asset("/mnt/media/b.jpg")
    house.file(photo, "sidecar", "/data/upload/x.xmp")
    assert [asset.id for asset in database.at(["/mnt/media/100%_it's.jpg", "/nowhere"])] == [photo]
    assert database.of_sidecars(["/data/upload/x.xmp", "/data/y.xmp"]) == {"/data/upload/x.xmp": photo}


def test_all_assets_of_the_named_users_are_read_page_by_page(house, database):
    ben = house.user("ben")
    mine = {house.asset() for _ in range(7)}
    house.asset(owner=ben)
    found = [asset.id for asset in database.every([house.anna], page=3)]
    assert set(found) == mine
    assert len(found) == 7


def test_changes_are_read_in_order_from_where_one_was(house, database):
    first, second = house.asset(), house.asset()
    known = database.changed("")
    assert [asset.id for asset in known] == [first, second]
    house.admin.execute("UPDATE asset SET visibility = 'locked' WHERE id = %s", [first])
    changed = database.changed(known[-1].change)
    assert [(asset.id, asset.visibility) for asset in changed] == [(first, "locked")]
    assert database.changed(changed[-1].change) == []


def test_a_look_tells_what_is_under_way_and_when_it_is_over(house, database):
    photo = house.asset()
    tag = house.tag("cat", photo)
    was = database.looks([photo])[photo]
    house.admin.execute('UPDATE asset_exif SET "lockedProperties" = %s', [["tags"]])
    locked = database.looks([photo])[photo]
    assert (locked.locked, locked.tags, locked.description) == ({"tags"}, {"cat"}, "a cat")
    assert not settled(was, locked)
    house.admin.execute('UPDATE asset_exif SET "lockedProperties" = NULL')
    assert not settled(was, database.looks([photo])[photo])
    house.admin.execute('UPDATE asset_job_status SET "metadataExtractedAt" = %s', [NOW + timedelta(seconds=1)])
    house.admin.execute('DELETE FROM tag_asset WHERE "tagId" = %s', [tag])
    over = database.looks([photo])[photo]
    assert settled(was, over)
    assert over.tags == frozenset()


def test_a_tag_is_unused_when_nothing_is_below_it_and_no_asset_of_any_kind_has_it(house, database):
    locked, trashed = house.asset(visibility="locked"), house.asset(deletedAt=NOW, status="trashed")
    above = house.tag("animals")
    of_locked = house.tag("animals/cat", locked, parent=above)
    of_trashed, free = house.tag("b", trashed), house.tag("c")
    assert database.unused([above, of_locked, of_trashed, free]) == {free}


def test_the_tags_of_a_user_are_told(house, database):
    above = house.tag("animals")
    below = house.tag("animals/cat", parent=above)
    assert database.tags(house.anna) == [Tag(above, "animals", None), Tag(below, "animals/cat", above)]
    assert database.tags(house.user("ben")) == []


def test_faces_are_told_with_their_people_and_those_that_were_taken_away_are_not(house, database):
    photo = house.asset()
    ann = house._id('INSERT INTO person ("ownerId", name) VALUES (%s, %s) RETURNING id::text', house.anna, "Ann")
    hidden = 'INSERT INTO person ("ownerId", name, "isHidden") VALUES (%s, %s, true) RETURNING id::text'
    bob = house._id(hidden, house.anna, "Bob")
    query = """INSERT INTO asset_face ("assetId", "personId", "imageWidth", "imageHeight", "boundingBoxX1",
        "boundingBoxY1", "boundingBoxX2", "boundingBoxY2", "deletedAt", "isVisible")
        VALUES (%s, %s, 100, 50, 1, 2, 3, 4, %s, %s)"""
    seen = [(ann, None, True), (bob, None, True), (None, None, True)]
    for person, deleted, visible in [*seen, (ann, NOW, True), (ann, None, False)]:
        house.admin.execute(query, [photo, person, deleted, visible])
    faces = database.faces([photo])[photo]
    people = {face.person for face in faces}
    assert len(faces) == 3
    assert people == {Person(ann, "Ann"), Person(bob, "Bob", hidden=True), None}
    assert {(face.box, face.width, face.height) for face in faces} == {((1, 2, 3, 4), 100, 50)}


def test_vectors_of_visible_photos_are_read_as_they_were_written(house, database):
    rng = np.random.default_rng(1)
    ben = house.user("ben")
    wanted = {house.asset(): rng.random(512, np.float32) for _ in range(300)}
    other = house.asset(owner=ben)
    unseen = [house.asset(visibility="locked"), house.asset(deletedAt=NOW), house.asset(type="VIDEO")]
    for asset in [*wanted, other, *unseen]:
        house.vector(asset, wanted.get(asset, rng.random(512, np.float32)))
    found = database.vectors([house.anna])
    assert (found.values.shape, found.values.dtype, found.dim) == ((300, 512), np.float32, 512)
    assert found.values.flags.writeable
    assert set(found.ids) == set(wanted)
    for ident, values in zip(found.ids, found.values, strict=True):
        assert np.array_equal(values, wanted[ident])
    assert len(database.vectors().ids) == 301
    assert database.vectors(ids=[other, unseen[0]]).ids == [other]
    assert database.vectors([house.user("cleo")]).ids == []


def test_the_space_tells_model_dimension_and_number(house, database):
    house.vector(house.asset(), np.zeros(512))
    assert database.space() == Space("ViT-B-32__openai", 512, 1)
    value = '{"machineLearning": {"clip": {"modelName": "nllb-clip-base-siglip__v1"}}}'
    house.admin.execute("INSERT INTO system_metadata VALUES ('system-config', %s)", [value])
    assert database.space().model == "nllb-clip-base-siglip__v1"
    assert database.space(model="said").model == "said"


def test_a_change_of_the_model_is_noticed_and_no_vector_of_another_kind_is_mixed_in(house, database):
    house.vector(house.asset(), np.zeros(512))
    before = database.space()
    house.admin.execute("DROP INDEX clip_index; TRUNCATE smart_search")
    house.admin.execute("ALTER TABLE smart_search ALTER embedding TYPE vector(768)")
    house.vector(house.asset(), np.ones(768))
    after = database.space()
    assert before.changed(after) == "vectors have 768 numbers now, 512 before"
    assert database.vectors().dim == 768


def test_an_idle_reader_keeps_nobody_from_changing_a_table(house, database):
    database.vectors()
    database.space()
    house.admin.execute("SET lock_timeout = '2s'")
    house.admin.execute("ALTER TABLE smart_search ADD extra integer")


def test_the_role_reads_what_we_need_and_can_write_nothing(house, database):
    standing = database.standing()
    assert standing.unreadable == ()
    assert not standing.writes
    with psycopg.connect(house.server.dsn(house.name, house.role, SECRET), autocommit=True) as door:
        door.execute("SET default_transaction_read_only = off")
        for query in (
            "UPDATE asset SET type = 'X'",
            "SELECT value FROM system_metadata",
            'SELECT email FROM "user"',
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                door.execute(query)


def test_the_owner_of_the_tables_is_told_to_be_able_to_write(house):
    with house.superuser() as database:
        assert database.standing().writes


def test_the_script_can_be_run_again_and_leaves_people_out_where_asked(bare):
    bare.grant(people=False)
    bare.grant(people=False)
    with Database(bare.login()) as database:
        assert {name.partition(".")[0] for name in database.standing().unreadable} == {"person", "asset_face"}
        with pytest.raises(PlaceClosed, match=r"permission denied for table asset_face.*tagwright immich grants"):
            database.faces([str(uuid.uuid4())])


def test_a_role_without_rights_is_told_which_script_to_run(bare):
    bare.admin.execute(f"CREATE ROLE {bare.role} LOGIN PASSWORD '{SECRET}'")
    with Database(bare.login()) as database:
        assert "asset.id" in database.standing().unreadable
        assert database.schema().lacks() == []
        with pytest.raises(
            PlaceClosed, match=r"permission denied for table asset; run what `tagwright immich grants`"
        ):
            database.at(["/x"])


def test_a_restore_that_takes_tables_away_is_told_and_got_over(house, database):
    assert database.looks([]) == {}
    house.admin.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    with pytest.raises(PlaceClosed, match=r"run what `tagwright immich grants` prints"):
        database.looks([])
    house.admin.execute(SCHEMA)
    house.grant()
    assert database.looks([]) == {}
    assert database.schema().has("asset", "id")


def test_a_missing_column_that_we_need_is_named(bare):
    bare.admin.execute('ALTER TABLE asset_exif DROP "lockedProperties"')
    with bare.superuser() as database:
        assert database.schema().lacks() == ["asset_exif.lockedProperties"]


def test_a_connection_that_broke_is_for_later_and_then_made_anew(house, database):
    database.schema()
    house.admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s", [house.role])
    with pytest.raises(TryAgain, match=f"postgres://{house.role}@127.0.0.1"):
        database.looks([])
    assert database.looks([]) == {}


@pytest.mark.parametrize("more", [{"password": "wrong"}, {"user": "nobody_here"}, {"name": "no_such_database"}])
def test_a_door_that_stays_shut_is_a_persons_matter_and_no_password_is_told(house, more):
    with (
        Database(house.login(**more)) as database,
        pytest.raises(PlaceClosed, match=r"immich\.database") as caught,
    ):
        database.schema()
    assert SECRET not in str(caught.value)
    assert "wrong" not in str(caught.value)


def test_a_server_that_is_not_there_is_for_later(house):
    with Database(house.login(port=free_port())) as database, pytest.raises(TryAgain):
        database.schema()
