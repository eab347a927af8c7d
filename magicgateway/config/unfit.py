"""A value that does not fit its setting, before it is known where it was written."""

from __future__ import annotations

from attrs import frozen

from magicgateway.errors import ConfigError


class Unfit(Exception):
    """What is wrong with a value and what to do, a phrase that never repeats the value."""


@frozen
class Origin:
    """Where a setting was written, for people."""

    source: str
    """A file's path, ``environment``, ``.env`` or ``command line``."""
    name: str = ""
    """The variable or the option, where the setting's own key does not stand there."""

    def error(self, message: str, key: str) -> ConfigError:
        """The error about a setting that was written here.

        Args:
            message: What is wrong and what to do.
            key: The setting's dotted name.
        """
        said = f"{message} (given by {self.name})" if self.name else message
        return ConfigError(said, source=self.source, key=key)
