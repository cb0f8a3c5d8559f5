"""The command line: commands, what they print, and the texts of refusals."""
