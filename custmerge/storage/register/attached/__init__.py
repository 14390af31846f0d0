"""A host's tables as the register, by a mapping; and the rows that follow its customers."""
