"""quipu.histogram beside numpy.histogram on random arrays of every type, layout and way to choose bins."""

import os
import warnings

import pytest
import quipu

numpy = pytest.importorskip("numpy")

SEED = int(os.environ.get("QUIPU_SEED", "20"))
REAL = ["?", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8"]


def values_of(random, dtype):
    """Random numbers of a type: uniform, heavy-tailed, few different, constant, or none."""
    size = int(random.choice([0, 1, 2, 3, 17, 64, 257, 1000, 5000, 70_000], p=[0.03, 0.05, 0.06, *[0.135] * 6, 0.05]))
    kind = numpy.dtype(dtype).kind
    shape = random.choice(["uniform", "tails", "few", "constant"], p=[0.45, 0.25, 0.25, 0.05])
    if kind == "b":
        return random.random(size) < random.random()
    if kind in "iu":
        info = numpy.iinfo(dtype)
        low, high = sorted(int(x) for x in random.integers(info.min, info.max, 2, dtype=dtype, endpoint=True))
        if random.random() < 0.5:  # small numbers are the usual ones
            low, high = max(info.min, -50), 50
        if shape == "few":
            high = min(high, low + 5)
        if shape == "constant":
            high = low
        return random.integers(low, high, size, dtype=dtype, endpoint=True)
    scale = 10.0 ** random.integers(-3, 4)
    if shape == "uniform":
        made = (random.random(size) - 0.3) * scale
    elif shape == "tails":
        made = numpy.clip(random.standard_cauchy(size) * min(scale, 10), -6e4, 6e4)
    elif shape == "few":
        made = random.integers(-8, 8, size) * 0.25
    else:
        made = numpy.full(size, random.random() * scale)
    return numpy.clip(made, -6e4, 6e4).astype(dtype)


def layout_of(random, values):
    """The same numbers with other strides, axes or byte order, or with gaps."""
    choice = random.integers(0, 6)
    if choice == 0:
        return values[::-1]
    if choice == 1 and values.size % 2 == 0:
        return values.reshape(2, -1).T
    if choice == 2:
        wide = numpy.zeros(values.size * 3, values.dtype)
        wide[::3] = values
        return wide[::3]
    if choice == 3 and values.dtype.itemsize > 1:
        return values.astype(values.dtype.newbyteorder())
    if choice == 4:
        return numpy.broadcast_to(values, (2, values.size))
    return values


def limits_of(random, values):
    """A range: plain numbers, or NumPy scalars that bring their type."""
    low = float(values.min()) if values.size else 0.0
    high = float(values.max()) if values.size else 1.0
    width = (high - low) or 1.0
    low, high = low - (random.random() - 0.6) * width, high + (random.random() - 0.6) * width
    low, high = min(low, high), max(low, high)
    choice = random.integers(0, 5)
    if choice == 0 and max(-low, high) < 2**62:  # numpy takes no larger ones
        return int(low // 1), int(high // 1) + 1
    if choice == 1:
        return numpy.float32(low), numpy.float32(high)
    if choice == 2:
        return numpy.float64(low), numpy.float64(high)
    if choice == 3 and abs(low) < 30_000 and abs(high) < 30_000:
        return numpy.int16(low), numpy.int16(high + 1)
    return low, high


def edges_of(random, values):
    if values.size and random.random() < 0.5:  # edges that are values
        found = numpy.sort(random.choice(values.ravel(), int(random.integers(1, 30))))
        return found.astype(random.choice(["f8", values.dtype.str])) if values.dtype.kind != "b" else found.astype("u1")
    found = numpy.sort(random.standard_normal(int(random.integers(0, 40))) * 20)
    return found.astype(random.choice(["f8", "f4", "i8", "i4"]))


def weights_of(random, shape, is_exact):
    if is_exact:  # sums in any order are equal
        return random.integers(0, 4, shape).astype(random.choice(["f4", "f8", "i4", "i8", "u1"]))
    dtype = random.choice(["f4", "f8", "f2", "i8", "c16", "?"])
    made = random.standard_normal(shape)
    return (made > 0) if dtype == "?" else (made * 10).astype(dtype)


def outcome(function, *arguments, **named):
    with warnings.catch_warnings(), numpy.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            return function(*arguments, **named)
        except (ValueError, TypeError, MemoryError, IndexError) as error:
            return error


def same(one, other):
    return one.dtype == other.dtype and one.shape == other.shape and bool(
        ((one == other) | ((one != one) & (other != other))).all()
    )  # fmt: skip


def stone_loss(values, bins, range):
    """What Stone's rule makes small."""
    counts, edges = numpy.histogram(values, bins, range)
    share, count = counts / values.size, values.size
    return (2 - (count + 1) * share.dot(share)) / (numpy.ptp(values) / bins)


def compare(values, **named):
    wanted, got = outcome(numpy.histogram, values, **named), outcome(quipu.histogram, values, **named)
    if isinstance(wanted, IndexError):
        return  # numpy falls over itself: there is nothing to compare with
    if isinstance(wanted, Exception):
        assert isinstance(got, Exception), (wanted, got)
        assert isinstance(got, TypeError) == isinstance(wanted, TypeError), (wanted, got)
        return
    assert not isinstance(got, Exception), got
    if isinstance(named["bins"], str) and named["bins"] == "stone" and len(wanted[0]) != len(got[0]):
        # Equal losses are told apart by the rounding of numpy's dot product, which is the processor's.
        losses = [stone_loss(values, len(counts), named.get("range")) for counts in (wanted[0], got[0])]
        assert losses[0] == pytest.approx(losses[1], rel=1e-12)
        return
    for name, one, other in (("edges", wanted[1], got[1]), ("counts", wanted[0], got[0])):
        assert same(one.astype(one.dtype.newbyteorder("=")), other), (name, one, other)


@pytest.mark.parametrize("dtype", REAL)
@pytest.mark.parametrize("part", range(5))
def test_equal_bins_are_numpys(dtype, part):
    for number in range(12):
        random = numpy.random.default_rng([SEED, part, number, REAL.index(dtype)])
        values = layout_of(random, values_of(random, dtype))
        named = {"bins": int(random.choice([1, 2, 3, 7, 10, 64, 100, 512, 1023, 1024, 5000]))}
        if random.random() < 0.5:
            named["range"] = limits_of(random, values)
        if random.random() < 0.3:
            named["weights"] = weights_of(random, values.shape, False)
        if random.random() < 0.3 and named.get("weights", values).dtype.kind not in "cb":
            named["density"] = True
        compare(values, **named)


@pytest.mark.parametrize("dtype", REAL)
@pytest.mark.parametrize("part", range(3))
def test_explicit_edges_are_numpys(dtype, part):
    for number in range(12):
        random = numpy.random.default_rng([SEED, 1000 + part, number, REAL.index(dtype)])
        values = layout_of(random, values_of(random, dtype))
        named = {"bins": edges_of(random, values)}
        if random.random() < 0.4:
            named["weights"] = weights_of(random, values.shape, True)
        compare(values, **named)


@pytest.mark.parametrize("rule", ["auto", "fd", "doane", "scott", "stone", "rice", "sturges", "sqrt"])
def test_rules_are_numpys(rule):
    for number in range(24):
        random = numpy.random.default_rng([SEED, 2000, number, len(rule), ord(rule[0])])
        dtype = random.choice(["u1", "i2", "i4", "i8", "f8", "f8", "f4"])
        values = layout_of(random, values_of(random, dtype))
        named = {"bins": rule}
        if random.random() < 0.3:
            named["range"] = limits_of(random, values)
        compare(values, **named)


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8"])
def test_skipping_is_numpys_on_what_is_finite(dtype):
    for number in range(20):
        random = numpy.random.default_rng([SEED, 3000, number, int(dtype[1])])
        values = values_of(random, dtype)
        holes = random.random(values.shape) < 0.1
        values[holes] = random.choice(numpy.array([numpy.nan, numpy.inf, -numpy.inf], dtype), int(holes.sum()))
        weights = random.standard_normal(values.shape)
        finite = numpy.isfinite(values)
        wanted = outcome(numpy.histogram, values[finite], 30, weights=weights[finite])
        got = outcome(quipu.histogram, values, 30, weights=weights, skip_nonfinite=True)
        if isinstance(wanted, Exception):
            assert isinstance(got, ValueError)
            continue
        assert same(wanted[0], got[0]) and same(wanted[1], got[1])
        if finite.any():
            assert quipu.Histogram(values, bins=30, skip_nonfinite=True).skipped == int((~finite).sum())
