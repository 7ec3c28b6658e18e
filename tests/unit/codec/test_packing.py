import torch

from partimento.codec.packing import SCALE_SUFFIX, pack, unpack

torch.set_num_threads(1)


def test_big_matrices_lose_little_and_get_small() -> None:
    torch.manual_seed(0)
    state = {"w": torch.randn(256, 128) * torch.logspace(-3, 2, 256)[:, None], "b": torch.randn(256), "n": torch.tensor(3)}
    packed = pack(state)
    assert packed["w"].dtype == torch.int8
    back = unpack(packed)
    assert back.keys() == state.keys()
    error = (back["w"] - state["w"]).abs().amax(1) / state["w"].abs().amax(1)
    assert float(error.max()) <= 0.5 / 127 + 1e-6
    torch.testing.assert_close(back["b"], state["b"], atol=1e-3, rtol=1e-3)
    assert int(back["n"]) == 3


def test_three_dimensions_and_exceptions() -> None:
    state = {"conv": torch.randn(512, 8, 7), "book": torch.randn(8, 64, 64), "sums": torch.ones(2)}
    packed = pack(state, drop=("sums",), keep=("book",))
    assert packed["conv"].shape == (512, 8, 7)
    assert packed["book"].dtype == torch.float16
    assert "sums" not in packed
    assert set(unpack(packed)) == {"conv", "book"}


def test_zero_rows_and_plain_states() -> None:
    zero = torch.zeros(256, 128)
    assert torch.equal(unpack(pack({"w": zero}))["w"], zero)
    plain = {"w": torch.randn(4, 4)}
    assert torch.equal(unpack(plain)["w"], plain["w"])
    assert not any(name.endswith(SCALE_SUFFIX) for name in pack(plain))
