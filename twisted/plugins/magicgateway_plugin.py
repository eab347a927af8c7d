"""Makes ``twistd magicgateway`` known; everything else happens in ``magicgateway.tap``."""

from twisted.application.service import ServiceMaker

magicgateway = ServiceMaker(
    "MagicGateway",
    "magicgateway.tap",
    "One address in front of every LLM provider.",
    "magicgateway",
)
