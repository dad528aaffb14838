"""The random stream is PyTorch's bit for bit: numbers recorded from torch 2.13.0, and calls against a live torch."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from refgrad.engine import dtypes, random
from refgrad.engine.random import Generator

FLOATS = ["float16", "float32", "float64"] + ["bfloat16"] * bool(dtypes.bfloat16)
COMPLEX = ["complex64", "complex128"]
INTEGERS = ["bool", "uint8", "int8", "int16", "int32", "int64"]
NUMPY = {name: getattr(dtypes, name.replace("bool", "bool_")).numpy for name in FLOATS + COMPLEX + INTEGERS}
SEEDS = st.one_of(st.integers(0, 9), st.integers(-(2**63), 2**64 - 1))


def seeded(seed: int) -> Generator:
    return Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def torch() -> ModuleType:
    torch = pytest.importorskip("torch")
    if torch.backends.cpu.get_cpu_capability() not in ("AVX2", "AVX512"):
        pytest.skip("torch fuses products and sums only with AVX2, and its bits differ without")
    return torch


# Recorded from torch 2.13.0+cpu on x86-64 with AVX2, `generator=torch.Generator().manual_seed(42)`.
RECORDED = [
    ("uniform", 3, "float32", (), [0.8822692632675171, 0.9150039553642273, 0.38286375999450684]),
    ("uniform", 2, "float64", (), [0.05815448596142969, 0.06291016742457756]),
    ("uniform", 3, "float16", (), [0.88232421875, 0.9150390625, 0.3828125]),
    ("uniform", 3, "float32", (-1.5, 2.25), [1.8085097074508667, 1.931264877319336, -0.06426090002059937]),
    ("normal", 3, "float32", (), [0.33669036626815796, 0.12880940735340118, 0.23446236550807953]),
    ("normal", 3, "float64", (-1.5, 2.25), [-0.7424467026363175, -1.2101788384426733, -0.9724596824365536]),
    ("normal", 16, "float32", (), [1.9269152879714966, 1.4872840642929077, 0.9007171988487244, -2.1055209636688232]),
    ("normal", 18, "float32", (), [1.9269152879714966, 1.4872840642929077, -0.4973975419998169, 0.439589262008667]),
    ("normal", 18, "float64", (), [0.2995562877502637, 0.24237779080894106, 1.2715909667771088]),
    ("normal", 18, "float16", (), [1.9267578125, 1.4873046875, 1.642578125]),
    ("normal", 1, "complex64", (), [0.23807603120803833 + 0.09108200669288635j]),
    ("integers", 6, "int64", (-5, 5), [-3, 2, 1, -1, 1, 0]),
    ("integers", 3, "int64", (0, 2**28), [199900595, 250975502, 127521863]),
    ("integers", 3, "int64", (0, 2**28 - 1), [266460267, 199900607, 56755051]),
    ("integers", 2, "int64", (None, None), [6909045637428952499, 8314211556539077902]),
    ("integers", 3, "float32", (None, None), [14801927.0, 15351016.0, 6423145.0]),
    ("integers", 3, "uint8", (None, None), [102, 179, 92]),
    ("permutation", 10, "int64", (), [2, 6, 1, 8, 4, 5, 0, 9, 3, 7]),
    ("bernoulli", 10, "float32", (0.3,), [1, 1, 1, 1, 0, 0, 0, 0, 1, 1]),
    ("bernoulli", 10, "float32", (np.full(10, 0.3, np.float32),), [0, 0, 0, 0, 0, 0, 1, 0, 0, 1]),
    ("exponential", 3, "float32", (2.0,), [0.029957007616758347, 0.03248806297779083, 0.06595838814973831]),
]


@dataclass(frozen=True, slots=True)
class Call:
    """One fill of ``size`` elements; ``bernoulli`` takes a number or the dtype of a tensor of probabilities."""

    fill: str
    size: int
    dtype: str
    args: tuple[Any, ...] = ()

    def ours(self, generator: Generator) -> np.ndarray[Any, Any]:
        shape, dtype = (self.size,), NUMPY[self.dtype]
        if self.fill == "permutation":
            return random.permutation(generator, self.size, dtype)
        if self.fill == "bernoulli":
            p = self.args[0]
            return random.bernoulli(generator, chances(self.size, p) if isinstance(p, str) else p, shape, dtype)
        if self.fill == "strided normal":
            return random.normal(generator, shape, dtype, *self.args, dense=False)
        return getattr(random, self.fill)(generator, shape, dtype=dtype, **named(self))

    def theirs(self, torch: ModuleType, generator: Any) -> Any:
        dtype = getattr(torch, self.dtype)
        empty = torch.empty(self.size, dtype=dtype)
        if self.fill == "permutation":
            return torch.randperm(self.size, dtype=dtype, generator=generator)
        if self.fill == "bernoulli" and isinstance(self.args[0], str):
            p = torch.from_numpy(chances(self.size, "float64")).to(getattr(torch, self.args[0]))
            return empty.bernoulli_(p, generator=generator)
        if self.fill == "strided normal":
            return torch.empty(2 * self.size, dtype=dtype)[::2].normal_(*self.args, generator=generator)
        method = getattr(empty, {"integers": "random_"}.get(self.fill, f"{self.fill}_"))
        with warnings.catch_warnings(action="ignore"):  # of integers that a float cannot tell apart
            return method(*[argument for argument in self.args if argument is not None], generator=generator)


def named(call: Call) -> dict[str, Any]:
    names = {"normal": ["mean", "std"], "exponential": ["rate"]}.get(call.fill, ["low", "high"])
    return dict(zip(names, call.args, strict=False))


def chances(size: int, dtype: str) -> np.ndarray[Any, Any]:
    """Probabilities from 0 to 1, rounded to 16 bits by way of float32 as torch does."""
    return np.linspace(0, 1, size).astype(NUMPY[dtype if dtype == "float64" else "float32"]).astype(NUMPY[dtype])


def same_bits(ours: np.ndarray[Any, Any], theirs: Any, torch: ModuleType) -> bool:
    dense = theirs.clone(memory_format=torch.contiguous_format)
    return ours.tobytes() == dense.view(torch.uint8).numpy().tobytes()


def attempt(fill: Callable[..., Any], *args: Any) -> Any:
    """What a fill gives, or the text of its refusal."""
    try:
        return fill(*args)
    except RuntimeError as refusal:
        return str(refusal)


SIZES = st.one_of(st.integers(0, 70), st.integers(600, 700))
NUMBERS = st.floats(-1e4, 1e4, width=32)
BOUNDS = {"float16": 60000, "bool": 1, "uint8": 255, "int8": 127, "int16": 2**15 - 1, "int32": 2**31 - 1}


@st.composite
def bounds(draw: st.DrawFn, dtype: str) -> tuple[int, int]:
    high = BOUNDS.get(dtype, 2**63 - 1)
    low = 0 if dtype in ("bool", "uint8") else -high
    near = st.integers(max(low, -40), min(high, 40))
    edge = st.sampled_from([2**28 - 1, 2**28, 2**28 + 1]).filter(lambda bound: bound <= high)
    number = st.one_of(near, st.integers(low, high), edge if high >= 2**28 else near, st.just(0))
    first, last = sorted(draw(st.lists(number, min_size=2, max_size=2, unique=True)))
    return first, last


@st.composite
def calls(draw: st.DrawFn) -> Call:
    fills = ["uniform", "normal", "strided normal", "integers", "permutation", "bernoulli", "exponential"]
    fill, size = draw(st.sampled_from(fills)), draw(SIZES)
    if fill == "integers":
        dtype = draw(st.sampled_from(FLOATS + INTEGERS))
        return Call(fill, size, dtype, draw(st.one_of(st.just((None, None)), bounds(dtype))))
    if fill == "permutation":
        return Call(fill, size, draw(st.sampled_from([*FLOATS, "int64", "int32"])))
    if fill == "bernoulli":
        p = draw(st.one_of(st.floats(0, 1), st.sampled_from(FLOATS)))
        return Call(fill, size, draw(st.sampled_from(FLOATS + INTEGERS)), (p,))
    dtype = draw(st.sampled_from(FLOATS if fill in ("strided normal", "exponential") else FLOATS + COMPLEX))
    if fill == "exponential":
        return Call(fill, size, dtype, (draw(st.floats(0.01, 100)),))
    low, high = sorted((draw(NUMBERS), draw(NUMBERS)))
    return Call(fill, size, dtype, draw(st.sampled_from([(), (low, high) if fill == "uniform" else (low, abs(high))])))


@pytest.mark.parametrize(("fill", "size", "dtype", "args", "expected"), RECORDED)
def test_a_fill_gives_torchs_numbers(fill: str, size: int, dtype: str, args: Any, expected: list[Any]) -> None:
    """Each distribution, seeded with 42, gives the numbers recorded from torch, from its first element on."""
    result = Call(fill, size, dtype, args).ours(seeded(42))
    assert result.dtype == NUMPY[dtype]
    assert result[: len(expected)].tolist() == expected


def test_a_mixture_of_calls_gives_torchs_numbers() -> None:
    """Calls that draw one word, two words, pairs and blocks follow each other on one stream, with one normal cached."""
    generator, f32 = seeded(0), np.float32
    # recorded from torch 2.13.0: randn(3), rand(2), randn(17), randint(0, 100, (4,)), randn(1), randn(1)
    assert random.normal(generator, (3,), f32).tolist() == [1.5409960746765137, -0.293428897857666, -2.1787893772125244]
    assert random.uniform(generator, (2,), f32).tolist() == [0.455627977848053, 0.6323062777519226]
    assert random.normal(generator, (17,), f32)[[0, 16]].tolist() == [0.4913049638271332, -0.28966769576072693]
    assert random.integers(generator, (4,), 0, 100, np.int64).tolist() == [89, 71, 57, 83]
    assert random.normal(generator, (1,), f32).tolist() == [0.5684312582015991]
    assert random.normal(generator, (1,), f32).tolist() == [-1.1088484525680542]


@pytest.mark.parametrize(
    ("seed", "initial", "first"),
    [  # recorded from torch 2.13.0: Generator().manual_seed(seed), initial_seed(), rand(1)
        (-1, 2**64 - 1, 0.9937993884086609),
        (2**64 - 1, 2**64 - 1, 0.9937993884086609),
        (-(2**63), 2**63, 0.49625658988952637),
        (2**32 + 7, 2**32 + 7, 0.5349225401878357),
        (7, 7, 0.5349225401878357),
    ],
)
def test_a_seed_counts_from_2_to_the_64_and_acts_by_its_low_32_bits(seed: int, initial: int, first: float) -> None:
    """A negative seed counts from 2**64, and seeds with the same low 32 bits give the same stream."""
    assert seeded(seed).initial_seed() == initial
    assert random.uniform(seeded(seed), (1,), np.float32).item() == first


def test_a_new_generator_starts_at_the_fixed_seed() -> None:
    """A generator of one's own starts where torch's does, at 67280421310721."""
    assert Generator().initial_seed() == 67280421310721
    assert random.uniform(Generator(), (1,), np.float32).item() == 0.267295241355896  # recorded from torch 2.13.0


def test_seed_starts_the_stream_at_the_seed_that_it_returns() -> None:
    """The number that ``seed`` returns starts the same stream again, and differs from call to call."""
    generator = Generator()
    seed, drawn = generator.seed(), random.normal(generator, (20,), np.float64)
    assert generator.initial_seed() == seed != generator.seed()
    np.testing.assert_array_equal(random.normal(seeded(seed), (20,), np.float64), drawn)


def test_manual_seed_drops_the_cached_normal() -> None:
    """The second of a pair of normals does not survive ``manual_seed``."""
    generator = seeded(5)
    first = random.normal(generator, (3,), np.float64)
    assert random.normal(generator.manual_seed(5), (3,), np.float64).tolist() == first.tolist()


@pytest.mark.parametrize(
    ("seed", "error", "text"),
    [  # recorded from torch 2.13.0: Generator().manual_seed(seed)
        (2**64, ValueError, "Overflow when unpacking long long"),
        (-(2**63) - 1, ValueError, "Overflow when unpacking long long"),
        (True, RuntimeError, "manual_seed expected a long, but got bool"),
        (3.0, RuntimeError, "manual_seed expected a long, but got float"),
        ("a", RuntimeError, "manual_seed expected a long, but got str"),
    ],
)
def test_manual_seed_refuses_what_torch_refuses(seed: Any, error: type[Exception], text: str) -> None:
    """A seed that is no 64-bit integer is refused with torch's error, and the stream goes on as before."""
    generator = seeded(1)
    with pytest.raises(error) as caught:
        generator.manual_seed(seed)
    assert str(caught.value) == text
    assert random.uniform(generator, (1,), np.float32).item() == 0.7576315999031067  # recorded: seed 1, rand(1)


REFUSED = [  # recorded from torch 2.13.0, by the tensor method of that name
    (Call("integers", 2, "int64", (5, 5)), "random_ expects 'from' to be less than 'to', but got from=5 >= to=5"),
    (Call("integers", 2, "uint8", (0, 300)), "to - 1 is out of bounds for unsigned char"),
    (Call("integers", 2, "uint8", (-1, 300)), "from is out of bounds for unsigned char"),
    (Call("integers", 2, "bool", (0, 3)), "to - 1 is out of bounds for bool"),
    (Call("integers", 2, "float16", (0, 70000)), "to - 1 is out of bounds for c10::Half"),
    (
        Call("integers", 2, "float16", (4097, 4099)),
        "random_ expects 'from' casted to dtype to be less than 'to' casted to dtype, but got from=4100 >= to=4099",
    ),
    (Call("uniform", 2, "float32", (3, 1)), "uniform_ expects to return a [from, to) range, but found from=3 > to=1"),
    (Call("uniform", 2, "int64", (0, 1)), "\"check_uniform_bounds\" not implemented for 'Long'"),
    (Call("normal", 2, "int64"), "\"normal_kernel_cpu\" not implemented for 'Long'"),
    (Call("normal", 0, "float32", (0.0, -0.5)), "normal expects std >= 0.0, but found std -0.5"),
    (Call("normal", 2, "float32", (0.0, math.nan)), "normal expects std >= 0.0, but found std nan"),
    (Call("bernoulli", 2, "float32", (4 / 3,)), "bernoulli_ expects p to be in [0, 1], but got p=1.33333"),
    (Call("exponential", 2, "float32", (0.0,)), "exponential_ expects lambda > 0.0, but found lambda=0"),
    (Call("permutation", 300, "uint8"), "value cannot be converted to type uint8_t without overflow"),
    (Call("permutation", -1, "int64"), "Trying to create tensor with negative dimension -1: [-1]"),
]


@pytest.mark.parametrize(("call", "text"), REFUSED)
def test_a_fill_refuses_what_torch_refuses(call: Call, text: str) -> None:
    """Arguments that make no distribution are refused in torch's words, and nothing is drawn."""
    generator = seeded(1)
    with pytest.raises((RuntimeError, NotImplementedError)) as caught:
        call.ours(generator)
    assert str(caught.value) == text
    assert generator.get_state().tobytes() == seeded(1).get_state().tobytes()


@pytest.mark.parametrize("p", [[0.5, 1.5], [0.5, math.nan]])
def test_probabilities_outside_0_to_1_are_refused(p: list[float]) -> None:
    """An array with an element that is no probability is refused."""
    with pytest.raises(RuntimeError, match=r"^Expected p_in >= 0 && p_in <= 1 to be true"):
        random.bernoulli(seeded(0), np.array(p), (2,), np.float32)


def test_set_state_goes_on_where_get_state_stood() -> None:
    """A state restores the stream with the cached normal, into another generator too, and its initial seed."""
    generator = seeded(11)
    random.normal(generator, (7,), np.float64)
    state = generator.get_state()
    expected = random.normal(generator, (7,), np.float64)
    other = Generator().set_state(state)
    assert other.initial_seed() == 11
    np.testing.assert_array_equal(random.normal(other, (7,), np.float64), expected)


@pytest.mark.parametrize(
    ("state", "error", "text"),
    [  # recorded from torch 2.13.0: Generator().set_state
        (np.zeros(5056, np.float32), TypeError, "RNG state must be a torch.ByteTensor"),
        (np.zeros(5056, np.uint8), RuntimeError, "Invalid mt19937 state"),
        (
            np.zeros(10, np.uint8),
            RuntimeError,
            "Expected a CPUGeneratorImplState of size 5056 but found the input RNG state size to be 10",
        ),
    ],
)
def test_set_state_refuses_what_torch_refuses(state: Any, error: type[Exception], text: str) -> None:
    """What is no state is refused in torch's words."""
    with pytest.raises(error) as caught:
        Generator().set_state(state)
    assert str(caught.value) == text


@given(SEEDS, st.integers(0, 200))
def test_a_permutation_holds_each_number_once(seed: int, n: int) -> None:
    """Sorted, a permutation is ``range(n)``."""
    assert sorted(random.permutation(seeded(seed), n, np.int64).tolist()) == list(range(n))


@given(SEEDS, st.sampled_from(FLOATS), NUMBERS, NUMBERS)
def test_uniform_never_gives_its_upper_bound(seed: int, dtype: str, low: float, high: float) -> None:
    """Every number is in [low, high), even where rounding to few digits would reach the bound."""
    first, last = sorted(np.array([low, high]).astype(np.float16).astype(float))
    drawn = random.uniform(seeded(seed), (100,), NUMPY[dtype], first, last).astype(np.float64)
    bottom, top = np.array([first, last]).astype(np.float32).astype(NUMPY[dtype]).astype(float)
    assert ((bottom <= drawn) & ((drawn < top) | (bottom == top))).all()


@given(SEEDS, st.sampled_from(FLOATS + COMPLEX), st.lists(st.integers(0, 5), max_size=3))
def test_a_shape_is_filled_in_row_major_order(seed: int, dtype: str, shape: list[int]) -> None:
    """A fill of a shape is the fill of as many elements in a row, reshaped."""
    flat = random.normal(seeded(seed), (math.prod(shape),), NUMPY[dtype])
    np.testing.assert_array_equal(random.normal(seeded(seed), shape, NUMPY[dtype]), flat.reshape(shape))


@settings(deadline=None, max_examples=150)
@given(seed=SEEDS, sequence=st.lists(st.one_of(calls(), calls(), SEEDS), max_size=12))
def test_any_sequence_of_calls_keeps_in_step(torch: ModuleType, seed: int, sequence: list[Call | int]) -> None:
    """After any sequence of fills and seedings, each result and the whole state are torch's, bit for bit."""
    ours, theirs = seeded(seed), torch.Generator().manual_seed(seed)
    for call in sequence:
        if isinstance(call, int):
            ours.manual_seed(call), theirs.manual_seed(call)
        else:
            result, expected = attempt(call.ours, ours), attempt(call.theirs, torch, theirs)
            refused = isinstance(result, str) or isinstance(expected, str)
            assert result == expected if refused else same_bits(result, expected, torch), call
        assert same_bits(ours.get_state(), theirs.get_state(), torch), call


LARGE = [
    *(Call("normal", 100_003, dtype, args) for dtype in FLOATS + COMPLEX for args in ((), (0.7, 1.3))),
    *(Call("uniform", 100_003, dtype, args) for dtype in FLOATS + COMPLEX for args in ((), (-0.7, 1.3))),
    *(Call("bernoulli", 100_003, "float32", (p,)) for p in (0.3, "float32", "float64")),
    *(Call("exponential", 100_003, dtype, (1.5,)) for dtype in FLOATS),
    Call("permutation", 20_003, "int64"),
]


@pytest.mark.parametrize("call", LARGE, ids=lambda call: f"{call.fill}-{call.dtype}-{len(call.args)}")
def test_a_large_fill_has_torchs_bits(torch: ModuleType, call: Call) -> None:
    """A fill of many blocks that ends in a part of one is torch's, bit for bit."""
    ours, theirs = seeded(9), torch.Generator().manual_seed(9)
    assert same_bits(call.ours(ours), call.theirs(torch, theirs), torch)
    assert same_bits(ours.get_state(), theirs.get_state(), torch)


@given(seed=SEEDS, count=st.integers(0, 2000))
@settings(deadline=None, max_examples=30)
def test_each_library_goes_on_from_the_others_state(torch: ModuleType, seed: int, count: int) -> None:
    """A state handed over either way continues the one stream."""
    ours, theirs = seeded(seed), torch.Generator()
    random.normal(ours, (count,), np.float64)
    theirs.set_state(torch.from_numpy(ours.get_state()))
    call = Call("normal", 5, "float64")
    assert same_bits(call.ours(ours), call.theirs(torch, theirs), torch)
    ours = Generator().set_state(theirs.get_state().numpy())
    assert same_bits(call.ours(ours), call.theirs(torch, theirs), torch)
    assert ours.initial_seed() == theirs.initial_seed()


@pytest.mark.parametrize("p", [0.0, 0.3, 0.5, 1.0])
def test_dropout_keeps_what_bernoulli_of_its_complement_draws(torch: ModuleType, p: float) -> None:
    """``dropout`` keeps the elements where ``bernoulli(1 - p)`` is one; at 0 and 1 it draws nothing."""
    ours = seeded(4)
    kept = random.bernoulli(ours, 1 - p, (50,), np.float32)
    torch.manual_seed(4)
    dropped = torch.nn.functional.dropout(torch.ones(50), p)
    assert (dropped != 0).float().tolist() == kept.tolist()
    assert torch.get_rng_state().tolist() == (seeded(4) if p in (0, 1) else ours).get_state().tolist()


@pytest.mark.parametrize(("call", "text"), REFUSED)
def test_torch_still_refuses_in_these_words(torch: ModuleType, call: Call, text: str) -> None:
    """The recorded errors are those of the torch at hand."""
    with pytest.raises((RuntimeError, NotImplementedError)) as caught:
        call.theirs(torch, torch.Generator())
    assert str(caught.value) == text
