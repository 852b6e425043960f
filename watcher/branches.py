"""The tree of watched folders: from a watch's number to its path, right after any folder was moved. Pure.

Each folder knows its parent's number and its own name, so moving one moves all below it at no cost.
"""

from __future__ import annotations

from collections.abc import Iterator

Place = tuple[int, bytes]


class Branches:
    """Numbers of watches and where they stand; the root has the path b""."""

    def __init__(self, root: int) -> None:
        self.root = root
        self._places: dict[int, Place] = {}
        self._numbers: dict[Place, int] = {}
        self._loose: set[int] = set()

    def __len__(self) -> int:
        return len(self._places) + 1

    def __contains__(self, number: int) -> bool:
        return number == self.root or number in self._places

    def __iter__(self) -> Iterator[int]:
        yield self.root
        yield from self._places
        yield from self._loose

    def path(self, number: int) -> bytes | None:
        """The path below the root; None when it hangs on nothing that is known."""
        names: list[bytes] = []
        while number != self.root:
            place = self._places.get(number)
            if place is None:
                return None
            number = place[0]
            names.append(place[1])
        return b"/".join(reversed(names))

    def find(self, path: bytes) -> int | None:
        """The number of the watch on a path below the root."""
        number: int | None = self.root
        for name in path.split(b"/") if path else ():
            if number is None:
                return None
            number = self._numbers.get((number, name))
        return number

    def put(self, number: int, parent: int, name: bytes) -> None:
        """A folder stands here now, wherever it stood before."""
        self.drop(number)
        place = (parent, name)
        self._places[number] = place
        self._numbers[place] = number

    def drop(self, number: int) -> None:
        """Forget where a folder stands; what is below it hangs on nothing until it is put somewhere."""
        self._loose.discard(number)
        place = self._places.pop(number, None)
        if place is not None and self._numbers.get(place) == number:
            del self._numbers[place]

    def loosen(self, parent: int, name: bytes) -> bool:
        """The folder of this name was moved away; False when none was known."""
        number = self._numbers.get((parent, name))
        if number is None:
            return False
        self.drop(number)
        self._loose.add(number)
        return True

    def strays(self) -> list[int]:
        """The numbers whose folder hangs on nothing that is known."""
        return [*self._loose, *(number for number in self._places if self.path(number) is None)]
