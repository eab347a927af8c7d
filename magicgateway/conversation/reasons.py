"""The words that say why something did not arrive as it was sent: there are no others.

The same loss has the same word, whichever API the caller speaks and whichever is spoken upstream.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Self


class Reason(StrEnum):
    """The third part of a line of ``x-magicgateway-warning``.

    Attributes:
        about: What it means, for the caller.
        detail: What stands behind the word and a hyphen, empty where nothing does.
    """

    about: str
    detail: str

    def __new__(cls, word: str, about: str, detail: str = "") -> Self:
        """A word, what it means, and what follows it."""
        member = str.__new__(cls, word)
        member._value_ = word
        member.about = about
        member.detail = detail
        return member

    @property
    def shown(self) -> str:
        """The word as a table of them has it: ``at-most-N``."""
        return f"{self.value}-{self.detail}" if self.detail else self.value

    # What there is no place for
    UNSUPPORTED = (
        "unsupported-by-target",
        "the API or the model that it is written for has nothing like it",
    )
    BLANK = "blank", "it holds nothing but white space, which the target refuses"
    DUPLICATE = "duplicate", "of two results of one call the last counts"
    SUPERSEDED = "superseded", "another field of the request says the same, and counts"
    NOT_A_PROMPT = "not-a-prompt", "a client's line about its billing, which is not for a model"
    ONE_CALL = "one-function-call", "`function_call` has room for one call only"

    # Numbers and lists
    AT_MOST = "at-most", "the target or the model takes no more", "N"
    AT_LEAST = "at-least", "the target takes no less", "N"
    BESIDE_TEMPERATURE = "beside-temperature", "the model takes `temperature` or it, not both"

    # Reasoning
    ALWAYS_THINKS = "always-thinks", "the model cannot be kept from thinking"
    BUDGET_AS_EFFORT = "budget-as-effort", "the model knows efforts and no budgets"
    BUDGET_IN_BOUNDS = (
        "budget-in-bounds",
        "a budget of thinking is at least 1024 and less than the limit of the answer",
    )
    EFFORT_AS_BUDGET = "effort-as-budget", "the model knows budgets and no efforts"
    FOREIGN_REASONING = (
        "foreign-reasoning",
        "reasoning of an earlier turn goes back only to the model that made and signed it",
    )
    HISTORY_WITHOUT_THINKING = (
        "history-without-thinking",
        "the calls that were just answered were made without thinking, and it cannot begin there",
    )
    NEAREST_EFFORT = (
        "nearest-effort",
        "the model has no such effort, and is given this one",
        "LEVEL",
    )
    NO_ROOM_TO_THINK = "no-room-to-think", "the limit of the answer leaves no room for thinking"
    NOT_WHILE_THINKING = "not-while-thinking", "a model that thinks does not take this value"
    THINKS_WITHOUT_LIMIT = (
        "thinks-without-limit",
        "a model that thinks as hard as it can takes no limit of the answer",
    )
    UNREADABLE = "unreadable", "a token of reasoning came back damaged"

    # Formats and tools
    AS_FUNCTION = "as-function", "a tool that the target does not know by type is a function there"
    BY_PROMPT = "by-prompt", "the format is asked for in words, which bind nobody"
    BY_TOOL = "by-tool", "the format is asked for as the arguments of a tool that has to be called"
    DECLARED_FROM_HISTORY = (
        "declared-from-the-history",
        "tools that were called before have to be declared there, and may be called again",
    )
    NOT_ENFORCED = "not-enforced", "the model is not held to the grammar"
    OTHER_TOOLS_LEFT_OUT = "other-tools-left-out", "only the tools that are allowed are declared"
    SIZE_FOR_USES = (
        "size-for-uses",
        "one API limits how many searches there are, the other how much they bring",
    )
    RESTRICTED_SCHEMA = (
        "restricted-schema",
        "what the target cannot enforce of the schema is told in words in it",
    )
    SCHEMA_NOT_STRICT = "schema-not-strict", "the target cannot hold a model to such a schema"
    TOO_MANY_STRICT = (
        "too-many-strict-schemas",
        "together with the others the schema is more than the target enforces in a request",
    )
    TOOL_IS_FORCED = "tool-is-forced", "it does not go together with a tool that has to be called"
    TOOLS_IN_HISTORY = (
        "tools-are-in-the-history",
        "the target has no choice of none, and the history needs the tools declared",
    )
    TOOLS_LEFT_OUT = "tools-left-out", "a choice of no tool is said by declaring none"
    WRAPPED = "wrapped-in-an-object", "arguments are objects there; the call comes back as asked"

    # Messages
    APART_FROM_RESULTS = (
        "apart-from-the-results",
        "what stands beside results of tools is a message of its own",
    )
    AS_PARTS = "document-as-parts", "a document that is made of parts is those parts"
    AS_TEXT = "told-as-text", "it is told in words that the target can read"
    FILLED = "filler-added", "the target demands a text at that place, and is given a dot"
    HASHED = "hashed", "a name of a user that the target would not take is sent as its SHA-256"
    INVALID_JSON = "invalid-json", "arguments that are no JSON go as `_raw_arguments`"
    MAY_BEGIN_ANEW = (
        "may-begin-anew",
        "the answer's beginning is sent, but the model may not continue it",
    )
    MEDIA_TYPE_CORRECTED = "media-type-corrected", "the first bytes say another type"
    MOVED_AFTER_RESULT = (
        "moved-after-the-result",
        "inside it the target does not take it; it stands after it",
    )
    RENAMED = "renamed", "the target does not take such a name of a file"
    SYSTEM_AS_USER_TEXT = "system-as-user-text", "a system message is a text of the user's there"

    # Cache marks
    AFTER_A_SHORTER = "after-a-shorter-one", "a long lifetime cannot follow a short one"
    NEAREST_LIFETIME = "nearest-lifetime", "the target has other lifetimes of a cache"
    NOT_AFTER_A_FILE = "not-after-a-file", "the target takes no mark after a file"
    TOO_MANY_MARKS = "too-many-cache-marks", "of more than four marks the last four stay"

    # Answers and lists
    BROKEN_OFF = "broken-off", "the provider's connection ended, or there was none"
    BUILT_IN_LIST = "built-in-list", "models that are known to be there, not a list of today's"
    ESTIMATED = "estimated", "the gateway's estimate, where the provider does not count"
    FAILED = "failed", "an [error](errors.md) in place of the provider's list", "CODE"
    NOT_A_LIST = "not-a-list", "what the provider answered is no list of models"
    OTHERS = "others", "so many differences more than there are lines", "N"
    PAUSED = "paused", "the provider has paused, and the caller's API has no word for that"
    STATUS = "status", "the provider answered with this status", "N"
    TIMEOUT = "timeout", "the provider did not answer in time"
    TOO_LARGE = "too-large", "what the provider answered is too much"
