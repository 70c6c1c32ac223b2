"""Dogs: a head with a snout and an ear, a body in some pose, a tail."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from multiref_gym.tangrams.figures.assembly import SIDES, Part, Sketch, put
from multiref_gym.tangrams.figures.quadruped import BODIES, NAPE, long_tails

POSES = ("standing", "walking", "halting", "stalking")


def dogs() -> Iterator[Sketch]:
    """Proposes every pose with the heads, ears and tails that go with it."""
    for pose, facing in product(POSES, SIDES):
        body = "standing" if pose == "stalking" else pose
        for (head, ears), (tail, piece) in product(_looks(pose), long_tails(body).items()):
            if tail == "curled" and (pose, head, ears) != ("standing", "square", "up"):
                # The tip of the tail meets a hanging ear, and with a pointed face it makes a crab.
                continue
            parts = (*_head(pose, head, ears), *BODIES[body].parts, ("tail", piece))
            yield Sketch({"pose": pose, "head": head, "ears": ears, "tail": tail}, parts).facing(facing)


def _looks(pose: str) -> Iterator[tuple[str, str]]:
    """The heads and ears in that pose: on a slanted chest a diamond is a bird's, before the chest no ear can hang."""
    yield "square", "up"
    if pose != "halting":
        yield "diamond", "up"
    if pose != "stalking":
        yield "square", "down"


def _head(pose: str, shape: str, ears: str) -> Iterator[Part]:
    """A head on the back or, stalking, in front of it; an ear that hangs is behind it."""
    if shape == "square":
        head = put("square", "square", "ne" if pose == "stalking" else "sw", NAPE)
        snout = put("small", "se", "se", head.anchor("sw"))
        pricked, hanging = put("small", "sw", "sw", head.anchor("nw")), put("small", "nw", "nw", head.anchor("ne"))
        ear = pricked if ears == "up" else hanging
    else:
        head = put("square", "diamond", "e" if pose == "stalking" else "s", NAPE)
        snout = put("small", "up", "n", head.anchor("w"))
        ear = put("small", "left", "w", head.anchor("n"))
    yield from (("head", head), ("snout", snout), ("ear", ear))


WORDS = {
    "family=dog": ("a dog", "a barking puppy", "some doggo", "man's best buddy"),
    "pose=halting": ("halting", "pulling on the leash", "refusing to budge"),
    "pose=stalking": ("stalking", "like a hunting hound", "sneaking closer"),
    "ears=down": ("with its ears down", "floppy like a beagle", "looking kinda guilty"),
}
