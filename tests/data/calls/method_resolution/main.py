class Root:
    def __init__(self): pass
    def act(self): pass
    def hook(self): pass
    def run(self): self.hook()
class Left(Root):
    def act(self): super().act()
class Right(Root):
    def act(self): super().act()
class Bottom(Left, Right):
    def hook(self): pass
Bottom().run()
Left().act()
class Mixin:
    def mixed(self): self.needed()
class Needs(Mixin):
    def needed(self): pass
Needs().mixed()
class Grand(Bottom):
    def run(self):
        super().run()
        Root.run(self)
Grand().run()
Bottom().act()
Root().run()
