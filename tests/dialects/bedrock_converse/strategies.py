"""Converse requests as callers may write them, for properties."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

Json = dict[str, Any]

WORDS = st.text(
    st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=8
).filter(lambda text: bool(text.strip()))
NAMES = st.text("abcXYZ019_-", min_size=1, max_size=8)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | WORDS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(NAMES, inner, max_size=2),
    max_leaves=4,
)
POINT: Json = {"cachePoint": {"type": "default"}}
BYTES = st.sampled_from(["iVBORw0KGgo=", "iVBORw0KGgoA"])


@st.composite
def texts(draw: st.DrawFn) -> list[Json]:
    """A text, perhaps with a cache point after it."""
    return [{"text": draw(WORDS)}, *([POINT] if draw(st.booleans()) else [])]


IMAGES = st.builds(lambda data: {"image": {"format": "png", "source": {"bytes": data}}}, BYTES)
FILMS = st.builds(
    lambda form, owner: {
        "video": {
            "format": form,
            "source": {"s3Location": {"uri": "s3://bucket/key", "bucketOwner": owner}},
        }
    },
    st.sampled_from(["mp4", "mkv", "three_gp", "flv"]),
    st.just("123456789012"),
)
GUARDS = st.builds(
    lambda text: {"guardContent": {"text": {"text": text, "qualifiers": ["query"]}}}, WORDS
)
HITS = st.builds(
    lambda text, cited: {
        "searchResult": {
            "source": "s",
            "title": "t",
            "content": [{"text": text}],
            "citations": {"enabled": cited},
        }
    },
    WORDS,
    st.booleans(),
)
CITED = st.builds(
    lambda text: {
        "citationsContent": {
            "content": [{"text": text}],
            "citations": [
                {"title": "T", "location": {"documentChar": {"documentIndex": 0, "start": 1}}}
            ],
        }
    },
    WORDS,
)
REASONING = st.builds(
    lambda text: {"reasoningContent": {"reasoningText": {"text": text, "signature": "S"}}}, WORDS
) | st.just({"reasoningContent": {"redactedContent": "UlhV"}})


@st.composite
def documents(draw: st.DrawFn, number: int) -> list[Json]:
    """A document under a name of its own, and a text beside it."""
    document = {
        "format": draw(st.sampled_from(["pdf", "docx", "csv", "md", "txt"])),
        "name": f"file {number}",
        "source": {"bytes": "JVBERi0x"},
    }
    if draw(st.booleans()):
        document["context"] = draw(WORDS)
    return [{"document": document}, {"text": draw(WORDS)}]


@st.composite
def users(draw: st.DrawFn, number: int) -> list[Json]:
    """What a user says in one message."""
    kinds: list[list[Json]] = draw(
        st.lists(
            st.one_of(
                texts(),
                *(st.builds(lambda b: [b], one) for one in (IMAGES, FILMS, GUARDS, HITS)),
            ),
            min_size=1,
            max_size=3,
        )
    )
    if draw(st.booleans()):
        kinds.append(draw(documents(number)))
    return [block for blocks in kinds for block in blocks]


@st.composite
def exchanges(draw: st.DrawFn, number: int) -> list[Json]:
    """A user's message and an answer; calls in it are answered."""
    answer: list[Json] = draw(st.lists(REASONING, max_size=1))
    answer += draw(st.one_of(texts(), st.builds(lambda one: [one], CITED)))
    user = {"role": "user", "content": draw(users(number))}
    count = draw(st.integers(0, 2))
    called = [f"call-{number}.{index}" for index in range(count)]
    answer += [
        {
            "toolUse": {
                "toolUseId": one,
                "name": "f",
                "input": draw(st.dictionaries(NAMES, VALUES, max_size=2)),
            }
        }
        for one in called
    ]
    turns: list[Json] = [user, {"role": "assistant", "content": answer}]
    if called:
        results: list[Json] = [
            {
                "toolResult": {
                    "toolUseId": one,
                    "content": draw(
                        st.lists(st.builds(lambda t: {"text": t}, WORDS) | IMAGES, max_size=2)
                    ),
                    "status": draw(st.sampled_from(["success", "error"])),
                }
            }
            for one in called
        ]
        turns += [
            {"role": "user", "content": results},
            {"role": "assistant", "content": [{"text": "done"}]},
        ]
    return turns


def _limited(draw: st.DrawFn, body: Json) -> None:
    config: Json = {}
    if draw(st.booleans()):
        config["maxTokens"] = draw(st.integers(1, 99))
    if draw(st.booleans()):
        config["temperature"] = draw(st.sampled_from([0, 0.5, 1]))
    if draw(st.booleans()):
        config["topP"] = draw(st.sampled_from([0, 0.5, 1]))
    if draw(st.booleans()):
        config["stopSequences"] = draw(st.lists(WORDS, min_size=1, max_size=2))
    if config:
        body["inferenceConfig"] = config


@st.composite
def requests(draw: st.DrawFn) -> Json:
    """A whole body in the form that the writer has too: see ``docs/design/dialects.md``."""
    count = draw(st.integers(0, 2))
    messages = [turn for number in range(count) for turn in draw(exchanges(number))]
    messages.append({"role": "user", "content": draw(users(count))})
    body: Json = {"messages": messages}
    if draw(st.booleans()):
        body["system"] = [
            block for blocks in draw(st.lists(texts(), min_size=1, max_size=2)) for block in blocks
        ]
    _limited(draw, body)
    spec: Json = {"name": "f", "inputSchema": {"json": {"type": "object", "properties": {}}}}
    if draw(st.booleans()):
        spec["description"] = draw(WORDS)
    tools: list[Json] = [{"toolSpec": spec}, *([POINT] if draw(st.booleans()) else [])]
    body["toolConfig"] = {"tools": tools}
    if draw(st.booleans()):
        body["toolConfig"]["toolChoice"] = draw(
            st.sampled_from([{"auto": {}}, {"any": {}}, {"tool": {"name": "f"}}])
        )
    for name, value in OTHERS.items():
        if draw(st.booleans()):
            body[name] = value
    return body


FORMAT = {
    "type": "json_schema",
    "structure": {
        "jsonSchema": {
            "name": "r",
            "schema": '{"type":"object","properties":{},"additionalProperties":false}',
        }
    },
}
OTHERS: Json = {
    "guardrailConfig": {"guardrailIdentifier": "abc", "guardrailVersion": "1"},
    "additionalModelRequestFields": {"top_k": 40, "thinking": {"type": "enabled"}},
    "additionalModelResponseFieldPaths": ["/stop_sequence"],
    "outputConfig": {"effort": "high", "textFormat": FORMAT},
    "requestMetadata": {"team": "search"},
    "performanceConfig": {"latency": "optimized"},
    "serviceTier": {"type": "flex"},
    "promptVariables": {"name": {"text": "x"}},
}
