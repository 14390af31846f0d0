"""Where it is kept: SQLite or PostgreSQL, and the keyring."""
