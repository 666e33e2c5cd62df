"""One use case per module, under the names of the tasks: what a task body calls.

Here transactions begin and end, and here the agents' plans and edits meet git, sandbox and store.
"""
