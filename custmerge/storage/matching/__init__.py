"""Finding duplicates in the database: by the key of the identity, and by the fuzzy model."""
