"""Published networks behind the interfaces of :mod:`partimento.metrics.interfaces`; each needs its own weights.

A model is named ``NAME`` (downloaded when the network allows) or ``NAME:PATH`` (a local file or folder):

========== ============ ===================== =====================================================
name       gives        needs                 weights
========== ============ ===================== =====================================================
log-mel    embeddings   nothing               none
mini-embed text + sound torch                 built in once released, or a checkpoint of ``partimento train``
vggish     embeddings   torch                 ``vggish-10086976.pth`` (the torch conversion of Google's)
encodec    embeddings   torch                 EnCodec in the layout of transformers
mert       embeddings   transformers          MERT-v1 in the layout of transformers
clap       text + sound transformers          CLAP in the layout of transformers
panns      classes      torch                 ``Cnn14_mAP=0.431.pth``
passt      classes      hear21passt           fetched by that package
trill      embeddings   tensorflow_hub        TRILL as a SavedModel
========== ============ ===================== =====================================================
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from partimento.errors import MissingDependencyError, RequestError
from partimento.metrics.interfaces import Classifier, Embedder, TextEmbedder

SIGNAL = "log-mel"
EMBEDDERS = (SIGNAL, "mini-embed", "vggish", "encodec", "mert", "clap", "trill")
CLASSIFIERS = ("panns", "passt")
TEXT_EMBEDDERS = ("clap", "mini-embed")


@lru_cache(maxsize=4)
def embedder(spec: str) -> Embedder:
    """An embedder by ``NAME`` or ``NAME:PATH``; loaded once per process.

    Raises:
        RequestError: the name is unknown. MissingDependencyError, FileError: it cannot be loaded; the line says why.
    """
    found: Embedder = _made(spec, EMBEDDERS, "embedder")
    return found


@lru_cache(maxsize=2)
def classifier(spec: str) -> Classifier:
    """A classifier by ``NAME`` or ``NAME:PATH``; see :func:`embedder`."""
    found: Classifier = _made(spec, CLASSIFIERS, "classifier")
    return found


@lru_cache(maxsize=2)
def text_embedder(spec: str) -> TextEmbedder:
    """An embedder of words and sound by ``NAME`` or ``NAME:PATH``; see :func:`embedder`."""
    found: TextEmbedder = _made(spec, TEXT_EMBEDDERS, "text embedder")
    return found


def _made(spec: str, known: tuple[str, ...], what: str) -> Any:
    """The model of a spec."""
    name, _, path = spec.partition(":")
    if name not in known:
        raise RequestError(f"unknown {what} '{name}'; known: {', '.join(known)} (as NAME or NAME:PATH)")
    if name == SIGNAL:
        from partimento.metrics.log_mel_statistics import LogMelStatistics

        return LogMelStatistics()
    try:
        return _LOADERS[name](path or None)
    except ImportError as error:
        raise MissingDependencyError(f"{name} needs the package {error.name}: {_INSTALL[name]}") from error


def _vggish(path: str | None) -> Embedder:
    from partimento.evaluate.embedders.vggish import load_vggish

    return load_vggish(path)


def _panns(path: str | None) -> Classifier:
    from partimento.evaluate.embedders.panns import load_panns

    return load_panns(path)


def _encodec(path: str | None) -> Embedder:
    from partimento.evaluate.embedders.encodec import load_encodec

    return load_encodec(path)


def _mini_embed(path: str | None) -> TextEmbedder:
    from partimento.embed.loading import MINI_EMBED, load_joint

    return load_joint(path or MINI_EMBED)


def _clap(path: str | None) -> TextEmbedder:
    from partimento.evaluate.embedders.clap import load_clap

    return load_clap(path)


def _mert(path: str | None) -> Embedder:
    from partimento.evaluate.embedders.mert import load_mert

    return load_mert(path)


def _passt(path: str | None) -> Classifier:
    from partimento.evaluate.embedders.foreign import load_passt

    return load_passt(path)


def _trill(path: str | None) -> Embedder:
    from partimento.evaluate.embedders.foreign import load_trill

    return load_trill(path)


_LOADERS: dict[str, Callable[[str | None], Any]] = {
    "vggish": _vggish, "panns": _panns, "encodec": _encodec, "clap": _clap, "mert": _mert, "passt": _passt, "trill": _trill,
    "mini-embed": _mini_embed,
}  # fmt: skip
_NEURAL = "pip install 'partimento[neural]'"
_INSTALL = dict.fromkeys(("vggish", "panns", "encodec", "clap", "mert", "mini-embed"), _NEURAL) | {
    "passt": "pip install hear21passt",
    "trill": "pip install tensorflow tensorflow_hub",
}
