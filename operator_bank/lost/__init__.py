"""What was lost with a newer copy of the database: taken up from the feed, and settled."""
