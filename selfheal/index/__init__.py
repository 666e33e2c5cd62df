"""What is known of a repository, kept by git blob: what was read once is not read again.

A `Snapshot` is the files of one commit; a `BlobStore` keeps what was derived from each of them.
"""
