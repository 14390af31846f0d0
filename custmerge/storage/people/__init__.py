"""Staff, service tokens, sessions, proofs, and wrong tries."""
