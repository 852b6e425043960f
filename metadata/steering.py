"""The properties by which a sidecar would steer Immich, which takes a sidecar's values over the photo's own.

Immich reads by exiftool's tag names, and exiftool gives the same name to a property of several namespaces,
known or not: so the local name alone decides. What counts, from Immich's metadata service:

- dates: SubSecDateTimeOriginal, SubSecCreateDate, SubSecMediaCreateDate, DateTimeOriginal, CreateDate,
  MediaCreateDate, CreationDate, DateTimeCreated, GPSDateTime, DateTimeUTC, SonyDateTime2,
  SourceImageCreateTime; with exiftool's MWG names also photoshop:DateCreated. One of them in the sidecar
  drops all of the photo's. DateTimeDigitized goes with them.
- the zone: TimeZone, OffsetTime, OffsetTimeOriginal, OffsetTimeDigitized, TimeZoneOffset, a GPS place.
- Orientation, Rating, and everything that begins with GPS or Geolocation.

xmp:ModifyDate and xmp:MetadataDate steer nothing. MicrosoftPhoto:Rating is RatingPercent to exiftool.
"""

from __future__ import annotations

from typing import Final

from metadata.xmp_names import GLUE

_NAMES: Final = frozenset(
    {
        "subsecdatetimeoriginal",
        "subseccreatedate",
        "subsecmediacreatedate",
        "datetimeoriginal",
        "datetimedigitized",
        "createdate",
        "mediacreatedate",
        "creationdate",
        "datetimecreated",
        "datetimeutc",
        "sonydatetime2",
        "sourceimagecreatetime",
        "timezone",
        "timezoneoffset",
        "offsettime",
        "offsettimeoriginal",
        "offsettimedigitized",
        "orientation",
        "rating",
    }
)
_STARTS: Final = ("gps", "geolocation")
_PHOTOSHOP_DATE: Final = f"http://ns.adobe.com/photoshop/1.0/{GLUE}DateCreated"
_PERCENT: Final = frozenset(f"http://ns.microsoft.com/photo/1.0{slash}{GLUE}Rating" for slash in ("", "/"))


def steers(name: str) -> bool:
    """Whether a property of this expanded name would steer Immich."""
    local = name.partition(GLUE)[2].casefold()
    if name in _PERCENT:
        return False
    return local in _NAMES or local.startswith(_STARTS) or name == _PHOTOSHOP_DATE
