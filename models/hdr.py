"""Pictures of a film in HDR as an ordinary screen shows them: models were trained on such pictures.

Phones film in HLG (with Dolby Vision beside it), cameras in PQ, both with the wide colours of BT.2020. Formulas
and numbers are those of ITU-R BT.2100-2; white paper is at 203 nits, as BT.2408 has it.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

PQ, HLG = 16, 18
"""Transfer characteristics, by their numbers in ITU-T H.273."""

_WHITE: Final = 203.0
_PEAK: Final = 1000.0
_KNEE: Final = 0.6
"""Up to this share of white nothing is changed; what is brighter comes nearer and nearer to white."""
_LUMA: Final = np.array((0.2627, 0.6780, 0.0593), np.float32)
_NARROW: Final = np.array(
    ((1.6605, -0.5876, -0.0728), (-0.1246, 1.1329, -0.0083), (-0.0182, -0.1006, 1.1187)), np.float32
)
"""BT.2020 to BT.709, of linear light (ITU-R BT.2087)."""

Floats = NDArray[np.float32]


def shown(signal: NDArray[np.uint16], transfer: int) -> NDArray[np.uint8]:
    """RGB of 16 bits as the film has it, of height x width x 3, as RGB of 8 bits for any screen."""
    given = signal.astype(np.float32) / 65535.0
    light = (_of_pq(given) if transfer == PQ else _of_hlg(given)) / _WHITE
    light = np.maximum(light @ _NARROW.T, 0.0)
    bright = light.max(axis=-1, keepdims=True)
    light *= _bent(bright) / np.maximum(bright, 1e-6)
    coded = np.where(light <= 0.0031308, 12.92 * light, 1.055 * np.maximum(light, 1e-9) ** (1 / 2.4) - 0.055)
    return np.asarray(np.rint(255.0 * coded.clip(0.0, 1.0)), dtype=np.uint8)


def _bent(bright: Floats) -> Floats:
    """The light of the brightest of the three colours, brought below 1."""
    over = np.maximum(bright - _KNEE, 0.0) / (1 - _KNEE)
    return np.where(bright <= _KNEE, bright, _KNEE + (1 - _KNEE) * (1 - np.exp(-over))).astype(np.float32)


def _of_pq(given: Floats) -> Floats:
    """Nits of what BT.2100 calls the PQ EOTF."""
    root = given ** np.float32(1 / 78.84375)
    part = np.maximum(root - 0.8359375, 0.0) / (18.8515625 - 18.6875 * root)
    return np.asarray(10000.0 * part ** np.float32(1 / 0.1593017578125), dtype=np.float32)


def _of_hlg(given: Floats) -> Floats:
    """Nits on a screen of 1,000: the inverse OETF, and the OOTF with its gamma of 1.2."""
    low, high = given**2 / 3, (np.exp((given - 0.55991073) / 0.17883277) + 0.28466892) / 12
    scene = np.where(given <= 0.5, low, high)
    luma = (scene @ _LUMA)[..., None]
    return np.asarray(_PEAK * luma**0.2 * scene, dtype=np.float32)
