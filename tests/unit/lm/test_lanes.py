"""Vectors of sixteen in compiled code against numpy."""

import numpy as np
import pytest

numba = pytest.importorskip("numba")

from llvmlite import binding, ir  # noqa: E402

from partimento.lm import lanes as v  # noqa: E402
from partimento.lm.kernels import exponential, gelu  # noqa: E402


@numba.njit
def _calculate(x, out):
    a, b = v.floats(x, 0), v.floats(x, 16)
    v.put(out, 0, v.fma(a, b, a))
    v.put(out, 16, (a + b) * b - a / b)
    v.put(out, 32, v.larger(a, b))
    v.put(out, 48, v.size(a))
    v.put(out, 64, v.nearest(a))
    v.put(out, 80, v.zero_below(a, v.splat(0.0), b))
    v.put(out, 96, v.power_of_two(v.nearest(a)))
    v.put(out, 112, v.to_floats(v.to_ints(v.nearest(a)) + v.splat_int(3)))
    return v.total(a), v.largest(a), v.total_int(v.to_ints(v.nearest(a)))


def test_arithmetic():
    x = (np.random.default_rng(0).normal(size=32) * 5).astype(np.float32)
    x[0] = 2.5  # to the even neighbour
    a, b, out = x[:16].astype(float), x[16:].astype(float), np.zeros(128, np.float32)
    sums = _calculate(x, out)
    expected = [
        a * b + a, (a + b) * b - a / b, np.maximum(a, b), abs(a),
        np.rint(a), np.where(a < 0, 0, b), 2 ** np.rint(a), np.rint(a) + 3,
    ]  # fmt: skip
    np.testing.assert_allclose(out.reshape(8, 16), expected, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(sums, [a.sum(), a.max(), np.rint(a).sum()], rtol=1e-5)


@numba.njit
def _functions(x, out):
    for i in range(0, len(x), 16):
        v.put(out, i, exponential(v.floats(x, i)))
        v.put(out, len(x) + i, gelu(v.floats(x, i)))


def test_exponential_and_gelu():
    torch = pytest.importorskip("torch")
    x = np.concatenate([np.linspace(-90, 30, 1600), np.linspace(-8, 8, 1600), np.full(16, -np.inf)]).astype(np.float32)
    out = np.zeros(2 * len(x), np.float32)
    _functions(x, out)
    powers = np.where(x < -87, 0, np.exp(x.astype(float)))
    np.testing.assert_allclose(out[: len(x)], powers, rtol=1e-6, atol=0)
    finite = x[:3200]
    expected = torch.nn.functional.gelu(torch.from_numpy(finite).double()).numpy()
    np.testing.assert_allclose(out[len(x) : len(x) + 3200], expected, rtol=2e-6, atol=1e-6)


@numba.njit
def _read(x, small, halves, out):
    v.put(out, 0, v.small(small, 5))
    v.put(out, 16, v.halves(halves, 3))
    v.put_small(small, 0, v.to_ints(v.nearest(v.floats(x, 0))))


def test_other_kinds_of_numbers():
    rng = np.random.default_rng(0)
    x, small = rng.integers(-128, 128, 16).astype(np.float32), rng.integers(-128, 128, 40).astype(np.int8)
    halves, out = rng.normal(size=40).astype(np.float16), np.zeros(32, np.float32)
    before = small[5:21].copy()
    _read(x, small, halves.view(np.uint16), out)
    assert (out[:16] == before).all()
    assert (out[16:] == halves[3:19]).all()
    assert (small[:16] == x).all()


@numba.njit
def _dots(weights, numbers, out):
    zero = v.splat_int(7)
    v.put(out, 0, v.to_floats(v.dot(zero, v.block(weights, 0), v.quad(numbers, 4))))
    v.put(out, 16, v.to_floats(v.dot_anywhere(zero, v.block(weights, 0), v.quad(numbers, 4))))
    v.put(out, 32, v.to_floats(v.dot(zero, v.low_halves(v.block(weights, 0)), v.quad(numbers, 4))))
    v.put(out, 48, v.to_floats(v.dot(zero, v.high_halves(v.block(weights, 0)), v.quad(numbers, 4))))


@pytest.mark.parametrize("extreme", [False, True])
def test_products_of_bytes(extreme):
    rng = np.random.default_rng(0)
    weights, numbers = rng.integers(0, 256, 64).astype(np.uint8), rng.integers(-128, 128, 8).astype(np.int8)
    if extreme:  # where an instruction that adds in 16 bits would not be exact
        weights[:], numbers[:] = 255, 127
    out, four = np.zeros(64, np.float32), numbers[4:].astype(int)
    _dots(weights, numbers, out)
    by_four = weights.reshape(16, 4).astype(int)
    expected = [7 + w @ four for w in (by_four, by_four, by_four & 15, by_four >> 4)]
    assert (out.reshape(4, 16) == expected).all()


@pytest.mark.parametrize(
    ("triple", "processor", "feature", "instructions"),
    [
        ("x86_64-unknown-linux-gnu", "znver4", "avx512vnni", {"vpdpbusd": 1}),
        ("x86_64-unknown-linux-gnu", "alderlake", "avxvnni", {"vpdpbusd": 2}),
        ("x86_64-unknown-linux-gnu", "haswell", "avx2", {"vpmaddwd": 4}),
        ("aarch64-unknown-linux-gnu", "neoverse-v1", "i8mm", {"usdot": 4}),
        ("aarch64-unknown-linux-gnu", "cortex-a72", "neon", {"smull": 16}),
    ],
)
def test_machine_code_for_other_processors(triple, processor, feature, instructions):
    """It is only made here, not run; the order of arguments is that of the instruction's description."""
    binding.initialize_all_targets()
    binding.initialize_all_asmprinters()
    module, sixteen = ir.Module(), ir.VectorType(ir.IntType(32), 16)
    module.triple = triple
    function = ir.Function(module, ir.FunctionType(sixteen, [sixteen] * 3), "f")
    builder = ir.IRBuilder(function.append_basic_block())
    builder.ret(v.dot_of({feature: True}, builder, *function.args))
    machine = binding.Target.from_triple(triple).create_target_machine(cpu=processor, opt=3)
    code = machine.emit_assembly(binding.parse_assembly(str(module)))
    assert {name: code.count(name) for name in instructions} == instructions
