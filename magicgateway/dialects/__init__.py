"""The API languages that callers and providers speak: today their error bodies, one module each."""
