"""Tensors that were computed before, found by what they were computed from."""

from collections import OrderedDict
from collections.abc import Callable, Hashable

import torch

Tensors = tuple[torch.Tensor, ...]


class TensorCache:
    """Keeps the tensors used last, up to `max_bytes` in all; not to be shared between threads.

    They stay on the device they were made on: some hundred kilobytes each for SDXL.
    """

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self.size_bytes = 0
        self._entries: OrderedDict[Hashable, Tensors] = OrderedDict()

    def get_or_make(self, key: Hashable, make: Callable[[], Tensors]) -> Tensors:
        """The tensors of this key; made now when they are not (or no longer) there.

        What is larger than the whole cache is made each time. What `make` raises comes out.
        """
        if key in self._entries:
            self._entries.move_to_end(key)
            return self._entries[key]
        tensors = make()
        size = _size_bytes(tensors)
        if size <= self.max_bytes:
            self._entries[key] = tensors
            self.size_bytes += size
            while self.size_bytes > self.max_bytes:
                _key, oldest = self._entries.popitem(last=False)
                self.size_bytes -= _size_bytes(oldest)
        return tensors


def _size_bytes(tensors: Tensors) -> int:
    return sum(tensor.nelement() * tensor.element_size() for tensor in tensors)
