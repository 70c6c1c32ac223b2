"""Water birds from the side: a body, a neck, a head with a beak, a tail or a wing, a leg or a crest."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from multiref_gym.tangrams.figures.assembly import Part, Point, Sketch, point, put, roots
from multiref_gym.tangrams.figures.family import Family, Words

HEADS = ("square", "diamond")
NECKS = ("forward", "back")
TAILS = ("up", "level", "wing")
EXTRAS = ("leg", "crest")
FACINGS = ("left", "right")

FRONT = put("large", "down", "nw", point(0, 0))
REAR = put("large", "up", "n", FRONT.anchor("ne"))


def birds() -> Iterator[Sketch]:
    """Proposes every head, neck, tail and extra piece."""
    for head, neck, tail, extra, facing in product(HEADS, NECKS, TAILS, EXTRAS, FACINGS):
        parts = (("body", FRONT), ("body", REAR), *_head_and_neck(head, neck, extra), _tail(tail))
        yield Sketch({"head": head, "neck": neck, "tail": tail, "extra": extra}, parts).facing(facing)


def _head_and_neck(shape: str, neck: str, extra: str) -> Iterator[Part]:
    """A neck on the front of the back, a head on it, and the small piece that is a crest or else a leg."""
    if neck == "forward":
        throat, nape = put("parallelogram", "flat \\", "se", point(2, 0)), point(-1, -2)
    else:
        throat, nape = put("parallelogram", "flat /", "sw", point(0, 0)), point(3, -2)
    head = put("square", shape, "s", nape)
    if shape == "square":
        beak, crest = put("small", "se", "se", head.anchor("sw")), put("small", "se", "se", head.anchor("ne"))
    else:
        beak, crest = put("small", "up", "n", head.anchor("w")), put("small", "left", "w", head.anchor("n"))
    leg = put("small", "nw", "nw", Point(roots(6), roots(4)))
    yield from (("neck", throat), ("head", head), ("beak", beak), (extra, leg if extra == "leg" else crest))


def _tail(pose: str) -> Part:
    rump = REAR.anchor("n")
    if pose == "up":
        return "tail", put("medium", "left", "w", rump)
    if pose == "level":
        return "tail", put("medium", "down", "nw", rump)
    return "wing", put("medium", "se", "se", rump)


FAMILY = Family(
    "bird",
    birds,
    {
        "family=bird": Words(("a bird",), ("a swan or goose", "our feathered friend")),
        "neck=forward": Words(("with its neck forward",), ("craning ahead", "reaching for bread")),
        "neck=back": Words(("with its neck back",), ("curved like the number two", "throat bent in an s")),
        "tail=wing": Words(("with a wing up",), ("ready for takeoff", "flapping about")),
        "extra=leg": Words(("with a leg",), ("hopping around", "that perches on a stick")),
        "extra=crest": Words(("with a crest",), ("rocking a mohawk", "crowned like royalty")),
    },
)
