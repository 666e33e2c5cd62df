"""What `benchmarks/farm.py` measures, one figure or two per module.

Only that script and `benchmarks/scaling.py` import these; selfheal knows nothing of them.
"""
