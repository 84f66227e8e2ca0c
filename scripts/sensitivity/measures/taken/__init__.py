"""A module a measure: its function `measure` takes a `Measurement` and returns arrays by name.

The rows of the table in `study/measures.py` name these modules; `scripts/measure.py` loads those
that a job asks for. What a measure's result depends on, its code included, are its sources.
"""
