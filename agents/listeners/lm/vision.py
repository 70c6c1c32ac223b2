"""The images of tangrams as a vision-language model sees them: each distinct one is looked at once."""

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
"""Side of a silhouette in pixels before the model's own processor scales it."""

PREPARED = 1024
"""Tangrams whose pixels are kept as the processor has prepared them."""


class Sight(NamedTuple):
    """What the vision has made of a tangram.

    Attributes:
        features: In place of the image's tokens, (tokens, width).
        deeper: The same for later layers of the text model, in models that have such.
        named: What the text model is to be told of the image, by the name of the argument.
    """

    features: Tensor
    deeper: tuple[Tensor, ...]
    named: dict[str, Tensor]


class Vision:
    """Looks at tangrams.

    Args:
        model: The vision-language model.
        form: Prepares the images.
        tangrams: Where they come from.
    """

    def __init__(self, model: Any, form: PictureForm, tangrams: TangramSet) -> None:
        self._model, self._form = model, form
        self._atlas = Atlas(tangrams, IMAGE_SIZE)
        self._remembered: dict[str, Sight] = {}
        self._pixels = lru_cache(maxsize=PREPARED)(self._prepared)
        inner: Any = model.get_base_model() if isinstance(model, PeftModel) else model
        words = {id(weights) for weights in inner.get_decoder().parameters()}
        # An adapter of the text alone leaves what is seen as it is.
        self._learns = any(weights.requires_grad and id(weights) not in words for weights in inner.parameters())
        self._told = signature(inner.forward).parameters.keys()
        self._seen = signature(inner.get_image_features).parameters.keys()

    def forget(self) -> None:
        """Forgets what was seen if a model with other weights would see it otherwise."""
        if self._learns:
            self._remembered.clear()

    def show(self, boards: Sequence[Sequence[str]]) -> dict[str, Any]:
        """Returns the arguments that show the model the tangrams of some boards, one after another.

        While gradients are wanted nothing is remembered of a connector that learns.
        """
        learns = torch.is_grad_enabled() and self._learns
        known = {} if learns else self._remembered
        names = [name for board in boards for name in board]
        if new := [name for name in dict.fromkeys(names) if name not in known]:
            # What was seen in play may be learned from later, and of inference tensors nothing can be.
            # One by one where it is remembered, as the last bits depend on who else is looked at.
            with torch.inference_mode(False), torch.set_grad_enabled(learns):
                for together in [new] if learns else [[name] for name in new]:
                    known.update(zip(together, self._look(together), strict=True))
        sights = [known[name] for name in names]
        features: Any = [sight.features for sight in sights]
        seen = self._kind(pooler_output=torch.stack(features) if self._in_one else features)
        if sights[0].deeper:
            seen.deepstack_features = [list(layer) for layer in zip(*(sight.deeper for sight in sights), strict=True)]
        named = {name: torch.cat([sight.named[name] for sight in sights]) for name in sights[0].named}
        return {"mm_encoder_outputs": {"image": seen}, **named}

    def _look(self, names: Sequence[str]) -> list[Sight]:
        images = [self._pixels(name) for name in names]
        device = self._model.device
        batch = {name: torch.cat([image[name] for image in images]).to(device) for name in images[0]}
        output = self._model.get_image_features(**{name: batch[name] for name in self._seen & batch.keys()})
        self._kind, self._in_one = type(output), isinstance(output.pooler_output, Tensor)
        deeper = [_each(layer, len(names)) for layer in getattr(output, "deepstack_features", None) or ()]
        told = [name for name in images[0] if name in self._told and not name.startswith("pixel")]
        return [
            Sight(features, tuple(layer[i] for layer in deeper), {name: images[i][name].to(device) for name in told})
            for i, features in enumerate(_each(output.pooler_output, len(names)))
        ]

    def _prepared(self, name: str) -> dict[str, Tensor]:
        return self._form.image(self._atlas.silhouettes([name])[0])


def _each(features: Any, images: int) -> Tensor:
    """Returns the features of each image, (images, tokens, width); all have equally many, as all are of one size."""
    together = features if isinstance(features, Tensor) else torch.cat(tuple(features))
    return together.reshape(images, -1, together.shape[-1])
