"""The central bank's feed: verified, applied in order, once each."""
