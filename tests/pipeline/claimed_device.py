"""A GPU that is only claimed: tensors compute on the CPU and say that they lie on "cuda:0".

Nothing is simulated but the rule that matters: an operation takes tensors of one device. What
stays on the wrong one raises, as on a GPU. The claim belongs to the storage, so that views,
`param.data = ...` and whatever torch does in C++ carry it along.

Where it is laxer than CUDA: 0-dim tensors of the CPU pass in every pointwise operation, and
kernels that CUDA lacks exist. Where it is stricter: inside a Python function of torch that is
given tensors (torch.nn.functional), a new tensor is one of the CPU.
"""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch.multiprocessing.reductions import StorageWeakRef
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map_only

CPU = torch.device("cpu")
CUDA = torch.device("cuda", 0)
BETWEEN_DEVICES = frozenset(
    {torch.ops.aten.copy_.default, torch.ops.aten._has_compatible_shallow_copy_type.default}
)
"""What moving a model needs: operations whose two tensors may lie apart."""

GETTERS: Mapping[object, Callable[[torch.device], object]] = {
    torch.Tensor.device.__get__: lambda device: device,
    torch.Tensor.is_cuda.__get__: lambda device: device == CUDA,
    torch.Tensor.is_cpu.__get__: lambda device: device == CPU,
    torch.Tensor.get_device: lambda device: device.index if device == CUDA else -1,
}
"""What a tensor says of its device."""


class Claims:
    """Which storages claim to lie on the GPU. A weak reference keeps an address from reuse."""

    def __init__(self) -> None:
        self._claimed: dict[int, StorageWeakRef] = {}

    def device_of(self, tensor: torch.Tensor) -> torch.device:
        if tensor.device != CPU:
            return tensor.device
        return CUDA if tensor.untyped_storage()._cdata in self._claimed else CPU

    def claim(self, tensor: torch.Tensor) -> None:
        reference = StorageWeakRef(tensor.untyped_storage())
        self._claimed[reference.cdata] = reference

    def move(self, tensor: torch.Tensor, device: torch.device) -> torch.Tensor:
        """The tensor itself where it lies there already, else a copy."""
        if self.device_of(tensor) == device:
            return tensor
        copy = tensor.clone()
        if device == CUDA:
            self.claim(copy)
        else:
            self._claimed.pop(copy.untyped_storage()._cdata, None)
        return copy


class _OneDevice(TorchDispatchMode):
    """Every operation: refuses mixed devices, and lets the results lie where the inputs do."""

    def __init__(self, claims: Claims) -> None:
        super().__init__()
        self._claims = claims

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> object:
        apart = func in BETWEEN_DEVICES
        device = None if apart else self._required_device(func, (args, kwargs))
        result = func(*args, **(kwargs or {}))
        if device == CUDA:
            for tensor in _tensors(result):
                self._claims.claim(tensor)
        return result

    def _required_device(self, func: Any, inputs: object) -> torch.device:
        may_mix = torch.Tag.pointwise in func.tags or func is torch.ops.aten.fill_.Tensor
        devices = {
            device
            for tensor in _tensors(inputs)
            if (device := self._claims.device_of(tensor)) != CPU or tensor.dim() or not may_mix
        }
        if len(devices) > 1:
            raise RuntimeError(
                f"{func}: Expected all tensors to be on the same device, but found"
                f" {' and '.join(sorted(map(str, devices)))}"
            )
        return devices.pop() if devices else CPU


class _Translation(TorchFunctionMode):
    """Every call that names or asks for a device."""

    def __init__(self, claims: Claims) -> None:
        super().__init__()
        self._claims = claims

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> object:
        kwargs = dict(kwargs or {})
        if func in GETTERS:
            return GETTERS[func](self._claims.device_of(args[0]))
        if func in (torch.Tensor.numpy, torch.Tensor.__array__):
            self._require_host(args[0])
        if func is torch.Tensor.cpu:
            return self._claims.move(args[0], CPU)
        if func is torch.Tensor.cuda:
            return self._claims.move(args[0], CUDA)
        if func is torch.Tensor.to:
            return self._to(*args, **kwargs)
        if kwargs.get("device") is not None:
            return self._made_on(_full(kwargs.pop("device")), func, args, kwargs)
        return func(*args, **kwargs)

    def _require_host(self, tensor: torch.Tensor) -> None:
        if self._claims.device_of(tensor) != CPU:
            raise TypeError("can't convert cuda:0 device type tensor to numpy")

    def _to(self, tensor: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:
        copy = kwargs.pop("copy", False)
        device, dtype, non_blocking, memory_format = torch._C._nn._parse_to(*args, **kwargs)
        others = [other for other in (*args, *kwargs.values()) if isinstance(other, torch.Tensor)]
        if others:
            device = self._claims.device_of(others[0])
        converted = tensor.to(
            dtype=dtype or tensor.dtype,
            non_blocking=non_blocking,
            memory_format=memory_format or torch.preserve_format,
            copy=copy,
        )
        return self._claims.move(converted, _full(device)) if device is not None else converted

    def _made_on(
        self, device: torch.device, func: Any, args: Any, kwargs: dict[str, Any]
    ) -> object:
        """A tensor that a factory makes. It draws from a generator of the same device only."""
        generator = kwargs.get("generator")
        if generator is not None and generator.device.type != device.type:
            raise RuntimeError(
                f"Expected a {device.type!r} device type for generator but found"
                f" {generator.device.type!r}"
            )
        return tree_map_only(
            torch.Tensor, lambda made: self._claims.move(made, device), func(*args, **kwargs)
        )


@contextlib.contextmanager
def claimed_gpu() -> Iterator[None]:
    """Inside, "cuda" is a device that tensors can claim to lie on; models made before move too."""
    claims = Claims()
    with _OneDevice(claims), _Translation(claims):
        yield


def _full(device: torch.device | str | int) -> torch.device:
    """The device that torch would name: "cuda" is the first GPU."""
    named = torch.device(device)
    return CUDA if named.type == "cuda" else named


def _tensors(tree: object) -> list[torch.Tensor]:
    return [leaf for leaf in tree_leaves(tree) if isinstance(leaf, torch.Tensor)]
