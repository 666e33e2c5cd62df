def old(): pass
def new(): pass
task = old
task()
task = new
def later(): task()
later()
jobs = {"a": old}
jobs["a"] = new
jobs["a"]()
def local():
    job = old
    job = new
    job()
local()
class Switch:
    def __init__(self): self.state = self.off
    def off(self): self.state = self.on
    def on(self): pass
    def press(self): self.state()
switch = Switch()
switch.press()
switch.press()
