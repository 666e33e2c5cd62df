def closer(): pass
