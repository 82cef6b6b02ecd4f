"""Published tables and verdicts, and what can be checked in them."""
