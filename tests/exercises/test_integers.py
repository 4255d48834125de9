"""Integers of 64 bits where NumPy's have 32: `test_pyodide` evaluates these expressions there."""

import numpy as np

from companion.exercises.integers import narrow, widen

EXPRESSIONS = """\
np.prod([2, 32, 32, 128, 4096, 2]) / 2**30
np.array([2, 32, 32, 128, 4096, 2]).prod() / 2**30
np.prod([7, 10**9, 4])
np.prod(np.array([7, 10**9, 4]))
np.prod((7, 10**9, 4), dtype=int)
np.multiply.reduce([7, 10**9, 4])
np.multiply(10**9, 28)
np.power(2, 40)
np.power(10, 9) * 7 * 4
np.full(3, 10**9) * 7
np.ones(3, dtype=int) * 10**9 * 7
np.zeros((2, 2), int).dtype
np.arange(5) * 10**9
np.arange(5, dtype=np.int32).dtype
np.arange(5, dtype="int32").dtype
np.array([1, 2], np.int32).dtype
np.array([1, 2], dtype=np.int32) + 1
np.sum(np.array([1, 2], dtype=np.int32))
np.sum([10**9] * 7)
np.cumsum([10**9] * 3)
np.sum(np.tril(np.ones((3, 3), dtype=bool))).dtype
np.dot([10**9, 1], [7, 1])
np.where(np.array([True, False]), 10**9, 1) * 7
np.concatenate([[10**9], [1]]) * 7
np.stack([np.arange(2), np.arange(2)]).dtype
np.multiply(np.float32(2), 3).dtype
np.multiply(np.ones(2, np.float32), 3).dtype
np.multiply(np.ones(2, np.int8), 3).dtype
np.add([1.5], [2])
np.square([10**5])
np.int_(10**9) * 7
np.array([7e9]).astype(np.int_)
np.array("text")
np.array(3)
np.asarray([1, 2.5])
np.array([[1, 2], [3, 4]], dtype=float).dtype
np.outer([10**5, 1], [10**5, 2])
np.multiply.outer([1, 2], np.ones(2, np.float32)).dtype
np.sum(np.ones((2, 2), np.float32), axis=1).dtype
np.eye(2, dtype=int).dtype
np.cumprod(range(1, 20))
np.sum([[1, 2], [3, 4]], 1)
np.sum([1, 2], axis=0, dtype=np.float32)
np.add.accumulate([10**9] * 3)
np.max([10**9, 1]) * 7
np.clip([10**9], 0, 10**9) * 7
np.bincount(np.array([2, 0, 1])).tolist()
np.bincount(np.array([2, 0, 1]), np.array([1.0, 2.0, 3.0]))
np.repeat(np.array([1.5, 2.5]), np.array([2, 1]))
np.take(np.array([1.5, 2.5]), np.array([1, 0]))
np.choose(np.array([1, 0]), [np.zeros(2), np.ones(2)])
np.array([1.5, 2.5]).take(np.argsort([2, 1]))
np.array([1.5, 2.5])[np.array([1, 0])]
np.array([1.5, 2.5]).take(np.where([True, False])[0])
np.eye(3)[np.array([2, 0])]
np.histogram([1, 2, 2])[0].tolist()
np.random.default_rng(0).integers(5, size=3)
np.random.default_rng(0).permutation(4).tolist()
""".splitlines()


def shown() -> list[str]:
    """Evaluate the expressions: their values as they are printed, so with their dtypes."""
    return [repr(eval(one, {"np": np})) for one in EXPRESSIONS]  # noqa: S307, lines from above


def test_nothing_is_changed_where_numpy_has_64_bits():
    functions = dict(vars(np))

    widen()

    assert not narrow()
    assert vars(np) == functions
