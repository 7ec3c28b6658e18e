from types import SimpleNamespace

import pytest

torch = pytest.importorskip("torch")

from partimento.embed.t5 import T5Texts, TextStates  # noqa: E402


def test_stack_pads_with_zeros():
    stacked = TextStates.stack([torch.ones(2, 3), torch.ones(0, 3), torch.ones(1, 3)])
    assert stacked.states.shape == (3, 2, 3)
    assert stacked.mask.tolist() == [[True, True], [False, False], [True, False]]
    assert torch.equal(stacked.states.sum(dim=-1) > 0, stacked.mask)


def test_each_text_is_encoded_once_and_alone():
    asked = []

    def tokenizer(text, return_tensors):
        assert return_tensors == "pt"
        return SimpleNamespace(input_ids=torch.arange(len(text.split()) + 1)[None, :])

    def model(input_ids):
        asked.append(tuple(input_ids.shape))
        return SimpleNamespace(last_hidden_state=input_ids[..., None].double() + 1)

    out = T5Texts(model, tokenizer).encode(["a b", "", "a b", "c"])
    assert asked == [(1, 3), (1, 1), (1, 2)]
    assert out.mask.sum(dim=1).tolist() == [3, 0, 3, 2]
    assert out.states.dtype == torch.float32
    assert out.states[0, :, 0].tolist() == [1, 2, 3]


def test_a_model_that_can_be_read_again_leaves_after_each_call():
    read = []

    def tokenizer(text, return_tensors):
        return SimpleNamespace(input_ids=torch.ones(1, len(text), dtype=torch.int64))

    def again():
        read.append(1)
        return lambda input_ids: SimpleNamespace(last_hidden_state=input_ids[..., None].double())

    texts = T5Texts(again(), tokenizer, again)
    first = texts.encode(["abc"])
    assert len(read) == 1, "the first call has the model that was given"
    assert torch.equal(texts.encode(["abc"]).states, first.states)
    assert len(read) == 2
