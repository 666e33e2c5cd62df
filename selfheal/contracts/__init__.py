"""Every message and its fields: frozen values, JSON on the wire, nothing that acts.

One module per document of the pipeline; `names` holds the fixed strings that cross processes.
"""
