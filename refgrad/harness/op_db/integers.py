"""Integers: shifts and divisors."""

from refgrad.harness.op_db.samples import op, sample, values

NUMBERS, OTHERS = values([12, -7, 0, 5]), values([3, 1, 2, 0])
SMALL = values([1, 2, 200], "uint8")

OPS = tuple(
    op(name, sample(NUMBERS, OTHERS), sample(NUMBERS, values(2)), sample(SMALL, values([7, 1, 3], "uint8")), differentiable=False)
    for name in ("bitwise_left_shift", "bitwise_right_shift", "gcd", "lcm")
)  # fmt: skip
