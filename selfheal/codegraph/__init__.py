"""Pure code intelligence: source text in, facts out (definitions, a call graph, impacted tests).

No files, no git, no network here: callers bring the text through a `SourceTree`.
"""
