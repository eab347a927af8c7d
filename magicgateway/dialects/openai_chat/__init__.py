"""OpenAI chat completions; completions and embeddings speak its errors and count like it."""
