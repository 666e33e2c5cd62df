"""Fix templates by family: where on the tree a slip may sit and which text would undo it.

Pure: a syntax node in, text changes out. Nothing here runs code or knows of tests.
"""
