"""What metrics and references do with their extractor in copies and pickles."""

import copy
import typing


class KeepsExtractor:
    """Copies keep the extractor and share it; pickles, for other processes, leave it out."""

    def __copy__(self) -> "KeepsExtractor":
        """Returns a copy that shares everything."""
        new = type(self).__new__(type(self))
        new.__dict__.update(self.__dict__)
        return new

    def __deepcopy__(self, memo: dict[int, typing.Any]) -> "KeepsExtractor":
        """Returns a copy that shares the extractor alone."""
        memo[id(self)] = new = type(self).__new__(type(self))
        new.__dict__.update(copy.deepcopy(self.__dict__, memo))
        return new
