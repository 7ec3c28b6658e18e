"""What a piece hears and how its sound comes."""

import pytest

torch = pytest.importorskip("torch")

from partimento.models.musicgen.take import _growing  # noqa: E402


def test_blocks_grow():
    blocks = [torch.arange(10 * i, 10 * i + 10)[None, None] for i in range(20)] + [torch.arange(200, 203)[None, None]]
    pieces = list(_growing(iter(blocks), 50))
    assert [piece.shape[-1] for piece in pieces] == [10, 10, 20, 40, 50, 50, 23]
    assert torch.equal(torch.cat(pieces, dim=-1)[0, 0], torch.arange(203))
    assert list(_growing(iter([]), 50)) == []
