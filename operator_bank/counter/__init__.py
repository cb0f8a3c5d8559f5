"""The counter: who was there, what turned out false, and who looked at whom."""
