"""Files: CSV, checkpoints, signatures, stored tokens, locks between processes."""
