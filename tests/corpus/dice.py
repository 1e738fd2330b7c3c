# SPDX-License-Identifier: Apache-2.0
"""Chance from a seed. Only random() is used of the library's generator: it alone is promised to give the
same numbers in every version of Python."""
import random
from typing import List, Sequence, TypeVar

T = TypeVar("T")


class Dice:
    def __init__(self, seed: str):
        self._random = random.Random(seed)

    def below(self, n: int) -> int:
        return int(self._random.random() * n)

    def between(self, low: int, high: int) -> int:
        return low + self.below(high - low + 1)

    def chance(self, probability: float) -> bool:
        return self._random.random() < probability

    def pick(self, items: Sequence[T]) -> T:
        return items[self.below(len(items))]

    def shuffled(self, items: Sequence[T]) -> List[T]:
        out = list(items)
        for i in range(len(out) - 1, 0, -1):
            j = self.below(i + 1)
            out[i], out[j] = out[j], out[i]
        return out

    def some(self, items: Sequence[T], n: int) -> List[T]:
        return self.shuffled(items)[:n]

    def chars(self, alphabet: str, n: int) -> str:
        return "".join(self.pick(alphabet) for _ in range(n))
