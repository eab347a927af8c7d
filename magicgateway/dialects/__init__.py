"""The API languages that callers and providers speak, one package each."""
