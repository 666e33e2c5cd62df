def left(): pass
def right(): pass
def both(a, b, *, c=left):
    a()
    b()
    c()
both(b=left, a=right)
def forward(**options): both(**options)
forward(a=left, b=right)
class Settings:
    def __init__(self, on_start=None): self.on_start = on_start
    def begin(self): self.on_start()
Settings(on_start=left).begin()
