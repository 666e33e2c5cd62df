"""The servers a farm needs when none is configured: PostgreSQL and Valkey, started in a run folder.

Here live the run folder, its owner lock, the finding, starting and stopping of the two servers.
What is stored in them does not: no table, queue or key of the farm is known here.
"""
