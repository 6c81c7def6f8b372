"""How good masks are: prompts as a person would give them, scores, and a report."""
