"""A study on paper: its configuration, the grid of models, what each costs. Never imports torch.

In: the configuration. Out: recipes by name, resources of jobs, a check of finished files. Uses
`base`, `files` and the registry of `datasets`.
"""
