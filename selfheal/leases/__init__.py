"""Symbol leases (SRM): which plan may change which symbol, as rows in PostgreSQL.

Functions take an open connection; transactions belong to the caller and are short. Nothing here
waits for a lease, talks to a broker or reads a repository.
"""
