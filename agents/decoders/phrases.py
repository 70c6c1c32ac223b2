"""What people say about an action, in lists by its meaning: the phrases of the lexical decoder.

Phrases are written as people say them, and are separated by semicolons or line breaks. "(it|that) is" stands for two
phrases, and "{look} again" for one with any word of a kind (`CLASSES`). Phrases and replies are read alike
(`phrasebook.canonical`), so "that is right" also covers "thats right". The phrases were thought up as what people in
general would type: English in full, other languages by the words of `LANGUAGES`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import product

from multiref_gym.agents.decoders.words import set_of


def phrases(listed: str) -> tuple[str, ...]:
    """Returns the phrases in a list, one for each combination of the alternatives in brackets."""
    found = dict[str, None]()
    for phrase in filter(None, (" ".join(phrase.split()) for phrase in re.split(r"[;\n]", listed))):
        parts = [part.split("|") for part in re.split(r"[()]", phrase)]
        found |= dict.fromkeys(" ".join("".join(choice).split()) for choice in product(*parts))
    return tuple(found)


CLASSES = {
    "{it}": set_of("it that he she they him her them both all everything"),
    "{n}": set_of("zero one two three four five six seven eight nine ten"),
    "{thing}": set_of("""
        one shape object piece thing image picture item tangram guy bird man woman person figure dude animal house boat
        guys birds men women people figures animals houses boats ones shapes
    """),
    "{pick}": set_of("""
        pick choice selection click move guess one try job work call effort attempt eye catch find going
    """),
    "{good}": set_of("""
        right correct perfect good great fine ok okay true excellent nice awesome amazing brilliant accurate cool lovely
        superb solid wonderful fantastic decent fair bold brave valiant gone
    """),
    "{picked}": set_of("picked got took grabbed added have removed dropped deleted put gave left went"),
    "{want}": set_of("""
        expected hoped want wanted need needed mean meant say said ask asked describe described tell told think thought
        talked
    """),
    "{look}": set_of("look try guess think search check read pick choose find reread rethink listen"),
    "{swap}": set_of("swap switch change replace exchange"),
    "{other}": set_of("other different another second real actual intended"),
    "{fault}": set_of("""
        problem problems problemo prob probs worries worry complaint complaints doubt doubts doubting mistake mistakes
        error errors issue issues fault faults flaw flaws objection objections correction corrections change changes
        question questions kidding sweat biggie harm trouble stress fuss regrets notes argument arguments joke surprise
        surprises miss misses wrong wrongs fail
    """),
    "{gone}": set_of("""
        removed undone unselected deselected unpicked taken cleared off gone out dropped removing undoing away
    """),
    "{awful}": set_of("""
        bad sad disappointing pathetic ridiculous unbelievable hopeless useless dumb stupid lame dreadful
        painful horrible terrible awful rubbish garbage trash absurd nonsense embarrassing hilarious
    """),
    "{more}": set_of("""
        taller shorter bigger smaller larger wider thinner fatter thicker narrower longer higher rounder flatter
        sharper pointier darker skinnier slimmer steeper straighter smoother older younger simpler fuller deeper lighter
        heavier curvier broader chubbier tinier leaner squarer spikier closer softer stronger calmer
        bendier sadder happier
    """),
}
"""Kinds of words, by the names that stand for any of their words in a phrase. `ASKED` is one more kind."""

ASKED = "{asked}"
"""Stands for any describing word of the request before the reply."""

# --- They judge anywhere, and the last of them counts. ---

REJECTION = phrases("""
    wrong; rong; nope; npoe; noep; nop; better luck; (slow|calm) down; your (eyes|brain|head)
    (slightly|bit|little|just) off; off by; more of (a|an) {thing}; incorrect; uncorrect; wrong ish; nah; naw; nay
    nuh; nuh uh; uh uh; nono; nonono; oops; whoops; negative; a no; no nothing; yes no; i mean no
    meant (no|to say no); no (good|way|dice|cigar|luck|sir|no|match|try|thanks|thank you); hell no; unfortunately
    (im|i is|) afraid
    not (what|at all|even close|close|exactly|matching|both|all|enough|for me|so much|sure about that|even a)
    not (right|correct|good|perfect|great|fine|ok|okay|the same as|what was|what i|what we|as i|like i|how i)
    not (a match|the one|that one|the right|the correct|the {asked}|a {asked}|one of mine|one of my|one of the|one of)
    not (it|that|him|her|them|mine|my|in my|part of my|on my|among)
    (it|that) is not (the|a {asked}|an {asked}|{asked}); cannot be (it|the|that|my|mine|him|her|right)
    is no {asked}; none of {it}; neither (of|one); nowhere near; anything but
    exactly (not|the opposite|the reverse|the wrong|the other)
    (just|quite|the exact|the complete) (opposite|reverse)
    (just|quite|the exact|the complete|the|) (opposite|reverse) of (what i|my|what) ({want}|)
    (just|quite) the opposite; (none|neither|not one) (of {it}|) is {good}
    could not is (further|farther|worse|more) (off|wrong|away|); {n} is (off|bad); everything but {it}
    (afraid|think|fraid|hope|believe) not; i doubt it; i do not think so; disagree; do not agree
    (going|have) to say no; there goes; how hard; too bad; (first|other|old) ({thing}|{asked}|) is better
    thumbs down; epic fail; do not (want|need|like|pick|select|click|choose) (it|that|them|the)
    did not (ask|want|say|mean|mention|describe); did not tell; never (said|asked|mentioned|wanted|told)
    (it|that) does not (look|have|match|fit|seem); does not (have|match|fit|count); you is (way|far|so far) off
    off the mark; (so|way|very|that) far off; way off; miles off; further off; (be|get) worse; worse than before
    you is (close|near|warm|cold|hot|almost|getting); (bad|poor|terrible|awful|horrible) {pick}
    (nice|good|great|{good}) (try|effort|attempt|tries); (good|great) job (ignoring|ruining|not|messing); mistake
    misclick; misclicked; misunderstood; misunderstanding; you mis(read|heard|took|clicked)
    (confused|confusing|ignored) {it}; (mixed|messed|screwed) (it|that|them|) up; mix up; mixup; went wrong
    ruins it; ruined it; spoils it; spoiled it
    (it|that) is the one (with|without|beside|behind|below|above|under|near|to|on)
    if {asked} (had|have|is|could|can)
    (it|that|this) is (another|a different|{more}|the {more}|the {other}) (one|{thing}|{asked})
    wrong to say (yes|so); should have said no; should not have said
    the ({thing}|{asked}) (i|we) ({want}|see) (has|is|looks|does|should)
    {it} is (still there|still on|really|meant|supposed); got removed

    (have|has|is|got|picked) a (wrong|bad) ({thing}|{asked}|); (put|bring|add) {it} (in|on) again
    (just lost|lost me); is unclear; re add; do over; (ctrl|control|cmd) z; backspace; rewind; rollback; backtrack
    restore (it|that|the|what); (send|hand|give|pass) {it} back; (re add|readd|add back) ({it}|the)
    return (it|that|the last); trade {it}; get rid; back out; yeet (it|that)
    back to (how|what|where|before|the way); (like|as) it was before; go back (one|to|a); step back; back one
    back up; start (over|again); (come|turn|off) off; off it goes; off please; walk it back; roll back
    (click|pick|select|choose|hit|press|tap) {it} again; (bring|put|add) {it} (back|on again|again); reselect
    {swap} (it|that|them|the|your); (fix|flip|mirror|rotate|revert|reverse) (it|that|your|the|my); reverse you
    get {it} (off|out); throw {it} (back|away|out again); never mind the; keep (looking|trying|searching)
    (look|read|search|check|listen) (closer|closely|careful|carefully|more|properly|better|harder|around)
    {look} (it|that|them|) (again|once more|twice|harder); (take|have) a (closer|better|second|good|proper) look
    (have|take) a look (again|once more|twice|harder); (one|another) more (try|guess|go|chance|attempt|time)
    (have|take|give it) another (go|try|look|guess|shot|chance|read); second try; count again; pay attention
    try (another|a {other}|the {other}|something else|some other); wake up; focus; be serious
    not (focused|listening); is not (listening|reading|looking|paying); do not (read|listen|look|pay)
    to be kidding; (not|) even trying; there is a better

    you (missed|forgot|skipped|ignored|overlooked); missed (it|one|that|the|a); too (many|few|much); so many
    {n} (bad|miss); is extra; got lost; the ({thing}|{asked}) you {picked} is (a|an|the); missing the {other}
    i is missing; is missing one; (zero|no) (points|score); minus {n}; score zero
    but not (the|that|it|both|all|quite|mine|my); where did; {n} too many; one too; more than i; less than i
    short (by|of) {n}; zero (out of|of|for) {n}; have (an|one|{n}) extra; half of it; back to (zero|square)
    we lost; one (less|fewer); we is down {n}; {it} is (short|a miss); you is {n}; strike {n}; only half
    only {n} of {it}; what a mess; you (took|removed) {n}; (has|have|needs|need) to come
    there is (another|a {other}|a {more}|two) (one|{thing}|{asked}); fits better; better fit
    (would|could|can|should) do better; turns out you; it does not say

    (hold|hang) on; thanks for nothing; (yeah|ya|yea|sure) right; just great; slow clap; in your dreams; good grief
    (super|so|real) helpful; genius move; how (lovely|helpful|nice); wtf; wth; ffs; smh; facepalm; face palm
    (nice going|well done|great job|good one|way to go|congrats|bravo|nice one|good job) (genius|einstein|sherlock)
    for (fucks|gods|heavens|christs|petes|goodness) sake; for the love of; what (the|on) (hell|heck|fuck|earth)
    how on earth; (same|opposite) (game|day); a joke; a bot; (click|clicking) random; random (click|clicks)
    (one|a) job; i give up; i quit; trolling; first language; your idea of; to school; (be|is) kidding
    {it} is {awful}; you is {awful}; why not the {asked}; do i look; is any(one|body) (there|home|reading)
    (do|are) we (looking|playing|seeing|even|have|see); earth to
    (yeah|sure|ok|right|yes|well) (if|because|whatever); because (that|it|{asked}) (is|looks|have|has|totally)
    (totally|clearly|obviously) a {asked}; that is some; some help; big help; fat chance; a million years
    (could|would|can) (do|pick|choose|guess) better; another wrong; i hate; speechless; words fail
    i cannot (even|with|believe you); kill me; help me; of course you; not again
    for the (last|{n}|third|second|tenth|hundredth|millionth) time; played yourself; (said|asked) nobody; you never
    how could; just (clicking|guessing|picking); at random; if i is (describing|looking|asking|after|talking)
    (well|good) (till|until); said no one; nobody (asked|said); tell me it is; if (it|that) is (a|an) {asked}
    the famous; must be nice; last time i (checked|looked); (where|planet) you (is|come|live) from; come on; cmon
    give me (a break|strength)
    are you (blind|kidding|joking|serious|drunk|asleep|sure|even|deaf|awake|listening|looking|reading|guessing|trolling)
    you (blind|kidding|joking|sure|serious); (do|did|can|could|have) you (even|not|really|ever|bother)
    who (told|asked|said); why (did|would|do|have|is|on earth|that|the|not|you|so|both|{n}); you call (it|that)
    how (is|does|can|could|would) {it}; how is (a|the); what part of; in what (world|way|universe); on what planet
    since when; excuse me; (is|does|do) {it} (look like|even|really|what you|supposed|meant|seem)
    am i (invisible|talking); what (is|was) (it|that|wrong); (what|where) are you (doing|looking|thinking)
    what were you; what did (you|the); should i (draw|spell|repeat|explain|say); do i (need|have) to
    how many times; (like|as) i (said|told|wrote)
    but i (wanted|meant|said|want|mean|needed|need|asked|was|am|had|think); i wanted the; 👎
""")

REMOVAL = phrases("""
    let (it|that|that one) go; (it|that|one) can go; start (it|that) one over
    (should|must|can|could|has to|have to|need to|needs to|want to|gotta) is {gone}
    (needs|need|has|want|like) (it|that|) {gone}
    (want|like|have|get|need) (it|that|that one|the last one|this one) {gone}; (must|gotta) (go|leave|come off)
    (off|away|out|down) with {it}; no need for {it}; (do|did) not need {it}
    (has|have|needs|need|got) to (go|disappear|vanish|leave|be out); (does|do) not belong; no business
    (should|is|are|was) not (be|have|supposed|meant) (to be|) (there|on|selected|picked|in|here|part|)
""")
"""They reject unless the reply mentions an older choice."""

APPROVAL = phrases("""
    you got it; {it} is not (hard|bad|wrong|difficult); is not (hard|bad|wrong|difficult)
    well (done|spotted|played|picked); wel (done|don); well don
    (good|great|nice|excellent|fine|amazing|awesome|superb|lovely|solid) {pick}; (good|great|nice) (stuff)
    (keep|leave) (it|that|the|them|both|your|all|everything); keep (going|it up)
    is not it (fun|great|funny|something|{good}); how did you (know|guess|do); psychic; killing it
    are you a (genius|wizard|psychic|magician|star|machine|mind reader); no extra; you have {n} {good}
    you found (the|my|a|it); (you|) got the {asked}; {asked} (found|is right|is correct|is good|done)
    stick with it; hold on to it
    do not (change|touch|move|drop|swap|alter) (it|that|them|a thing|nothing|anything); let it (be|stay); it stays
    can stay; nothing (wrong|bad|to (fix)|to change|to correct|to complain|to deselect|to improve|to add|to worry)
    deselect nothing; not (wrong|bad|incorrect|too bad|that bad|half bad|too shabby|shabby|mistaken|hard)
    not (a|one) (single|mistake|problem|bad|wrong|doubt|flaw) (mistake|error|miss|wrong|fault|one wrong|complaint|)
    not a single (bad|) (one|move|pick|click|); no more; better than
    (never|not) (wrong|in doubt|doubt|doubted) (you|it|that|)
    did not (doubt|fail|disappoint|go wrong|miss|expect you|think you)
    (no|zero|without|without any|without a) {fault}
    no (need|fool|lie|cap|further|wonder|reason to|mean feat|small feat)
    no (other changes|wrong move|wrong moves|longer wrong|longer there); no longer picked
    cannot (complain|argue|fault|go wrong|be better|ask for|do better|beat|say no)
    could not (be better|be happier|have said|have done|agree|ask for|have been)
    would not (change|have done|do anything|have it|touch|alter|argue); (got|had|get) it right; get that right
    got that right; guessed (right|it); nailed (it|that); spot on; bang on; dead on; right on; on point
    on the money; bulls eye; bullseye; hole in one; (picked|found|got|have) (the right|the correct|exactly|what i)
    is exactly; exactly (what|that|it|the|right|so); the one i (was|am|had|{want})
    (what|as|who) i (was|had in mind|{want}|going); (it|that) is the {asked} i (was|had|{want}); on a (streak|roll)
    {n} in a row; hat trick; is the (right|correct) ({thing}|choice|answer|pick)
    (that|it|you) is the (right|correct)
    you (understood|understand|rock|rule|nailed|got this|know me|read my mind|figured it|did (it)|did great|did well)
    you are (good|great|amazing|awesome|the best|a star|a genius|on fire|killing); read my mind; mind reader
    off the board; good riddance; glad (it|that|you); happy with (it|that); love it; i (like|love) it
    all (good|right|correct|clear|is well|fine|of them right|set); so far so good; (close|good) enough; fine by me
    works for me; that (works|will do|does it|did it|will work); {n} down
    (halfway|half way|almost|nearly) (there|done); to go; half done; meant (to say|) yes; i mean {good}; i mean yes
    say yes to that; yes (it|that) (is|does); yes that (one|); agree; agreed; thumbs up; approved; accepted
    two thumbs; good to go; (right|correct|perfect) again; i see it; makes sense; fair enough; that makes {n}
    that is number {n}; {n} so far; two (of|out of|for|) two (is|) ({good}|)
    three (of|out of|for|) three (is|) ({good}|); four (of|out of|for|) four (is|) ({good}|)
    five (of|out of|for|) five (is|) ({good}|); {n} more to; 👍
""")

# --- They judge at the end of a clause. ---

LAST_APPROVAL = phrases("""
    (it|that) is (a|an|my) {asked} ({asked}|); {it} is; (it|that) does; i do; you got; {good} deselect
    (it|that) is the {asked} ({asked}|); (it|that) (fits|works|did); you did; better; much better
    the {asked} (i|we) {want}
""")

# --- They reject a half-right action, and the rest of the clause says which half was right. ---

HALF_RIGHT = phrases("""
    just one of (them|that|the); only (found|got|picked) {n}
    only {n} (is|of|should) (right|correct|them|that|the|); only {n} (right|correct)
    {n} (of|out of) {n} (is|) {good}; only (half|the first|the second|the last one|part|some); one of two (right|)
    (all|everything) (except|but) (one|{it}|the|that one); half (right|correct|wrong)
    (partly|partially) (right|correct|wrong); not (both|all); (half|some|part|one|two) of (them|that|the two|it) is
    the {thing} yes the
""")

# --- They judge at the end of a clause, or at its beginning if nothing was judged before. ---

CLAUSE_APPROVAL = phrases("""
    ({it}|you|that one) is {good}; ({it}|that one) is (spot on|it|him|her|them|the one|the ones|one|mine)
    ({it}|that one) is (one of them|one of mine|a match|the guy|the man|the bird); {n} (is|) {good}
    (is|looks|seems) it; (is|looks|seems|sounds|look) ({good}|the one|him|her); you (had it|have it|have them)
    (done|complete)
    (got|get|gotten|did|nailed|found|guessed|have) (it|them|both|him|her|that|em|all|that one|all of them|right)
    (got|get|gotten|did|nailed|found|guessed|have) (all|) (three|four|five|everything); there (you|we) go
    there you have it; (both|all) {good}; (pick|picked) (right|correctly|well); guessed correctly
    (the|) (right|correct) one; that is better
""")

# --- They judge at the beginning of a clause if nothing was judged before, or as the whole clause. ---

OPENING_REJECTION = phrases("""
    oof; ruh roh; ouch; boohoo; facepalm; error; false; no; not; neither; none; (do|did|does|is) not; {it} is not
    that is (a|an|my); that (has|one is); mistake; almost; nearly; close; closer; (so|very|getting) (close|closer)
    too (big|small|tall|short|wide|thin|narrow|fat|thick|long|round|flat|sharp|high|low|far|pointy|large|skinny|simple)
    not quite; close but; getting warmer; ugh; argh; grr; urgh; gah; bah; boo; booo; yikes; sigh; eww; ew; bruh
    doh; dang; damn it; dammit; crap; shoot; darn; tsk; tut; hmph; pfft; excuse; sorry but; terrible; awful
    horrible; useless; rubbish; fix it; fix that; redo; retry; the correct; flip it; reverse it; aargh; arrgh; omfg
    jeez; ah yes the
""")

OPENING_APPROVAL = phrases("""
    yes; good; nice; yep; yup; yeah; yea; ya; yah; yas; yass; ye; yis; yus; yessir; yessiree; yee; aye; indeed
    affirmative; y; uh huh; uhuh; mhm; mmhm; mm hm; mm hmm; mhmm; yeh; yeppers; yup yup; you bet; sure thing
    of course; certainly; absolutely; definitely; totally; great; gr8; grate job; gud; goodie; correct; correctly
    perfect; perf; prefect; exactly; exact; precisely; awesome; amazing; brilliant; wonderful; fantastic; superb
    fab; fabulous; terrific; marvelous; magnificent; splendid; lovely; beautiful; neat; sweet; bingo; bravo; hooray
    hurray; hurrah; yay; yippee; woo; woohoo; woot; whoo; boom; stellar; smart; clever; impressive; congrats
    congratulations; kudos; props; solid; winner; jackpot; victory; hallelujah; thnx; tnx; accurate; very good
    very nice; so good; better; lit; based; goated; epic; magic; okey dokey; okie dokie; okey; okie; oki; okidoki
    alrighty; got it; gotcha; not bad; aha; ah yes; ooh; tada; voila; excellent; gone; a plus; ten ten; 100
    hundred percent
""")

# --- Manners and a direction. They judge at the beginning of a clause if nothing was judged before. ---

MANNERS = phrases("""
    🙂; right; thanks; thank you; thank; thx; ty; tysm; cheers; cool; finally; wow; whoa; success; done; true; super
""")

# --- They reject after praise. ---

BUT = phrases("""
    but no; i ({want}) the; also {picked}; (yours|mine) (is|has); but {it} (is|has); but (mine|my)
    but (i|we) (was|is|would|had); but (i|we) {want}; but the (one|{thing}|{asked})
    but the ({other}|{more}|right one|correct)
    but (there is|theres) (another|a better|a {more}|one more like|one that); but (with|without|facing|pointing)
    but in (mine|my); but (look|see|try|find) (for|the|at|again|another); but a {other}; but another; but {more}
    but you {picked}; but you (missed|forgot); but (more|less|upside|only|wrong|the wrong); but not
    except (it|that|i|the|for|mine); only {it} is the; (it|that) is just not; just not; what a (shame|pity)
""")

# --- They judge as the whole clause. ---

WHOLE_REJECTION = phrases("""
    clear; reset; my god; good lord; jesus; jesus christ; christ; sheesh; geez; woof; bzzt; says who; whatever
    if you say so; that hurts; that is sad; disappointed; fail; failed; miss; missed; half; five zero; minus one
    {awful}; bro; dude; omg; wut; wat; bot; no comment; out; off; undone; (very|so|real|too) funny; ha ha
    as (usual|always|expected); like always; figures; that figures; (the|) other
    (the|) other (direction|side|end|way); both; need both; fifty fifty; 50 50; one two; something else
    can you (read|count|see|hear); sure why not; only {n}; retract; one of the {other}; upside down
    (stupid|bad|dumb) bot; restart; rejected; denied; flip side; keep (looking|trying|searching); forgot one
    {n} short; zero {n}; strike; good grief; just (great|brilliant|lovely|wonderful); well that went well
    (it|that) went well; smooth; typical; just wow; genius; einstein; sherlock; of all things; really; seriously
    huh; what; why; how; hello; again; instead; n; error; false; warm; warmer; cold; colder; hot; hotter; opposite
    the opposite; other way round; opposite direction; meh; stop; excuse me
""")

# --- They take back the judgement before them. ---

TAKEN_BACK = phrases("""
    never mind; nevermind; nvm; nvmd; scratch that; strike that; forget it; forget that; forget what i; forget i
    ignore that; ignore my; ignore what i; disregard; my bad; my mistake; my fault; my error; my apologies
    i was mistaken; i made a mistake; im wrong; i am wrong; i misread; misread; i misspoke; misspoke; mistyped
    i mistyped; typo; i misclicked; i misjudged; misjudged; i confused; i take (it|that) back; just kidding
    kidding; jk; jokes; joking; i stand corrected; spoke too soon; false alarm; hit the wrong key; wrong key
    wrong button; at the wrong (picture|one|row|shape|image|thing|tangram|screen|piece); second look
    second thought; second thoughts; mistakes happen; correction; edit; i thought (that|it) was; autocorrect
    fat (fingers|finger|thumbs); butterfingers; finger slipped; hold up
""")

# --- They judge nothing, although they contain words that would. ---

HARMLESS = phrases("""
    negative sign; sorry looking; like a mistake; (no|stop|exit) entry; not right (side|arm|angled|facing|handed)
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
    i also {want}; stop (sign|light|watch); hello kitty; boom box; ace of; king of
""")

# --- Hints that something else was wanted. They count if nothing is judged and the speaker does not go on. ---

HINTS = phrases("""
    let me (rephrase|describe|explain|say|try|clarify); to clarify; clarification; in other words; differently
    how do i put; how about it; (has|have|see) no {asked}; {asked} (usually|always|normally); that is (so|) close
    more of (a|an); i {want}; i (was|is) (looking|thinking|talking|describing|after|asking|hoping); had in mind
    rather the; still need the; still (looking|missing|want); supposed; should; shoulda; must be; ought to; has to
    needs to; (have|need) to be; could be better; it would be; mine; my one
    my (description|clue|message|hint|{asked}); yours; your one; neighbour i; more like; less like; not so much
    instead; the intended; meant; you {picked}; your other; {other} (one|ones|try|{asked}); {other} way
    the one you; elsewhere; somewhere else; someone else; same mistake; (still|) the same one; same one
    still the same; twice; {n} time; (second|third|fourth) time; than (that|it|the one)
    than the (one|{thing}|last); (bit|little|lot|much|even) (more|less); a tad; opposite
    its (neighbour|neighbor|twin|brother|sister); the one (beside|next to|above|below|under|behind) it
    (flip|mirror|rotate|turn) (it|that); confusion; confuse; confused
    {look} (something else|another one|a {other} one|the {other} one|a {other} {thing}|anew|elsewhere); check again
    attention; reread; ignore; ignored; hint; remember; sorry; (one|is|still) missing; (an|one|{n}) extra
    extra one; zero out; none right; the {asked} one; look to the; mirror image; where (is|are); do you; did you
    dont you; are you; have you; do better; (my|a) (grandma|grandmother|blind); whatever; one of two; that one has
    needed; the (one|{thing}|{asked}) (i|we) {want}; the one with (the|a) {asked}; {asked} not
    there is (two|three|another|a {other}|more) {asked}; (the|a) {more} (one|{asked}); {more} {asked}
    {asked} is {more}; (is|has) (a|) {more}; the {other} {asked}; (second|third|first) {asked}
    {asked} (have|do not|does not|should|needs); {asked} (as in|like i); {n} {asked} only; (just|only) one {asked}
""")

REQUESTS = phrases("""
    (can|could|would|will) you; do you see; is there; (how|what) about; what (looks|is left|resembles|could be)
    which (one|is|looks|shape)
""")

HINTS_FIRST = phrases("""
    the {asked} (points|faces|goes|is|should|looks); picture a; {n} to the; (like|similar to|same as) that
    (try|go) (left|right|up|down); (just|only) (the|a) {asked}; repeat; (right|just|) beside (it|that); one beside
    (left|right) of it; see (above|my|the); {asked} please; waiting (for|on) (the|it|that); (has|have) {n}; so near
    getting there; the (neighbor|neighbour); not (the|a|an); (much|way|far|lot|even|slightly|bit) {more}
    {asked} (means|is|is not); only please; try the one; you; (your|ur) ({pick}|{thing}|{asked}); yours; my
    that (has|does|do|would|will|cannot|could|looks|one)
    try (one|it|again|another|this|for|the {other}|the {more}|the {asked}|{asked}|on); missing one
    (look|search|hunt) for (one|the one|the {asked}); look (at|closer); think; imagine; guess; {more}; needs a
    (it|that) is the; (is|does|do|was) {it}; clue; (the|a|) {asked} has; {asked} one; (other|different) {thing}
    looking for; it is upside; re read; forgot (the|a|my); one (over|up|down|row)
    the one (beside|above|below|under|on|in|to|at|behind|over|right); to the (left|right) of (it|that)
    and (the|my) (second|other|third|rest); what about the (other|second|rest); my (left|right); check the
    (flip|mirror|rotate|turn) (it|that); (compare|count|focus|read|scroll|zoom); {n} (out |)of {n}
    {asked} (has|is|with a)
""")
"""They are hints at the beginning of a clause only."""

# The speaker goes on to another tangram.
GOING_ON = phrases("""
    go (on|ahead); proceed; onward; we have {n}; (want|need|like) you to
    that is the (first|second|third|fourth|fifth); that is (all|everyone|everything|{n}); {n} {n}
    my (other|next|last|second|third|final); {n} (more|left|remaining|to find); last (one|is); the last; final
    next; now; then; also; finally; lastly; following; another is; another target; another extra; after that; plus
    there is also; moving on; move on; lets; let us; who is left; to go; continue; as well; too; remaining
""")

# Interjections, greetings and manners. They judge nothing, and the beginning of a clause comes after them.
FILLERS = set_of("""
    aah absolutely actually again ah ahh alright alrighty also and anyhow anyway apparently aw aww believe bloody
    bro buddy but certainly clearly completely damn dear definitely dude eh ehm em er erm err freaking friend
    fucking geez god goodness gosh guess guys ha haha hahaha heck heh hehe hell hey hi hm hmm hmmm honestly i jeez
    just k kk like lmao lol lord luckily maam man mate maybe mm mmm now obviously oh ohh ok okay okk omg oof ooh ow
    pal partner perhaps please pls plz probably sadly sir so sorry still suppose sure surely then think tho though
    kindly totally uh uhm um umm well yo
""")


# Words that may follow a phrase which must be at the end of a clause.
TRAILING = set_of("""
    again all along too this time now there then tho though lol haha hehe as well also one ones please pls thanks
    thank you for me mate man dude bro buddy guys friend sir here today indeed either anyway after in the end so
    very much a lot queen king shape piece choice thing already yet alright ok okay at first lmao sorry yes no i
    think guess believe
""")

# Words that begin another clause.
SPLITTING = set_of("""
    and wait lol lmao haha hahaha hehe yet tho then now next anyway which whereas oh
""")

# Adverbs that do not change a judgement.
ADVERBS = set_of("""
    absolutely actually also bloody certainly clearly completely damn definitely entirely even finally freaking
    fucking honestly indeed kinda literally mostly obviously perfectly pretty probably quite really sadly simply
    somewhat totally truly very
""")

# Words after a "no" that judges: "no the fat one", but not "no legs".
AFTER_NO = set_of("""
    the that this it its he she they those these i im ive you your youre u we my mine not dont sorry try pick select
    click choose find look deselect please wait no nope wrong but thats is was a an other another thank
""")

# Words that reverse the judgement after them.
NEGATORS = set_of("not none never less fewer almost nearly nothing isnt aint hardly without neither cannot")

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
    tht: that; tha: that; dis: that; dat: that; ths: that; these: that; those: that; this: it; u: you
    0: zero; 2: two; 3: three; 4: four; 5: five; 6: six; 7: seven; 8: eight; 9: nine
    10: ten; b4: before; 2nd: second; 3rd: third; 4th: fourth; earler: earlier; ealier: earlier; was: is
    were: is; are: is; be: is; been: is; nt: not; nto: not; though: but; although: but; however: but
    ain: is not; teh: the; urs: yours; 1: one
    nxt: next; w: with; pls: please; plz: please; seemed: seems; looked: looks
    seem: seems; wanna: want to; gonna: going to; gotta: have to; cuz: because; bc: because; cos: because
    shouldnt: should not; hadnt: had not; selected: picked; clicked: picked; chose: picked; chosen: picked
    tapped: picked; highlighted: picked; ticked: picked; ya: ya; no1: no one; noone: no one
""")
    )
}
"""Contractions in full, and one word for all words of the same meaning here."""

# --- Other languages. Each has words that begin a clause, as "no" and "yes" do in English, and verbs of undoing. ---


@dataclass(frozen=True, slots=True)
class Language:
    """The words of a language.

    Attributes:
        rejects: Words that begin a clause as "no" does.
        approves: Words that begin a clause as "yes" does.
        undoes: Verbs that ask for an undo.
        common: Words that are in most sentences. Without them, only judgements are read in this language.
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
"""The languages that are read besides English."""

COMMON = tuple(language.common for language in LANGUAGES.values() if language.common)

# The common words of any sentence. `ENGLISH` adds common words of descriptions.
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

# Words of `FUNCTION` that do describe.
DIRECTIONS = set_of("left right up down top bottom upside facing pointing pointed side middle")

# "a bit more pointed"; "it has a longer neck".
MORE = frozenset({"more", "less", "bit"})
OF_THE_SAME = frozenset(
    {("it", "is"), ("it", "has"), ("it", "looks"), ("he", "is"), ("he", "has"), ("she", "is"), ("she", "has")}
)

# After praise, "undo that too" means another action.
ALSO = set_of("too also")
# Words before a "but" that begins no clause: "all but one".
BEFORE_BUT = set_of("all everything nothing anything both everyone")
# "a man about to drop it" and "thanks for removing it" ask for nothing.
DONE_OR_TOLD = phrases("(about|trying|ready|tries|wants|going) to; (thanks|thank|you) for")
# "the bird no" judges, "one with no" and "or not" do not.
BEFORE_LAST_NO = set_of("or if why with my say")
# "no need to", "do not have to"
NO_NEED = frozenset({"no", "not"})
NEED = frozenset({"need", "have", "reason", "necessary", "want", "point"})
AFTER_NEGATOR = set_of("the a that so too it is")

# "a wrong letter" describes, "the wrong letter" judges.
INDEFINITE = frozenset({"a", "an"})
