"""Bodies that come in chunks (RFC 9112, 7.1), joined while they arrive and bounded like any other."""

import re

_SIZE = re.compile(rb"([0-9A-Fa-f]{1,8})[ \t]*(?:;[^\r\n]*)?")
_LONGEST_LINE = 256  # bytes of a size with its extension, or of a trailer
_MOST_TRAILERS = 32


class BadChunks(Exception):
    """The body is not made of chunks, or its framing is out of proportion."""


class Chunks:
    """The chunks of one request, in a buffer that grows; they begin at `at`.

    `body` are the bytes joined so far. `end` is where the request ends in the buffer, None while it has not.
    """

    def __init__(self, *, at: int) -> None:
        self.body = bytearray()
        self.end: int | None = None
        self._at, self._left, self._trailers = at, 0, -1  # the bytes left of a chunk; no trailers before the last one

    def advance(self, data: bytearray) -> None:
        """Join what has arrived. Raises BadChunks."""
        while self.end is None:
            if self._left:
                if not self._take_chunk(data):
                    return
                continue
            line_end = data.find(b"\r\n", self._at, self._at + _LONGEST_LINE)
            if line_end < 0:
                if len(data) - self._at >= _LONGEST_LINE:
                    raise BadChunks("a line between the chunks is too long")
                return
            line = bytes(data[self._at : line_end])
            self._at = line_end + 2
            if self._trailers >= 0:
                self._read_trailer(line)
            else:
                self._read_size(line)

    def _take_chunk(self, data: bytearray) -> bool:
        """Join the bytes of the current chunk; return whether all of it, with its line break, has arrived."""
        taken = data[self._at : self._at + self._left]
        if len(taken) == self._left:
            ending = data[self._at + self._left : self._at + self._left + 2]
            if not b"\r\n".startswith(ending):
                raise BadChunks("a chunk is longer than it says")
            if len(ending) < 2:
                return False
            self._at += 2
        self.body += taken
        self._at, self._left = self._at + len(taken), self._left - len(taken)
        return not self._left

    def _read_size(self, line: bytes) -> None:
        size = _SIZE.fullmatch(line)
        if size is None:
            raise BadChunks("the size of a chunk is expected")
        self._left = int(size[1], 16)
        if not self._left:
            self._trailers = 0

    def _read_trailer(self, line: bytes) -> None:
        self._trailers += 1
        if not line:
            self.end = self._at
        elif self._trailers > _MOST_TRAILERS:
            raise BadChunks("there are too many trailers")
