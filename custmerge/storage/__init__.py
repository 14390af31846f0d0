"""Where data is stored: SQLite or PostgreSQL, files, and the keyring."""
