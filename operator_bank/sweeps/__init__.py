"""Sweeps: what payments bring over a level goes on to the holder's deposit account."""
