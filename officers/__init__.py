"""Officers and their acts: who they are, and that each act takes two of them. Both tiers use it."""
