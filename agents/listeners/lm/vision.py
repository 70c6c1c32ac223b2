"""The images of tangrams for a vision-language model: each distinct one is encoded once."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from inspect import signature
from typing import Any, NamedTuple

import torch
from peft import PeftModel
from torch import Tensor

from multiref_gym.agents.listeners.lm.pictures import PictureForm
from multiref_gym.tangrams import Atlas, TangramSet

IMAGE_SIZE = 224
"""Side of a silhouette in pixels, before the model's own processor scales it."""

PREPARED = 1024
"""The most tangrams whose prepared pixels are kept."""


class TangramFeatures(NamedTuple):
    """The features of a tangram's image.

    Attributes:
        features: In place of the image's tokens, (tokens, width).
        deeper: The same for later layers of the text model, in models that have them.
        named: Further inputs of the text model about the image, by the name of the argument.
    """

    features: Tensor
    deeper: tuple[Tensor, ...]
    named: dict[str, Tensor]


class Vision:
    """Encodes images of tangrams.

    Args:
        model: The vision-language model.
        form: Prepares the images.
        tangrams: The set that they come from.
    """

    def __init__(self, model: Any, form: PictureForm, tangrams: TangramSet) -> None:
        self._model, self._form = model, form
        self._atlas = Atlas(tangrams, IMAGE_SIZE)
        self._remembered: dict[str, TangramFeatures] = {}
        self._pixels = lru_cache(maxsize=PREPARED)(self._prepared)
        inner: Any = model.get_base_model() if isinstance(model, PeftModel) else model
        words = {id(weights) for weights in inner.get_decoder().parameters()}
        # A text-only adapter does not change the features.
        self._learns = any(weights.requires_grad and id(weights) not in words for weights in inner.parameters())
        self._accepted = signature(inner.forward).parameters.keys()
        self._seen = signature(inner.get_image_features).parameters.keys()

    def forget(self) -> None:
        """Forgets the features if the model's weights, and so the features, may change."""
        if self._learns:
            self._remembered.clear()

    def show(self, boards: Sequence[Sequence[str]]) -> dict[str, Any]:
        """Returns the arguments that show the model the tangrams of some boards, one after another.

        If a trained connector needs gradients, no features are remembered.
        """
        learns = torch.is_grad_enabled() and self._learns
        remembered = {} if learns else self._remembered
        names = [name for board in boards for name in board]
        if new := [name for name in dict.fromkeys(names) if name not in remembered]:
            # Features from play may be used in learning later, which inference tensors do not allow.
            # Remembered ones are encoded one by one, because the last bits depend on the batch.
            with torch.inference_mode(False), torch.set_grad_enabled(learns):
                for together in [new] if learns else [[name] for name in new]:
                    remembered.update(zip(together, self._look(together), strict=True))
        shown = [remembered[name] for name in names]
        features: Any = [one.features for one in shown]
        seen = self._kind(pooler_output=torch.stack(features) if self._in_one else features)
        if shown[0].deeper:
            seen.deepstack_features = [list(layer) for layer in zip(*(one.deeper for one in shown), strict=True)]
        named = {name: torch.cat([one.named[name] for one in shown]) for name in shown[0].named}
        return {"mm_encoder_outputs": {"image": seen}, **named}

    def _look(self, names: Sequence[str]) -> list[TangramFeatures]:
        images = [self._pixels(name) for name in names]
        device = self._model.device
        batch = {name: torch.cat([image[name] for image in images]).to(device) for name in images[0]}
        output = self._model.get_image_features(**{name: batch[name] for name in self._seen & batch.keys()})
        self._kind, self._in_one = type(output), isinstance(output.pooler_output, Tensor)
        deeper = [_each(layer, len(names)) for layer in getattr(output, "deepstack_features", None) or ()]
        arguments = [name for name in images[0] if name in self._accepted and not name.startswith("pixel")]
        return [
            TangramFeatures(
                features, tuple(layer[i] for layer in deeper), {name: images[i][name].to(device) for name in arguments}
            )
            for i, features in enumerate(_each(output.pooler_output, len(names)))
        ]

    def _prepared(self, name: str) -> dict[str, Tensor]:
        return self._form.image(self._atlas.silhouettes([name])[0])


def _each(features: Any, images: int) -> Tensor:
    """Returns the features of each image, (images, tokens, width); all images are of one size and have as many."""
    together = features if isinstance(features, Tensor) else torch.cat(tuple(features))
    return together.reshape(images, -1, together.shape[-1])
