"""Asking botocore's chain for the AWS credential that this machine has. It blocks."""

from __future__ import annotations

import logging
from collections.abc import Callable

from attrs import frozen

from magicgateway.errors import ApiError, ConfigError, UpstreamError
from magicgateway.providers import signing
from magicgateway.providers.aws_credentials import AwsCredential, aws_credential

_REASON = 300
"""Characters of somebody else's error."""


@frozen
class AwsIdentity:
    """What the chain has found."""

    credential: AwsCredential
    region: str
    """Of the profile, or of ``AWS_DEFAULT_REGION``; empty if neither says one."""
    source: str
    """What botocore calls the step that found it, for people."""


@frozen
class Found:
    """An identity, and whether it ends within so many seconds; asking that costs no I/O."""

    identity: AwsIdentity
    ends_within: Callable[[float], bool]


def find_identity(profile: str | None = None) -> Found:
    """Ask botocore's chain. It blocks for as long as files, programs and services take.

    A new session is made every time, so that nothing that has changed since is overlooked.

    Args:
        profile: Of AWS's configuration files; None: as ``AWS_PROFILE`` says.

    Raises:
        ApiError: 401 ``missing_credential``: no step of the chain has one.
        UpstreamError: 502 ``credential_unavailable``: a step that should have one fails.
    """
    signing.load()
    # At debug level it logs what services answer, and those answers are credentials.
    logger = logging.getLogger("botocore")
    logger.setLevel(max(logger.level, logging.INFO))
    try:
        return _ask(profile)
    except ApiError:
        raise
    except Exception as error:  # noqa: BLE001 - the errors of a dozen libraries end here
        raise unavailable(_reason(error)) from None


def _ask(profile: str | None) -> Found:
    from botocore.session import Session  # noqa: PLC0415 - only when AWS is used

    session = Session(profile=profile)
    if {"mfa_serial", "role_arn"} <= session.get_scoped_config().keys():
        raise unavailable("the profile asks for a one-time code, which nobody can type in here")
    credentials = session.get_credentials()
    if credentials is None:
        raise ApiError(
            401,
            "missing_credential",
            "No AWS credentials found: send x-aws-access-key-id and x-aws-secret-access-key, or a"
            " Bedrock API key as Authorization: Bearer ..., or let the operator set up some where"
            " the gateway runs.",
        )
    keys = credentials.get_frozen_credentials()
    return Found(
        AwsIdentity(
            aws_credential(keys.access_key, keys.secret_key, keys.token),
            session.get_config_variable("region") or "",
            credentials.method,
        ),
        # Only credentials that end can be asked when.
        getattr(credentials, "refresh_needed", lambda _: False),
    )


def _reason(error: Exception) -> str:
    """What went wrong, in one line for the log."""
    if isinstance(error, ConfigError):
        return error.message
    if getattr(error, "kwargs", {}).get("provider") == "custom-process":
        # What that program says on standard error may be anything.
        return "the profile's credential_process failed"
    return f"{type(error).__name__}: {' '.join(str(error).split())[:_REASON]}"


def unavailable(detail: str) -> UpstreamError:
    """The error of a chain that should have a credential and gives none.

    Args:
        detail: What is wrong, for the log.
    """
    return UpstreamError(
        502,
        "credential_unavailable",
        f"The gateway's own AWS credential could not be had; {_REMEDY}",
        outcome="unreachable",
        detail=f"AWS credential chain: {detail}",
    )


def too_slow(seconds: float) -> UpstreamError:
    """The error of a chain that takes longer than anybody waits."""
    return UpstreamError(
        504,
        "credential_unavailable",
        f"The gateway's own AWS credential did not come within {seconds:g} s; {_REMEDY}",
        outcome="timeout",
        detail=f"AWS credential chain: no answer within {seconds:g} s",
    )


_REMEDY = (
    "its log says more. Send your own (x-aws-access-key-id and x-aws-secret-access-key), or try"
    " again in a few seconds."
)
