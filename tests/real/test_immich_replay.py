"""Recorded scenarios of a real Immich 3.1, done again against the stand-in: answers, file events, rows, jobs, contents.

The recordings are not part of the project; without them this is skipped.
"""

# ruff: noqa: E501 - SQL and recorded words read best on one line
# ruff: noqa: RUF012 - nobody changes them

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.immich import missing, running
from tests.immich.replay import Replay, Special

TRACES = Path(__file__).resolve().parents[3] / "shared" / "immich" / "traces"
UNKNOWN = "11111111-1111-4111-8111-111111111111"
XMP = """<?xpacket begin='\ufeff' id='W5M0MpCehiHzreSzNTczkc9d'?>
<x:xmpmeta xmlns:x='adobe:ns:meta/'><rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'><rdf:Description rdf:about=''
 xmlns:dc='http://purl.org/dc/elements/1.1/' xmlns:digiKam='http://www.digikam.org/ns/1.0/'>
<digiKam:TagsList><rdf:Seq><rdf:li>{tag}</rdf:li></rdf:Seq></digiKam:TagsList>{text}</rdf:Description></rdf:RDF></x:xmpmeta>
<?xpacket end='w'?>"""
TEXT = "<dc:description><rdf:Alt><rdf:li xml:lang='x-default'>{}</rdf:li></rdf:Alt></dc:description>"

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not TRACES.is_dir(), reason="the recordings are not here"),
    pytest.mark.skipif(shutil.which("exiftool") is None, reason="exiftool is not installed"),
    pytest.mark.skipif(bool(missing()), reason=missing() or "-"),
]


def put(replay, path, **words):
    place = replay.immich.external / path
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(XMP.format(tag=words["tag"], text=TEXT.format(words["text"]) if "text" in words else ""))


def pictures(replay, folder, *names):
    (replay.immich.external / folder).mkdir(parents=True, exist_ok=True)
    for name in names:
        (replay.immich.external / folder / name).write_bytes(replay.photo(name, ""))


class Upload(Special):
    embedded = {
        "s01a.jpg": (["embedded kw"], "embedded description", (400, 300)),
        "s01d.jpg": ([], "", (2000, 1500)),
    }


class Untag(Special):
    embedded = {"s03b.jpg": (["embedded"], "", (400, 300))}


class Description(Special):
    """b, c and d were changed twice at once: what came of that hung on chance."""

    def beside(self, event):
        return 1.737 < event["t"] < 1.75

    def loose(self, event):
        return 1.7 < event["t"] < 3.98 and event["method"] == "GET"

    def loose_row(self, table):
        return table in ("tag_asset", "asset_exif")

    def loose_file(self, path):
        return path.endswith((".xmp", "_tmp"))


class Foreign(Special):
    def before(self, replay):
        pictures(replay, "lib05", "x.jpg", "y.jpg", "z.jpg")
        put(replay, "lib05/z.jpg.xmp", tag="At/scan", text="z")


class Undiscovered(Special):
    def before(self, replay):
        pictures(replay, "lib06", "base.jpg", "desc.jpg")


class ReadOnly(Special):
    def before(self, replay):
        pictures(replay, "lib07", "ro.jpg", "p3.jpg", "had.jpg")
        put(replay, "lib07/had.jpg.xmp", tag="Had/before", text="had")
        replay.immich.read_only("/external/lib07")

    def loose(self, event):  # read 7 ms after the call, before or after the loss
        return event["t"] in (1.754, 2.967, 4.185)


class Template(Special):
    tags = {"0f122445-8fea-4f4b-be8b-07164f678686": "Tpl/one"}

    def ready(self, replay):
        asset = next(
            e["asset"]
            for e in replay.events
            if e["kind"] == "db" and (e.get("row") or {}) and "s08b.jpg" in str(e["row"])
        )
        place = replay.immich.original_of(asset)
        place.with_name(place.name + ".xmp").write_text(XMP.format(tag="Orphan", text=""))

    def note(self, replay, event):
        if "storageTemplate.enabled=true" in event["text"]:
            replay.immich.options(template=True)
        if "template off" in event["text"]:
            replay.immich.idle()
            replay.immich.options(template=False)


class Errors(Special):
    tags = {"9ad44bfd-b820-477b-8c21-fa6c11d61342": "Foreign"}
    other_jobs = ("SidecarCheck", "AssetExtractMetadata", "StorageTemplateMigrationSingle", "SidecarQueueAll",
                  "AssetExtractMetadataQueueAll", "AssetGenerateThumbnails", "SmartSearch", "AssetDetectFaces", "Ocr", "AssetDetectDuplicates")  # fmt: skip

    def before(self, replay):
        other = replay.immich.user("User2")
        replay.keys["USER2"] = other.key
        replay.keys["LIMITED"] = replay.immich.key_for(
            replay.immich.admin.id, ["asset.read", "tag.read"], "limited"
        )
        made = replay.immich.ok("PUT", "/tags", {"tags": ["Foreign"]}, key=other.key)
        replay.ids["9ad44bfd-b820-477b-8c21-fa6c11d61342"] = made[0]["id"]
        del replay.tags["9ad44bfd-b820-477b-8c21-fa6c11d61342"]

    def key_of(self, replay, name):
        return replay.keys["USER2"] if name == "s10f.jpg" else None

    def note(self, replay, event):
        if "removed on disk" in event["text"]:
            asset = "acfc5218-0a47-4962-8c56-fdef4e02ac35"
            replay.immich.original_of(asset).unlink()
        if "40 more assets" in event["text"]:
            replay.immich.assets(40)

    def unseen(self, name):
        return name.startswith("s10-")

    def loose_file(self, path):
        return True

    def loose(self, event):  # which of the starts at once found the queue busy; and times that hold no time
        return event["t"] > 5.42 and event["path"].startswith(("/api/jobs", "/api/queues"))


class Reading(Special):
    def before(self, replay):
        replay.immich.sql("UPDATE api_key SET name = 'testbed'")

    def note(self, replay, event):
        if event["text"].startswith("SQL: insert person"):
            owner, people, faces = replay.immich.admin.id, event["person"], event["asset_face"]
            asset = "3d493fc6-2764-4623-842a-ac7b041c9329"
            for person, name in zip(people, ("Ann Example", ""), strict=True):
                replay.immich.sql(
                    'INSERT INTO person (id, "ownerId", name) VALUES (%s, %s, %s)', person, owner, name
                )
            boxes = (
                (people[0], 100, 50, 200, 180, "machine-learning"),
                (people[1], 10, 10, 60, 60, "machine-learning"),
                (None, 300, 200, 350, 260, "exif"),
            )
            for face, (person, *box) in zip(faces, boxes, strict=True):
                replay.immich.sql(
                    'INSERT INTO asset_face (id, "assetId", "personId", "imageWidth", "imageHeight", "boundingBoxX1", "boundingBoxY1",'
                    ' "boundingBoxX2", "boundingBoxY2", "sourceType") VALUES (%s, %s, %s, 400, 300, %s, %s, %s, %s, %s)',
                    face, asset, person, *box,
                )  # fmt: skip

    def body(self, replay, event, body):
        if str(body.get("updatedAfter", "")).startswith("2026"):
            rows = replay.immich.sql(
                'SELECT "updatedAt" AS at FROM asset WHERE id = %s', "3d493fc6-2764-4623-842a-ac7b041c9329"
            )
            return body | {"updatedAfter": rows[0]["at"].isoformat(timespec="milliseconds")}
        return body

    def loose(self, event):  # which assets lie after a moment hangs on when they were made
        return "updatedAfter" in (event.get("request") or {}) or event["path"].endswith("unique-paths")


class Duplicate(Special):
    def same(self, mark, name):
        return "s12a.jpg" if mark == "a4aa6b14fee885d59a58296ebf314f42bcdbcf4d" else name

    def headers(self, replay, event):
        if 1.6 < event["t"] < 1.7:
            return {"x-immich-checksum": replay.digests["a4aa6b14fee885d59a58296ebf314f42bcdbcf4d"]}
        return {}

    def bytes_of(self, replay, file):
        return bytes(file["size"]) if file["filename"] in ("x.txt", "bad.jpg") else None

    def note(self, replay, event):
        if event["text"].startswith("aborted"):
            abort(replay)
        if event["text"].startswith("slow"):
            replay.immich._ask("next_ids", ids=["9679134f-6f5d-4989-bc3f-ccb4844bbc41"])
            replay.immich.upload_photo(replay.photo("slow.jpg", "slow"), "s12slow.jpg")

    def loose_file(self, path):
        return True

    def loose_row(self, table):
        return table == "asset"


def abort(replay):
    import socket

    from tests.immich import form

    when = "2021-01-01T10:00:00.000Z"
    body, kind = form({"fileCreatedAt": when, "fileModifiedAt": when}, {"assetData": ("x.jpg", bytes(3_000_000))})
    head = f"POST /api/assets HTTP/1.1\r\nHost: x\r\nx-api-key: {replay.immich.key}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", replay.immich.port)) as door:
        door.sendall(head.encode() + body[: len(body) // 2])


class Trash(Special):
    """A description came while the sidecar of a tag was written: which lock went first hung on chance."""

    other_jobs = ("StorageTemplateMigrationSingle",)  # one that still runs is not put twice: a matter of time

    def loose_between(self, table):
        return table == "asset_exif"

    def note(self, replay, event):
        if event["text"] == "delete a for ever":
            replay.immich.hold("asset-delete")  # it was asked for 7 ms later, and was still there

    def answered(self, replay, event):
        if event["t"] == 2.375:
            replay.immich.release("asset-delete")

    def ready(self, replay):
        asset = next(
            e["asset"]
            for e in replay.events
            if e["kind"] == "db" and (e.get("row") or {}) and "s13b.jpg" in str(e["row"])
        )
        replay.immich.original_of(asset).with_suffix(".xmp").write_text(XMP.format(tag="Orphan", text=""))


class Bulk(Special):
    """Of 200 assets the recording names two; the others are made beside them."""

    other_jobs = ("StorageTemplateMigrationSingle",)

    def __init__(self, name, *tags) -> None:
        self.tags = dict(zip(tags, (f"{name}/{letter}" for letter in "abcd"), strict=False))

    def before(self, replay):
        event = next(e for e in replay.events if e["kind"] == "http" and e["path"] == "/api/tags/assets")
        self.more = replay.immich.assets(198 if "... " in event["request"]["assetIds"][-1] else 0)

    def body(self, replay, event, body):
        if "assetIds" in body:
            known = [each for each in body["assetIds"] if not each.startswith("...")]
            planted = [
                e["asset"]
                for e in replay.events
                if e["kind"] == "db" and e["table"] == "asset" and e["t"] < replay.first
            ]
            wanted = 200 if "... " in body["assetIds"][-1] else len(known)
            return body | {"assetIds": (sorted({*planted}) + self.more)[:wanted]}
        return body


class Racing(Bulk):
    racy = True


class Race(Special):
    racy = True
    other_jobs = ("StorageTemplateMigrationSingle",)

    def __init__(self, name, *tags) -> None:
        self.tags = dict(zip(tags, (f"{name}/{letter}" for letter in "abcd"), strict=False))

    def waits(self, event):
        return True


class Early(Race):
    def note(self, replay, event):
        if event["text"] in ("(3)", "(4)"):  # the assets of these parts were made without being recorded
            there = {row["id"] for row in replay.immich.sql("SELECT id FROM asset")}
            asked = str([e.get("request") for e in replay.events if e["kind"] == "http" and e["t"] >= event["t"]])
            for each in replay.events:
                if (
                    each["kind"] == "db"
                    and each["table"] == "asset"
                    and each.get("row")
                    and each["asset"] in asked
                    and each["asset"] not in there
                ):
                    there.add(each["asset"])
                    replay._plant(each["asset"], each["row"])
            replay.immich.idle()

    embedded = {f"s16b{number}.jpg": (["embedded"], "", (400, 300)) for number in range(6)}


class During(Race):
    other_jobs = (
        "StorageTemplateMigrationSingle",
        "SidecarWrite",
        "AssetExtractMetadata",
    )  # recorded for every tenth asset

    def before(self, replay):
        self.more = replay.immich.assets(90)

    def body(self, replay, event, body):
        if "assetIds" in body:
            planted = [
                e["asset"]
                for e in replay.events
                if e["kind"] == "db" and e["table"] == "asset" and e["t"] < replay.first
            ]
            return body | {"assetIds": sorted({*planted}) + self.more}
        return body

    def loose(self, event):  # how many links were new the second time hangs on how many were lost
        return event["t"] > 5


class Cursor(Special):
    """Beside the answers: whether each call moved updatedAt, as the recording's notes have it."""

    tags = {"a3500984-c494-4675-a15e-c148bcb4ad85": "Cur/c", "889ca7f4-1bdc-4474-b8ac-fabc2b5189ba": "Cur/b"}

    def __init__(self) -> None:
        self.last = None

    def _now(self, replay):
        replay.immich.idle()
        return replay.immich.sql(
            'SELECT "updatedAt" AS at FROM asset WHERE id = %s', "98feed1f-fcaf-4b81-a9a8-1b5e30628be5"
        )[0]["at"]

    def ready(self, replay):
        self.last = self._now(replay)

    def note(self, replay, event):
        if "moved" in event:
            before, self.last = self.last, self._now(replay)
            if (self.last != before) != event["moved"]:
                replay.differences.append(
                    f"{event['text']}: moved {self.last != before}, recorded {event['moved']}"
                )


BULK_A = (
    "861b1920-ecd1-4378-944e-606ff898e06e",
    "c6d34dd6-5db7-40f0-a726-8afc8847bd8d",
    "b7515efa-6eb4-4d8e-a710-bc8a5aa9f3c4",
)
BULK_B = (
    "01666e8b-e779-4dd3-8a39-a72b9ec2e90f",
    "17dc0007-9dd9-48a4-9760-de543bc894b3",
    "af38485a-4456-4b52-9c25-a4783d61d51c",
)
RACE = (
    "8aaa69eb-eaff-478a-abda-49b517fe1b86",
    "b0481e87-ac3f-4a45-93e9-cfd9c22394be",
    "56d3d3be-61f2-4846-95a4-d969f3882c9b",
)
EARLY = ("5436cada-ab3a-4f72-b2dd-a014340f821f", "8f145ac3-c601-4fd3-97c9-a1cb0345a749")
DURING = ("4621fe9f-8509-4bf6-8136-46980a47a604", "a11b1471-2d4d-4b5e-9a5b-dcc136629b3e")

SCENARIOS = {
    "01-upload": Upload, "02-tag": Special, "03-untag": Untag, "04-description": Description, "05-foreign-sidecar": Foreign,
    "06-undiscovered-loss": Undiscovered, "07-read-only": ReadOnly, "08-storage-template": Template, "09-delete-tag": Special,
    "10-errors": Errors, "11-search-read": Reading, "12-duplicate-abort": Duplicate, "13-trash": Trash,
    "14a-bulk-one-call": lambda: Bulk("Bulk", *BULK_A), "14b-bulk-three-calls": lambda: Racing("Bulk", *BULK_B),
    "15-race-same-asset": lambda: Race("Race", *RACE), "16-tag-right-after-upload": lambda: Early("Early", *EARLY),
    "17-cursor": Cursor, "18-bulk-during-extraction": lambda: During("During", *DURING),
}  # fmt: skip


@pytest.mark.parametrize("name", list(SCENARIOS))
def test_the_stand_in_does_what_the_real_server_did(name):
    with running() as immich:
        replay = Replay(TRACES / f"{name}.jsonl", immich, SCENARIOS[name]())
        replay.run()
        print(name, dict(replay.compared))
        assert not replay.differences, "\n".join(replay.differences)
        assert replay.compared["answers"] + replay.compared["rows"] > 3
