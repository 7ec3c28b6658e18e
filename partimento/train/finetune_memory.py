"""How much memory a fine-tuning takes, from shapes alone: said before it begins, and tabled in docs/training.md.

python -m partimento.train.finetune_memory            # the table
"""

from __future__ import annotations

from dataclasses import dataclass

from partimento.lm.patterns import delay_delays
from partimento.lm.transformer import LmConfig

GIB = 2**30
WINDOW_FRAMES = 1500
"""30 s at 50 frames a second, of all models here."""
TEXT_POSITIONS = 32
"""Of a caption, about; T5 makes more pieces than there are words."""
RELEASED = {
    "mini": LmConfig(
        n_codebooks=4, cardinality=1024, width=256, n_layers=6, n_heads=4, ffn=1024, text_width=192, delays=delay_delays(4)
    ),
    "MusicGen small": LmConfig(),
    "MusicGen medium": LmConfig(width=1536, n_layers=48, n_heads=24, ffn=6144),
    "MusicGen large": LmConfig(width=2048, n_layers=48, n_heads=32, ffn=8192),
}  # fmt: skip
"""Shapes of the models that users have: recipes/mini.yaml; Copet et al., 2023, section 3."""


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes on the device that trains.

    Attributes:
        weights: of the frozen language model.
        adapters: with gradients, both moments of AdamW and the average that is shipped, all float32.
        activations: kept for the gradient, of one batch.
        heads: logits and their gradient, of one batch.
    """

    weights: int
    adapters: int
    activations: int
    heads: int

    @property
    def total(self) -> int:
        """All together."""
        return self.weights + self.adapters + self.activations + self.heads

    def __str__(self) -> str:
        parts = {"weights": self.weights, "adapters and optimiser": self.adapters, "activations": self.activations,
                 "logits": self.heads}  # fmt: skip
        return f"{self.total / GIB:.1f} GiB ({', '.join(f'{name} {size / GIB:.2f}' for name, size in parts.items())})"


def adapter_parameters(config: LmConfig, rank: int) -> int:
    """How many numbers adapters of a rank have: ``rank * (inputs + outputs)`` of each matrix."""
    d, f = config.width, config.ffn
    sides = (d + 3 * d) + 2 * d + 2 * (d + f)
    if config.cross_attention:
        sides += 2 * d + (d + 2 * d) + 2 * d
    return config.n_layers * sides * rank


def base_parameters(config: LmConfig) -> tuple[int, int]:
    """Numbers in the matrices of layers and heads, and in everything else (embeddings, projections, norms)."""
    d, k = config.width, config.n_codebooks
    matrices = config.n_layers * ((8 if config.cross_attention else 4) * d * d + 2 * d * config.ffn) + d * k * config.cardinality
    norms = (config.n_layers * (3 if config.cross_attention else 2) + 1) * 2 * d
    text = (config.text_width + 1) * d if config.text_width is not None and config.text_projected else 0
    melody = (config.melody_classes + 1) * d if config.melody_classes is not None else 0
    return matrices, k * (config.cardinality + 1) * d + norms + text + melody


def needed(
    config: LmConfig, *, rank: int, batch: int, n_frames: int = WINDOW_FRAMES, bf16: bool, text_positions: int = TEXT_POSITIONS
) -> Memory:
    """Memory of a fine-tuning.

    Args:
        config: shape of the language model.
        rank: of the adapters.
        batch: windows at a time.
        n_frames: of a window.
        bf16: matrices and products in bfloat16 (else float32).
        text_positions: of the longest caption.
    """
    low = 2 if bf16 else 4
    matrices, others = base_parameters(config)
    d, f = config.width, config.ffn
    prefix = 0 if config.cross_attention else config.melody_frames + text_positions
    positions = batch * (n_frames + max(config.delays) + 1 + prefix)
    layer = _kept_per_position(config, rank, bf16) * positions
    if config.cross_attention:  # the text: what goes into keys and values, and those
        layer += batch * text_positions * (3 * d + rank) * low
    codes = positions * config.n_codebooks * config.cardinality
    # Logits as they come, in float32, the log-probabilities kept for the gradient, and that.
    heads = codes * (low + 4 + 4 + 4)
    # The largest gradient under way: of the hidden layer, before and behind its nonlinearity.
    transient = positions * 2 * f * low
    adapters = adapter_parameters(config, rank) * (4 * 5 + (low if bf16 else 0))
    return Memory(matrices * low + others * 4, adapters, config.n_layers * layer + positions * d * 4 + transient, heads)


def _kept_per_position(config: LmConfig, rank: int, bf16: bool) -> int:
    """Bytes that a layer keeps for each position until its gradient has been computed.

    Frozen matrices keep nothing of what they hear, their adapters do; checked against autograd's own list in the tests.
    """
    d, low = config.width, 2 if bf16 else 4
    attentions = 2 if config.cross_attention else 1
    norms = (1 + attentions) * (4 * d + 8)  # what each hears in float32, its mean and deviation
    heard = (1 + attentions) * d * low  # by the adapters behind the norms
    own = (3 + attentions - 1) * d * low  # queries, keys and values of the past; queries to the text
    # Results of attention; in bfloat16 the adapters behind it hear copies.
    results = attentions * (d * low * (2 if bf16 else 1) + 4 * config.n_heads)
    return norms + heard + own + results + 2 * config.ffn * low + rank * low * (2 + 2 * attentions)


def free_bytes(device: str) -> int | None:
    """What a device has left; None where it cannot be asked."""
    if device.startswith("cuda"):
        import torch

        return int(torch.cuda.mem_get_info(device)[0])
    try:
        with open("/proc/meminfo", encoding="ascii") as file:
            return next(int(line.split()[1]) * 1024 for line in file if line.startswith("MemAvailable"))
    except (OSError, StopIteration, ValueError):
        return None


def table(rank: int = 16) -> str:
    """Markdown: what every released shape takes with one window of 30 s, and with every further one."""
    lines = [
        "| model | parameters | adapters | bfloat16: one window | each further | float32: one window | each further |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, config in RELEASED.items():
        cells = [name, f"{sum(base_parameters(config)) / 1e6:.0f} M", f"{adapter_parameters(config, rank) / 1e6:.1f} M"]
        for bf16 in (True, False):
            one, two = (needed(config, rank=rank, batch=n, bf16=bf16).total / GIB for n in (1, 2))
            cells += [f"{one:.1f} GiB", f"{two - one:.1f} GiB"]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(table())
