"""The analysis centre: how money flows between banks."""
