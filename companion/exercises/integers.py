"""Integers of 64 bits from NumPy's functions, where NumPy's own default has 32, as in a browser.

Python for browsers is a 32-bit program. There ``np.prod([7, 10**9, 4])`` overflows without a word,
and an answer that is right in a notebook would be wrong in a page. `widen` puts others in the place
of the functions that make integers or multiply them. Not reached are methods, such as the ``sum``
of an array of truth values, and whatever else makes integers of NumPy's own default, such as
indices, which `numpy.argsort` gives and the methods ``take`` and ``repeat`` want.
"""

from typing import Any

_MAKING = "array asarray asanyarray ascontiguousarray full full_like ones_like arange zeros ones"
_MAKING += " empty eye identity tri diag indices fromiter fromfunction linspace logspace where copy"
_MAKING += " concatenate stack vstack hstack column_stack append block tile reshape squeeze flip"
_MAKING += " sort clip max min amax amin maximum minimum abs absolute mod remainder gcd round"
_MAKING += " diff cross"
_TOTALS = "sum prod cumsum cumprod nansum nanprod trace"
_PRODUCTS = "dot inner outer vdot kron convolve matmul add subtract multiply power square"
_PRODUCTS += " floor_divide left_shift"
_INDEXED = {"bincount": 0, "choose": 0, "take": 1, "put": 1, "repeat": 1}  # where the indices are


def narrow() -> bool:
    """Whether NumPy's default integer has fewer than 64 bits here.

    Example:
        >>> narrow()
        False
    """
    import numpy

    return numpy.dtype(int).itemsize < 8


def widen() -> None:
    """Let NumPy's functions make integers of 64 bits; where they do, nothing is changed."""
    import numpy
    import numpy._core.arrayprint

    if not narrow() or isinstance(numpy.array, _Wide):
        return
    array = numpy.array
    for names, kind in ((_MAKING, _Wide), (_TOTALS, _Total), (_PRODUCTS, _Product)):
        for name in names.split():
            setattr(numpy, name, kind(getattr(numpy, name), array))
    for name, place in _INDEXED.items():
        setattr(numpy, name, _Indexed(getattr(numpy, name), array, place))
    numpy.int_ = numpy.int64
    numpy._core.arrayprint._typelessdata[0] = numpy.int64  # shown without its dtype, as elsewhere


class _Wide:
    """A function whose results have 64 bits, unless integers of 32 bits were asked for."""

    def __init__(self, function: Any, array: Any) -> None:
        import numpy

        self._function, self._array, self._numpy = function, array, numpy
        self._default = numpy.dtype(int)
        self.__doc__ = function.__doc__

    def __getattr__(self, name: str) -> Any:
        """Return an attribute of the function, such as the ``reduce`` of ``np.multiply``."""
        return getattr(self._function, name)

    def __repr__(self) -> str:
        """Show the function itself."""
        return repr(self._function)

    def __call__(self, *args: Any, **options: Any) -> Any:
        """Call the function; ``int`` as a dtype has 64 bits."""
        args = tuple(map(self._dtype, args))
        options = {name: self._dtype(value) for name, value in options.items()}
        result = self._function(*args, **options)
        asked = options.get("dtype") is not None or any(self._is_narrow(one) for one in args)
        return result if asked else self._widened(result)

    def _dtype(self, value: Any) -> Any:
        is_default = value is int or (type(value) is str and value == "int")
        return self._numpy.int64 if is_default else value

    def _is_narrow(self, value: Any) -> bool:
        """Whether a value, or one in a list, says that it has 32 bits."""
        if isinstance(value, list | tuple):
            return any(map(self._is_narrow, value))
        if isinstance(value, type) and issubclass(value, self._numpy.generic):
            return True
        dtype = value if isinstance(value, self._numpy.dtype) else getattr(value, "dtype", None)
        return isinstance(dtype, self._numpy.dtype) and dtype == self._default

    def _widened(self, result: Any) -> Any:
        narrow = isinstance(result, self._numpy.ndarray | self._numpy.generic)
        if narrow and result.dtype == self._default:
            return result.astype("int64")
        return result

    def _wide(self, value: Any) -> Any:
        """Return a list of integers as an array of 64 bits; all else as it is."""
        if not isinstance(value, list | tuple | range):
            return value
        try:
            return self._widened(self._array(value))
        except ValueError:  # rows of several lengths: the function says so itself
            return value


class _Total(_Wide):
    """A function that adds or multiplies the elements of one array."""

    def __call__(self, values: Any, *args: Any, **options: Any) -> Any:
        """Call the function; small integers and truth values are counted in 64 bits."""
        values = self._wide(values)
        dtype = getattr(values, "dtype", None)
        if dtype is not None and dtype.kind in "bi" and not {"dtype", "out"} & options.keys():
            options["dtype"] = self._numpy.int64
        return super().__call__(values, *args, **options)


class _Product(_Wide):
    """A function of two arrays, or one, that may be numbers or lists."""

    def __call__(self, *args: Any, **options: Any) -> Any:
        """Call the function; beside an array, an integer of Python takes the array's bits."""
        if all(isinstance(value, int | list | tuple | range) for value in args):
            args = tuple(self._numpy.int64(v) if type(v) is int else v for v in args)
        return super().__call__(*map(self._wide, args), **options)

    def reduce(self, values: Any, *args: Any, **options: Any) -> Any:
        """Reduce an array, or a list, by the function."""
        return self._function.reduce(self._wide(values), *args, **options)

    def accumulate(self, values: Any, *args: Any, **options: Any) -> Any:
        """Accumulate an array, or a list, by the function."""
        return self._function.accumulate(self._wide(values), *args, **options)


class _Indexed(_Wide):
    """A function that takes indices, or counts, as NumPy's own default only."""

    def __init__(self, function: Any, array: Any, place: int) -> None:
        super().__init__(function, array)
        self._place = place

    def __call__(self, *args: Any, **options: Any) -> Any:
        """Call the function with the indices as it wants them."""
        args = list(args)
        if len(args) > self._place and getattr(args[self._place], "dtype", None) == "int64":
            args[self._place] = args[self._place].astype(self._default)
        return self._function(*args, **options)
