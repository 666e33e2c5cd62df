"""Repositories on this host: mirrors, worktrees, refs, merges; the only package that runs git.

Nothing here knows about models, tasks' states or the database, and nothing runs code of a target.
"""
