"""The coding agent: CodingTask -> patch, as a step machine that waits for nothing itself.

It says what it wants (a clean tree, a draft, a check, a commit) and is given the answer; the flow
that drives it does the IO. Nothing here opens a repository, a sandbox or a database.
"""
