"""How foundation models are compared: battles, ratings, judges, agreement, intervals (DESIGN, section 6)."""
