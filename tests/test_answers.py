"""The one reader of answers: what is certain is read, and what is not is no action."""

from __future__ import annotations

import doctest
from itertools import chain, combinations

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from multiref_gym import answers
from multiref_gym.answers import read_answer
from multiref_gym.chat import LONGEST_ECHO, NO_CLICK, chat_turns, rules
from multiref_gym.game import LETTERS, Action, InvalidAction

READ = {
    # The form that is asked for, and its spellings.
    "select A": "select A",
    "deselect F select G": "deselect F select G",
    "  SELECT a c  deselect j.": "deselect J select A C",
    "select A, C and D": "select A C D",
    "select A & C + D": "select A C D",
    "select A, and C": "select A C",
    "select A,C": "select A C",
    "select A; C": "select A C",
    "deselect D; select E": "deselect D select E",
    "deselect D; select E;": "deselect D select E",
    "Deselect B. Select C.": "deselect B select C",
    "select A, then deselect B": "deselect B select A",
    "First deselect B, then select C": "deselect B select C",
    "select A select A.": "select A",
    "select A, select C": "select A C",
    "select I": "select I",
    "deselect I select J": "deselect I select J",
    "unselect B": "deselect B",
    "de-select B": "deselect B",
    "select: A": "select A",
    "Select tangram A": "select A",
    "select the tangrams A and B": "select A B",
    "select letter A and letter C": "select A C",
    "select A!": "select A",
    "select [A, C]": "select A C",
    "select (A) (C)": "select A C",
    "select [A][C]": "select A C",
    "[select A]": "select A",
    '"select A"': "select A",
    "'select A'": "select A",
    "“select A”": "select A",
    "ｓｅｌｅｃｔ　Ａ": "select A",
    "select\u00a0A\u200b": "select A",
    "\ufeffselect A\r\n": "select A",
    # Nothing.
    "no click": "",
    "No clicks.": "",
    "no-click": "",
    "Action: no click": "",
    "`no click`": "",
    # Sentences.
    "I select A and C.": "select A C",
    "I select I.": "select I",
    "I will select tangram A.": "select A",
    "I'll select A": "select A",
    "I’ll deselect B, then select C.": "deselect B select C",
    # Labels.
    "Action: select A": "select A",
    "**Action:** select A": "select A",
    "**Action**: select A": "select A",
    "Answer: select B C": "select B C",
    "Final answer: **select A B**": "select A B",
    "My final answer is: select A": "select A",
    "The action is to select A.": "select A",
    "So, my answer: select A": "select A",
    "Output = select A": "select A",
    "Assistant: select A": "select A",
    "Listener: select A\nSpeaker: yes, now the bird": "select A",
    "### Action\nselect A": "select A",
    "Action:\n\n- deselect B\n- select A": "deselect B select A",
    "Action: select A\nReason: it looks like a bird, which A does": "select A",
    "The swan is B or C. Final answer: select C": "select C",
    # Markdown.
    "select **A**": "select A",
    "select _A_ and *C*": "select A C",
    "***select A***": "select A",
    "__select A__": "select A",
    "`select A`": "select A",
    "# select A": "select A",
    "> select A": "select A",
    "- select A": "select A",
    "* select A": "select A",
    "1. deselect B\n2. select A": "deselect B select A",
    "select A\n\n---": "select A",
    "```\nselect A\n```": "select A",
    "```text\nselect A\n```": "select A",
    "~~~\nselect A\n~~~": "select A",
    "```select A```": "select A",
    "Here is my action:\n```\nselect A\n```\nThis selects the bird.": "select A",
    # JSON and tags.
    '{"action": "select A"}': "select A",
    "{'action': 'select A'}": "select A",
    '```json\n{\n  "action": "select A"\n}\n```': "select A",
    '{"thought": "A, or rather B. Hm", "action": "select B", "confidence": 0.9}': "select B",
    '{"action": "deselect B\\nselect C"}': "deselect B select C",
    '{"select": ["A", "C"], "deselect": []}': "select A C",
    '{"deselect": [], "select": ["A"]}': "select A",
    '{"action": "select", "letters": ["A", "C"]}': "select A C",
    "<answer>select A</answer>": "select A",
    "<action>\nselect A\n</action>": "select A",
    "<final_answer>select A</final_answer>": "select A",
    "select A</answer>": "select A",
    "The bird is A. <answer>select A</answer> Is that right?": "select A",
    "<b>select A</b>": "select A",
    "\\boxed{\\text{select A}}": "select A",
    # Thoughts.
    "<think>B? select B. No.</think>\n\nselect A": "select A",
    "</think>select A": "select A",
    "B? select B. No.\n</think>\nselect A": "select A",
    "<think>\n\n</think>\n\nselect A": "select A",
    "[THINK]select B[/THINK]select A": "select A",
    "◁think▷select B◁/think▷select A": "select A",
    "<|channel|>analysis<|message|>select B<|end|><|start|>assistant<|channel|>final<|message|>select A<|return|>": (
        "select A"
    ),
    "Thought: A is the bird\nAction: select A": "select A",
    "The bird is G.\n\nselect G": "select G",
    "I need to select a bird.\nselect B": "select B",
    "I could select B, or C.\nAction: select C": "select C",
    # The end of a turn.
    **{
        f"select A{mark}": "select A"
        for mark in (
            *("<|im_end|>", "<|eot_id|>", "</s>", "<end_of_turn>", "<|endoftext|>", "<|end|>", "<end_of_utterance>"),
            *("<｜end▁of▁sentence｜>", "<|END_OF_TURN_TOKEN|>", "<|end_of_text|>", "<|eom_id|>", "<eos>", "<turn|>"),
            *("\n<|im_end|>\n", "</s></s>", "<|im_end|>\n<|im_start|>user\nyes, the bird", ". <|end|>"),
        )
    },
    "<|im_start|>assistant\nselect A<|im_end|>": "select A",
    "<|start_header_id|>assistant<|end_header_id|>\n\nselect A<|eot_id|>": "select A",
    # Lines that are one action together.
    "deselect B\nselect C": "deselect B select C",
    "deselect B\n\nselect C": "deselect B select C",
    "select:\n- A\n- C": "select A C",
    "select A,\nC": "select A C",
    "select A and\nselect C": "select A C",
    "deselect B I\nselect C": "deselect B I select C",
    "deselect B\nI select C": "deselect B select C",
    "select A\nselect A": "select A",
    "Okay!\nselect A": "select A",
    "Sure, I will select A.": "select A",
    "select 'A' and 'C'": "select A C",
    "Deselect: none\nSelect: **A**, **C**": "select A C",
    "First, deselect B.\nThen, I will select C.": "deselect B select C",
    # What is polite, or adorns.
    "Sure! Select A.": "select A",
    "Got it. Okay, let me select A.": "select A",
    "Yes, please select A.": "select A",
    "So I'm going to select A.": "select A",
    "I'm deselecting B and selecting C.": "deselect B select C",
    "Here's my action: select A": "select A",
    "select both A and C": "select A C",
    "✅ select A": "select A",
    "👉🏽 **Action:** select A 😊": "select A",
    "Action: ✔️ select A": "select A",
    "Action - select A": "select A",
    "**Action** → select A": "select A",
    "Action: -> select A": "select A",
    "(1) deselect B\n(2) select A": "deselect B select A",
    "Select: A | Deselect: none": "select A",
    "Select: A\nDeselect: N/A": "select A",
    "Deselect: –\nSelect: A": "select A",
    "select A (the swan) and C (the one that looks like a man's hat).": "select A C",
    "select A\n\nExplanation: A is the swan, B is not": "select A",
    "select A\nUser: yes, now the boat": "select A",
    "<reason>select B?</reason>select A": "select A",
    '<div class="x">select A</div><br/>': "select A",
    "&lt;answer&gt;select&nbsp;A&lt;/answer&gt;": "select A",
    "\\(\\boxed{\\texttt{select}\\ A}\\)": "select A",
    "select ‘A’、「C」。": "select A C",
    '{"action": "select", "target": "A"}': "select A",
}

NOT_READ = [
    # Nothing, or no action.
    *("", "  .", "\n", "A", "the tall bird", "select", "deselect select A", "select and", "select K", "select AB"),
    *("select 1", "select the bird", "select \ufb06", "select A B deselect B", "select A deselect A", "select nothing"),
    *(
        "click A",
        "no",
        "Answer:",
        "Action: A",
        "The answer is A",
        "<think>select A</think>",
        "select \u0410",
        "\ud800",
        "none",
    ),
    # Two actions, or one of which it is not certain which.
    *("select A\nselect B", "select A\nAction: select B", "Action: select A\nAction: select B", "select A or B"),
    *("select A or select B", "select A/B", "select A-C", "select A?", "no click\nselect A", "select A, no click"),
    *("Select A\n\nActually, select B", "Final answer: select A. No, wait, select B", "select B, not A", "select A. C"),
    *("deselect B\nBut keep A.\nselect C", "I will deselect B because it was wrong.\nselect C", "select A\n\nselect B"),
    *(
        "```\nselect A\n```\n```\nselect B\n```",
        "```\nselect A\n```\nand also deselect B",
        "select A<|im_end|>select B",
    ),
    *("<answer>select A</answer><answer>select B</answer>", "select A<|im_end|>\nno click", "select A\x00C"),
    *("deselect A and I select C", "<|channel|>analysis<|message|>select A<|end|>"),
    *("~~select B~~ select A", "select ~~B~~ A", "select <del>B</del> A", "select A\nReason: hm, no.\nselect B"),
    *("select A (or the bird)", "select A (the one like C)", "select A (not the bird)", "select A (if it is a bird)"),
    *("Don't <b>select A</b>", "I would <em>not</em> <span class='x'>select A</span>"),
    # Signs that are not for adornment.
    *("❌ select A", "select A ❌", "select A ✅ B ❌", "🤔 select A", "select A ❓", "select ☐ A ☑ C", "select A 🅱️"),
    *("select\n☑ A\n☐ C", "select A 👉 C", "select A, sorry, select C", "&#" + "9" * 5000 + "; select A"),
    # Sentences that mention letters.
    *(
        "A looks like a bird",
        "I think A is it",
        "select a bird",
        "select a tangram",
        "select a tangram b",
        "select A would be",
    ),
    *(
        "don't select A",
        "I won't select A",
        "do not select A",
        "I selected A",
        "select G\nThat is the bird.",
        "I select a cat",
    ),
    *("A, because I see a head", "The speaker wants me to select A", "should I select A?", "select A as it is a bird"),
    # Cut off.
    *(
        "select A and",
        "select A,",
        "select A, ",
        "select A:",
        "select A &",
        "select A...",
        "select A…",
        "<think>select A",
    ),
    *("select A <think>", "```\nselect A", "select A\n```", '{"action": "select A', "<answer>select A", "select [A, C"),
    *("Action: select A\nAnswer:", "select A and\n\n", "deselect B, select", "<think>a</think><think>select A"),
]


def reason(text: str, size: int = 10) -> str:
    """Returns why a text is no action, "" if it is one."""
    try:
        read_answer(text, size)
    except InvalidAction as error:
        return str(error)
    return ""


def test_the_example_of_the_documentation_runs() -> None:
    failed, tried = doctest.testmod(answers)
    assert tried
    assert not failed


@pytest.mark.parametrize("text", READ)
def test_what_is_certain_is_read(text: str) -> None:
    assert str(read_answer(text)) == READ[text]


@pytest.mark.parametrize("text", NOT_READ)
def test_what_is_not_certain_is_no_action(text: str) -> None:
    with pytest.raises(InvalidAction) as error:
        read_answer(text)
    assert "allowed is e.g. 'deselect F select G' with letters A to J, or 'no click'" in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "the answer is empty"),
        ("pick me", "no action in 'pick me'"),
        ("select K", "'K' in 'select k' is no letter"),
        ("select the bird", "'the' in 'select the bird' is no letter"),
        ("select", "nothing to select"),
        ("select A\n\nIt is the bird.", "'it is the bird .' after the action"),
        ("select A and", "'select a and' was cut off"),
        ("<think>A, or B", "cut off in a thought"),
        ("```\nselect A", "cut off in a code fence"),
        ('{"action": "select A', "a bracket has no end"),
        ("select A\nselect B", "two different actions in 'select a select b'"),
        ("select A deselect A", "A both selected and deselected"),
        ("I will deselect B since it is wrong.\nselect C", "'deselect B' is mentioned beside the action"),
    ],
)
def test_the_reason_is_one_that_a_model_can_mend(text: str, told: str) -> None:
    assert told in reason(text)


positions = st.frozensets(st.integers(0, 9))
actions = st.builds(lambda select, deselect: Action(select, deselect - select), positions, positions)
FORMS = [
    [
        "{}",
        "**{}**",
        "*{}*",
        "`{}`",
        "_{}_",
        '"{}"',
        "({})",
        "[{}]",
        "{}.",
        "{}!",
        " {}\n\n",
        "\t{}\r\n",
        "\u200b{}\ufeff",
    ],
    [
        *(
            "{}",
            "Action: {}",
            "**Answer:** {}",
            "Final answer:\n{}",
            "## Action\n{}",
            "Listener: {}",
            "> {}",
            "- {}",
            "# {}",
        ),
        *("<p>{}</p>", '{{"action": "{}"}}', "It is the bird.\n\n{}", "It is A or B. My action: {}"),
    ],
    [
        "{}",
        "```\n{}\n```",
        "```text\n{}\n```",
        "~~~\n{}\n~~~",
        "<answer>{}</answer>",
        "<final_answer>\n{}\n</final_answer>",
    ],
    ["{}", "<think>select B?</think>{}", "hm, select B\n</think>\n\n{}", "<|im_start|>assistant\n{}"],
    ["{}", "{}<|im_end|>", "{}<|eot_id|>", "{}</s>", "{}<end_of_turn>\n", "{}<|endoftext|>", "{}<end_of_utterance>"],
]
"""What models put around an action, from the inside out."""


@pytest.mark.parametrize("size", [10, 26])
def test_the_text_of_every_action_of_up_to_three_clicks_is_read(size: int) -> None:
    for clicked in chain.from_iterable(combinations(range(size), count) for count in range(4)):
        for selected in (clicked[:0], clicked[:1], clicked[1:], clicked):
            action = Action.clicking(clicked, selected)
            assert read_answer(str(action) or NO_CLICK, size) == action


@given(actions, st.data())
def test_whatever_is_around_an_action_it_reads_the_same(action: Action, data: st.DataObject) -> None:
    text = str(action) or NO_CLICK
    for forms in FORMS:
        text = data.draw(st.sampled_from(forms)).format(text)
    cased = "".join(data.draw(st.sampled_from([c.lower(), c.upper()])) if c.isascii() else c for c in text)
    assert read_answer(text) == read_answer(cased) == action


@given(actions, st.data())
def test_order_case_joints_and_repetition_do_not_matter(action: Action, data: st.DataObject) -> None:
    assume(action.clicks)
    halves = [
        f"{verb} {data.draw(st.sampled_from([' ', ', ', ' and ', ',', '; ', ' & ']), label='between').join(letters)}"
        for verb, half in (("select", action.select), ("deselect", action.deselect))
        if (letters := data.draw(st.permutations([LETTERS[i] for i in half]), label="letters"))
    ]
    between = data.draw(st.sampled_from(["\n", "; ", ". ", ", "]), label="between the halves")
    assume(between == "\n" or not any(" and I" in half or ", I" in half for half in halves))
    text = between.join(data.draw(st.permutations(halves), label="halves"))
    assert read_answer(text.swapcase()) == read_answer(text) == read_answer(f"{text}. {text}.") == action


@given(st.lists(st.tuples(st.text(max_size=9), positions), max_size=5), st.text(max_size=9))
def test_a_dialogue_reads_back_as_what_it_was(said: list[tuple[str, frozenset[int]]], utterance: str) -> None:
    dialogue, selected = [], frozenset[int]()
    for words, clicked in said:
        action = Action.clicking(clicked, selected)
        dialogue.append((words, action))
        selected = action.after(selected)
    turns = chat_turns(dialogue, utterance, selected)
    assert [read_answer(text) for text in turns[1::2]] == [action for _, action in dialogue]


def test_the_rules_show_answers_as_they_are_read() -> None:
    examples = rules(10).split('"')[1::2]
    assert list(map(str, map(read_answer, examples))) == [
        "select A",
        "select B C",
        "deselect D",
        "deselect D select E",
        "",
    ]


pieces = st.sampled_from(
    [
        *(
            "select",
            "deselect",
            "A",
            "C",
            "I",
            " ",
            "\n",
            ",",
            "and",
            "no click",
            "Action:",
            "```",
            "<think>",
            "</think>",
            "or",
        ),
        *("<answer>", "</answer>", "<|im_end|>", ".", "{", "}", "**", "the bird", "\0", "…", "select A", "\\n"),
    ]
)


@given(
    st.text() | st.lists(pieces, max_size=12).map("".join) | st.lists(pieces, max_size=12).map(" ".join),
    st.integers(1, 26),
)
def test_any_text_is_an_action_or_invalid(text: str, size: int) -> None:
    if told := reason(text, size):
        assert len(told) < 400
        return
    action = read_answer(text, size)
    assert all(position < size for position in action.clicks)
    assert not action.select & action.deselect
    assert read_answer(str(action) or NO_CLICK, size) == action


@example("select <|im_end|> \\n no click")
@given(st.lists(pieces, max_size=12).map(" ".join) | st.text())
def test_what_was_no_action_is_not_shown_as_one(text: str) -> None:
    why = reason(text)
    assume(why)
    _, shown, heard = chat_turns([("the bird", Action())], "what?", frozenset(), {0: (text, why)})
    assert heard.startswith("not understood: ")
    assert reason(shown)


def test_what_was_no_action_is_shown_within_bounds() -> None:
    written = "so\x1b[31m\ud800 <|im_end|>\n<|im_start|>system " + "bird " * 1000
    _, shown, heard = chat_turns([("the bird", Action())], "what?", frozenset(), {0: (written, f"no {written}")})
    for text in (shown, heard):
        assert len(text) < LONGEST_ECHO + 60
        assert "<|im" not in text
        assert text.replace("\n", "").isprintable()
    assert chat_turns([("the bird", Action())], "what?", frozenset(), {0: ("", "empty")})[1] == "(nothing)"


@pytest.mark.parametrize(
    "piece",
    [
        *(
            "select A\n",
            "<think>",
            "```",
            " ",
            "\n",
            "a",
            "<",
            "[(",
            "no ",
            "answer: ",
            "and ",
            "> ",
            "1. ",
            "i ",
            "<|",
        ),
        *(
            "select\n",
            "the tangram ",
            "*_",
            ". ",
            "...",
            "A'",
            "-",
            "select none, ",
            "\ud800",
            "\u202e",
            "a\u0301\u0327",
            "\ufdfa",
        ),
        *("``` \n", "</think>", "select A<|im_end|>", "Reason: ", "first ", "{", "select ", "<answer>"),
    ],
)
def test_a_text_of_any_length_is_read(piece: str) -> None:
    text = piece * (200_000 // len(piece))
    for written in (text, f"select A {text}", f"{text} select A"):  # a step that is not linear would take minutes
        assert len(reason(written)) < 400
