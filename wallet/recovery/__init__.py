"""What is left when a home is lost: a phrase on paper, and a backup."""
