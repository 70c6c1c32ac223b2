"""What people say of an action, by what it tells: the words of the lexical decoder, and of no other file.

A phrase is written as it is said; phrases end at semicolons or lines, and "(it|that) is" stands for two of them. Each
is read as a reply is (`lexical.canonical`), so that "thats right" needs no line beside "that is right". What is here
was thought up as what people in general would type; English in full, other languages by the words of `LANGUAGES`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import product

from multiref_gym.agents.decoders.words import set_of


def phrases(listed: str) -> tuple[str, ...]:
    """Returns the phrases of a list, with alternatives in brackets multiplied out."""
    found = dict[str, None]()
    for phrase in filter(None, (" ".join(phrase.split()) for phrase in re.split(r"[;\n]", listed))):
        parts = [part.split("|") for part in re.split(r"[()]", phrase)]
        found |= dict.fromkeys(" ".join("".join(choice).split()) for choice in product(*parts))
    return tuple(found)


# --- They judge wherever they stand, and the last of them counts. ---

REJECTION = phrases("""
    not (right|correct|good|perfect|great|fine); roll (it|that) back; (click|pick|select|choose) (it|that) again
    same game; opposite day; good job (ignoring|ruining|not|messing); great job (ignoring|ruining|not|messing); wrong
    incorrect; uncorrect; nope; npoe; noep; nop; nah; naw; nay; nuh uh; uh uh; nuh; oops; whoops; wrongo; rong; nopes
    negative; a no; no good; no way; no dice; no cigar; no luck; no sir; no no; hell no; not ok; not okay; not at all
    not (it|that|him|her|mine|them|my|in my|part of my|on my|one of mine|one of my|what i|what we|as i|like i)
    not (how i); not (the|that) one; not the (right|correct) one; not for me; not even close; not close
    exactly the (opposite|reverse|wrong|other); (it|that) is exactly the (opposite|reverse|wrong|other)
    just the opposite; quite the opposite; nono; nonono; to be kidding; be serious; even trying
    (clicked|picked) by mistake; not (exactly|a match|matching|what was|among my|among the|one of the); nowhere near
    you is (way|far|so far) off; no match; none of (them|those|these|that); neither of (them|those|these); neither one
    you missed (it|one|that|the|a); missed the; mixed up; mix up; mixup; messed up; screwed up; went wrong
    (has|have|needs|need|got) to go; off with it; (drop|swap|switch|change|replace|ditch|exchange|lose) (it|that|them)
    get (it|that|them) (off|out); (swap|switch|change|replace|exchange) the; throw (it|that) (back|away|out again)
    hand it back; back to how it was; like it was before; as it was before; go back; start over; start again; back up
    take back; walk it back; turn it off; untick; unmark; off please; bring (it|that) back; reselect; select it again
    put it on again; (pick|select|click|choose) (something else|a different one|again|anew)
    (try|guess|think|look|look it|search|check|read|read it|have a look) (again|once more|twice|harder)
    (take a look) (again|once more|twice|harder); (one|another) more (try|guess|go|chance|attempt)
    (have|take|give it) another (go|try|look|guess|shot)
    try (another|a different|the other|something else|some other) (one|shape|piece|); second try; no try
    (look|read) (closer|closely|carefully|more carefully|properly|more closely); pay attention; wake up; focus
    do not (want|need|like) (it|that|them|those|the); do not (pick|select|click|choose) (it|that|those|the)
    did not (ask|want|say|mean|mention|describe|tell); never (said|asked|mentioned|wanted|told); should not (be|have)
    shouldnt; that does not (look|have|match|fit|seem); it does not (look|match|fit); too many; too few; one too
    not both; not all; not enough; more than i; less than i; no nothing
    you is (close|near|warm|cold|hot|almost|getting); back one; one step back; step back; come off; come off please
    does not belong; do not belong; your idea of; first language; how on earth; not even a
    (needs|need|has|have) to come; keep (looking|trying|searching); wrong ish
    (bad|poor|terrible|awful|horrible) (choice|pick|guess|one|selection|move|try|click|idea|job)
    (nice|good|great|bold|brave|valiant|decent|fair|lovely|awesome) (try|effort|attempt); made a mistake; your mistake
    mistaken; misclick; misclicked; misunderstood; misunderstanding; confused it; confused them; confusing it
    unfortunately; afraid not; im afraid; not sure about that; i doubt it; i do not think so; think not; fraid not
    i disagree; do not agree; disagree; thumbs down; epic fail; no thanks; no thank you; (yeah|ya|yea|sure) right
    thanks for nothing; just great; slow clap; in your dreams; good grief; super helpful; so helpful; real helpful
    nice going genius; well done genius; great job genius; good one genius; way to go genius; congrats genius
    bravo genius; how lovely; the (exact|complete) (reverse|opposite); opposite of; reverse of; wtf; wth; ffs; smh
    facepalm; face palm; for fucks sake; what the (hell|heck|fuck)
    are you (blind|kidding|joking|serious|drunk|asleep|sure|even|deaf|awake|listening|looking|reading|guessing)
    are you (trolling); you (blind|kidding|joking|sure|serious); (do|did|can|could) you (even|not|really)
    you call (it|that); who (told|asked|said); why (did|would|do|have|is|on earth|that|this|the|not); what part of
    how is (it|that); how are (those|these); in what (world|way|universe); on what planet; since when; excuse me
    come on; cmon; give me a break
    (is|does|do|are) (it|that|they|those) (look like|even|really|what you|supposed|meant); what is (that|it|wrong)
    (what|where) are you (doing|looking|thinking); what were you; what did you; do you need glasses
    but i (wanted|meant|said|want|mean|needed|need|asked|was|am|had|think); i wanted the; not mine
    (there is|theres) another (one|guy|bird|shape|piece|that); fits better; better fit; hold on; hang on
    (it|that) is the (one|other one|other|opposite|smaller|bigger|taller|second) (without|with|beside|behind)
    (it|that) is the (one|other one|other|opposite|smaller|bigger|taller|second) (below|above|under|near|to|on)
    (it|that) is the (one|other one|other|opposite|smaller|bigger|taller|second) (one)
    (reverse|revert|undo) (your|the|that|it|my); a joke; is this a joke; click random; clicking random; random click
    random clicks; a bot; you a bot; would do better; could do better; turns out you; you picked the wrong
    never mind the; does not have; does not match; wrong to say yes; wrong to say so; should have said no
    meant (no|to say no); i mean no; reverse you; yes no; 👎
""")

APPROVAL = phrases("""
    is not (hard|bad|wrong|difficult); (that|it) is not (hard|bad|wrong|difficult); well done; wel done; wel don
    well don
    (good|great|nice|excellent|fine|amazing|awesome|superb|lovely|solid) (job|work|going|one|pick|choice|eye)
    (good|great|nice|excellent|fine|amazing|awesome|superb|lovely|solid) (catch|find|call|stuff|move|click)
    (keep|leave) (it|that|the|them|those|both|this|your|all|everything); keep going; keep it up; stick with it
    hold on to it; do not (change|touch|move|drop|swap) (it|that|them|a thing|nothing); let it be; let it stay
    it stays; can stay
    nothing (wrong|bad|to fix|to change|to correct|to complain|to deselect|to improve|to add|to worry)
    deselect nothing; not (wrong|bad|incorrect|too bad|that bad|half bad|too shabby|shabby|mistaken|hard)
    not a (single|mistake|problem|bad|wrong|doubt|flaw) (mistake|error|miss|wrong|fault|)
    not a single (mistake|error|miss|one wrong|wrong|complaint|bad) (one|move|pick|click|); no more
    zero (wrong|mistakes|errors|misses|complaints|problems); better than
    without (a|any) (doubt|mistake|mistakes|error|errors|question|fail)
    (never|not) (wrong|in doubt|doubt|doubted) (you|it|that|); did not (doubt|fail|disappoint|go wrong|miss)
    no (problem|problems|problemo|prob|probs|worries|worry|complaint|complaints|doubt|doubts|doubting|mistake)
    no (mistakes|error|errors|issue|issues|fault|faults|flaw|flaws|objection|objections|correction|corrections)
    no (change|changes|changing|need|kidding|question|questions|sweat|biggie|harm|trouble|wonder|stress|fuss)
    no (regrets|notes|argument|arguments|arguing|reason to|fool|joke|lie|cap|further|surprise|surprises)
    no (other changes|wrong move|wrong moves|false|misses|miss|mean feat|small feat)
    cannot (complain|argue|fault|go wrong|be better|ask for|do better|beat|say no)
    could not (be better|be happier|have said|have done|agree|ask for|have been)
    would not (change|have done|do anything|have it|touch|alter|argue); did not (expect|think) you; cant say no
    no longer (wrong|there|selected); got it right; had it right; get it right; got that right; guessed right
    guessed it; nailed it; spot on; bang on; dead on; right on; on point; on the money; bulls eye; bullseye
    hole in one; (picked|found|got|chose|have) (the right|the correct|exactly|what i); is exactly
    exactly (what|that|it|the|right|so); the one i (meant|wanted|had|was|am|described|mean|want|thought|needed|need)
    (what|as|who) i (meant|wanted|had in mind|described|was thinking|was looking|was after|needed|asked|mean)
    (what|as|who) i (want|was going)
    is the (right|correct) (one|shape|piece|choice|thing|answer|pick|image|tangram|picture|guy)
    (that|it|you) is the (right|correct)
    you (understood|understand|rock|rule|nailed|got this|are good|are great|are amazing|are awesome)
    you (are the best|are a star|are a genius|did it|did great|did well|are on fire|are killing|are on a roll)
    you (know me|read my mind|figured it); read my mind; mind reader; off the board; good riddance; glad (it|that|you)
    happy with (it|that); love it; i like it; i love it; all (good|right|correct|clear|is well|fine|of them right|set)
    so far so good; close enough; good enough; fine by me; works for me; that (works|will do|does it|did it|will work)
    to go; one down; two down; three down; four down; halfway there; half way; almost done; nearly done; almost there
    nearly there; half done; meant to say yes; meant yes; i mean yes; say yes to that; yes (it|that) is
    yes (it|that) does; yes that one; yes that; i agree; agreed; thumbs up; approved; accepted; two thumbs; good to go
    right again; correct again; perfect again; i see it; makes sense; fair enough; 👍
""")

# --- They judge if they end a clause. ---

LAST_APPROVAL = phrases("""
    (it|that|he|she|they) is; (it|that) does; i do; (it|that) (fits|works|did); you did; better; much better
""")

# --- They reject what is half right, and the rest of the clause says which half. ---

HALF_RIGHT = phrases("""
    just one of (them|those|these|the); only found one; only got one; only picked one
    only (two|three|four|2|3|4|5) is (right|correct)
    only (one of|one is|one should|one right|one correct|half|the first|the second|the last one|part|some)
    only (two of); one of two right; all except one; half right; half correct; half wrong
    (partly|partially) (right|correct|wrong); not both; not all
    (half|some|part|one|two) of (them|those|the two|it) is; one of (them|those|the two) is; one of two
""")

# --- They judge if they end a clause; if they only open one, as long as nothing has been judged before. ---

CLAUSE_APPROVAL = phrases("""
    (that|it|you|they|both|all|he|she|that one) is (right|correct|perfect|good|great|fine|ok|okay|true|excellent)
    (that|it|you|they|both|all|he|she|that one) is (nice|awesome|amazing|brilliant|accurate|cool|lovely|spot on)
    (that|it|they|both|he|she|that one) is (it|him|her|them|the one|the ones|what i|one|mine|one of them)
    (that|it|they|both|he|she|that one) is (one of mine|a match|the guy|the man|the bird)
    (is|looks|seems|sounds|look) (gone|right|correct|perfect|good|great|fine|ok|okay|excellent|the one|it|him)
    (is|looks|seems|sounds|look) (her)
    (got|get|gotten|did|nailed|found|guessed|have) (it|them|both|him|her|that|em|all|that one|all of them)
    (got|get|gotten|did|nailed|found|guessed|have) (all three|all four|all five|everything|right); you had it; you got
    you have it; you have them; there you go; there we go; there you have it
    (one|two|three|four|five|1|2|3|4|5|both|all) (right|correct); (pick|picked) (right|correctly|well)
    guessed correctly; right one; correct one; the right one; the correct one; that is better
""")

# --- They judge if they open a clause and nothing has been judged before, or are all of it. ---

OPENING_REJECTION = phrases("""
    oof; ruh roh; ouch; boohoo; facepalm; error; false; no; not; neither; none; do not; did not; does not; is not
    (it|that|those|he|she) is not; that is (a|an|my); that one is; mistake; almost; nearly; close; closer; so close
    very close; getting close; getting closer; not quite; close but; getting warmer; ugh; argh; grr; urgh; gah; bah
    boo; booo; yikes; sigh; eww; ew; bruh; doh; dang; damn it; dammit; crap; shoot; darn; tsk; tut; hmph; pfft; excuse
    sorry but; terrible; awful; horrible; useless; rubbish; fix it; fix that; redo; retry; the correct; flip it
    reverse it; aargh; arrgh
""")

OPENING_APPROVAL = phrases("""
    yes; yep; yup; yeah; yea; ya; yah; yas; yass; ye; yis; yus; yessir; yessiree; yee; aye; indeed; affirmative; y
    uh huh; uhuh; mhm; mmhm; mm hm; mm hmm; mhmm; yeh; yess; yeppers; yup yup; you bet; sure thing; of course
    certainly; absolutely; definitely; totally; good; great; gr8; grate job; gud; goodie; goody; nice; noice; correct
    correctly; righto; perfect; perfecto; perf; prefect; excellent; exactly; exact; precisely; awesome; amazing
    brilliant; wonderful; fantastic; superb; fab; fabulous; terrific; marvelous; magnificent; splendid; lovely
    beautiful; neat; sweet; bingo; bravo; hooray; hurray; hurrah; yay; yippee; woo; woohoo; woot; whoo; boom; stellar
    smart; clever; impressive; congrats; congratulations; kudos; props; solid; winner; jackpot; victory; hallelujah
    thnx; tnx; accurate; very good; very nice; so good; better; lit; based; goated; epic; magic; okey dokey
    okie dokie; okey; okie; oki; okidoki; alrighty; got it; gotcha; not bad; aha; ah yes; ooh; tada; voila; excellente
    a plus; 10 10; 100; hundred percent
""")

# --- They judge if they open a clause and nothing has been judged before: manners, and a direction. ---

MANNERS = phrases("""
    🙂; right; thanks; thank you; thank; thx; ty; tysm; cheers; cool; finally; wow; whoa; success; done; true; super
""")

# --- They reject after praise. ---

BUT = phrases("""
    i (want|need|wanted|needed|meant) the; also (picked|added|took|grabbed); yours (is|has); mine (is|has)
    but (it|that|he|she|they) is; but (it|that|he|she) has; but (mine|my)
    but (i|we) (was|is|would|wanted|meant|need|needed|want|think|asked|said|had|mean|see|thought|described)
    but (i|we) (would); but the one; but the other; but (there is|theres) (another|a better|one more like|one that)
    but with; but without; but in (mine|my); but (look|see|try|find) (for|the|at|again|another); but facing
    but pointing; but a different; but another; but the (right one|correct|real|actual|bird|shape)
    but you (picked|clicked|missed|forgot|took|have); but more; but less
    but (taller|shorter|bigger|smaller|larger|wider|thinner|fatter|thicker|narrower|longer|higher|lower|rounder)
    but (flatter|sharper|pointier); but upside; but only; but the wrong
    but the (bigger|smaller|taller|shorter|wider|thinner|fatter) one; except (it|that|i|the|for|mine)
    only (it|that) is the; too bad; it is just not; just not; what a shame; what a pity
""")

# --- They judge if they are all of a clause. ---

WHOLE_REJECTION = phrases("""
    fail; failed; rejected; denied; flip side; keep (looking|trying|searching); forgot one; (one|two|2|1) short
    (0|zero) (2|3|4|5); good grief; can you read; just (great|brilliant|lovely|wonderful); that went well
    well that went well; (it|that) went well; smooth; typical; just wow; genius; einstein; sherlock; as expected
    of all things; really; seriously; huh; what; why; how; hello; again; instead; n; bad; error; false; warm; warmer
    cold; colder; hot; hotter; opposite; the opposite; other way; other way round; the other way; the other direction
    opposite direction; the other side; meh; stop; excuse me
""")

# --- What was judged before does not count any longer. ---

TAKEN_BACK = phrases("""
    never mind; nevermind; nvm; nvmd; scratch that; strike that; forget it; forget that; forget what i; forget i
    ignore that; ignore my; ignore what i; disregard; my bad; my mistake; my fault; my error; my apologies
    i was wrong; i was mistaken; i made a mistake; im wrong; i am wrong; i misread; misread; i misspoke; misspoke
    mistyped; i mistyped; typo; i misclicked; i misjudged; misjudged; i confused; i take (it|that) back; just kidding
    kidding; jk; jokes; joking; i stand corrected; spoke too soon; false alarm; hit the wrong key; wrong key
    wrong button; at the wrong (picture|one|row|shape|image|thing|tangram|screen|piece); second look; second thought
    second thoughts; mistakes happen; correction; edit; i thought that was; i thought it was; autocorrect
""")

# --- They judge nothing, though words of theirs would. ---

HARMLESS = phrases("""
    not right (side|arm|angled|facing|handed)
    no (hurry|rush|hassle|pressure|offense|offence|hard feelings|harm done|comment|excuse)
    (almost|nearly) (a|an|like|round|flat|touching|square|all|the shape); error (sign|message|mark)
    false (teeth|tooth|nose|alarm|beard); a wrong (answer|turn|sign); (earlier|before) (is|) wrong; last wrong one
    wrong way (round|around|up); the wrong way; wrong side (up|out); wrong end
    right (side|arm|hand|foot|leg|wing|corner|edge|angle|half|end|eye|ear|part|bottom|top|after|below)
    right (above|of|there|triangle|arrow|facing|pointing|to|in|on|at|away|here|pointed|handed|side up|angled)
    right (shoe|boot|knee|shoulder|most|under|beside|behind|middle|leaning|direction); do not touch anything
    not (gonna|going to) lie; never better; no (idea|one|more|matter|longer|clue); i was worried; a bit worried
    good luck; good morning; good evening; good night; close (together|to|by|up|the|your|your eyes)
    hot (dog|air|tub|pot|dogs); cold (drink|weather); no problem with; cool hat; cold war; hot air balloon
    fire (truck|place|hydrant|engine|man|fighter|works); top (hat|left|right|of|part|half|is|view|has|down)
    sick (man|person|bed); super (man|hero|woman|mario); magic (wand|lamp|carpet|hat); check (mark|mate|list)
    score board; sweet (potato|corn); thank (you|u) but; fine line; dope
    what (looks|appears|seems|could|resembles|i see|id|i would|is left); how about; how many; why not
    stop (sign|light|watch); hello kitty; boom box; ace of; king of
""")

# --- Hints that something else was wanted. They count if nothing was judged, and the speaker does not go on. ---

HINTS = phrases("""
    i meant; i mean; i said; i say; i told; i asked; i wanted; i needed; i was looking; i was thinking; i was talking
    i was describing; i described; i am talking; rather the; i had in mind; still need the; still looking
    still missing; still want; supposed; should; shoulda; mine; my one; my description; more like; not so much
    instead; the intended; meant; you picked; you have; you clicked; you selected; you chose; you got; you took
    you removed; you dropped; you forgot; you put; you went; you did; you deselect; the one you; your other; other one
    other ones; others; different one; different; another try; another one; elsewhere; somewhere else; someone else
    same mistake; still the same; the same one; same one; twice; second time; third time; than that; than it
    than the one; than this; bit more; bit less; a little more; a little less; a lot more; much more; even more; a tad
    opposite; opposite direction; its neighbour; its neighbor; neighbour i
    the one (beside|next to|above|below|under|behind) it; its twin; its brother; its sister; flip it; turn it
    more try; rotate it; confusion; confuse; confused; check again; attention; reread; listen; ignore; ignored; hint
    remember; sorry; you should; one missing; one is missing; missing one; an extra; one extra; extra one; zero out
    zero of; none right; look to the; mirror image; where is; where are; do you; did you; dont you; are you; have you
    can you see; it has to; it needs to; has to be; must be; ought to; could be better; do better; my grandma
    my grandmother; a blind; whatever; one of two; that one has; yours; your one; needed
""")

COMPARATIVES = set_of("""
    taller shorter bigger smaller larger wider thinner fatter thicker narrower longer higher rounder flatter sharper
    pointier darker skinnier slimmer steeper straighter smoother older younger simpler fuller deeper lighter heavier
    curvier broader chubbier tinier leaner squarer spikier closer further farther softer stronger calmer bendier
    sadder happier
""")

# Words of a speaker who goes on to another tangram.
GOING_ON = phrases("""
    next; now; then; also; finally; lastly; following; another is; another target; another extra; after that; plus
    there is also; moving on; move on; lets; let us; who is left; to go; continue; as well; too; remaining
""")

# Interjections, greetings and manners: a clause opens after them, and they judge nothing themselves.
FILLERS = set_of("""
    aah absolutely actually again ah ahh alright alrighty also and anyhow anyway apparently aw aww believe bloody
    bro buddy but certainly clearly completely damn dear definitely dude eh ehm em er erm err freaking friend
    fucking geez god goodness gosh guess guys ha haha hahaha heck heh hehe hell hey hi hm hmm hmmm honestly i jeez
    just k kk like lmao lol lord luckily maam man mate maybe mm mmm now obviously oh ohh ok okay okk omg oof ooh ow
    pal partner perhaps please pls plz probably sadly sir so sorry still suppose sure surely then think tho though
    totally uh uhm um umm well yo
""")


# Words that may follow what ends a clause.
TRAILING = set_of("""
    again all along too this time now there then tho though lol haha hehe as well also one ones please pls thanks
    thank you for me mate man dude bro buddy guys friend sir here today indeed either anyway after in the end so
    very much a lot queen king shape piece choice thing already yet alright ok okay at first lmao sorry yes no i
    think guess believe
""")

# Words that begin another clause.
SPLITTING = set_of("""
    and because wait lol lmao haha hahaha hehe yet tho then now next anyway which whereas if oh
""")

# Adverbs that change nothing of a judgement.
ADVERBS = set_of("""
    absolutely actually also bloody certainly clearly completely damn definitely entirely even finally freaking
    fucking honestly indeed kinda literally mostly obviously perfectly pretty probably quite really sadly simply
    somewhat totally truly very
""")

# After "no", where it is no quantifier: "no the fat one" against "no legs".
AFTER_NO = set_of("""
    the that this it its he she they those these i im ive you your youre u we my mine not dont sorry try pick select
    click choose find look deselect please wait no nope wrong but thats is was a an other another thank
""")

# Words that turn the judgement after them into its opposite.
NEGATORS = set_of("not never nothing isnt aint hardly without neither cannot")

SAME_AS = {
    word: expansion.split()
    for word, _, expansion in (
        line.partition(": ")
        for line in phrases("""
    thats: that is; its: it is; hes: he is; shes: she is; theyre: they is; youre: you is; ur: you is
    your right: you is right; theres: there is; heres: here is; im: i is; ive: i have; youve: you have
    youd: you would; itd: it would; youll: you will; id: i would; isnt: is not; isn: is not; arent: is not
    wasnt: is not; werent: is not; aint: is not; dont: do not; doesnt: does not; didnt: did not; didn: did not
    doesn: does not; cant: cannot; wont: will not; wouldnt: would not; couldnt: could not; hasnt: has not
    havent: have not; whats: what is; wheres: where is; hows: how is; whos: who is; lets: lets; ones: one is
    tht: that; tha: that; dis: that; dat: that; ths: that; these: that; those: that; this: it; u: you; was: is
    were: is; are: is; be: is; being: is; been: is; nt: not; nto: not; though: but; although: but; however: but
    ain: is not; teh: the; 1: one; nxt: next; w: with; pls: please; plz: please; seemed: seems; looked: looks
    seem: seems; wanna: want to; gonna: going to; gotta: have to; cuz: because; bc: because; cos: because
    shouldnt: should not; hadnt: had not; selected: picked; clicked: picked; chose: picked; chosen: picked
    tapped: picked; ya: ya; no1: no one; noone: no one
""")
    )
}
"""Contractions in full, and one word for those that mean the same here."""

# --- Other languages: what opens a clause as "no" and "yes" do, and what judges wherever it stands. ---


@dataclass(frozen=True, slots=True)
class Language:
    """The words of a language.

    Attributes:
        rejects: What opens a clause as "no" does.
        approves: What opens a clause as "yes" does.
        undoes: Verbs that ask for an undo.
        common: Words that most sentences have; with none the language is read only where it judges.
    """

    rejects: tuple[str, ...]
    approves: tuple[str, ...]
    undoes: tuple[str, ...] = ()
    common: frozenset[str] = frozenset()


_LISTED: dict[str, tuple[str, ...]] = {
    "Spanish": (
        "no; incorrecto; incorrecta; equivocado; equivocada; falso; ese no; esa no; eso no; ese no es; "
        "esa no es; no es; asi no; otra vez; te equivocaste; error; tampoco; ninguno; casi; nop; el otro; la otra",
        "si; sip; correcto; correcta; bien; muy bien; perfecto; perfecta; genial; exacto; exactamente; eso es; "
        "ese es; esa es; vale; bueno; buena; estupendo; excelente; claro; gracias; asi es; muy bueno; "
        "de acuerdo; listo; increible; fantastico; bravo",
        "deshaz; deshazlo; deshagalo; se equivoco; deshacer; quita; quitalo; quitala; quitar; elimina; "
        "eliminalo; deselecciona; "
        "deseleccionalo; deseleccionar; borra; borralo; saca; sacalo; cambialo; desmarca; desmarcalo",
        "el la los las un una unos de del con y que en es por para su sin sobre al parece ahora siguiente luego "
        "tiene hacia como otro arriba abajo izquierda derecha casa",
    ),
    "French": (
        "non; faux; incorrect; mauvais; mauvaise; pas ca; pas celui; pas celle; pas bon; pas le bon; "
        "pas la bonne; ce nest pas; cest pas; nest pas; pas du tout; erreur; presque; lautre; plutot; "
        "encore rate; aucun; nan; pas lui",
        "oui; ouais; ouaip; correct; bien; tres bien; parfait; parfaite; super; exact; exactement; cest ca; "
        "cest bon; cest bien; cest lui; cest juste; bravo; genial; nickel; daccord; voila; merci; excellent; "
        "bon; bonne; bien joue; juste; impeccable; tout a fait",
        "annule; annuler; annulez; enleve; enleve le; enleve la; enlevez; retire; retire le; retirez; "
        "deselectionne; deselectionner; supprime; efface; defais; decoche; reviens",
        "le la les un une des du de et que qui avec en est sur dans pour au aux a son sa ses sans maintenant "
        "ensuite puis suivant prochain prochaine gauche droite comme vers cest ressemble",
    ),
    "German": (
        "nein; nee; ne; falsch; nicht; nicht das; nicht der; nicht die; nicht richtig; das nicht; der nicht; "
        "leider; leider nein; leider nicht; fehler; verkehrt; quatsch; daneben; das andere; der andere; "
        "die andere; doch nicht; stimmt nicht; keins; no; nö; noe; nochmal; noch mal",
        "ja; jo; jawohl; jep; jup; genau; richtig; korrekt; gut; sehr gut; prima; super; perfekt; stimmt; "
        "klasse; passt; danke; alles klar; wunderbar; ausgezeichnet; spitze; fein; bestens; exakt; sehr schon; "
        "gut gemacht; das ist es; das ist richtig; super gemacht; schon; hervorragend; jawoll",
        "abwahlen; abwaehlen; wahl das ab; ruckgangig; rueckgangig; entfernen; entferne; entfern; loschen; "
        "losche; weg damit; weg; mach das weg; nimm das weg; nimm das raus; zuruck; deselektieren; "
        "wieder abwahlen; raus damit",
        "der die das den dem des ein eine einen einem einer und mit ist nach auf im in zum von ohne fur jetzt "
        "dann als nachste nachstes nachster weiter links rechts oben unten sieht aus wie noch",
    ),
    "Portuguese": (
        "nao; nop; errado; errada; incorreto; incorreta; nao e; nao esse; nao essa; esse nao; essa nao; "
        "isso nao; falso; erro; quase; o outro; a outra; tente de novo; de novo; nem; nenhum; ta errado",
        "sim; correto; correta; certo; certa; bom; boa; muito bem; muito bom; perfeito; perfeita; isso; "
        "isso mesmo; isso ai; exato; exatamente; otimo; otima; obrigado; obrigada; beleza; excelente; claro; "
        "esse mesmo; ta certo; e isso; aham; valeu; bem; maravilha; acertou; parabens",
        "tira; tira esse; tira essa; tira isso; tire; remove; remova; desfaz; desfaca; desfazer; desmarca; "
        "desmarque; deseleciona; desselecione; apaga; cancela; retira; volta",
        "o a os as um uma de do da dos das com e que em no na nos nas por para sem sobre agora proximo proxima "
        "depois parece esquerda direita como cima baixo",
    ),
    "Italian": (
        "no; sbagliato; sbagliata; errato; errata; falso; scorretto; non; non quello; non quella; non questo; "
        "non e; quello no; questo no; errore; quasi; laltro; laltra; riprova; macche; nessuno; hai sbagliato; "
        "peccato",
        "si; sì; corretto; corretta; giusto; giusta; bene; molto bene; perfetto; perfetta; bravo; brava; "
        "bravissimo; bravissima; esatto; esattamente; ottimo; ottima; benissimo; va bene; grazie; certo; "
        "eccellente; buono; proprio quello; e lui; fantastico; ben fatto; ci siamo",
        "annulla; annullare; togli; toglilo; toglila; rimuovi; rimuovilo; deseleziona; deselezionalo; cancella; "
        "cancellalo; leva; levalo; elimina; eliminalo",
        "il lo la i gli le un uno una di del della con e che in nel nella per su sul al alla da senza adesso ora "
        "poi prossimo prossima sembra come sinistra destra sopra sotto",
    ),
    "Dutch": (
        "nee; neen; fout; foute; verkeerd; verkeerde; niet; niet die; niet deze; die niet; dat niet; niet goed; "
        "onjuist; helaas; bijna; de andere; opnieuw; probeer opnieuw; klopt niet; geen; jammer; nope",
        "ja; jep; jazeker; goed; heel goed; goed zo; juist; correct; prima; perfect; klopt; dat klopt; precies; "
        "mooi; super; inderdaad; bedankt; dank je; dankjewel; goed gedaan; oke; oké; helemaal goed; geweldig; "
        "uitstekend; dat is m; dat is hem; lekker; zeker; netjes",
        "haal weg; haal die weg; haal dat weg; haal hem weg; haal deze weg; verwijder; verwijder die; "
        "verwijder dat; deselecteer; weg ermee; weghalen; ongedaan; ongedaan maken; terug; weg; annuleer; zet uit",
        "de het een en met van op in naar is die dat zonder voor nu dan volgende lijkt als links rechts boven "
        "onder hogere",
    ),
    "Polish": (
        "nie; zle; źle; blad; błąd; niepoprawnie; nieprawda; zly; zła; zły; nie ten; nie ta; nie to; niestety; "
        "prawie; inny; inna; niedobrze; nieprawidlowo; cofnij; odznacz; usun; usuń; zdejmij; wroc; pomylka",
        "tak; dobrze; dobra; poprawnie; swietnie; swietna; super; zgadza sie; zgadza się; wlasnie; właśnie; "
        "idealnie; doskonale; brawo; pieknie; pięknie; dziekuje; dziękuję; dzieki; no tak; to ten; to ta; "
        "zajebiscie; prawidlowo; jasne",
    ),
    "Russian": (
        "нет; не; неверно; неправильно; не то; не тот; не та; не так; ошибка; мимо; неа; плохо; другой; другая; "
        "другое; почти; отмени; отменить; убери; убрать; удали; сними; верни; ne to; ne tot; nyet; niet; "
        "nepravilno; neverno; uberi; otmeni; неправильный; net ne to; net net; зря; опять",
        "да; верно; правильно; хорошо; отлично; молодец; точно; супер; идеально; ага; угу; именно; прекрасно; "
        "так; спасибо; класс; отлично; ладно; замечательно; круто; da; pravilno; verno; horosho; otlichno; "
        "molodets; tochno; правильный; есть; здорово; браво",
    ),
    "Ukrainian": (
        "ні; неправильно; не те; не той; прибери; скасуй",
        "так; правильно; добре; чудово; вірно; дякую",
    ),
    "Turkish": (
        "hayır; hayir; yanlış; yanlis; yanlıs; degil; o degil; bu degil; olmadı; olmadi; yok; hatali; hatalı; "
        "geri al; geri; kaldır; kaldir; sil; iptal; diğeri; digeri; oburu; maalesef; öbürü; cıkar; cikar; "
        "neredeyse; tekrar dene; tekrar",
        "evet; dogru; tamam; guzel; harika; super; mukemmel; iyi; aynen; oldu; tesekkurler; tesekkur; bravo; "
        "cok iyi; cok guzel; kesinlikle; muhtesem; aferin; olur; tebrikler; dogrudur; iste bu; tam isabet",
    ),
    "Chinese": (
        "不; 不对; 不是; 不行; 不要; 不好; 错; 错了; 搞错; 选错; 没有; 取消; 撤销; 撤回; 去掉; 删除; 删掉; "
        "另一个; 另外一个; 别; 再试; 重来; 重选; 換; 换; 錯; 不對; 差一点; 可惜; 移除; bu dui; budui; bu shi; "
        "cuo le",
        "对; 对的; 對; 是; 是的; 好; 好的; 没错; 不错; 正确; 正確; 很好; 太好了; 太棒了; 棒; 真棒; 完美; 可以; "
        "谢谢; 就是它; 就是这个; 嗯; 厉害; 没问题; 优秀; 行; dui; dui de; shi de; hao de; hen hao; 非常好; "
        "真厉害; 答对; 選對; 选对",
    ),
    "Japanese": (
        "いいえ; いえ; いや; 違う; 違います; 違った; ちがう; ちがいます; 間違い; 間違って; まちがい; だめ; ダメ; "
        "ダメです; 駄目; ではない; じゃない; ではありません; じゃありません; ううん; 外して; 取り消し; "
        "取り消して; やり直し; 戻して; 不正解; 残念; 惜しい; もう一度; 別の; iie; chigau; chigaimasu; dame; "
        "ノー; 消して",
        "はい; うん; ええ; そう; そうです; 正解; 正しい; 合って; 合ってる; あってる; いいね; いいです; 良い; "
        "よい; よし; 完璧; すごい; ありがとう; その通り; オーケー; オッケー; 素晴らしい; すばらしい; "
        "よくできました; hai; sou desu; seikai; 大丈夫; ばっちり; 正解です; ナイス; お見事; 間違いない; いいよ; "
        "上手",
    ),
    "Korean": (
        "아니; 아니요; 아니오; 아뇨; 아니야; 아냐; 아닙니다; 틀렸어; 틀렸어요; 틀렸습니다; 틀려요; 틀림; 취소; "
        "취소해; 취소해줘; 그거 말고; 말고; 다른; 다른거; 땡; aniyo",
        "네; 예; 응; 맞아; 맞아요; 맞습니다; 그래; 그래요; 좋아; 좋아요; 정답; 정확해요; 완벽해; 완벽해요; "
        "잘했어; 잘했어요; 굿; 감사합니다; 고마워요; 딩동댕; 훌륭해요; 최고",
    ),
    "Arabic": (
        "لا; لأ; خطأ; خطا; غلط; ليس; ليست; مش; مو; غير صحيح; غير; ليس هذا; مش هذا; احذف; احذفه; الغ; ألغ; الغاء; "
        "إلغاء; أزل; ازل; تراجع; شيل; شيله; كلا; الآخر; الاخر; للأسف; la khata; ghalat; la2; قريب",
        "نعم; اجل; أجل; ايوه; أيوه; ايوا; صحيح; صح; تمام; ممتاز; جيد; جيد جدا; رائع; أحسنت; احسنت; شكرا; شكراً; "
        "مضبوط; بالضبط; حسنا; حسناً; طيب; نعم صحيح; naam; aywa; sah; tamam; عظيم; مثالي; جميل; برافو; موافق",
    ),
    "Hindi": (
        "नहीं; नही; ना; न; गलत; ग़लत; यह नहीं; वह नहीं; हटाओ; हटा दो; हटाएं; दूसरा; दूसरी; रद्द; वापस; nahi; "
        "nahin; nahi nahi; galat; nai; hatao; hata do; dusra; yeh nahi; ye nahi; woh nahi; ye galat; गलती; फिर से",
        "हाँ; हां; हा; जी; जी हाँ; सही; सही है; ठीक; ठीक है; अच्छा; बहुत अच्छा; बढ़िया; शाबाश; बिल्कुल; धन्यवाद; "
        "शुक्रिया; उत्तम; haan; haa; han; haan ji; sahi; sahi hai; theek; thik hai; theek hai; accha; acha; "
        "bahut accha; badhiya; shabash; bilkul; shukriya; एकदम; वाह; शानदार; perfect hai",
    ),
    "Swedish, Danish and Norwegian": (
        "nej; nei; fel; feil; forkert; galt; inte; ikke; ikke den; inte den; tyvarr; desvarre; dessverre; "
        "ta bort; fjern; angre; fortryd; den andra; den anden; den andre; nesten; nastan; næsten",
        "ja; jo; japp; ratt; rett; rigtig; riktig; riktigt; korrekt; mycket bra; perfekt; precis; presis; "
        "praecis; præcis; godt; fint; flott; tack; tak skal; takk; stemmer; helt riktig; helt ratt; super; "
        "toppen; kanon; jattebra; bra jobbat; snyggt",
    ),
    "Finnish": (
        "ei; vaarin; ei tuo; ei se; poista; peruuta; toinen; melkein; virhe; ei ole",
        "joo; kylla; oikein; hyva; hienoa; juuri niin; taydellinen; kiitos; juu; aivan; mahtavaa; oikea",
    ),
    "Czech and Slovak": (
        "ne; spatne; nie je; chyba; nespravne; zle; ten ne; zrus; odeber; skoro; to neni; jiny",
        "ano; jo; spravne; dobre; vyborne; skvele; presne; super; dekuji; diky; jasne; hej",
    ),
    "Hungarian": (
        "nem; rossz; helytelen; nem az; nem jo; masik; vond vissza; torold; majdnem",
        "igen; jo; helyes; nagyon jo; tokeletes; pontosan; szuper; koszonom; rendben; ugy van",
    ),
    "Romanian": (
        "gresit; incorect; nu asta; nu e; anuleaza; sterge; celalalt; aproape",
        "da; corect; bine; foarte bine; perfect; exact; bravo; super; multumesc",
    ),
    "Greek": (
        "οχι; λαθος; δεν; αλλο; ακυρωση; αφαιρεσε; oxi; ohi; lathos",
        "ναι; σωστα; σωστο; καλα; τελεια; μπραβο; ακριβως; ευχαριστω; ωραια; nai; swsta; teleia",
    ),
    "Hebrew": (
        "לא; טעות; שגוי; לא נכון; בטל; הסר; תוריד; אחר",
        "כן; נכון; טוב; מצוין; מעולה; בדיוק; תודה; יפה; מושלם; סבבה",
    ),
    "Indonesian and Malay": (
        "tidak; bukan; salah; bukan yang itu; bukan itu; tak; nggak; gak; batalkan; hapus; hampir; yang lain",
        "ya; benar; betul; bagus; iya; sempurna; tepat; baik; terima kasih; mantap; oke",
    ),
    "Vietnamese": (
        "khong; không; sai; sai roi; khong phai; không phải; huy; bo chon",
        "đung; đung roi; dung roi; vang; tot; tuyet; chinh xac",
    ),
    "Swahili and Tagalog": (
        "hapana; si hiyo; sio; hindi; hindi iyan; hindi yan; ondoa",
        "ndiyo; ndio; sawa; vizuri; opo; magaling; nzuri; sahihi",
    ),
}
LANGUAGES = {
    name: Language(
        phrases(rejects), phrases(approves), phrases("".join(more[:1])), frozenset(" ".join(more[1:]).split())
    )
    for name, (rejects, approves, *more) in _LISTED.items()
}
"""The languages that are read beside English."""

COMMON = tuple(language.common for language in LANGUAGES.values() if language.common)

# Words that any sentence is put together with; and, in `ENGLISH`, those that shapes are described with as well.
FUNCTION = set_of("""
    the a an this that these those it its he she his her they their them i my me we our you your of in on at to with
    without by for from as and or but not no is are was were be been has have had do does did can could will would
    should like look looks looking one ones two three four five all both now then last first second third more most
    less very just only left right top bottom up down side facing pointing pointed deselect pick select click choose
    find get go please kind there here what who which where when how so too also out into over under yes if about
    through some something somebody someone thing things shape piece
""")
ENGLISH = FUNCTION | set_of("""
    triangle triangles square squares diamond diamonds head leg legs arm arms body person man woman bird house boat
    middle center small big large tall short long wide thin thick flat fat half upside standing sitting walking
    kneeling running lying flying letter arrow old good kinda stuff guy people animal animals dog cat fish tree hat
    hand hands foot feet face neck tail wing wings beak roof door chimney table chair cup bottle box circle line
    point points pointy number young open back front other another next
""")

# "the other bird", where a bird was described before; "a bit more pointed"; "it has a longer neck".
OTHER = frozenset({"other", "different", "another"})
MORE = frozenset({"more", "less", "bit"})
DEGREES = set_of("the a an bit much even little more slightly still try think look go pick it is one no")
OF_THE_SAME = frozenset(
    {("it", "is"), ("it", "has"), ("it", "looks"), ("he", "is"), ("he", "has"), ("she", "is"), ("she", "has")}
)

# "the bird no", against "one with no", "or not"; "no need to", "do not have to".
BEFORE_LAST_NO = set_of("or if why with my say")
NO_NEED = frozenset({"no", "not"})
NEED = frozenset({"need", "have", "reason", "necessary", "want", "point"})
AFTER_NEGATOR = set_of("the a that so too it is")

# "a wrong letter E" describes, "the wrong letter" judges.
INDEFINITE = frozenset({"a", "an"})
