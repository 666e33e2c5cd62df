class Engine:
    def __init__(self): self.reset()
    def reset(self): pass
    def start(self): return self
    def stop(self): pass
class Car:
    def __init__(self, engine):
        self.engine = engine
        self.hooks = []
    def drive(self):
        self.engine.start().stop()
        self.check()
    def check(self): pass
    def on_end(self, hook): self.hooks.append(hook)
    def end(self):
        for hook in self.hooks:
            hook()
    @property
    def speed(self): return self.measure()
    def measure(self): return 1
    @classmethod
    def make(cls): return cls(Engine())
    @staticmethod
    def horn(sound): sound()
    def __call__(self): self.check()
def beep(): pass
car = Car.make()
car.drive()
car.speed
Car.horn(beep)
car.horn(beep)
car.on_end(beep)
car.end()
car()
Car.check(car)
method = car.measure
method()
getattr(car, "check")()
type(car)(Engine()).check()
class Counter:
    made = Engine()
    def count(self): self.made.reset()
Counter().count()
class Holder:
    class Inner:
        def act(self): pass
    def __init__(self): self.inner = Holder.Inner()
Holder().inner.act()
