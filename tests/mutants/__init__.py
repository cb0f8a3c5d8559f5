"""Changes one operator, comparison or constant of the code at a time: some test has to notice.

Cosmic Ray says what may be changed and how; see `[tool.mutants]` in pyproject.toml for what is
changed and which tests have to notice, and survivors.toml for the changes that nobody can tell.
"""
