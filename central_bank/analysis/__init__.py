"""The analysis centre: what the flows look like."""
