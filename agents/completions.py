"""Reads responses of chat-completions endpoints: an answer, an error, or a time to wait.

Servers differ in the form of all three. These readers accept any JSON without raising an error.
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
"""Words by which servers report that a content filter withheld an answer or refused a prompt."""

CUT_OFF = re.compile("length|max_|limit|exceeded|error|abort|cancel|insufficient|incomplete|timeout", re.IGNORECASE)
"""Values of `finish_reason` for an unfinished answer: it was too long, or something broke off."""


def read_json(content: bytes) -> Any:
    """Returns the content of a response, None if it is not JSON. Invalid UTF-8 bytes are replaced."""
    try:
        return json.loads(content.decode("utf-8-sig", "replace"))
    except (ValueError, RecursionError):
        return None


def error_in(found: Any) -> dict[str, Any]:
    """Returns the error in a response, which may have any status; {} if it reports none."""
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
    """Returns the message of an error."""
    said = error.get("message") or error.get("detail") or error
    return said if isinstance(said, str) else json.dumps(said)


def status_of(error: Mapping[str, Any]) -> int | None:
    """Returns the status that a response's body names."""
    for field in ("code", "status", "status_code"):
        if re.fullmatch("[45][0-9][0-9]", str(error.get(field))):
            return int(str(error[field]))
    return None


def refused_fields(error: Mapping[str, Any], fields: Collection[str]) -> set[str]:
    """Returns the fields of a request that an error names as unsupported."""
    named = [error.get("param")]
    for detail in error["detail"] if isinstance(error.get("detail"), list) else []:
        place = detail.get("loc") if isinstance(detail, dict) else None
        named += place if isinstance(place, list) else []
    # A place may be a path, such as "body.seed".
    words = re.findall(r"\w+", (json.dumps(named) if any(named) else message_of(error)).lower())
    return {name for name in fields if name in words}


def is_filtered(error: Mapping[str, Any], status: int) -> bool:
    """Whether an error with this status says that a content filter refused the prompt."""
    inner = error.get("innererror")
    reasons = [error.get("code"), error.get("type"), inner.get("code") if isinstance(inner, dict) else None]
    said = message_of(error)
    # Account errors may use similar words. One known server has a moderator, and repeats the flagged text.
    if status in (200, 400, 422, 451) or re.match("content violates", said, re.IGNORECASE):
        reasons.append(said)
    flagged = status == 403 and "flagged_input" in str(error.get("metadata"))
    return flagged or (status != 401 and any(WITHHELD.search(str(reason)) for reason in reasons))


def first_choice(found: Any) -> dict[str, Any] | None:
    """Returns the first choice of a completion with its message, None if there is none."""
    choices = found.get("choices") if isinstance(found, dict) else None
    choice = choices[0] if isinstance(choices, list) and choices else None
    if not isinstance(choice, dict):
        return None
    if is_withheld(choice) and not isinstance(choice.get("message"), dict):
        return choice | {"message": {}}
    return choice if isinstance(choice.get("message"), dict) else None


def withheld(reason: str) -> dict[str, Any]:
    """Returns the choice for an answer that a content filter withheld, with the server's reason."""
    return {"finish_reason": "content_filter", "message": {"role": "assistant", "content": None, "refusal": reason}}


NOTHING: dict[str, Any] = {"finish_reason": None, "message": {"role": "assistant", "content": None}}
"""The choice for a completion without any."""


def is_withheld(choice: Mapping[str, Any]) -> bool:
    """Whether a content filter withheld the answer, or part of it."""
    return bool(WITHHELD.search(str(choice.get("finish_reason"))))


def said(choice: Mapping[str, Any]) -> tuple[str, str]:
    """Returns a model's text, and the reason why it cannot be an answer, "" if it may be one.

    Thoughts are not part of the answer, whether they are in a field or in a part of their own.
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
    """Returns the text of a part of a model's message, "" if the part is not text."""
    if isinstance(part, dict):
        if part.get("type", "text") not in ("text", "output_text") or part.get("thought") is True:
            return ""
        part = part.get("text")
        if isinstance(part, dict):
            part = part.get("value")
    return part if isinstance(part, str) else ""


def seconds_to_wait(headers: Mapping[str, str]) -> float | None:
    """Returns the seconds that the server asks to wait, None if it names no readable time, or a past one."""
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
