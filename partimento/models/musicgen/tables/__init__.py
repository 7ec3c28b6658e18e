"""Keys and shapes of the released MusicGen and EnCodec checkpoints, from data files written apart from the loader."""

from functools import cache
from importlib.resources import files
from typing import Any, Literal

import yaml

from partimento.errors import RequestError

Shape = tuple[int, ...]
LayoutName = Literal["audiocraft", "huggingface"]


@cache
def _data(name: str) -> dict[str, Any]:
    data: dict[str, Any] = yaml.safe_load(files(__package__).joinpath(name).read_text(encoding="utf-8"))
    return data


def released_ids() -> tuple[str, ...]:
    """Names of the released MusicGen checkpoints, without their owner (`musicgen-small`)."""
    return tuple(_data("released.yaml")["ids"])


def released_codecs() -> tuple[str, ...]:
    """Names of the released EnCodec models (`encodec_32khz`)."""
    return tuple(_data("codecs.yaml")["codecs"])


def facts(name: str) -> dict[str, Any]:
    """The row of one released id or codec: layers, width and so on.

    Raises:
        RequestError: there is no such name.
    """
    rows: dict[str, dict[str, Any]] = _data("released.yaml")["ids"] | _data("codecs.yaml")["codecs"]
    if name not in rows:
        raise RequestError(f"no released checkpoint is called {name!r}; there are: {', '.join(rows)}")
    return dict(rows[name])


def language_model(name: str, layout: LayoutName) -> dict[str, Shape]:
    """Key → shape of a released language model, its text projection included, T5 and codec left out."""
    row, constants = facts(name), _data("released.yaml")["constants"]
    size = {**constants, "d": row["d"], "f": row["f"], "3d": 3 * row["d"]}
    found: dict[str, Shape] = {}
    for group in _data("released.yaml")[layout]:
        if group.get("when", row["text"]) != row["text"]:
            continue
        for pattern, shape in group["keys"].items():
            counts = row["layers"] if "{i}" in pattern else row["codebooks"] if "{k}" in pattern else 1
            for n in range(counts):
                found[pattern.format(i=n, k=n)] = tuple(size[side] for side in shape)
    return found


def codec(name: str, layout: LayoutName) -> dict[str, Shape]:
    """Key → shape of a released EnCodec model."""
    row, data = facts(name), _data("codecs.yaml")
    spelling = data["spelling"][layout]
    found: dict[str, Shape] = {}
    for side, layers in data["layers"][name].items():
        for n, layer in layers.items():
            ((kind, size),) = layer.items()
            if kind == "lstm":
                found |= _lstm(spelling["lstm"].format(side=side, n=n), size[0])
                continue
            for key, norm, shape, channels in _convolutions(kind, size):
                place = {"side": side, "n": n, "b": key[-1]}
                name_of = key.rstrip("13")
                found |= _conv(spelling[name_of].format(**place), shape, channels, row["norm"])
                if row["norm"] == "group":
                    where = spelling[norm].format(**place)
                    found |= {f"{where}.weight": (channels,), f"{where}.bias": (channels,)}
    for q in range(row["codebooks"]):
        where = spelling["codebook"].format(q=q)
        table = (row["bins"], row["width"])
        found |= {f"{where}.inited": (1,), f"{where}.cluster_size": table[:1]}
        found |= {f"{where}.embed": table, f"{where}.embed_avg": table}
    return found


def _convolutions(kind: str, size: list[Any]) -> list[tuple[str, str, Shape, int]]:
    """Spelling of the convolution, of its norm, weight shape and output channels, of each convolution in a layer."""
    if kind == "conv":
        return [("conv", "conv_norm", tuple(size), size[0])]
    if kind == "convtr":
        return [("convtr", "convtr_norm", tuple(size), size[1])]
    wide, half = size[0], size[0] // 2
    blocks = [("block1", "block_norm", (half, wide, 3), half), ("block3", "block_norm", (wide, half, 1), wide)]
    return blocks + ([("shortcut", "shortcut_norm", (wide, wide, 1), wide)] if size[1] else [])


def _conv(where: str, shape: Shape, channels: int, norm: str) -> dict[str, Shape]:
    if norm == "group":
        return {f"{where}.weight": shape, f"{where}.bias": (channels,)}
    return {f"{where}.weight_g": (shape[0], 1, 1), f"{where}.weight_v": shape, f"{where}.bias": (channels,)}


def _lstm(where: str, width: int) -> dict[str, Shape]:
    found: dict[str, Shape] = {}
    for layer in range(2):
        for kind in ("ih", "hh"):
            found |= {f"{where}.weight_{kind}_l{layer}": (4 * width, width), f"{where}.bias_{kind}_l{layer}": (4 * width,)}
    return found
