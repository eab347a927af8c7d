"""The project's tests. How long an example takes says nothing on a machine that does other work."""

from hypothesis import HealthCheck, settings

from tests import judging

settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")
judging.install()
