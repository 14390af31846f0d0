"""Values → JSON, CSV and what monitoring systems read (contract §4)."""
