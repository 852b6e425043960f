"""What several of the house's tests stand beside."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.immich import Immich


@pytest.fixture(scope="module")
def immich() -> Iterator[Immich]:
    """A stand-in Immich for the tests of a file; what one leaves there, the next finds."""
    from tests.immich import missing, running

    if why := missing():
        pytest.skip(why)
    with running() as found:
        yield found
