"""Officers and their acts: who they are, and that each act takes two. Both tiers use it."""
