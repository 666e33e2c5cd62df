"""Plan to TaskBundle: paths, call graph, split, order, complexity and impacted tests.

Deterministic and without a model. Reads a tree through its index; sends nothing.
"""
