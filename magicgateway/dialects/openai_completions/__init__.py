"""OpenAI's legacy completions, as a door to providers that only chat."""
