"""Texts cut into pieces, for what has to work wherever a provider cuts."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import strategies as st


@st.composite
def cuttings(draw: st.DrawFn, texts: st.SearchStrategy[str]) -> list[str]:
    """Pieces of a text, none empty."""
    text = draw(texts)
    places = sorted(draw(st.sets(st.integers(1, len(text) - 1)))) if len(text) > 1 else []
    return [text[a:b] for a, b in pairwise([0, *places, len(text)])] if text else []
