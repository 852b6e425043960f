import struct

from watcher.inotify import CLOSE_WRITE, CREATE, Event, events


def test_packed_events_are_taken_apart_with_their_names_as_bytes():
    packed = struct.pack("iIII", 7, CLOSE_WRITE, 0, 16) + b"\xff x.jpg".ljust(16, b"\0")
    packed += struct.pack("iIII", 8, CREATE, 5, 0)
    assert list(events(packed)) == [Event(7, CLOSE_WRITE, b"\xff x.jpg"), Event(8, CREATE, b"", 5)]
