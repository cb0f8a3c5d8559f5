"""The registration centre: it settles between banks, writes the feed and clears offline money."""
