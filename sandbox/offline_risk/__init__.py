"""What broken devices cost: offline money simulated with the code that signs and verifies it."""
