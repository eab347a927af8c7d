"""Amazon Bedrock: the models of many makers behind one API of AWS."""

from __future__ import annotations

from magicgateway.conversation.capabilities import Capabilities, ClaudeAbilities
from magicgateway.providers import envelopes
from magicgateway.providers.row import (
    ANTHROPIC_MESSAGES,
    AWS,
    BEDROCK_CONVERSE,
    BEDROCK_EMBEDDINGS,
    BEDROCK_MODELS,
    BEDROCK_TOKENS,
    Operation,
    ProviderRow,
)
from magicgateway.providers.rows.quirks import CHECKED, notes

_DOCS = "https://docs.aws.amazon.com/bedrock/latest/APIReference/welcome.html"
_PROFILES = "https://docs.aws.amazon.com/bedrock/latest/userguide/inference-profiles-support.html"


def _operation(dialect: str, envelope: envelopes.Envelope) -> Operation:
    return Operation(envelope.path, (dialect,), envelope)


BEDROCK = ProviderRow(
    name="bedrock",
    title="Amazon Bedrock",
    base_url="https://bedrock-runtime.{region}.amazonaws.com",
    dialect="converse",
    operations={
        "chat/completions": _operation(BEDROCK_CONVERSE, envelopes.CONVERSE),
        "embeddings": _operation(BEDROCK_EMBEDDINGS, envelopes.INVOKE_EMBEDDINGS),
        "messages": _operation(ANTHROPIC_MESSAGES, envelopes.INVOKE_CLAUDE),
        "messages/count_tokens": _operation(BEDROCK_TOKENS, envelopes.COUNT_CONVERSE),
        "models": _operation(BEDROCK_MODELS, envelopes.LIST_MODELS),
        "responses": _operation(BEDROCK_CONVERSE, envelopes.CONVERSE),
    },
    order=(BEDROCK_CONVERSE, ANTHROPIC_MESSAGES),
    # Converse and Claude take bytes, or what lies in S3, and fetch nothing.
    abilities=Capabilities(
        image_urls=False,
        document_urls=False,
        claude=ClaudeAbilities(hosted_tools=frozenset()),
    ),
    auth=AWS,
    environment=(
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "AWS_BEARER_TOKEN_BEDROCK",
    ),
    aliases=("aws", "aws-bedrock", "aws_bedrock", "amazon-bedrock", "amazon_bedrock"),
    request_headers=("anthropic-beta",),
    response_headers=("x-amzn-bedrock-*", "x-amzn-errortype", "x-amzn-requestid"),
    slashed_models=False,
    quirks=(
        *notes(
            {
                "messages": "models of Anthropic get their own API's bodies, by InvokeModel; all"
                " others Converse",
                "200": "an answer to an unknown operation, with its __type in the body",
                "ThrottlingException": "comes without retry-after",
            },
            source=_DOCS,
        ),
        *notes(
            {
                "model": "newer ones exist only behind an inference profile, whose id begins with"
                " us., eu., global. or the like"
            },
            source=_PROFILES,
        ),
    ),
    source=_DOCS,
    checked=CHECKED,
)
