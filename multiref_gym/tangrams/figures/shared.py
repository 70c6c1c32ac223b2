"""Words for the facts that several families share: they fit all of them."""

from __future__ import annotations

from multiref_gym.tangrams.figures.family import Words

SHARED: dict[str, Words] = {
    "facing=left": Words(("facing left",), ("looking left", "turned to the left side")),
    "facing=right": Words(("facing right",), ("looking right", "turned to the right side")),
    "head=square": Words(("with a square head",), ("with a box for a face", "that is a real blockhead")),
    "head=diamond": Words(("with a diamond head",), ("with a gem for a face", "with a tilted noggin")),
    "tail=up": Words(("with its tail up",), ("waving proudly", "with the back end raised high")),
    "tail=level": Words(("with a level tail",), ("straight behind as a ruler", "stretched out at the back")),
    "tail=down": Words(("with its tail down",), ("drooping sadly", "with the rear hanging low")),
    "turned=upright": Words(("upright",), ("right side up", "standing properly")),
    "turned=left": Words(("rotated left",), ("fallen over to the left", "tipped on its left side")),
    "turned=right": Words(("rotated right",), ("fallen over to the right", "tipped on its right side")),
    "turned=over": Words(("upside down",), ("doing a headstand", "flipped top to bottom")),
}
