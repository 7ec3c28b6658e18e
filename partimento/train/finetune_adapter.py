"""Low-rank adapters (Hu et al., "LoRA", 2021; by ``peft``) on a language model: made, stored, put back, merged.

An adapter's folder has peft's files (``adapter_model.safetensors``, ``adapter_config.json``; names are those of
:class:`partimento.lm.transformer.MusicGenLm`, whatever layout the base is stored in) and ``partimento.json``, which says whose
adapter it is and how it was made.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import torch
from torch import Tensor, nn

from partimento.errors import FileError, MissingDependencyError, ParseError, RequestError
from partimento.lm.transformer import MusicGenLm
from partimento.paths import make_folder, write_bytes, write_text

if TYPE_CHECKING:
    from peft import PeftModel

TARGETS = ("in_proj", "kv_proj", "linear1", "linear2", "out_proj", "q_proj")
"""Every matrix of attention, to itself and to the text, and of the feed-forward layers."""
RANK_RANGE = (1, 256)
WEIGHTS_FILE, CONFIG_FILE, CARD_FILE = "adapter_model.safetensors", "adapter_config.json", "partimento.json"
_MARK = ".lora_"
_NAME = ".default"  # what peft calls an adapter without a name; not in its files


@dataclass(frozen=True, slots=True)
class AdapterCard:
    """Whose adapter it is and how it was made.

    Attributes:
        base: the model as it was asked for.
        base_sha256: :func:`lm_hash` of its language model.
        steps: of training.
        songs, held_out: items learned from, and those only listened to.
        loss_before, loss_after: held-out nats per code without and with the adapter; None where nothing was held out.
        kept_step: whose averaged weights these are: the step with the lowest held-out loss; None where nothing was held out.
        better_than_base: whether that loss is below the base's. False marks an adapter that does harm: the best that was trained,
            written for whoever wants to look at it. None where nothing was held out.
    """

    base: str
    base_sha256: str
    steps: int
    songs: tuple[str, ...]
    held_out: tuple[str, ...] = ()
    loss_before: float | None = None
    loss_after: float | None = None
    kept_step: int | None = None
    better_than_base: bool | None = None


def need_peft() -> None:
    """Raise MissingDependencyError when ``peft`` is not installed."""
    if importlib.util.find_spec("peft") is None:
        raise MissingDependencyError("adapters need peft, which is not installed: pip install 'partimento[neural,train]'")


def lm_hash(lm: MusicGenLm) -> str:
    """SHA-256 of a language model's weights and delays; the same in every layout that holds them exactly."""
    total = hashlib.sha256(repr(lm.config.delays).encode())
    for name, tensor in sorted(lm.state_dict().items()):
        total.update(f"{name} {tuple(tensor.shape)}".encode())
        total.update(memoryview(tensor.detach().float().contiguous().numpy()).cast("B"))
    return total.hexdigest()


def adapted(lm: MusicGenLm, rank: int, alpha: float, seed: int) -> PeftModel:
    """The model with new adapters in it, which change nothing yet; ``lm`` itself gets them.

    Args:
        lm: frozen.
        rank: of each adapter, :data:`RANK_RANGE`.
        alpha: adapters count ``alpha / rank`` times.
        seed: of their first values.

    Raises:
        RequestError: the rank is out of range. MissingDependencyError: no peft.
    """
    low, high = RANK_RANGE
    if not low <= rank <= high:
        raise RequestError(f"a rank of {rank} is outside {low} to {high}")
    need_peft()
    from peft import LoraConfig, get_peft_model

    torch.manual_seed(seed)
    return get_peft_model(lm, LoraConfig(r=rank, lora_alpha=alpha, target_modules=list(TARGETS)))  # type: ignore[arg-type,return-value]


class AdapterSet(nn.Module):
    """The adapters alone, under the names that peft's files have: what is trained, averaged and saved.

    Its parameters are those in the model, not copies.

    Args:
        model: from :func:`adapted`.
    """

    def __init__(self, model: PeftModel) -> None:
        super().__init__()
        for name, parameter in model.named_parameters():
            if _MARK not in name:
                continue
            *path, last = name.replace(_NAME, "").split(".")
            place: nn.Module = self
            for part in path:
                if part not in place._modules:
                    place.add_module(part, nn.Module())
                place = place.get_submodule(part)
            place.register_parameter(last, parameter)


def write_adapter(folder: Path, model: PeftModel, weights: dict[str, Tensor], card: AdapterCard) -> None:
    """Write peft's two files and the card.

    Args:
        folder: made if needed; what is there is replaced.
        model: for its configuration.
        weights: as :class:`AdapterSet` names them.
        card: see there.
    """
    from safetensors.torch import save

    make_folder(folder)
    config = model.peft_config["default"].to_dict()
    config |= {"base_model_name_or_path": card.base, "inference_mode": True, "target_modules": list(TARGETS)}
    data = save({name: tensor.cpu().contiguous() for name, tensor in weights.items()}, {"format": "pt"})
    write_bytes(folder / WEIGHTS_FILE, data)
    write_text(folder / CONFIG_FILE, json.dumps(config, indent=2, sort_keys=True, default=str) + "\n")
    write_text(folder / CARD_FILE, json.dumps(asdict(card), indent=2) + "\n")


def find_adapter(folder: Path) -> Path:
    """The adapter's folder: this one, or ``adapter`` in a run's.

    Raises:
        FileError: there is none.
    """
    for place in (folder, folder / "adapter"):
        if (place / CONFIG_FILE).exists() and (place / CARD_FILE).exists():
            return place
    raise FileError(f"{folder} holds no adapter of 'partimento train finetune' ({CONFIG_FILE}, {CARD_FILE})")


def read_card(folder: Path) -> AdapterCard:
    """Whose adapter it is. Raises FileError or ParseError."""
    path = folder / CARD_FILE
    try:
        return msgspec.json.decode(path.read_bytes(), type=AdapterCard)
    except OSError as error:
        raise FileError(f"cannot read {path}: {error.strerror or error}") from error
    except msgspec.DecodeError as error:
        raise ParseError(f"{path} is damaged: {error}") from error


def load_adapter(lm: MusicGenLm, folder: Path) -> PeftModel:
    """Put a stored adapter into the model that it was made for.

    Raises:
        RequestError: it was made for another model.
        FileError: a file is missing or damaged.
        MissingDependencyError: no peft.
    """
    need_peft()
    from peft import LoraConfig, get_peft_model
    from peft.utils import set_peft_model_state_dict  # type: ignore[attr-defined]
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    card = read_card(folder)
    found = lm_hash(lm)
    if found != card.base_sha256:
        raise RequestError(
            f"the adapter in {folder} was made for {card.base} ({card.base_sha256[:12]}), this model is another ({found[:12]}); "
            "give --model the one it was made for"
        )
    try:
        weights = load_file(str(folder / WEIGHTS_FILE))
        config = LoraConfig.from_pretrained(str(folder))
        config.base_model_name_or_path = None  # of the hash we are sure; peft would warn that our modules carry no name
        model = get_peft_model(lm, config)  # type: ignore[arg-type]
        missing = set(AdapterSet(model).state_dict()) ^ set(weights)  # type: ignore[arg-type]
        if missing:
            raise FileError(f"{folder / WEIGHTS_FILE} has not the adapters of {CONFIG_FILE}: {min(missing)}")
        set_peft_model_state_dict(model, weights)
    except FileError:
        raise
    except (OSError, SafetensorError, RuntimeError, TypeError, ValueError) as error:
        raise FileError(f"{folder} holds a damaged adapter: {str(error).splitlines()[0]}") from error
    return model  # type: ignore[no-any-return]


def merged(model: PeftModel) -> MusicGenLm:
    """The language model with its adapters added to its matrices; the adapters are gone."""
    lm = model.merge_and_unload()  # type: ignore[operator]
    assert isinstance(lm, MusicGenLm)
    return lm.eval().requires_grad_(False)
