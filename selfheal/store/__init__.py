"""The farm's state in PostgreSQL: tables, migrations, and the statements of each table.

Functions take an open connection, so that the flow that calls them shows its transactions. Nothing
here knows Celery, git or a sandbox, and nothing is kept open across a subprocess.
"""
