def f(): pass
alias = f
alias()
def outer():
    def f(): pass
    f()
outer()
def shadow(f): f()
def g(): pass
shadow(g)
def closure():
    hidden = g
    def inner(): hidden()
    return inner
closure()()
counter = None
def install():
    global counter
    counter = f
def use(): counter()
install()
use()
def changing():
    task = f
    def change():
        nonlocal task
        task = g
    change()
    task()
changing()
def default(task=g): task()
default()
