from contextlib import contextmanager
class Lock:
    def __enter__(self): return self
    def __exit__(self, *error): self.free()
    def free(self): pass
    def use(self): pass
class File:
    def read(self): pass
class Opener:
    def __enter__(self): return File()
    def __exit__(self, *error): pass
with Lock() as lock:
    lock.use()
with Opener() as file:
    file.read()
def work():
    lock = Lock()
    with lock:
        pass
work()
