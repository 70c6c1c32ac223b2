"""People from the side: a head, maybe a hat and an arm, a body of the two large triangles, and legs that show the pose.

The front of every body is upright below the neck, so an arm fits at any height. The head and the body leave four
pieces. The hat, the arm and its load take some of them, and the legs all others.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from multiref_gym.tangrams.figures.assembly import (
    SIDES,
    ZERO,
    Kind,
    Part,
    Piece,
    Point,
    Sketch,
    Surd,
    named,
    point,
    put,
    roots,
    units,
)

HEADS = ("diamond", "square")

LIMBS: list[Kind] = ["medium", "parallelogram", "small", "small"]
"""The pieces that the head and the body leave for hat, arm and legs."""

HATS: dict[str, tuple[Piece, ...]] = {
    "none": (),
    "pointed": (put("small", "up", "s", point()),),
    "wide": (put("medium", "up", "s", point()),),
    "cap": (put("parallelogram", "long /", "s", point()),),
}
"""Hats for a head whose top is at the origin."""

RAISED = put("parallelogram", "tall \\", "se", point(0, 4))
FORWARD = put("parallelogram", "long /", "ne", Point(ZERO, roots(2)))
LOWERED = put("parallelogram", "tall /", "ne", point(0, 1))
HAND = FORWARD.anchor("sw")

ARMS: dict[str, tuple[Piece, ...]] = {
    "hidden": (),
    "raised": (RAISED,),
    "forward": (FORWARD,),
    "lowered": (LOWERED,),
    "akimbo": (put("small", "left", "ne", point(0, 1)),),
    "folded": (put("medium", "ne", "ne", point(0, 1)),),
    "flag": (RAISED, put("medium", "left", "se", RAISED.anchor("nw"))),
    "bowl": (FORWARD, put("medium", "down", "s", HAND)),
    "lamp": (FORWARD, put("small", "up", "n", HAND)),
    "bag": (LOWERED, put("small", "up", "n", LOWERED.anchor("sw"))),
}
"""The pieces of an arm and of its load."""

# The small triangle's leg, its long side and half of that.
LEG, WIDTH, HALF = units(2), roots(4), roots(2)

NECK = point(0, 0)
WAIST = NECK.moved(dy=WIDTH + WIDTH)
BREAST = NECK.moved(dy=LEG + LEG)

BODIES: dict[str, tuple[Piece, Piece]] = {
    "coat": (put("large", "right", "nw", NECK), put("large", "left", "ne", NECK.moved(WIDTH, WIDTH))),
    "bent coat": (put("large", "sw", "nw", NECK), put("large", "ne", "nw", BREAST)),
    "dress": (put("large", "sw", "nw", NECK), put("large", "sw", "nw", BREAST)),
    "skirt": (put("large", "right", "nw", NECK), put("large", "sw", "nw", WAIST)),
}

HIPS = {"coat": WAIST, "bent coat": BREAST, "dress": BREAST.moved(dy=LEG + LEG), "skirt": WAIST.moved(dy=LEG + LEG)}
"""The lower end of a body's front. The hem of a coat slants down from there to the back; other hems are level."""

Limb = tuple[Kind, str, Surd, Surd]
"""A piece, its pose, and the distances of its box's upper left corner from the hip, to the right and down."""

Legs = tuple[tuple[Limb, ...], ...]
"""Pairs of legs for one pose, each made of other pieces."""

THIGH: Limb = ("small", "right", ZERO, ZERO)
LAP: Limb = ("small", "sw", ZERO, ZERO)
KNEE: Limb = ("small", "up", -HALF, ZERO)

STRAIGHT: Limb = ("parallelogram", "steep /", ZERO, HALF)
BEHIND: Limb = ("medium", "sw", HALF, HALF)
STANDING: Legs = (
    (THIGH, ("small", "sw", HALF, HALF)),
    (THIGH, ("medium", "se", -HALF, HALF)),
    (THIGH, ("small", "left", ZERO, HALF), ("medium", "sw", ZERO, WIDTH)),
    (("parallelogram", "steep \\", ZERO, ZERO), ("small", "sw", HALF, HALF), ("small", "se", -LEG, WIDTH - LEG)),
    (THIGH, STRAIGHT, BEHIND),
    (THIGH, STRAIGHT, BEHIND, ("small", "se", -LEG, WIDTH + WIDTH - LEG)),
)

AHEAD: Limb = ("medium", "se", -WIDTH, ZERO)
STRIDE: Limb = ("parallelogram", "flat /", -LEG - HALF, HALF)
WALKING: Legs = (
    (THIGH, ("small", "sw", WIDTH, WIDTH - LEG)),
    (THIGH, AHEAD),
    (THIGH, AHEAD, ("small", "sw", WIDTH, ZERO)),
    (KNEE, STRIDE, ("small", "right", WIDTH, ZERO)),
    (KNEE, STRIDE, ("medium", "sw", WIDTH, ZERO)),
    (
        KNEE,
        ("medium", "nw", -HALF, HALF),
        ("small", "se", HALF - LEG, HALF),
        ("parallelogram", "steep \\", WIDTH, ZERO),
    ),
)

# The front leg is bent at the knee; the other leg is stretched out at the back.
BENT_KNEE: Limb = ("medium", "up", -LEG, ZERO)
SHIN: Limb = ("small", "nw", -LEG, LEG)
SHORT_REAR: Limb = ("small", "sw", LEG + LEG, LEG)
LONG_REAR: Limb = ("parallelogram", "tall \\", LEG + LEG, LEG)
RUNNING: Legs = (
    (KNEE, SHORT_REAR),
    (BENT_KNEE, SHORT_REAR),
    (BENT_KNEE, SHIN, SHORT_REAR),
    (KNEE, ("small", "nw", -HALF, HALF), LONG_REAR),
    (BENT_KNEE, SHIN, LONG_REAR),
    (BENT_KNEE, SHIN, LONG_REAR, ("small", "sw", LEG + LEG + LEG, LEG + LEG)),
)

# The calf lies on the ground at the back, and the foot behind it.
CALF: Limb = ("medium", "sw", WIDTH, ZERO)
TOES: Limb = ("small", "down", WIDTH + HALF, HALF)
FOOT: Limb = ("parallelogram", "long \\", WIDTH + HALF, HALF)
KNEELING: Legs = (
    (("small", "sw", WIDTH, WIDTH - LEG), ("small", "ne", WIDTH, WIDTH - LEG)),
    (CALF, TOES),
    (CALF, TOES, THIGH),
    (("small", "right", WIDTH, ZERO), ("small", "up", WIDTH, HALF), FOOT),
    (CALF, FOOT, THIGH),
    (CALF, FOOT, THIGH, ("small", "left", WIDTH + WIDTH + HALF, ZERO)),
)

# The legs lie on the ground in front, as long as two small triangles.
SEAT: Limb = ("parallelogram", "flat \\", -LEG, ZERO)
SLOPE: Limb = ("medium", "up", -LEG - LEG, ZERO)
HEEL: Limb = ("small", "nw", -LEG - LEG, ZERO)
SITTING: Legs = (
    (LAP, ("small", "se", -LEG, ZERO), ("medium", "down", -LEG - LEG, ZERO)),
    (LAP, ("small", "se", -LEG, ZERO), ("parallelogram", "flat /", -LEG - LEG, ZERO)),
    (SEAT, SLOPE, HEEL),
    (SEAT, SLOPE, HEEL, ("small", "sw", -LEG - LEG, -LEG)),
)

# One leg is level in front, the other stands.
LEVEL: Limb = ("parallelogram", "long \\", -WIDTH, ZERO)
TIP: Limb = ("small", "up", -WIDTH - HALF, ZERO)
KICKING: Legs = (
    (("small", "down", -WIDTH, ZERO), KNEE, BEHIND),
    (LEVEL, ("small", "right", HALF, HALF), ("small", "left", HALF, WIDTH)),
    (LEVEL, TIP, BEHIND),
    (LEVEL, TIP, BEHIND, ("small", "se", HALF - LEG, WIDTH + HALF - LEG)),
)

# A long gown falls to the ground, with a train or without.
FALL: Limb = ("medium", "down", ZERO, ZERO)
TRAIN: Limb = ("parallelogram", "flat /", LEG, ZERO)
GOWN_STANDING: Legs = (
    (("small", "ne", ZERO, ZERO), ("small", "ne", LEG, ZERO)),
    (FALL, LAP),
    (FALL, LAP, ("small", "se", LEG, ZERO)),
    (("parallelogram", "flat \\", ZERO, ZERO), LAP, ("small", "ne", LEG, ZERO)),
    (FALL, LAP, TRAIN),
    (FALL, LAP, TRAIN, ("small", "se", -LEG, ZERO)),
)

# A short gown shows both legs.
FRONT: Limb = ("medium", "nw", ZERO, ZERO)
FRONT_FOOT: Limb = ("small", "se", -LEG, WIDTH - LEG)
REAR: Limb = ("parallelogram", "flat \\", WIDTH, ZERO)
GOWN_WALKING: Legs = (
    (("small", "nw", ZERO, ZERO), ("small", "ne", LEG, ZERO)),
    (FRONT, ("small", "ne", WIDTH, ZERO)),
    (FRONT, FRONT_FOOT, ("small", "ne", WIDTH, ZERO)),
    (("small", "nw", ZERO, ZERO), ("small", "se", -LEG, ZERO), ("parallelogram", "flat \\", LEG, ZERO)),
    (FRONT, FRONT_FOOT, REAR),
    (FRONT, FRONT_FOOT, REAR, ("small", "nw", WIDTH + LEG, LEG)),
)

LEGS: dict[tuple[str, str], Legs] = {
    ("coat", "standing"): STANDING,
    ("coat", "walking"): WALKING,
    ("bent coat", "running"): RUNNING,
    ("coat", "kneeling"): KNEELING,
    ("coat", "sitting"): SITTING,
    ("coat", "kicking"): KICKING,
    ("dress", "standing"): GOWN_STANDING,
    ("dress", "walking"): GOWN_WALKING,
    ("skirt", "standing"): GOWN_STANDING,
    ("skirt", "walking"): GOWN_WALKING,
}

AHEAD_OF_THE_BODY = (("coat", "walking"), ("bent coat", "running"))
"""Bodies and poses whose legs leave no room for a bag."""


def people() -> Iterator[Sketch]:
    """Proposes every pair of legs with each hat and arm that use exactly the other pieces, under either head."""
    for (body, pose), choices in LEGS.items():
        for legs, hat, arm in product(choices, HATS, ARMS):
            taken = [*(kind for kind, *_ in legs), *(piece.kind for piece in (*HATS[hat], *ARMS[arm]))]
            if sorted(taken) != LIMBS or (arm == "bag" and (body, pose) in AHEAD_OF_THE_BODY):
                continue
            for head, facing in product(HEADS, SIDES):
                face = put("square", head, "s", NECK)
                parts: tuple[Part, ...] = (
                    ("head", face),
                    *named("hat", *(piece.moved(*face.anchor("n")) for piece in HATS[hat])),
                    *named("arm", *ARMS[arm]),
                    *named("body", *BODIES[body]),
                    *(("leg", put(kind, turn, "nw", HIPS[body].moved(x, y))) for kind, turn, x, y in legs),
                )
                clothes = body.removeprefix("bent ")
                attributes = {"pose": pose, "clothes": clothes, "hat": hat, "arm": arm, "head": head}
                yield Sketch(attributes, parts).facing(facing)


WORDS = {
    "family=person": ("a person", "a guy", "some dude", "a human being"),
    "pose=kicking": ("with a leg kicked out", "doing karate", "playing soccer"),
    "clothes=coat": ("in a coat", "dressed for winter", "in a long jacket"),
    "clothes=dress": ("in a layered dress", "in a fancy gown", "with ruffles"),
    "clothes=skirt": ("in a skirt", "in a kilt", "like a granny"),
    "hat=none": ("with a bare head", "with hair showing", "missing a cap"),
    "hat=pointed": ("with a pointed hat", "like a gnome", "ready for a birthday party"),
    "hat=wide": ("with a wide hat", "with a sombrero", "like a cowboy"),
    "hat=cap": ("with a slanted hat", "wearing a beret", "like a baseball player"),
    "arm=hidden": ("with hidden arms", "hands in pockets", "kind of stiff"),
    "arm=raised": ("with an arm up", "waving hello", "hailing a cab"),
    "arm=forward": ("with an arm forward", "like a zombie", "reaching for something"),
    "arm=lowered": ("with a lowered arm", "picking berries", "with a hand hanging"),
    "arm=akimbo": ("with a bent arm", "acting bossy", "with hands on hips"),
    "arm=folded": ("with folded arms", "looking grumpy", "waiting for an answer"),
    "arm=flag": ("with an arm up and a flag", "at a parade", "cheering for its team"),
    "arm=bowl": ("with an arm forward and a bowl", "bringing soup", "like a waiter"),
    "arm=lamp": ("with an arm forward and a lamp", "showing the way at night", "dangling bait"),
    "arm=bag": ("with a lowered arm and a bag", "fresh from the supermarket", "hauling groceries"),
}
