"""How fast the gateway is, beside nginx and a plain Klein + treq proxy: ``python -m bench``."""
