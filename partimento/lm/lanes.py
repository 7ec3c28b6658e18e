"""Sixteen numbers at once, as types that compiled code (numba) can hold in registers.

numba has arrays and single numbers. Products with weights of a few bits need the processor's own instruction for them, which
LLVM reaches through vectors; so this gives numba two types of vectors and the few operations on them that
:mod:`partimento.lm.kernels` is written in. A vector is as wide as AVX-512's; where registers are narrower LLVM uses several.
"""

from __future__ import annotations

import inspect
import operator
from collections.abc import Callable
from typing import Any

from llvmlite import binding, ir
from numba import types
from numba.core import cgutils
from numba.core.config import CPU_FEATURES, CPU_NAME  # type: ignore[attr-defined]
from numba.extending import intrinsic, models, overload, register_model

N = 16
"""Numbers in a vector."""


class _FloatsType(types.Type):
    """16 times float32."""


class _IntsType(types.Type):
    """16 times int32; also seen as 64 bytes."""


FLOATS, INTS = _FloatsType("Floats"), _IntsType("Ints")
_BYTE, _INT, _FLOAT = ir.IntType(8), ir.IntType(32), ir.FloatType()
_FLOATS, _INTS = ir.VectorType(_FLOAT, N), ir.VectorType(_INT, N)
_BYTES, _HALVES = ir.VectorType(_BYTE, N), ir.VectorType(ir.HalfType(), N)


@register_model(_FloatsType)
class _FloatsModel(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: types.Type) -> None:
        super().__init__(manager, kind, _FLOATS)  # type: ignore[no-untyped-call]


@register_model(_IntsType)
class _IntsModel(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: types.Type) -> None:
        super().__init__(manager, kind, _INTS)  # type: ignore[no-untyped-call]


Build = Callable[..., Any]
"""Makes the LLVM value of an operation from a builder and the values of its arguments."""


def operation(result: types.Type, *arguments: types.Type) -> Callable[[Build], Any]:
    """An operation on numbers and vectors of these types. What is decorated gets an LLVM builder and the arguments."""

    def _decorate(build: Build) -> Any:
        def _typed(_typing: Any, *_given: Any) -> Any:
            return result(*arguments), lambda _context, builder, _signature, values: build(builder, *values)

        return _made(_typed, build, ["typing", *list(inspect.signature(build).parameters)[1:]])

    return _decorate


def access(result: types.Type, *more: types.Type) -> Callable[[Build], Any]:
    """An operation on an array at an index. What is decorated gets a builder, the item's address and further arguments."""

    def _decorate(build: Build) -> Any:
        def _typed(_typing: Any, array: Any, _index: Any, *_given: Any) -> Any:
            def _generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
                data = context.make_array(signature.args[0])(context, builder, values[0]).data
                made = build(builder, builder.gep(data, [values[1]]), *values[2:])
                return context.get_dummy_value() if made is None else made

            return result(array, types.intp, *more), _generate

        return _made(_typed, build, ["typing", "array", "index", *list(inspect.signature(build).parameters)[2:]])

    return _decorate


def _made(typed: Callable[..., Any], build: Build, names: list[str]) -> Any:
    """The operation for numba, which asks a function for the names of its arguments."""
    typed.__name__, typed.__doc__ = build.__name__, build.__doc__
    parameters = [inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD) for name in names]
    typed.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return intrinsic(typed)


def _load(builder: Any, address: Any, kind: ir.Type) -> Any:
    return builder.load(builder.bitcast(address, kind.as_pointer()), align=1)


def _store(builder: Any, address: Any, value: Any) -> None:
    builder.store(value, builder.bitcast(address, value.type.as_pointer()), align=1)


def call(builder: Any, name: str, result: ir.Type, *values: Any) -> Any:
    """A call of an LLVM intrinsic."""
    kind = ir.FunctionType(result, [value.type for value in values])
    function = cgutils.get_or_insert_function(builder.module, kind, name)  # type: ignore[no-untyped-call]
    return builder.call(function, values)


def _splat(builder: Any, number: Any, kind: ir.VectorType) -> Any:
    """The number in all places."""
    single = builder.insert_element(ir.Constant(kind, ir.Undefined), number, ir.Constant(_INT, 0))
    return builder.shuffle_vector(single, ir.Constant(kind, ir.Undefined), ir.Constant(_INTS, [0] * N))


@access(FLOATS)
def floats(builder: Any, address: Any) -> Any:
    """16 numbers of a float32 array."""
    return _load(builder, address, _FLOATS)


@access(FLOATS)
def halves(builder: Any, address: Any) -> Any:
    """16 numbers of an array of uint16 that are the bits of float16."""
    return builder.fpext(_load(builder, address, _HALVES), _FLOATS)


@access(FLOATS)
def small(builder: Any, address: Any) -> Any:
    """16 numbers of an int8 array."""
    return builder.sitofp(builder.sext(_load(builder, address, _BYTES), _INTS), _FLOATS)


@access(INTS)
def block(builder: Any, address: Any) -> Any:
    """64 bytes."""
    return _load(builder, address, _INTS)


@access(INTS)
def quad(builder: Any, address: Any) -> Any:
    """4 bytes, 16 times."""
    return _splat(builder, _load(builder, address, _INT), _INTS)


@access(types.void, FLOATS)
def put(builder: Any, address: Any, value: Any) -> None:
    """Write 16 numbers to a float32 array."""
    _store(builder, address, value)


@access(types.void, INTS)
def put_small(builder: Any, address: Any, value: Any) -> None:
    """Write the low byte of 16 numbers."""
    _store(builder, address, builder.trunc(value, _BYTES))


@operation(FLOATS, types.float32)
def splat(builder: Any, number: Any) -> Any:
    """A number 16 times."""
    return _splat(builder, number, _FLOATS)


@operation(INTS, types.int32)
def splat_int(builder: Any, number: Any) -> Any:
    """A whole number 16 times."""
    return _splat(builder, number, _INTS)


@operation(FLOATS, INTS)
def to_floats(builder: Any, value: Any) -> Any:
    """Whole numbers as float32."""
    return builder.sitofp(value, _FLOATS)


@operation(FLOATS, FLOATS)
def nearest(builder: Any, value: Any) -> Any:
    """Rounded to the nearest whole number, halves to the even one."""
    return call(builder, "llvm.rint.v16f32", _FLOATS, value)


@operation(INTS, FLOATS)
def to_ints(builder: Any, value: Any) -> Any:
    """Numbers that are whole as int32."""
    return builder.fptosi(value, _INTS)


@operation(FLOATS, FLOATS, FLOATS, FLOATS)
def fma(builder: Any, a: Any, b: Any, c: Any) -> Any:
    """``a * b + c``, rounded once."""
    return call(builder, "llvm.fma.v16f32", _FLOATS, a, b, c)


@operation(FLOATS, FLOATS, FLOATS)
def larger(builder: Any, a: Any, b: Any) -> Any:
    """The larger of each two."""
    return builder.select(builder.fcmp_ordered(">", a, b), a, b)


@operation(FLOATS, FLOATS)
def size(builder: Any, value: Any) -> Any:
    """Without the sign."""
    return call(builder, "llvm.fabs.v16f32", _FLOATS, value)


@operation(FLOATS, FLOATS)
def power_of_two(builder: Any, value: Any) -> Any:
    """2 to whole numbers from -126 to 127, given as float32."""
    exponent = builder.add(builder.fptosi(value, _INTS), ir.Constant(_INTS, [127] * N))
    return builder.bitcast(builder.shl(exponent, ir.Constant(_INTS, [23] * N)), _FLOATS)


@operation(FLOATS, FLOATS, FLOATS, FLOATS)
def zero_below(builder: Any, value: Any, limit: Any, otherwise: Any) -> Any:
    """``otherwise``, but zero where ``value < limit``."""
    return builder.select(builder.fcmp_ordered("<", value, limit), ir.Constant(_FLOATS, [0.0] * N), otherwise)


@operation(types.float32, FLOATS)
def total(builder: Any, value: Any) -> Any:
    """The sum, always added in the same order."""
    return _halved(builder, value, builder.fadd)


@operation(types.float32, FLOATS)
def largest(builder: Any, value: Any) -> Any:
    """The largest number."""
    return _halved(builder, value, lambda a, b: builder.select(builder.fcmp_ordered(">", a, b), a, b))


@operation(types.int32, INTS)
def total_int(builder: Any, value: Any) -> Any:
    """The sum of whole numbers."""
    return _halved(builder, value, builder.add)


def _halved(builder: Any, value: Any, pair: Callable[[Any, Any], Any]) -> Any:
    """One number from 16 by folding the upper half onto the lower one four times."""
    for width in (8, 4, 2, 1):
        places = ir.Constant(_INTS, [(i + width) % N for i in range(N)])
        value = pair(value, builder.shuffle_vector(value, ir.Constant(value.type, ir.Undefined), places))
    return builder.extract_element(value, ir.Constant(_INT, 0))


@operation(INTS, INTS)
def low_halves(builder: Any, value: Any) -> Any:
    """The low four bits of each byte."""
    return builder.and_(value, ir.Constant(_INTS, [0x0F0F0F0F] * N))


@operation(INTS, INTS)
def high_halves(builder: Any, value: Any) -> Any:
    """The high four bits of each byte."""
    return builder.and_(builder.lshr(value, ir.Constant(_INTS, [4] * N)), ir.Constant(_INTS, [0x0F0F0F0F] * N))


def _features() -> dict[str, bool]:
    """What the processor can do that is compiled for; nothing when numba is told of another than this one."""
    return {} if CPU_NAME or CPU_FEATURES else dict(binding.get_host_cpu_features())


@operation(INTS, INTS, INTS, INTS)
def dot(builder: Any, sums: Any, weights: Any, numbers: Any) -> Any:
    """``sums`` plus the products of each four bytes: ``weights`` are 0 to 255, ``numbers`` -128 to 127.

    By the processor's instruction for it where there is one: VNNI of AVX-512 or AVX, or that of ARM's i8mm.
    """
    return dot_of(_features(), builder, sums, weights, numbers)


@operation(INTS, INTS, INTS, INTS)
def dot_anywhere(builder: Any, sums: Any, weights: Any, numbers: Any) -> Any:
    """:func:`dot` as it is on a processor without such an instruction."""
    return dot_of({}, builder, sums, weights, numbers)


def dot_of(features: dict[str, bool], builder: Any, sums: Any, weights: Any, numbers: Any) -> Any:
    """The LLVM value of :func:`dot` for a processor that has these features, by their names in LLVM."""
    if features.get("avx512vnni"):
        return call(builder, "llvm.x86.avx512.vpdpbusd.512", _INTS, sums, weights, numbers)
    if features.get("avxvnni"):
        return _in_parts(builder, "llvm.x86.avx512.vpdpbusd.256", 8, _INT, sums, weights, numbers)
    if features.get("i8mm"):
        return _in_parts(builder, "llvm.aarch64.neon.usdot.v4i32.v16i8", 4, _BYTE, sums, weights, numbers)
    return _spelled_out(builder, sums, weights, numbers)


def _spelled_out(builder: Any, sums: Any, weights: Any, numbers: Any) -> Any:
    """Even and odd bytes as 16 bits, multiplied, and neighbours added: LLVM knows instructions for that on most processors."""
    short, wide = ir.VectorType(ir.IntType(16), 2 * N), ir.VectorType(_INT, 2 * N)
    eight = ir.Constant(short, [8] * 2 * N)
    weights, numbers = builder.bitcast(weights, short), builder.bitcast(numbers, short)
    even = builder.and_(weights, ir.Constant(short, [0xFF] * 2 * N)), builder.ashr(builder.shl(numbers, eight), eight)
    odd = builder.lshr(weights, eight), builder.ashr(numbers, eight)
    for each in (even, odd):
        products = builder.mul(*(builder.sext(part, wide) for part in each))
        pairs = builder.add(_part(builder, products, range(0, 2 * N, 2)), _part(builder, products, range(1, 2 * N, 2)))
        sums = builder.add(sums, pairs)
    return sums


def _part(builder: Any, value: Any, places: range) -> Any:
    """Some of a vector's numbers."""
    chosen = ir.Constant(ir.VectorType(_INT, len(places)), list(places))
    return builder.shuffle_vector(value, ir.Constant(value.type, ir.Undefined), chosen)


def _in_parts(builder: Any, name: str, n: int, item: ir.Type, *values: Any) -> Any:
    """An instruction for ``n`` numbers on all of them; its second and third argument are vectors of ``item``."""
    parts = []
    for start in range(0, N, n):
        sums, *bytes_ = (_part(builder, value, range(start, start + n)) for value in values)
        kind = ir.VectorType(item, n * 32 // item.width)
        parts.append(call(builder, name, sums.type, sums, *(builder.bitcast(value, kind) for value in bytes_)))
    while len(parts) > 1:
        both = ir.Constant(ir.VectorType(_INT, 2 * n), list(range(2 * n)))
        parts = [builder.shuffle_vector(a, b, both) for a, b in zip(parts[::2], parts[1::2], strict=True)]
        n *= 2
    return parts[0]


def _both(sign: Any, of_floats: Any, of_ints: Any = None) -> None:
    """Give the vectors an operator."""

    @overload(sign, strict=False)
    def _chosen(a: Any, b: Any) -> Any:
        if a is FLOATS and b is FLOATS:
            return lambda a, b: of_floats(a, b)
        if of_ints is not None and a is INTS and b is INTS:
            return lambda a, b: of_ints(a, b)
        return None


def _arithmetic(name: str, kind: types.Type) -> Any:
    """An LLVM instruction for two vectors."""

    @operation(kind, kind, kind)
    def _instruction(builder: Any, a: Any, b: Any) -> Any:
        return getattr(builder, name)(a, b)

    return _instruction


_both(operator.add, _arithmetic("fadd", FLOATS), _arithmetic("add", INTS))
_both(operator.sub, _arithmetic("fsub", FLOATS))
_both(operator.mul, _arithmetic("fmul", FLOATS))
_both(operator.truediv, _arithmetic("fdiv", FLOATS))
