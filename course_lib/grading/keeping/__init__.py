"""The ledger: what came in, every attempt, what instructors decided. Nothing is overwritten."""
