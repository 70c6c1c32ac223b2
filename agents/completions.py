"""Reads what an endpoint of the chat-completions protocol sends: an answer, an error, or how long to wait.

Servers differ in the form of all three. What is read here of any JSON whatever raises nothing.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

WITHHELD = re.compile(
    r"content[ _-]?(filter|policy|management|moderation|exists risk)|responsible ?ai|moderation|(\b|_)safety\b|flagged"
    r"|usage (polic|guideline)|guardrail|jailbreak|high risk|inappropriate content|content violates|data_inspection"
    r"|prohibited[ _]content|sensitive[ _]|敏感内容|^(sensitive|recitation|blocklist|spii)$",
    re.IGNORECASE,
)
"""How servers say that a content filter keeps back an answer, or takes no such prompt."""

CUT_OFF = re.compile("length|max_|limit|exceeded|error|abort|cancel|insufficient|incomplete|timeout", re.IGNORECASE)
"""What `finish_reason` says of an answer that has no end, as it was longer than allowed or something broke off."""


def read_json(content: bytes) -> Any:
    """Returns what the body of an answer holds, None if it is no JSON. Bytes that are no UTF-8 are replaced."""
    try:
        return json.loads(content.decode("utf-8-sig", "replace"))
    except (ValueError, RecursionError):
        return None


def error_in(found: Any) -> dict[str, Any]:
    """Returns what the body of an answer says of an error, which may come with any status; {} if it says nothing."""
    if isinstance(found, list):
        found = found[0] if found else None
    if not isinstance(found, dict):
        return {}
    choice = found["choices"][0] if isinstance(found.get("choices"), list) and found["choices"] else None
    for error in (found.get("error"), choice.get("error") if isinstance(choice, dict) else None):
        if error:
            return error if isinstance(error, dict) else {"message": str(error)}
    return {} if "choices" in found else found


def message_of(error: Mapping[str, Any]) -> str:
    """Returns an error in words."""
    said = error.get("message") or error.get("detail") or error
    return said if isinstance(said, str) else json.dumps(said)


def status_of(error: Mapping[str, Any]) -> int | None:
    """Returns the status that the body of an error names."""
    for field in ("code", "status", "status_code"):
        if re.fullmatch("[45][0-9][0-9]", str(error.get(field))):
            return int(str(error[field]))
    return None


def refused_fields(error: Mapping[str, Any], fields: Collection[str]) -> set[str]:
    """Returns those fields of a request that an error names as the ones that the server does not take."""
    named = [error.get("param")]
    for detail in error["detail"] if isinstance(error.get("detail"), list) else []:
        place = detail.get("loc") if isinstance(detail, dict) else None
        named += place if isinstance(place, list) else []
    # A place may be a path, such as "body.seed".
    words = re.findall(r"\w+", (json.dumps(named) if any(named) else message_of(error)).lower())
    return {name for name in fields if name in words}


def is_filtered(error: Mapping[str, Any], status: int) -> bool:
    """Whether an error with a status says that a prompt was refused for what is in it."""
    inner = error.get("innererror")
    reasons = [error.get("code"), error.get("type"), inner.get("code") if isinstance(inner, dict) else None]
    said = message_of(error)
    # Other errors may tell in such words of an account; one known server has a moderator, and repeats what was flagged.
    if status in (200, 400, 422, 451) or re.match("content violates", said, re.IGNORECASE):
        reasons.append(said)
    flagged = status == 403 and "flagged_input" in str(error.get("metadata"))
    return flagged or (status != 401 and any(WITHHELD.search(str(reason)) for reason in reasons))


def first_choice(found: Any) -> dict[str, Any] | None:
    """Returns the first choice of a completion, with its message, None if there is none."""
    choices = found.get("choices") if isinstance(found, dict) else None
    choice = choices[0] if isinstance(choices, list) and choices else None
    if not isinstance(choice, dict):
        return None
    if is_withheld(choice) and not isinstance(choice.get("message"), dict):
        return choice | {"message": {}}
    return choice if isinstance(choice.get("message"), dict) else None


def withheld(reason: str) -> dict[str, Any]:
    """Returns the choice of an answer that a content filter keeps back, for the reason that the server gave."""
    return {"finish_reason": "content_filter", "message": {"role": "assistant", "content": None, "refusal": reason}}


NOTHING: dict[str, Any] = {"finish_reason": None, "message": {"role": "assistant", "content": None}}
"""The choice of a completion that has none."""


def is_withheld(choice: Mapping[str, Any]) -> bool:
    """Whether a content filter kept back the answer, or some of it."""
    return bool(WITHHELD.search(str(choice.get("finish_reason"))))


def said(choice: Mapping[str, Any]) -> tuple[str, str]:
    """Returns what a model wrote, and why that is no answer whatever it says, "" if it may be one.

    What a model thinks aloud is no answer, be it in a field or in a part of its own.
    """
    message = choice["message"]
    content = message.get("content")
    parts = content if isinstance(content, list) else [content]
    text = "".join(map(_text, parts))
    refusals = [message.get("refusal"), *(part.get("refusal") for part in parts if isinstance(part, dict))]
    refusal = next((refusal for refusal in refusals if refusal and isinstance(refusal, str)), "")
    calls = message.get("tool_calls") or message.get("function_call")
    if is_withheld(choice):
        return text or refusal, "withheld by a content filter"
    if CUT_OFF.search(str(choice.get("finish_reason"))):
        return text, "cut off"
    if refusal or choice.get("finish_reason") == "refusal":
        return refusal or text, "a refusal"
    if calls:
        return json.dumps(calls), "a call of a tool"
    return text, ""


def _text(part: Any) -> str:
    """Returns the text of a part of what a model wrote, "" if it is no text."""
    if isinstance(part, dict):
        if part.get("type", "text") not in ("text", "output_text") or part.get("thought") is True:
            return ""
        part = part.get("text")
        if isinstance(part, dict):
            part = part.get("value")
    return part if isinstance(part, str) else ""


def seconds_to_wait(headers: Mapping[str, str]) -> float | None:
    """Returns how long the server asks to wait, None if it says nothing that can be read, or a time that is past."""
    for header, unit in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        try:
            asked = float(headers.get(header, "")) / unit
        except ValueError:
            continue
        if asked >= 0 and math.isfinite(asked):
            return asked
    try:
        until = parsedate_to_datetime(headers.get("retry-after", ""))
    except ValueError:
        return None
    wait = (until.replace(tzinfo=until.tzinfo or UTC) - datetime.now(UTC)).total_seconds()
    return wait if wait > 0 else None
