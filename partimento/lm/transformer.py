"""MusicGen's Transformer (Copet et al., "Simple and Controllable Music Generation", 2023).

Pre-norm decoder, sums of codebook embeddings in, one head per codebook out, sinusoidal positions (cosines first, divisor
half - 1), text by cross-attention or as a prefix. Embeddings and heads of all codebooks are one matrix each.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from partimento.errors import RequestError
from partimento.lm.cache import KvCache, TextContext
from partimento.lm.interface import Past, Runner
from partimento.lm.patterns import delay_delays


@dataclass(frozen=True, slots=True)
class LmConfig:
    """Shape of the model; the defaults are MusicGen small.

    Attributes:
        n_codebooks: K (8 for stereo).
        cardinality: codes per codebook; the number itself is the special token.
        width, n_layers, n_heads, ffn: of the Transformer.
        cross_attention: text by cross-attention (else as a prefix).
        text_width: numbers per text token; None for a model without text.
        text_projected: the text passes a linear layer (transformers leaves it out when the widths are equal).
        melody_classes: chroma classes of melody models, else None.
        melody_frames: chroma frames before the text (235 for 30 s); a shorter melody is repeated to fill them.
        delays: the codebook pattern.
    """

    n_codebooks: int = 4
    cardinality: int = 2048
    width: int = 1024
    n_layers: int = 24
    n_heads: int = 16
    ffn: int = 4096
    cross_attention: bool = True
    text_width: int | None = 768
    text_projected: bool = True
    melody_classes: int | None = None
    melody_frames: int = 235
    delays: tuple[int, ...] = delay_delays(4)

    def __post_init__(self) -> None:
        if self.width % self.n_heads or self.width % 2 or self.width < 4:
            raise RequestError(f"a width of {self.width} does not divide into {self.n_heads} heads; it must, and be even and ≥ 4")
        if len(self.delays) != self.n_codebooks:
            raise RequestError(f"{len(self.delays)} delays for {self.n_codebooks} codebooks; give one each")

    @property
    def special(self) -> int:
        """The token of empty positions."""
        return self.cardinality


def sinusoids(n: int, width: int, start: int = 0) -> Tensor:
    """Positions ``start`` to ``start + n - 1`` as ``[n, width]``: cosines, then sines."""
    half = width // 2
    rates = torch.exp(torch.arange(half).float() * -(math.log(10_000) / (half - 1)))
    phases = torch.arange(start, start + n).float()[:, None] * rates[None, :]
    return torch.cat([torch.cos(phases), torch.sin(phases)], dim=1)


class Matrix(nn.Linear):
    """A linear layer without a bias that is fast with two rows, as a guided step has them, on a CPU in float32.

    There PyTorch's ``linear`` reads the weights at a quarter of the speed at which ``mm`` reads them the other way round
    (8.4 against 30.9 GB/s with 4096 x 1024 on two cores).
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """``[…, inputs]`` to ``[…, outputs]``."""
        two = x.numel() == 2 * self.in_features and x.dtype == torch.float32 and x.device.type == "cpu"
        if not two or torch.is_grad_enabled():
            return super().forward(x)
        return torch.mm(self.weight, x.reshape(2, -1).t()).t().contiguous().view(*x.shape[:-1], self.out_features)


class SelfAttention(nn.Module):
    """Causal attention over past and present."""

    def __init__(self, width: int, n_heads: int) -> None:
        super().__init__()
        self.n_heads = n_heads
        self.in_proj = Matrix(width, 3 * width)
        self.out_proj = Matrix(width, width)

    def forward(self, x: Tensor, cache: KvCache | None, layer: int, mask: Tensor | None) -> Tensor:
        """``[R, s, d]`` to the same shape; ``mask`` is for several positions behind a past."""
        rows, n, width = x.shape
        q, k, v = self.in_proj(x).view(rows, n, 3, self.n_heads, -1).permute(2, 0, 3, 1, 4)
        if cache is not None:
            k, v = cache.append(layer, k, v)
        y = functional.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=mask is None and n > 1)
        return cast(Tensor, self.out_proj(y.transpose(1, 2).reshape(rows, n, width)))


class CrossAttention(nn.Module):
    """Attention to the text."""

    def __init__(self, width: int, n_heads: int) -> None:
        super().__init__()
        self.n_heads = n_heads
        self.q_proj = Matrix(width, width)
        self.kv_proj = Matrix(width, 2 * width)
        self.out_proj = Matrix(width, width)

    def keys_values(self, text: Tensor) -> tuple[Tensor, Tensor]:
        """Of the projected text ``[R, L, d]``: ``[R, heads, L, d / heads]`` each."""
        rows, n, _ = text.shape
        k, v = self.kv_proj(text).view(rows, n, 2, self.n_heads, -1).permute(2, 0, 3, 1, 4)
        return k.contiguous(), v.contiguous()

    def forward(self, x: Tensor, keys: Tensor, values: Tensor, mask: Tensor | None) -> Tensor:
        """``[R, s, d]`` to the same shape."""
        rows, n, width = x.shape
        q = self.q_proj(x).view(rows, n, self.n_heads, -1).transpose(1, 2)
        y = functional.scaled_dot_product_attention(q, keys, values, attn_mask=mask)
        return cast(Tensor, self.out_proj(y.transpose(1, 2).reshape(rows, n, width)))


class Layer(nn.Module):
    """Self-attention, cross-attention when there is any, feed-forward; each normalised first and added."""

    def __init__(self, config: LmConfig) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(config.width)
        self.self_attn = SelfAttention(config.width, config.n_heads)
        self.norm_cross = nn.LayerNorm(config.width) if config.cross_attention else None
        self.cross_attn = CrossAttention(config.width, config.n_heads) if config.cross_attention else None
        self.norm2 = nn.LayerNorm(config.width)
        self.linear1 = Matrix(config.width, config.ffn)
        self.linear2 = Matrix(config.ffn, config.width)

    def forward(self, x: Tensor, index: int, cache: KvCache | None, mask: Tensor | None, text: TextContext | None) -> Tensor:
        """``[R, s, d]`` to the same shape; ``index`` is the layer's number."""
        x = x + self.self_attn(self.norm1(x), cache, index, mask)
        if text is not None and self.cross_attn is not None and self.norm_cross is not None:
            heard = self.cross_attn(self.norm_cross(x[: text.rows]), text.keys[index], text.values[index], text.mask)
            x = x + heard if text.rows == x.shape[0] else torch.cat([x[: text.rows] + heard, x[text.rows :]])
        out: Tensor = x + self.linear2(functional.gelu(self.linear1(self.norm2(x))))
        return out


class MusicGenLm(nn.Module):
    """See the module's text.

    Attributes:
        runner: runs the layers instead of their modules (:mod:`partimento.lm.engines`), which may be gone; None for eager.
    """

    positions: Tensor
    offsets: Tensor
    runner: Runner | None

    def __init__(self, config: LmConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or LmConfig()
        self.runner = None
        rows = config.cardinality + 1
        self.embed = nn.Embedding(config.n_codebooks * rows, config.width)
        self.layers = nn.ModuleList(Layer(config) for _ in range(config.n_layers))
        self.out_norm = nn.LayerNorm(config.width)
        self.heads: nn.Module = Matrix(config.width, config.n_codebooks * config.cardinality)
        projected = config.text_width is not None and config.text_projected
        self.text_projection = nn.Linear(config.text_width or 1, config.width) if projected else None
        melody = config.melody_classes
        self.melody_projection = None if melody is None else nn.Linear(melody, config.width)
        self.register_buffer("positions", sinusoids(0, config.width), persistent=False)
        self.register_buffer("offsets", torch.arange(config.n_codebooks)[:, None] * rows, persistent=False)

    def adopt(self, state: dict[str, Tensor]) -> MusicGenLm:
        """Take tensors as this model's weights without copying; for a model made on the meta device."""
        self.load_state_dict(state, assign=True)
        self.positions = sinusoids(0, self.config.width)
        self.offsets = torch.arange(self.config.n_codebooks)[:, None] * (self.config.cardinality + 1)
        return self.eval().requires_grad_(False)

    def cache(self, rows: int, capacity: int) -> Past:
        """An empty cache for ``rows`` sequences of up to ``capacity`` positions (prefix included)."""
        if self.runner is not None:
            return self.runner.cache(rows, capacity)
        config = self.config
        width = config.width // config.n_heads
        return KvCache(config.n_layers, rows, config.n_heads, width, capacity, self.out_norm.weight)

    def project_text(self, states: Tensor, mask: Tensor) -> Tensor:
        """Text states ``[R, L, text_width]`` to the model's width; positions where ``mask [R, L]`` is False become 0."""
        states = states.to(self.out_norm.weight)
        projected = states if self.text_projection is None else self.text_projection(states)
        return cast(Tensor, projected * mask[..., None].to(projected))

    def text_context(self, states: Tensor, mask: Tensor) -> TextContext:
        """Keys and values of text states ``[R, L, text_width]`` with ``mask [R, L]`` for every layer."""
        if not self.config.cross_attention:
            raise RequestError("this model takes its text as a prefix, not by cross-attention")
        text = self.project_text(states, mask)
        mask = mask.to(text.device).bool()
        # A text without any position attends to one zero instead: its result is zero, where nothing to attend to is NaN.
        mask = torch.cat([mask[:, :1] | ~mask.any(dim=1, keepdim=True), mask[:, 1:]], dim=1)
        kept = None if bool(mask.all()) else mask[:, None, None, :]
        return self.keys_values(text, kept) if self.runner is None else self.runner.text(text, kept)

    def keys_values(self, text: Tensor, mask: Tensor | None) -> TextContext:
        """Keys and values of a projected text ``[R, L, d]`` by the layers' own modules; ``mask`` as in the result."""
        pairs = [cast(CrossAttention, cast(Layer, layer).cross_attn) for layer in self.layers]
        keys, values = zip(*(pair.keys_values(text) for pair in pairs), strict=True)
        return TextContext(keys, values, mask)

    def prefix(self, states: Tensor, mask: Tensor, melody: Tensor | None = None) -> Tensor:
        """What a melody model hears before the tokens: melody, then text, ``[R, melody_frames + L, d]``.

        Args:
            states, mask: text states ``[R, L, text_width]`` and mask ``[R, L]``; zero where False.
            melody: one-hot chroma ``[R, n, classes]``; None for no melody, which these models know as the first class
                throughout (the arg max of silence), not as zeros.

        Raises:
            RequestError: not a melody model.
        """
        classes, n = self.config.melody_classes, self.config.melody_frames
        if self.melody_projection is None or classes is None:
            raise RequestError("this model takes its text by cross-attention and no melody")
        if melody is None:
            melody = functional.one_hot(torch.zeros(states.shape[0], 1, dtype=torch.int64), classes)
        melody = melody.repeat(1, -(-n // melody.shape[1]), 1)[:, :n]
        heard = self.melody_projection(melody.to(self.out_norm.weight))
        return torch.cat([heard, self.project_text(states, mask)], dim=1)

    def forward(
        self, tokens: Tensor, text: TextContext | None = None, cache: Past | None = None, prefix: Tensor | None = None,
        last: int | None = None,
    ) -> Tensor:  # fmt: skip
        """Logits of the step after each of ``tokens``, or after the last of them.

        Args:
            tokens: ``[R, K, s]``, 0 to ``cardinality`` (the special token).
            text: what the first rows listen to.
            cache: the past, to which these positions are added; None for a whole sequence at once.
            prefix: ``[R, P, d]`` put before the tokens; at the start only.
            last: after how many of the last tokens; None for all ``s``.

        Returns:
            ``[R, K, last, cardinality]``; none for the prefix.
        """
        x = self.embed(tokens.to(self.offsets.device) + self.offsets).to(self.out_norm.weight).sum(dim=1)
        if prefix is not None:
            x = torch.cat([prefix.to(x), x], dim=1)
        n, past = x.shape[1], 0 if cache is None else cache.length
        x = x + self._positions(past + n)[past:].to(x)
        wanted = tokens.shape[2] if last is None else last
        if self.runner is None:
            logits = self.run_layers(x, text, cast("KvCache | None", cache), wanted)
            if cache is not None:
                cast(KvCache, cache).advance(n)
        else:
            logits = self.runner(x, text, cache, wanted)
        return logits.reshape(x.shape[0], wanted, self.config.n_codebooks, -1).transpose(1, 2)

    def run_layers(
        self, x: Tensor, text: TextContext | None, cache: KvCache | None, wanted: int, mask: Tensor | None = None
    ) -> Tensor:
        """Layers and heads by their own modules: ``[R, n, d]`` to ``[R, wanted, K * N]`` of the last. The cache is not advanced.

        ``mask`` is what attention may see, as boolean ``[1, 1, n, past and present]``; None for the causal one.
        """
        n, past = x.shape[1], 0 if cache is None else cache.length
        if mask is None and past and n > 1:
            mask = torch.ones(n, past + n, dtype=torch.bool, device=x.device).tril(past)
        for index, layer in enumerate(self.layers):
            x = layer(x, index, cache, mask, text)
        return cast(Tensor, self.heads(self.out_norm(x[:, n - wanted :])))

    def _positions(self, n: int) -> Tensor:
        """At least the first ``n`` positions; kept for the next call."""
        if self.positions.shape[0] < n:
            table = sinusoids(max(n, 2 * self.positions.shape[0], 512), self.config.width)
            self.positions = table.to(self.out_norm.weight.device)
        return self.positions[:n]
