"""Windows that slide over the last dimensions: what convolutions, pooling and ``unfold`` look through."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

Sizes = tuple[int, ...]
Pairs = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Windows:
    """The windows of ``kernel``, one every ``stride`` elements of a padded array.

    ``padding`` gives for each dimension the elements before and after; ``dilation`` the step within a window.
    """

    kernel: Sizes
    stride: Sizes
    padding: Pairs
    dilation: Sizes

    def padded(self, size: Sizes) -> Sizes:
        """``size`` with its padding."""
        return tuple(n + before + after for n, (before, after) in zip(size, self.padding))

    def count(self, size: Sizes) -> Sizes:
        """How many windows lie along each dimension of an array of ``size``."""
        return tuple(
            (n - d * (k - 1) - 1) // s + 1
            for n, k, s, d in zip(self.padded(size), self.kernel, self.stride, self.dilation)
        )

    def pad(self, array: Any, value: Any = 0) -> Any:
        """``array`` with its padding, a copy; itself where there is none."""
        ndim = len(self.kernel)
        if not any(itertools.chain(*self.padding)):
            return array
        result = np.full((*array.shape[:-ndim], *self.padded(array.shape[-ndim:])), value, array.dtype)
        result[self._inside(array.shape[-ndim:])] = array
        return result

    def view(self, array: Any, value: Any = 0, count: Sizes | None = None) -> Any:
        """The windows over ``array``, padded with ``value``; the first ``count`` of them, if that is given.

        Shapes: ``(..., *size)`` to ``(..., *kernel, *count)``, a view of the padded array.
        """
        ndim = len(self.kernel)
        lead, padded = array.shape[:-ndim], self.pad(array, value)
        count = self.count(array.shape[-ndim:]) if count is None else count
        steps = padded.strides[-ndim:]
        within = tuple(s * d for s, d in zip(steps, self.dilation))
        between = tuple(s * n for s, n in zip(steps, self.stride))
        return np.lib.stride_tricks.as_strided(
            padded, (*lead, *self.kernel, *count), (*padded.strides[:-ndim], *within, *between)
        )

    def scatter(self, windows: Any, size: Sizes) -> Any:
        """The transpose of ``view``: an array of ``size``, each element the sum over the windows that see it.

        Shapes: ``(..., *kernel, *count)`` to ``(..., *size)``.
        """
        ndim = len(self.kernel)
        lead, count = windows.shape[: -2 * ndim], windows.shape[-ndim:]
        result = np.zeros((*lead, *self.padded(size)), windows.dtype)
        for place, at in self.places(count):
            seen: Any = (..., *place, *(slice(None),) * ndim)
            result[at] += windows[seen]
        return np.ascontiguousarray(result[self._inside(size)])

    def places(self, count: Sizes) -> Iterator[tuple[Sizes, Any]]:
        """Each place in a window, and the elements of the padded array that ``count`` windows have there."""
        for place in np.ndindex(*self.kernel):
            steps = zip(place, self.dilation, self.stride, count)
            yield place, (..., *(slice(k * d, k * d + s * (n - 1) + 1, s) for k, d, s, n in steps))

    def _inside(self, size: Sizes) -> tuple[Any, ...]:
        """The elements of a padded array that are no padding."""
        return (..., *(slice(before, before + n) for n, (before, _) in zip(size, self.padding)))
