"""MusicGen's Transformer as an OpenVINO graph with quantised weights.

One graph is a whole step: with weights of a few bits the time between operations would be as long as the operations. Keys and
values of the past are the graph's own state. Matrices are constants of 4 or 8 bits times float16 scales, a form that the CPU
plug-in multiplies without unpacking them first; it rounds activations to 8 bits, a scale for each group of
:data:`~partimento.lm.quantize.GROUP`.
"""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import openvino as ov
from openvino import opset15 as op
from openvino.op.util import Variable, VariableInfo
from torch import Tensor, nn

from partimento.lm.quantize import group_of, quantize
from partimento.lm.shelf import Shelf
from partimento.lm.transformer import Layer, MusicGenLm

Node = Any
"""A node of a graph; OpenVINO's bindings have no useful types."""
HEAD_BITS = 8
"""Heads and what turns text into keys and values: few numbers, and the heads' errors go straight into the logits."""


def build_step(lm: MusicGenLm, bits: int, shelf: Shelf) -> ov.Model:
    """The graph of a step, or of several at once; takes the weights of ``lm`` away as it goes, so that memory stays low.

    Its matrices lie on ``shelf``, which must outlive what is compiled from it.

    Inputs: ``x [R, n, d]`` (embeddings with positions), ``rows`` (int32, 0 to R - 1), and with cross-attention for each layer
    the text's ``keys_i`` ``[R, heads, w, L]``, divided by the root of w, and ``values_i`` ``[R, heads, L, w]``, and
    ``heard [R, 1, 1, L]`` to add to the scores.
    Output: logits ``[R, n, K * N]``.
    """
    config = lm.config
    x = op.parameter([-1, -1, config.width], ov.Type.f32, name="x")
    rows = op.parameter([-1], ov.Type.i32, name="rows")
    inputs, kept = [x, rows], []
    heard = None
    if config.cross_attention:
        heard = op.parameter([-1, 1, 1, -1], ov.Type.f32, name="heard")
        inputs.append(heard)
    h: Node = x
    for index in range(config.n_layers):
        layer = cast(Layer, lm.layers[index])
        shape = (config.n_heads, config.width // config.n_heads)
        attended, assigned = _self_attention(layer, _norm(h, layer.norm1), x, rows, shape, index, bits, shelf)
        h = op.add(h, attended)
        kept += assigned
        if heard is not None and layer.cross_attn is not None and layer.norm_cross is not None:
            keys = op.parameter([-1, *shape, -1], ov.Type.f32, name=f"keys_{index}")
            values = op.parameter([-1, shape[0], -1, shape[1]], ov.Type.f32, name=f"values_{index}")
            inputs += [keys, values]
            q = _heads(_linear(_norm(h, layer.norm_cross), layer.cross_attn.q_proj, bits, shelf), shape)
            # Spelled out: the plug-in would take an attention without a past apart, and scale and turn the keys at each step.
            scores = op.add(op.matmul(q, keys, False, False), heard)
            y = op.matmul(op.softmax(scores, -1), values, False, False)
            h = op.add(h, _linear(_joined(y, config.width), layer.cross_attn.out_proj, bits, shelf))
        y = op.gelu(_linear(_norm(h, layer.norm2), layer.linear1, bits, shelf), "erf")
        h = op.add(h, _linear(y, layer.linear2, bits, shelf))
        lm.layers[index] = nn.Identity()
        shelf.drop()
    logits = _linear(_norm(h, lm.out_norm), lm.heads, HEAD_BITS, shelf)
    return ov.Model([op.result(logits)], kept, inputs, "step")


def fix_step(step: ov.Model, rows: int) -> ov.Model:
    """A step for so many sequences of one position, of which only the lengths of past and text are left open.

    With known shapes every turning of axes becomes a view, and the plug-in prepares its kernels once: the time between the
    matrices falls by a third. The constants are the same memory.
    """
    fixed = step.clone()
    shapes = {}
    for given in fixed.inputs:
        shape = [rows, *list(given.partial_shape)[1:]]
        shapes[given] = ov.PartialShape([rows, 1, *shape[2:]] if given.get_any_name() == "x" else shape)
    fixed.reshape(shapes)
    return fixed


def build_text(lm: MusicGenLm, shelf: Shelf) -> ov.Model:
    """The graph from projected text ``[R, L, d]`` to every layer's keys, then values, ``[R, heads, L, w]`` each.

    ``shelf`` as for :func:`build_step`.
    """
    config = lm.config
    shape = (config.n_heads, config.width // config.n_heads)
    text = op.parameter([-1, -1, config.width], ov.Type.f32, name="text")
    keys, values = [], []
    for layer in lm.layers:
        attention = cast(Layer, layer).cross_attn
        assert attention is not None, "a model with cross-attention"
        k, v = op.split(_linear(text, attention.kv_proj, HEAD_BITS, shelf), op.constant(np.int64(2)), 2).outputs()
        keys.append(op.result(_heads(k, shape)))
        values.append(op.result(_heads(v, shape)))
    return ov.Model(keys + values, [text], "text")


def _self_attention(
    layer: Layer, y: Node, x: Node, rows: Node, shape: tuple[int, int], index: int, bits: int, shelf: Shelf
) -> tuple[Node, list[Node]]:
    """Attention over past and present, and the nodes that keep the present for later."""
    n_heads, width = shape
    fused = op.reshape(_linear(y, layer.self_attn.in_proj, bits, shelf), _ints(0, 0, 3 * n_heads, width), True)
    q, k, v = op.split(fused, op.constant(np.int64(2)), 3).outputs()
    past, kept = [], []
    n_rows = op.gather(op.shape_of(x), _ints(0), op.constant(np.int64(0)))
    empty = op.broadcast(op.constant(np.float32(0)), op.concat([n_rows, _ints(0, n_heads, width)], 0))
    for name, present in (("keys", k), ("values", v)):
        info = VariableInfo()
        info.data_shape, info.data_type = ov.PartialShape([-1, -1, n_heads, width]), ov.Type.f32
        info.variable_id = f"{name}_{index}"
        variable = Variable(info)
        # The plug-in knows this form (with a choice of rows, meant for beams) and grows the memory in place.
        before = op.gather(op.read_value(empty, variable), rows, op.constant(np.int64(0)))
        past.append(op.concat([before, present], 1))
        kept.append(op.assign(past[-1], variable))
    attended = op.scaled_dot_product_attention(*(op.transpose(each, _ints(0, 2, 1, 3)) for each in (q, *past)), causal=True)
    return _linear(_joined(attended, n_heads * width), layer.self_attn.out_proj, bits, shelf), kept


def _linear(x: Node, layer: nn.Module, bits: int, shelf: Shelf) -> Node:
    """``x`` times a quantised matrix; in float32 where its width has no whole groups."""
    weight = cast(nn.Linear, layer).weight.detach()
    return op.matmul(x, _matrix(weight, bits, shelf), False, True)


def _matrix(weight: Tensor, bits: int, shelf: Shelf) -> Node:
    """A matrix ``[outputs, inputs]`` as a node of float32 whose constant is small."""
    group = group_of(weight.shape[1])
    if group is None:
        return op.constant(weight.float().numpy().copy())
    quantized = quantize(weight, bits, group)
    packed = shelf.put(quantized.packed().numpy())
    if bits == 4:
        levels = op.constant(ov.Tensor(packed, ov.Shape(list(quantized.levels.shape)), ov.Type.i4), shared_memory=True)
    else:
        levels = op.constant(packed.reshape(tuple(quantized.levels.shape)), shared_memory=True)
    scaled = op.multiply(op.convert(levels, ov.Type.f16), op.constant(shelf.put(quantized.scales.numpy()), shared_memory=True))
    return op.convert(op.reshape(scaled, _ints(*weight.shape), False), ov.Type.f32)


def _norm(x: Node, norm: nn.LayerNorm) -> Node:
    """Layer normalisation of the last axis."""
    y = op.mvn(x, _ints(-1), True, norm.eps, "INSIDE_SQRT")
    scale, shift = (op.constant(part.detach().float().numpy().copy()[None, None]) for part in (norm.weight, norm.bias))
    return op.add(op.multiply(y, scale), shift)


def _heads(x: Node, shape: tuple[int, int]) -> Node:
    """``[R, n, d]`` to ``[R, heads, n, w]``."""
    return op.transpose(op.reshape(x, _ints(0, 0, *shape), True), _ints(0, 2, 1, 3))


def _joined(x: Node, width: int) -> Node:
    """``[R, heads, n, w]`` to ``[R, n, d]``."""
    return op.reshape(op.transpose(x, _ints(0, 2, 1, 3)), _ints(0, 0, width), True)


def _ints(*values: int) -> Node:
    """A constant list of int64."""
    return op.constant(np.array(values, np.int64))
