"""Makes copies of parties' databases, keys and settings while they run, and puts them back."""
