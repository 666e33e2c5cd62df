class Plugin:
    def run(self): pass
    def stop(self): pass
plugin = Plugin()
getattr(plugin, "run")()
name = "stop"
getattr(plugin, name)()
def late(): pass
globals()["late"]()
class Lazy:
    def __getattr__(self, name): return late
Lazy().anything()
