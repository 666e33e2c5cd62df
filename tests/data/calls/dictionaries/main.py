def one(): pass
def two(): pass
def three(): pass
jobs = {"a": one, "b": two}
jobs["a"]()
jobs["c"] = three
jobs["c"]()
for name, job in jobs.items():
    job()
def all_of(table):
    for job in table.values():
        job()
all_of({"x": one, "y": three})
nested = {"outer": {"inner": two}}
nested["outer"]["inner"]()
maker = dict(zip(["a"], [one]))
more = {**{"z": three}}
more["z"]()
chosen = {"k": one}.get("k")
chosen()
made = {key: two for key in "ab"}
made["a"]()
late = {}
late.setdefault("n", three)
late["n"]()
