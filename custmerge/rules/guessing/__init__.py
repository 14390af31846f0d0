"""Guesses of a mapping from a host's catalogue and samples of its values, the same rules for every schema."""
