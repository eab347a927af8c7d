"""Settings: read from TOML and the environment, checked, frozen."""
