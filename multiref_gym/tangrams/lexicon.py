"""The words for each fact of a figure: what is plainly seen, and what people say instead.

A family's phrases are noun phrases; all other phrases read after a noun or after "the one" ("a house with no chimney",
"the one facing left") and join by "and". Facts that several families share have words that fit all of them. What
people say shares as few words as can be with the plain phrases and with what they say of other facts: a listener that
knows only plain words has to learn it.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Words:
    """The phrases for one fact, plain ones and people's own."""

    literal: tuple[str, ...]
    people: tuple[str, ...]


LEXICON: dict[str, Words] = {
    # Families
    "family=person": Words(("a person", "a human figure"), ("a fellow", "some dude")),
    "family=bird": Words(("a bird",), ("a swan or goose", "our feathered friend")),
    "family=fish": Words(("a fish",), ("something that swims", "an aquarium pet")),
    "family=cat": Words(("a cat",), ("a kitty", "a meowing puss")),
    "family=dog": Words(("a dog",), ("a barking puppy", "man's best buddy")),
    "family=house": Words(("a house",), ("somebody's home", "a cosy cottage")),
    "family=boat": Words(("a boat",), ("a ship at sea", "a yacht")),
    "family=tree": Words(("a tree",), ("a plant from the forest", "an evergreen for christmas")),
    "family=rocket": Words(("a rocket",), ("a spacecraft blasting off", "an astronaut's vehicle")),
    # Shared by several families
    "facing=left": Words(("facing left",), ("off to the west", "gazing at the start of a line")),
    "facing=right": Words(("facing right",), ("eastward bound", "staring where sentences end")),
    "head=square": Words(("with a square head",), ("that is a real blockhead", "having a carton for a face")),
    "head=diamond": Words(("with a diamond head",), ("whose noggin is a jewel", "balancing a gem")),
    "tail=up": Words(("with its tail up",), ("waving proudly", "brandishing an antenna")),
    "tail=level": Words(("with a level tail",), ("straight as a ruler", "elongated horizontally")),
    "tail=down": Words(("with its tail down",), ("drooping sadly", "as if ashamed")),
    # People
    "body=box": Words(("with a body like a box",), ("built like a fridge", "of stocky robot frame")),
    "body=cape": Words(("in a cape",), ("draped in superhero cloth", "bundled as if for a storm")),
    "body=dress": Words(("in a dress",), ("with an hourglass waist", "pretty as a ballerina")),
    "arm=raised": Words(("with a raised arm",), ("hailing a taxi", "saying hello")),
    "arm=lowered": Words(("with a lowered arm",), ("carrying heavy groceries", "dangling a limb")),
    "load=hat": Words(("wearing a hat",), ("dressed for the sun", "sporting a sombrero")),
    "load=pack": Words(("with a pack on the back",), ("on a hiking trip", "lugging school stuff")),
    "legs=apart": Words(("with legs apart",), ("planted like a cowboy", "doing the splits")),
    "legs=walking": Words(("walking",), ("marching along", "out for a stroll")),
    # Birds
    "neck=forward": Words(("with its neck forward",), ("craning ahead", "reaching for bread")),
    "neck=back": Words(("with its neck back",), ("curved like the number two", "throat bent in an s")),
    "tail=wing": Words(("with a wing up",), ("ready for takeoff", "flapping about")),
    "extra=leg": Words(("with a leg",), ("hopping around", "that perches on a stick")),
    "extra=crest": Words(("with a crest",), ("rocking a mohawk", "crowned like royalty")),
    # Fish
    "tail=fan": Words(("with a tail like a fan",), ("with a propeller behind", "ending in a bow tie")),
    "tail=forked": Words(("with a forked tail",), ("trailing an arrow", "finishing in a fletched dart")),
    "bigfin=above": Words(("with a big fin above",), ("cruising like a shark", "with a canopy overhead")),
    "bigfin=below": Words(("with a big fin below",), ("dragging its keel", "with a rudder underneath")),
    "lean=upright": Words(("with an upright fin",), ("rigid as a board", "poking vertically")),
    "lean=swept": Words(("with a swept fin",), ("blown by the current", "streamlined for speed")),
    "littlefin=front": Words(("with a little fin in front",), ("bearded on the chin", "showing a tiny flipper early")),
    "littlefin=rear": Words(("with a little fin at the rear",), ("with a mini paddle late", "where a spur juts")),
    # Cats
    "pose=sitting": Words(("sitting",), ("on its haunches", "begging for dinner")),
    "pose=lying": Words(("lying down",), ("napping lazily", "flopped on the sofa")),
    "paw=forward": Words(("with a paw forward",), ("testing the water", "scratching a post")),
    "paw=tucked": Words(("with tucked paws",), ("curled as a loaf", "hiding its mittens")),
    "ears=both": Words(("with both ears up",), ("listening closely", "horned like a devil")),
    "ears=one": Words(("with one ear up",), ("half deaf", "lopsided on the skull")),
    "tail=out": Words(("with its tail out",), ("pointing away like a lever", "easy to step on")),
    # Dogs
    "gait=standing": Words(("standing",), ("waiting patiently", "frozen still")),
    "gait=running": Words(("running",), ("chasing a ball", "in a mad dash")),
    "paw=planted": Words(("with its paw on the ground",), ("firmly rooted", "obeying stay")),
    "paw=raised": Words(("with a raised paw",), ("shaking hands", "giving high five")),
    # Houses
    "roof=wide": Words(("with a wide roof",), ("under a huge lid", "capped by a gable")),
    "roof=flat": Words(("with a flat roof",), ("chopped off on the peak", "good for landing helicopters")),
    "chimney=left": Words(("with a chimney on the left",), ("smoking at port", "where santa enters")),
    "chimney=right": Words(("with a chimney on the right",), ("puffing by starboard", "fuming over the guests")),
    "chimney=none": Words(("with no chimney",), ("lacking any fireplace", "propped by a crutch")),
    "annex=square": Words(("with a square annex",), ("with garage attached", "with room to park")),
    "annex=upstairs": Words(("with an annex upstairs",), ("having a balcony", "with a mailbox hanging off")),
    "annex=sloping": Words(("with a sloping annex",), ("great for skiing", "that kids slide from")),
    "annex=pointed": Words(("with a pointed annex",), ("with a beaky nose", "like a tent sideways")),
    "annexside=left": Words(("extended to the left",), ("growing towards sunset", "bulging near its heart")),
    "annexside=right": Words(("extended to the right",), ("spreading at sunrise", "swollen at the far end")),
    # Boats
    "sails=pair": Words(("with a pair of sails",), ("rigged as a pyramid", "like a mountain")),
    "sails=block": Words(("with a block of sails",), ("freighted with containers", "hauling cargo")),
    "sails=kite": Words(("with sails like a kite",), ("poised on tiptoe", "hoisting a lozenge")),
    "sails=stacked": Words(("with stacked sails",), ("like a wedding cake", "layered as a pagoda")),
    "sails=single": Words(("with a single sail",), ("under a lone ramp", "catching wind in a wedge")),
    "flag=left": Words(("with its flag to the left",), ("pennant fluttering westerly", "in a breeze from the orient")),
    "flag=right": Words(("with its flag to the right",), ("ribbon flying outward", "in gusts toward the margin")),
    "flag=up": Words(("with its flag up",), ("tipped by a steeple", "with an awning at the summit")),
    "hull=even": Words(("with an even hull",), ("cradled as in a hammock", "symmetrical beneath")),
    "hull=left": Words(("with a hull to the left",), ("with a plough at the prow", "scooping waves")),
    "hull=right": Words(("with a hull to the right",), ("whose stern kicks", "leaving wake finally")),
    # Trees
    "crown=broad": Words(("with a broad crown",), ("casting lots of shade", "thick as an umbrella")),
    "crown=tiered": Words(("with a tiered crown",), ("ruffled in two skirts", "like doubled chevrons")),
    "crown=round": Words(("with a round crown",), ("trimmed to a lollipop", "clipped by a gardener")),
    "tip=left": Words(("with its tip to the left",), ("whose apex nods at dusk", "topped by a parrot")),
    "tip=right": Words(("with its tip to the right",), ("combed over to dawn", "with a weathercock veering clockwise")),
    "tip=up": Words(("with its tip up",), ("decorated by a star", "sharp enough to prick clouds")),
    "foot=pot": Words(("in a rectangular pot",), ("on a brick", "atop a suitcase")),
    "foot=bowl": Words(("in a bowl",), ("served like salad", "in a flower basket")),
    "foot=mound": Words(("on a mound",), ("flaring at its roots", "clinging to a knoll")),
    # Rockets
    "fins=flared": Words(("with flared fins",), ("gowned to the hem", "shaped as a bell")),
    "fins=winged": Words(("with fins like wings",), ("gliding like a plane", "stiff as a scarecrow")),
    "fins=pointed": Words(("with pointed fins",), ("armed with thorns", "spiky on the flanks")),
    "finplace=low": Words(("with fins at the base",), ("sturdy in the seat", "bottom weighted")),
    "finplace=high": Words(("with fins at the top",), ("shrugging its shoulders", "burly over the chest")),
    "nozzle=square": Words(("with a square nozzle",), ("driven by a cube engine", "on a stubby stalk")),
    "nozzle=diamond": Words(("with a diamond nozzle",), ("spitting a spark", "dripping a crystal")),
    "flame=left": Words(("with its flame to the left",), ("whose blaze drifts westwards", "curling like a comma")),
    "flame=right": Words(("with its flame to the right",), ("whose fire veers easterly", "kicking exhaust forth")),
}
