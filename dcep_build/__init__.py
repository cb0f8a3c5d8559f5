"""How the project is built and looked at; nothing of it is installed."""
