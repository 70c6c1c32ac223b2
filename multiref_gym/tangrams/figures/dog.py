"""Dogs: a head with a snout and an ear, a body in some pose, a tail."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from multiref_gym.tangrams.figures.assembly import SIDES, Part, Sketch, put
from multiref_gym.tangrams.figures.blocks import beak, crest
from multiref_gym.tangrams.figures.quadruped import BODIES, NAPE, long_tails

POSES = ("standing", "walking", "halting", "stalking")


def dogs() -> Iterator[Sketch]:
    """Proposes every pose with the heads, ears and tails that go with it."""
    for pose, facing in product(POSES, SIDES):
        body = "standing" if pose == "stalking" else pose
        for (head, ears), (tail, piece) in product(_looks(pose), long_tails(body).items()):
            if tail == "curled" and (pose, head, ears) != ("standing", "square", "up"):
                # The tip of the tail would meet a hanging ear; with a pointed face the dog would look like a crab.
                continue
            parts = (*_head(pose, head, ears), *BODIES[body].parts, ("tail", piece))
            yield Sketch({"pose": pose, "head": head, "ears": ears, "tail": tail}, parts).facing(facing)


def _looks(pose: str) -> Iterator[tuple[str, str]]:
    """Yields the heads and ears that go with a pose.

    On a slanted chest, a diamond would look like a bird's head; in front of the chest, no ear can hang.
    """
    yield "square", "up"
    if pose != "halting":
        yield "diamond", "up"
    if pose != "stalking":
        yield "square", "down"


def _head(pose: str, shape: str, ears: str) -> tuple[Part, ...]:
    """Returns a head on the back, or in front of it if the dog stalks; a hanging ear is behind the head."""
    above, ahead = ("sw", "ne") if shape == "square" else ("s", "e")
    head = put("square", shape, ahead if pose == "stalking" else above, NAPE)
    ear = crest(head, shape) if ears == "up" else put("small", "nw", "nw", head.anchor("ne"))
    return ("head", head), ("snout", beak(head, shape)), ("ear", ear)


WORDS = {
    "family=dog": ("a dog", "a barking puppy", "some doggo", "man's best buddy"),
    "pose=halting": ("halting", "pulling on the leash", "refusing to budge"),
    "pose=stalking": ("stalking", "like a hunting hound", "sneaking closer"),
    "ears=down": ("with its ears down", "floppy like a beagle", "looking kinda guilty"),
}
