"""Screenshots: no camera, and either the phone's own mark or the exact size of a known screen."""

from __future__ import annotations

import re
from collections.abc import Sequence

from metadata.film import FILMS
from metadata.photo import Facts
from models.protocols import Scored, Tagger, View

_MARK = re.compile(r"\bscreen ?shot\b|\bbildschirmfoto\b|\bscreencast\b", re.IGNORECASE)
"""In Software or UserComment: iOS writes UserComment "Screenshot", GNOME and Samsung name it in Software."""

_NAME = re.compile(
    r"^(?:screen[ _-]?shots?|screen[ _-]?capture|bildschirmfoto|bildschirmaufnahme"
    r"|captura de pantalla|captura de ecr[ãa]"
    r"|capture d[’'_ ]?[ée]cran|schermata|schermafbeelding|sk[äa]rmavbild|skjermbilde|sk[æa]rmbillede|zrzut ekranu"
    r"|снимок экрана|スクリーンショット|截屏|截图|스크린샷|simplescreenshot|spectacle)(?=[\W_\d]|$)",
    re.IGNORECASE,
)
"""How Android, iOS, macOS, Windows, GNOME and KDE name a new screenshot, in the languages we know of."""

_PHONES = frozenset(
    {
        # iPhone and iPad, pixels as drawn (Apple, Human Interface Guidelines, "Layout: specifications")
        (640, 960), (640, 1136), (750, 1334), (828, 1792), (1080, 1920), (1125, 2436), (1170, 2532), (1179, 2556),
        (1206, 2622), (1242, 2208), (1242, 2688), (1260, 2736), (1284, 2778), (1290, 2796), (1320, 2868),
        (768, 1024), (1488, 2266), (1536, 2048), (1620, 2160), (1640, 2360), (1668, 2224), (1668, 2388),
        (1668, 2420), (2048, 2732), (2064, 2752),
        # Android phones (the makers' data sheets: Samsung, Google, Xiaomi, OnePlus, Sony, Huawei, Fairphone)
        (480, 800), (540, 960), (720, 1280), (720, 1440), (720, 1480), (720, 1520), (720, 1560), (720, 1600),
        (1080, 2040), (1080, 2160), (1080, 2220), (1080, 2246), (1080, 2244), (1080, 2280), (1080, 2310),
        (1080, 2316), (1080, 2340), (1080, 2376), (1080, 2400), (1080, 2404), (1080, 2408), (1080, 2412),
        (1080, 2424), (1080, 2460), (1080, 2520), (1080, 2640), (1116, 2480), (1176, 2400), (1200, 2640),
        (1200, 2670), (1220, 2712), (1224, 2700), (1240, 2772), (1264, 2780), (1280, 2856), (1344, 2992),
        (1440, 2560), (1440, 2880), (1440, 2960), (1440, 3040), (1440, 3088), (1440, 3120), (1440, 3168),
        (1440, 3200), (1440, 3216), (1440, 3360), (1644, 3840), (1080, 2092), (1840, 2208), (2076, 2152),
        # Android tablets
        (800, 1280), (1200, 1920), (1200, 2000), (1600, 2560), (1752, 2800), (1848, 2960),
    }
)  # fmt: skip
_DESKS = frozenset(
    {
        # what desktops and laptops draw (VESA modes and Apple's "Displays" data sheets), landscape only
        (1024, 768), (1280, 720), (1280, 800), (1280, 1024), (1366, 768), (1440, 900), (1536, 864), (1600, 900),
        (1680, 1050), (1920, 1080), (1920, 1200), (2560, 1080), (2560, 1440), (2560, 1600), (2560, 1664),
        (2880, 1800), (2880, 1864), (3024, 1964), (3440, 1440), (3456, 2234), (3840, 2160), (4480, 2520),
        (5120, 1440), (5120, 2880),
    }
)  # fmt: skip
_LOSSLESS = frozenset({"PNG", "WEBP"})


class Screenshot:
    """Looks at the file's facts and name only."""

    name = "screenshot"
    version = "1"
    edge = 0
    of_file = True

    def tag(self, views: Sequence[View]) -> list[list[Scored]]:
        """`screenshot`: 1.0 by the device's mark or name, less by the size of a screen alone."""
        return [self._one(view) for view in views]

    def _one(self, view: View) -> list[Scored]:
        score = _score(view.facts, view.name)
        return [(("screenshot",), score)] if score else []


def _score(facts: Facts, name: str) -> float:
    if facts.make or facts.model or facts.exposure or facts.aperture or facts.format in FILMS:
        return 0.0
    if _NAME.match(name) or any(_MARK.search(text) for text in (facts.software, facts.comment) if text):
        return 1.0
    size = (facts.width, facts.height)
    short, long = sorted(size)
    lossless = facts.format in _LOSSLESS
    if (short, long) in _PHONES:
        # as a JPEG, 3:4 or 9:16 is as likely a photo made smaller: kept as evidence, below the usual threshold
        return 0.8 if lossless else 0.6 if long / short > 16 / 9 + 0.01 else 0.4
    if size in _DESKS:
        return 0.7 if lossless else 0.3
    return 0.0


def make() -> Tagger:
    """A tagger of screenshots; it has no settings."""
    return Screenshot()
