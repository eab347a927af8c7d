"""The hub: what a request, a reply and a stream say, in no provider's words."""
