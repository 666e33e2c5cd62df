def helper(): _own()
def _own(): pass
