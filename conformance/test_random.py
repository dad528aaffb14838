"""Random numbers: PyTorch's own stream, number by number, for a given seed."""

import numpy as np
import pytest

from refgrad.harness.behaviours import behaviour

SOURCE = "torch 2.13.0, CPU generator"

UNIFORM = {
    0: [0.49625658988952637, 0.7682217955589294, 0.08847743272781372, 0.13203048706054688],
    42: [0.8822692632675171, 0.9150039553642273, 0.38286375999450684, 0.9593056440353394],
    123: [0.29611194133758545, 0.516562283039093, 0.2516707181930542, 0.6885567903518677],
}
FEW = {
    0: [1.5409960746765137, -0.293428897857666, -2.1787893772125244, 0.5684312582015991, -1.0845223665237427],
    42: [0.33669036626815796, 0.12880940735340118, 0.23446236550807953, 0.23033303022384644, -1.1228563785552979],
    123: [-0.11146711558103561, 0.12036294490098953, -0.3696345090866089, -0.2404179722070694, -1.1969243288040161],
}
SIXTEEN = {
    0: [
        -1.1258398294448853,
        -1.152360200881958,
        -0.2505785822868347,
        -0.4338788092136383,
        0.8487103581428528,
        0.6920091509819031,
        -0.31601276993751526,
        -2.1152193546295166,
        0.32227492332458496,
        -1.2633347511291504,
        0.34998318552970886,
        0.30813392996788025,
        0.11984150856733322,
        1.237657904624939,
        1.1167771816253662,
        -0.2472781538963318,
    ],
    42: [
        1.9269152879714966,
        1.4872840642929077,
        0.9007171988487244,
        -2.1055209636688232,
        0.6784184575080872,
        -1.2345448732376099,
        -0.04306747764348984,
        -1.6046669483184814,
        -0.7521352767944336,
        1.6487230062484741,
        -0.3924786448478699,
        -1.4036071300506592,
        -0.7278813123703003,
        -0.5594301819801331,
        -0.7688388824462891,
        0.7624453902244568,
    ],
}
# 20 numbers are not 16 and 4: the last 16 are drawn once more
TWENTY = [
    1.9269152879714966,
    1.4872840642929077,
    0.9007171988487244,
    -2.1055209636688232,
    -0.7581311464309692,
    1.078317642211914,
    0.8008005619049072,
    1.680620551109314,
    0.3558599054813385,
    -0.6866229772567749,
    -0.4933563470840454,
    0.2414877861738205,
    -0.2316243201494217,
    0.041759490966796875,
    -0.2515752911567688,
    0.859858512878418,
    -0.3097267746925354,
    -0.3957104980945587,
    0.8034093979374365,
    -0.6215953826904297,
]


@behaviour("RND-01", source=SOURCE, profile="namespace")
@pytest.mark.parametrize(("seed", "expected"), UNIFORM.items(), ids=map(str, UNIFORM))
def test_rand(xp, check, seed, expected):
    """rand after manual_seed gives PyTorch's numbers, bit for bit."""
    xp.manual_seed(seed)
    check.equal(xp.rand(4), expected)


@behaviour("RND-02", source=SOURCE, profile="namespace")
@pytest.mark.parametrize(("seed", "expected"), FEW.items(), ids=map(str, FEW))
def test_randn(xp, check, seed, expected):
    """randn of fewer than 16 numbers draws them in pairs."""
    xp.manual_seed(seed)
    check.close(xp.randn(5), expected)


@behaviour("RND-03", source=SOURCE, profile="namespace")
@pytest.mark.parametrize(("seed", "expected"), SIXTEEN.items(), ids=map(str, SIXTEEN))
def test_randn_of_16(xp, check, seed, expected):
    """randn of 16 numbers or more transforms uniform numbers 16 at a time."""
    xp.manual_seed(seed)
    check.close(xp.randn(16), expected)


@behaviour("RND-04", source=SOURCE, profile="namespace")
def test_randn_of_20(xp, check):
    """randn of a number that is no multiple of 16 draws its last 16 anew."""
    xp.manual_seed(42)
    check.close(xp.randn(20), TWENTY)


@behaviour("RND-05", source=SOURCE, profile="namespace")
def test_half_a_pair_is_kept(xp, check):
    """The second number of a pair waits for the next call: randn(3) twice is randn(6)."""
    xp.manual_seed(42)
    check.close(xp.randn(3), [0.33669036626815796, 0.12880940735340118, 0.23446236550807953])
    check.close(xp.randn(3), [0.23033303022384644, -1.1228563785552979, -0.18632829189300537])


@behaviour("RND-06", source=SOURCE, profile="namespace")
def test_one_stream(xp, check):
    """rand, randn and randint draw from one stream, each what it needs."""
    xp.manual_seed(42)
    check.equal(xp.rand(2), [0.8822692632675171, 0.9150039553642273])
    check.close(xp.randn(2), [0.47404009103775024, 0.19778664410114288])
    check.equal(xp.randint(0, 100, (3,)), [20, 24, 50])
    check.equal(xp.rand(1), [0.13318592309951782])


@behaviour("RND-07", source=SOURCE, profile="namespace")
def test_double(xp, check):
    """In float64 rand takes 53 random bits and randn's few are the float32 ones at full precision."""
    xp.manual_seed(42)
    check.equal(xp.rand(3, dtype=xp.float64), [0.05815448596142969, 0.06291016742457756, 0.12358607277440903])
    xp.manual_seed(42)
    check.close(xp.randn(3, dtype=xp.float64), [0.33669035438385886, 0.1288094051365897, 0.23446236336153173])


@behaviour("RND-08", source=SOURCE, profile="namespace")
@pytest.mark.parametrize(
    ("seed", "low", "high", "expected"),
    [(0, 0, 10, [4, 9, 3, 0, 3, 9]), (42, 0, 10, [2, 7, 6, 4, 6, 5]), (42, -5, 5, [-3, 2, 1, -1, 1, 0])],
)
def test_randint(xp, check, seed, low, high, expected):
    """randint gives PyTorch's integers."""
    xp.manual_seed(seed)
    check.equal(xp.randint(low, high, (6,)), expected)


@behaviour("RND-09", source=SOURCE, profile="namespace")
@pytest.mark.parametrize(
    ("seed", "expected"), [(0, [4, 0, 7, 3, 2, 5, 1, 6]), (42, [6, 3, 0, 7, 2, 1, 4, 5])], ids=["0", "42"]
)
def test_randperm(xp, check, seed, expected):
    """randperm gives PyTorch's permutation."""
    xp.manual_seed(seed)
    check.equal(xp.randperm(8), expected)


@behaviour("RND-10", source="the tutorial", profile="namespace")
def test_seed_repeats(xp, check):
    """The same seed gives the same numbers, another seed others."""
    draws = []
    for seed in (7, 7, 8):
        xp.manual_seed(seed)
        draws.append(check.array(xp.randn(3, 4)).copy())
    assert (draws[0] == draws[1]).all()
    assert (draws[0] != draws[2]).any()


@behaviour("RND-11", source=SOURCE, profile="namespace")
def test_shape_does_not_matter(xp, check):
    """Numbers are drawn in row-major order, whatever the shape."""
    xp.manual_seed(42)
    flat = check.array(xp.rand(6)).copy()
    xp.manual_seed(42)
    check.equal(xp.rand(2, 3), flat.reshape(2, 3))
    xp.manual_seed(42)
    check.equal(xp.rand((3, 2)), flat.reshape(3, 2))


@behaviour("RND-12", source=SOURCE, profile="namespace")
def test_likes_draw_the_same(xp, check):
    """rand_like and randn_like draw what rand and randn of that shape would."""
    model = xp.zeros(2, 2)
    for like, plain in ((xp.rand_like, xp.rand), (xp.randn_like, xp.randn)):
        xp.manual_seed(3)
        expected = check.array(plain(2, 2)).copy()
        xp.manual_seed(3)
        check.equal(like(model), expected)


@behaviour("RND-13", source=SOURCE, profile="namespace")
def test_ranges(xp, check):
    """rand lies in [0, 1), randint in [low, high), randperm is a permutation."""
    xp.manual_seed(1)
    uniform, integers = check.array(xp.rand(1000)), check.array(xp.randint(3, 7, (1000,)))
    assert 0 <= uniform.min() < 0.01 < 0.99 < uniform.max() < 1
    assert sorted(set(integers.tolist())) == [3, 4, 5, 6]
    assert sorted(xp.randperm(50).tolist()) == list(range(50))


@behaviour("RND-14", source="mathematics", profile="namespace")
def test_moments(xp, check):
    """10,000 numbers of randn have mean 0 and deviation 1, to a few hundredths."""
    xp.manual_seed(5)
    draws = check.array(xp.randn(10_000)).astype(np.float64)
    assert abs(draws.mean()) < 0.05
    assert abs(draws.std() - 1) < 0.05


@behaviour("RND-15", source=SOURCE, profile="namespace")
def test_reproducible_leaf(xp, check):
    """A seeded leaf is the seeded tensor, with requires_grad."""
    xp.manual_seed(42)
    w = xp.randn(1, requires_grad=True)
    assert w.is_leaf
    check.close(w, [0.33669036626815796])
