"""Chunks: joined however they arrive, and refused where their framing is none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.web.chunks import BadChunks, Chunks


def joined(data: bytes, *, step: int) -> Chunks:
    """Return the chunks of `data`, which arrives in pieces of `step` bytes."""
    arrived, chunks = bytearray(b"HEAD"), Chunks(at=4)
    for start in range(0, len(data), step):
        arrived += data[start : start + step]
        chunks.advance(arrived)
    return chunks


@given(
    parts=st.lists(st.binary(min_size=1, max_size=40), max_size=6), rest=st.binary(max_size=10), step=st.integers(1, 50)
)
def test_chunks_are_joined_however_they_arrive(parts: list[bytes], rest: bytes, step: int) -> None:
    data = b"".join(b"%X\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\nA: b\r\n\r\n"
    chunks = joined(data + rest, step=step)
    assert bytes(chunks.body) == b"".join(parts)
    assert chunks.end == 4 + len(data)


BAD = [
    *(b"\r\n", b"x\r\n", b"+1\r\n", b"1 1\r\n", b"0x1\r\n", b"1\r\nab\r\n", b"1\r\na\n\r\n", b"123456789\r\n"),
    b"1" * 300,
    b"0\r\n" + b"A: b\r\n" * 40,
]


@pytest.mark.parametrize("data", BAD, ids=lambda data: repr(data[:9]))
@pytest.mark.parametrize("step", [1, 1000])
def test_bad_framing_is_refused(data: bytes, step: int) -> None:
    with pytest.raises(BadChunks):
        joined(data, step=step)


@given(data=st.binary(max_size=60), step=st.integers(1, 60))
def test_any_bytes_end_wait_or_are_refused(data: bytes, step: int) -> None:
    try:
        chunks = joined(data, step=step)
    except BadChunks:
        return
    assert len(chunks.body) <= len(data)
