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
    "turned=upright": Words(("upright",), ("right side up", "the normal way up")),
    "turned=left": Words(("rotated left",), ("fallen over to the left", "tipped on its left side")),
    "turned=right": Words(("rotated right",), ("fallen over to the right", "tipped on its right side")),
    "turned=over": Words(("upside down",), ("doing a headstand", "flipped top to bottom")),
    "pose=standing": Words(("standing",), ("staying put", "frozen in place")),
    "pose=walking": Words(("walking",), ("out for a stroll", "taking a step")),
    "pose=running": Words(("running",), ("in a hurry", "sprinting away")),
    "pose=sitting": Words(("sitting",), ("taking a seat", "down on its butt")),
    "pose=kneeling": Words(("kneeling",), ("like it is praying", "down on its knees")),
    "handle=left": Words(("with its handle on the left",), ("for a lefty", "to grab at the left")),
    "handle=right": Words(("with its handle on the right",), ("for a righty", "to grab at the right")),
    "handle=none": Words(("without a handle",), ("with nowhere to grab", "needing two hands")),
    "handleat=high": Words(("with an upper handle",), ("held near the top", "shrugging a shoulder")),
    "handleat=low": Words(("with a lower handle",), ("held near the bottom", "with a pocket down by the bottom")),
    "ear=hook": Words(("with a hooked handle",), ("hand on its hip", "with a droopy elbow")),
    "ear=square": Words(("with a square handle",), ("with a chunk at the side", "with a stub at the side")),
    "ear=pointed": Words(("with a pointed handle",), ("with a bump at the side", "with a snag at the side")),
    "foot=square": Words(("on a square foot",), ("on a peg", "up on a stump")),
    "foot=pedestal": Words(("on a separate foot",), ("on tiptoe there", "with a tiny tripod under")),
    "foot=flared": Words(("on a flared foot",), ("with a gown at the bottom", "splayed at the bottom")),
    "foot=none": Words(("without a foot",), ("sat right on its bottom", "resting flush")),
    "inside=straw": Words(("with a straw",), ("that someone is sipping from", "for sipping")),
    "inside=none": Words(("empty",), ("all drunk up", "poured out")),
    "bent=left": Words(("bent to the left",), ("swaying left", "drifting left")),
    "bent=right": Words(("bent to the right",), ("swaying right", "drifting right")),
    "bent=none": Words(("without a bend",), ("steady", "keeping still")),
    "grip=flat": Words(("with a flat grip",), ("with a simple stick", "held by a ruler")),
    "grip=knob": Words(("with a diamond grip",), ("with a stone on the stick", "with a nugget to hold")),
    "grip=bent": Words(("with a bent grip",), ("with a crooked hilt", "with a flick at the hilt")),
}
