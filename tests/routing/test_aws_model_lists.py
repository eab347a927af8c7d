"""AWS's lists of models."""

from __future__ import annotations

import json
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.routing.aws_model_lists import read_foundation_models, read_profiles
from magicgateway.routing.model_lists import Listed

ARN = "arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-x"
OWN = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc"


def model(name: Any, *types: str, **more: Any) -> dict[str, Any]:
    return {"modelId": name, "inferenceTypesSupported": list(types), **more}


def profile(name: str, status: str = "ACTIVE", **more: Any) -> dict[str, Any]:
    return {
        "inferenceProfileId": name,
        "inferenceProfileName": "A name",
        "status": status,
        "type": "SYSTEM_DEFINED",
        "models": [{"modelArn": ARN}],
        **more,
    }


class ModelTests(SynchronousTestCase):
    def test_on_demand(self) -> None:
        """Only models that can be asked for by their own ids."""
        summaries = [
            model("amazon.nova", "ON_DEMAND", "PROVISIONED", modelName="Nova"),
            model("meta.llama", "PROVISIONED"),
            model("anthropic.new", "INFERENCE_PROFILE"),
            model(5, "ON_DEMAND"),
            {"modelId": "without"},
            "none",
        ]
        body = json.dumps({"modelSummaries": summaries}).encode()
        self.assertEqual([Listed("amazon.nova", "amazon", 0, "Nova")], read_foundation_models(body))

    def test_no_list(self) -> None:
        """Anything else is none."""
        for body in (b"{", b"[]", b"{}", b'{"modelSummaries":5}'):
            self.assertRaises(ValueError, read_foundation_models, body)
            self.assertRaises(ValueError, read_profiles, body)


class ProfileTests(SynchronousTestCase):
    def test_active(self) -> None:
        """Active ones by their ids, an account's own by their ARNs; the next page's token."""
        own = profile("abc", type="APPLICATION", inferenceProfileArn=OWN)
        summaries = [
            profile("us.anthropic.claude-x"),
            profile("eu.anthropic.claude-x", "INACTIVE"),
            own,
            profile("strange", models=[]),
            profile("stranger", models=["x"]),
            profile("", inferenceProfileId=5),
        ]
        body = json.dumps({"inferenceProfileSummaries": summaries, "nextToken": "t"}).encode()
        found, token = read_profiles(body)
        self.assertEqual(
            [
                Listed("us.anthropic.claude-x", "anthropic", 0, "A name"),
                Listed(OWN, "anthropic", 0, "A name"),
                Listed("strange", "", 0, "A name"),
                Listed("stranger", "", 0, "A name"),
            ],
            found,
        )
        self.assertEqual("t", token)

    def test_last_page(self) -> None:
        """The last page has no token."""
        self.assertEqual(([], ""), read_profiles(b'{"inferenceProfileSummaries":[]}'))
