"""Tensors of a checkpoint that are read when they are asked for, and layers that are read when they are used.

A model that is converted at load (to 8-bit weights, say) so never stands in memory as it is stored: each layer is read,
converted and dropped.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, cast

from torch import Tensor, nn


class StoredTensors(Mapping[str, Tensor]):
    """Published name to tensor. Those in safetensors files are mapped anew each time: what was read and dropped takes no
    memory.

    Args:
        places: name to the file and the name in it, or to the tensor itself.
    """

    def __init__(self, places: Mapping[str, tuple[Path, str] | Tensor]) -> None:
        self._places = dict(places)

    def __getitem__(self, name: str) -> Tensor:
        place = self._places[name]
        if isinstance(place, Tensor):
            return place
        from safetensors import safe_open

        with safe_open(str(place[0]), "pt") as file:  # type: ignore[no-untyped-call]
            return cast(Tensor, file.get_tensor(place[1]))

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)

    @property
    def in_files(self) -> bool:
        """Whether all of them can be read again from files, so that none needs to stay in memory."""
        return not any(isinstance(place, Tensor) for place in self._places.values())

    def only(self, wanted: Callable[[str], bool]) -> StoredTensors:
        """Those with names of which ``wanted`` is true."""
        return StoredTensors({name: place for name, place in self._places.items() if wanted(name)})

    def below(self, prefix: str) -> StoredTensors:
        """Those whose names start so, without it."""
        return StoredTensors({n.removeprefix(prefix): place for n, place in self._places.items() if n.startswith(prefix)})


class LazyLayers(nn.ModuleList):
    """Layers that are read from their files when they are used, and kept only by whom they were given to.

    ``parameters()`` shows shapes only, until ``to()``, ``state_dict()`` or :meth:`kept` has read them all for good.

    Args:
        layers: on the meta device.
        read: state of the i-th.
    """

    def __init__(self, layers: nn.ModuleList, read: Callable[[int], dict[str, Tensor]]) -> None:
        super().__init__(layers)
        self._read = read

    def __getitem__(self, index: Any) -> Any:
        layer = super().__getitem__(index)
        return layer if not isinstance(index, int) or not _empty(layer) else self._filled(copy.deepcopy(layer), index)

    def __iter__(self) -> Iterator[nn.Module]:
        return (self[i] for i in range(len(self)))

    def kept(self) -> nn.ModuleList:
        """All layers, read, as an ordinary list."""
        for index, layer in enumerate(self._modules.values()):
            if layer is not None and _empty(layer):
                self._filled(layer, index)
        return nn.ModuleList(cast("list[nn.Module]", list(self._modules.values())))

    def state_dict(self, *args: Any, **options: Any) -> Any:
        """As of every module, after :meth:`kept`."""
        self.kept()
        return super().state_dict(*args, **options)

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> LazyLayers:
        """As of every module: layers are read and changed (to another type, say) one after the other."""
        for index, layer in enumerate(self._modules.values()):
            if layer is not None:
                (self._filled(layer, index) if _empty(layer) else layer)._apply(fn)  # type: ignore[no-untyped-call]
        return self

    def _filled(self, layer: nn.Module, index: int) -> nn.Module:
        layer.load_state_dict(self._read(index), assign=True)
        return layer.requires_grad_(False)


def _empty(layer: nn.Module) -> bool:
    """Whether a layer is still to be read."""
    return any(parameter.is_meta for parameter in layer.parameters())
