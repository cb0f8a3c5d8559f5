"""What double spends of broken devices cost, with the real token code."""
