"""What fine-tuning is said to take, beside what autograd keeps and models hold."""

from pathlib import Path

import pytest
import torch

pytest.importorskip("peft")

from partimento.lm.audio_lm import code_losses
from partimento.lm.patterns import delay_delays
from partimento.lm.transformer import LmConfig, MusicGenLm
from partimento.train.finetune_adapter import AdapterSet, adapted
from partimento.train.finetune_memory import RELEASED, adapter_parameters, base_parameters, free_bytes, needed, table

torch.set_num_threads(1)
DOCS = Path(__file__).parents[3] / "docs" / "training.md"
SHAPE = LmConfig(4, 64, 64, 4, 4, 256, text_width=24, delays=delay_delays(4))
MELODY = LmConfig(
    4, 64, 64, 4, 4, 256, cross_attention=False, text_width=24, melody_classes=12, melody_frames=30, delays=delay_delays(4)
)


def kept_bytes(config: LmConfig, rank: int, batch: int, n_frames: int, n_text: int, bf16: bool) -> int:
    """Bytes that autograd keeps of a forward pass, the model's own tensors left out."""
    lm = MusicGenLm(config).eval().requires_grad_(False)
    adapted(lm, rank, rank, seed=0)
    if bf16:
        for module in lm.modules():
            if isinstance(module, torch.nn.Linear) and not module.weight.requires_grad:
                module.to(torch.bfloat16)
    own, seen = {p.untyped_storage().data_ptr() for p in lm.parameters()}, {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            seen[storage.data_ptr()] = storage
        return tensor

    codes = torch.randint(0, config.cardinality, (batch, config.n_codebooks, n_frames))
    states, mask = torch.randn(batch, n_text, config.text_width or 1), torch.ones(batch, n_text, dtype=torch.bool)
    hooks = torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor)
    with hooks, torch.autocast("cpu", dtype=torch.bfloat16, enabled=bf16):
        text = lm.text_context(states, mask) if config.cross_attention else None
        prefix = None if config.cross_attention else lm.prefix(states, mask)
        loss = code_losses(lm, codes, text, prefix)[0].mean()
        total = sum(storage.nbytes() for storage in seen.values())
    assert loss.requires_grad
    return total


@pytest.mark.parametrize("bf16", [False, True])
@pytest.mark.parametrize("config", [SHAPE, MELODY], ids=["text", "melody"])
def test_activations_are_those_that_autograd_keeps(config: LmConfig, bf16: bool) -> None:
    found = kept_bytes(config, 8, 2, 200, 10, bf16)
    said = needed(config, rank=8, batch=2, n_frames=200, bf16=bf16, text_positions=10)
    assert said.activations + said.heads > found  # the rest are gradients under way
    assert said.activations == pytest.approx(found, rel=0.15)


@pytest.mark.parametrize("config", [SHAPE, MELODY], ids=["text", "melody"])
def test_parameters_are_counted_exactly(config: LmConfig) -> None:
    lm = MusicGenLm(config)
    assert sum(base_parameters(config)) == sum(p.numel() for p in lm.parameters())
    own = AdapterSet(adapted(lm.requires_grad_(False), 5, 5.0, seed=0))
    assert adapter_parameters(config, 5) == sum(p.numel() for p in own.parameters())


def test_the_released_shapes() -> None:
    assert {name: round(sum(base_parameters(config)) / 1e6) for name, config in RELEASED.items()} == {
        "mini": 8, "MusicGen small": 420, "MusicGen medium": 1839, "MusicGen large": 3257,
    }  # fmt: skip
    one, two = (needed(SHAPE, rank=8, batch=n, bf16=True) for n in (1, 2))
    assert two.activations == 2 * one.activations
    assert two.weights == one.weights
    assert "weights" in str(one)
    assert (free_bytes("cpu") or 1) > 0


def test_the_table_in_the_docs_is_the_one_printed() -> None:
    assert table() in DOCS.read_text(encoding="utf-8")
