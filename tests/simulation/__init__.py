"""A whole currency in one process and one thread, with chance and time as inputs."""
