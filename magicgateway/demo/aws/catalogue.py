"""The control plane: which models and inference profiles there are."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, unquote

from magicgateway.demo.aws.refusals import AwsRefusal, invalid
from magicgateway.demo.call import Answer, Call, json_answer

_REGION = "us-east-1"
_ACCOUNT = "123456789012"
_MAX_PAGE = 1000
_PAGE_SIZE = 2
"""Profiles on a page when the caller does not say; small, so that pages are seen to be followed."""

_HAIKU = "anthropic.claude-haiku-4-5-20251001-v1:0"
MODELS = (
    ("anthropic.claude-3-haiku-20240307-v1:0", "Claude 3 Haiku", ("ON_DEMAND",), "LEGACY"),
    (_HAIKU, "Claude Haiku 4.5", ("INFERENCE_PROFILE",), "ACTIVE"),
    ("amazon.nova-lite-v1:0", "Nova Lite", ("ON_DEMAND", "INFERENCE_PROFILE"), "ACTIVE"),
    ("amazon.titan-embed-text-v2:0", "Titan Text Embeddings V2", ("ON_DEMAND",), "ACTIVE"),
    ("cohere.embed-english-v3", "Embed English", ("ON_DEMAND",), "ACTIVE"),
    ("meta.llama3-8b-instruct-v1:0", "Llama 3 8B Instruct", ("PROVISIONED",), "ACTIVE"),
)  # fmt: skip
PROFILES = (
    ("us." + _HAIKU, "US Claude Haiku 4.5", "ACTIVE", "SYSTEM_DEFINED"),
    ("us.amazon.nova-lite-v1:0", "US Nova Lite", "ACTIVE", "SYSTEM_DEFINED"),
    ("eu.amazon.nova-lite-v1:0", "EU Nova Lite", "INACTIVE", "SYSTEM_DEFINED"),
    ("demo1234profile", "Our Claude", "ACTIVE", "APPLICATION"),
)  # fmt: skip


def foundation_models(call: Call) -> Answer:
    """``GET /foundation-models``."""
    query = _query(call)
    models = [_model(*model) for model in MODELS]
    if provider := query.get("byProvider"):
        models = [model for model in models if model["providerName"].lower() == provider.lower()]
    if kind := query.get("byInferenceType"):
        models = [model for model in models if kind in model["inferenceTypesSupported"]]
    if output := query.get("byOutputModality"):
        models = [model for model in models if output in model["outputModalities"]]
    return json_answer({"modelSummaries": models})


def inference_profiles(call: Call) -> Answer:
    """``GET /inference-profiles``, in pages."""
    query = _query(call)
    kind = query.get("type") or query.get("typeEquals")
    profiles = [_profile(*profile) for profile in PROFILES if kind in (None, profile[3])]
    first, size = query.get("nextToken", "0"), query.get("maxResults", str(_PAGE_SIZE))
    if not first.isdecimal() or not size.isdecimal() or not 1 <= int(size) <= _MAX_PAGE:
        raise invalid("1 validation error detected: maxResults or nextToken is invalid.")
    # However much is asked for, more than a page comes in pages.
    end = int(first) + min(int(size), _PAGE_SIZE)
    value: dict[str, Any] = {"inferenceProfileSummaries": profiles[int(first) : end]}
    if end < len(profiles):
        value["nextToken"] = str(end)
    return json_answer(value)


def one_profile(_: Call, name: str) -> Answer:
    """``GET /inference-profiles/{id or ARN}``."""
    wanted = unquote(name).rpartition("/")[2]
    for profile in PROFILES:
        if profile[0] == wanted:
            return json_answer(_profile(*profile))
    raise AwsRefusal(404, "ResourceNotFoundException", f"No profile {wanted}.")


def _query(call: Call) -> dict[str, str]:
    return {name: values[-1] for name, values in parse_qs(call.target.partition("?")[2]).items()}


def _model(name: str, title: str, types: tuple[str, ...], status: str) -> dict[str, Any]:
    embeds = "embed" in name
    return {
        "modelArn": f"arn:aws:bedrock:{_REGION}::foundation-model/{name}",
        "modelId": name,
        "modelName": title,
        "providerName": name.partition(".")[0].capitalize(),
        "inputModalities": ["TEXT"] if embeds else ["TEXT", "IMAGE"],
        "outputModalities": ["EMBEDDING"] if embeds else ["TEXT"],
        "responseStreamingSupported": not embeds,
        "customizationsSupported": [],
        "inferenceTypesSupported": list(types),
        "modelLifecycle": {"status": status},
    }


def _profile(name: str, title: str, status: str, kind: str) -> dict[str, Any]:
    own = kind == "APPLICATION"
    word = "application-inference-profile" if own else "inference-profile"
    model = MODELS[1][0] if own else name.partition(".")[2]
    return {
        "inferenceProfileId": name,
        "inferenceProfileArn": f"arn:aws:bedrock:{_REGION}:{_ACCOUNT}:{word}/{name}",
        "inferenceProfileName": title,
        "status": status,
        "type": kind,
        "models": [{"modelArn": f"arn:aws:bedrock:{_REGION}::foundation-model/{model}"}],
    }
